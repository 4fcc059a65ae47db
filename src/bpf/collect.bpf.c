// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * The collector's door: sits on an interface's reception, in XDP or tc, takes mirror traffic for our addresses and lets everything else
 * pass. What it takes never reaches the host's stack, which would answer the switch that sent it with an ICMP error. Fragments pass: the
 * kernel reassembles them and hands them to sockets of ours.
 *
 * What it takes goes into a ring buffer, for user space. Of sessions that user space knows, the frame can go straight on to an interface:
 * besides the ring, or, if nobody records it, instead of it. Then the program keeps the account.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#include "bpf/carry.h"
#include "bpf/collect_parse.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 64 << 20);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct local_key);
	__type(value, __u32);
} local_addresses SEC(".maps");

/*
 * Addresses that were found in local_addresses, so that hardly any is looked up twice. The last entry has but a revision, the current one,
 * which user space raises whenever an address has been taken out of local_addresses.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, LOCALS_FOUND + 1);
	__type(key, __u32);
	__type(value, struct found_local);
} found_locals SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COLLECTOR_COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} collector_counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, COLLECT_SLOTS * 2); /* a session may come to several UDP ports */
	__type(key, struct collect_key);
	__type(value, __u32);
} sessions SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, COLLECT_SLOTS);
	__type(key, __u32);
	__type(value, struct session_way);
} ways SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, COLLECT_SLOTS);
	__type(key, __u32);
	__type(value, struct session_account);
} accounts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, TARGETS_MAX);
	__type(key, __u32);
	__type(value, struct target);
} targets SEC(".maps");

/* The same interfaces, for XDP. */
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, TARGETS_MAX);
	__type(key, __u32);
	__type(value, __u32);
} devices SEC(".maps");

/* Once more, for tc to see whether they are there: the kernel lets no two types of programs have one such map. */
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, TARGETS_MAX);
	__type(key, __u32);
	__type(value, __u32);
} present SEC(".maps");

const volatile __u32 asks_adapter; /* for times of reception, which only tc can see */
const volatile __u32 delivers;     /* there are targets; without, accounts and what belongs to targets need not exist */

static __always_inline void count(enum collector_counter row, __u64 n)
{
	__u32 key = row;
	__u64 *value = bpf_map_lookup_elem(&collector_counters, &key);

	if (value)
		*value += n;
}

/* What differs between XDP and tc. `xdp` is always a constant. */
static __always_inline long load(void *ctx, const int xdp, __u32 off, void *to, __u32 len)
{
	return xdp ? bpf_xdp_load_bytes(ctx, off, to, len) : bpf_skb_load_bytes(ctx, off, to, len);
}

/* A frame, and how to read it. */
struct view {
	void *ctx;
	int xdp;
};

#define FLOW_FRAME                     const struct view *
#define FLOW_LOAD(frame, off, to, len) load((frame)->ctx, (frame)->xdp, off, to, len)
#include "bpf/flow_hash.h"

/* ---- into the ring ---- */

/*
 * User space is woken by the record that makes it so much that waits, and that doubles it: to wake it again and again while it is busy
 * costs more than all the rest.
 */
static __always_inline __u64 wakeup(__u32 size)
{
	const __u64 now = bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA), before = now - size - BPF_RINGBUF_HDR_SZ;

	return now >= RING_WAKE_BYTES && (now ^ before) > before ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
}

/* What user space is told besides the packet itself. */
struct remarks {
	__u32 slot; /* + 1 */
	__u32 inner_off;
	__u32 delivered;
	__u32 odd;
	__u32 expected, jumps; /* in the session's account */
};

enum {
	SMALL_MAX = 256, /* bytes of small records */
};

/*
 * Copies bytes of the packet into a small record without the helper, which takes longer: two halves that overlap. 0, or -1: they are fewer
 * than a half, or cannot be read so.
 */
static __always_inline int copy_small(const struct outer *outer, __u64 bytes, __u8 *to, const __u32 size)
{
	const __u32 half = size / 2, words = half / sizeof(__u64);
	const __u8 *from = at(outer, outer->ip_off, half);

	bytes -= half;
	asm volatile("" : "+r"(bytes));
	if (!from || bytes > half)
		return -1;
	for (__u32 i = 0; i < words; i++)
		((__u64 *)to)[i] = ((const __u64 *)from)[i];
	from += bytes;
	to += bytes;
	if ((void *)from + half > outer->end)
		return -1;
	for (__u32 i = 0; i < words; i++)
		((__u64 *)to)[i] = ((const __u64 *)from)[i];
	return 0;
}

