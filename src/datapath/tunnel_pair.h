/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The device of a tunnel: a pair of which the user has one end. What is sent to it comes out of the inner end, where it can be mirrored,
 * and goes no further; what is sent out of the inner end arrives on it.
 */
#ifndef DATAPATH_TUNNEL_PAIR_H
#define DATAPATH_TUNNEL_PAIR_H

#include "base/error.h"
#include "datapath/attach.h"
#include "host/netlink.h"

struct tunnel_pair;

/*
 * Makes the device, up. monitor: what arrives on it is for listeners only and does not enter this host's stack, and nothing is sent from
 * it. alias is what ip-link(8) shows beside the name. way: as for the mirror of what is sent, behind which frames end. It goes with the
 * pair, or with a dead process. -EEXIST if there is an interface of that name. netlink must outlive it. *pair is the caller's, to be
 * closed.
 */
int tunnel_pair_open(struct tunnel_pair **pair, struct netlink *netlink, const char *name, bool monitor, const char *alias,
		     enum attach_way way, struct error *error);
void tunnel_pair_close(struct tunnel_pair *pair);

/* The name of the inner end. */
const char *tunnel_pair_inner(const struct tunnel_pair *pair);

/* Whether the user's end is still there, whatever its name is now. */
bool tunnel_pair_alive(const struct tunnel_pair *pair);

/* Sets the MTU of the user's end. */
int tunnel_pair_set_mtu(struct tunnel_pair *pair, unsigned int mtu, struct error *error);

/* The text the user's end was made with; NULL if the link is no such end. It is part of the link. */
const char *tunnel_pair_text(const struct link *link);
bool tunnel_pair_is_device(const struct link *link);

/* Removes the device and waits until its process has gone. -ETIMEDOUT if that does not happen within some seconds. */
int tunnel_pair_remove(struct netlink *netlink, const struct link *device, struct error *error);

#endif
