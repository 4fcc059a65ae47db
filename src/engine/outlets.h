/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a collector hands its frames on: interfaces for analyzers, and tunnels or VLANs as those of a mirror (a relay). A relay is a mirror
 * of a private interface on which the frames arrive, so that it shapes and sends as any mirror does.
 */
#ifndef ENGINE_OUTLETS_H
#define ENGINE_OUTLETS_H

#include <stdio.h>

#include <farspan.h>

#include "base/error.h"
#include "datapath/injector.h"
#include "model/session.h"

struct outlets;

/*
 * The destinations and the shape of relay, which has no sources. An interface that does not exist is made, in monitor mode. With spread
 * each frame goes to one destination, by its flow; they are all interfaces then, or none is. *outlets is the caller's, to be closed.
 */
int outlets_open(struct outlets **outlets, const struct session *relay, struct error *error);
void outlets_close(struct outlets *outlets);

/* Hands on an Ethernet frame: a collect_config.deliver. outlets_flush() sends what waits; call it when no more frames are at hand. */
void outlets_deliver(void *outlets, const void *frame, size_t len, bool cut, const struct farspan_packet *packet);
void outlets_flush(struct outlets *outlets);

/* Follows interfaces and routes. To be called about every second, by a process that has privileges. */
void outlets_follow(struct outlets *outlets);

/*
 * Looks for interfaces that frames are sent out of: they may have gone, and come back as others. To be called about every second, by the
 * process that hands frames on; needs no privileges. What outlets_direct() says may have changed then.
 */
void outlets_find(struct outlets *outlets);

/* What is missing now: "interface d0 is gone, and what is for it is lost"; NULL: nothing. Valid until outlets_find(). */
const char *outlets_trouble(const struct outlets *outlets);

/* A line for the user about what outlets_find() has found, once; NULL: nothing new. Valid until the next call. */
const char *outlets_news(struct outlets *outlets);

/*
 * This process is about to give up its privileges. What was made is removed by others as soon as this is closed; until it is stopped,
 * another process may follow, one that has been forked, and is gone by then.
 */
void outlets_leave(struct outlets *outlets);

/* Sends what waits and settles the counters. */
void outlets_stop(struct outlets *outlets);

/*
 * The places where the kernel would have to put frames for them all: one, or several that share the flows by flow_share_of(). Returns how
 * many, up to SESSION_DESTINATIONS_MAX; 0: frames have to be given to outlets_deliver(). What it put at one of them is to be told, in
 * total, with outlets_count_direct().
 */
unsigned int outlets_direct(const struct outlets *outlets, struct injector_entry *entries);
void outlets_count_direct(struct outlets *outlets, unsigned int place, uint64_t sent, uint64_t lost);

/* The map "carried" of a relay that is told what was received around each frame; -1: it is not. */
int outlets_carried(const struct outlets *outlets);

/* What became of the frames at a destination: given to it = sent + lost + refused + elsewhere + what the shape left out. */
struct outlet_counts {
	uint64_t sent, lost;
	uint64_t refused;   /* by the user's hook */
	uint64_t elsewhere; /* rules chose other destinations */
};

/* One line for each destination: "interface span0: 12 frames, 0 lost". */
void outlets_report(FILE *out, struct outlets *outlets);

/* The same, for programs: calls visit with the name of each destination. */
void outlets_each(struct outlets *outlets, void (*visit)(void *context, const char *name, const struct outlet_counts *counts),
		  void *context);

#endif
