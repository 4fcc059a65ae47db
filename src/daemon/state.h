/* SPDX-License-Identifier: BSD-2-Clause */
/* What the daemon tells about its sessions: as JSON, and as metrics. */
#ifndef DAEMON_STATE_H
#define DAEMON_STATE_H

#include <jansson.h>

#include "daemon/runner.h"

/* One session: what is wanted, what is, and what was counted. New references, NULL without memory. */
json_t *state_session(const struct runner *runner, const struct session *session);
json_t *state_sessions(const struct runner *runner);

/* What each session has cost so far. */
json_t *state_cost(struct runner *runner);

/* Text for Prometheus, malloc()ed; NULL without memory. */
char *state_metrics(struct runner *runner);

/* The errors as a list of JSON: file, line, column, text, warning. */
json_t *state_errors(const struct error_list *errors);

#endif
