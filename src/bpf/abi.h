/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* All that the eBPF programs and user space share: map keys and values, the mark, limits. */
#ifndef BPF_ABI_H
#define BPF_ABI_H

#include <linux/types.h>

/*
 * A copy carries its session and direction in the mark of its skb from the source program to the encapsulation, and keeps it until it has
 * left the machine, so that no source copies it again.
 *
 *    31            16  15   14    13           0
 *   +----------------+----+-----+---------------+
 *   | "FS"           | tx | cut | session slot  |
 *   +----------------+----+-----+---------------+
 *
 * cut: the frame was not whole when it came, as in a capture of only its first bytes. User space gives such a frame the mark MARK_CUT_FRAME
 * when it puts it on a private interface.
 */
#define MARK_MAGIC      0x46530000u
#define MARK_MAGIC_MASK 0xffff0000u
#define MARK_TX         0x00008000u
#define MARK_CUT        0x00004000u
#define MARK_SLOT_MASK  0x00003fffu
#define MARK_CUT_FRAME  0x46435554u /* "FCUT" */

/*
 * A frame on the private interface of a relay, instead: "FM", whether it is not whole, and the key of what was received around it, in
 * "carried".
 */
#define MARK_CARRIED     0x464d0000u
#define MARK_CARRIED_CUT 0x00008000u
#define MARK_CARRIED_KEY 0x00007fffu

/*
 * To be raised when programs of two versions can no longer share maps and devices although all types are the same: when the mark, the
 * notes, or what something in a map means is changed.
 */
#define KEPT_REVISION 5

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
	SESSIONS_MAX = 1024,    /* session slots */
	SPREAD_MAX = 16,        /* destinations that share flows */
	TAP_LEGS_MAX = 256,     /* legs that take from one direction of one interface */
	FILTERS_MAX = 256,      /* packet filters of one program */
	FILTER_GROUP_SIZE = 32, /* of them in one function */
	COUNTER_SETS = SESSIONS_MAX * DIRECTIONS,
	HEADER_MAX = 128, /* outer headers, Ethernet included; FARSPAN_HEADER_MAX */
	HEADER_ALIGN = 2, /* headers are kept at this offset, so that what follows Ethernet is aligned */
	HEADER_BUFFER = HEADER_ALIGN + HEADER_MAX + 6,
	OUTER_MAX = 16000,  /* an outer packet with Ethernet: the kernel lets programs make a frame no longer than about that */
	FRAGMENTS_MAX = 64, /* of one outer packet */
};

/* Value of "counters", a per-CPU array with the key slot * DIRECTIONS + direction. */
struct counters {
	__u64 value[COUNTER_COUNT];
};

/*
 * What a copy carries in cb[] of its skb from one program to the next. The frames are the arrivals that a ticket is good for, with the CPU
 * in the upper half; 0 if the copy has no ticket. NOTE_WRAPPED is set there in front of the segmenter, with the last two.
 */
enum note {
	NOTE_SOURCE, /* ifindex of where it was seen */
	NOTE_TICKET, /* with frames: its place among the copies that this CPU sends through the segmenter; without: NOTE_ROUTED or 0 */
	NOTE_FRAMES,
	NOTE_CARRIED, /* key in "carried" + 1; 0: none */
	NOTES,
	NOTE_CUT = NOTE_CARRIED, /* of a wrapped super-packet: where its frames are cut */
	NOTE_PLACE = NOTES,      /* session_config.place: by what it was wrapped */
};

enum {
	NOTE_ROUTED = 1, /* the copy may still have the route of its original */
	NOTE_CPU_SHIFT = 16,
	NOTE_COUNT_MASK = 0x7fff,
	NOTE_WRAPPED = 0x8000, /* it is a super-packet that got its outer headers whole, or a piece of one */
};

