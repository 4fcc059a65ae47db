/* SPDX-License-Identifier: BSD-2-Clause */
/* Other network namespaces, and which interface of ours leads into them. */
#ifndef DATAPATH_NETNS_H
#define DATAPATH_NETNS_H

#include "base/error.h"
#include "datapath/netlink.h"

/*
 * Finds the end in our namespace of a veth pair whose other end is the interface `inner` of a container: a name of ip-netns(8), a process
 * id, or the path of a namespace. -ENODEV if namespace or interface is not there, -EINVAL if the interface is not one that has an end here.
 */
int netns_find_outer(struct netlink *netlink, const char *netns, const char *inner, struct link *outer, struct error *error);

#endif
