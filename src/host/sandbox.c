/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/sandbox.h"

#include <asm/ioctls.h>
#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Newer than the headers of Debian 12. */
#define FS_TRUNCATE (1ull << 14) /* version 3 */
#define FS_IOCTL    (1ull << 15) /* version 5 */
#define FS_VERSION1 ((1ull << 13) - 1)
#define FS_REFER    (1ull << 13) /* version 2 */
#define NET_TCP     3ull         /* version 4: bind and connect */

/* The reports of sanitizers need files and calls that nothing else does. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED true
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

enum {
	DESCRIPTORS_MAX = 1 << 16 /* that are looked at */
};

struct ruleset {
	uint64_t fs;
	uint64_t net;
};

/* ---- Landlock ---- */

static struct ruleset handled(long version)
{
	struct ruleset rules = {.fs = FS_VERSION1};

	if (version >= 2)
		rules.fs |= FS_REFER;
	if (version >= 3)
		rules.fs |= FS_TRUNCATE;
	if (version >= 4)
		rules.net = NET_TCP;
	if (version >= 5)
		rules.fs |= FS_IOCTL;
	return rules;
}

static int allow_directory(int ruleset, int directory, uint64_t known)
{
	const uint64_t wanted = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REMOVE_FILE | FS_TRUNCATE;
	struct landlock_path_beneath_attr rule = {.allowed_access = wanted & known, .parent_fd = directory};

	return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) ? -errno : 0;
}

/* 0; 1: the kernel has none; or -errno. */
static int restrict_files(const int *directories, unsigned int count)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct ruleset rules;
	int ruleset, rc = 0;

	if (version < 1)
		return 1;
	rules = handled(version);
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &rules, version >= 4 ? sizeof rules : sizeof rules.fs, 0);
	if (ruleset < 0)
		return -errno;
	for (unsigned int i = 0; i < count && !rc; i++)
		rc = allow_directory(ruleset, directories[i], rules.fs);
	if (!rc && syscall(SYS_landlock_restrict_self, ruleset, 0))
		rc = -errno;
	close(ruleset);
	return rc;
}

/* ---- capabilities ---- */

/* Whether this user may make files there without CAP_DAC_OVERRIDE; groups are not looked at. */
static bool may_write(int directory)
{
	struct stat stat;

	if (fstat(directory, &stat))
		return true;
	if (stat.st_uid == geteuid())
		return (stat.st_mode & 0300) == 0300;
	return (stat.st_mode & 0003) == 0003 && !(stat.st_mode & S_ISVTX);
}

static int drop_capabilities(bool keep_override, bool keep_raw)
{
	capng_clear(CAPNG_SELECT_BOTH);
	if (keep_override)
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_DAC_OVERRIDE);
	if (keep_raw)
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_RAW);
	/* Who cannot change the bounding set has nothing to lose there: no_new_privs stands before it. */
	if (capng_apply(CAPNG_SELECT_CAPS))
		return -EPERM;
	return 0;
}

/* ---- seccomp ---- */

/* What recording, readers, signals and memory need. Sockets and processes are not made any more. */
static const int calls[] = {
	SCMP_SYS(read),
	SCMP_SYS(readv),
	SCMP_SYS(pread64),
	SCMP_SYS(write),
	SCMP_SYS(writev),
	SCMP_SYS(pwrite64),
	SCMP_SYS(lseek),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(recvmsg),
	SCMP_SYS(recvmmsg),
	SCMP_SYS(recvfrom),
	SCMP_SYS(accept4),
	SCMP_SYS(getsockopt),
	SCMP_SYS(getsockname),
	SCMP_SYS(close),
	SCMP_SYS(fstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(unlinkat),
	SCMP_SYS(ftruncate),
	SCMP_SYS(fsync),
	SCMP_SYS(fdatasync),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(brk),
	SCMP_SYS(madvise),
	SCMP_SYS(futex),
	SCMP_SYS(sched_yield),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(getrandom),
	SCMP_SYS(uname),
	SCMP_SYS(wait4),
	SCMP_SYS(waitid),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(timerfd_settime),
};

/* Those that could reach others, for what they are needed for and nothing else. */
static const struct {
	int call;
	struct scmp_arg_cmp argument;
} calls_for[] = {
	/* Counters in maps are read, and sessions told to the programs, and taken back; and a terminal is recognised. */
	{SCMP_SYS(bpf), SCMP_A0(SCMP_CMP_EQ, BPF_MAP_UPDATE_ELEM, 0)},
	{SCMP_SYS(bpf), SCMP_A0(SCMP_CMP_EQ, BPF_MAP_DELETE_ELEM, 0)},
	{SCMP_SYS(bpf), SCMP_A0(SCMP_CMP_EQ, BPF_MAP_LOOKUP_ELEM, 0)},
	{SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_EQ, TCGETS, 0)},
	/* To readers that have connected, and not to addresses, as the sockets that receive could. */
	{SCMP_SYS(sendto), SCMP_A4(SCMP_CMP_EQ, 0, 0)},
	/* Not whom to send signals to. */
	{SCMP_SYS(fcntl), SCMP_A1(SCMP_CMP_EQ, F_GETFL, 0)},
	{SCMP_SYS(fcntl), SCMP_A1(SCMP_CMP_EQ, F_SETFL, 0)},
	{SCMP_SYS(fcntl), SCMP_A1(SCMP_CMP_EQ, F_GETFD, 0)},
	{SCMP_SYS(fcntl), SCMP_A1(SCMP_CMP_EQ, F_SETFD, 0)},
	/* No file that lends its owner's rights; into what openat2() is given no filter can look, see restrict_calls(). */
	{SCMP_SYS(openat), SCMP_A3(SCMP_CMP_MASKED_EQ, S_ISUID | S_ISGID, 0)},
	/* No code but what is there. */
	{SCMP_SYS(mmap), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)},
	{SCMP_SYS(mprotect), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)},
};

