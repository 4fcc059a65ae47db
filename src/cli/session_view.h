/* SPDX-License-Identifier: BSD-2-Clause */
/* What the daemon says of a session, as numbers: mirrors and collectors alike. */
#ifndef CLI_SESSION_VIEW_H
#define CLI_SESSION_VIEW_H

#include <jansson.h>
#include <stdint.h>

/* Since the session began, as daemon/state.h says. */
struct session_totals {
	uint64_t seen;    /* frames */
	uint64_t passed;  /* frames copied, or accepted */
	uint64_t bytes;   /* of them */
	uint64_t dropped; /* frames that should have been among them */
};

void session_view_totals(const json_t *session, struct session_totals *totals);

/* A member of an object that is a text; empty if there is none. */
const char *session_view_text(const json_t *object, const char *key);

/* Calls visit with every counter of the session that is not 0, summed over destinations and directions. */
void session_view_counters(const json_t *session, void (*visit)(void *context, const char *name, uint64_t value), void *context);

#endif
