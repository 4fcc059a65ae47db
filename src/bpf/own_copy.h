/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Telling copies of mirrors from other frames, so that they are not mirrored again. Functions that are not static are verified by the
 * kernel once, each by itself, and not anew for each way that leads to them.
 */
#ifndef BPF_OWN_COPY_H
#define BPF_OWN_COPY_H

#include <farspan.h>

#include "bpf/flow.h"

enum {
	OWN_COPY_DEPTH = 5
}; /* tunnels one in the other that are looked into */

static __always_inline int is_tunnel(__u8 protocol)
{
	return protocol == IP_PROTOCOL_GRE || protocol == IP_PROTOCOL_UDP;
}

/*
 * Where the payload of the IP header at off starts, and what it is; 0 if that cannot be read. Our copies have no IPv4 options, and of IPv6
 * extension headers at most the one that limits encapsulation: whatever has others is none of them.
 */
static __always_inline __u32 find_payload(struct __sk_buff *skb, __u32 ethertype, __u32 off, __u8 *protocol)
{
	__u8 next[2];

	if (bpf_skb_load_bytes(skb, off + (ethertype == ETHERTYPE_IPV4 ? 9 : 6), protocol, sizeof *protocol))
		return 0;
	if (ethertype == ETHERTYPE_IPV4)
		return off + WIRE_IPV4_LEN;
	off += WIRE_IPV6_LEN;
	if (*protocol != IP_PROTOCOL_DESTINATION)
		return off;
	if (bpf_skb_load_bytes(skb, off, next, sizeof next) || next[1])
		return 0;
	*protocol = next[0];
	return off + WIRE_IPV6_LIMIT_LEN;
}

/* Reads the tunnel whose IP header is at off. */
static __always_inline int read_tunnel(struct __sk_buff *skb, __u32 ethertype, __u32 off, struct tunnel_key *key)
{
	__u8 protocol = 0;
	__u32 payload = find_payload(skb, ethertype, off, &protocol);
	long failed;

	if (!payload || !is_tunnel(protocol))
		return -1;
	if (ethertype == ETHERTYPE_IPV4)
		failed = bpf_skb_load_bytes(skb, off + 12, key->source, 4) || bpf_skb_load_bytes(skb, off + 16, key->destination, 4);
	else
		failed = bpf_skb_load_bytes(skb, off + 8, key->source, 32);
	key->protocol = protocol;
	/* The GRE protocol stands where UDP has its destination port. */
	return failed || bpf_skb_load_bytes(skb, payload + 2, &key->type, sizeof key->type) ? -1 : 0;
}

__noinline int is_own_tunnel(struct __sk_buff *skb, __u32 ethertype, __u32 off)
{
	struct tunnel_key key = {};

	return !read_tunnel(skb, ethertype, off, &key) && bpf_map_lookup_elem(&own_tunnels, &key);
}

/* Where an ICMP error quotes the packet it is about; 0 if the packet is none. Such errors have no options or extension headers in front. */
__noinline __u32 find_quote(struct __sk_buff *skb, __u32 ethertype, __u32 off)
{
	__u32 ip_len = ethertype == ETHERTYPE_IPV4 ? WIRE_IPV4_LEN : WIRE_IPV6_LEN;
	__u8 protocol = 0, type = 0;

	if (bpf_skb_load_bytes(skb, off + (ethertype == ETHERTYPE_IPV4 ? 9 : 6), &protocol, sizeof protocol) ||
	    bpf_skb_load_bytes(skb, off + ip_len, &type, sizeof type))
		return 0;
	if (ethertype == ETHERTYPE_IPV4 && protocol == IP_PROTOCOL_ICMP && (type == 3 || type == 11 || type == 12))
		return off + ip_len + ICMP_HEADER_LEN;
	if (ethertype == ETHERTYPE_IPV6 && protocol == IP_PROTOCOL_ICMPV6 && type >= 1 && type <= 4)
		return off + ip_len + ICMP_HEADER_LEN;
	return 0;
}

/*
 * Whether it is worth looking closer at an untagged UDP packet, of which there may be many: as a copy it is asked for here, and only one to
 * the port of VXLAN may have another copy in it.
 */
__noinline int may_be_own_udp(struct __sk_buff *skb, __u32 ethertype)
{
	const __u8 *ip = packet_start(skb) + WIRE_ETHERNET_LEN, *end = packet_end(skb);
	struct tunnel_key key = {.protocol = IP_PROTOCOL_UDP};

	if (ethertype == ETHERTYPE_IPV4) {
		if (ip + WIRE_IPV4_LEN + WIRE_UDP_LEN > end)
			return 1;
		key.source[0] = *(const __u32 *)(ip + 12);
		key.destination[0] = *(const __u32 *)(ip + 16);
		key.type = *(const __be16 *)(ip + WIRE_IPV4_LEN + 2);
	} else {
		if (ip + WIRE_IPV6_LEN + WIRE_UDP_LEN > end)
			return 1;
		__builtin_memcpy(key.source, __builtin_assume_aligned(ip + 8, 4), sizeof key.source + sizeof key.destination);
		key.type = *(const __be16 *)(ip + WIRE_IPV6_LEN + 2);
	}
	return key.type == bpf_htons(FARSPAN_VXLAN_PORT) || bpf_map_lookup_elem(&own_tunnels, &key);
}

