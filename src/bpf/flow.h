/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The flow a frame belongs to, as a number that is the same for both directions. */
#ifndef BPF_FLOW_H
#define BPF_FLOW_H

#include "bpf/mirror_maps.h"

enum {
	IP_PROTOCOL_ICMP = 1,
	IP_PROTOCOL_ICMPV6 = 58,
	IP_PROTOCOL_TCP = 6,
	IP_PROTOCOL_SCTP = 132,
	ICMP_HEADER_LEN = 8,
};

/* Mixes all bits of a word into all others (the finalizer of MurmurHash3). */
static __always_inline __u32 mix(__u32 h)
{
	h ^= h >> 16;
	h *= 0x85ebca6b;
	h ^= h >> 13;
	h *= 0xc2b2ae35;
	return h ^ h >> 16;
}

/* Offset of the network header behind an Ethernet header at off and at most two inline tags; its EtherType in *type. */
static __always_inline __u32 find_network_at(struct __sk_buff *skb, __u32 off, __u16 *type)
{
	off += WIRE_ETHERNET_LEN;

	*type = 0;
	for (int tags = 0; tags < 3; tags++) {
		if (bpf_skb_load_bytes(skb, off - sizeof *type, type, sizeof *type))
			return off;
		*type = bpf_ntohs(*type);
		if (*type != ETHERTYPE_VLAN && *type != ETHERTYPE_SERVICE_VLAN)
			return off;
		off += WIRE_TAG_LEN;
	}
	return off;
}

static __always_inline __u32 find_network(struct __sk_buff *skb, __u16 *type)
{
	return find_network_at(skb, 0, type);
}

/* Both ends of the words at off, mixed so that it does not matter which is first. */
static __always_inline __u32 hash_pair(struct __sk_buff *skb, __u32 off, __u32 words)
{
	__u32 pair[8] = {}, hash = 0;

	if (bpf_skb_load_bytes(skb, off, pair, words * 8))
		return 0;
	for (__u32 i = 0; i < words; i++)
		hash = mix(hash + (mix(pair[i]) ^ mix(pair[words + i])));
	return hash;
}

static __always_inline __u32 hash_ports(struct __sk_buff *skb, __u32 off, __u8 protocol)
{
	__u16 ports[2];

	if ((protocol != IP_PROTOCOL_TCP && protocol != IP_PROTOCOL_UDP && protocol != IP_PROTOCOL_SCTP) ||
	    bpf_skb_load_bytes(skb, off, ports, sizeof ports))
		return 0;
	return mix(ports[0]) ^ mix(ports[1]);
}

/* Addresses, protocol and ports. The fragments of a packet, of which only the first has ports, go by addresses alone. */
static __noinline __u32 flow_hash(struct __sk_buff *skb)
{
	__u16 type, fragment = 0;
	__u32 off = find_network(skb, &type), hash;
	__u8 protocol = 0, version_ihl = 0;

	if (type == ETHERTYPE_IPV4) {
		if (bpf_skb_load_bytes(skb, off, &version_ihl, 1) || bpf_skb_load_bytes(skb, off + 6, &fragment, 2) ||
		    bpf_skb_load_bytes(skb, off + 9, &protocol, 1))
			return 0;
		hash = hash_pair(skb, off + 12, 1) + protocol;
		if (fragment & bpf_htons(0x3fff))
			return mix(hash);
		return mix(hash + hash_ports(skb, off + (version_ihl & 15) * 4, protocol));
	}
	if (type == ETHERTYPE_IPV6) {
		if (bpf_skb_load_bytes(skb, off + 6, &protocol, 1))
			return 0;
		hash = hash_pair(skb, off + 8, 4) + protocol;
		return mix(hash + hash_ports(skb, off + WIRE_IPV6_LEN, protocol));
	}
	return mix(type);
}

#endif
