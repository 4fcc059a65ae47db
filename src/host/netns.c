/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host/privilege.h"

int netns_open(const char *netns, struct error *error)
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
	if (fd < 0 && errno == EACCES && strncmp(path, "/proc/", 6) == 0)
		return privilege_fail(error, "CAP_SYS_PTRACE (to open the network namespace of another's process)");
	return fd < 0 ? fail(error, errno, "network namespace '%s': %s: %s", netns, path, strerror(errno)) : fd;
}

int netns_enter(int netns, struct error *error)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), rc;

	if (home >= 0 && setns(netns, CLONE_NEWNET) == 0)
		return home;
	rc = errno == EPERM ? privilege_fail(error, "CAP_SYS_ADMIN (to enter a network namespace)")
			    : fail(error, errno, "network namespace cannot be entered: %s", strerror(errno));
	if (home >= 0)
		close(home);
	return rc;
}

void netns_leave(int home)
{
	if (setns(home, CLONE_NEWNET) < 0) {
		/* Whatever we did now, we would do to the container. */
		fprintf(stderr, "farspan: no way back out of a network namespace: %s\n", strerror(errno));
		_exit(1);
	}
	close(home);
}

static int find_link(int netns, const char *name, struct link *link, struct error *error)
{
	struct netlink *inside;
	int home = netns_enter(netns, error), rc;

	if (home < 0)
		return home;
	rc = netlink_open(&inside, error);
	netns_leave(home);
	if (rc)
		return rc;
	rc = netlink_link_by_name(inside, name, link, error);
	netlink_close(inside);
	return rc;
}

static int fail_link(int rc, const char *netns, const char *name, struct error *error)
{
	return rc == -ENODEV ? fail(error, ENODEV, "interface '%s' of network namespace '%s': no such interface", name, netns) : rc;
}

int netns_find_link(const char *netns, const char *name, struct link *link, struct error *error)
{
	int fd = netns_open(netns, error), rc;

	if (fd < 0)
		return fd;
	rc = find_link(fd, name, link, error);
	close(fd);
	return fail_link(rc, netns, name, error);
}

/* The number of the other end alone proves nothing: it may be of a third namespace, and mean something else here. */
bool netns_outer(struct netlink *netlink, int netns, const struct link *inner, struct link *outer)
{
	return strcmp(inner->kind, "veth") == 0 && netlink_link_by_index(netlink, inner->peer, outer, NULL) == 0 &&
	       strcmp(outer->kind, "veth") == 0 && outer->peer == inner->ifindex &&
	       outer->peer_netns == netlink_namespace_id(netlink, netns);
}

int netns_find_outer(struct netlink *netlink, const char *netns, const char *name, struct link *inner, struct link *outer,
		     struct error *error)
{
	int fd = netns_open(netns, error), rc;
	bool found;

	if (fd < 0)
		return fd;
	rc = fail_link(find_link(fd, name, inner, error), netns, name, error);
	found = !rc && netns_outer(netlink, fd, inner, outer);
	close(fd);
	if (rc || found)
		return rc;
	return fail(error, EINVAL, "interface '%s' of network namespace '%s' is no veth with its other end here", name, netns);
}
