/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sessions as JSON, for programs: the keys are those of the command line with '_' for '-', sources and destinations always lists.
 * {"name": "a", "filter": "tcp", "sources": [{"interface": "eth0"}], "destinations": [{"type": "gre", "remote": "10.9.0.2", "key": 7}]}
 */
#ifndef MODEL_SESSION_JSON_H
#define MODEL_SESSION_JSON_H

#include <jansson.h>

#include "base/error_list.h"
#include "model/session_list.h"

/* The session with all keys that are not at their defaults; a new reference, NULL without memory. */
json_t *session_to_json(const struct session *session);

/*
 * Which keys have another value, as a list of "filter" and "destinations[0].ttl"; a list is named itself if it has become shorter or
 * longer. A new reference, NULL without memory.
 */
json_t *session_changes(const struct session *was, const struct session *now);

/*
 * Reads an object into *session, the caller's; NULL after an error. A "name" in it must be that name, unless name is NULL. Values may be
 * strings, as in files, or numbers and true or false. 0, or -EINVAL, or -ENOMEM; errors have the path in the JSON for their place.
 */
int session_from_json(const char *name, const json_t *json, struct session **session, struct error_list *errors);

/* What is wrong with sessions: a list of objects with file, line and column (0 for none), severity (error or warning) and text. */
json_t *session_errors_to_json(const struct error_list *errors);

#endif
