// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * The source: sits on one interface, in one direction, for all sessions that take from it, and sends a copy of each frame on its way to the
 * segmenting device. It never changes, delays or drops the frame: it always answers "next program".
 */
#include "bpf/mirror_maps.h"

#include "bpf/filters.h"
#include "bpf/flow.h"
#include "bpf/match.h"
#include "bpf/own_copy.h"
#include "bpf/ways.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile struct tap taps[DIRECTIONS];

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SESSIONS_MAX);
	__type(key, __u32);
	__type(value, struct bucket);
} buckets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SESSIONS_MAX);
	__type(key, __u32);
	__type(value, struct vlan_set);
} vlan_sets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SESSIONS_MAX);
	__type(key, __u32);
	__type(value, struct spread_seed);
} spread_seeds SEC(".maps");

/* How many frames a leg with SAMPLE_COUNT has seen. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SESSIONS_MAX);
	__type(key, __u32);
	__type(value, __u64);
} sample_counts SEC(".maps");

/* What is found out about a frame at most once, whatever the number of legs. */
struct frame {
	__u32 frames; /* on the wire, that the skb stands for */
	__u32 flow;
	__u16 vlan;
	__u8 own;      /* a copy of a mirror */
	__u32 carried; /* key of what was received around it + 1; 0: nothing is known */
	__u32 chosen;  /* bits of the destinations that rules choose */
	const struct exclusions *exclusions;
};

/* ---- which frames ---- */

/* Of the outermost tag, wherever the kernel keeps it; 0 if there is none. */
static __always_inline __u16 read_vlan(struct __sk_buff *skb)
{
	__be16 tag[2];

	if (skb->vlan_present)
		return skb->vlan_tci & VLAN_ID_MASK;
	if (bpf_skb_load_bytes(skb, WIRE_ETHERNET_LEN - sizeof tag[0], tag, sizeof tag) ||
	    (tag[0] != bpf_htons(ETHERTYPE_VLAN) && tag[0] != bpf_htons(ETHERTYPE_SERVICE_VLAN)))
		return 0;
	return bpf_ntohs(tag[1]) & VLAN_ID_MASK;
}

static __always_inline int in_vlan_set(__u32 key, __u16 vlan)
{
	struct vlan_set *set = bpf_map_lookup_elem(&vlan_sets, &key);

	return set && set->bits[vlan / 64 & 63] >> vlan % 64 & 1;
}

static __always_inline int every_nth(__u32 key, __u32 n)
{
	__u64 *seen = bpf_map_lookup_elem(&sample_counts, &key);

	return seen && __sync_fetch_and_add(seen, 1) % n == 0;
}

/* A super-packet is one draw: all of its frames or none. Their share comes out the same. */
static __always_inline int is_sampled(const volatile struct leg *leg, __u32 flow)
{
	__u32 n = leg->sample_n;

	if (leg->sample == SAMPLE_ALL || !n)
		return 1;
	if (leg->sample == SAMPLE_RANDOM)
		return bpf_get_prandom_u32() % n == 0;
	if (leg->sample == SAMPLE_COUNT)
		return every_nth(leg->first_slot, n);
	return flow % n == 0;
}

/* Takes what a frame costs out of the leg's bucket, on whatever CPU; 0 if there is not enough in it. */
static __always_inline int take_tokens(__u32 key, __u32 bytes, __u32 frames)
{
	struct bucket *bucket = bpf_map_lookup_elem(&buckets, &key);
	__u64 now = bpf_ktime_get_ns(), full_at, start, cost;

	if (!bucket)
		return 0;
	cost = (bucket->count_bits ? (__u64)bytes * 8 : frames) * bucket->cost_scale >> RATE_SCALE_BITS;
	for (int attempt = 0; attempt < 8; attempt++) {
		full_at = *(volatile __u64 *)&bucket->full_at_ns;
		if (full_at > now + bucket->burst_ns)
			return 0;
		start = full_at > now ? full_at : now;
		if (__sync_val_compare_and_swap(&bucket->full_at_ns, full_at, start + cost) == full_at)
			return 1;
	}
	return 0; /* so much is going on that the frame would hardly have had a chance */
}

/*
 * The slot whose destination gets this flow: the one whose seed makes the highest number of it. When a destination goes, only its flows
 * move (rendezvous hashing).
 */
static __always_inline __u32 spread(const volatile struct leg *leg, __u32 flow)
{
	__u32 best = leg->first_slot, best_weight = 0;

	for (__u32 i = 0; i < SPREAD_MAX && i < leg->slot_count; i++) {
		__u32 slot = leg->first_slot + i, weight;
		struct spread_seed *seed = bpf_map_lookup_elem(&spread_seeds, &slot);

		if (!seed || !seed->present)
			continue;
		weight = mix(flow ^ seed->seed) | 1;
		if (weight > best_weight) {
			best_weight = weight;
			best = slot;
		}
	}
	return best;
}

