/* SPDX-License-Identifier: BSD-2-Clause */
#include "model/session_json.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/match.h"
#include "model/session_tunnel.h"

enum {
	PATH_LEN = 128,
};

static const char *const list_names[SECTION_KINDS] = {NULL, "sources", "destinations", "matches", "tunnel"};

/* ---- to JSON ---- */

/* Text as it is written in files, as the JSON that says the same; takes the text. */
static json_t *to_value(char *text, enum endpoint_value kind)
{
	json_t *json;

	if (kind == ENDPOINT_VALUE_FLAG)
		json = json_boolean(strcmp(text, "yes") == 0);
	else if (kind == ENDPOINT_VALUE_NUMBER)
		json = json_integer((json_int_t)strtoull(text, NULL, 10));
	else
		json = json_string(text);
	free(text);
	return json;
}

/* 0, or -ENOMEM; nothing is set that has the default. */
static int set(json_t *object, const char *name, bool some, FILE *stream, char **text, enum endpoint_value kind)
{
	if (fclose(stream)) {
		free(*text);
		return -ENOMEM;
	}
	if (!some) {
		free(*text);
		return 0;
	}
	return json_object_set_new(object, name, to_value(*text, kind)) ? -ENOMEM : 0;
}

static int add_part(json_t *object, const struct session *session, enum session_part part, unsigned int source)
{
	int rc = 0;

	for (unsigned int i = 0; i < SESSION_KEY_COUNT && !rc; i++) {
		const char *name = session_key_name(i, part, KEY_NAMES_SHORT);
		char *text = NULL;
		size_t len;
		FILE *stream = name ? open_memstream(&text, &len) : NULL;

		if (!name)
			continue;
		rc = stream ? set(object, name, session_key_print(i, session, source, stream), stream, &text, session_key_value(i))
			    : -ENOMEM;
	}
	return rc;
}

static int add_endpoint(json_t *object, const struct endpoint *endpoint, enum endpoint_side side)
{
	int rc = json_object_set_new(object, "type", json_string(endpoint_type_name(endpoint)));

	for (unsigned int i = 0; i <= ENDPOINT_KEY_COUNT && !rc; i++) {
		const char *name = endpoint_key_name(endpoint->kinds, side, KEY_NAMES_SHORT, i);
		char *text = NULL;
		size_t len;
		FILE *stream = name ? open_memstream(&text, &len) : NULL;

		if (!name)
			continue;
		rc = stream ? set(object, name, endpoint_print_key(endpoint, i, stream), stream, &text, endpoint_key_value(i)) : -ENOMEM;
	}
	return rc;
}

/* A new object at the end of the list, which owns it; NULL without memory. */
static json_t *append(json_t *list)
{
	json_t *object = json_object();

	return json_array_append_new(list, object) ? NULL : object;
}

static int add_sources(json_t *list, const struct session *session)
{
	int rc = 0;

	for (unsigned int i = 0; i < session->source_count && !rc; i++)
		rc = add_part(append(list), session, PART_INTERFACES, i);
	for (unsigned int i = 0; i < session->tunnel_count && !rc; i++) {
		json_t *source = append(list);

		rc = add_endpoint(source, &session->tunnels[i], ENDPOINT_SOURCE);
		if (!rc)
			rc = add_part(source, session, PART_TUNNELS, 0);
	}
	return rc;
}

static int add_destinations(json_t *list, const struct session *session)
{
	const struct session_recording *recording = &session->recording;
	int rc = 0;

	for (unsigned int i = 0; i < session->destination_count && !rc; i++)
		rc = add_endpoint(append(list), &session->destinations[i], ENDPOINT_DESTINATION);
	if (!rc && (recording->path[0] || recording->listen[0])) {
		json_t *destination = append(list);

		rc = json_object_set_new(destination, "type", json_string("pcapng"));
		if (!rc)
			rc = add_part(destination, session, PART_RECORDING, 0);
	}
	return rc;
}

static int add_tunnel_key(void *context, const char *name, const char *value, enum endpoint_value kind)
{
	char *text = strdup(value);

	return text && json_object_set_new(context, name, to_value(text, kind)) == 0 ? 0 : -ENOMEM;
}

static int add_tunnel(json_t *json, const struct session *session)
{
	json_t *tunnel = json_object();
	int rc = json_object_set_new(json, list_names[SECTION_TUNNEL], tunnel);

	return rc ? rc : session_tunnel_each(session, KEY_NAMES_SHORT, add_tunnel_key, tunnel);
}

