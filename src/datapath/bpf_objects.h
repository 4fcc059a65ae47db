/* SPDX-License-Identifier: BSD-2-Clause */
/* Maps that several eBPF objects share, and what their programs have cost. Hides walks that libbpf has no call for. */
#ifndef DATAPATH_BPF_OBJECTS_H
#define DATAPATH_BPF_OBJECTS_H

#include <linux/types.h>

struct bpf_object;

/* Has an object that is not loaded yet use the maps that have the same names in a loaded one. Its constants stay its own. */
int bpf_objects_share_maps(struct bpf_object *object, const struct bpf_object *loaded);

/* What programs have cost by the kernel's own statistics. */
struct run_time {
	__u64 ns, runs;
};

/* Adds what a loaded program, by its descriptor, has cost so far. */
int run_time_add(struct run_time *sum, int program);

#endif
