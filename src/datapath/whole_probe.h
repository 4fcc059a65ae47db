/* SPDX-License-Identifier: BSD-2-Clause */
/* Finds out whether this kernel cuts super-packets that are wrapped whole as it should: hides the packets that are sent to see. */
#ifndef DATAPATH_WHOLE_PROBE_H
#define DATAPATH_WHOLE_PROBE_H

#include <stdbool.h>

#include "base/error.h"
#include "datapath/encap_object.h"
#include "host/netlink.h"

enum {
	WHOLE_EXACT_ALL = 15
};

/* The kinds of tunnels that a verdict tells apart: a bit each. */
unsigned int whole_probe_bit(unsigned int kind, unsigned int ip_version);

struct whole_probe {
	const struct encap_object *encap; /* no session in use */
	const struct link *entry;         /* where super-packets come in that are to be wrapped whole */
	const struct link *uplink; /* to which the probe's session sends; without offloads. NULL: it sends nothing, the segmenter sums up */
	const struct link *arrival; /* where pieces come out, and nobody takes them yet */
};

/*
 * Sends super-packets of two frames this way and compares what comes out, to the byte. *exact gets the bits of the tunnels of which all
 * was right. An error says what was wrong with the first that was not.
 */
int whole_probe(const struct whole_probe *probe, unsigned int *exact, struct error *error);

#endif