/* 0, or -1. */
static __always_inline int copy(void *ctx, const int xdp, const struct outer *outer, __u64 bytes, __u8 *to, const __u32 size)
{
	if (size <= SMALL_MAX && copy_small(outer, bytes, to, size) == 0)
		return 0;
	/* The compiler would make one comparison of two, of which the verifier learns no bounds. */
	asm volatile("" : "+r"(bytes));
	if (bytes > size)
		return -1;
	asm volatile("" : "+r"(bytes));
	return bytes < WIRE_IPV4_LEN || load(ctx, xdp, outer->ip_off, to, (__u32)bytes) ? -1 : 0;
}

static __always_inline __u64 adapter_ns(void *ctx, const int xdp)
{
	return !xdp && asks_adapter ? ((struct __sk_buff *)ctx)->hwtstamp : 0;
}

/* Reserves a record of a fixed size, as the verifier wants it, and fills len bytes of it. */
#define TAKE(size)                                                                              \
	do {                                                                                    \
		struct record *record = bpf_ringbuf_reserve(&ring, sizeof *record + (size), 0); \
		if (!record)                                                                    \
			return COLLECTOR_ring_full;                                             \
		record->monotonic_ns = bpf_ktime_get_ns();                                      \
		record->adapter_ns = adapter_ns(ctx, xdp);                                      \
		record->len = outer->len;                                                       \
		record->kind = RECORD_PACKET;                                                   \
		record->slot = remarks->slot;                                                   \
		record->inner_off = (__u16)remarks->inner_off;                                  \
		record->delivered = (__u8)remarks->delivered;                                   \
		record->odd = (__u8)remarks->odd;                                               \
		record->expected = remarks->expected;                                           \
		record->jumps = remarks->jumps;                                                 \
		record->sequence = outer->sequence;                                             \
		record->has_sequence = outer->has_sequence;                                     \
		record->transmitted = outer->transmitted;                                       \
		record->truncated = outer->truncated;                                           \
		if (copy(ctx, xdp, outer, outer->len, record->data, (size))) {                  \
			bpf_ringbuf_discard(record, BPF_RB_NO_WAKEUP);                          \
			return COLLECTOR_too_long;                                              \
		}                                                                               \
		bpf_ringbuf_submit(record, wakeup(sizeof *record + (size)));                    \
		return COLLECTOR_taken;                                                         \
	} while (0)

static __always_inline enum collector_counter take(void *ctx, const int xdp, struct outer *outer, const struct remarks *remarks)
{
	/* Padding behind the IP packet is left out; a length that promises too much is user space's to refuse. */
	if (outer->len > outer->present || outer->len < WIRE_IPV4_LEN)
		outer->len = outer->present;
	if (outer->len <= 128)
		TAKE(128);
	if (outer->len <= 256)
		TAKE(256);
	if (outer->len <= 640)
		TAKE(640);
	if (outer->len <= 1152)
		TAKE(1152);
	if (outer->len <= 1664)
		TAKE(1664);
	if (outer->len <= 9728)
		TAKE(9728);
	TAKE(RECORD_DATA_MAX);
}

/* ---- accounts ---- */

/* Whether frames of the session may be handed on here: not before user space has handed on all that it was given. */
static __always_inline int goes_direct(const struct session_way *way, struct session_account *account)
{
	const __u32 caught_up = *(const volatile __u32 *)&way->caught_up, handled = *(const volatile __u32 *)&way->handled;
	int direct;

	/* That never changes back. */
	if (*(const volatile __u32 *)&account->direct)
		return 1;
	bpf_spin_lock(&account->lock);
	if (!account->direct && caught_up && handled == account->given)
		account->direct = 1;
	direct = account->direct;
	if (!direct)
		account->given++;
	bpf_spin_unlock(&account->lock);
	return direct;
}

static __always_inline void take_back(struct session_account *account)
{
	bpf_spin_lock(&account->lock);
	account->given--;
	bpf_spin_unlock(&account->lock);
}

