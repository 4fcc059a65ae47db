/* SPDX-License-Identifier: BSD-2-Clause */
/* Maps that several eBPF objects share, and what their programs have cost. Hides walks that libbpf has no call for. */
#ifndef DATAPATH_BPF_OBJECTS_H
#define DATAPATH_BPF_OBJECTS_H

#include <linux/types.h>

#include "base/error.h"
#include "datapath/kept.h"

struct bpf_object;

/* Has an object that is not loaded yet use the maps that have the same names in a loaded one. Its constants stay its own. */
int bpf_objects_share_maps(struct bpf_object *object, const struct bpf_object *loaded);

/*
 * Has an object that is not loaded yet use those of its maps that are kept. Returns how many; -ESTALE if one is not as the object wants it.
 */
int bpf_objects_use_kept_maps(struct bpf_object *object, const struct kept *kept);

/* Keeps the maps of a loaded object, under their names. */
int bpf_objects_keep_maps(const struct bpf_object *object, const struct kept *kept, struct error *error);

/* A number for what is in the maps of an object, by its types: another one, if programs cannot share the maps with those of this object. */
__u64 bpf_objects_layout(const struct bpf_object *object);

/* What programs have cost by the kernel's own statistics. */
struct run_time {
	__u64 ns, runs;
};

/* Adds what a loaded program, by its descriptor, has cost so far. */
int run_time_add(struct run_time *sum, int program);

#endif
