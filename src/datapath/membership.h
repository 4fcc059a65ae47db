/* SPDX-License-Identifier: BSD-2-Clause */
/* Membership in multicast groups, IPv4 and IPv6, on the interfaces that are listened on. Hides sockets and how many groups each takes. */
#ifndef DATAPATH_MEMBERSHIP_H
#define DATAPATH_MEMBERSHIP_H

#include "base/error.h"
#include "host/netlink.h"
#include "model/address.h"

struct membership;

/* groups are copied. *membership is the caller's, to be closed; nothing is joined yet. */
int membership_open(struct membership **membership, const struct address *groups, unsigned int count, struct error *error);
void membership_close(struct membership *membership);

/*
 * Joins the groups on every Ethernet interface that is up, one of names (count 0: on all), and in that VRF (empty: in any or none), and
 * leaves those of interfaces that are not. 0, or -errno: a group could be joined on none; it is tried again by the next call.
 */
int membership_follow(struct membership *membership, struct netlink *netlink, const char (*names)[IFNAMSIZ], unsigned int count,
		      const char *vrf, struct error *error);

#endif
