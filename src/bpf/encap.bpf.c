// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * The encapsulation: sits behind the segmenting device, where every copy is one frame as on the wire, with finished checksums. It puts the
 * VLAN tag back, truncates to the path, writes the outer headers and sends the copy to its next hop.
 */
#include "bpf/mirror_maps.h"

#include <farspan.h>

#include "bpf/flow.h"
#include "bpf/hook.h"
#include "bpf/layers.h"
#include "bpf/outer_checksum.h"
#include "bpf/outer_fragment.h"
#include "bpf/relay.h"
#include "bpf/relays.h"
#include "bpf/ways.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SESSIONS_MAX * 2);
	__type(key, __u32);
	__type(value, struct session_config);
} sessions SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SESSIONS_MAX);
	__type(key, __u32);
	__type(value, __u32);
} current SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SESSIONS_MAX);
	__type(key, __u32);
	__type(value, struct session_state);
} states SEC(".maps");

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

/*
 * By the key of a session: the interface it sends to. The kernel keeps the interface itself here and takes it out when that goes; the
 * number alone might be another's by then.
 */
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, SESSIONS_MAX * 2);
	__type(key, __u32);
	__type(value, __u32);
} uplinks SEC(".maps");

enum {
	AF_INET = 2,
	AF_INET6 = 10,
	TAG_DUMMY = 1,         /* any VLAN id */
	PORT_DYNAMIC = 0xc000, /* the first of RFC 6335's dynamic ports */
	PORT_DYNAMIC_MASK = 0x3fff,
	PADDING_MAX = 128,
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

static __always_inline struct session_config *find_session(__u32 slot)
{
	__u32 *key = bpf_map_lookup_elem(&current, &slot);
	struct session_config *session = key ? bpf_map_lookup_elem(&sessions, key) : 0;

	return session && session->present ? session : 0;
}

static __always_inline int has_uplink(struct session_config *session, __u32 slot)
{
	return session->uplink && bpf_map_lookup_elem(&uplinks, &session->place) &&
	       (!session->relayed || bpf_map_lookup_elem(&relays, &slot));
}

/* Sets bits in the word at off of the header; they are 0 in what farspan_encode() made. The mask is for the verifier: offsets are even. */
static __always_inline void header_or(struct session_config *header, __u32 off, __u32 bits)
{
	*(__be32 *)(header->header + HEADER_ALIGN + (off & (HEADER_MAX - 2))) |= bpf_htonl(bits);
}

/*
 * The kernel takes the outermost tag out of the frame on reception. Pushing another one moves it back in. For a tunnel the new one is a
 * dummy that set_protocol() removes in the end: removing it here would take the real tag out again. For RSPAN it is what is wanted.
 */
static __always_inline int restore_tag(struct __sk_buff *skb, struct session_config *session, struct frame *frame)
{
	if (session->strip_tag && skb->vlan_present && bpf_skb_vlan_pop(skb))
		return -1;
	frame->tagged = skb->vlan_present != 0;
	frame->tci = frame->tagged ? (__u16)skb->vlan_tci : 0;
	if (session->wrap == WRAP_VLAN)
		return (int)bpf_skb_vlan_push(skb, (__be16)session->tag_type_be, (__u16)session->tag_tci);
	if (session->wrap == WRAP_TUNNEL && skb->vlan_present)
		return (int)bpf_skb_vlan_push(skb, bpf_htons(ETHERTYPE_VLAN), TAG_DUMMY);
	return 0;
}

/*
 * Makes the kernel see the outer header's protocol: no helper sets skb->protocol, but popping a tag reads it from the frame. Pushing one
 * tag fills the metadata, the second moves the first into the frame; the pops take both away.
 */
static __always_inline int set_protocol(struct __sk_buff *skb, __u16 protocol)
{
	if (!skb->vlan_present) {
		if (skb->protocol == bpf_htons(protocol))
			return 0;
		if (bpf_skb_vlan_push(skb, bpf_htons(ETHERTYPE_VLAN), TAG_DUMMY))
			return -1;
	}
	return bpf_skb_vlan_push(skb, bpf_htons(ETHERTYPE_VLAN), TAG_DUMMY) || bpf_skb_vlan_pop(skb) || bpf_skb_vlan_pop(skb);
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
static __always_inline void fill_lengths(struct session_config *header, __u32 frame_len)
{
	__u32 ip_len = header->header_len - WIRE_ETHERNET_LEN + frame_len;
	__u32 ip_header = header->ip_version == 4 ? WIRE_IPV4_LEN : WIRE_IPV6_LEN;

	if (header->ip_version == 4)
		fill_ipv4(header, ip_len);
	else
		header_or(header, WIRE_ETHERNET_LEN + 4, (ip_len - WIRE_IPV6_LEN) << 16);
	if (header->kind == FARSPAN_VXLAN)
		header_or(header, WIRE_ETHERNET_LEN + ip_header + 4, (ip_len - ip_header) << 16);
}

/* TOS or traffic class of the frame; 0 if it is not IP. */
static __always_inline __u8 read_tos(struct __sk_buff *skb)
{
	__u16 type;
	__u32 off = find_network(skb, &type);
	__u8 bytes[2];

	if (bpf_skb_load_bytes(skb, off, bytes, sizeof bytes))
		return 0;
	if (type == ETHERTYPE_IPV4)
		return bytes[1];
	return type == ETHERTYPE_IPV6 ? (__u8)(bytes[0] << 4 | bytes[1] >> 4) : 0;
}

static __always_inline void fill_tos(struct session_config *header, __u8 tos)
{
	if (header->ip_version == 4) {
		header_or(header, WIRE_ETHERNET_LEN, (__u32)tos << 16);
		header->ipv4_sum += tos;
	} else {
		header_or(header, WIRE_ETHERNET_LEN, (__u32)tos << 20);
	}
}

/* The UDP source port, by which routers and receivers tell the flows inside apart (RFC 7348 section 5). */
static __always_inline void fill_entropy(struct session_config *header, __u32 flow)
{
	header_or(header, header->tunnel_off, (PORT_DYNAMIC | (flow & PORT_DYNAMIC_MASK)) << 16);
}

static __always_inline void fill_time(struct session_config *header, __u32 off)
{
	__u32 key = 0;
	struct clock_config *c = bpf_map_lookup_elem(&clock, &key);
	__u64 time, upper;

	if (!c || !header->timestamp_unit_ns)
		return;
	time = (bpf_ktime_get_ns() + c->realtime_offset_ns) / header->timestamp_unit_ns;
	upper = time >> 32;
	if (header->time_in_seconds) {
		upper = time / NS_PER_S;
		time -= upper * NS_PER_S;
	}
	header_or(header, off, (__u32)time);
	if (header->time_upper_off)
		header_or(header, header->time_upper_off, (__u32)upper);
}

static __always_inline void fill_erspan(struct session_config *header, struct frame *frame)
{
	__u32 off = header->tunnel_off;
	__u32 vlan = frame->tci & VLAN_ID_MASK, cos = frame->tci >> VLAN_PRIORITY_SHIFT;

	if (header->kind == FARSPAN_ERSPAN2) {
		header_or(header, off,
			  vlan << ERSPAN2_vlan | cos << ERSPAN2_cos | (frame->tagged ? ERSPAN_EN_PRESERVED : 0) << ERSPAN2_en |
				  frame->truncated << ERSPAN2_truncated);
	} else if (header->kind == FARSPAN_ERSPAN3) {
		header_or(header, off, vlan << ERSPAN3_vlan | cos << ERSPAN3_cos | frame->truncated << ERSPAN3_truncated);
		fill_time(header, off + 4);
		header_or(header, off + 8, (frame->direction == DIRECTION_TX) << ERSPAN3_direction);
	}
}

static __always_inline int push_header(struct __sk_buff *skb, struct session_config *header)
{
	__u32 len = header->header_len;

	if (len < WIRE_ETHERNET_LEN || len > HEADER_MAX)
		return -1;
	return bpf_skb_change_head(skb, len, 0) || bpf_skb_store_bytes(skb, 0, header->header + HEADER_ALIGN, len, 0) ||
	       set_protocol(skb, header->ip_version == 4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);
}

/*
 * A copy of what leaves has the route of its original. Should the neighbour not be found, the kernel would report that along this route, to
 * the mirrored host or worse. No helper takes a route away; one replaces it by a description of a tunnel, which nobody looks at.
 */
static __always_inline void forget_route(struct __sk_buff *skb)
{
	struct bpf_tunnel_key nothing = {};

	bpf_skb_set_tunnel_key(skb, &nothing, sizeof nothing, 0);
}

/* The hook may have chosen a remote of its own, which the kernel looks up. */
static __always_inline int send_to_nexthop(struct __sk_buff *skb, struct session_config *session, struct frame *frame)
{
	struct bpf_redir_neigh nexthop = {.nh_family = session->nexthop_version == 4 ? AF_INET : AF_INET6};

	if (frame->elsewhere)
		return (int)bpf_redirect_neigh(session->uplink, 0, 0, 0);
	if (frame->routed)
		forget_route(skb);
	__builtin_memcpy(nexthop.ipv6_nh, session->nexthop, sizeof nexthop.ipv6_nh);
	return (int)bpf_redirect_neigh(session->uplink, &nexthop, sizeof nexthop, 0);
}

static __always_inline int drop(struct counters *c, __u32 row)
{
	/* The bound is for the verifier: the row may come from a map. */
	if (row < COUNTER_COUNT)
		c->value[row]++;
	return TC_ACT_SHOT;
}

/* Where the shape cuts the frame, counted as if a tag that the kernel keeps aside were in its place. */
static __always_inline __u32 cut_at(struct __sk_buff *skb, struct session_config *session, __u32 aside)
{
	__u32 cut = skb->len + aside;

	if (session->truncate == TRUNCATE_BYTES)
		cut = session->truncate_bytes;
	else if (session->truncate != TRUNCATE_NONE)
		cut = headers_end(skb, session->truncate) + aside;
	return cut;
}

/*
 * The kernel does not shorten a frame into its network header. What must go of that is zeroed instead and stays as padding behind the
 * outer packet, whose length tells where it ends.
 */
static __always_inline int cut_into_network_header(struct __sk_buff *skb, __u32 cut)
{
	__u8 zeros[PADDING_MAX] = {};
	__u32 kept = headers_end(skb, TRUNCATE_L3), padding = kept - cut;

	if (padding < 1 || padding > sizeof zeros || bpf_skb_change_tail(skb, kept, 0))
		return -1;
	/* Linux 6.1 does not take "not 0" for "at least 1"; the barrier keeps the compiler from seeing that this changes nothing. */
	padding--;
	asm volatile("" : "+r"(padding));
	padding = (padding & (sizeof zeros - 1)) + 1;
	return (int)bpf_skb_store_bytes(skb, cut, zeros, padding, 0);
}

/* Returns 0, or the row of COUNTER that the copy is dropped under. */
static __always_inline int truncate_frame(struct __sk_buff *skb, struct session_config *session, struct frame *frame)
{
	__u32 aside = session->wrap == WRAP_NONE && skb->vlan_present ? WIRE_TAG_LEN : 0;
	__u32 cut = cut_at(skb, session, aside);
	__u32 most = session->frame_max + aside; /* interfaces do not count such a tag either */

	frame->len = skb->len + aside;
	if (cut > most) {
		if (session->drop_too_big && frame->len > most)
			return COUNTER_too_big;
		cut = most;
	}
	if (frame->len <= cut)
		return 0;
	frame->len = cut;
	frame->truncated = 1;
	if (!bpf_skb_change_tail(skb, cut - aside, 0))
		return 0;
	return cut_into_network_header(skb, cut - aside) ? COUNTER_truncate_failed : 0;
}

static __always_inline int over_limit(struct session_config *session, struct session_state *state)
{
	return session->limit && __sync_fetch_and_add(&state->claimed, 1) >= session->limit;
}

/* Copies of the session what wrapping reads and changes, and not more: it is done for every frame. Both are multiples of 8 bytes. */
static __always_inline void start_header(struct session_config *header, const struct session_config *session)
{
	enum {
		FIRST = offsetof(struct session_config, kind),
		LEN = offsetof(struct session_config, nexthop) - FIRST,
		SHORT = 64, /* most formats over IPv4 */
	};
	_Static_assert(FIRST % 8 == 0 && LEN % 8 == 0, "whole words");

	__builtin_memcpy((__u8 *)header + FIRST, (const __u8 *)session + FIRST, LEN);
	__builtin_memcpy(header->header, session->header, SHORT);
	if (session->header_len > SHORT - HEADER_ALIGN)
		__builtin_memcpy(header->header + SHORT, session->header + SHORT, HEADER_BUFFER - SHORT);
	if (hooked || has_carrier)
		__builtin_memcpy(header->fields, session->fields, sizeof header->fields);
}

/* Writes the outer headers. */
static __always_inline int wrap(struct __sk_buff *skb, struct session_config *session, struct session_state *state, struct frame *frame)
{
	__u32 key = 0;
	struct session_config *header = bpf_map_lookup_elem(&scratch, &key);

	if (!header)
		return -1;
	start_header(header, session);
	if (hooked || has_carrier)
		frame->elsewhere = (__u8)apply_meta(header, &frame->meta);
	if (header->inherit_tos)
		fill_tos(header, read_tos(skb));
	fill_lengths(header, frame->len);
	if (header->port_off && !hooked && !has_carrier)
		header_or(header, header->port_off, frame->source & header->port_mask);
	if (header->kind == FARSPAN_VXLAN)
		fill_entropy(header, flow_hash(skb));
	else
		fill_erspan(header, frame);
	/* The number is taken last: a copy that fails from here on leaves a hole, which is what a lost copy should leave. */
	if (header->sequence_off)
		header_or(header, header->sequence_off,
			  has_carrier && frame->has_sequence ? frame->sequence : __sync_fetch_and_add(&state->next_sequence, 1));
	return push_header(skb, header);
}

/* What depends on the packet as a whole. */
static __always_inline int finish(struct __sk_buff *skb, struct session_config *session, struct frame *frame)
{
	if (session->checksum_off && fill_gre_checksum(skb, session, frame->len))
		return -1;
	return session->number_packets ? number_packet(skb, take_packet_id()) : 0;
}

static __always_inline int send(struct __sk_buff *skb, struct session_config *session, struct session_state *state, struct frame *frame,
				struct counters *c)
{
	int wrapped = session->wrap == WRAP_TUNNEL, in_fragments = wrapped && needs_fragments(session, frame->len);

	if (wrapped && (wrap(skb, session, state, frame) || finish(skb, session, frame)))
		return drop(c, COUNTER_encap_failed);
	if (in_fragments && frame->routed)
		forget_route(skb);
	if (in_fragments && send_fragments(skb, session, frame->len, frame->elsewhere))
		return drop(c, COUNTER_encap_failed);
	count(c, COUNTER_sent, 1);
	count(c, COUNTER_sent_bytes, frame->len);
	count(c, COUNTER_truncated, frame->truncated);
	count(c, COUNTER_fragmented, (__u64)in_fragments);
	if (in_fragments)
		return TC_ACT_SHOT; /* all of it has gone */
	return wrapped ? send_to_nexthop(skb, session, frame) : (int)bpf_redirect(session->uplink, 0);
}

/* What was received around the copy is kept, and a rule may set it. */
static __always_inline void relay(struct __sk_buff *skb, struct session_config *session, struct frame *frame)
{
	struct carried *received = find_carried(skb);

	if (!received)
		return;
	relay_meta(session, received, &frame->meta);
	frame->has_sequence = session->keep & received->has & 1u << RELAY_sequence ? 1 : 0;
	frame->sequence = received->value[RELAY_sequence];
	if (hooked)
		tell_received(received, &frame->meta.received);
}

static __always_inline int run_hook(struct __sk_buff *skb, struct farspan_meta *meta)
{
	__u32 mark = skb->mark;
	int refused = farspan_hook(skb, meta);

	skb->mark = mark; /* what keeps copies from being mirrored again is not the hook's */
	return refused;
}

/* Finds out what the headers say. Not 0: the hook refuses the copy. */
static __always_inline int edit(struct __sk_buff *skb, struct session_config *session, struct frame *frame)
{
	struct farspan_meta *meta = &frame->meta;
	int refused = 0;

	meta->destination = session->destination;
	meta->ifindex = frame->source;
	meta->tagged = frame->tagged;
	meta->direction = frame->direction == DIRECTION_TX;
	meta->vlan = frame->tci & VLAN_ID_MASK;
	meta->cos = frame->tci >> VLAN_PRIORITY_SHIFT;
	if (session->wrap == WRAP_TUNNEL)
		fill_meta(session, meta);
	if (has_carrier)
		relay(skb, session, frame);
	if (hooked)
		refused = run_hook(skb, meta);
	frame->tci = (__u16)((meta->vlan & VLAN_ID_MASK) | meta->cos << VLAN_PRIORITY_SHIFT);
	frame->direction = meta->direction ? DIRECTION_TX : DIRECTION_RX;
	return refused;
}

static __always_inline int process(struct __sk_buff *skb, struct session_config *session, struct session_state *state, struct counters *c)
{
	struct frame frame = {
		.direction = session->fixed_direction ? session->fixed_direction - 1
			     : skb->mark & MARK_TX    ? DIRECTION_TX
						      : DIRECTION_RX,
		.source = skb->cb[NOTE_SOURCE],
		.routed = !skb->cb[NOTE_FRAMES] && skb->cb[NOTE_TICKET] == NOTE_ROUTED,
		.truncated = (skb->mark & MARK_CUT) != 0,
	};
	int unfit;

	if (skb->gso_size)
		return drop(c, COUNTER_not_segmented);
	if (!has_uplink(session, skb->mark & MARK_SLOT_MASK))
		return drop(c, session->unreachable);
	if (session->frame_max < WIRE_ETHERNET_LEN)
		return drop(c, COUNTER_too_big);
	if (restore_tag(skb, session, &frame))
		return drop(c, COUNTER_encap_failed);
	if ((hooked || has_carrier) && edit(skb, session, &frame))
		return drop(c, COUNTER_hook);
	unfit = truncate_frame(skb, session, &frame);
	if (unfit)
		return drop(c, (__u32)unfit);
	if (over_limit(session, state))
		return drop(c, COUNTER_limit);
	return send(skb, session, state, &frame, c);
}

/* A whole packet that was sent here with a note that says which piece of it is to go. */
static __always_inline int send_fragment(struct __sk_buff *skb, struct session_config *session)
{
	struct frame frame = {.elsewhere = skb->cb[FRAGMENT_ELSEWHERE] != 0};

	return has_uplink(session, skb->mark & MARK_SLOT_MASK) && !make_fragment(skb) ? send_to_nexthop(skb, session, &frame) : TC_ACT_SHOT;
}

SEC("tc")
int farspan_encap(struct __sk_buff *skb)
{
	enum direction direction = skb->mark & MARK_TX ? DIRECTION_TX : DIRECTION_RX;
	__u32 slot = skb->mark & MARK_SLOT_MASK;
	struct session_config *session = find_session(slot);
	struct session_state *state = bpf_map_lookup_elem(&states, &slot);
	struct counters *c = session_counters(slot, direction);

	if ((skb->mark & MARK_MAGIC_MASK) != MARK_MAGIC || !session || !state || !c)
		return TC_ACT_SHOT;
	if (skb->cb[NOTE_FRAMES] == NOTE_FRAGMENT)
		return send_fragment(skb, session);
	note_arrival(skb);
	count(c, COUNTER_arrived, 1);
	return process(skb, session, state, c);
}
