// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * The collector's door: sits on an interface's reception, moves mirror traffic for our addresses into a ring buffer and lets everything
 * else pass. What it takes never reaches the host's stack, which would answer the switch that sent it with an ICMP error. Fragments pass:
 * the kernel reassembles them and hands them to sockets of ours.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#include <farspan.h>

#include "bpf/abi.h"
#include "wire/fields.h"

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

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COLLECTOR_COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} collector_counters SEC(".maps");

const volatile __u32 wanted_kinds; /* bits of enum farspan_kind; those over UDP go by udp_ports */
const volatile __be16 udp_ports[UDP_PORTS_MAX];
const volatile __u32 udp_port_count;

/* Where the program has got to in the packet, and what it knows of it. */
struct outer {
	__u32 ip_off;
	__u32 off; /* behind the headers read so far */
	__u32 len; /* of the packet, from ip_off on, without padding */
	__u8 protocol;
	struct local_key destination;
};

static __always_inline void count(enum collector_counter row, __u64 n)
{
	__u32 key = row;
	__u64 *value = bpf_map_lookup_elem(&collector_counters, &key);

	if (value)
		*value += n;
}

/* Finds the IP header behind at most two tags; 4, 6, or 0 for anything else. */
static __always_inline int find_ip(struct __sk_buff *skb, struct outer *outer)
{
	__be16 type = 0;

	outer->ip_off = WIRE_ETHERNET_LEN;
	for (int tags = 0; tags < 3; tags++) {
		if (bpf_skb_load_bytes(skb, outer->ip_off - sizeof type, &type, sizeof type))
			return 0;
		if (type != bpf_htons(ETHERTYPE_VLAN) && type != bpf_htons(ETHERTYPE_SERVICE_VLAN))
			break;
		outer->ip_off += WIRE_TAG_LEN;
	}
	return type == bpf_htons(ETHERTYPE_IPV4) ? 4 : type == bpf_htons(ETHERTYPE_IPV6) ? 6 : 0;
}

/* 0, or -1 if the packet is none of ours to read: cut, or a fragment. */
static __always_inline int read_ipv4(struct __sk_buff *skb, struct outer *outer)
{
	__u8 header[WIRE_IPV4_LEN];
	__be16 total, fragment;

	if (bpf_skb_load_bytes(skb, outer->ip_off, header, sizeof header))
		return -1;
	__builtin_memcpy(&total, header + 2, sizeof total);
	__builtin_memcpy(&fragment, header + 6, sizeof fragment);
	if (fragment & bpf_htons(0x3fff))
		return -1;
	outer->off = outer->ip_off + (header[0] & 15) * 4;
	outer->len = bpf_ntohs(total);
	outer->protocol = header[9];
	outer->destination.version = 4;
	__builtin_memcpy(outer->destination.address, header + 16, 4);
	return 0;
}

static __always_inline int is_extension(__u8 protocol)
{
	return protocol == IP_PROTOCOL_HOP_BY_HOP || protocol == IP_PROTOCOL_ROUTING || protocol == IP_PROTOCOL_DESTINATION;
}

static __always_inline int read_ipv6(struct __sk_buff *skb, struct outer *outer)
{
	__u8 header[8];
	__be16 payload;

	if (bpf_skb_load_bytes(skb, outer->ip_off, header, sizeof header) ||
	    bpf_skb_load_bytes(skb, outer->ip_off + 24, outer->destination.address, sizeof outer->destination.address))
		return -1;
	__builtin_memcpy(&payload, header + 4, sizeof payload);
	outer->len = WIRE_IPV6_LEN + bpf_ntohs(payload);
	outer->protocol = header[6];
	outer->off = outer->ip_off + WIRE_IPV6_LEN;
	outer->destination.version = 6;
	for (int i = 0; i < IPV6_EXTENSIONS_MAX && is_extension(outer->protocol); i++) {
		if (bpf_skb_load_bytes(skb, outer->off, header, 2))
			return -1;
		outer->protocol = header[0];
		outer->off += (header[1] + 1) * 8;
	}
	return 0;
}

