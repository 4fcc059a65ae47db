/* SPDX-License-Identifier: BSD-2-Clause */
/* Which capabilities work needs, and whether this process has them. */
#ifndef DATAPATH_PRIVILEGE_H
#define DATAPATH_PRIVILEGE_H

#include "base/error.h"

enum privilege {
	PRIVILEGE_MIRROR,
	PRIVILEGE_MIRROR_FILTER, /* a mirror with a filter */
	PRIVILEGE_REPLAY,        /* a mirror of a capture file */
	PRIVILEGE_COLLECT,
};

/* -EPERM, with the names of what is missing, unless all that the work needs is there. */
int privilege_check(enum privilege privilege, struct error *error);

#endif
