/* SPDX-License-Identifier: BSD-2-Clause */
/* The counters of a mirror, for people and for programs. */
#ifndef CLI_MIRROR_REPORT_H
#define CLI_MIRROR_REPORT_H

#include <stdio.h>

#include "engine/mirror.h"
#include "engine/replay.h"

/* Counters per destination and direction, as read at one time. */
struct mirror_counters {
	unsigned int destination_count;
	struct counters rows[SESSION_DESTINATIONS_MAX][DIRECTIONS];
};

/* Reads all; 0, or -errno. */
int mirror_report_read(struct mirror *mirror, unsigned int destination_count, struct mirror_counters *counters, struct error *error);

/* The sum of one counter over all destinations and directions; and the least that a destination has of it. */
uint64_t mirror_report_total(const struct mirror_counters *counters, enum counter row);
uint64_t mirror_report_least(const struct mirror_counters *counters, enum counter row);

/* "12 frames seen, 9 sent, 1234 bytes; sample 3 excluded", without a newline. */
void mirror_report_line(FILE *out, const struct mirror_counters *counters);

/* A line for each uplink that dropped frames itself while the mirror ran; they are those of everybody who sends there. */
void mirror_report_uplinks(FILE *out, const struct mirror *mirror, unsigned int destination_count);

/* "cost: 120 ns per frame seen, 480 ns per copy, 3.1 % of a core", and a newline. */
void mirror_report_cost(FILE *out, const struct mirror_cost *cost);

/*
 * The whole as one JSON object, with the cost and the replay if they are not NULL; sources and destinations are as the user wrote them. 0,
 * or -ENOMEM.
 */
int mirror_report_json(FILE *out, struct mirror *mirror, const struct mirror_counters *counters, const struct session *session,
		       const char *const *destinations, const struct mirror_cost *cost, const struct replay *replay);

#endif
