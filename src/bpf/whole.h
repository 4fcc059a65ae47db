/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Super-packets that are wrapped whole: they get their outer headers once, the kernel cuts them behind that, as it does with those of its
 * own tunnels, and of each piece only what differs is filled in. The device that makes the kernel cut is a macvlan on the encapsulation's,
 * which hands every piece on at once: no queue is on this way. Where the format has nothing that differs from piece to piece, the
 * super-packet goes to the next hop as it is, and the kernel cuts it there.
 *
 *    super-packet -> macvlan: wrap_whole() --> (kernel cuts) --> encapsulation's device: send_piece() --> next hop
 *                                         +--> next hop (kernel cuts)
 *
 * Nobody has finished the checksums of the pieces. So this way is for sessions whose uplink leaves that to the kernel, see
 * session_config.unfinished_max.
 */
#ifndef BPF_WHOLE_H
#define BPF_WHOLE_H

#include "bpf/outer_header.h"

/* The note of a piece; NOTE_FRAMES tells it from others, since no copy has come as that many frames. */
#define NOTE_PIECE 0xfffffffeu
enum {
	PIECE_PLACE = NOTE_TICKET, /* session_config.place: by what the super-packet was wrapped, which may be no longer the current one */
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

/*
 * The next number of the session; the headers have 0 in its place. A helper writes it: would the program itself, the kernel had every copy
 * that comes to it made writable once more.
 */
static __always_inline int take_piece_number(struct __sk_buff *skb, struct session_config *session, struct session_state *state)
{
	__be32 number;

	if (!session->sequence_off)
		return 0;
	number = bpf_htonl(__sync_fetch_and_add(&state->next_sequence, 1));
	return (int)bpf_skb_store_bytes(skb, session->sequence_off, &number, sizeof number, 0);
}

#endif
