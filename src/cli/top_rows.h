/* SPDX-License-Identifier: BSD-2-Clause */
/* The rows of farspan top: what sessions did in the last moments, made of what the daemon says they did since they began. */
#ifndef CLI_TOP_ROWS_H
#define CLI_TOP_ROWS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "cli/session_view.h"

enum {
	TOP_HISTORY = 60 /* samples */
};

/* One moment. */
struct top_sample {
	double frames;  /* passed, per second */
	double dropped; /* per second */
};

struct top_row {
	char *name;
	char kind[16], state[16];
	char *why;
	struct session_totals totals;
	double seen_rate, frame_rate, bit_rate, drop_rate; /* per second */
	double lost;                                       /* share of what should have passed: 0 to 1 */
	struct top_sample history[TOP_HISTORY];            /* the newest last; those before the first are 0 */
	unsigned int samples;                              /* of them that are real */
	bool present;                                      /* in the last answer */
};

enum top_order {
	TOP_BY_NAME,
	TOP_BY_FRAMES,
	TOP_BY_BITS,
	TOP_BY_LOSS,
	TOP_BY_STATE,
	TOP_ORDERS,
};

struct top_rows {
	struct top_row *rows;
	unsigned int count;
	uint64_t time_ns; /* of the last answer; 0: none yet */
};

/* "name", "frames", "bits", "loss", "state" */
const char *top_order_name(enum top_order order);

/*
 * Takes in an answer of the daemon to /v1/sessions at a monotonic time. Rows of sessions that are gone go; counters that began anew count
 * from 0. 0, or -ENOMEM.
 */
int top_rows_update(struct top_rows *rows, const json_t *answer, uint64_t time_ns, struct error *error);

/* Names upwards, everything else downwards, and what is not well first. */
void top_rows_sort(struct top_rows *rows, enum top_order order);

void top_rows_clear(struct top_rows *rows);

#endif