/* The ways of a copy to the encapsulation; constants of the programs that send copies. See bpf/ways.h. */
struct copy_ways {
	__u32 segmenter;     /* ifindex */
	__u32 encapsulator;  /* ifindex; 0: everything goes through the segmenter */
	__u32 whole;         /* ifindex of where super-packets are wrapped whole; 0: nowhere */
	__u32 ip_summed_off; /* where the kernel notes in its struct sk_buff whether the checksum is finished: byte, and bit in it */
	__u32 ip_summed_shift;
};

/* Value of "copy_queues", per-CPU, one element: the copies of this CPU on their way through the segmenter. They arrive in order. */
struct copy_queue {
	__u32 sent;      /* last ticket given out */
	__u32 done;      /* all copies with tickets up to this one are encapsulated and sent */
	__u32 arriving;  /* ticket of the last frame that arrived */
	__u32 remaining; /* frames of that ticket that are still to come */
	__u64 straight;  /* frames whose copies went straight to the encapsulation, alone or in super-packets that are wrapped whole */
};

/* Where a session cuts its copies. */
enum truncate_mode {
	TRUNCATE_NONE,
	TRUNCATE_BYTES,
	TRUNCATE_L2, /* behind Ethernet and VLAN tags */
	TRUNCATE_L3, /* behind the IP header, its options and extension headers */
	TRUNCATE_L4, /* behind the header of TCP, UDP, SCTP, ICMP */
};

/* What copies are wrapped in. */
enum wrap {
	WRAP_NONE,   /* nothing: local SPAN */
	WRAP_VLAN,   /* a VLAN tag: RSPAN */
	WRAP_TUNNEL, /* outer headers */
};

/* A field of the outer headers: the word at off of header[] has it in bits shift to shift + width - 1. Width 0: there is none. */
struct header_field {
	__u16 off;
	__u8 shift;
	__u8 width;
};

/* Those that a hook can set. */
enum {
	HEADER_FIELD_number, /* session id, key or VNI */
	HEADER_FIELD_index,
	HEADER_FIELD_hwid,
	HEADER_FIELD_sgt,
	HEADER_FIELDS,
};

/*
 * Value of "sessions", an array with two elements per slot. "current", an array with the key slot, holds the key of the one in use. User
 * space writes the other one, then switches, so that a program always sees one whole configuration.
 */