static __always_inline void add(struct session_account *account, const struct outer *outer, __u32 inner_len)
{
	const __u64 now_ns = bpf_ktime_get_coarse_ns(); /* for people to read */

	*(volatile __u64 *)&account->last_ns = now_ns;
	if (!*(const volatile __u64 *)&account->first_ns)
		*(volatile __u64 *)&account->first_ns = now_ns;
	__sync_fetch_and_add(&account->packets, 1);
	__sync_fetch_and_add(&account->bytes, inner_len);
	if (outer->truncated)
		__sync_fetch_and_add(&account->truncated, 1);
	if (outer->transmitted)
		__sync_fetch_and_add(&account->transmitted, 1);
}

/* Whether the packet's number, if it has one, goes on from the one before; then the next one is expected. */
static __always_inline int goes_on(struct session_account *account, const struct outer *outer)
{
	const __u32 sequence = outer->sequence;

	return !outer->has_sequence || __sync_val_compare_and_swap(&account->next, sequence, sequence + 1) == sequence;
}

/* 0: the number is taken; -1: it could not be told to user space. */
static __always_inline int tell_jump(struct session_account *account, const struct outer *outer, __u32 slot)
{
	struct record *record = bpf_ringbuf_reserve(&ring, sizeof *record, 0);
	__u32 expected = 0, jumps = 0;
	int jump;

	if (!record)
		return -1;
	bpf_spin_lock(&account->lock);
	/* Another CPU may have reserved its record before this one, and count behind it; or have counted what was missing here. */
	jump = !goes_on(account, outer);
	if (jump) {
		jumps = account->jumps++;
		expected = __sync_lock_test_and_set(&account->next, outer->sequence + 1);
	}
	bpf_spin_unlock(&account->lock);
	record->len = 0;
	record->kind = RECORD_JUMP;
	record->slot = slot + 1;
	record->sequence = outer->sequence;
	record->expected = expected;
	record->jumps = jumps;
	if (jump)
		bpf_ringbuf_submit(record, wakeup(sizeof *record));
	else
		bpf_ringbuf_discard(record, BPF_RB_NO_WAKEUP);
	return 0;
}

/* 0: accounted; -1: it could not be told to user space, and the packet is lost. */
static __always_inline int keep_account(struct session_account *account, const struct outer *outer, __u32 slot, __u32 inner_len)
{
	if (!goes_on(account, outer) && tell_jump(account, outer, slot))
		return -1;
	add(account, outer, inner_len);
	return 0;
}

/* What user space is to count before it looks at a packet. All jumps of it are told by then: a record is reserved before it is counted. */
static __always_inline void note_account(struct session_account *account, struct remarks *remarks)
{
	remarks->expected = __sync_fetch_and_add(&account->next, 0);
	remarks->jumps = *(const volatile __u32 *)&account->jumps;
}

/* Has user space follow the sender's clock, of which it sees no packet otherwise. If the ring is full, another packet does as well. */
static __always_inline void tell_clock(void *ctx, const int xdp, const struct outer *outer, struct session_account *account, __u32 slot)
{
	const __u64 now_ns = *(const volatile __u64 *)&account->last_ns, then_ns = *(const volatile __u64 *)&account->clock_ns;
	__u64 bytes = outer->len < CLOCK_BYTES ? outer->len : CLOCK_BYTES;
	struct record *record;

	if (now_ns - then_ns < CLOCK_NS || __sync_val_compare_and_swap(&account->clock_ns, then_ns, now_ns) != then_ns)
		return;
	record = bpf_ringbuf_reserve(&ring, sizeof *record + CLOCK_BYTES, 0);
	if (!record)
		return;
	record->monotonic_ns = bpf_ktime_get_ns();
	record->adapter_ns = adapter_ns(ctx, xdp);
	record->len = (__u32)bytes;
	record->kind = RECORD_CLOCK;
	record->slot = slot + 1;
	asm volatile("" : "+r"(bytes));
	if (bytes < WIRE_IPV4_LEN || bytes > CLOCK_BYTES || load(ctx, xdp, outer->ip_off, record->data, (__u32)bytes))
		bpf_ringbuf_discard(record, BPF_RB_NO_WAKEUP);
	else
		bpf_ringbuf_submit(record, wakeup(sizeof *record + CLOCK_BYTES));
}

/* ---- the way of a packet ---- */

enum fate {
	FATE_PASS,
	FATE_DROP,
	FATE_DELIVER,
};

/* Where a frame goes that the program hands on. */
struct delivery {
	__u32 target;
	__u32 inner_off;
	__u32 inner_len;
	__u32 truncated;
};