static int add_match(json_t *object, const struct match *match)
{
	char buffer[MATCH_KEY_NAME_MAX];
	const char *name;
	int rc = 0;

	for (unsigned int i = 0; (name = match_key_name(i, KEY_NAMES_SHORT, buffer)) && !rc; i++) {
		char *text = NULL;
		size_t len;
		FILE *stream = open_memstream(&text, &len);

		rc = stream ? set(object, name, match_print_key(match, i, stream), stream, &text, match_key_value(i)) : -ENOMEM;
	}
	return rc;
}

static int add_matches(json_t *json, const struct session *session)
{
	json_t *list = json_array();
	int rc = json_object_set_new(json, list_names[SECTION_MATCH], list);
	struct match match;

	for (const char *line = session->matches; line && !rc; line = matches_next(line)) {
		match_parse(line, &match, NULL);
		rc = add_match(append(list), &match);
	}
	return rc;
}

json_t *session_to_json(const struct session *session)
{
	json_t *json = json_object(), *sources = json_array(), *destinations = json_array();
	int rc = json_object_set_new(json, "name", json_string(session->name));

	if (!rc)
		rc = add_part(json, session, PART_SESSION, 0);
	if (!rc && session_kind(session) == SESSION_TUNNEL)
		rc = add_tunnel(json, session);
	else if (!rc && !(rc = add_sources(sources, session)))
		rc = add_destinations(destinations, session);
	if (!rc && session->matches)
		rc = add_matches(json, session);
	rc |= json_object_set_new(json, "sources", sources);
	rc |= json_object_set_new(json, "destinations", destinations);
	if (!rc)
		return json;
	json_decref(json);
	return NULL;
}

/* ---- what differs ---- */

static void compare_values(json_t *keys, const char *path, json_t *was, json_t *now);

static void compare_objects(json_t *keys, const char *path, json_t *was, json_t *now)
{
	json_t *all = json_copy(was), *value;
	char member[PATH_LEN];
	const char *key;

	json_object_update(all, now);
	json_object_foreach (all, key, value) {
		snprintf(member, sizeof member, "%s%s%s", path, *path ? "." : "", key);
		compare_values(keys, member, json_object_get(was, key), json_object_get(now, key));
	}
	json_decref(all);
}

/* Objects and lists of one length are looked into. */
static void compare_values(json_t *keys, const char *path, json_t *was, json_t *now)
{
	char item[PATH_LEN];

	if (was && now && json_equal(was, now))
		return;
	if (json_is_object(was) && json_is_object(now)) {
		compare_objects(keys, path, was, now);
	} else if (json_is_array(was) && json_is_array(now) && json_array_size(was) == json_array_size(now)) {
		for (size_t i = 0; i < json_array_size(was); i++) {
			snprintf(item, sizeof item, "%s[%zu]", path, i);
			compare_values(keys, item, json_array_get(was, i), json_array_get(now, i));
		}
	} else {
		json_array_append_new(keys, json_string(path));
	}
}

json_t *session_changes(const struct session *was, const struct session *now)
{
	json_t *before = session_to_json(was), *after = session_to_json(now), *keys = json_array();

	if (before && after)
		compare_objects(keys, "", before, after);
	json_decref(before);
	json_decref(after);
	return keys;
}

/* ---- from JSON ---- */