/* GRE of a kind that is wanted; also what is too short to tell, so that it is counted and not answered. */
static __always_inline int is_wanted_gre(struct __sk_buff *skb, struct outer *outer)
{
	__be16 protocol;

	if (bpf_skb_load_bytes(skb, outer->off + 2, &protocol, sizeof protocol))
		return 1;
	if (protocol == bpf_htons(GRE_PROTOCOL_ETHERNET))
		return wanted_kinds >> FARSPAN_GRE & 1;
	if (protocol == bpf_htons(GRE_PROTOCOL_ERSPAN2) || protocol == bpf_htons(GRE_PROTOCOL_ERSPAN3))
		return (wanted_kinds & (1u << FARSPAN_ERSPAN1 | 1u << FARSPAN_ERSPAN2 | 1u << FARSPAN_ERSPAN3)) != 0;
	return 0;
}

static __always_inline int is_wanted_udp(struct __sk_buff *skb, struct outer *outer)
{
	__be16 port;

	if (bpf_skb_load_bytes(skb, outer->off + 2, &port, sizeof port))
		return 0;
	for (__u32 i = 0; i < UDP_PORTS_MAX && i < udp_port_count; i++)
		if (port == udp_ports[i])
			return 1;
	return 0;
}

static __always_inline int is_wanted(struct __sk_buff *skb, struct outer *outer)
{
	if (outer->protocol == IP_PROTOCOL_GRE)
		return is_wanted_gre(skb, outer);
	return outer->protocol == IP_PROTOCOL_UDP && is_wanted_udp(skb, outer);
}

/* Reserves a record of a fixed size, as the verifier wants it, and fills len bytes of it. */
#define TAKE(skb, outer, size)                                                                                                         \
	do {                                                                                                                           \
		struct record *record = bpf_ringbuf_reserve(&ring, sizeof *record + (size), 0);                                        \
		__u64 bytes = (outer)->len;                                                                                            \
		if (!record)                                                                                                           \
			return COLLECTOR_ring_full;                                                                                    \
		record->monotonic_ns = bpf_ktime_get_ns();                                                                             \
		record->len = (__u32)bytes;                                                                                            \
		asm volatile("" : "+r"(bytes)); /* or the compiler drops the bounds that the verifier needs */                         \
		if (bytes < WIRE_IPV4_LEN || bytes > (size) || bpf_skb_load_bytes(skb, (outer)->ip_off, record->data, (__u32)bytes)) { \
			bpf_ringbuf_discard(record, BPF_RB_NO_WAKEUP);                                                                 \
			return COLLECTOR_too_long;                                                                                     \
		}                                                                                                                      \
		bpf_ringbuf_submit(record, bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) >= RING_WAKE_BYTES ? BPF_RB_FORCE_WAKEUP        \
													  : BPF_RB_NO_WAKEUP);         \
		return COLLECTOR_taken;                                                                                                \
	} while (0)

static __always_inline enum collector_counter take(struct __sk_buff *skb, struct outer *outer)
{
	__u32 present = skb->len - outer->ip_off;

	if (skb->gso_size)
		return COLLECTOR_merged;
	/* Padding behind the IP packet is left out; a length that promises too much is user space's to refuse. */
	if (outer->len > present || outer->len < WIRE_IPV4_LEN)
		outer->len = present;
	if (outer->len <= 160)
		TAKE(skb, outer, 160);
	if (outer->len <= 320)
		TAKE(skb, outer, 320);
	if (outer->len <= 704)
		TAKE(skb, outer, 704);
	if (outer->len <= 1664)
		TAKE(skb, outer, 1664);
	if (outer->len <= 9728)
		TAKE(skb, outer, 9728);
	TAKE(skb, outer, RECORD_DATA_MAX);
}

SEC("tc")
int farspan_collect(struct __sk_buff *skb)
{
	struct outer outer = {};
	int version = find_ip(skb, &outer);
	enum collector_counter result;

	if (!version || (version == 4 ? read_ipv4(skb, &outer) : read_ipv6(skb, &outer)))
		return TC_ACT_UNSPEC;
	if (!is_wanted(skb, &outer) || !bpf_map_lookup_elem(&local_addresses, &outer.destination))
		return TC_ACT_UNSPEC;
	result = take(skb, &outer);
	count(result, result == COLLECTOR_merged && skb->gso_segs ? skb->gso_segs : 1);
	return TC_ACT_SHOT;
}
