/* SPDX-License-Identifier: BSD-2-Clause */
/* A mirror session as wanted: sources, shape, destinations. */
#ifndef MODEL_SESSION_H
#define MODEL_SESSION_H

#include <net/if.h>

#include "model/cpus.h"
#include "model/endpoint.h"
#include "model/shape.h"

enum {
	SESSION_SOURCES_MAX = 64,
	SESSION_NETNS_MAX = 256,
	SESSION_DESTINATIONS_MAX = SPREAD_MAX,
};

/* An interface, or all whose names match a pattern of glob(7); or an interface of a container. */
struct session_source {
	char pattern[IFNAMSIZ];
	char netns[SESSION_NETNS_MAX]; /* a name, process id or path; empty: ours */
};

struct session {
	struct session_source sources[SESSION_SOURCES_MAX];
	unsigned int source_count;
	bool directions[DIRECTIONS];
	struct shape shape;
	struct endpoint destinations[SESSION_DESTINATIONS_MAX];
	unsigned int destination_count;
	bool measure;     /* what it costs */
	bool spread;      /* flows are shared among the destinations; else each gets every copy */
	bool wait;        /* what is not there yet, an interface or a route, is waited for */
	struct cpus cpus; /* where copies are segmented, wrapped and sent; none: where the frame was */
	uint64_t count;   /* copies to send to each destination; 0: no limit */
};

/* Adds a source or destination from its text: 0, or -EINVAL with what is wrong in *error. */
int session_add_source(struct session *session, const char *text, struct error *error); /* IFACE[,netns=NAME] */
int session_add_destination(struct session *session, const char *text, struct error *error);

/* Whether the session is complete, and no two parts of it contradict each other. */
int session_check(const struct session *session, struct error *error);

bool session_source_is_pattern(const struct session_source *source);

/* Whether an interface of that name is a source: by its own name, or if allowed by a pattern. */
bool session_takes(const struct session *session, const char *interface, bool by_pattern);

#endif
