/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the programs of a relay share: what was received around each frame, and the rules. Others have one empty element of each. */
#ifndef BPF_RELAY_MAPS_H
#define BPF_RELAY_MAPS_H

#include "bpf/mirror_maps.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct carried);
} carried SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct match_rule);
} match_rules SEC(".maps");

#endif