struct session_config {
	__u32 present;
	__u32 place;        /* the key of this element */
	__u16 wrap;         /* enum wrap */
	__u16 drop_too_big; /* what is longer than frame_max is dropped; else truncated */
	__u32 frame_max;    /* longest frame that fits the path, in fragments if need be; Ethernet header included */
	__u32 truncate;     /* enum truncate_mode */
	__u32 truncate_bytes;
	__u16 strip_tag;      /* the outermost tag of the frame is left out */
	__u16 relayed;        /* uplink leads to an interface of another namespace, which is in "relays" */
	__u32 uplink;         /* ifindex; 0, or not the interface it was: counted under unreachable */
	__u32 unreachable;    /* enum counter */
	__u32 summed_max;     /* longest frame of super-packets that are wrapped whole and summed up by the segmenter; 0: none */
	__u64 limit;          /* copies to send; 0: no limit */
	__u32 unfinished_max; /* longest frame that may be sent with its checksum unfinished, since the uplink finishes it; 0: none */
	__u32 keep;           /* bits of enum relay_field: what stays as it was received */
	__u32 destination;    /* its number among those of the session */
	/* WRAP_VLAN */
	__u32 tag_type_be;
	__u32 tag_tci;
	/* WRAP_TUNNEL */
	__u32 nexthop_version; /* 4 or 6: IPv4 may go through an IPv6 gateway */
	__u32 kind;            /* enum farspan_kind */
	__u32 ip_version;
	__u32 header_len;        /* bytes of header[] in use, behind HEADER_ALIGN */
	__u32 sequence_off;      /* in header[], of the GRE sequence number; 0: none */
	__u32 tunnel_off;        /* in header[], of the ERSPAN or UDP header */
	__u32 ipv4_sum;          /* ones' complement sum of the IPv4 header without its total length and checksum */
	__u32 timestamp_unit_ns; /* Type III */
	__u32 fixed_direction;   /* 1 + enum direction: what all copies say; 0: what is so. Type III */
	__u32 time_upper_off;    /* in header[], of the upper half of the timestamp; 0: none */
	__u32 time_in_seconds;   /* the upper half counts seconds, the lower the rest in ns; else both are one number */
	__u32 port_off;          /* in header[], of the word whose field takes the ifindex of the source; 0: none */
	__u32 port_mask;
	__u32 fragment_mtu;   /* longer outer packets are sent in fragments; 0: there are none */
	__u32 number_packets; /* IPv4: packets that others may fragment get an identification */
	__u32 checksum_off;   /* in header[], of the GRE checksum; 0: none */
	__u32 options;        /* header[] has IPv6 options */
	__u32 inherit_tos;    /* the outer TOS is the frame's */
	__u32 nexthop[4];     /* network order */
	struct header_field fields[HEADER_FIELDS];
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

/* How a leg picks frames. */
enum sample_mode {
	SAMPLE_ALL,
	SAMPLE_RANDOM, /* each frame with the probability 1 in N */
	SAMPLE_COUNT,  /* every Nth frame */
	SAMPLE_FLOW,   /* all frames of one flow in N, in both directions */
};

/*
 * A leg is what a session does with the frames of one source for one destination, or for several that share the flows among them: its slots
 * are first_slot and those behind it, one per destination.
 */
struct leg {
	__u32 first_slot;
	__u32 slot_count; /* above 1: flows are spread over the slots */
	__u32 sample;     /* enum sample_mode */
	__u32 sample_n;
	__u32 limited;    /* copies go through buckets[first_slot] */
	__u32 some_vlans; /* only those in vlan_sets[first_slot] */
	__u32 udp_copies; /* its copies are UDP packets: the loop guard must look at such */
	__u32 filter;     /* number of its packet filter + 1; 0: none */
	__u32 chosen_by;  /* a relay's: bits of its destinations in what rules choose; 0: it is none */
};

/* Constants of a source program: the legs that take from one direction of its interface. */
struct tap {
	struct copy_ways ways;
	__u32 at_egress;    /* the program stands where frames leave */
	__u32 source;       /* ifindex that is told of the source; 0: that of the interface where the program stands */
	__u32 wants_flow;   /* some leg goes by flows */
	__u32 wants_vlan;   /* some leg goes by VLANs */
	__u32 udp_copies;   /* some leg's copies are UDP packets */
	__u32 filter_count; /* packet filters of all legs */
	__u32 only_filters; /* nothing but these excludes frames from any leg, copies of mirrors aside */
	__u32 relays;       /* not 0: it is the private interface of a relay */
	__u32 count;
	struct leg legs[TAP_LEGS_MAX];
};

/* The answers of all filters of a program, a word per group. A bit is set if its filter excludes the frame, or if it has none. */
struct exclusions {
	__u32 words[FILTERS_MAX / FILTER_GROUP_SIZE];
};

/*
 * Value of "buckets", an array with the key first_slot of a leg: a token bucket, kept as the time at which it will be full again. A frame
 * costs units * cost_scale / 2^RATE_SCALE_BITS nanoseconds.
 */
struct bucket {
	__u64 full_at_ns; /* monotonic; kept by the programs */
	__u64 cost_scale;
	__u64 burst_ns;
	__u32 count_bits; /* units are bits of the frame; else frames */
	__u32 padding;
};

enum {
	RATE_SCALE_BITS = 16
};

/* Value of "vlan_sets", an array with the key first_slot of a leg: a bit per VLAN id. An untagged frame counts as VLAN 0. */
struct vlan_set {
	__u64 bits[4096 / 64];
};

/* Value of "spread_seeds", an array with the key slot: what stands for its destination when flows are spread; made of its address. */
struct spread_seed {
	__u32 seed;
	__u32 present; /* 0: the destination is out of order, its flows go to the others */
};

/* ---- relay ---- */

/* What is received of a mirrored frame besides itself, and a relay can match, keep or set. Member names of struct farspan_meta. */
#define RELAY_FIELDS(X) X(number) X(index) X(direction) X(hwid) X(sgt) X(vlan) X(cos)

enum relay_field {
#define RELAY_FIELD(name) RELAY_##name,
	RELAY_FIELDS(RELAY_FIELD)
#undef RELAY_FIELD
	RELAY_MATCHED, /* those that rules know */
	RELAY_sequence = RELAY_MATCHED,
	RELAY_FIELD_COUNT,
};

/*
 * Value of "carried", an array that user space may write into directly: what was received around a frame that is on its way through a
 * relay. The collector's programs take the elements of the lower half in turn, user space those of the upper half: there are more of them
 * than frames can be under way.
 */
struct carried {
	__u32 has;  /* bits of enum relay_field */
	__u32 kind; /* enum farspan_kind */
	__u32 value[RELAY_FIELD_COUNT];
	__u32 ip_version;
	__be32 sender[4]; /* IPv4 takes the first word, the others are 0 */
	__be32 local[4];
	__u32 rule; /* key in "match_rules" + 1 of the one that takes it; 0: none does */
};

enum {
	CARRIED_HALF = (MARK_CARRIED_KEY + 1) / 2,
	MATCH_RULES_MAX = 32,
	MATCH_RANGES_MAX = 16,
	MATCH_SENDERS_MAX = 16,
};

/* Value of "match_rules", an array: the first that takes a frame counts. */
struct match_rule {
	__u32 present;
	__u32 kinds; /* bits of enum farspan_kind */
	__u32 tests; /* bits of enum relay_field: those that must be there, and in a range */
	__u32 sets;  /* the same: those that are set */
	__u32 set[RELAY_MATCHED];
	__u32 destinations; /* a bit for each that gets the frame */
	struct {
		__u32 first, last; /* behind the last range: 1 and 0 */
	} ranges[RELAY_MATCHED][MATCH_RANGES_MAX];
	__u32 sender_count; /* 0: any */
	struct {
		__u32 ip_version;
		__be32 address[4], mask[4];
	} senders[MATCH_SENDERS_MAX];
	__u32 local_version; /* 0: any */
	__be32 local[4];
};

/* ---- collector ---- */

/* Key of "local_addresses", a set: the addresses whose mirror traffic is taken. IPv4 takes the first word, the others are 0. */
struct local_key {
	__u32 version; /* 4 or 6 */
	__u32 address[4];
};

/* Value of "found_locals". */
struct found_local {
	struct local_key local; /* version 0: none */
	__u32 revision;         /* when it was found */
};

/*
 * Key of "sessions", a hash with the session's slot as value: what user space knows the mirror session by, and the UDP port it came to (0
 * for GRE). Of packets of such a session nothing but sequence number, direction, time and frame differ.
 */
struct collect_key {
	__u32 source[4];
	__u32 destination[4];
	__u32 id;     /* session, key or VNI */
	__be16 port;  /* UDP destination */
	__u8 version; /* 4 or 6 */
	__u8 kind;    /* enum farspan_kind */
	__u8 hwid;    /* Type III */
	__u8 has_key; /* GRE */
	__u8 padding[2];
};

/* Constants of a collector that is one of several of this host for the same types: exactly what it takes. The rest passes. */
struct collect_scope {
	__u32 narrow; /* 0: there is no scope, everything of its types is taken */
	__u32 from_anyone;
	__u32 source[4];
	__u32 any_id;
	__u32 id;
};

/* Value of "ways", an array with the key slot that user space writes into directly: what becomes of a session's packets. */
struct session_way {
	__u32 record;       /* user space wants the packets */
	__u32 targets;      /* how many interfaces share the flows of its frames; 0: user space hands the frames on, if anybody does */
	__u32 first_target; /* the first of them, in "targets" */
	__u32 handled;      /* packets that user space has handed on since it knows the session */
	__u32 caught_up;    /* handled is valid: once the program has given user space no more, it may hand on frames itself */
	__u32 padding[3];
};

/*
 * Value of "accounts", an array with the key slot: what the program did with a session's packets. Numbers that go on, and sums, are counted
 * without the lock, each by itself. What is read under it has all of the jumps that it counts, and nothing of a later one.
 */
struct session_account {
#ifdef __bpf__
	struct bpf_spin_lock lock;
#else
	__u32 lock;
#endif
	__u32 given;  /* packets in the ring that user space is to hand on; under the lock */
	__u32 direct; /* the program hands on all that come, from now on; set under the lock */
	__u32 next;   /* the sequence number that would go on */
	__u32 jumps;  /* numbers that were not the next; each is told to user space. Under the lock, and before next is set */
	__u32 padding;
	__u64 packets; /* that user space got no record of */
	__u64 bytes;   /* of mirrored frames in them */
	__u64 truncated;
	__u64 transmitted;       /* Type III: those whose frame the switch sent */
	__u64 first_ns, last_ns; /* monotonic */
	__u64 clock_ns;          /* Type III: when user space was last told a timestamp */
};

/* Value of "targets", an array: an interface that frames are handed on to. */
struct target {
	__u32 ifindex;
	__u32 frame_max; /* longest frame, Ethernet header included */
	__u32 marks_cut; /* frames that are not whole need the mark MARK_CUT_FRAME */
	__u32 next;      /* key in "carried", for a relay that has one */
	__u32 carries;   /* it has one */
	__u32 padding;
	__u64 sent; /* by XDP: what of it has arrived is to be seen on the interface */
	__u64 lost;
};

enum record_kind {
	RECORD_PACKET, /* an outer packet, from its IP header on */
	RECORD_JUMP,   /* a sequence number that is not the one expected; jumps: those before it */
	RECORD_CLOCK,  /* what a packet of Type III begins with that was handed on without a word, now and then one: for its timestamp */
};

/* What an entry of the ring buffer begins with. */
struct record {
	__u64 monotonic_ns;
	__u32 len; /* bytes of data in use */
	__u16 kind;
	__u16 inner_off; /* of the mirrored frame in data */
	__u32 slot;      /* of the session + 1; 0: nobody has told the program of it, or the packet is an odd one */
	__u32 sequence;
	__u8 has_sequence;
	__u8 transmitted; /* Type III: the direction */
	__u8 truncated;
	__u8 delivered; /* the frame was handed on */
	__u8 odd;       /* user space has to take a look, although the session is known */
	__u8 padding[3];
	__u32 expected; /* of the session's account when the record was made: the number that would have gone on, and jumps */
	__u32 jumps;
	__u64 adapter_ns; /* when the network card says that it came; 0: it says nothing, or is not asked */
	__u8 data[];
};

/* Keys of "collector_counters", a per-CPU array. Unit: outer packets. */
enum collector_counter {
	COLLECTOR_taken,     /* put into the ring */
	COLLECTOR_delivered, /* handed on, and not put into the ring */
	COLLECTOR_ring_full, /* lost: user space was too slow */
	COLLECTOR_too_long,  /* lost: longer than any record */
	COLLECTOR_merged,    /* lost: the kernel had merged several packets into one */
	COLLECTOR_COUNTERS,
};

enum {
	RECORD_DATA_MAX = 65535 + 40, /* IPv6 header and the longest payload */
	RING_WAKE_BYTES = 256 * 1024, /* user space is woken when that much waits; it also looks by itself now and then */
	IPV6_EXTENSIONS_MAX = 8,
	UDP_PORTS_MAX = 8,
	COLLECT_SLOTS = 4096, /* mirror sessions that the programs know */
	CLOCK_BYTES = 128,    /* in which the headers of a packet of Type III are */
	CLOCK_NS = 1 << 26,   /* how often, of each session, user space is told a timestamp */
	TARGETS_MAX = 64,
	LOCALS_FOUND = 16,
};

#endif
