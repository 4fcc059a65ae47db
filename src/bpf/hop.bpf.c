// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * Behind the steering pair, on a CPU that does the work of mirroring: hands the copy, which came here whole, to the segmenting device. The
 * kernel has put all of a flow on the same CPU.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

#include "bpf/abi.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile __u32 segmenter; /* ifindex */

SEC("tc")
int farspan_hop(struct __sk_buff *skb)
{
	if ((skb->mark & MARK_MAGIC_MASK) != MARK_MAGIC)
		return TC_ACT_SHOT;
	return (int)bpf_redirect(segmenter, 0);
}
