/* SPDX-License-Identifier: BSD-2-Clause */
#include "model/session_tunnel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/names.h"

enum {
	WORDS_MAX = SESSION_TUNNEL_MAX / 2
};

/* Keys that are not those of the endpoints which a tunnel is made of. Name is no word: it stands in front of them. */
static const struct own_key {
	const char *word, *file_name;
	enum endpoint_value kind;
} own_keys[] = {
	{"name", "Name", ENDPOINT_VALUE_TEXT},     {"type", "Type", ENDPOINT_VALUE_TEXT}, {"local", "Local", ENDPOINT_VALUE_TEXT},
	{"remote", "Remote", ENDPOINT_VALUE_TEXT}, {"mtu", "MTU", ENDPOINT_VALUE_NUMBER}, {"monitor", "Monitor", ENDPOINT_VALUE_FLAG},
};

enum {
	OWN_KEYS = sizeof own_keys / sizeof own_keys[0],
	OWN_NAME = 0,
	OWN_TYPE = 1,
	OWN_MTU = 4,
};

static const char *own_name(unsigned int i, enum key_names names)
{
	return names == KEY_NAMES_FILE ? own_keys[i].file_name : own_keys[i].word;
}

static const struct own_key *find_own(const char *name, enum key_names names)
{
	for (unsigned int i = 0; i < OWN_KEYS; i++)
		if (strcmp(own_name(i, names), name) == 0)
			return &own_keys[i];
	return NULL;
}

/* Key i of the endpoints of that type, of whichever side has it; NULL: neither, or the name is one of our own. */
static const char *endpoint_name(const char *type, unsigned int i, enum key_names names)
{
	for (enum endpoint_side side = ENDPOINT_DESTINATION; side <= ENDPOINT_SOURCE; side++) {
		struct endpoint endpoint;
		const char *word;

		if (endpoint_begin(type, side, &endpoint, NULL))
			continue;
		word = endpoint_key_name(endpoint.kinds, side, KEY_NAMES_SHORT, i);
		if (word && !find_own(word, KEY_NAMES_SHORT))
			return endpoint_key_name(endpoint.kinds, side, names, i);
	}
	return NULL;
}

/* What is called so in one way of naming, in another; *kind is how JSON writes it. NULL: there is no such key. */
static const char *rename_key(const char *type, const char *name, enum key_names from, enum key_names to, enum endpoint_value *kind)
{
	const struct own_key *own = find_own(name, from);

	if (own) {
		*kind = own->kind;
		return to == KEY_NAMES_FILE ? own->file_name : own->word;
	}
	for (unsigned int i = 0; i < ENDPOINT_KEY_COUNT; i++) {
		const char *found = endpoint_name(type, i, from);

		if (!found || strcmp(found, name) != 0)
			continue;
		*kind = endpoint_key_value(i);
		return endpoint_name(type, i, to);
	}
	return NULL;
}

/* ---- reading ---- */

struct tunnel_build {
	const struct text_section *section;
	enum key_names names;
	struct session *session;
	struct error_list *errors;
	const char *type;
};

static struct place place_of(const struct text_item *item)
{
	struct place place = item->place;

	if (item->value_column)
		place.column = item->value_column;
	return place;
}

/* Of two with one key the last counts. */
static bool is_replaced(const struct text_section *section, size_t i)
{
	for (size_t j = i + 1; j < section->count; j++)
		if (strcmp(section->items[i].key, section->items[j].key) == 0)
			return true;
	return false;
}

static void fail_unknown(struct tunnel_build *build, const struct text_item *item)
{
	struct name_list allowed = {0};
	char text[400];

	for (unsigned int i = 0; i < OWN_KEYS; i++)
		name_list_add(&allowed, own_name(i, build->names));
	for (unsigned int i = 0; i < ENDPOINT_KEY_COUNT; i++) {
		const char *name = endpoint_name(build->type, i, build->names);

		if (name)
			name_list_add(&allowed, name);
	}
	error_list_add(build->errors, &item->place, "a tunnel of type %.20s has no key '%s'; %s", build->type, item->key,
		       name_list_suggest(&allowed, item->key, text, sizeof text));
}

/* As JSON writes the number, so that what goes through that is no other session. */
static const char *without_zeros(const char *number)
{
	if (number[strspn(number, "0123456789")])
		return number;
	while (number[0] == '0' && number[1])
		number++;
	return number;
}

static void add_words(struct tunnel_build *build, const struct text_item *item, const char *word, enum endpoint_value kind)
{
	const char *value = kind == ENDPOINT_VALUE_NUMBER ? without_zeros(item->value) : item->value;
	char *words = build->session->tunnel;
	size_t used = strlen(words);
	struct place place = place_of(item);

	if (strpbrk(value, " \t") || !*value)
		error_list_add(build->errors, &place, "%s must be one word", item->key);
	else if ((size_t)snprintf(words + used, SESSION_TUNNEL_MAX - used, "%s%s %s", used ? " " : "", word, value) >=
		 SESSION_TUNNEL_MAX - used)
		error_list_add(build->errors, &place, "the tunnel has more to say than fits %d characters", SESSION_TUNNEL_MAX - 1);
}

/* What endpoints read too, under whichever name. */
static bool is_endpoint_value(const struct own_key *own)
{
	return !own || strcmp(own->word, "local") == 0 || strcmp(own->word, "remote") == 0;
}