/*
 * Whether it is worth looking closer: all but a few frames are told by one byte. What is short, tagged inline, or has its headers elsewhere
 * than in the linear part is looked at.
 */
static __always_inline int may_be_own_copy(struct __sk_buff *skb, __u32 udp_copies)
{
	const __u8 *frame = (const __u8 *)(long)skb->data, *end = (const __u8 *)(long)skb->data_end;
	__be16 type;
	__u8 protocol;

	if ((skb->mark & MARK_MAGIC_MASK) == MARK_MAGIC || frame + WIRE_ETHERNET_LEN + WIRE_IPV4_LEN > end)
		return 1;
	type = *(const __be16 *)(frame + WIRE_ETHERNET_LEN - sizeof type);
	if (type == bpf_htons(ETHERTYPE_IPV4))
		protocol = frame[WIRE_ETHERNET_LEN + 9];
	else if (type == bpf_htons(ETHERTYPE_IPV6))
		protocol = frame[WIRE_ETHERNET_LEN + 6];
	else
		return type == bpf_htons(ETHERTYPE_VLAN) || type == bpf_htons(ETHERTYPE_SERVICE_VLAN);
	if (protocol == IP_PROTOCOL_UDP)
		return udp_copies && may_be_own_udp(skb, bpf_ntohs(type));
	return protocol == IP_PROTOCOL_GRE || protocol == IP_PROTOCOL_ICMP || protocol == IP_PROTOCOL_ICMPV6 ||
	       protocol == IP_PROTOCOL_DESTINATION;
}

/* Where the frame in a GRE packet of a mirror starts, of which the GRE header is at off; 0 if it is none. */
static __always_inline __u32 find_frame_in_gre(struct __sk_buff *skb, __u32 off)
{
	__be16 gre[2], erspan;
	__u8 last;

	if (bpf_skb_load_bytes(skb, off, gre, sizeof gre))
		return 0;
	off += WIRE_GRE_LEN;
	for (int option = 0; option < 4; option++)
		if (option != 1 && gre[0] & bpf_htons(0x8000 >> option)) /* checksum, key, sequence; not routing */
			off += WIRE_GRE_OPTION_LEN;
	if (gre[1] == bpf_htons(GRE_PROTOCOL_ETHERNET))
		return off;
	if (gre[1] != bpf_htons(GRE_PROTOCOL_ERSPAN2) && gre[1] != bpf_htons(GRE_PROTOCOL_ERSPAN3))
		return 0;
	if (!(gre[0] & bpf_htons(0x1000)) || bpf_skb_load_bytes(skb, off, &erspan, sizeof erspan))
		return off; /* Type I has no sequence number, and no header */
	if (bpf_ntohs(erspan) >> 12 == ERSPAN2_VERSION)
		return off + WIRE_ERSPAN2_LEN;
	if (bpf_skb_load_bytes(skb, off + WIRE_ERSPAN3_LEN - 1, &last, sizeof last))
		return 0;
	return off + WIRE_ERSPAN3_LEN + (last & 1 ? WIRE_PLATF_LEN : 0);
}

/* Where the frame in a tunnel packet starts, whose IP header is at off; 0 if the packet is no tunnel. */
__noinline __u32 find_frame(struct __sk_buff *skb, __u32 ethertype, __u32 off)
{
	__u8 protocol = 0;
	__be16 port;

	off = find_payload(skb, ethertype, off, &protocol);
	if (!off)
		return 0;
	if (protocol == IP_PROTOCOL_GRE)
		return find_frame_in_gre(skb, off);
	if (protocol != IP_PROTOCOL_UDP || bpf_skb_load_bytes(skb, off + 2, &port, sizeof port) || port != bpf_htons(FARSPAN_VXLAN_PORT))
		return 0;
	return off + WIRE_UDP_LEN + WIRE_VXLAN_LEN;
}

/*
 * A copy of ours: by its mark; by its outer headers, should it come back from elsewhere or have lost the mark; inside of copies that others
 * made of it, as when three hosts mirror to each other in a ring; or an ICMP error about one, of which a host without a collector sends one
 * for each copy it gets.
 */
__noinline int is_own_copy(struct __sk_buff *skb)
{
	__u32 frame = 0;

	if ((skb->mark & MARK_MAGIC_MASK) == MARK_MAGIC)
		return 1;
	for (int depth = 0; depth < OWN_COPY_DEPTH; depth++) {
		__u16 ethertype;
		__u32 off = find_network(skb, frame, &ethertype), quote;

		if (ethertype != ETHERTYPE_IPV4 && ethertype != ETHERTYPE_IPV6)
			return 0;
		if (is_own_tunnel(skb, ethertype, off))
			return 1;
		quote = find_quote(skb, ethertype, off);
		if (quote)
			return is_own_tunnel(skb, ethertype, quote);
		frame = find_frame(skb, ethertype, off);
		if (!frame)
			return 0;
	}
	return 0;
}

#endif