/* Of what is open: frames leave by packet sockets, which find their interface again; and about interfaces the kernel is asked. */
static const struct {
	int family;
	int call;
} calls_through[] = {
	{AF_PACKET, SCMP_SYS(sendmmsg)},
	{AF_PACKET, SCMP_SYS(bind)},
	{AF_NETLINK, SCMP_SYS(sendmsg)},
};

static int family_of(int fd)
{
	int family = AF_UNSPEC;
	socklen_t len = sizeof family;

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &len) ? AF_UNSPEC : family;
}

static int allow_sockets(scmp_filter_ctx filter)
{
	struct rlimit files = {.rlim_cur = DESCRIPTORS_MAX};
	int rc = 0;

	getrlimit(RLIMIT_NOFILE, &files);
	for (int fd = 0; fd < DESCRIPTORS_MAX && (rlim_t)fd < files.rlim_cur; fd++) {
		const struct scmp_arg_cmp through = SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)fd, 0);
		const int family = family_of(fd);

		for (size_t i = 0; i < sizeof calls_through / sizeof calls_through[0] && !rc; i++)
			if (calls_through[i].family == family)
				rc = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, calls_through[i].call, 1, &through);
	}
	return rc;
}

/* 0; 1: the kernel has none; or -errno. */
static int restrict_calls(void)
{
	const struct scmp_arg_cmp own = SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0);
	const struct scmp_arg_cmp keep_alive[] = {SCMP_A1(SCMP_CMP_EQ, SOL_SOCKET, 0), SCMP_A2(SCMP_CMP_EQ, SO_KEEPALIVE, 0)};
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int rc = filter ? 0 : -ENOMEM;

	for (size_t i = 0; i < sizeof calls / sizeof calls[0] && !rc; i++)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
	for (size_t i = 0; i < sizeof calls_for / sizeof calls_for[0] && !rc; i++)
		rc = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, calls_for[i].call, 1, &calls_for[i].argument);
	/* Who calls it must know that there is another way. */
	if (!rc)
		rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(openat2), 0);
	if (!rc)
		rc = allow_sockets(filter);
	if (!rc)
		rc = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(setsockopt), 2, keep_alive);
	/* abort() */
	if (!rc)
		rc = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, &own);
	if (!rc)
		rc = seccomp_load(filter);
	if (filter)
		seccomp_release(filter);
	return rc == -EINVAL || rc == -ENOSYS ? 1 : rc;
}

int sandbox_enter(const struct sandbox_needs *needs, const char **text, struct error *error)
{
	static const char *const kept[2][2] = {{"no capabilities", "no capability but NET_RAW"},
					       {"no capability but DAC_OVERRIDE", "no capabilities but DAC_OVERRIDE and NET_RAW"}};
	static char done[128];
	bool keep_override = false;
	int files, system_calls;

	for (unsigned int i = 0; i < needs->directory_count; i++)
		keep_override = keep_override || !may_write(needs->directories[i]);
	tzset(); /* reads a file, once */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return fail(error, errno, "privileges: cannot be given up for good: %s", strerror(errno));
	if (drop_capabilities(keep_override, needs->marks))
		return fail(error, EPERM, "privileges: capabilities cannot be dropped");
	files = SANITIZED ? 1 : restrict_files(needs->directories, needs->directory_count);
	if (files < 0)
		return fail(error, -files, "privileges: Landlock: %s", strerror(-files));
	system_calls = SANITIZED ? 1 : restrict_calls();
	if (system_calls < 0)
		return fail(error, -system_calls, "privileges: seccomp: %s", strerror(-system_calls));
	snprintf(done, sizeof done, "%s, %s, %s", kept[keep_override][needs->marks], files ? "no Landlock here" : "Landlock",
		 system_calls ? "no seccomp here" : "seccomp");
	*text = done;
	return 0;
}
