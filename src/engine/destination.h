/* SPDX-License-Identifier: BSD-2-Clause */
/* The way to a destination: from an endpoint, interfaces and routes to what the encapsulation program needs. */
#ifndef ENGINE_DESTINATION_H
#define ENGINE_DESTINATION_H

#include "base/error.h"
#include "bpf/abi.h"
#include "host/netlink.h"
#include "model/endpoint.h"
#include "model/shape.h"

struct destination_path {
	struct link uplink; /* of another namespace: as it is there */
	bool relayed;       /* uplink only leads there, see struct session_config */
	/* Tunnels only. */
	struct address local;
	struct address nexthop;
	unsigned int mtu;        /* bytes of IP */
	bool finishes_checksums; /* see offload_finishes_checksums(), of the uplink */
};

enum {
	DESTINATION_GUARDS_MAX = 3,
	DESTINATION_NUMBER_MAX = 16,
};

/* Asks the kernel for the way. -ENODEV if an interface is missing, else errors as netlink_route(). */
int destination_find(struct netlink *netlink, const struct endpoint *destination, struct destination_path *path, struct error *error);

/* Whether the way to two tunnels is the same, wherever it leads. */
bool destination_same_way(const struct endpoint *one, const struct endpoint *other);

/* Fills the session but for its limit. */
int destination_session(const struct endpoint *destination, const struct destination_path *path, const struct shape *shape,
			struct session_config *session, struct error *error);

/* What the loop guard must know: our copies, and what the collector sends back should it mirror this host in turn. Returns how many. */
unsigned int destination_guards(const struct endpoint *destination, const struct destination_path *path,
				struct tunnel_key guards[DESTINATION_GUARDS_MAX]);

/* The number by which a collector knows a tunnel, as in " id 100", " vni 5" or " key 7"; empty where copies have none. */
const char *destination_number(const struct endpoint *tunnel, char text[DESTINATION_NUMBER_MAX]);

/* What stands for the destination when flows are spread: its address, so that it stays the same whatever else changes. */
uint32_t destination_seed(const struct endpoint *destination);

#endif
