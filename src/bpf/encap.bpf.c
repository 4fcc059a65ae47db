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
#include "bpf/outer_header.h"
#include "bpf/relay.h"
#include "bpf/relays.h"
#include "bpf/ways.h"
#include "bpf/whole.h"

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
	TAG_DUMMY = 1, /* any VLAN id */
	PADDING_MAX = 128,
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

static __always_inline int drop_all(struct counters *c, __u32 row, __u32 frames)
{
	/* The bound is for the verifier: the row may come from a map. */
	if (row < COUNTER_COUNT)
		c->value[row] += frames;
	return TC_ACT_SHOT;
}

static __always_inline int drop(struct counters *c, __u32 row)
{
	return drop_all(c, row, 1);
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

/* Makes room for the outer headers and writes them. */
static __always_inline int wrap(struct __sk_buff *skb, struct session_config *session, struct session_state *state, struct frame *frame)
{
	look_inside(skb, session, frame);
	if (bpf_skb_change_head(skb, session->header_len, 0) || write_header(skb, session, frame))
		return -1;
	/* The number is taken last: a copy that fails from here on leaves a hole, which is what a lost copy should leave. */
	if (session->sequence_off)
		set_outer(skb, session->sequence_off, has_carrier && frame->has_sequence ? frame->sequence : take_number(state));
	return set_protocol(skb, session->ip_version == 4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);
}

/* What depends on the packet as a whole. */
static __always_inline int finish(struct __sk_buff *skb, struct session_config *session, struct frame *frame)
{
	if (session->number_packets)
		replace_ipv4(skb, IPV4_ID, take_packet_id());
	return session->checksum_off ? fill_gre_checksum(skb, session, frame->len) : 0;
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
	if (frame->truncated)
		count(c, COUNTER_truncated, 1);
	if (in_fragments) {
		count(c, COUNTER_fragmented, 1);
		return TC_ACT_SHOT; /* all of it has gone */
	}
	return wrapped ? send_to_nexthop(skb, session, frame) : (int)bpf_redirect(session->uplink, 0);
}

/* What was received around the copy is kept, and a rule may set it. */
static __always_inline void relay(struct __sk_buff *skb, struct session_config *session, struct frame *frame, struct farspan_meta *meta)
{
	struct carried *received = find_carried(skb);

	if (!received)
		return;
	relay_meta(session, received, meta);
	frame->has_sequence = session->keep & received->has & 1u << RELAY_sequence ? 1 : 0;
	frame->sequence = received->value[RELAY_sequence];
	if (hooked)
		tell_received(received, &meta->received);
}

static __always_inline int run_hook(struct __sk_buff *skb, struct farspan_meta *meta)
{
	__u32 mark = skb->mark;
	int refused = farspan_hook(skb, meta);

	skb->mark = mark; /* what keeps copies from being mirrored again is not the hook's */
	return refused;
}

/* Finds out what the headers say. Returns 0, or the row of COUNTER that the copy is dropped under. */
static __always_inline int edit(struct __sk_buff *skb, struct session_config *session, struct frame *frame)
{
	struct farspan_meta meta = {
		.destination = session->destination,
		.ifindex = frame->source,
		.tagged = frame->tagged,
		.direction = frame->direction == DIRECTION_TX,
		.vlan = frame->tci & VLAN_ID_MASK,
		.cos = frame->tci >> VLAN_PRIORITY_SHIFT,
	};

	if (session->wrap == WRAP_TUNNEL)
		fill_meta(session, &meta);
	if (has_carrier)
		relay(skb, session, frame, &meta);
	if (hooked && run_hook(skb, &meta))
		return COUNTER_hook;
	frame->tci = (__u16)((meta.vlan & VLAN_ID_MASK) | meta.cos << VLAN_PRIORITY_SHIFT);
	frame->direction = meta.direction ? DIRECTION_TX : DIRECTION_RX;
	return session->wrap == WRAP_TUNNEL && change_header(session, &meta, frame) ? COUNTER_encap_failed : 0;
}

static __always_inline struct frame describe(struct __sk_buff *skb, struct session_config *session)
{
	return (struct frame){
		.direction = session->fixed_direction ? session->fixed_direction - 1
			     : skb->mark & MARK_TX    ? DIRECTION_TX
						      : DIRECTION_RX,
		.source = skb->cb[NOTE_SOURCE],
		.routed = !skb->cb[NOTE_FRAMES] && skb->cb[NOTE_TICKET] == NOTE_ROUTED,
		.truncated = (skb->mark & MARK_CUT) != 0,
		.header = session,
	};
}

static __always_inline int process(struct __sk_buff *skb, struct session_config *session, struct session_state *state, struct counters *c)
{
	struct frame frame = describe(skb, session);
	int unfit = 0;

	if (skb->gso_size)
		return drop(c, COUNTER_not_segmented);
	if (!has_uplink(session, skb->mark & MARK_SLOT_MASK))
		return drop(c, session->unreachable);
	if (session->frame_max < WIRE_ETHERNET_LEN)
		return drop(c, COUNTER_too_big);
	if (restore_tag(skb, session, &frame))
		return drop(c, COUNTER_encap_failed);
	if (hooked || has_carrier)
		unfit = edit(skb, session, &frame);
	if (!unfit)
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

/*
 * A piece of a super-packet that was wrapped whole, by what is at that place. queued: it was in the queue behind the segmenter; others come
 * as soon as their super-packet was wrapped, of which it has been asked whether there is an uplink.
 */
static __always_inline int send_piece(struct __sk_buff *skb, __u32 place, __u32 cut, const int queued, struct session_state *state,
				      struct counters *c)
{
	struct session_config *session = bpf_map_lookup_elem(&sessions, &place);
	struct frame frame = {};
	int less;

	count(c, COUNTER_arrived, 1);
	if (!session || skb->gso_size)
		return drop(c, COUNTER_not_segmented);
	if (queued && !has_uplink(session, skb->mark & MARK_SLOT_MASK))
		return drop(c, session->unreachable);
	if (over_limit(session, state))
		return drop(c, COUNTER_limit);
	less = cut_piece(skb, session, cut);
	if (less < 0)
		return drop(c, COUNTER_truncate_failed);
	if (fill_piece(skb, session, state, less))
		return drop(c, COUNTER_encap_failed);
	count(c, COUNTER_sent, 1);
	count(c, COUNTER_sent_bytes, skb->len - session->header_len);
	count(c, COUNTER_truncated, less || skb->mark & MARK_CUT);
	count(c, COUNTER_wrapped_whole, 1);
	return send_to_nexthop(skb, session, &frame);
}

SEC("tc")
int farspan_encap(struct __sk_buff *skb)
{
	enum direction direction = skb->mark & MARK_TX ? DIRECTION_TX : DIRECTION_RX;
	__u32 slot = skb->mark & MARK_SLOT_MASK;
	struct session_state *state = bpf_map_lookup_elem(&states, &slot);
	struct counters *c = session_counters(slot, direction);
	struct session_config *session;

	if ((skb->mark & MARK_MAGIC_MASK) != MARK_MAGIC || !state || !c)
		return TC_ACT_SHOT;
	if (skb->cb[NOTE_FRAMES] == NOTE_PIECE)
		return send_piece(skb, skb->cb[PIECE_PLACE], NOT_CUT, 0, state, c);
	session = find_session(slot);
	if (!session)
		return TC_ACT_SHOT;
	if (skb->cb[NOTE_FRAMES] == NOTE_FRAGMENT)
		return send_fragment(skb, session);
	note_arrival(skb);
	if (skb->cb[NOTE_FRAMES] & NOTE_WRAPPED)
		return send_piece(skb, skb->cb[NOTE_PLACE], skb->cb[NOTE_CUT], 1, state, c);
	count(c, COUNTER_arrived, 1);
	return process(skb, session, state, c);
}

/* A super-packet of which no piece differs from the others in what we write: the uplink's side of the kernel cuts it. */
static __always_inline int send_whole(struct __sk_buff *skb, struct session_config *session, struct counters *c, __u32 frames, __u32 bytes)
{
	struct frame frame = {};

	count(c, COUNTER_arrived, frames);
	count(c, COUNTER_sent, frames);
	count(c, COUNTER_sent_bytes, bytes);
	count(c, COUNTER_truncated, skb->mark & MARK_CUT ? frames : 0);
	count(c, COUNTER_wrapped_whole, frames);
	return send_to_nexthop(skb, session, &frame);
}

/* The outer headers in front of a super-packet; 0, or all of its frames are lost and counted so. */
static __always_inline int wrap_super_packet(struct __sk_buff *skb, struct session_config *session, struct counters *c, __u32 frames)
{
	struct frame frame = describe(skb, session);

	if (session->wrap != WRAP_TUNNEL || wrap_whole(skb, session, &frame)) {
		count(c, COUNTER_arrived, frames);
		return drop_all(c, COUNTER_encap_failed, frames);
	}
	if (frame.routed)
		forget_route(skb);
	return 0;
}

/* Where super-packets come in that are to be wrapped whole. */
SEC("tc")
int farspan_whole(struct __sk_buff *skb)
{
	enum direction direction = skb->mark & MARK_TX ? DIRECTION_TX : DIRECTION_RX;
	__u32 slot = skb->mark & MARK_SLOT_MASK, frames = wire_frames(skb), bytes = 0;
	struct session_config *session = find_session(slot);
	struct counters *c = session_counters(slot, direction);

	if ((skb->mark & MARK_MAGIC_MASK) != MARK_MAGIC || !session || !c)
		return TC_ACT_SHOT;
	if (!has_uplink(session, slot)) {
		count(c, COUNTER_arrived, frames);
		return drop_all(c, session->unreachable, frames);
	}
	if (!differs_by_piece(session))
		bytes = skb->len + (frames - 1) * tcp_headers_len(skb);
	if (wrap_super_packet(skb, session, c, frames))
		return TC_ACT_SHOT;
	if (!differs_by_piece(session))
		return send_whole(skb, session, c, frames, bytes);
	skb->cb[PIECE_PLACE] = session->place;
	skb->cb[NOTE_FRAMES] = NOTE_PIECE;
	return TC_ACT_UNSPEC;
}

/* In front of the segmenter: super-packets that are wrapped whole get their headers here, the rest is not touched. */
SEC("tc")
int farspan_segment(struct __sk_buff *skb)
{
	enum direction direction = skb->mark & MARK_TX ? DIRECTION_TX : DIRECTION_RX;
	__u32 slot = skb->mark & MARK_SLOT_MASK;
	struct session_config *session;
	struct counters *c;
	__u32 cut;

	if ((skb->mark & MARK_MAGIC_MASK) != MARK_MAGIC || !has_frames_up_to(skb, bpf_map_lookup_elem(&summed_max, &slot)))
		return TC_ACT_UNSPEC;
	session = find_session(slot);
	c = session_counters(slot, direction);
	if (!session || !c)
		return TC_ACT_UNSPEC;
	cut = cut_at(skb, session, 0); /* of a super-packet as of each of its frames */
	if (cut > session->frame_max)
		cut = session->frame_max;
	if (wrap_super_packet(skb, session, c, wire_frames(skb)))
		return TC_ACT_SHOT;
	skb->cb[NOTE_CUT] = cut;
	skb->cb[NOTE_PLACE] = session->place;
	skb->cb[NOTE_FRAMES] |= NOTE_WRAPPED;
	return TC_ACT_UNSPEC;
}
