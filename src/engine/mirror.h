/* SPDX-License-Identifier: BSD-2-Clause */
/* A mirror session of its own, in the foreground: a set of one, which says at once what is missing. */
#ifndef ENGINE_MIRROR_H
#define ENGINE_MIRROR_H

#include "engine/mirrors.h"

struct mirror;

/*
 * Starts the session, which is copied. A source or route that is missing is an error, or waited for if the session says so. Whatever fails,
 * nothing is left behind. *mirror is the caller's, to be closed.
 */
int mirror_open(struct mirror **mirror, const struct session *session, enum attach_way way, struct error *error);
void mirror_close(struct mirror *mirror);

/* Becomes readable when links, addresses or routes changed: call mirror_follow() then. */
int mirror_fd(const struct mirror *mirror);

/* Brings sources, next hops, path MTUs and the programs' clock up to date. To be called every few seconds besides. */
void mirror_follow(struct mirror *mirror);

/* What others have done to the mirror since the last call, and what became of it; NULL for nothing. */
const char *mirror_news(struct mirror *mirror);

/* Ends copying and settles the counters. */
void mirror_stop(struct mirror *mirror);

/* The counters of one destination, by its place in the session. */
int mirror_counters(struct mirror *mirror, unsigned int destination, enum direction direction, struct counters *counters,
		    struct error *error);

/* Frames that passed the sources so far; and copies that have left them and are on their way to where they are wrapped up. */
uint64_t mirror_frames_seen(const struct mirror *mirror);
uint64_t mirror_copies_under_way(const struct mirror *mirror);

int mirror_cost(struct mirror *mirror, struct mirror_cost *cost, struct error *error);

/* What a destination, or the sources, wait for ("no route to 10.9.0.2"); an empty text for nothing. */
const char *mirror_destination_waits_for(const struct mirror *mirror, unsigned int destination);
const char *mirror_sources_wait_for(const struct mirror *mirror);

struct mirror_uplink mirror_destination_uplink(const struct mirror *mirror, unsigned int destination);

/* "erspan2 10.9.0.1 -> 10.9.0.2 via eth1, frames up to 1464 bytes"; "interface span0" */
const char *mirror_destination_text(const struct mirror *mirror, unsigned int destination);

/* The longest frame that reaches a destination whole, its Ethernet header included; 0 while there is no way there. */
unsigned int mirror_destination_frame_max(const struct mirror *mirror, unsigned int destination);

/* "eth0 eth1 (tcx)" */
const char *mirror_sources_text(const struct mirror *mirror);

/* Why every copy passes the segmenting device; NULL if those that are as on the wire go straight to where they are wrapped up. */
const char *mirror_not_straight(const struct mirror *mirror);

/* Why TCP super-packets for a tunnel are cut into frames before they are wrapped; NULL if they are wrapped whole where they fit. */
const char *mirror_destination_not_whole(const struct mirror *mirror, unsigned int destination);

/* Why those are summed up before they are sent; NULL if that is left to the side of the uplink. */
const char *mirror_destination_not_left(const struct mirror *mirror, unsigned int destination);

#endif
