/* SPDX-License-Identifier: BSD-2-Clause */
/* To be preloaded: the call $FAIL_CALL of a program fails when it is made for the $FAIL_AT-th time, with the error number $FAIL_WITH. */
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static const char *wanted;
static long left, with;

__attribute__((constructor)) static void read_wishes(void)
{
	const char *at = getenv("FAIL_AT"), *number = getenv("FAIL_WITH");

	wanted = getenv("FAIL_CALL");
	left = at ? strtol(at, NULL, 10) : 0;
	with = number ? strtol(number, NULL, 10) : EPERM;
}

static int fails(const char *call)
{
	if (!wanted || strcmp(call, wanted) != 0 || --left != 0)
		return 0;
	errno = (int)with;
	return 1;
}

/* CALL(result, name, (parameters), (arguments), what it returns when it fails) */
#define CALL(result, name, parameters, arguments, failed)          \
	result name parameters                                     \
	{                                                          \
		static result(*next) parameters;                   \
                                                                   \
		if (fails(#name))                                  \
			return failed;                             \
		if (!next)                                         \
			*(void **)&next = dlsym(RTLD_NEXT, #name); \
		return next arguments;                             \
	}

CALL(int, socket, (int family, int type, int protocol), (family, type, protocol), -1)
CALL(int, socketpair, (int family, int type, int protocol, int ends[2]), (family, type, protocol, ends), -1)
CALL(int, bind, (int fd, const struct sockaddr *address, socklen_t len), (fd, address, len), -1)
CALL(int, setsockopt, (int fd, int level, int name, const void *value, socklen_t len), (fd, level, name, value, len), -1)
CALL(ssize_t, sendmsg, (int fd, const struct msghdr *message, int flags), (fd, message, flags), -1)
CALL(ssize_t, recvmsg, (int fd, struct msghdr *message, int flags), (fd, message, flags), -1)
CALL(int, epoll_create1, (int flags), (flags), -1)
CALL(int, epoll_ctl, (int epoll, int operation, int fd, struct epoll_event *event), (epoll, operation, fd, event), -1)
CALL(int, pipe2, (int ends[2], int flags), (ends, flags), -1)
CALL(int, signalfd, (int fd, const sigset_t *signals, int flags), (fd, signals, flags), -1)
CALL(pid_t, fork, (void), (), -1)
CALL(void *, mmap, (void *address, size_t len, int protection, int flags, int fd, off_t offset),
     (address, len, protection, flags, fd, offset), MAP_FAILED)

long syscall(long number, ...)
{
	static long (*next)(long number, ...);
	long arguments[6];
	va_list list;

	va_start(list, number);
	for (int i = 0; i < 6; i++)
		arguments[i] = va_arg(list, long);
	va_end(list);
	if (fails(number == SYS_bpf ? "bpf" : "syscall"))
		return -1;
	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "syscall");
	return next(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
}
