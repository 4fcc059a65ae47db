/* SPDX-License-Identifier: BSD-2-Clause */
/* What this host and its kernel can do, and how they are set, for whoever looks for trouble. Changes nothing. */
#ifndef HOST_KERNEL_H
#define HOST_KERNEL_H

#include <stdbool.h>

#include "base/error.h"
#include "model/address.h"

enum host_feature {
	HOST_SCHED_CLS, /* programs of tc */
	HOST_TCX,
	HOST_RING, /* ring buffers */
	HOST_XDP,
	HOST_BTF, /* the kernel's types */
	HOST_JIT, /* programs are compiled */
	HOST_FEATURES,
};

enum host_answer {
	HOST_NO,
	HOST_YES,
	HOST_UNKNOWN /* without privilege */
};

enum host_answer host_has(enum host_feature feature);

enum host_neighbour {
	NEIGHBOUR_NONE,      /* nobody has asked for it */
	NEIGHBOUR_REACHABLE, /* or was lately */
	NEIGHBOUR_FAILED,
};

/* What the kernel knows of a neighbour's link address; NEIGHBOUR_REACHABLE where none is needed. */
enum host_neighbour host_neighbour(int ifindex, const struct address *address);

/* A number from /proc/sys, as in "net/ipv4/conf/eth0/rp_filter"; fallback if it is not there. */
int host_sysctl(const char *name, int fallback);

/* Whether the interface merges frames it receives for good (LRO). */
bool host_merges_received(const char *interface);

/* Whether somebody keeps the clock in step with others. */
bool host_clock_is_synchronised(void);

#endif
