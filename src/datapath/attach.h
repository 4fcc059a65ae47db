/* SPDX-License-Identifier: BSD-2-Clause */
/* Puts tc programs on interfaces: as tcx links where the kernel has them (6.6), else as filters at clsact. */
#ifndef DATAPATH_ATTACH_H
#define DATAPATH_ATTACH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "bpf/abi.h"

enum attach_way {
	ATTACH_BEST,   /* XDP for programs that have it, tcx, else clsact */
	ATTACH_TC,     /* not XDP */
	ATTACH_CLSACT, /* clsact even where tcx is */
	ATTACH_LINK,   /* only what goes with this process: tcx */
};

/* Newer than the headers of Debian 12 (linux/bpf.h of 6.6). */
enum {
	ATTACH_TCX_INGRESS = 46,
	ATTACH_TCX_EGRESS = 47,
};

struct attachment {
	int ifindex; /* 0: nothing attached */
	enum direction direction;
	int link; /* XDP or tcx: its descriptor; -1: a clsact filter */
	bool xdp;
	uint32_t handle, priority;
	bool made_qdisc; /* its clsact is of this process, whichever attachment it was made for */
	uint32_t passed; /* the last program of others that this one was moved in front of */
};

/*
 * Puts the program on one direction of an interface: first on reception, last on sending, so that it sees what is on the wire. handle names
 * a clsact filter of ours. Programs and qdiscs of others stay; -EBUSY if the interface has an old "ingress" qdisc where clsact is needed,
 * -EOPNOTSUPP if only tcx would do and the kernel has none.
 */
int attach_program(int program, int ifindex, enum direction direction, enum attach_way way, uint32_t handle, struct attachment *attachment,
		   struct error *error);

/* Behind whom on reception: the tcx program of that id (0: nobody), and at clsact at a priority that leaves room for so many before it. */
struct attach_rank {
	uint32_t behind;
	unsigned int rank;
};

/* The same on reception, but not first. */
int attach_program_behind(int program, int ifindex, const struct attach_rank *rank, enum attach_way way, uint32_t handle,
			  struct attachment *attachment, struct error *error);

/* Raises the limit of open files of this process as far as it may: every attachment is one. */
void attach_allow_many(void);

/*
 * Puts an XDP program into the driver of an interface, if that can be, as a link. -EBUSY if the interface has another program, and other
 * errors if its driver has no place for one; without a text.
 */
int attach_xdp(int program, int ifindex, struct attachment *attachment);

/* The same on an interface of ours, with which alone the program goes. 0 or -errno. */
int attach_xdp_for_good(int program, int ifindex);

/* Puts another program in its place, atomically: every frame is seen by one of the two. */
int attach_replace(struct attachment *attachment, int program, struct error *error);

/*
 * Finds what another process has put there: by the descriptor of its link, which is taken, or if that is below 0 by the handle of a filter.
 * -ENOENT: it is not there any more.
 */
int attach_find(int link, int ifindex, enum direction direction, uint32_t handle, struct attachment *attachment);

/* Whether it still stands where it was put: it goes with its interface, whose number another one may have taken since. */
bool attach_is_there(const struct attachment *attachment);

/* Whether a filter of others comes before ours at clsact, in the order of the kernel, and the first of them: "filter u32 of priority 1". */
bool attach_filter_before(const struct attachment *attachment, char *text, size_t room);

/*
 * Takes the program away, also where others hold the link, and the clsact if we made it and nobody else uses it. Harmless if nothing is
 * attached or the interface is gone.
 */
void attach_remove(struct attachment *attachment);

/* Has the clsact of an interface be as if this process had made it. */
void attach_claim_clsact(int ifindex);

/* Removes the clsact of an interface unless a filter, of whomever, is in it. */
void attach_remove_unused_clsact(int ifindex);

/* Removes the clsact filters of an interface whose handles the predicate accepts. */
void attach_remove_filters(int ifindex, bool (*is_orphan)(uint32_t handle, const void *context), const void *context);

#endif
