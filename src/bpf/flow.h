/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Flows of frames that tc programs see. */
#ifndef BPF_FLOW_H
#define BPF_FLOW_H

#include "bpf/mirror_maps.h"
#include "bpf/packet.h"

#define FLOW_FRAME                     struct __sk_buff *
#define FLOW_LOAD(frame, off, to, len) load_packet(frame, off, to, len)
#include "bpf/flow_hash.h"

/*
 * As all functions that are not static, these are verified once, by themselves. The first is find_network_at(): the EtherType is in the
 * upper half of what it returns.
 */
__noinline __u64 walk_to_network(struct __sk_buff *skb, __u32 frame)
{
	__u16 type;
	__u32 off = find_network_at(skb, frame, &type);

	return (__u64)type << 32 | off;
}

static __always_inline __u32 find_network(struct __sk_buff *skb, __u32 frame, __u16 *type)
{
	__u64 found = walk_to_network(skb, frame);

	*type = (__u16)(found >> 32);
	return (__u32)found;
}

__noinline __u32 flow_hash(struct __sk_buff *skb)
{
	return flow_hash_at(skb, 0);
}

#endif
