/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A hook: copies show only the network of an IPv4 sender, not the host. The checksum is left as it was, which tells that it was done. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <stddef.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <farspan_hook.h>

char LICENSE[] SEC("license") = FARSPAN_HOOK_LICENSE;

int farspan_hook(struct __sk_buff *skb, struct farspan_meta *meta)
{
	__u8 host = 0;
	__be16 type = 0;

	(void)meta;
	if (bpf_skb_load_bytes(skb, offsetof(struct ethhdr, h_proto), &type, sizeof type))
		return FARSPAN_HOOK_REFUSE;
	if (type != bpf_htons(ETH_P_IP))
		return FARSPAN_HOOK_SEND;
	return bpf_skb_store_bytes(skb, ETH_HLEN + offsetof(struct iphdr, saddr) + 3, &host, sizeof host, 0) ? FARSPAN_HOOK_REFUSE
													     : FARSPAN_HOOK_SEND;
}
