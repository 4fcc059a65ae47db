/* SPDX-License-Identifier: BSD-2-Clause */
#include "datapath/membership.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "datapath/owner.h"

enum {
	JOINED_MAX = 256 /* a socket each, as IPv4 allows few groups per socket */
};

struct joined {
	int ifindex;
	unsigned int group;
	int fd;
	bool seen;
};

struct membership {
	struct address *groups;
	unsigned int count;
	struct joined joined[JOINED_MAX];
	unsigned int joined_count;
	/* Of the walk under way. */
	const char (*names)[IFNAMSIZ];
	unsigned int name_count;
	int vrf; /* ifindex; 0: any will do; -1: there is none now */
	struct error error;
};

int membership_open(struct membership **opened, const struct address *groups, unsigned int count, struct error *error)
{
	struct membership *membership = calloc(1, sizeof *membership);

	if (membership)
		membership->groups = calloc(count + 1, sizeof *groups);
	if (!membership || !membership->groups) {
		free(membership);
		return fail(error, ENOMEM, "multicast groups: out of memory");
	}
	memcpy(membership->groups, groups, count * sizeof *groups);
	membership->count = count;
	*opened = membership;
	return 0;
}

void membership_close(struct membership *membership)
{
	if (!membership)
		return;
	while (membership->joined_count)
		close(membership->joined[--membership->joined_count].fd);
	free(membership->groups);
	free(membership);
}

/* A socket that is a member; -errno. */
static int join(const struct address *group, int ifindex)
{
	struct ipv6_mreq request6 = {.ipv6mr_interface = (unsigned int)ifindex};
	struct ip_mreqn request4 = {.imr_ifindex = ifindex};
	const bool v6 = group->family == 6;
	int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc;

	if (fd < 0)
		return -errno;
	memcpy(&request4.imr_multiaddr, group->bytes, sizeof request4.imr_multiaddr);
	memcpy(&request6.ipv6mr_multiaddr, group->bytes, sizeof request6.ipv6mr_multiaddr);
	if (v6)
		rc = setsockopt(fd, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &request6, sizeof request6);
	else
		rc = setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &request4, sizeof request4);
	if (rc == 0)
		return fd;
	rc = -errno;
	close(fd);
	return rc;
}

static void join_on(struct membership *membership, const struct link *link, unsigned int group)
{
	struct joined *next = &membership->joined[membership->joined_count];
	char text[ADDRESS_TEXT_MAX];
	int fd;

	for (unsigned int i = 0; i < membership->joined_count; i++) {
		struct joined *joined = &membership->joined[i];

		if (joined->ifindex == link->ifindex && joined->group == group) {
			joined->seen = true;
			return;
		}
	}
	fd = membership->joined_count < JOINED_MAX ? join(&membership->groups[group], link->ifindex) : -ENOBUFS;
	if (fd < 0) {
		fail(&membership->error, -fd, "group %s on %s: cannot be joined: %s", address_text(&membership->groups[group], text),
		     link->name, strerror(-fd));
		return;
	}
	*next = (struct joined){.ifindex = link->ifindex, .group = group, .fd = fd, .seen = true};
	membership->joined_count++;
}

static bool is_wanted(const struct membership *membership, const struct link *link)
{
	if (membership->vrf && link->master != membership->vrf)
		return false;
	for (unsigned int i = 0; i < membership->name_count; i++)
		if (strcmp(link->name, membership->names[i]) == 0)
			return true;
	return membership->name_count == 0;
}

static void visit_link(const struct link *link, void *context)
{
	struct membership *membership = context;

	if (!link->ethernet || !link->up || owner_is_device(link) || !is_wanted(membership, link))
		return;
	for (unsigned int group = 0; group < membership->count; group++)
		join_on(membership, link, group);
}

static bool is_member(const struct membership *membership, unsigned int group)
{
	for (unsigned int i = 0; i < membership->joined_count; i++)
		if (membership->joined[i].group == group)
			return true;
	return false;
}

int membership_follow(struct membership *membership, struct netlink *netlink, const char (*names)[IFNAMSIZ], unsigned int count,
		      const char *vrf, struct error *error)
{
	struct link link;
	int rc;

	membership->vrf = 0;
	if (*vrf)
		membership->vrf = netlink_link_by_name(netlink, vrf, &link, NULL) ? -1 : link.ifindex;
	membership->names = names;
	membership->name_count = count;
	membership->error.code = 0;
	for (unsigned int i = 0; i < membership->joined_count; i++)
		membership->joined[i].seen = false;
	rc = netlink_each_link(netlink, visit_link, membership, error);
	if (rc)
		return rc;
	for (unsigned int i = membership->joined_count; i-- > 0;) {
		if (membership->joined[i].seen)
			continue;
		close(membership->joined[i].fd);
		membership->joined[i] = membership->joined[--membership->joined_count];
	}
	for (unsigned int group = 0; group < membership->count; group++)
		if (!is_member(membership, group))
			return fail(error, membership->error.code ? membership->error.code : ENODEV, "%s",
				    membership->error.code ? membership->error.text
							   : "multicast groups: no interface that is up to join them on");
	return 0;
}
