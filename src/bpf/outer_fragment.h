/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Fragments of outer packets. No helper cuts a packet in several: the encapsulation sends it as a whole, once per fragment and with a note,
 * to the sending side of its own device, and so to itself, and leaves of each one only the fragment.
 */
#ifndef BPF_OUTER_FRAGMENT_H
#define BPF_OUTER_FRAGMENT_H

#include "bpf/chunk.h"

enum {
	FRAGMENT_UNIT = 8,                                /* offsets count these */
	FRAGMENT_MORE = 0x2000,                           /* IPv4, more fragments */
	FRAGMENT_KEPT = 0x4000,                           /* IPv4, of the flags: "do not fragment" stays */
	IPV4_PAYLOAD = WIRE_ETHERNET_LEN + WIRE_IPV4_LEN, /* where things are in an outer packet */
	IPV6_PAYLOAD = WIRE_ETHERNET_LEN + WIRE_IPV6_LEN,
};

/* The note of a fragment; NOTE_FRAMES tells it from others. */
enum {
	FRAGMENT_OFFSET = NOTE_SOURCE, /* in the payload of the packet */
	FRAGMENT_LEN = NOTE_TICKET,    /* the highest bit is set if more follow */
	FRAGMENT_ID = NOTE_CARRIED,    /* by now the headers say what was carried */
	FRAGMENT_ELSEWHERE,            /* the packet does not go to the session's next hop */
};
#define NOTE_MORE     0x80000000u
#define NOTE_FRAGMENT 0xffffffffu /* no copy has come as that many frames */

/* Identifications of packets: one sequence for all sessions, which may have the same addresses. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} packet_ids SEC(".maps");

static __always_inline __u32 take_packet_id(void)
{
	__u32 key = 0, *next = bpf_map_lookup_elem(&packet_ids, &key);

	return next ? __sync_fetch_and_add(next, 1) : 0;
}

static __always_inline int needs_fragments(struct session_config *session, __u32 frame_len)
{
	return session->fragment_mtu && session->header_len - WIRE_ETHERNET_LEN + frame_len > session->fragment_mtu;
}

/* The length of the fragments of a payload: all of about one length, so that none is too short for the kernel to make. */
static __always_inline __u32 fragment_len(struct session_config *session, __u32 payload)
{
	__u32 headers = session->ip_version == 4 ? WIRE_IPV4_LEN : WIRE_IPV6_LEN + WIRE_IPV6_FRAGMENT_LEN;
	__u32 most = (session->fragment_mtu - headers) & ~(FRAGMENT_UNIT - 1), count;

	if (session->fragment_mtu < headers + FRAGMENT_UNIT)
		return 0;
	count = (payload + most - 1) / most;
	return ((payload + count - 1) / count + FRAGMENT_UNIT - 1) & ~(FRAGMENT_UNIT - 1);
}

/* Sends the wrapped frame of frame_len bytes in fragments, all of them or with a failure. */
static __always_inline int send_fragments(struct __sk_buff *skb, struct session_config *session, __u32 frame_len, __u32 elsewhere)
{
	__u32 start = session->ip_version == 4 ? IPV4_PAYLOAD : IPV6_PAYLOAD;
	__u32 payload = session->header_len - start + frame_len, piece = fragment_len(session, payload), off = 0;

	skb->cb[FRAGMENT_ID] = take_packet_id();
	skb->cb[FRAGMENT_ELSEWHERE] = elsewhere;
	skb->cb[NOTE_FRAMES] = NOTE_FRAGMENT;
	for (int i = 0; i < FRAGMENTS_MAX && piece; i++) {
		__u32 left = payload - off;

		skb->cb[FRAGMENT_OFFSET] = off;
		skb->cb[FRAGMENT_LEN] = left > piece ? piece | NOTE_MORE : left;
		if (bpf_clone_redirect(skb, skb->ifindex, 0))
			return -1;
		if (left <= piece)
			return 0;
		off += piece;
	}
	return -1;
}

