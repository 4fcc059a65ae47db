/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Super-packets that are wrapped whole: they get their outer headers once, the kernel cuts them behind that, as it does with those of its
 * own tunnels, and of each piece only what differs is filled in. There are two ways.
 *
 *    super-packet -> macvlan: wrap_whole() --> (kernel cuts) --> encapsulation's device: send_piece() --> next hop
 *                                         +--> next hop (kernel cuts)
 *
 *    super-packet -> segmenter: wrap_whole() -> (kernel cuts and sums up) -> (queue of this CPU) -> encapsulation: send_piece() -> next hop
 *
 * On the first, the device that makes the kernel cut is a macvlan on the encapsulation's, which hands every piece on at once: no queue is
 * on this way. Where the format has nothing that differs from piece to piece, the super-packet goes to the next hop as it is, and the
 * kernel cuts it there. But nobody has finished the checksums of the pieces, so this way is for sessions whose uplink leaves that to the
 * kernel, see session_config.unfinished_max. The second is for all others, also those that cut their copies: the kernel has no helper
 * that shortens a packet whose checksum waits behind outer headers.
 */
#ifndef BPF_WHOLE_H
#define BPF_WHOLE_H

#include "bpf/outer_header.h"

/* The note of a piece; NOTE_FRAMES tells it from others, since no copy has come as that many frames. */
#define NOTE_PIECE 0xfffffffeu
enum {
	PIECE_PLACE = NOTE_TICKET, /* session_config.place: by what the super-packet was wrapped, which may be no longer the current one */
	NOT_CUT = ~0u,
};

/* Whether something of what we write is not the same in all pieces, or they are to be counted one by one. */
static __always_inline int differs_by_piece(const struct session_config *session)
{
	return session->sequence_off || session->number_packets || session->limit;
}

/* Makes room behind the Ethernet header and writes the outer headers, and the frame's own Ethernet header behind them. */
static __always_inline int wrap_whole(struct __sk_buff *skb, struct session_config *session, struct frame *frame)
{
	struct session_config *header = make_header(skb, session, frame);
	__u64 flags = BPF_F_ADJ_ROOM_FIXED_GSO | BPF_F_ADJ_ROOM_NO_CSUM_RESET | BPF_F_ADJ_ROOM_ENCAP_L2(WIRE_ETHERNET_LEN) |
		      BPF_F_ADJ_ROOM_ENCAP_L2_ETH;
	__u8 ethernet[WIRE_ETHERNET_LEN];
	__u32 len = session->header_len;

	flags |= session->ip_version == 4 ? BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 : BPF_F_ADJ_ROOM_ENCAP_L3_IPV6;
	flags |= session->kind == FARSPAN_VXLAN ? BPF_F_ADJ_ROOM_ENCAP_L4_UDP : BPF_F_ADJ_ROOM_ENCAP_L4_GRE;
	if (!header || len < WIRE_ETHERNET_LEN || len > HEADER_MAX || bpf_skb_load_bytes(skb, 0, ethernet, sizeof ethernet) ||
	    bpf_skb_adjust_room(skb, (__s32)len, BPF_ADJ_ROOM_MAC, flags))
		return -1;
	return bpf_skb_store_bytes(skb, 0, header->header + HEADER_ALIGN, len, 0) ||
	       bpf_skb_store_bytes(skb, len, ethernet, sizeof ethernet, 0);
}

/* Takes from a 16-bit length in the outer headers; sum_off: of the checksum that it is part of, or 0. */
static __always_inline int change_length(struct __sk_buff *skb, __u32 off, __u32 less, __u32 sum_off)
{
	__be16 old_be, new_be;

	if (bpf_skb_load_bytes(skb, off, &old_be, sizeof old_be))
		return -1;
	new_be = bpf_htons((__u16)(bpf_ntohs(old_be) - less));
	if (bpf_skb_store_bytes(skb, off, &new_be, sizeof new_be, 0))
		return -1;
	return sum_off ? (int)bpf_l3_csum_replace(skb, sum_off, old_be, new_be, sizeof new_be) : 0;
}