static int parse_value(const struct tunnel_build *build, const struct text_item *item, const struct own_key *own, struct error *error)
{
	unsigned int mtu;

	if (own == &own_keys[OWN_MTU])
		return tunnel_parse_mtu(item->key, item->value, &mtu, error);
	if (!is_endpoint_value(own) || strcmp(item->value, "any") == 0)
		return 0;
	for (enum endpoint_side side = ENDPOINT_DESTINATION; side <= ENDPOINT_SOURCE; side++) {
		struct endpoint endpoint;
		int rc = endpoint_begin(build->type, side, &endpoint, NULL)
				 ? 0
				 : endpoint_take(&endpoint, side, build->names, item->key, item->value, error);

		if (rc && rc != -ENOENT)
			return rc;
	}
	return 0;
}

/* By itself, so that the error has its place and the name that stands there. */
static bool check_value(struct tunnel_build *build, const struct text_item *item, const struct own_key *own)
{
	struct error error = {0};
	struct place place = place_of(item);

	if (!parse_value(build, item, own, &error))
		return true;
	error_list_add(build->errors, &place, "%s", error.text);
	return false;
}

static void take_item(struct tunnel_build *build, const struct text_item *item)
{
	const struct own_key *own = find_own(item->key, build->names);
	struct place place = place_of(item);
	enum endpoint_value kind;
	const char *word = rename_key(build->type, item->key, build->names, KEY_NAMES_SHORT, &kind);

	if (!word)
		fail_unknown(build, item);
	else if (own == &own_keys[OWN_NAME])
		snprintf(build->session->device, sizeof build->session->device, "%.*s", IFNAMSIZ - 1, item->value);
	else if (own && own->kind == ENDPOINT_VALUE_FLAG && strcmp(item->value, "yes") != 0 && strcmp(item->value, "no") != 0)
		error_list_add(build->errors, &place, "%s must be yes or no, not '%s'", item->key, item->value);
	else if (own != &own_keys[OWN_TYPE] && check_value(build, item, own))
		add_words(build, item, word, kind);
}

/* Checks the whole, and has what it is made of where other sessions have that: so two that claim one tunnel are found. */
static void finish(struct tunnel_build *build)
{
	struct session *session = build->session;
	struct tunnel tunnel;
	struct error error = {0};
	int rc = session_tunnel_parse(session, &tunnel, &error);

	if (!rc)
		rc = session_append_tunnel(session, &tunnel.in, &error);
	if (!rc && tunnel.sends)
		rc = session_append_destination(session, &tunnel.out, &error);
	if (rc)
		error_list_add(build->errors, &build->section->place, "%s", error.text);
}

void session_tunnel_build(const struct text_section *section, enum key_names names, struct session *session, struct error_list *errors)
{
	struct tunnel_build build = {.section = section, .names = names, .session = session, .errors = errors};
	const struct text_item *type = session_text_item(section, own_name(OWN_TYPE, names)),
			       *name = session_text_item(section, own_name(OWN_NAME, names));
	size_t before = errors->errors;

	if (!type) {
		error_list_add(errors, &section->place, "a tunnel: %s is missing; for example %s", own_name(OWN_TYPE, names),
			       names == KEY_NAMES_FILE ? "Type=erspan2" : "\"type\": \"erspan2\"");
		return;
	}
	build.type = type->value;
	snprintf(session->device, sizeof session->device, "%.*s", IFNAMSIZ - 1, session->name);
	if (strlen(name ? name->value : session->name) >= IFNAMSIZ)
		error_list_add(errors, name ? &name->place : &section->place, "the name of an interface has 1 to %d characters, %s",
			       IFNAMSIZ - 1, name ? "not more" : "and that of the session has more: it needs a name of its own");
	snprintf(session->tunnel, sizeof session->tunnel, "type %.32s", type->value);
	if (!endpoint_takes(type->value, ENDPOINT_DESTINATION, "ttl") || !endpoint_takes(type->value, ENDPOINT_SOURCE, "remote")) {
		struct place place = place_of(type);

		error_list_add(errors, &place, "%s must be one of erspan1, erspan2, erspan3, gre and vxlan, not '%s'", type->key,
			       type->value);
		return;
	}
	for (size_t i = 0; i < section->count; i++)
		if (!is_replaced(section, i))
			take_item(&build, &section->items[i]);
	if (errors->errors == before)
		finish(&build);
}

/* ---- words ---- */

/* Splits text, which is changed. */
static int split(char *text, char *words[WORDS_MAX])
{
	char *rest;
	int count = 0;

	for (char *word = strtok_r(text, " ", &rest); word && count < WORDS_MAX; word = strtok_r(NULL, " ", &rest))
		words[count++] = word;
	return count;
}

int session_tunnel_parse(const struct session *session, struct tunnel *tunnel, struct error *error)
{
	char text[SESSION_TUNNEL_MAX], *words[WORDS_MAX];

	memcpy(text, session->tunnel, sizeof text);
	return tunnel_parse(session->device, split(text, words), words, tunnel, error);
}

int session_tunnel_each(const struct session *session, enum key_names names,
			int (*visit)(void *context, const char *name, const char *value, enum endpoint_value kind), void *context)
{
	char text[SESSION_TUNNEL_MAX], *words[WORDS_MAX];
	int rc = visit(context, own_name(OWN_NAME, names), session->device, ENDPOINT_VALUE_TEXT), count;

	memcpy(text, session->tunnel, sizeof text);
	count = split(text, words);
	for (int i = 0; i + 1 < count && !rc; i += 2) {
		enum endpoint_value kind = ENDPOINT_VALUE_TEXT;
		const char *name = rename_key(words[1], words[i], KEY_NAMES_SHORT, names, &kind), *value = words[i + 1];

		/* A number may also be any, or several. */
		if (kind == ENDPOINT_VALUE_NUMBER && value[strspn(value, "0123456789")])
			kind = ENDPOINT_VALUE_TEXT;
		rc = name ? visit(context, name, value, kind) : 0;
	}
	return rc;
}
