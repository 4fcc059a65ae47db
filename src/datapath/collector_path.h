/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The collector path: mirror traffic for this host, taken from its interfaces before its stack sees it, and whole packets from the
 * fragments that the kernel reassembled. Hides eBPF objects, the ring buffer and sockets.
 */
#ifndef DATAPATH_COLLECTOR_PATH_H
#define DATAPATH_COLLECTOR_PATH_H

#include "base/error.h"
#include "bpf/abi.h"
#include "datapath/attach.h"
#include "datapath/collector_sessions.h"
#include "datapath/collector_times.h"
#include "host/netlink.h"

enum {
	COLLECTOR_INTERFACES_MAX = 32 /* that can be named */
};

struct collector_path_config {
	unsigned int kinds; /* what to take: bits of enum farspan_kind */
	uint16_t udp_ports[UDP_PORTS_MAX];
	uint8_t udp_kinds[UDP_PORTS_MAX]; /* enum farspan_kind; FARSPAN_NONE: it is not the same for all senders */
	unsigned int udp_port_count;
	const struct address *locals; /* addresses whose traffic is taken; copied */
	unsigned int local_count;     /* 0: all of this host's */
	char interfaces[COLLECTOR_INTERFACES_MAX][IFNAMSIZ];
	unsigned int interface_count; /* 0: all of this host's */
	char vrf[IFNAMSIZ];           /* only interfaces that are in it; empty: any */
	struct collect_scope scope;   /* narrow only if others of this host collect these types too */
	bool delivers;                /* there will be interfaces to hand frames on to */
	bool carries;                 /* some of them are relays that are told what was received around a frame; by tc only */
	bool adapter_times;           /* when packets came is asked of the network cards; by tc only */
	enum attach_way way;
};

#define COLLECTOR_NO_SLOT UINT32_MAX

/* One outer packet, from its IP header on; valid during the call only. */
struct collector_packet {
	uint64_t time_ns; /* of the wall clock */
	const void *data;
	size_t len;
	uint32_t
		slot; /* of the session, as collector_path_tell() was told; COLLECTOR_NO_SLOT: it takes a look. The rest counts only with it. */
	size_t inner_off; /* of the mirrored frame, which goes up to the end */
	bool has_sequence;
	uint32_t sequence;
	bool transmitted; /* Type III: the direction */
	bool truncated;   /* by the sender */
	bool odd;         /* it takes a look all the same */
	/* Of packets of the session that were handed on without a word before: the number that would go on, after so many jumps. */
	uint32_t expected, jumps;
	bool delivered; /* the frame has been handed on to the session's interfaces */
};

struct collector_handler {
	void (*packet)(void *context, const struct collector_packet *packet);
	/* The sequence number of a packet that was handed on without a word is not the one expected; so many jumps came before it. */
	void (*jump)(void *context, uint32_t slot, uint32_t jumps, uint32_t expected, uint32_t sequence);
	/* What a packet of Type III began with that was handed on without a word; of each session one now and then. */
	void (*clock)(void *context, uint32_t slot, uint64_t time_ns, const void *data, size_t len);
	void *context;
};

/* How well whoever drains keeps up. */
struct collector_load {
	uint64_t ring_bytes, ring_size; /* what waited in the ring buffer, of so much */
	uint64_t delay_ns;              /* how long a packet waited there */
};

struct collector_path;

/*
 * Loads and opens what takes packets, from the first collector_path_follow() on. netlink must outlive it. *path is the caller's, to be
 * closed.
 */
int collector_path_open(struct collector_path **path, struct netlink *netlink, const struct collector_path_config *config,
			struct error *error);
void collector_path_close(struct collector_path *path);

/* Becomes readable when much is waiting; a little may wait without it, so drain every few milliseconds besides. */
int collector_path_fd(const struct collector_path *path);

/* Hands over all that waits. */
void collector_path_drain(struct collector_path *path, const struct collector_handler *handler);

/* The most of each since the last call. */
void collector_path_load(struct collector_path *path, struct collector_load *load);

/*
 * An interface that frames of sessions can be handed on to, without going through user space: out of one that exists, or into a pair of
 * ours, by its sender's end. To be called before packets are taken; *target is its number. 0, or -errno.
 */
struct collector_target {
	int ifindex;
	unsigned int frame_max;
	bool marks_cut; /* frames that are not whole need the mark MARK_CUT_FRAME */
	int carried;    /* descriptor of what a relay is told by; -1: it is not told */
};
int collector_path_add_target(struct collector_path *path, const struct collector_target *wanted, unsigned int *target,
			      struct error *error);

/* The same interface, which may have come back with another number or MTU; needs no privileges. */
void collector_path_renew_target(struct collector_path *path, unsigned int target, int ifindex, unsigned int frame_max);

/* Frames that the programs handed to it, as far as they know. */
void collector_path_target_count(const struct collector_path *path, unsigned int target, uint64_t *sent, uint64_t *lost);

/* Of the packets that were handed over; all 0 unless the cards are asked, but for the host's. */
void collector_path_times(const struct collector_path *path, struct collector_times *times);

/* Sessions that the programs are told of. */
struct collector_sessions *collector_path_sessions(struct collector_path *path);

/* Brings addresses and interfaces up to date, and the clock. To be called after netlink_changed(), and every few seconds. */
int collector_path_follow(struct collector_path *path, struct error *error);

/*
 * From now on senders get no ICMP errors about what is taken: what came in fragments passes through the host's stack, where nobody may
 * want it but our sockets; and other processes know the programs as ours. It costs a descriptor for each interface, and two besides.
 */
void collector_path_mind(struct collector_path *path);

/* Only the clock. */
void collector_path_follow_clock(struct collector_path *path);

/*
 * Leaves interfaces and addresses to another process that has been forked since: it follows and stops. What remains here is to drain, and
 * to close.
 */
void collector_path_leave(struct collector_path *path);

/* Takes no more packets; what it has can still be drained. */
void collector_path_stop(struct collector_path *path);

/* Packets lost so far because they were not drained in time, or could not be kept. */
uint64_t collector_path_lost(struct collector_path *path);

/* Interfaces it listens on; and of them, those on which it does so by XDP, and those where another XDP program is in the way. */
struct collector_interfaces {
	unsigned int all, xdp, held;
};
void collector_path_interfaces(const struct collector_path *path, struct collector_interfaces *count);

#endif
