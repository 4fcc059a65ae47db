/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A hook: copies of UDP go to another collector, 10.9.0.3, as egress of hardware 3; copies of SSH go nowhere. A map counts them, which
 * bpftool-map(8) shows.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <stddef.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <farspan_hook.h>

char LICENSE[] SEC("license") = FARSPAN_HOOK_LICENSE;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, __u64);
} copies_by_protocol SEC(".maps");

static __always_inline int is_ssh(struct __sk_buff *skb)
{
	__be16 ports[2] = {};

	/* Of IPv4 without options; a filter says it better, this is an example. */
	if (bpf_skb_load_bytes(skb, ETH_HLEN + sizeof(struct iphdr), ports, sizeof ports))
		return 0;
	return ports[0] == bpf_htons(22) || ports[1] == bpf_htons(22);
}

int farspan_hook(struct __sk_buff *skb, struct farspan_meta *meta)
{
	__u8 protocol = 0;
	__u32 key;
	__u64 *copies;

	if (!meta)
		return FARSPAN_HOOK_REFUSE;
	if (bpf_skb_load_bytes(skb, ETH_HLEN + offsetof(struct iphdr, protocol), &protocol, sizeof protocol))
		return FARSPAN_HOOK_SEND;
	key = protocol;
	copies = bpf_map_lookup_elem(&copies_by_protocol, &key);
	if (copies)
		__sync_fetch_and_add(copies, 1);
	if (protocol == IPPROTO_TCP && is_ssh(skb))
		return FARSPAN_HOOK_REFUSE;
	if (protocol == IPPROTO_UDP) {
		meta->remote[0] = bpf_htonl(0x0a090003);
		meta->direction = 1;
		meta->hwid = 3;
	}
	return FARSPAN_HOOK_SEND;
}
