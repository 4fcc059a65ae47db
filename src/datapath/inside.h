/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Containers whose frames do not all pass the host's end of their veth (bpf_redirect_peer() puts them straight onto the other end), and
 * what is tapped inside of them instead. Hides the program inside, and the pair by which copies come out.
 */
#ifndef DATAPATH_INSIDE_H
#define DATAPATH_INSIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "datapath/attach.h"
#include "datapath/owner.h"
#include "host/netlink.h"

enum {
	INSIDE_PAIR = 'i', /* the kind of those pairs, see crossing.h */
};

/* Those of a source path. */
struct insides;

/* netlink and owner outlive it. NULL if there is no memory. To be closed, which leaves nothing inside. */
struct insides *insides_open(struct netlink *netlink, const struct owner *owner);
void insides_close(struct insides *insides);

/*
 * How many frames have come to a container's interface and not by the host's end. Both as they were looked at, the inner one first: the
 * kernel counts what one end sends as received by the other, so what the inner one has beyond that came by another way.
 */
uint64_t inside_passed(const struct link *inner, const struct link *host_end);

/*
 * Has the frames that an interface of a container receives come out of *exit, a device here where they are to be mirrored on reception, or
 * sees to it that they go on doing so. exit->lost: how many did not. -ENODEV if namespace or interface is not there; -EOPNOTSUPP if the
 * kernel, or way, has nothing that would go with this process.
 */
int insides_follow(struct insides *insides, const struct link *host_end, const char *netns, const char *name, enum attach_way way,
		   struct link *exit, struct error *error);

/* Ends those that insides_follow() was not called for since the last time. Nothing may be mirrored from their devices any more. */
void insides_end_unused(struct insides *insides);

#endif