static __always_inline enum fate give(void *ctx, const int xdp, struct outer *outer, const struct remarks *remarks)
{
	enum collector_counter result = take(ctx, xdp, outer, remarks);

	count(result, 1);
	return result == COLLECTOR_taken && remarks->delivered ? FATE_DELIVER : FATE_DROP;
}

/* Whether the frame can be handed on here at all: it fits, and what tc leaves behind Ethernet is as long as the helper demands. */
static __always_inline int fits(const int xdp, const struct outer *outer, const struct delivery *delivery)
{
	const __u32 least = WIRE_ETHERNET_LEN + (outer->key.version == 4 ? WIRE_IPV4_LEN : WIRE_IPV6_LEN);
	const struct target *target = bpf_map_lookup_elem(&targets, &delivery->target);

	if (!target || !target->ifindex || delivery->inner_len > target->frame_max)
		return 0;
	return xdp ? !(target->marks_cut && outer->truncated) : delivery->inner_len >= least;
}

/* Of a session whose frames go to targets. */
static __always_inline enum fate take_delivered(void *ctx, const int xdp, struct outer *outer, const struct session_way *way,
						struct remarks *remarks, struct delivery *delivery)
{
	const __u32 slot = remarks->slot - 1;
	struct session_account *account = bpf_map_lookup_elem(&accounts, &slot);

	if (!account)
		return FATE_DROP;
	delivery->target = way->first_target;
	delivery->inner_off = outer->off;
	delivery->truncated = outer->truncated;
	delivery->inner_len = outer->len - remarks->inner_off;
	if (!goes_direct(way, account)) {
		enum collector_counter result = take(ctx, xdp, outer, remarks);

		count(result, 1);
		if (result != COLLECTOR_taken)
			take_back(account);
		return FATE_DROP;
	}
	if (way->targets > 1)
		delivery->target += flow_share(flow_hash_at(&(const struct view){ctx, xdp}, outer->off), way->targets);
	if (!fits(xdp, outer, delivery)) {
		note_account(account, remarks);
		return give(ctx, xdp, outer, remarks);
	}
	if (way->record) {
		remarks->delivered = 1;
		return give(ctx, xdp, outer, remarks);
	}
	if (keep_account(account, outer, slot, delivery->inner_len)) {
		count(COLLECTOR_ring_full, 1);
		return FATE_DROP;
	}
	if (outer->key.kind == FARSPAN_ERSPAN3)
		tell_clock(ctx, xdp, outer, account, slot);
	count(COLLECTOR_delivered, 1);
	return FATE_DELIVER;
}

static __always_inline enum fate take_known(void *ctx, const int xdp, struct outer *outer, __u32 slot, struct delivery *delivery)
{
	struct remarks remarks = {.slot = slot + 1, .inner_off = outer->off - outer->ip_off};
	struct session_way *way;

	if (!delivers)
		return give(ctx, xdp, outer, &remarks);
	way = bpf_map_lookup_elem(&ways, &slot);
	if (!way)
		return FATE_DROP;
	if (!way->targets)
		return give(ctx, xdp, outer, &remarks);
	return take_delivered(ctx, xdp, outer, way, &remarks, delivery);
}

/* Of a known session, but not plain. */
static __always_inline enum fate take_odd(void *ctx, const int xdp, struct outer *outer, __u32 slot)
{
	struct remarks remarks = {.slot = slot + 1, .odd = 1};

	if (delivers) {
		struct session_account *account = bpf_map_lookup_elem(&accounts, &slot);

		if (account)
			note_account(account, &remarks);
	}
	return give(ctx, xdp, outer, &remarks);
}

/* Sent to an address whose mirror traffic is taken. */
static __always_inline int is_for_us(const struct outer *outer)
{
	const __u32 *address = outer->key.destination;
	struct local_key local = {.version = outer->key.version};
	__u32 last = LOCALS_FOUND, place = address[0] ^ address[3], revision;
	struct found_local *current = bpf_map_lookup_elem(&found_locals, &last), *found;

	place = (place ^ place >> 8 ^ place >> 16 ^ place >> 24) % LOCALS_FOUND;
	found = bpf_map_lookup_elem(&found_locals, &place);
	if (!current || !found)
		return 0;
	/* It is read before the address is looked up, so that it is an old one should that go meanwhile. */
	revision = *(volatile __u32 *)&current->revision;
	if (found->local.version == local.version && found->revision == revision && same_address(address, found->local.address))
		return 1;
	__builtin_memcpy(local.address, address, sizeof local.address);
	if (!bpf_map_lookup_elem(&local_addresses, &local))
		return 0;
	found->local = local;
	found->revision = revision;
	return 1;
}

