/* SPDX-License-Identifier: BSD-2-Clause */
#include "datapath/crossing.h"

#include <stdio.h>
#include <string.h>

#define ALIAS "farspan: private, copies on their way"

enum {
	PAIR_MTU = 65535,
	DIGITS = 36,
};

/*
 * Our end has the owner's name, by which it is swept; the other goes with it, and has none that another farspan in there could take for an
 * orphan's.
 */
int crossing_make(struct crossing *crossing, const struct owner *owner, char kind, unsigned int number, struct netlink *netlink,
		  struct netlink *inside, int netns, struct error *error)
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
	const char role[] = {kind, digits[number / DIGITS % DIGITS], digits[number % DIGITS], '\0'};
	char entry[IFNAMSIZ], inner[IFNAMSIZ];
	int rc;

	owner_device_name(owner, role, entry);
	snprintf(inner, sizeof inner, "span-%06x%s", owner->id, role);
	if ((rc = netlink_add_pair_into(netlink, entry, inner, netns, PAIR_MTU, error)) ||
	    (rc = netlink_link_by_name(netlink, entry, &crossing->entry, error)) || (rc = netlink_bring_up(inside, inner, ALIAS, error)))
		return rc;
	return netlink_link_by_name(inside, inner, &crossing->inner, error);
}

int crossing_bring_up(struct crossing *crossing, struct netlink *netlink, struct error *error)
{
	return netlink_bring_up(netlink, crossing->entry.name, ALIAS, error);
}

bool crossing_is_there(const struct crossing *crossing, struct netlink *netlink)
{
	struct link link;

	return crossing->entry.ifindex && !netlink_link_by_index(netlink, crossing->entry.ifindex, &link, NULL) &&
	       strcmp(link.name, crossing->entry.name) == 0;
}

void crossing_remove(struct crossing *crossing, struct netlink *netlink)
{
	if (crossing_is_there(crossing, netlink))
		netlink_delete_link(netlink, crossing->entry.ifindex, NULL);
	crossing->entry.ifindex = 0;
}

bool crossing_is(const struct link *link, const struct owner *owner, char kind)
{
	const char role[] = {kind, '\0'};
	char name[IFNAMSIZ];

	owner_device_name(owner, role, name);
	return owner_is_device(link) && strncmp(link->name, name, strlen(name)) == 0;
}
