// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * Behind the steering pair, on a CPU that does the work of mirroring: hands the copy, which came here whole, on. The kernel has put all
 * of a flow on the same CPU.
 */
#include "bpf/ways.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("tc")
int farspan_hop(struct __sk_buff *skb)
{
	if ((skb->mark & MARK_MAGIC_MASK) != MARK_MAGIC)
		return TC_ACT_SHOT;
	return (int)bpf_redirect(choose_way(skb, skb->mark & MARK_SLOT_MASK, 0), 0);
}
