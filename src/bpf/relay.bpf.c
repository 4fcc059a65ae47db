// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * In another network namespace, behind a pair that leads there: hands copies on to the interface they are for. The kernel has taken their
 * marks, as it does between namespaces; they get new ones, so that they are known as copies there too.
 */
#include <linux/pkt_cls.h>

#include "bpf/relays.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile __u32 slot;
__u64 lost; /* copies that came when the interface had just gone */

SEC("tc")
int farspan_relay(struct __sk_buff *skb)
{
	__u32 key = slot;
	__u32 *ifindex = bpf_map_lookup_elem(&relays, &key);

	if (!ifindex) {
		__sync_fetch_and_add(&lost, 1);
		return TC_ACT_SHOT;
	}
	skb->mark = MARK_MAGIC | key;
	return (int)bpf_redirect(*ifindex, 0);
}