static __always_inline enum fate receive(void *ctx, const int xdp, struct outer *outer, struct delivery *delivery)
{
	struct remarks none = {};
	__u32 *slot;
	int read;

	if (!read_ip(outer) || !is_wanted(outer))
		return FATE_PASS;
	outer->present -= outer->ip_off;
	if (!is_for_us(outer))
		return FATE_PASS;
	read = read_plain(outer);
	if (read >= 0 && !is_in_scope(outer))
		return FATE_PASS;
	if (outer->merged) {
		count(COLLECTOR_merged, outer->merged);
		return FATE_DROP;
	}
	if (read >= 0) {
		slot = bpf_map_lookup_elem(&sessions, &outer->key);
		if (slot)
			return read ? take_odd(ctx, xdp, outer, *slot) : take_known(ctx, xdp, outer, *slot, delivery);
	}
	return give(ctx, xdp, outer, &none);
}

/* ---- XDP ---- */

SEC("xdp.frags")
int farspan_collect_xdp(struct xdp_md *ctx)
{
	struct outer outer = {.data = (void *)(long)ctx->data, .end = (void *)(long)ctx->data_end};
	struct delivery delivery = {};
	struct target *target;
	__u32 whole;

	whole = outer.present = (__u32)bpf_xdp_get_buff_len(ctx);
	switch (receive(ctx, 1, &outer, &delivery)) {
	case FATE_PASS:
		return XDP_PASS;
	case FATE_DROP:
		return XDP_DROP;
	case FATE_DELIVER:
		break;
	}
	if (!delivers)
		return XDP_DROP;
	target = bpf_map_lookup_elem(&targets, &delivery.target);
	if (!target)
		return XDP_DROP;
	/* What is behind the IP packet is padding of the outer frame. */
	whole -= delivery.inner_off + delivery.inner_len;
	if ((whole && bpf_xdp_adjust_tail(ctx, -(int)whole)) || bpf_xdp_adjust_head(ctx, (int)delivery.inner_off)) {
		__sync_fetch_and_add(&target->lost, 1);
		return XDP_DROP;
	}
	__sync_fetch_and_add(&target->sent, 1);
	return (int)bpf_redirect_map(&devices, delivery.target, XDP_DROP);
}

/* ---- tc ---- */

/* Leaves the frame alone in the packet. */
static __always_inline int strip(struct __sk_buff *skb, const struct delivery *delivery)
{
	__u8 ethernet[WIRE_ETHERNET_LEN];
	__u32 end = delivery->inner_off + delivery->inner_len;

	if (bpf_skb_load_bytes(skb, delivery->inner_off, ethernet, sizeof ethernet))
		return -1;
	if (end != skb->len && bpf_skb_change_tail(skb, end, 0))
		return -1;
	if (skb->vlan_present && bpf_skb_vlan_pop(skb))
		return -1;
	/* The helper takes away what is behind the Ethernet header. */
	if (bpf_skb_adjust_room(skb, -(int)delivery->inner_off, BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_NO_CSUM_RESET))
		return -1;
	return bpf_skb_store_bytes(skb, 0, ethernet, sizeof ethernet, 0) ? -1 : 0;
}

/* For the programs of a relay, which may want to know what was around the frame. */
static __always_inline __u32 delivery_mark(struct __sk_buff *skb, const struct outer *outer, const struct delivery *delivery,
					   struct target *target)
{
	__u32 key;

	if (carries && target->carries) {
		key = __sync_fetch_and_add(&target->next, 1) & (CARRIED_HALF - 1);
		if (!carry(skb, outer, delivery->target, key))
			return MARK_CARRIED | (delivery->truncated ? MARK_CARRIED_CUT : 0) | key;
	}
	return delivery->truncated && target->marks_cut ? MARK_CUT_FRAME : 0;
}

