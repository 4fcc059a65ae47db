/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The way of copies onto an interface of another network namespace. Hides that it is the other end of a veth that is here, or else a pair
 * of ours that leads there, with a program behind it, and how both are kept in step with what happens there.
 */
#ifndef DATAPATH_RELAY_H
#define DATAPATH_RELAY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "datapath/encap_object.h"
#include "datapath/owner.h"
#include "host/netlink.h"

enum {
	RELAY_PAIR = 'r', /* the kind of those pairs, see crossing.h */
};

struct relay;

/* Of the destination in a slot. All pointers outlive it; NULL if there is no memory. To be closed, which ends the way. */
struct relay *relay_open(struct netlink *netlink, const struct owner *owner, const struct encap_object *encap, uint32_t slot);
void relay_close(struct relay *relay);

/*
 * Makes the way, or brings it in step. *uplink becomes the interface here to send to, with the MTU, the state and the losses of the whole
 * way. -ENODEV if namespace or interface is not there; -EINVAL if it cannot take frames.
 */
int relay_follow(struct relay *relay, const char *netns, const char *name, struct link *uplink, struct error *error);

/* Whether it goes by a pair of ours, which must be held in the map "relays" for copies to be sent. */
bool relay_has_pair(const struct relay *relay);

/* Adds what is lost on the way behind the uplink, so far, to its own losses. */
void relay_add_lost(const struct relay *relay, struct link *uplink);

#endif
