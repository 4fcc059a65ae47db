/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A session as sections of keys and values, each with its place: what files and JSON have in common. Hides which keys belong where, what of
 * them goes together, and how errors tell what is allowed.
 */
#ifndef MODEL_SESSION_TEXT_H
#define MODEL_SESSION_TEXT_H

#include "base/error_list.h"
#include "model/session_keys.h"

enum section_kind {
	SECTION_SESSION,
	SECTION_SOURCE,
	SECTION_DESTINATION,
	SECTION_MATCH,
	SECTION_TUNNEL,
	SECTION_KINDS,
};

/* Of two with one key the later replaces the earlier, and stands in another file. */
struct text_item {
	char *key, *value;
	struct place place;        /* of the key */
	unsigned int value_column; /* 0: as the key */
};

struct text_section {
	enum section_kind kind;
	struct place place;
	struct text_item *items;
	size_t count;
};

/* All zero: empty. */
struct session_text {
	struct text_section *sections;
	size_t count;
	enum key_names names;
	struct place place; /* of all of it */
};

/* NULL without memory. Both copy what they get. */
struct text_section *session_text_add_section(struct session_text *text, enum section_kind kind, const struct place *place);
struct text_item *session_text_add_item(struct text_section *section, const char *key, const char *value, const struct place *place);

/* The item of that key that counts, the last one; NULL if there is none. */
const struct text_item *session_text_item(const struct text_section *section, const char *key);

void session_text_free(struct session_text *text);

/* Reads the whole text into a session with defaults. Every error is in *errors; 0 or -EINVAL. */
int session_text_build(const struct session_text *text, struct session *session, struct error_list *errors);

#endif
