// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * The source: sits on one interface, in one direction, for all sessions that take from it, and sends a copy of each frame on its way to the
 * segmenting device. It never changes, delays or drops the frame: it always answers "next program".
 */
#include "bpf/mirror_maps.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile struct tap taps[DIRECTIONS];

/* Frames on the wire that this skb stands for. Super-packets from untrusted devices (guests) come without a count. */
static __always_inline __u32 wire_frames(struct __sk_buff *skb)
{
	if (!skb->gso_size)
		return 1;
	return skb->gso_segs ? skb->gso_segs : (skb->len + skb->gso_size - 1) / skb->gso_size;
}

/* Offset of the IP header behind at most two inline tags; its EtherType in *type. */
static __always_inline __u32 find_network(struct __sk_buff *skb, __u16 *type)
{
	__u32 off = WIRE_ETHERNET_LEN;

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

static __always_inline int is_tunnel(__u8 protocol)
{
	return protocol == IP_PROTOCOL_GRE || protocol == IP_PROTOCOL_UDP;
}

/* Our copies have no IPv4 options and no IPv6 extension headers: whatever has some is none of them. */
static __always_inline int read_tunnel(struct __sk_buff *skb, struct tunnel_key *key)
{
	__u16 ethertype;
	__u32 off = find_network(skb, &ethertype);
	__u8 protocol = 0;

	if (ethertype == ETHERTYPE_IPV4) {
		if (bpf_skb_load_bytes(skb, off + 9, &protocol, sizeof protocol) || !is_tunnel(protocol) ||
		    bpf_skb_load_bytes(skb, off + 12, key->source, 4) || bpf_skb_load_bytes(skb, off + 16, key->destination, 4))
			return -1;
		off += WIRE_IPV4_LEN;
	} else if (ethertype == ETHERTYPE_IPV6) {
		if (bpf_skb_load_bytes(skb, off + 6, &protocol, sizeof protocol) || !is_tunnel(protocol) ||
		    bpf_skb_load_bytes(skb, off + 8, key->source, 32))
			return -1;
		off += WIRE_IPV6_LEN;
	} else {
		return -1;
	}
	key->protocol = protocol;
	/* The GRE protocol stands where UDP has its destination port. */
	return (int)bpf_skb_load_bytes(skb, off + 2, &key->type, sizeof key->type);
}

/* A copy of ours, by its mark; or by its outer headers, should it come back from elsewhere or have lost the mark. */
static __always_inline int is_own_copy(struct __sk_buff *skb)
{
	struct tunnel_key key = {};

	if ((skb->mark & MARK_MAGIC_MASK) == MARK_MAGIC)
		return 1;
	return !read_tunnel(skb, &key) && bpf_map_lookup_elem(&own_tunnels, &key);
}

static __always_inline void copy(struct __sk_buff *skb, __u32 slot, enum direction direction, __u32 frames, int own)
{
	struct counters *c = session_counters(slot, direction);
	__u32 mark = skb->mark;
	long failed;

	if (!c)
		return;
	count(c, COUNTER_seen, frames);
	if (own) {
		count(c, COUNTER_loop, frames);
		return;
	}
	count(c, COUNTER_attempted, frames);
	skb->mark = MARK_MAGIC | (direction == DIRECTION_TX ? MARK_TX : 0) | (slot & MARK_SLOT_MASK);
	failed = bpf_clone_redirect(skb, taps[direction].segmenter, 0);
	skb->mark = mark;
	/*
	 * Below 0 nothing was sent. A positive answer says that the last frame of a super-packet was lost, but nothing of the others: those
	 * losses are found as attempted and not arrived.
	 */
	if (failed < 0)
		count(c, COUNTER_clone_failed, frames);
}

static __always_inline int mirror(struct __sk_buff *skb, enum direction direction)
{
	__u32 frames = wire_frames(skb);
	int own = is_own_copy(skb);

	for (__u32 i = 0; i < TAP_SESSIONS_MAX && i < taps[direction].count; i++)
		copy(skb, taps[direction].slots[i], direction, frames, own);
	return TC_ACT_UNSPEC;
}

SEC("tc")
int farspan_rx(struct __sk_buff *skb)
{
	return mirror(skb, DIRECTION_RX);
}

SEC("tc")
int farspan_tx(struct __sk_buff *skb)
{
	return mirror(skb, DIRECTION_TX);
}
