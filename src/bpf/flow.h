/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Flows of frames that tc programs see. */
#ifndef BPF_FLOW_H
#define BPF_FLOW_H

#include "bpf/mirror_maps.h"

#define FLOW_FRAME                     struct __sk_buff *
#define FLOW_LOAD(frame, off, to, len) bpf_skb_load_bytes(frame, off, to, len)
#include "bpf/flow_hash.h"

static __always_inline __u32 find_network(struct __sk_buff *skb, __u16 *type)
{
	return find_network_at(skb, 0, type);
}

static __noinline __u32 flow_hash(struct __sk_buff *skb)
{
	return flow_hash_at(skb, 0);
}

#endif
