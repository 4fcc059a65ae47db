/* SPDX-License-Identifier: BSD-2-Clause */
/* A pair of devices of ours with one end here and the other in another network namespace. Hides their names. */
#ifndef DATAPATH_CROSSING_H
#define DATAPATH_CROSSING_H

#include <stdbool.h>

#include "base/error.h"
#include "datapath/owner.h"
#include "host/netlink.h"

struct crossing {
	struct link entry; /* here; ifindex 0: there is no pair */
	struct link inner; /* as it is there */
};

/*
 * Makes the pair, of a kind that a letter stands for and with a number below 1296. Called inside of the namespace, with netlink of both
 * sides. The inner end is up; ours is left to crossing_bring_up(), when all is attached. To be removed, also after an error.
 */
int crossing_make(struct crossing *crossing, const struct owner *owner, char kind, unsigned int number, struct netlink *netlink,
		  struct netlink *inside, int netns, struct error *error);
int crossing_bring_up(struct crossing *crossing, struct netlink *netlink, struct error *error);

/* What is attached to either end goes with it. */
void crossing_remove(struct crossing *crossing, struct netlink *netlink);

bool crossing_is_there(const struct crossing *crossing, struct netlink *netlink);

/* Whether a link is our end of a pair of that owner and kind. */
bool crossing_is(const struct link *link, const struct owner *owner, char kind);

#endif
