/* SPDX-License-Identifier: BSD-2-Clause */
#include "datapath/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int open_netns(const char *netns, struct error *error)
{
	char path[PATH_MAX];
	int fd;

	if (netns[0] == '/')
		snprintf(path, sizeof path, "%s", netns);
	else if (strspn(netns, "0123456789") == strlen(netns))
		snprintf(path, sizeof path, "/proc/%s/ns/net", netns);
	else
		snprintf(path, sizeof path, "/run/netns/%s", netns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == ESRCH))
		return fail(error, ENODEV, "network namespace '%s': there is none (%s)", netns, path);
	return fd < 0 ? fail(error, errno, "network namespace '%s': %s: %s", netns, path, strerror(errno)) : fd;
}

/* Opens netlink sockets inside of the namespace: a socket stays where it was made. */
static int open_inside(int netns, struct netlink **inside, struct error *error)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), rc;

	if (home < 0 || setns(netns, CLONE_NEWNET) < 0) {
		rc = fail(error, errno, "network namespace cannot be entered: %s", strerror(errno));
	} else {
		rc = netlink_open(inside, error);
		if (setns(home, CLONE_NEWNET) < 0) {
			/* Whatever we did now, we would do to the container. */
			fprintf(stderr, "farspan: no way back out of a network namespace: %s\n", strerror(errno));
			_exit(1);
		}
	}
	if (home >= 0)
		close(home);
	return rc;
}

static int read_inner(const char *netns, const char *inner, struct link *link, struct error *error)
{
	struct netlink *inside;
	int fd = open_netns(netns, error), rc;

	if (fd < 0)
		return fd;
	rc = open_inside(fd, &inside, error);
	close(fd);
	if (rc)
		return rc;
	rc = netlink_link_by_name(inside, inner, link, error);
	netlink_close(inside);
	return rc == -ENODEV ? fail(error, ENODEV, "interface '%s' of network namespace '%s': no such interface", inner, netns) : rc;
}

int netns_find_outer(struct netlink *netlink, const char *netns, const char *inner, struct link *outer, struct error *error)
{
	struct link link;
	int rc = read_inner(netns, inner, &link, error);

	if (rc)
		return rc;
	rc = strcmp(link.kind, "veth") == 0 ? netlink_link_by_index(netlink, link.peer, outer, error) : -ENODEV;
	/* The number alone proves nothing: it may be of a third namespace, and mean something else here. */
	if (!rc && strcmp(outer->kind, "veth") == 0 && outer->peer == link.ifindex)
		return 0;
	if (rc && rc != -ENODEV)
		return rc;
	return fail(error, EINVAL, "interface '%s' of network namespace '%s' is no veth with its other end here", inner, netns);
}
