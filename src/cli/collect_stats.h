/* SPDX-License-Identifier: BSD-2-Clause */
/* What a live collector says every few seconds: hides what it said last. Who reads slowly misses lines, and holds up nobody. */
#ifndef CLI_COLLECT_STATS_H
#define CLI_COLLECT_STATS_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/collect.h"

struct collect_stats;

/* Every so many seconds: as JSON lines on the standard output, or as text on the standard error. NULL: out of memory. */
struct collect_stats *collect_stats_new(unsigned int seconds, bool json);
void collect_stats_free(struct collect_stats *stats);

/* To be called about every second, or more often, with both clocks: says what there is to say, if it is time. */
void collect_stats_show(struct collect_stats *stats, const struct collect *collect, uint64_t monotonic_ns, uint64_t wall_ns);

#endif
