/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the outer headers of a copy say: those of its session, with the fields that differ from frame to frame filled in. */
#ifndef BPF_OUTER_HEADER_H
#define BPF_OUTER_HEADER_H

#include <farspan.h>

#include "bpf/flow.h"
#include "bpf/hook.h"
#include "bpf/layers.h"
#include "bpf/relay.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct clock_config);
} clock SEC(".maps");

/* The header under construction. One per CPU: nothing interrupts the program between its first and last use. */
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
	struct farspan_meta meta; /* as the hook and the rules of a relay left it; unused without them */
};

/* Sets bits in the word at off of the header; they are 0 in what farspan_encode() made. The mask is for the verifier: offsets are even. */
static __always_inline void header_or(struct session_config *header, __u32 off, __u32 bits)
{
	*(__be32 *)(header->header + HEADER_ALIGN + (off & (HEADER_MAX - 2))) |= bpf_htonl(bits);
}

static __always_inline void fill_ipv4(struct session_config *header, __u32 total_length)
{
	__u32 sum = header->ipv4_sum + total_length;

	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	header_or(header, WIRE_ETHERNET_LEN, total_length);
	header_or(header, WIRE_ETHERNET_LEN + 8, ~sum & 0xffff);
}

/* Lengths of the outer headers, for a frame of that many bytes. */
static __always_inline void fill_lengths(struct session_config *header, const struct session_config *session, __u32 frame_len)
{
	__u32 ip_len = session->header_len - WIRE_ETHERNET_LEN + frame_len;

	if (session->ip_version == 4)
		fill_ipv4(header, ip_len);
	else
		header_or(header, WIRE_ETHERNET_LEN + 4, (ip_len - WIRE_IPV6_LEN) << 16);
	if (session->kind == FARSPAN_VXLAN)
		header_or(header, session->tunnel_off + 4, (session->header_len - session->tunnel_off + frame_len) << 16);
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

static __always_inline void fill_tos(struct session_config *header, const struct session_config *session, __u8 tos)
{
	if (session->ip_version == 4) {
		header_or(header, WIRE_ETHERNET_LEN, (__u32)tos << 16);
		header->ipv4_sum += tos;
	} else {
		header_or(header, WIRE_ETHERNET_LEN, (__u32)tos << 20);
	}
}

/* The UDP source port, by which routers and receivers tell the flows inside apart (RFC 7348 section 5). */
static __always_inline void fill_entropy(struct session_config *header, const struct session_config *session, __u32 flow)
{
	header_or(header, session->tunnel_off, (PORT_DYNAMIC | (flow & PORT_DYNAMIC_MASK)) << 16);
}

static __always_inline void fill_time(struct session_config *header, const struct session_config *session, __u32 off)
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
	header_or(header, off, (__u32)time);
	if (session->time_upper_off)
		header_or(header, session->time_upper_off, (__u32)upper);
}

static __always_inline void fill_erspan(struct session_config *header, const struct session_config *session, struct frame *frame)
{
	__u32 off = session->tunnel_off;
	__u32 vlan = frame->tci & VLAN_ID_MASK, cos = frame->tci >> VLAN_PRIORITY_SHIFT;

	if (session->kind == FARSPAN_ERSPAN2) {
		header_or(header, off,
			  vlan << ERSPAN2_vlan | cos << ERSPAN2_cos | (frame->tagged ? ERSPAN_EN_PRESERVED : 0) << ERSPAN2_en |
				  frame->truncated << ERSPAN2_truncated);
	} else if (session->kind == FARSPAN_ERSPAN3) {
		header_or(header, off, vlan << ERSPAN3_vlan | cos << ERSPAN3_cos | frame->truncated << ERSPAN3_truncated);
		fill_time(header, session, off + 4);
		header_or(header, off + 8, (frame->direction == DIRECTION_TX) << ERSPAN3_direction);
	}
}

/* Copies of the session what is changed in a copy, and not more: it is done for every frame. Hooks look their fields up in it too. */
static __always_inline void start_header(struct session_config *header, const struct session_config *session)
{
	enum {
		SHORT = 64, /* most formats over IPv4 */
	};

	header->ipv4_sum = session->ipv4_sum;
	__builtin_memcpy(header->header, session->header, SHORT);
	if (session->header_len > SHORT - HEADER_ALIGN)
		__builtin_memcpy(header->header + SHORT, session->header + SHORT, HEADER_BUFFER - SHORT);
	if (hooked || has_carrier) {
		header->ip_version = session->ip_version;
		__builtin_memcpy(header->fields, session->fields, sizeof header->fields);
	}
}

/*
 * The outer headers of a frame, but for the sequence number: of what this returns only header[] is set. NULL: there is no room for them.
 */
static __always_inline struct session_config *make_header(struct __sk_buff *skb, struct session_config *session, struct frame *frame)
{
	__u32 key = 0;
	struct session_config *header = bpf_map_lookup_elem(&scratch, &key);

	if (!header)
		return 0;
	start_header(header, session);
	if (hooked || has_carrier)
		frame->elsewhere = (__u8)apply_meta(header, &frame->meta);
	if (session->inherit_tos)
		fill_tos(header, session, read_tos(skb));
	fill_lengths(header, session, frame->len);
	if (session->port_off && !hooked && !has_carrier)
		header_or(header, session->port_off, frame->source & session->port_mask);
	if (session->kind == FARSPAN_VXLAN)
		fill_entropy(header, session, flow_hash(skb));
	else
		fill_erspan(header, session, frame);
	return header;
}

#endif
