/* SPDX-License-Identifier: BSD-2-Clause */
/* Who stands before a program of ours on an interface, and may keep frames from it. Hides how the kernel is asked, and who is known. */
#ifndef DATAPATH_ATTACH_ORDER_H
#define DATAPATH_ATTACH_ORDER_H

#include "datapath/attach.h"

enum {
	ATTACH_STRANGER_MAX = 80
};

/*
 * Makes a loaded program known as one that never ends the chain, to all processes of the network namespace that look out for strangers,
 * until the descriptor that is returned is closed. -1: that could not be, and they take it for a stranger.
 */
int attach_make_known(int program);

/*
 * Makes a loaded program known as one of that rank, see owner.h, until the descriptor that is returned is closed. attach_rank_behind() says
 * where on an interface one of that rank has to stand: behind those of ours that have a lower one.
 */
int attach_make_ranked(int program, unsigned int rank);
struct attach_rank attach_rank_behind(int ifindex, unsigned int rank);

/*
 * Whether somebody else's program stands before ours, and the first of them as "program NAME (id 12)" or "filter u32 of priority 1". A tcx
 * link on reception is moved in front of a newcomer, once for each: *moved tells of it, and who stands in front in spite of that is
 * returned. For frames in flight the move takes as long as two system calls: each is seen once, or in this time not at all.
 */
bool attach_stands_behind(struct attachment *attachment, int program, char stranger[ATTACH_STRANGER_MAX], bool *moved);

/* Whether the XDP program on an interface, which struct link tells, is somebody else's: "XDP program NAME (id 12)". */
bool attach_xdp_before(uint32_t program, char stranger[ATTACH_STRANGER_MAX]);

#endif
