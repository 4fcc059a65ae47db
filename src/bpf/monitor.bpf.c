// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * Monitor mode: farspan_monitor sits on both directions of an interface that analyzers listen on. They have seen a frame before it comes
 * here; this host's stack must neither take it nor answer it.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("tc")
int farspan_monitor(struct __sk_buff *skb)
{
	(void)skb;
	return TC_ACT_SHOT;
}

/* A veth takes frames that XDP redirects to it only if a program sits at its other end. */
SEC("xdp.frags")
int farspan_arrive(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_PASS;
}
