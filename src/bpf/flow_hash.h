/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The flow a frame belongs to, as a number that is the same for both directions. Shared by all who can read a frame; who includes this says
 * before it what FLOW_FRAME is, and what FLOW_LOAD(frame, offset, to, len) does: 0, or something else if the frame ends before.
 */
#ifndef BPF_FLOW_HASH_H
#define BPF_FLOW_HASH_H

#include <linux/types.h>

#include "wire/fields.h"

enum {
	IP_PROTOCOL_ICMP = 1,
	IP_PROTOCOL_ICMPV6 = 58,
	IP_PROTOCOL_TCP = 6,
	IP_PROTOCOL_SCTP = 132,
	ICMP_HEADER_LEN = 8,
};

#define FLOW_INLINE static inline __attribute__((always_inline))

/* Mixes all bits of a word into all others (the finalizer of MurmurHash3). */
FLOW_INLINE __u32 mix(__u32 h)
{
	h ^= h >> 16;
	h *= 0x85ebca6b;
	h ^= h >> 13;
	h *= 0xc2b2ae35;
	return h ^ h >> 16;
}

/* Which of so many that share the flows gets this one. */
FLOW_INLINE __u32 flow_share(__u32 flow, __u32 count)
{
	return (__u32)((__u64)flow * count >> 32);
}

/* Offset of the network header behind an Ethernet header at off and at most two inline tags; its EtherType in *type. */
FLOW_INLINE __u32 find_network_at(FLOW_FRAME frame, __u32 off, __u16 *type)
{
	__u8 bytes[2];

	off += WIRE_ETHERNET_LEN;
	*type = 0;
	for (int tags = 0; tags < 3; tags++) {
		if (FLOW_LOAD(frame, off - (__u32)sizeof bytes, bytes, sizeof bytes))
			return off;
		*type = (__u16)(bytes[0] << 8 | bytes[1]);
		if (*type != ETHERTYPE_VLAN && *type != ETHERTYPE_SERVICE_VLAN)
			return off;
		off += WIRE_TAG_LEN;
	}
	return off;
}

/* Both ends, of so many words each, mixed so that it does not matter which is first. */
FLOW_INLINE __u32 hash_ends(const __u32 *ends, __u32 words)
{
	__u32 hash = 0;

	for (__u32 i = 0; i < words; i++)
		hash = mix(hash + (mix(ends[i]) ^ mix(ends[words + i])));
	return hash;
}

FLOW_INLINE __u32 hash_ports(FLOW_FRAME frame, __u32 off, __u8 protocol)
{
	__u16 ports[2];

	if ((protocol != IP_PROTOCOL_TCP && protocol != IP_PROTOCOL_UDP && protocol != IP_PROTOCOL_SCTP) ||
	    FLOW_LOAD(frame, off, ports, sizeof ports))
		return 0;
	return mix(ports[0]) ^ mix(ports[1]);
}

/*
 * Addresses, protocol and ports of the frame whose Ethernet header is at off. The fragments of a packet, of which only the first has ports,
 * go by addresses alone.
 */
FLOW_INLINE __u32 flow_hash_at(FLOW_FRAME frame, __u32 off)
{
	union {
		struct {
			__u8 head[12]; /* the protocol is the tenth, before it is where fragments lie */
			__u32 ends[2];
		} v4;
		struct {
			__u8 head[8]; /* the protocol is the seventh */
			__u32 ends[8];
		} v6;
	} ip;
	__u16 type;
	__u32 hash;

	off = find_network_at(frame, off, &type);
	if (type == ETHERTYPE_IPV4) {
		if (FLOW_LOAD(frame, off, &ip.v4, sizeof ip.v4))
			return 0;
		hash = hash_ends(ip.v4.ends, 1) + ip.v4.head[9];
		if ((ip.v4.head[6] & 0x3f) | ip.v4.head[7])
			return mix(hash);
		return mix(hash + hash_ports(frame, off + (ip.v4.head[0] & 15u) * 4, ip.v4.head[9]));
	}
	if (type == ETHERTYPE_IPV6) {
		if (FLOW_LOAD(frame, off, &ip.v6, sizeof ip.v6))
			return 0;
		hash = hash_ends(ip.v6.ends, 4) + ip.v6.head[6];
		return mix(hash + hash_ports(frame, off + WIRE_IPV6_LEN, ip.v6.head[6]));
	}
	return mix(type);
}

#endif
