// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * In a container that gets frames which never pass the host's end of its veth: a copy of each that comes to its interface goes to a pair
 * that leads out, where it is mirrored as if it came from there, and ends.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile __u32 inner; /* ifindex of the pair's end in there */
__u64 lost;                 /* frames of which there was no copy */

SEC("tc")
int farspan_inside(struct __sk_buff *skb)
{
	if (bpf_clone_redirect(skb, inner, 0) < 0)
		__sync_fetch_and_add(&lost, 1);
	return TC_ACT_UNSPEC;
}

/* Behind the mirror at the pair's end here: nobody else is to get the copies. */
SEC("tc")
int farspan_end(struct __sk_buff *skb)
{
	(void)skb;
	return TC_ACT_SHOT;
}
