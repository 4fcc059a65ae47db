/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What others have set up on this host to mirror: tc rules with "mirred", and tunnel devices of the kernel. Hides netlink, and how their
 * filters are said in tcpdump's language. Nothing is changed.
 */
#ifndef HOST_OTHERS_H
#define HOST_OTHERS_H

#include <net/if.h>
#include <stdbool.h>

#include "base/error.h"
#include "bpf/abi.h"
#include "model/endpoint.h"

enum {
	OTHERS_FILTER_MAX = 512
};

struct tc_mirror {
	char source[IFNAMSIZ];
	char target[IFNAMSIZ]; /* an empty one is gone */
	enum direction direction;
	bool redirect;                  /* the frames go there, and not on */
	bool exact;                     /* filter says what tc's does; else it says more or less, or nothing */
	char kind[16];                  /* "matchall", "u32", "flower", ... */
	char filter[OTHERS_FILTER_MAX]; /* as for tcpdump; empty: all frames */
	unsigned int priority;
};

/* endpoint is what sends as the device does, a destination. */
struct tunnel_link {
	char name[IFNAMSIZ];
	char kind[16]; /* "erspan", "ip6gretap", "vxlan", ... */
	struct endpoint endpoint;
	bool has_remote;
	bool external; /* each packet says where it goes */
};

typedef void (*tc_mirror_visitor)(const struct tc_mirror *mirror, void *context);
typedef void (*tunnel_link_visitor)(const struct tunnel_link *link, void *context);

/* By interfaces, directions and priorities. 0 or -errno; needs no privilege. */
int others_each_mirror(tc_mirror_visitor visit, void *context, struct error *error);
int others_each_tunnel(tunnel_link_visitor visit, void *context, struct error *error);

#endif
