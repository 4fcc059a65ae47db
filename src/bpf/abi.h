/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* All that the eBPF programs and user space share: map keys and values, the mark, limits. */
#ifndef BPF_ABI_H
#define BPF_ABI_H

#include <linux/types.h>

/*
 * A copy carries its session and direction in the mark of its skb from the source program to the encapsulation, and keeps it until it has
 * left the machine, so that no source copies it again.
 *
 *    31            16  15   14           0
 *   +----------------+----+---------------+
 *   | "FS"           | tx | session slot  |
 *   +----------------+----+---------------+
 */
#define MARK_MAGIC      0x46530000u
#define MARK_MAGIC_MASK 0xffff0000u
#define MARK_TX         0x00008000u
#define MARK_SLOT_MASK  0x00007fffu

enum direction {
	DIRECTION_RX, /* ingress in ERSPAN's words */
	DIRECTION_TX,
	DIRECTIONS,
};

enum counter {
#define COUNTER(name, class, help) COUNTER_##name,
#include "bpf/counters.def"
#undef COUNTER
	COUNTER_COUNT,
};

enum {
	SESSIONS_MAX = 1024,   /* session slots */
	TAP_SESSIONS_MAX = 64, /* sessions that take from one direction of one interface */
	HEADER_MAX = 128,      /* outer headers, Ethernet included; FARSPAN_HEADER_MAX */
	HEADER_ALIGN = 2,      /* headers are kept at this offset, so that what follows Ethernet is aligned */
	HEADER_BUFFER = HEADER_ALIGN + HEADER_MAX + 6,
};

/* Value of "counters", a per-CPU array with the key slot * DIRECTIONS + direction. */
struct counters {
	__u64 value[COUNTER_COUNT];
};

/*
 * Value of "sessions", an array with two elements per slot. "current", an array with the key slot, holds the key of the one in use. User
 * space writes the other one, then switches, so that a program always sees one whole configuration.
 */
struct session_config {
	__u32 kind; /* enum farspan_kind; 0: no session */
	__u32 ip_version;
	__u32 header_len;        /* bytes of header[] in use, behind HEADER_ALIGN */
	__u32 sequence_off;      /* in header[], of the GRE sequence number; 0: none */
	__u32 tunnel_off;        /* in header[], of the ERSPAN header */
	__u32 ipv4_sum;          /* ones' complement sum of the IPv4 header without its total length and checksum */
	__u32 frame_max;         /* longest frame that fits the path, Ethernet header included */
	__u32 timestamp_unit_ns; /* Type III */
	__u32 uplink;            /* ifindex; 0: counted under unreachable instead */
	__u32 unreachable;       /* enum counter */
	__u32 nexthop_version;   /* 4 or 6: IPv4 may go through an IPv6 gateway */
	__u32 nexthop[4];        /* network order */
	__u64 limit;             /* copies to send; 0: no limit */
	__u8 header[HEADER_BUFFER] __attribute__((aligned(8))); /* as farspan_encode() made them, for a frame of no bytes */
};

/* Value of "states", an array with the key slot. What changes per packet. */
struct session_state {
	__u64 claimed; /* copies counted against limit */
	__u32 next_sequence;
	__u8 own_cache_line[52];
};

/* Value of "clock", one element: added to the monotonic clock it gives nanoseconds since 1970. */
struct clock_config {
	__u64 realtime_offset_ns;
};

/*
 * Key of "own_tunnels", a set: what the outer headers of our copies look like, and of those that our collector, should it mirror too, sends
 * back. IPv4 addresses take the first word, the others are 0.
 */
struct tunnel_key {
	__u32 source[4];
	__u32 destination[4];
	__u16 protocol; /* GRE or UDP */
	__be16 type;    /* GRE protocol, or UDP destination port */
};

/* Constants of a source program: the sessions that take from one direction of its interface. */
struct tap {
	__u32 count;
	__u32 slots[TAP_SESSIONS_MAX];
	__u32 segmenter; /* ifindex of the device copies go to */
};

/* ---- collector ---- */

/* Key of "local_addresses", a set: the addresses whose mirror traffic is taken. IPv4 takes the first word, the others are 0. */
struct local_key {
	__u32 version; /* 4 or 6 */
	__u32 address[4];
};

/* One packet in the ring buffer: the outer packet from its IP header on. */
struct record {
	__u64 monotonic_ns;
	__u32 len; /* bytes of data in use */
	__u32 padding;
	__u8 data[];
};

/* Keys of "collector_counters", a per-CPU array. Unit: outer packets. */
enum collector_counter {
	COLLECTOR_taken,     /* put into the ring */
	COLLECTOR_ring_full, /* lost: user space was too slow */
	COLLECTOR_too_long,  /* lost: longer than any record */
	COLLECTOR_merged,    /* lost: the kernel had merged several packets into one */
	COLLECTOR_COUNTERS,
};

enum {
	RECORD_DATA_MAX = 65535 + 40, /* IPv6 header and the longest payload */
	RING_WAKE_BYTES = 256 * 1024, /* user space is woken when that much waits; it also looks by itself now and then */
	IPV6_EXTENSIONS_MAX = 8,
	VXLAN_PORTS_MAX = 8,
};

#endif
