/* SPDX-License-Identifier: BSD-2-Clause */
/* What happens to the sessions of the daemon, as lines of JSON for all who follow. Hides what was told last. */
#ifndef DAEMON_EVENTS_H
#define DAEMON_EVENTS_H

#include "api/server.h"
#include "daemon/runner.h"

struct events {
	struct api_server *server; /* both must outlive it */
	struct runner *runner;
	struct told *told;
	size_t count;
	bool followed; /* by anybody: what was told is known */
};

/* A runner_listener: tells what became of a session, or of the files. context is the struct events. */
void events_changed(void *context, const struct runner_news *news);

/* Tells each session whose state, or the reason of it, is not what was told last. Takes no time while nobody follows. */
void events_follow(struct events *events);

/* The line that a stream begins with, malloc()ed; NULL without memory. */
char *events_hello(void);

void events_free(struct events *events);

#endif
