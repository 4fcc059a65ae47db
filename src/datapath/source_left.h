/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Source paths that processes have left behind, by being killed or by handing over, and what the next one has to know of them. Hides in
 * which form that is kept, and what can still be used.
 */
#ifndef DATAPATH_SOURCE_LEFT_H
#define DATAPATH_SOURCE_LEFT_H

#include "base/error.h"
#include "bpf/abi.h"
#include "datapath/kept.h"
#include "host/netlink.h"
#include "model/cpus.h"

struct carrier;

/* What a path is for. */
struct source_use {
	struct cpus cpus;              /* where copies are segmented, wrapped and sent; none: where the frame was */
	const char *hook;              /* an object file of the user's, see farspan_hook.h, or NULL */
	bool lasting;                  /* it goes on when its process is killed */
	const struct carrier *carrier; /* of a relay, or NULL */
};

struct source_left;

/* Finds what is left; *left is the caller's, to be closed or removed. netlink must outlive it. */
int source_left_open(struct source_left **left, struct netlink *netlink, struct error *error);
void source_left_close(struct source_left *left);

/* Removes what nobody has taken, and closes it. */
void source_left_remove(struct source_left *left);

/* Takes one that was for the same, and can be used by this program: its place, its owner, and that one's lock, see owner_take_again(). */
struct source_find {
	struct kept kept;
	uint32_t owner;
	int lock;
};
bool source_left_take(struct source_left *left, const struct source_use *use, struct source_find *found);

/* Leaves word of a path: everything else that it consists of must be kept before. */
int source_left_tell(const struct kept *kept, const struct source_use *use, int lock, struct error *error);

/* What a slot was given to; all zero: to nobody. */
struct slot_note {
	char session[64];
	__u64 endpoint;    /* a number for the destination as it is wanted; 0: none */
	__u32 first, size; /* of the slots among which the session spreads its flows; size 0: it does not */
	__u32 uplink;      /* ifindex of what copies leave by; */
	__u32 padding;
	__u64 uplink_lost;  /* what its counter of drops said, */
	__u64 link_dropped; /* and how many there were in the session's time */
};

/* A map of these with SESSIONS_MAX elements: the one that is kept, or a new one, which is. A descriptor, or -errno. */
int source_left_notes(const struct kept *kept, struct error *error);

#endif
