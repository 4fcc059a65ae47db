/* SPDX-License-Identifier: BSD-2-Clause */
/* Other network namespaces, and which interface of ours leads into them. Named by ip-netns(8), a process id, or the path of a file. */
#ifndef HOST_NETNS_H
#define HOST_NETNS_H

#include "base/error.h"
#include "host/netlink.h"

/* A descriptor of the namespace, the caller's, which keeps it alive. -ENODEV if there is none. */
int netns_open(const char *netns, struct error *error);

/* This thread goes into the namespace; what it opens there stays there. Returns the way back for netns_leave(), which cannot fail. */
int netns_enter(int netns, struct error *error);
void netns_leave(int home);

/* An interface of the namespace, as it is there. -ENODEV if namespace or interface is not there. */
int netns_find_link(const char *netns, const char *name, struct link *link, struct error *error);

/* Whether a link of the namespace, as it is there, is a veth whose other end is ours: that, as it is here. */
bool netns_outer(struct netlink *netlink, int netns, const struct link *inner, struct link *outer);

/*
 * Finds the end in our namespace of a veth pair whose other end is the interface of that name of a container, which is *inner, looked at
 * before. -ENODEV if namespace or interface is not there, -EINVAL if the interface is not one that has an end here.
 */
int netns_find_outer(struct netlink *netlink, const char *netns, const char *name, struct link *inner, struct link *outer,
		     struct error *error);

#endif
