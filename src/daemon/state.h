/* SPDX-License-Identifier: BSD-2-Clause */
/* What the daemon tells about its sessions: as JSON, and as metrics. */
#ifndef DAEMON_STATE_H
#define DAEMON_STATE_H

#include <jansson.h>
#include <stdint.h>

#include "daemon/runner.h"

/* Since a session began. Of a collector, what it received and what the senders' numbers miss stand for what a mirror saw and dropped. */
struct state_totals {
	uint64_t seen;    /* frames */
	uint64_t passed;  /* frames copied, or accepted */
	uint64_t bytes;   /* of them */
	uint64_t dropped; /* frames that should have been among them */
};

struct state_totals state_totals(const struct runner_session *session);

/* One session: what is wanted, what is, and what was counted. New references, NULL without memory. */
json_t *state_session(const struct runner *runner, const struct session *session);
json_t *state_sessions(const struct runner *runner);

/* What each session has cost so far. */
json_t *state_cost(struct runner *runner);

/* Text for Prometheus, malloc()ed; NULL without memory. */
char *state_metrics(struct runner *runner);

#endif
