/* SPDX-License-Identifier: BSD-2-Clause */
/* Which capabilities work needs, and whether this process has them. */
#ifndef HOST_PRIVILEGE_H
#define HOST_PRIVILEGE_H

#include <stdbool.h>

#include "base/error.h"

enum privilege {
	PRIVILEGE_MIRROR,
	PRIVILEGE_MIRROR_FILTER, /* a mirror with a filter */
	PRIVILEGE_REPLAY,        /* a mirror of a capture file */
	PRIVILEGE_COLLECT,
};

/* -EPERM, with the names of what is missing, unless all that the work needs is there. */
int privilege_check(enum privilege privilege, struct error *error);

/* -EPERM, for what the kernel refused: missing is a capability, with what it is for. */
int privilege_fail(struct error *error, const char *missing);

/* Whether programs that this process loads may read kernel memory, and so find out more about a packet than helpers tell. */
bool privilege_can_read_kernel(void);

#endif
