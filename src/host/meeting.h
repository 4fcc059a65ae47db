/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Named places of a network namespace where processes of one user meet: one waits there, and who knows the name, or a part of it, connects.
 * Hides how they are named and found, and keeps other users out. What is sent comes out in the same pieces.
 */
#ifndef HOST_MEETING_H
#define HOST_MEETING_H

#include <stdbool.h>
#include <sys/types.h>

enum {
	MEETING_NAME_MAX = 100,
};

/* A socket that waits at a place. Its descriptor, the caller's; -EADDRINUSE: somebody has that place. */
int meeting_open(const char *name);

/* Whoever connects from now on meets this process, which may have the socket from its parent. 0 or -errno. */
int meeting_take_over(int place);

/* The next one who has come, not blocking, the caller's; -EAGAIN: nobody. user: of those who are let in. */
int meeting_accept(int place, uid_t user);

/*
 * Connects to who waits there, not blocking. *pid (which may be NULL) is the process, 0 if it cannot be seen from here. A descriptor, the
 * caller's; -EPERM: it is another user's; -ECONNREFUSED: nobody is there.
 */
int meeting_join(const char *name, pid_t *pid);

/* Calls visit with the name of each place that begins so. 0 or -errno. */
int meeting_each(const char *beginning, void (*visit)(void *context, const char *name), void *context);

#endif
