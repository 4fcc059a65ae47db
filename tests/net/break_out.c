/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * To be preloaded: once a program has loaded its seccomp filter, tries what it should not be able to do any more, and says what of it was
 * not denied. With $BREAK_OUT_FREE it does so at once, to show that all of it can be done otherwise. Files are made and removed in the
 * directory $BREAK_OUT; in $BREAK_OUT_RECORDINGS the program may make some, but not any.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

void seccomp_release(void *filter);

static void attempt(const char *what, long rc)
{
	if (rc >= 0 || (errno != EPERM && errno != EACCES))
		dprintf(STDERR_FILENO, " %s", what);
}

/* A socket that was opened before, if there is one. */
static int datagram_socket(void)
{
	for (int fd = 0; fd < 64; fd++) {
		int type = 0;
		socklen_t len = sizeof type;

		if (!getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) && type == SOCK_DGRAM)
			return fd;
	}
	return socket(AF_INET, SOCK_DGRAM, 0);
}

static void attempt_files(const char *directory)
{
	char path[256];

	attempt("read", open("/etc/passwd", O_RDONLY));
	attempt("memory", open("/proc/self/mem", O_RDWR));
	snprintf(path, sizeof path, "%s/made", directory);
	attempt("create", open(path, O_WRONLY | O_CREAT, 0600));
	snprintf(path, sizeof path, "%s/victim", directory);
	attempt("write", open(path, O_WRONLY));
	attempt("truncate", syscall(SYS_truncate, path, 0));
	attempt("unlink", syscall(SYS_unlinkat, AT_FDCWD, path, 0));
	snprintf(path, sizeof path, "%s/directory", directory);
	attempt("mkdir", syscall(SYS_mkdirat, AT_FDCWD, path, 0700));
}

static void attempt_recordings(const char *directory)
{
	char path[256];

	snprintf(path, sizeof path, "%s/suid", directory);
	attempt("suid", open(path, O_WRONLY | O_CREAT, 04600));
	snprintf(path, sizeof path, "%s/sgid", directory);
	attempt("sgid", open(path, O_WRONLY | O_CREAT, 02600));
}

static void attempt_network(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct iovec iov = {(void *)"", 1};
	struct msghdr message = {.msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &iov, .msg_iovlen = 1};
	const int mark = 1, fd = datagram_socket();

	attempt("sendto", sendto(fd, "", 1, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof to));
	attempt("sendmsg", sendmsg(fd, &message, MSG_DONTWAIT));
	attempt("connect", connect(fd, (struct sockaddr *)&to, sizeof to));
	attempt("mark", setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark));
	attempt("inet", socket(AF_INET, SOCK_STREAM, 0));
	attempt("unix", socket(AF_UNIX, SOCK_STREAM, 0));
	attempt("packet", socket(AF_PACKET, SOCK_RAW, 0));
	attempt("netlink", socket(AF_NETLINK, SOCK_RAW, 0));
}

static void attempt_processes(void)
{
	const pid_t other = getppid() > 1 ? getppid() : 1;
	long child;

	attempt("kill", kill(other, 0));
	attempt("tgkill", syscall(SYS_tgkill, other, other, 0));
	attempt("owner", fcntl(STDERR_FILENO, F_SETOWN, other));
	attempt("ptrace", ptrace(PTRACE_CONT, other, NULL, NULL));
	attempt("vm", syscall(SYS_process_vm_readv, other, NULL, 0, NULL, 0, 0));
	attempt("exec", syscall(SYS_execve, "/nonexistent", NULL, NULL));
	child = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (child == 0)
		_exit(0);
	attempt("fork", child);
	attempt("code", (long)mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

static void attempt_kernel(void)
{
	attempt("bpf", syscall(SYS_bpf, BPF_PROG_LOAD, NULL, 0));
	attempt("setuid", syscall(SYS_setuid, 0));
	attempt("prctl", prctl(PR_GET_DUMPABLE));
	attempt("unshare", syscall(SYS_unshare, 0));
	attempt("mount", syscall(SYS_mount, "/nonexistent", "/nonexistent", NULL, 0, NULL));
	attempt("chroot", syscall(SYS_chroot, "/"));
}

static void attempt_all(void)
{
	const char *directory = getenv("BREAK_OUT"), *recordings = getenv("BREAK_OUT_RECORDINGS");

	dprintf(STDERR_FILENO, "not denied:");
	attempt_files(directory ? directory : ".");
	attempt_recordings(recordings ? recordings : ".");
	attempt_network();
	attempt_processes();
	attempt_kernel();
	dprintf(STDERR_FILENO, ".\n");
}

__attribute__((constructor)) static void begin(void)
{
	if (getenv("BREAK_OUT_FREE"))
		attempt_all();
}

void seccomp_release(void *filter)
{
	void (*next)(void *);

	*(void **)&next = dlsym(RTLD_NEXT, "seccomp_release");
	next(filter);
	attempt_all();
}