/* The value as a file would have it, without blanks around it; NULL if it can be none. */
static const char *from_value(const json_t *value, char *text, size_t size)
{
	const char *string = json_string_value(value);
	size_t len;

	if (json_is_boolean(value))
		return json_is_true(value) ? "yes" : "no";
	if (json_is_integer(value)) {
		snprintf(text, size, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		return text;
	}
	if (!string)
		return json_is_null(value) ? "" : NULL;
	string += strspn(string, " \t");
	len = strlen(string);
	while (len && (string[len - 1] == ' ' || string[len - 1] == '\t'))
		len--;
	if (len >= size || strlen(json_string_value(value)) != json_string_length(value))
		return NULL;
	snprintf(text, size, "%.*s", (int)len, string);
	return text;
}

struct json_reader {
	struct session_text text;
	struct error_list *errors;
	char *value; /* room for one */
};

enum {
	VALUE_MAX = 1 << 17
};

static struct place at(const char *path, const char *key)
{
	struct place place = {0};

	snprintf(place.file, sizeof place.file, "%s%s%.100s", path, *path ? "." : "", key);
	return place;
}

static bool is_no_key(const char *member)
{
	for (enum section_kind kind = SECTION_SOURCE; kind < SECTION_KINDS; kind++)
		if (strcmp(member, list_names[kind]) == 0)
			return true;
	return strcmp(member, "name") == 0;
}

/* null is as good as a key that is not there. */
static int read_section(struct json_reader *reader, enum section_kind kind, const char *path, const json_t *object)
{
	struct place place = at(path, "");
	struct text_section *section;
	const char *key;
	json_t *value;

	place.file[strlen(path)] = '\0';
	section = session_text_add_section(&reader->text, kind, &place);
	if (!section)
		return -ENOMEM;
	json_object_foreach ((json_t *)(uintptr_t)object, key, value) {
		const char *text = from_value(value, reader->value, VALUE_MAX);

		if (json_is_null(value))
			continue;
		if (kind == SECTION_SESSION && is_no_key(key))
			continue;
		place = at(path, key);
		if (!text)
			error_list_add(reader->errors, &place, "must be a string, a whole number, true or false");
		else if (!session_text_add_item(section, key, text, &place))
			return -ENOMEM;
	}
	return 0;
}

static int read_list(struct json_reader *reader, enum section_kind kind, const json_t *json)
{
	const json_t *list = json_object_get(json, list_names[kind]);
	struct place place = at("", list_names[kind]);
	int rc = 0;

	if (list && !json_is_array(list))
		error_list_add(reader->errors, &place, "must be a list of objects");
	for (size_t i = 0; i < json_array_size(list) && !rc; i++) {
		char path[64];

		snprintf(path, sizeof path, "%s[%zu]", list_names[kind], i);
		place = at(path, "");
		place.file[strlen(path)] = '\0';
		if (json_is_object(json_array_get(list, i)))
			rc = read_section(reader, kind, path, json_array_get(list, i));
		else
			error_list_add(reader->errors, &place, "must be an object");
	}
	return rc;
}

static int read_tunnel(struct json_reader *reader, const json_t *json)
{
	const json_t *tunnel = json_object_get(json, list_names[SECTION_TUNNEL]);
	struct place place = at("", list_names[SECTION_TUNNEL]);

	if (json_is_object(tunnel))
		return read_section(reader, SECTION_TUNNEL, list_names[SECTION_TUNNEL], tunnel);
	if (tunnel && !json_is_null(tunnel))
		error_list_add(reader->errors, &place, "must be an object");
	return 0;
}

/* The name that counts, or NULL after an error. */
static const char *read_name(const char *name, const json_t *json, struct error_list *errors)
{
	const json_t *given = json_object_get(json, "name");
	const char *own = json_string_value(given);
	struct place place = at("", "name");
	struct error error = {0};

	if (!json_is_object(json))
		error_list_add(errors, NULL, "a session must be an object");
	else if (given && !own)
		error_list_add(errors, &place, "must be a string");
	else if (!name && !own)
		error_list_add(errors, &place, "is missing");
	else if (name && own && strcmp(name, own) != 0)
		error_list_add(errors, &place, "is '%s' here, and '%s' where it is sent to", own, name);
	else if (session_name_check(name ? name : own, &error))
		error_list_add(errors, &place, "%s", error.text);
	else
		return name ? name : own;
	return NULL;
}

int session_from_json(const char *name, const json_t *json, struct session **session, struct error_list *errors)
{
	struct json_reader reader = {.text = {.names = KEY_NAMES_SHORT}, .errors = errors, .value = malloc(VALUE_MAX)};
	size_t before = errors->errors;
	int rc = 0;

	*session = NULL;
	name = read_name(name, json, errors);
	if (!name || !reader.value) {
		free(reader.value);
		return name ? -ENOMEM : -EINVAL;
	}
	*session = session_new(name);
	if (!*session || read_section(&reader, SECTION_SESSION, "", json) || read_list(&reader, SECTION_SOURCE, json) ||
	    read_list(&reader, SECTION_DESTINATION, json) || read_list(&reader, SECTION_MATCH, json) || read_tunnel(&reader, json))
		rc = -ENOMEM;
	else if (session_text_build(&reader.text, *session, errors) || errors->errors > before)
		rc = -EINVAL;
	session_text_free(&reader.text);
	free(reader.value);
	if (rc) {
		session_free(*session);
		*session = NULL;
	}
	return rc;
}

/* ---- errors ---- */

json_t *session_errors_to_json(const struct error_list *errors)
{
	json_t *list = json_array();

	for (size_t i = 0; i < errors->count; i++) {
		const struct placed_error *item = &errors->items[i];

		json_array_append_new(list, json_pack("{s:s, s:i, s:i, s:s, s:s}", "file", item->place.file, "line", (int)item->place.line,
						      "column", (int)item->place.column, "severity", item->warning ? "warning" : "error",
						      "text", item->text));
	}
	return list;
}