static __always_inline int mark_truncated(struct __sk_buff *skb, struct session_config *session)
{
	__be32 word_be;
	__u32 bit = session->kind == FARSPAN_ERSPAN2 ? 1u << ERSPAN2_truncated : 1u << ERSPAN3_truncated;

	if (session->kind != FARSPAN_ERSPAN2 && session->kind != FARSPAN_ERSPAN3)
		return 0;
	if (bpf_skb_load_bytes(skb, session->tunnel_off, &word_be, sizeof word_be))
		return -1;
	word_be |= bpf_htonl(bit);
	return (int)bpf_skb_store_bytes(skb, session->tunnel_off, &word_be, sizeof word_be, 0);
}

/* Shortens the frame in a piece to so many bytes, should it be longer: by how many, or below 0 if that failed. */
static __always_inline int cut_piece(struct __sk_buff *skb, struct session_config *session, __u32 cut)
{
	__u32 len = skb->len - session->header_len;

	if (cut == NOT_CUT || len <= cut)
		return 0;
	return bpf_skb_change_tail(skb, session->header_len + cut, 0) ? -1 : (int)(len - cut);
}

static __always_inline __u32 take_number(struct session_state *state)
{
	return __sync_fetch_and_add(&state->next_sequence, 1);
}

/* The headers of most pieces that were shortened, from IPv4 up to the first word of ERSPAN, are read and written at once. */
static __always_inline int shorten_erspan_over_ipv4(struct __sk_buff *skb, struct session_config *session, struct session_state *state,
						    __u32 less)
{
	enum {
		LENGTH = 1, /* in 16-bit words */
		CHECKSUM = 5,
		SEQUENCE = 6, /* in 32-bit words */
		ERSPAN = 7,
	};
	union {
		__be16 half[16];
		__be32 word[8];
	} head;
	__u32 old, sum;

	if (bpf_skb_load_bytes(skb, WIRE_ETHERNET_LEN, &head, sizeof head))
		return -1;
	old = bpf_ntohs(head.half[LENGTH]);
	sum = (__u16)~bpf_ntohs(head.half[CHECKSUM]) + (__u16)~old + (old - less);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	head.half[LENGTH] = bpf_htons((__u16)(old - less));
	head.half[CHECKSUM] = bpf_htons((__u16)~sum);
	head.word[SEQUENCE] = bpf_htonl(take_number(state));
	head.word[ERSPAN] |= bpf_htonl(session->kind == FARSPAN_ERSPAN2 ? 1u << ERSPAN2_truncated : 1u << ERSPAN3_truncated);
	return (int)bpf_skb_store_bytes(skb, WIRE_ETHERNET_LEN, &head, sizeof head, 0);
}

static __always_inline int shorten_headers(struct __sk_buff *skb, struct session_config *session, __u32 less)
{
	__u32 ip = WIRE_ETHERNET_LEN;

	return (session->ip_version == 4 ? change_length(skb, ip + 2, less, ip + 10) : change_length(skb, ip + 4, less, 0)) ||
	       (session->kind == FARSPAN_VXLAN && change_length(skb, session->tunnel_off + 4, less, 0)) || mark_truncated(skb, session);
}

/*
 * Fills in what a piece says of itself: that it is so much shorter, and the next number of the session, of which the headers have 0. A
 * helper writes it: would the program itself, the kernel had every copy that comes to it made writable once more.
 */
static __always_inline int fill_piece(struct __sk_buff *skb, struct session_config *session, struct session_state *state, __u32 less)
{
	__be32 number_be;

	if (less && session->ip_version == 4 && session->sequence_off == WIRE_ETHERNET_LEN + WIRE_IPV4_LEN + WIRE_GRE_LEN &&
	    (session->kind == FARSPAN_ERSPAN2 || session->kind == FARSPAN_ERSPAN3))
		return shorten_erspan_over_ipv4(skb, session, state, less);
	if (less && shorten_headers(skb, session, less))
		return -1;
	if (!session->sequence_off)
		return 0;
	number_be = bpf_htonl(take_number(state));
	return (int)bpf_skb_store_bytes(skb, session->sequence_off, &number_be, sizeof number_be, 0);
}

#endif
