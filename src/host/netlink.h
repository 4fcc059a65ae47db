/* SPDX-License-Identifier: BSD-2-Clause */
/* Links, addresses and routes of the network namespace we run in. Hides netlink; no other module talks it, but for traffic control. */
#ifndef HOST_NETLINK_H
#define HOST_NETLINK_H

#include <net/if.h>
#include <stddef.h>

#include "base/error.h"
#include "model/address.h"

struct netlink;

struct link {
	int ifindex;
	char name[IFNAMSIZ];
	unsigned int mtu; /* bytes behind the link header */
	bool up;          /* administratively, and with carrier */
	bool no_carrier;  /* that is all that it lacks */
	bool ethernet;    /* frames start with an Ethernet header; the loopback device's do too */
	bool loopback;
	bool resolves;    /* asks for the link addresses of neighbours */
	uint64_t arrived; /* frames */
	uint64_t sent;    /* frames */
	uint64_t lost;    /* frames that it was to send and did not: dropped, or errors, by its own counters */
	int master;       /* ifindex of the bridge, bond or VRF it is in; 0: none */
	int peer;         /* ifindex of what it is linked to, of a veth its other end, maybe in another namespace */
	int peer_netns;   /* that namespace, as netlink_namespace_id() has it; -1: the link's own */
	uint32_t xdp;     /* number of the XDP program on it, of several the one that comes first; 0: none */
	char kind[16];    /* "veth", "vxlan", ...; empty for physical devices */
	char alias[128];  /* as in ip link set alias */
};

/* What keeps frames from it, as in "is down"; NULL: nothing. */
static inline const char *link_fault(const struct link *link)
{
	return link->up ? NULL : link->no_carrier ? "has no carrier" : "is down";
}

struct route {
	int ifindex;
	struct address gateway; /* family 0: the destination is on the link */
	struct address source;  /* the address this host would use */
	unsigned int mtu;       /* of the route or the path, bytes of IP; 0: none known, the link's counts */
};

/* *netlink is the caller's, to be closed. */
int netlink_open(struct netlink **netlink, struct error *error);
void netlink_close(struct netlink *netlink);

/* Without a descriptor until it is connected again: by this process, or by one that has been forked since. Not with a monitor. */
void netlink_disconnect(struct netlink *netlink);
int netlink_connect(struct netlink *netlink, struct error *error);

/* -ENODEV, without a text, if there is no such link. */
int netlink_link_by_name(struct netlink *netlink, const char *name, struct link *link, struct error *error);
int netlink_link_by_index(struct netlink *netlink, int ifindex, struct link *link, struct error *error);

/* The counters of each link are 0: they are not asked for. */
typedef void (*link_visitor)(const struct link *link, void *context);
typedef void (*address_visitor)(int ifindex, const struct address *address, void *context);
int netlink_each_link(struct netlink *netlink, link_visitor visit, void *context, struct error *error);
int netlink_each_address(struct netlink *netlink, address_visitor visit, void *context, struct error *error);

/*
 * Makes a veth pair, up, without IPv6 or ARP of its own and with that MTU and alias. Deleting one end deletes both. The name of the other
 * is ours alone: if anything fails, what has it is deleted.
 */
int netlink_add_pair(struct netlink *netlink, const char *one, const char *other, const char *alias, unsigned int mtu, struct error *error);

/* Makes such a pair, of which the other end is in the namespace of that descriptor; -1: ours. Both are to be brought up, each there. */
int netlink_add_pair_into(struct netlink *netlink, const char *one, const char *other, int netns, unsigned int mtu, struct error *error);
int netlink_bring_up(struct netlink *netlink, const char *name, const char *alias, struct error *error);

/* The number that our namespace has for another, by a descriptor of it; -1: none so far, or it is ours. */
int netlink_namespace_id(struct netlink *netlink, int netns);

/*
 * Makes a macvlan on such an end, up, without IPv6 or ARP of its own, to which the kernel gives no packet of several frames uncut. It goes
 * with the device that it is on. Checksums are left to that.
 */
int netlink_add_macvlan(struct netlink *netlink, const char *name, int lower, const char *alias, unsigned int mtu, struct error *error);

/* Gives such an end ARP and IPv6 as other interfaces have them. */
int netlink_make_usable(struct netlink *netlink, const char *name, struct error *error);

int netlink_set_mtu(struct netlink *netlink, int ifindex, unsigned int mtu, struct error *error);
int netlink_delete_link(struct netlink *netlink, int ifindex, struct error *error);
/* By a name that is ours alone, whether or not it is there. */
void netlink_delete_named(struct netlink *netlink, const char *name);

/* A packet whose way is asked for. */
struct route_query {
	struct address to;
	struct address from; /* family 0: any */
	int ifindex;         /* of the interface it must leave through, or of a VRF; 0: any */
	uint32_t mark;       /* as routing rules see it */
};

/*
 * Where a packet goes, as the kernel's own lookup says; with the path MTU, if the kernel has learned one. -ENETUNREACH or -EHOSTUNREACH if
 * there is no route; -EADDRINUSE if the address is this host's own; -EINVAL if it is no unicast one.
 */
int netlink_route(struct netlink *netlink, const struct route_query *query, struct route *route, struct error *error);

/*
 * Whether packets to a neighbour on an interface have a link address to go to: false if the neighbour was asked and did not answer, and
 * also while it is being asked if that was so before (doubted). Who has not answered, or was never asked, is asked now.
 * Whom the kernel asks only on behalf of packets is taken to answer.
 */
bool netlink_neighbour_answers(struct netlink *netlink, int ifindex, const struct address *neighbour, bool doubted);

/* A descriptor that becomes readable when links, addresses or routes have changed; netlink_changed() empties it and says whether. */
int netlink_monitor(struct netlink *netlink, struct error *error);
/* From now on also when that happens in other namespaces, as far as pairs lead there. */
void netlink_monitor_namespaces(struct netlink *netlink);
bool netlink_changed(struct netlink *netlink);

#endif
