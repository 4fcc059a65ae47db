/* SPDX-License-Identifier: BSD-2-Clause */
/* Puts frames on an interface: out of one that exists, or so that they arrive on one that we make for analyzers to listen on. */
#ifndef DATAPATH_INJECTOR_H
#define DATAPATH_INJECTOR_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "datapath/attach.h"
#include "host/netlink.h"

struct injector;

/*
 * If there is an interface of that name, frames are sent out of it. Else it is made, in monitor mode: frames arrive on it, nothing of them
 * enters this host's stack, and nothing can be sent from it; it goes with the injector, or with a dead process. netlink must outlive it.
 * *injector is the caller's, to be closed.
 */
int injector_open(struct injector **injector, struct netlink *netlink, const char *name, struct error *error);

/* An interface that is made to be mirrored, in this way, and takes frames of any length: whole packets of 64 KiB too. */
int injector_open_private(struct injector **injector, struct netlink *netlink, enum attach_way way, struct error *error);
void injector_close(struct injector *injector);

/*
 * Queues a frame, which is copied; full queues are flushed. mark: what programs on a private interface are told of it, as
 * MARK_CUT_FRAME; 0: nothing.
 */
void injector_send(struct injector *injector, const void *frame, size_t len, uint32_t mark);
void injector_flush(struct injector *injector);

/*
 * Looks whether the interface that frames are sent out of is the one of its name still, and goes on with that, and with its MTU. To be
 * called about every second; needs no privileges. *anew: it is another one than before. False: there is none at the moment, and what is
 * sent is lost.
 */
bool injector_find(struct injector *injector, bool *anew);

/*
 * Makes an interface anew that was made and that somebody has deleted; injector_find(), maybe of another process, then finds it. To be
 * called about every second by a process that has privileges; netlink is its own.
 */
void injector_restore(struct injector *injector, struct netlink *netlink);

/* Frames that are on the interface, and frames that the kernel did not take or that were too long or too short for it. */
uint64_t injector_sent(const struct injector *injector);
uint64_t injector_lost(const struct injector *injector);

/* Where the kernel itself can put frames for the interface. */
struct injector_entry {
	int ifindex;
	unsigned int frame_max;
	bool private; /* frames that are not whole need the mark MARK_CUT_FRAME */
	bool xdp;     /* whether it loses none that XDP redirects to it */
};
void injector_entry(const struct injector *injector, struct injector_entry *entry);

/* Frames that have arrived on an interface that was made, from whomever, as far as is known if it is gone; false: it was not made. */
bool injector_arrived(struct injector *injector, uint64_t *frames);

/* The interface that frames arrive on, or go out of. */
const char *injector_interface(const struct injector *injector);

/* The interface that frames have to be sent out of, should others want to: of a pair, our end. */
const char *injector_sender(const struct injector *injector);

#endif
