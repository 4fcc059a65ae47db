/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The maps that source and encapsulation programs share, and how they count. */
#ifndef BPF_MIRROR_MAPS_H
#define BPF_MIRROR_MAPS_H

#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#include "bpf/abi.h"
#include "wire/fields.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COUNTER_SETS);
	__type(key, __u32);
	__type(value, struct counters);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, SESSIONS_MAX * 4); /* a tunnel has up to three guards */
	__type(key, struct tunnel_key);
	__type(value, __u32);
} own_tunnels SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct copy_queue);
} copy_queues SEC(".maps");

/* By slot: session_config.unfinished_max, for the programs in front. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SESSIONS_MAX);
	__type(key, __u32);
	__type(value, __u32);
} unfinished_max SEC(".maps");

/* By slot: the longest frame that a super-packet may stand for to be wrapped whole; 0: none is. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SESSIONS_MAX);
	__type(key, __u32);
	__type(value, __u32);
} whole_max SEC(".maps");

/* By slot: the same for super-packets that the segmenter is to sum up. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SESSIONS_MAX);
	__type(key, __u32);
	__type(value, __u32);
} summed_max SEC(".maps");

static __always_inline struct counters *session_counters(__u32 slot, enum direction direction)
{
	__u32 key = slot * DIRECTIONS + direction;

	return bpf_map_lookup_elem(&counters, &key);
}

static __always_inline void count(struct counters *c, enum counter row, __u64 n)
{
	c->value[row] += n;
}

#endif