/* ---- copies ---- */

static __always_inline int is_cut(__u32 mark, const struct frame *frame)
{
	return mark == MARK_CUT_FRAME || (frame->carried && mark & MARK_CARRIED_CUT);
}

static __always_inline void copy(struct __sk_buff *skb, __u32 slot, enum direction direction, const struct frame *frame, struct counters *c)
{
	__u32 mark = skb->mark, notes[NOTES], way;
	long failed;

	for (__u32 i = 0; i < NOTES; i++)
		notes[i] = skb->cb[i];
	way = choose_way(skb, slot, taps[direction].at_egress ? NOTE_ROUTED : 0);
	skb->cb[NOTE_SOURCE] = taps[direction].source ? taps[direction].source : skb->ifindex;
	skb->cb[NOTE_CARRIED] = frame->carried;
	skb->mark = MARK_MAGIC | (direction == DIRECTION_TX ? MARK_TX : 0) | (is_cut(mark, frame) ? MARK_CUT : 0) | (slot & MARK_SLOT_MASK);
	failed = bpf_clone_redirect(skb, way, 0);
	skb->mark = mark;
	for (__u32 i = 0; i < NOTES; i++)
		skb->cb[i] = notes[i];
	/*
	 * Below 0 nothing was sent. A positive answer says that the last frame of a super-packet was lost, but nothing of the others: those
	 * losses are found as attempted and not arrived.
	 */
	if (failed < 0)
		count(c, COUNTER_clone_failed, frame->frames);
}

static __always_inline void serve(struct __sk_buff *skb, const volatile struct leg *leg, enum direction direction, struct frame *frame)
{
	__u32 slot = leg->slot_count > 1 ? spread(leg, frame->flow) : leg->first_slot;
	struct counters *c = session_counters(slot, direction);

	if (!c)
		return;
	count(c, COUNTER_seen, frame->frames);
	if (frame->own) {
		count(c, COUNTER_loop, frame->frames);
	} else if (leg->chosen_by && !(frame->chosen & leg->chosen_by)) {
		count(c, COUNTER_match, frame->frames);
	} else if (leg->some_vlans && !in_vlan_set(leg->first_slot, frame->vlan)) {
		count(c, COUNTER_vlan, frame->frames);
	} else if (leg->filter && is_excluded(frame->exclusions, leg->filter - 1)) {
		count(c, COUNTER_filter, frame->frames);
	} else if (!is_sampled(leg, frame->flow)) {
		count(c, COUNTER_sample, frame->frames);
	} else {
		count(c, COUNTER_attempted, frame->frames);
		if (leg->limited && !take_tokens(leg->first_slot, skb->len, frame->frames))
			count(c, COUNTER_rate, frame->frames);
		else
			copy(skb, slot, direction, frame, c);
	}
}

/* A frame that the filters of all legs exclude, as most do. */
static __always_inline void pass_over(enum direction direction, __u32 frames)
{
	for (__u32 i = 0; i < TAP_LEGS_MAX && i < taps[direction].count; i++) {
		struct counters *c = session_counters(taps[direction].legs[i].first_slot, direction);

		if (!c)
			continue;
		count(c, COUNTER_seen, frames);
		count(c, COUNTER_filter, frames);
	}
}

static __always_inline int mirror(struct __sk_buff *skb, enum direction direction)
{
	struct exclusions exclusions; /* not to be read if nothing is filtered */
	struct frame frame = {
		.frames = wire_frames(skb),
		.own = may_be_own_copy(skb, taps[direction].udp_copies) && is_own_copy(skb),
		.vlan = taps[direction].wants_vlan ? read_vlan(skb) : 0,
		.flow = taps[direction].wants_flow ? flow_hash(skb) : 0,
		.exclusions = &exclusions,
		.chosen = ~0u,
	};

	if (run_filters(skb, taps[direction].filter_count, &exclusions) && taps[direction].only_filters && !frame.own) {
		pass_over(direction, frame.frames);
		return TC_ACT_UNSPEC;
	}
	if (taps[direction].relays && (skb->mark & MARK_MAGIC_MASK) == MARK_CARRIED) {
		frame.carried = (skb->mark & MARK_CARRIED_KEY) + 1;
		frame.chosen = match_destinations(frame.carried - 1);
	}
	for (__u32 i = 0; i < TAP_LEGS_MAX && i < taps[direction].count; i++)
		serve(skb, &taps[direction].legs[i], direction, &frame);
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
