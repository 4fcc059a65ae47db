/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the outer headers of a copy say: those of its session, with the fields that differ from frame to frame filled in. */
#ifndef BPF_OUTER_HEADER_H
#define BPF_OUTER_HEADER_H

#include <farspan.h>

#include "bpf/flow.h"
#include "bpf/hook.h"
#include "bpf/layers.h"
#include "bpf/packet.h"
#include "bpf/relay.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct clock_config);
} clock SEC(".maps");

/* What a hook and rules have made of a session's headers. One per CPU: nothing interrupts the program between its first and last use. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct session_config);
} scratch SEC(".maps");

enum {
	PORT_DYNAMIC = 0xc000, /* the first of RFC 6335's dynamic ports */
	PORT_DYNAMIC_MASK = 0x3fff,
	NS_PER_S = 1000000000,
	IPV4_LENGTH = 1, /* where things are in an IPv4 header, in 16 bits */
	IPV4_ID = 2,
	IPV4_CHECKSUM = 5,
};

/* Shifts of the fields that differ from frame to frame. */
enum {
#define AS_SHIFT(field, word, shift, width) ERSPAN2_##field = shift,
	ERSPAN2_FIELDS(AS_SHIFT)
#undef AS_SHIFT
#define AS_SHIFT(field, word, shift, width) ERSPAN3_##field = shift,
	ERSPAN3_FIELDS(AS_SHIFT)
#undef AS_SHIFT
};

/* What is known of the copy. */
struct frame {
	__u32 len; /* as sent, behind truncation */
	__u16 tci; /* of its outermost tag */
	__u8 tagged;
	__u8 truncated;
	__u8 routed;              /* may have the route of its original */
	__u8 elsewhere;           /* goes to a remote of the hook's */
	enum direction direction; /* as its copy says */
	__u32 source;             /* ifindex of where it was seen */
	__u8 has_sequence;        /* of its own */
	__u32 sequence;
	__u8 tos;                            /* of its outer packet, if the session does not say it */
	__u32 flow;                          /* for VXLAN */
	const struct session_config *header; /* the session's, or what a hook and rules have made of it */
};

/*
 * What follows writes into the outer headers where they are in the packet. Should there not be so many bytes, which copy_header() and
 * fill_piece() have seen to, nothing is written. The mask is for the verifier too: offsets are even.
 */
static __always_inline __u8 *outer_at(struct __sk_buff *skb, __u32 off)
{
	return packet_start(skb) + (off & (HEADER_MAX - 2));
}

/* Sets bits in the word at off; they are 0 in what farspan_encode() made. */
static __always_inline void set_outer(struct __sk_buff *skb, __u32 off, __u32 bits)
{
	__u8 *word = outer_at(skb, off);

	if (word + sizeof(__be32) <= packet_end(skb))
		*(__be32 *)word |= bpf_htonl(bits);
}

/* Replaces the 16 bits at off. */
static __always_inline void replace_outer(struct __sk_buff *skb, __u32 off, __u32 value)
{
	__u8 *half = outer_at(skb, off);

	if (half + sizeof(__be16) <= packet_end(skb))
		*(__be16 *)half = bpf_htons((__u16)value);
}

static __always_inline __u16 fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)((sum & 0xffff) + (sum >> 16));
}

/* Replaces 16 bits of the IPv4 header, by their number in it, and what they are in its checksum. */
static __always_inline void replace_ipv4(struct __sk_buff *skb, __u32 number, __u32 value)
{
	__be16 *ip = (__be16 *)outer_at(skb, WIRE_ETHERNET_LEN);

	if ((__u8 *)ip + WIRE_IPV4_LEN > packet_end(skb))
		return;
	ip[IPV4_CHECKSUM] = bpf_htons((__u16)~fold((__u16)~bpf_ntohs(ip[IPV4_CHECKSUM]) + (__u16)~bpf_ntohs(ip[number]) + (__u16)value));
	ip[number] = bpf_htons((__u16)value);
}

/* Lengths of the outer headers. */
static __always_inline void set_lengths(struct __sk_buff *skb, const struct session_config *session, const struct frame *frame)
{
	__u32 ip_len = session->header_len - WIRE_ETHERNET_LEN + frame->len;

	if (session->ip_version == 4) {
		set_outer(skb, WIRE_ETHERNET_LEN, (__u32)frame->tos << 16 | ip_len);
		set_outer(skb, WIRE_ETHERNET_LEN + 8, (__u16)~fold(frame->header->ipv4_sum + frame->tos + ip_len));
	} else {
		set_outer(skb, WIRE_ETHERNET_LEN, (__u32)frame->tos << 20);
		set_outer(skb, WIRE_ETHERNET_LEN + 4, (ip_len - WIRE_IPV6_LEN) << 16);
	}
	if (session->kind == FARSPAN_VXLAN)
		set_outer(skb, session->tunnel_off + 4, (session->header_len - session->tunnel_off + frame->len) << 16);
}

/* TOS or traffic class of the frame; 0 if it is not IP. */
static __always_inline __u8 read_tos(struct __sk_buff *skb)
{
	__u16 type;
	__u32 off = find_network(skb, 0, &type);
	__u8 bytes[2];

	if (bpf_skb_load_bytes(skb, off, bytes, sizeof bytes))
		return 0;
	if (type == ETHERTYPE_IPV4)
		return bytes[1];
	return type == ETHERTYPE_IPV6 ? (__u8)(bytes[0] << 4 | bytes[1] >> 4) : 0;
}

