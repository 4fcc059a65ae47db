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
#include "datapath/netlink.h"

enum {
	COLLECTOR_INTERFACES_MAX = 32 /* that can be named */
};

struct collector_path_config {
	unsigned int kinds; /* what to take: bits of enum farspan_kind */
	uint16_t udp_ports[UDP_PORTS_MAX];
	unsigned int udp_port_count;
	const struct address *locals; /* addresses whose traffic is taken; copied */
	unsigned int local_count;     /* 0: all of this host's */
	char interfaces[COLLECTOR_INTERFACES_MAX][IFNAMSIZ];
	unsigned int interface_count; /* 0: all of this host's */
	enum attach_way way;
};

/* One outer packet, from its IP header on; valid during the call only. time_ns is of the wall clock. */
typedef void (*packet_handler)(void *context, uint64_t time_ns, const void *data, size_t len);

struct collector_path;

/* Starts to take packets. netlink must outlive it. *path is the caller's, to be closed. */
int collector_path_open(struct collector_path **path, struct netlink *netlink, const struct collector_path_config *config,
			struct error *error);
void collector_path_close(struct collector_path *path);

/* Becomes readable when much is waiting; a little may wait without it, so drain every few milliseconds besides. */
int collector_path_fd(const struct collector_path *path);

/* Hands over all packets that wait. */
void collector_path_drain(struct collector_path *path, packet_handler handler, void *context);

/* Brings addresses and interfaces up to date, and the clock. To be called after netlink_changed(), and every few seconds. */
int collector_path_follow(struct collector_path *path, struct error *error);

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

/* Interfaces it listens on. */
unsigned int collector_path_interfaces(const struct collector_path *path);

#endif
