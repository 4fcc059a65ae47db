/* SPDX-License-Identifier: BSD-2-Clause */
/* The keys of a session that are not those of its endpoints: hides the table, and how values are read and written. */
#ifndef MODEL_SESSION_KEYS_H
#define MODEL_SESSION_KEYS_H

#include <stdio.h>

#include "base/error.h"
#include "model/session.h"

/* What takes a key, as bits. */
enum session_part {
	PART_SESSION = 1,
	PART_INTERFACES = 2,
	PART_TUNNELS = 4,
	PART_RECORDING = 8,
};

enum session_key {
#define SESSION_KEY(ident, ...) SESSION_KEY_##ident,
#include "model/session_keys.def"
#undef SESSION_KEY
	SESSION_KEY_COUNT,
};

/* The name of key i; NULL if the part has no such key. */
const char *session_key_name(unsigned int i, enum session_part part, enum key_names names);

/* Reads a value. Those of PART_INTERFACES belong to the source behind the last, which Interface, the last of its keys, adds. */
int session_key_parse(unsigned int i, enum key_names names, const char *value, struct session *session, struct error *error);

/* Writes the value as it is read; those of PART_INTERFACES for a source. False, and nothing, if it is the default. */
bool session_key_print(unsigned int i, const struct session *session, unsigned int source, FILE *out);

/* How JSON writes the value. */
enum endpoint_value session_key_value(unsigned int i);

#endif