static __always_inline void set_time(struct __sk_buff *skb, const struct session_config *session, __u32 off)
{
	__u32 key = 0;
	struct clock_config *c = bpf_map_lookup_elem(&clock, &key);
	__u64 time, upper;

	if (!c || !session->timestamp_unit_ns)
		return;
	time = (bpf_ktime_get_ns() + c->realtime_offset_ns) / session->timestamp_unit_ns;
	upper = time >> 32;
	if (session->time_in_seconds) {
		upper = time / NS_PER_S;
		time -= upper * NS_PER_S;
	}
	set_outer(skb, off, (__u32)time);
	if (session->time_upper_off)
		set_outer(skb, session->time_upper_off, (__u32)upper);
}

static __always_inline void set_erspan(struct __sk_buff *skb, const struct session_config *session, const struct frame *frame)
{
	__u32 off = session->tunnel_off;
	__u32 vlan = frame->tci & VLAN_ID_MASK, cos = frame->tci >> VLAN_PRIORITY_SHIFT;

	if (session->kind == FARSPAN_ERSPAN2) {
		set_outer(skb, off,
			  vlan << ERSPAN2_vlan | cos << ERSPAN2_cos | (frame->tagged ? ERSPAN_EN_PRESERVED : 0) << ERSPAN2_en |
				  frame->truncated << ERSPAN2_truncated);
	} else if (session->kind == FARSPAN_ERSPAN3) {
		set_outer(skb, off, vlan << ERSPAN3_vlan | cos << ERSPAN3_cos | frame->truncated << ERSPAN3_truncated);
		set_time(skb, session, off + 4);
		set_outer(skb, off + 8, (frame->direction == DIRECTION_TX) << ERSPAN3_direction);
	}
}

/*
 * Copies the headers to the start of the packet, in words that are aligned in the map and have whole words of the IP header in them. Not 0:
 * there is no room for them.
 */
static __always_inline int copy_header(struct __sk_buff *skb, const struct session_config *from, __u32 len)
{
	enum {
		FIRST = 8 - HEADER_ALIGN,
		LEAST = WIRE_ETHERNET_LEN + WIRE_IPV4_LEN, /* all are longer */
	};
	const __u8 *header = from->header + HEADER_ALIGN;
	__u8 *to = packet_start(skb), *end = packet_end(skb);

	if (len < LEAST || len > HEADER_MAX || to + LEAST > end)
		return -1;
	*(__u16 *)to = *(const __u16 *)header;
	*(__u32 *)(to + sizeof(__u16)) = *(const __u32 *)(header + sizeof(__u16));
#pragma unroll
	for (__u32 i = 0; i < (HEADER_MAX - FIRST) / 8; i++) {
		if (len < FIRST + 8 * i + 8 || to + FIRST + 8 * i + 8 > end)
			break;
		*(__u64 *)(to + FIRST + 8 * i) = *(const __u64 *)(header + FIRST + 8 * i);
	}
	len -= sizeof(__u64);
	asm volatile(""
		     : "+r"(len)); /* or the compiler goes behind the last word first, and then back, which the verifier does not follow */
	if (to + len + sizeof(__u64) > end)
		return -1;
	*(__u64 *)(to + len) = *(const __u64 *)(header + len);
	return 0;
}

/* What the headers say of the frame that has to be read before they are in front of it. */
static __always_inline void look_inside(struct __sk_buff *skb, const struct session_config *session, struct frame *frame)
{
	if (session->inherit_tos)
		frame->tos = read_tos(skb);
	if (session->kind == FARSPAN_VXLAN)
		frame->flow = flow_hash(skb);
}

/* Writes the outer headers, but for the sequence number, where room was made for them. Not 0: there is none. */
static __always_inline int write_header(struct __sk_buff *skb, const struct session_config *session, const struct frame *frame)
{
	if (copy_header(skb, frame->header, session->header_len))
		return -1;
	set_lengths(skb, session, frame);
	if (session->port_off && !hooked && !has_carrier)
		set_outer(skb, session->port_off, frame->source & session->port_mask);
	/* The UDP source port, by which routers and receivers tell the flows inside apart (RFC 7348 section 5). */
	if (session->kind == FARSPAN_VXLAN)
		set_outer(skb, session->tunnel_off, (PORT_DYNAMIC | (frame->flow & PORT_DYNAMIC_MASK)) << 16);
	else
		set_erspan(skb, session, frame);
	return 0;
}

/* Makes of the session's headers those that say what the hook and the rules want. Not 0: that failed. */
static __always_inline int change_header(const struct session_config *session, struct farspan_meta *meta, struct frame *frame)
{
	__u32 key = 0;
	struct session_config *header = bpf_map_lookup_elem(&scratch, &key);

	if (!header)
		return -1;
	header->ipv4_sum = session->ipv4_sum;
	header->ip_version = session->ip_version;
	__builtin_memcpy(header->fields, session->fields, sizeof header->fields);
	__builtin_memcpy(header->header, session->header, sizeof header->header);
	frame->elsewhere = (__u8)apply_meta(header, meta);
	frame->header = header;
	return 0;
}

#endif
