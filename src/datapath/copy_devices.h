/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The private devices that copies pass between the sources and the next hop, with their programs: the pair that segments, and with --cpus
 * the hop in front of it. Hides offloads, steering, and where these programs stand.
 */
#ifndef DATAPATH_COPY_DEVICES_H
#define DATAPATH_COPY_DEVICES_H

#include <stdbool.h>

#include "base/error.h"
#include "bpf/abi.h"
#include "datapath/attach.h"
#include "datapath/encap_object.h"
#include "datapath/kept.h"
#include "datapath/owner.h"
#include "host/netlink.h"
#include "model/cpus.h"

struct hop_bpf;

struct copy_devices {
	/* Set by the caller, and outliving it. */
	struct netlink *netlink;
	const struct owner *owner;
	const struct cpus *cpus; /* none: no hop */
	const struct encap_object *encap;
	/* Kept here. */
	struct link segmenter, encapsulator; /* the two ends of the pair */
	struct link entry;                   /* where the sources send copies: the segmenter, or a hop in front of it */
	struct link whole;                   /* the macvlan on the encapsulation's end that super-packets pass which are wrapped whole */
	struct hop_bpf *hop;                 /* NULL: no hop */
	struct attachment hop_attachment, encap_attachment, straight_attachment, whole_attachment, segmenter_attachment;
	struct copy_ways ways;     /* of copies from the CPU that wraps them up */
	bool in_use;               /* sessions may be in the maps: nothing can be tried out */
	unsigned int whole_exact;  /* bits of the tunnels for which it was shown, see whole_probe_bit() */
	unsigned int summed_exact; /* the same for super-packets that the segmenter cuts and sums up */
	struct error not_whole;    /* code 0: super-packets are wrapped whole where their destination can have that; else why not */
	struct error not_summed;   /* the same where the segmenter is to sum up */
	struct error not_straight; /* code 0: what is as on the wire goes straight to the encapsulation; else why not */
};

/* Makes them. Whatever comes of it, copy_devices_remove() is to be called; after which they can be made again. */
int copy_devices_make(struct copy_devices *devices, struct error *error);
void copy_devices_remove(struct copy_devices *devices);

/*
 * Takes over those that another process has left, with programs of this one in the place of its: no copy is missed. What is not whole is
 * made anew.
 */
int copy_devices_take_over(struct copy_devices *devices, const struct kept *kept, struct error *error);

/* Keeps what would end with the process. */
int copy_devices_keep(const struct copy_devices *devices, const struct kept *kept, struct error *error);

/* Whether the devices are still there, with their programs. */
bool copy_devices_are_whole(const struct copy_devices *devices);

/* Where the source programs send copies. */
void copy_devices_ways(const struct copy_devices *devices, struct copy_ways *ways);

#endif
