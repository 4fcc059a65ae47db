/* SPDX-License-Identifier: BSD-2-Clause */
/* Waiting of a command in the foreground: for the user's interrupt, for a tick of the clock, for one descriptor. */
#ifndef CLI_WAIT_H
#define CLI_WAIT_H

#include <stdint.h>

#include "base/error.h"

struct wait {
	int signals;
	uint64_t tick_ns, next_ns; /* of the monotonic clock */
};

enum wait_event {
	WAIT_STOP = 1 << 0, /* SIGINT, SIGTERM or SIGHUP */
	WAIT_TICK = 1 << 1,
	WAIT_READY = 1 << 2, /* the descriptor is readable */
	WAIT_DUE = 1 << 3,   /* the other one is */
};

/* Takes over the signals and ticks every tick_ms milliseconds. */
int wait_open(struct wait *wait, unsigned int tick_ms, struct error *error);
void wait_close(struct wait *wait);

/* The events that have come, as a set of enum wait_event; blocks until there is one. The descriptors, for READY and DUE, may be -1. */
unsigned int wait_events(struct wait *wait, int ready, int due);

#endif
