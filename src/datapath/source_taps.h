/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The programs on the mirrored interfaces. Hides which are loaded, with which filters in them, which taps share one, and how they are
 * attached.
 */
#ifndef DATAPATH_SOURCE_TAPS_H
#define DATAPATH_SOURCE_TAPS_H

#include <stdbool.h>

#include "base/error.h"
#include "bpf/abi.h"
#include "datapath/attach.h"
#include "datapath/attach_order.h"
#include "datapath/bpf_objects.h"
#include "datapath/copy_devices.h"

struct source_taps;
struct source_bpf;

/*
 * There are no taps yet. owner, kept and devices, which must be made, outlive it. Its maps are those that are kept, and its taps will be.
 * *taps is the caller's, to be closed.
 */
int source_taps_open(struct source_taps **taps, struct owner *owner, const struct copy_devices *devices, const struct kept *kept,
		     struct error *error);

/* Detaches everything; NULL is nothing. */
void source_taps_close(struct source_taps *taps);

/* The object whose maps all source programs share. */
const struct source_bpf *source_taps_shared(const struct source_taps *taps);

/*
 * What frames the legs of a slot take: a pcap-filter(7) expression, NULL or empty for all. Compiled now, it counts for taps that are made
 * or changed afterwards. An error leaves things as they are; its text has three lines, see filter_compile().
 */
int source_taps_set_filter(struct source_taps *taps, __u32 first_slot, const char *expression, struct error *error);

/* Whether an expression would compile; errors as above. */
int source_taps_check_filter(struct source_taps *taps, const char *expression, struct error *error);

/*
 * One direction of an interface. swapped: the direction is that of the other end of a pair, so that rx is what this end sends. known_as:
 * the number of the interface that the frames are told to be of; 0: this one.
 */
struct source_tap {
	int ifindex;
	enum direction direction;
	bool swapped;
	int known_as;
};

/*
 * Starts to copy for these legs, which are copied; sessions, buckets, filters and VLANs of their slots must be set. A tap that is there
 * already changes in place, without missing a frame. Errors do not name the interface.
 */
int source_taps_tap(struct source_taps *taps, const struct source_tap *at, const struct leg *legs, unsigned int count, enum attach_way way,
		    struct error *error);

/* Ends copying one direction of an interface, which may be gone already; or all. */
void source_taps_untap(struct source_taps *taps, int ifindex, enum direction direction, bool swapped);
void source_taps_untap_all(struct source_taps *taps);

/* Whether there are taps, on interfaces or where interfaces were. */
bool source_taps_some(const struct source_taps *taps);

/* Whether a tap is still on its interface: it goes with that, whose number another one may have taken since. */
bool source_taps_is_tapped(struct source_taps *taps, int ifindex, enum direction direction, bool swapped);

/*
 * Takes over the taps that another process has left. They keep its programs until they are made anew, which is without missing a frame, and
 * send to the devices that there were.
 */
int source_taps_take_over(struct source_taps *taps, struct error *error);

/* Keeps what has not been: taps that are there, and the maps. */
int source_taps_keep(const struct source_taps *taps, struct error *error);

/* The taps, by numbers from 0 on; false behind the last. What they are known as is not told. */
bool source_taps_get(const struct source_taps *taps, unsigned int index, struct source_tap *tap);

/*
 * Whether a program of somebody else's stands before a tap and may keep frames from it, after the tap was moved to the front where that can
 * be, see attach_stands_behind().
 */
struct source_taps_order {
	char stranger[ATTACH_STRANGER_MAX];
	bool moved;
};
bool source_taps_stands_behind(struct source_taps *taps, int ifindex, enum direction direction, bool swapped,
			       struct source_taps_order *order);

/* Adds what the programs have cost, also those that are gone. */
int source_taps_run_time(const struct source_taps *taps, struct run_time *sum);

/* "tcx" or "clsact". */
const char *source_taps_attach_name(const struct source_taps *taps);

#endif
