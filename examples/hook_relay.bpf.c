/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A hook for "farspan collect" with two destinations: what a switch received goes to the first, what it sent to the second, and what does
 * not say so nowhere. The session id is the last byte of the switch's address, the Index its security group tag; a part of the frame that
 * analyzers are not to see, the bytes behind the IP and UDP headers, is overwritten.
 */
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <farspan_hook.h>

char LICENSE[] SEC("license") = FARSPAN_HOOK_LICENSE;

enum {
	PAYLOAD = 14 + 20 + 8
};

int farspan_hook(struct __sk_buff *skb, struct farspan_meta *meta)
{
	static const char hidden[4] = "****";

	if (!meta || meta->received.kind != FARSPAN_HOOK_ERSPAN3 || meta->received.direction != meta->destination)
		return FARSPAN_HOOK_REFUSE;
	meta->number = bpf_ntohl(meta->received.sender[0]) & 0xff;
	meta->index = meta->received.sgt;
	if (!meta->tagged && skb->len >= PAYLOAD + sizeof hidden)
		bpf_skb_store_bytes(skb, PAYLOAD, hidden, sizeof hidden, 0);
	return FARSPAN_HOOK_SEND;
}
