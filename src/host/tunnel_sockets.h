/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sockets for mirror traffic that reaches this host's stack: above all packets that came in fragments, which the kernel puts together.
 * While they are open the host answers no GRE packet with an ICMP error.
 */
#ifndef HOST_TUNNEL_SOCKETS_H
#define HOST_TUNNEL_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct tunnel_sockets;

/* Whether nobody on this host has the UDP port. */
bool tunnel_sockets_port_is_free(uint16_t port);

/*
 * gre_kinds: bits of enum farspan_kind whose GRE packets are wanted. A port that another program has is an error. *sockets is the caller's,
 * to be closed. vrf: only what comes in by this VRF device; empty: by any that the host's settings allow.
 */
int tunnel_sockets_open(struct tunnel_sockets **sockets, unsigned int gre_kinds, const uint16_t *udp_ports, unsigned int port_count,
			const char *vrf, struct error *error);
void tunnel_sockets_close(struct tunnel_sockets *sockets);

/* A VRF of that name has been made anew: the sockets are its own now. 0 or -errno. */
int tunnel_sockets_bind(struct tunnel_sockets *sockets, const char *vrf);

/* Adds the sockets to an epoll descriptor, which may watch a ring buffer besides; to be called once, before they are drained. */
int tunnel_sockets_watch(struct tunnel_sockets *sockets, int epoll, struct error *error);

/* From now on only packets that came in on these interfaces; from every process that has the sockets. 0 or -errno. */
int tunnel_sockets_limit(struct tunnel_sockets *sockets, const int *ifindexes, unsigned int count);

/* time_ns is of the wall clock. */
typedef void tunnel_sockets_handler(void *context, uint64_t time_ns, const void *data, size_t len);

/* Hands over what waits, each packet with an IP header, rebuilt where the kernel keeps it to itself. */
void tunnel_sockets_drain(struct tunnel_sockets *sockets, tunnel_sockets_handler *handler, void *context);

/* Packets that the kernel had no room for. */
uint64_t tunnel_sockets_lost(struct tunnel_sockets *sockets);

#endif
