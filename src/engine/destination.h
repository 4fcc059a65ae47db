/* SPDX-License-Identifier: BSD-2-Clause */
/* The outer headers of copies: from an endpoint and a route to what the encapsulation program needs. */
#ifndef ENGINE_OUTER_H
#define ENGINE_OUTER_H

#include "base/error.h"
#include "bpf/abi.h"
#include "datapath/netlink.h"
#include "model/endpoint.h"

/* The way to a destination. */
struct outer_path {
	struct address local;
	struct address nexthop;
	struct link uplink;
	unsigned int mtu; /* bytes of IP */
};

enum {
	OUTER_GUARDS_MAX = 3
};

/* Asks the kernel for the way, out of uplink unless that is 0. Errors as netlink_route(). */
int outer_find_path(struct netlink *netlink, const struct endpoint *destination, int uplink, struct outer_path *path, struct error *error);

/* Fills the session but for its limit. source_index is what the Index field holds unless the endpoint sets it. */
int outer_session(const struct endpoint *destination, const struct outer_path *path, unsigned int source_index,
		  struct session_config *session, struct error *error);

/* What the loop guard must know: our copies, and what the collector sends back should it mirror this host in turn. Returns how many. */
unsigned int outer_guards(const struct endpoint *destination, const struct outer_path *path, struct tunnel_key guards[OUTER_GUARDS_MAX]);

#endif