static __always_inline void hand_on(struct __sk_buff *skb, const struct outer *outer, const struct delivery *delivery)
{
	struct target *target = bpf_map_lookup_elem(&targets, &delivery->target);

	if (!target)
		return;
	skb->mark = delivery_mark(skb, outer, delivery, target);
	/* The kernel empties that map with the interface, whose number another one may have by now. */
	if (!bpf_map_lookup_elem(&present, &delivery->target) || strip(skb, delivery) || bpf_clone_redirect(skb, target->ifindex, 0))
		__sync_fetch_and_add(&target->lost, 1);
	else
		__sync_fetch_and_add(&target->sent, 1);
}

SEC("tc")
int farspan_collect(struct __sk_buff *skb)
{
	struct outer outer = {.present = skb->len};
	struct delivery delivery = {};

	/* Whose it is can be told, but not what it was. */
	if (skb->gso_size)
		outer.merged = skb->gso_segs ? skb->gso_segs : 1;
	if ((void *)(long)skb->data + PARSE_BYTES > (void *)(long)skb->data_end)
		bpf_skb_pull_data(skb, skb->len < PARSE_BYTES ? skb->len : PARSE_BYTES);
	outer.data = (void *)(long)skb->data;
	outer.end = (void *)(long)skb->data_end;
	switch (receive(skb, 0, &outer, &delivery)) {
	case FATE_PASS:
		return TC_ACT_UNSPEC;
	case FATE_DROP:
		return TC_ACT_SHOT;
	case FATE_DELIVER:
		break;
	}
	if (delivers)
		hand_on(skb, &outer, &delivery);
	return TC_ACT_SHOT;
}

/* ---- what this host would answer ---- */

static __always_inline int is_icmp(const struct outer *outer)
{
	return outer->protocol == (outer->key.version == 4 ? IP_PROTOCOL_ICMP : IP_PROTOCOL_ICMPV6);
}

/* Unreachable, too big, time exceeded, parameter problem. */
static __always_inline int is_icmp_error(const struct outer *outer, const __u8 *icmp)
{
	if (outer->key.version == 4)
		return icmp[0] == 3 || icmp[0] == 11 || icmp[0] == 12;
	return icmp[0] >= 1 && icmp[0] <= 4;
}

/* Reads the headers of the packet that an ICMP error quotes: 0, or -1 if they are not there. */
static __always_inline int read_quote(struct outer *quote)
{
	__u8 *header;

	if (quote->key.version == 4 ? read_ipv4(quote, FRAGMENTS_FIRST) : read_ipv6(quote))
		return -1;
	if (quote->protocol != IP_PROTOCOL_FRAGMENT)
		return 0;
	header = at(quote, quote->off, WIRE_IPV6_FRAGMENT_LEN);
	if (!header)
		return -1;
	quote->protocol = header[0];
	quote->off += WIRE_IPV6_FRAGMENT_LEN;
	return 0;
}

/* An ICMP error of this host to a sender whose packet was taken: from the address that it had been sent to. */
static __always_inline int answers_sender(struct __sk_buff *skb)
{
	struct outer outer = {.data = (void *)(long)skb->data, .end = (void *)(long)skb->data_end};
	struct outer quote = outer;
	__u8 *icmp;

	if (!read_ip(&outer))
		return 0;
	icmp = at(&outer, outer.off, ICMP_HEADER_LEN);
	if (!icmp || !is_icmp_error(&outer, icmp))
		return 0;
	quote.ip_off = outer.off + ICMP_HEADER_LEN;
	quote.present = ~0u; /* as the packet was */
	quote.key.version = outer.key.version;
	if (read_quote(&quote) || !same_address(quote.key.destination, outer.key.source))
		return 0;
	if (!is_for_us(&quote) || !is_wanted(&quote))
		return 0;
	return !scope.narrow || (read_plain(&quote) >= 0 && is_in_scope(&quote));
}

/*
 * On the way out: what came in fragments passes farspan_collect, and the kernel gives what it has put together to our sockets, but also to
 * its own tunnels if it has any, which refuse it with an ICMP error. The switch is not to get it.
 */
SEC("tc")
int farspan_hush(struct __sk_buff *skb)
{
	struct outer outer = {.data = (void *)(long)skb->data, .end = (void *)(long)skb->data_end};

	if (!read_ip(&outer) || !is_icmp(&outer))
		return TC_ACT_UNSPEC;
	bpf_skb_pull_data(skb, skb->len < PARSE_BYTES ? skb->len : PARSE_BYTES);
	return answers_sender(skb) ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}
