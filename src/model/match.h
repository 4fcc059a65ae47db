/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules of a relay: by what was received around a frame they choose its destinations, and set what is said of it. Their text is
 * "id=7,vlan=10-20 -> id=9,type=erspan3,to=2": conditions, or any, and what comes of them. The first rule that takes a frame counts.
 */
#ifndef MODEL_MATCH_H
#define MODEL_MATCH_H

#include "model/endpoint.h"

enum {
	MATCH_TEXT_MAX = 8192,
	MATCH_KEY_NAME_MAX = 40,
	MATCH_KEYS_MAX = 2 * ENDPOINT_KEY_COUNT + 8, /* more than there are */
};

struct match {
	struct endpoint when; /* kinds and what is given of a source */
	struct endpoint set;  /* what is given of a destination; kinds: KIND_MATCH */
	unsigned int type;    /* KIND_BIT() that destinations get; 0: their own */
};

/* All zero is none: begins with one that takes everything and changes nothing. */
void match_begin(struct match *match);

/* Reads one key of either half. -ENOENT, without a text, if there is none of that name; -EINVAL with what is allowed. */
int match_take(struct match *match, enum key_names names, const char *key, const char *value, struct error *error);

/* What no single key can say, for a session with that many destinations: 0 or -EINVAL. */
int match_check(const struct match *match, const struct endpoint *destinations, unsigned int count, struct error *error);

/* The name of key i in this buffer, which is returned; empty: the rule has no such key; NULL behind the last. */
const char *match_key_name(unsigned int i, enum key_names names, char buffer[MATCH_KEY_NAME_MAX]);

/* Writes the value of key i as match_take() reads it; false, and nothing, if it was not given. */
bool match_print_key(const struct match *match, unsigned int i, FILE *out);
enum endpoint_value match_key_value(unsigned int i);

/* A whole rule from its text, up to the end of a line, and back. 0 or -EINVAL. */
int match_parse(const char *text, struct match *match, struct error *error);
void match_print(const struct match *match, FILE *out);

/* Lines of rules, as in struct session: adds one, which frees and replaces the old lines. 0 or -ENOMEM. */
int matches_add(const char **lines, const struct match *match);

/* The line behind this one; NULL behind the last. */
const char *matches_next(const char *line);

#endif
