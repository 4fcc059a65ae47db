/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Where the headers of a frame end. */
#ifndef BPF_LAYERS_H
#define BPF_LAYERS_H

#include "bpf/flow.h"

enum {
	LAYER_EXTENSIONS_MAX = 8,
};

/* What the walk over the headers has found so far. */
struct layers {
	__u32 off;      /* behind the headers walked */
	__u8 protocol;  /* of what is there */
	__u8 no_header; /* a fragment that is not the first: what is there is no header */
};

static __always_inline void walk_ipv4(struct __sk_buff *skb, struct layers *layers)
{
	__u8 header[WIRE_IPV4_LEN];

	if (bpf_skb_load_bytes(skb, layers->off, header, sizeof header))
		return;
	layers->off += (header[0] & 15) * 4;
	layers->protocol = header[9];
	layers->no_header = ((header[6] & 0x1f) | header[7]) != 0;
}

static __always_inline int is_layer_extension(__u8 protocol)
{
	return protocol == IP_PROTOCOL_HOP_BY_HOP || protocol == IP_PROTOCOL_ROUTING || protocol == IP_PROTOCOL_DESTINATION ||
	       protocol == IP_PROTOCOL_FRAGMENT || protocol == IP_PROTOCOL_AUTHENTICATION;
}

/* The length of an extension header, whose second byte counts units of 8 bytes behind the first; that of AH 4, behind the second. */
static __always_inline __u32 extension_len(__u8 protocol, __u8 units)
{
	if (protocol == IP_PROTOCOL_FRAGMENT)
		return 8;
	return protocol == IP_PROTOCOL_AUTHENTICATION ? (units + 2) * 4 : (units + 1) * 8;
}

static __always_inline void walk_ipv6(struct __sk_buff *skb, struct layers *layers)
{
	__u8 header[8];

	if (bpf_skb_load_bytes(skb, layers->off, header, sizeof header))
		return;
	layers->protocol = header[6];
	layers->off += WIRE_IPV6_LEN;
	for (int i = 0; i < LAYER_EXTENSIONS_MAX; i++) {
		__u8 next = layers->protocol;

		if (!is_layer_extension(next) || layers->no_header || bpf_skb_load_bytes(skb, layers->off, header, sizeof header))
			return;
		layers->protocol = header[0];
		layers->no_header = next == IP_PROTOCOL_FRAGMENT && (header[2] | (header[3] & 0xf8));
		layers->off += extension_len(next, header[1]);
	}
}

static __always_inline __u32 transport_len(struct __sk_buff *skb, struct layers *layers)
{
	__u8 tcp_len = 0;

	if (layers->no_header)
		return 0;
	switch (layers->protocol) {
	case IP_PROTOCOL_TCP:
		return bpf_skb_load_bytes(skb, layers->off + 12, &tcp_len, 1) ? 20 : (tcp_len >> 4) * 4;
	case IP_PROTOCOL_SCTP:
		return 12;
	case IP_PROTOCOL_UDP:
	case IP_PROTOCOL_ICMP:
	case IP_PROTOCOL_ICMPV6:
		return 8;
	default:
		return 0;
	}
}

/* The end of the headers up to a layer, in bytes from the start of the frame. What is not IP ends behind Ethernet and its tags. */
__noinline __u32 headers_end(struct __sk_buff *skb, __u32 mode)
{
	struct layers layers = {};
	__u16 type;

	layers.off = find_network(skb, 0, &type);
	if (mode == TRUNCATE_L2)
		return layers.off;
	if (type == ETHERTYPE_IPV4)
		walk_ipv4(skb, &layers);
	else if (type == ETHERTYPE_IPV6)
		walk_ipv6(skb, &layers);
	else
		return layers.off;
	return mode == TRUNCATE_L4 ? layers.off + transport_len(skb, &layers) : layers.off;
}

#endif
