/* SPDX-License-Identifier: BSD-2-Clause */
/* Whose clock said when packets came: what a collector's path counts, and what is told of it. */
#ifndef DATAPATH_COLLECTOR_TIMES_H
#define DATAPATH_COLLECTOR_TIMES_H

#include <stdint.h>

/* If network cards were asked: packets each. */
struct collector_times {
	uint64_t adapter;     /* the card's */
	uint64_t host;        /* the kernel's: the card said nothing, or the kernel put the packet together */
	uint64_t out_of_step; /* the kernel's: the card's clock is another */
	int64_t off_ns;       /* by so much, last */
};

#endif
