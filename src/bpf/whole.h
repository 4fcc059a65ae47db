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

#include "bpf/outer_fragment.h"
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
	__u64 flags = BPF_F_ADJ_ROOM_FIXED_GSO | BPF_F_ADJ_ROOM_NO_CSUM_RESET | BPF_F_ADJ_ROOM_ENCAP_L2(WIRE_ETHERNET_LEN) |
		      BPF_F_ADJ_ROOM_ENCAP_L2_ETH;
	__u8 ethernet[WIRE_ETHERNET_LEN];

	flags |= session->ip_version == 4 ? BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 : BPF_F_ADJ_ROOM_ENCAP_L3_IPV6;
	flags |= session->kind == FARSPAN_VXLAN ? BPF_F_ADJ_ROOM_ENCAP_L4_UDP : BPF_F_ADJ_ROOM_ENCAP_L4_GRE;
	look_inside(skb, session, frame);
	return bpf_skb_load_bytes(skb, 0, ethernet, sizeof ethernet) ||
	       bpf_skb_adjust_room(skb, (__s32)session->header_len, BPF_ADJ_ROOM_MAC, flags) ||
	       bpf_skb_store_bytes(skb, session->header_len, ethernet, sizeof ethernet, 0) || write_header(skb, session, frame);
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

/* The lengths of a piece that was shortened, and that it was. */
static __always_inline void shorten_headers(struct __sk_buff *skb, struct session_config *session)
{
	__u32 ip_len = skb->len - WIRE_ETHERNET_LEN;

	if (session->ip_version == 4)
		replace_ipv4(skb, IPV4_LENGTH, ip_len);
	else
		replace_outer(skb, WIRE_ETHERNET_LEN + 4, ip_len - WIRE_IPV6_LEN);
	if (session->kind == FARSPAN_ERSPAN2)
		set_outer(skb, session->tunnel_off, 1u << ERSPAN2_truncated);
	else if (session->kind == FARSPAN_ERSPAN3)
		set_outer(skb, session->tunnel_off, 1u << ERSPAN3_truncated);
	else if (session->kind == FARSPAN_VXLAN)
		replace_outer(skb, session->tunnel_off + 4, skb->len - session->tunnel_off);
}

/* Fills in what a piece says of itself: that it was shortened, and its numbers, of which the headers have 0. Not 0: they are not there. */
static __always_inline int fill_piece(struct __sk_buff *skb, struct session_config *session, struct session_state *state, int shortened)
{
	if (outer_at(skb, session->header_len - 2) + 2 > packet_end(skb))
		return -1;
	if (shortened)
		shorten_headers(skb, session);
	if (session->number_packets)
		replace_ipv4(skb, IPV4_ID, take_packet_id());
	if (session->sequence_off)
		set_outer(skb, session->sequence_off, take_number(state));
	return 0;
}

#endif
