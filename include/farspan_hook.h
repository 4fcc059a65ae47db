/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Hooks: an eBPF function of yours that sees every copy before it is wrapped, and may change it, what its outer headers say, or refuse it.
 * The mirrored frame itself is out of its reach.
 *
 *     #include <linux/bpf.h>
 *     #include <bpf/bpf_helpers.h>
 *     #include <farspan_hook.h>
 *
 *     char LICENSE[] SEC("license") = FARSPAN_HOOK_LICENSE;
 *
 *     int farspan_hook(struct __sk_buff *skb, struct farspan_meta *meta)
 *     {
 *             if (!meta)
 *                     return FARSPAN_HOOK_REFUSE;
 *             meta->number = skb->len < 128 ? 1 : 2;
 *             return FARSPAN_HOOK_SEND;
 *     }
 *
 *     clang -target bpf -O2 -g -c hook.bpf.c -o hook.bpf.o
 *     farspan mirror -i eth0 -t erspan2:10.9.0.2 --hook hook.bpf.o
 *     farspan collect -t erspan2:10.9.0.2 --hook hook.bpf.o
 *
 * The object is linked with farspan's own program (so -g is needed, and it may have maps and further functions) and verified by the kernel
 * as one with it. That meta is not NULL must be asked: the kernel wants to see it.
 */
#ifndef FARSPAN_HOOK_H
#define FARSPAN_HOOK_H

#include <linux/types.h>

/* What linked objects say must be the same. */
#define FARSPAN_HOOK_LICENSE "Dual BSD/GPL"

enum {
	FARSPAN_HOOK_SEND = 0,
	FARSPAN_HOOK_REFUSE = 1, /* and any other number: counted as "hook" */
};

/* Values of kind. */
enum {
	FARSPAN_HOOK_ERSPAN1 = 1,
	FARSPAN_HOOK_ERSPAN2 = 2,
	FARSPAN_HOOK_ERSPAN3 = 3,
	FARSPAN_HOOK_GRE = 4,
	FARSPAN_HOOK_VXLAN = 5,
	FARSPAN_HOOK_GENEVE = 6,
	FARSPAN_HOOK_TZSP = 7,
};

/* At a collector: the packet that the frame came in. What its kind has no field for is 0. */
struct farspan_received {
	__u32 kind;       /* 0: the frame did not come in a packet, this is no collector */
	__u32 ip_version; /* 4 or 6 */
	__be32 sender[4]; /* IPv4 takes the first word */
	__be32 local[4];  /* whom it was sent to */
	__u32 number, index, direction, hwid, sgt;
	__u32 vlan, cos; /* of the frame's outermost tag, else as the ERSPAN header says */
	__u32 has_sequence, sequence;
	__u32 rule; /* the number of the rule that took it, from 1 on; 0: none did */
};

/* In host byte order but for addresses. What a kind has no field for stays 0, and is not written. Numbers are cut to the field's width. */
struct farspan_meta {
	/* What is known of the copy; to be read only. */
	__u32 kind;       /* 0: no tunnel, the copy leaves as it is */
	__u32 ip_version; /* of the outer packet: 4 or 6 */
	__u32 ifindex;    /* where the frame was seen */
	__u32 tagged;     /* it has a VLAN tag */

	/* What the outer headers will say, and may be changed. */
	__u32 number;    /* ERSPAN session id, GRE key, VNI */
	__u32 index;     /* Type II; of Type III the port in the platform subheader */
	__u32 direction; /* 0: ingress, received; 1: egress, sent */
	__u32 hwid;      /* Type III */
	__u32 sgt;       /* Type III */
	__u32 vlan;      /* ERSPAN's own copy of the frame's tag; the frame is not changed by it */
	__u32 cos;
	__be32 remote[4]; /* where to; IPv4 takes the first word. Another one is looked up in the routes of the session's uplink */

	/* More of what is known. A session with several destinations asks for each of them: to refuse means not there. */
	__u32 destination; /* which one, from 0 on */
	struct farspan_received received;
};

int farspan_hook(struct __sk_buff *skb, struct farspan_meta *meta);

#endif