/* Moves bytes of the packet towards its start. */
__noinline int move_bytes(struct __sk_buff *skb, __u32 from, __u32 to, __u32 left)
{
	struct chunk *chunk = find_chunk();

	if (!chunk)
		return -1;
#define MOVE(size)                                                                                                    \
	if (bpf_skb_load_bytes(skb, from, chunk->bytes, size) || bpf_skb_store_bytes(skb, to, chunk->bytes, size, 0)) \
		return -1;                                                                                            \
	from += (size);                                                                                               \
	to += (size);
	EACH_CHUNK(left, MOVE);
#undef MOVE
	return 0;
}

static __always_inline int make_ipv4_fragment(struct __sk_buff *skb, __u32 off, __u32 len, int more, __u32 id)
{
	__be16 header[WIRE_IPV4_LEN / 2];
	__u32 sum;

	if (bpf_skb_load_bytes(skb, WIRE_ETHERNET_LEN, header, sizeof header))
		return -1;
	header[1] = bpf_htons((__u16)(WIRE_IPV4_LEN + len));
	header[2] = bpf_htons((__u16)id);
	header[3] = (header[3] & bpf_htons(FRAGMENT_KEPT)) | bpf_htons((__u16)(off / FRAGMENT_UNIT | (more ? FRAGMENT_MORE : 0)));
	header[5] = 0;
	sum = (__u32)bpf_csum_diff(0, 0, (__be32 *)header, sizeof header, 0);
	sum = (sum & 0xffff) + (sum >> 16);
	header[5] = (__be16) ~((sum & 0xffff) + (sum >> 16));
	if (bpf_skb_store_bytes(skb, WIRE_ETHERNET_LEN, header, sizeof header, 0))
		return -1;
	if (off && move_bytes(skb, IPV4_PAYLOAD + off, IPV4_PAYLOAD, len))
		return -1;
	return (int)bpf_skb_change_tail(skb, IPV4_PAYLOAD + len, 0);
}

static __always_inline int make_ipv6_fragment(struct __sk_buff *skb, __u32 off, __u32 len, int more, __u32 id)
{
	__be16 header[(IPV6_PAYLOAD + WIRE_IPV6_FRAGMENT_LEN) / 2]; /* Ethernet, IPv6, fragment */
	__u8 protocol;

	if (bpf_skb_change_head(skb, WIRE_IPV6_FRAGMENT_LEN, 0) || bpf_skb_load_bytes(skb, WIRE_IPV6_FRAGMENT_LEN, header, IPV6_PAYLOAD))
		return -1;
	protocol = ((__u8 *)header)[WIRE_ETHERNET_LEN + 6];
	((__u8 *)header)[WIRE_ETHERNET_LEN + 6] = IP_PROTOCOL_FRAGMENT;
	header[9] = bpf_htons((__u16)(WIRE_IPV6_FRAGMENT_LEN + len));
	header[27] = bpf_htons((__u16)(protocol << 8));
	header[28] = bpf_htons((__u16)(off | (more ? 1 : 0)));
	header[29] = bpf_htons((__u16)(id >> 16));
	header[30] = bpf_htons((__u16)id);
	if (bpf_skb_store_bytes(skb, 0, header, sizeof header, 0))
		return -1;
	if (off && move_bytes(skb, sizeof header + off, sizeof header, len))
		return -1;
	return (int)bpf_skb_change_tail(skb, sizeof header + len, 0);
}

/* Leaves of a packet the fragment that the note names. */
static __always_inline int make_fragment(struct __sk_buff *skb)
{
	__u32 off = skb->cb[FRAGMENT_OFFSET], len = skb->cb[FRAGMENT_LEN] & ~NOTE_MORE, id = skb->cb[FRAGMENT_ID];
	int more = (skb->cb[FRAGMENT_LEN] & NOTE_MORE) != 0;
	__u8 version;

	if (len > OUTER_MAX || off > OUTER_MAX || bpf_skb_load_bytes(skb, WIRE_ETHERNET_LEN, &version, sizeof version))
		return -1;
	return version >> 4 == 4 ? make_ipv4_fragment(skb, off, len, more, id) : make_ipv6_fragment(skb, off, len, more, id);
}

#endif
