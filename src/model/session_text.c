/* SPDX-License-Identifier: BSD-2-Clause */
#include "model/session_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "model/match.h"
#include "model/names.h"
#include "model/session_tunnel.h"

/* ---- the text ---- */

struct text_section *session_text_add_section(struct session_text *text, enum section_kind kind, const struct place *place)
{
	struct text_section *sections = reallocarray(text->sections, text->count + 1, sizeof *sections);

	if (!sections)
		return NULL;
	text->sections = sections;
	sections[text->count] = (struct text_section){.kind = kind, .place = *place};
	return &sections[text->count++];
}

struct text_item *session_text_add_item(struct text_section *section, const char *key, const char *value, const struct place *place)
{
	struct text_item *items = reallocarray(section->items, section->count + 1, sizeof *items), *item;

	if (!items)
		return NULL;
	section->items = items;
	item = &items[section->count];
	*item = (struct text_item){.key = strdup(key), .value = strdup(value), .place = *place};
	if (!item->key || !item->value) {
		free(item->key);
		free(item->value);
		return NULL;
	}
	section->count++;
	return item;
}

void session_text_free(struct session_text *text)
{
	for (size_t s = 0; s < text->count; s++) {
		for (size_t i = 0; i < text->sections[s].count; i++) {
			free(text->sections[s].items[i].key);
			free(text->sections[s].items[i].value);
		}
		free(text->sections[s].items);
	}
	free(text->sections);
	*text = (struct session_text){0};
}

/* ---- reading it ---- */

struct build {
	const struct session_text *text;
	struct session *session;
	struct error_list *errors;
	size_t errors_before;
	const struct text_section *destinations[SESSION_DESTINATIONS_MAX];
	bool directed;                   /* a [Source] has said the direction */
	const struct text_section *part; /* the section at hand, and a word for it */
	char what[48];
};

static const char *word(const struct build *build, const char *in_file, const char *in_json)
{
	return build->text->names == KEY_NAMES_FILE ? in_file : in_json;
}

static const char *type_key(const struct build *build)
{
	return word(build, "Type", "type");
}

static struct place place_of_value(const struct text_item *item)
{
	struct place place = item->place;

	if (item->value_column)
		place.column = item->value_column;
	return place;
}

const struct text_item *session_text_item(const struct text_section *section, const char *key)
{
	for (size_t i = section->count; i-- > 0;)
		if (strcmp(section->items[i].key, key) == 0)
			return &section->items[i];
	return NULL;
}

/* Of the section at hand, for struct session_lines. */
static unsigned int line_of_part(const struct build *build)
{
	return strcmp(build->part->place.file, build->text->place.file) == 0 ? build->part->place.line : 0;
}

/* A key stands once in a file; another, a drop-in, may replace it. */
static void check_twice(struct build *build)
{
	const struct text_item *items = build->part->items;

	for (size_t i = 0; i < build->part->count; i++)
		for (size_t j = 0; j < i; j++)
			if (strcmp(items[i].key, items[j].key) == 0 && strcmp(items[i].place.file, items[j].place.file) == 0) {
				error_list_add(build->errors, &items[i].place, "%s is given twice, first in line %u", items[i].key,
					       items[j].place.line);
				break;
			}
}

/* How many bytes the UTF-8 character at text has; 0: it is none. */
static size_t character_len(const unsigned char *text)
{
	size_t len = *text < 0x80 ? 1 : *text >= 0xf0 ? 4 : *text >= 0xe0 ? 3 : 2;
	uint32_t code = len == 1 ? *text : *text & (0x7fu >> len);

	if (len > 1 && (*text < 0xc2 || *text > 0xf4))
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (text[i] & 0x3f);
	}
	if ((len == 3 && (code < 0x800 || (code >= 0xd800 && code < 0xe000))) || (len == 4 && (code < 0x10000 || code > 0x10ffff)))
		return 0;
	return len;
}

/* Values go to terminals, logs and JSON as they are. */
static void check_characters(struct build *build)
{
	for (size_t i = 0; i < build->part->count; i++) {
		const struct text_item *item = &build->part->items[i];
		const unsigned char *at = (const unsigned char *)item->value;
		struct place place = place_of_value(item);
		size_t len;

		while (*at && (*at >= ' ' || *at == '\t') && *at != 0x7f && (len = character_len(at)))
			at += len;
		place.column += place.column ? (unsigned int)(at - (const unsigned char *)item->value) : 0;
		if (*at)
			error_list_add(build->errors, &place, "byte 0x%02x in the value is a control character or not UTF-8", *at);
	}
}

static void add_name(struct name_list *names, const char *name)
{
	if (name)
		name_list_add(names, name);
}

/* An endpoint's type, or NULL for what has no keys of one. */
static void fail_unknown(struct build *build, const struct text_item *item, unsigned int parts, const struct endpoint *endpoint,
			 enum endpoint_side side)
{
	struct name_list allowed = {0};
	char text[400];

	if (build->part->kind != SECTION_SESSION)
		name_list_add(&allowed, type_key(build));
	for (unsigned int part = 1; part <= PART_RECORDING; part <<= 1)
		for (unsigned int i = 0; parts & part && i < SESSION_KEY_COUNT; i++)
			add_name(&allowed, session_key_name(i, part, build->text->names));
	for (unsigned int i = 0; endpoint && i <= ENDPOINT_KEY_COUNT; i++)
		add_name(&allowed, endpoint_key_name(endpoint->kinds, side, build->text->names, i));
	name_list_suggest(&allowed, item->key, text, sizeof text);
	error_list_add(build->errors, &item->place, "%s has no key '%s'; %s", build->what, item->key, text);
}

static bool is_session_key(const struct build *build, enum session_part part, const char *key)
{
	for (unsigned int i = 0; i < SESSION_KEY_COUNT; i++) {
		const char *name = session_key_name(i, part, build->text->names);

		if (name && strcmp(name, key) == 0)
			return true;
	}
	return false;
}

static void take_session_key(struct build *build, enum session_part part, enum session_key key, const struct text_item *item)
{
	struct place place = place_of_value(item);
	struct error error = {0};

	if (!*item->value && part == PART_SESSION)
		return;
	if (session_key_parse(key, build->text->names, item->value, build->session, &error)) {
		error_list_add(build->errors, &place, "%s", error.text);
	} else if (key == SESSION_KEY_filter) {
		build->session->filter_line = item->place.line;
		build->session->filter_column = item->value_column;
	}
}

/*
 * Takes the keys of a part in the order of the table; an empty value leaves the default. Of a key that the file has twice, which is wrong,
 * each value is looked at; those that a drop-in replaces are not.
 */
static void take_session_keys(struct build *build, enum session_part part)
{
	for (unsigned int key = 0; key < SESSION_KEY_COUNT; key++) {
		const char *name = session_key_name(key, part, build->text->names);
		const struct text_item *last = name ? session_text_item(build->part, name) : NULL;

		for (const struct text_item *item = build->part->items; last && item <= last; item++)
			if (strcmp(item->key, name) == 0 && strcmp(item->place.file, last->place.file) == 0)
				take_session_key(build, part, key, item);
	}
}

static void take_endpoint_keys(struct build *build, struct endpoint *endpoint, enum endpoint_side side, unsigned int other_parts)
{
	size_t before = build->errors->errors;
	struct error error = {0};

	for (size_t i = 0; i < build->part->count; i++) {
		const struct text_item *item = &build->part->items[i];
		struct place place = place_of_value(item);
		int rc;

		if (strcmp(item->key, type_key(build)) == 0 || (other_parts && is_session_key(build, other_parts, item->key)))
			continue;
		rc = endpoint_take(endpoint, side, build->text->names, item->key, item->value, &error);
		if (rc == -ENOENT)
			fail_unknown(build, item, other_parts, endpoint, side);
		else if (rc)
			error_list_add(build->errors, &place, "%s", error.text);
	}
	if (build->errors->errors > before)
		return;
	if (!endpoint_has_place(endpoint, side))
		error_list_add(build->errors, &build->part->place, "%s: %s is missing", build->what,
			       endpoint_key_name(endpoint->kinds, side, build->text->names, ENDPOINT_KEY_COUNT));
	else if (endpoint_check(endpoint, side, build->text->names, &error))
		error_list_add(build->errors, &build->part->place, "%s: %s", build->what, error.text);
}

/* The types of a side, for an error: those of endpoints and one more. */
static void fail_type(struct build *build, const struct text_item *item, enum endpoint_side side, const char *more)
{
	struct place place = place_of_value(item);
	struct name_list allowed = {0};
	char text[400];
	const char *name;

	for (unsigned int i = 0; (name = endpoint_type_at(i, side)); i++)
		name_list_add(&allowed, name);
	add_name(&allowed, more);
	name_list_suggest(&allowed, item->value, text, sizeof text);
	error_list_add(build->errors, &place, "unknown type '%s'; %s", item->value, text);
}

static void check_unknown(struct build *build, enum session_part part)
{
	for (size_t i = 0; i < build->part->count; i++) {
		const struct text_item *item = &build->part->items[i];

		if (!is_session_key(build, part, item->key) && strcmp(item->key, type_key(build)) != 0)
			fail_unknown(build, item, part, NULL, ENDPOINT_SOURCE);
	}
}

/* ---- sections ---- */

static void build_session(struct build *build)
{
	snprintf(build->what, sizeof build->what, "%s", word(build, "[Session]", "a session"));
	for (size_t i = 0; i < build->part->count; i++)
		if (!is_session_key(build, PART_SESSION, build->part->items[i].key))
			fail_unknown(build, &build->part->items[i], PART_SESSION, NULL, ENDPOINT_SOURCE);
	take_session_keys(build, PART_SESSION);
}

/* The engine follows one direction for all interfaces of a session. */
static void build_interfaces(struct build *build)
{
	struct session *session = build->session;
	bool rx = session->directions[DIRECTION_RX], tx = session->directions[DIRECTION_TX];
	unsigned int before = session->source_count;
	size_t errors = build->errors->errors;

	snprintf(build->what, sizeof build->what, "%s", word(build, "[Source] without Type", "a source without type"));
	session->directions[DIRECTION_RX] = session->directions[DIRECTION_TX] = true;
	check_unknown(build, PART_INTERFACES);
	take_session_keys(build, PART_INTERFACES);
	if (errors == build->errors->errors && session->source_count == before)
		error_list_add(build->errors, &build->part->place, "%s: %s is missing, or %s of a tunnel", build->what,
			       word(build, "Interface", "interface"), type_key(build));
	for (unsigned int i = before; i < session->source_count; i++)
		if (session->sources[i].netns[0] && session_source_is_pattern(&session->sources[i]))
			error_list_add(build->errors, &build->part->place, "interface %s of a container cannot be a pattern",
				       session->sources[i].pattern);
	if (build->directed && (rx != session->directions[DIRECTION_RX] || tx != session->directions[DIRECTION_TX]))
		error_list_add(build->errors, &build->part->place,
			       "%s must be the same in all sources of a session; others need one of their own",
			       word(build, "Direction", "direction"));
	build->directed = true;
}

static void build_tunnel(struct build *build, const struct text_item *type)
{
	struct session *session = build->session;
	struct error error = {0};
	struct endpoint tunnel;
	char other[IFNAMSIZ];

	snprintf(build->what, sizeof build->what, "%s %.20s", word(build, "[Source] of type", "a source of type"), type->value);
	if (endpoint_begin(type->value, ENDPOINT_SOURCE, &tunnel, &error)) {
		fail_type(build, type, ENDPOINT_SOURCE, NULL);
		return;
	}
	memcpy(other, session->listen_on, sizeof other);
	session->listen_on[0] = '\0';
	take_session_keys(build, PART_TUNNELS);
	if (session->tunnel_count && strcmp(other, session->listen_on) != 0)
		error_list_add(build->errors, &build->part->place, "%s must be the same in all sources of a session",
			       word(build, "Interface", "interface"));
	take_endpoint_keys(build, &tunnel, ENDPOINT_SOURCE, PART_TUNNELS);
	if (session_append_tunnel(session, &tunnel, &error))
		error_list_add(build->errors, &build->part->place, "%s", error.text);
	else if (session_vrf_fault(session->tunnels, session->tunnel_count))
		error_list_add(build->errors, &build->part->place, "%s %s", word(build, "VRF", "vrf"),
			       session_vrf_fault(session->tunnels, session->tunnel_count));
	else
		session->lines.tunnels[session->tunnel_count - 1] = line_of_part(build);
}

static void build_recording(struct build *build)
{
	struct session_recording *recording = &build->session->recording;
	const struct text_item *file = session_text_item(build->part, word(build, "File", "file"));
	size_t before = build->errors->errors, len;

	build->session->lines.recording = line_of_part(build);
	snprintf(build->what, sizeof build->what, "%s", word(build, "[Destination] of type pcapng", "a destination of type pcapng"));
	if (recording->path[0] || recording->listen[0]) {
		error_list_add(build->errors, &build->part->place, "a session has one recording; others need a session of their own");
		return;
	}
	check_unknown(build, PART_RECORDING);
	take_session_keys(build, PART_RECORDING);
	if (build->errors->errors > before)
		return;
	len = strlen(recording->path);
	if (len > 4 && strcmp(recording->path + len - 4, ".zst") == 0)
		recording->zstd = true;
	if (!len && !recording->listen[0])
		error_list_add(build->errors, &build->part->place, "%s: %s is missing, or %s", build->what, word(build, "File", "file"),
			       word(build, "Listen", "listen"));
	else if (!len && (recording->rotation.size || recording->rotation.seconds || recording->rotation.per_session || recording->zstd))
		error_list_add(build->errors, &build->part->place, "%s: what says how files follow each other needs %s", build->what,
			       word(build, "File", "file"));
	else if (recording->rotation.files && !recording->rotation.size && !recording->rotation.seconds)
		error_list_add(build->errors, &build->part->place, "%s: %s needs %s", build->what, word(build, "Files", "files"),
			       word(build, "Size or Seconds", "size or seconds"));
	else if (len && recording->path[0] != '/') {
		struct place place = place_of_value(file);

		error_list_add(build->errors, &place, "%s: %s must begin with /, not '%s'", build->what, word(build, "File", "file"),
			       recording->path);
	}
}

static void build_destination(struct build *build)
{
	const struct text_item *type = session_text_item(build->part, type_key(build));
	struct session *session = build->session;
	struct error error = {0};
	struct endpoint destination;

	if (!type) {
		error_list_add(build->errors, &build->part->place, "%s: %s is missing; for example %s",
			       word(build, "[Destination]", "a destination"), type_key(build),
			       word(build, "Type=erspan2", "\"type\": \"erspan2\""));
		return;
	}
	if (strcmp(type->value, "pcapng") == 0) {
		build_recording(build);
		return;
	}
	snprintf(build->what, sizeof build->what, "%s %.20s", word(build, "[Destination] of type", "a destination of type"), type->value);
	if (endpoint_begin(type->value, ENDPOINT_DESTINATION, &destination, &error)) {
		fail_type(build, type, ENDPOINT_DESTINATION, "pcapng");
		return;
	}
	take_endpoint_keys(build, &destination, ENDPOINT_DESTINATION, 0);
	if (session_append_destination(session, &destination, &error)) {
		error_list_add(build->errors, &build->part->place, "%s", error.text);
	} else {
		build->destinations[session->destination_count - 1] = build->part;
		session->lines.destinations[session->destination_count - 1] = line_of_part(build);
	}
}

static void build_device(struct build *build)
{
	struct session *session = build->session;
	const unsigned int line = line_of_part(build);

	session_tunnel_build(build->part, build->text->names, session, build->errors);
	session->lines.device = line;
	for (unsigned int i = 0; i < session->tunnel_count; i++)
		session->lines.tunnels[i] = line;
	for (unsigned int i = 0; i < session->destination_count; i++)
		session->lines.destinations[i] = line;
}

/* ---- rules ---- */

static void fail_match_key(struct build *build, const struct text_item *item)
{
	struct name_list allowed = {0};
	char buffers[MATCH_KEYS_MAX][MATCH_KEY_NAME_MAX], text[600];
	const char *name;

	for (unsigned int i = 0; (name = match_key_name(i, build->text->names, buffers[i])); i++)
		if (*name)
			name_list_add(&allowed, name);
	error_list_add(build->errors, &item->place, "%s has no key '%s'; %s", build->what, item->key,
		       name_list_suggest(&allowed, item->key, text, sizeof text));
}

static void build_match(struct build *build)
{
	size_t before = build->errors->errors;
	struct match match;

	snprintf(build->what, sizeof build->what, "%s", word(build, "[Match]", "a match"));
	match_begin(&match);
	for (size_t i = 0; i < build->part->count; i++) {
		const struct text_item *item = &build->part->items[i];
		struct place place = place_of_value(item);
		struct error error = {0};
		int rc = match_take(&match, build->text->names, item->key, item->value, &error);

		if (rc == -ENOENT)
			fail_match_key(build, item);
		else if (rc)
			error_list_add(build->errors, &place, "%s", error.text);
	}
	if (build->errors->errors == before && matches_add(&build->session->matches, &match))
		error_list_add(build->errors, &build->part->place, "out of memory");
}

/* ---- what no single section can say ---- */

static const struct text_section *section_at(const struct build *build, enum section_kind kind, unsigned int which)
{
	for (size_t i = 0; i < build->text->count; i++)
		if (build->text->sections[i].kind == kind && which-- == 0)
			return &build->text->sections[i];
	return NULL;
}

/* Where a key of [Session] stands, else the whole. */
static struct place place_of(const struct build *build, enum session_key key)
{
	const struct text_section *section = section_at(build, SECTION_SESSION, 0);
	const struct text_item *item = section ? session_text_item(section, session_key_name(key, PART_SESSION, build->text->names)) : NULL;

	return item ? item->place : build->text->place;
}

static bool is_given(const struct build *build, enum session_key key)
{
	const struct text_section *section = section_at(build, SECTION_SESSION, 0);

	return section && session_text_item(section, session_key_name(key, PART_SESSION, build->text->names));
}

static void refuse(struct build *build, enum session_key key, const char *why)
{
	struct place place = place_of(build, key);

	error_list_add(build->errors, &place, "%s %s", session_key_name(key, PART_SESSION, build->text->names), why);
}

static void check_shape(struct build *build)
{
	const struct session *session = build->session;

	if (!is_given(build, SESSION_KEY_rate) && is_given(build, SESSION_KEY_burst))
		refuse(build, SESSION_KEY_burst, "means nothing without a rate");
	if (session_spread_fault(session, session_collects(session)))
		refuse(build, SESSION_KEY_spread, session_spread_fault(session, session_collects(session)));
	if (!session_collects(session)) {
		for (unsigned int i = 0; i < session->destination_count; i++)
			if (session->continues && session->destinations[i].netns[0])
				refuse(build, SESSION_KEY_on_crash, "cannot be continue with a destination in another network namespace");
		if (session->inner)
			refuse(build, SESSION_KEY_inner, "is for sources that are tunnels");
		if (session->adapter_times)
			refuse(build, SESSION_KEY_time_stamp_type, "is for sources that are tunnels");
		return;
	}
	if (session->shape.filter)
		refuse(build, SESSION_KEY_filter, "is for sources that are interfaces");
	if (session->hook && !session->destination_count)
		refuse(build, SESSION_KEY_hook, "is asked about frames on their way to destinations, of which there are none");
	for (enum session_key key = SESSION_KEY_vlan; key <= SESSION_KEY_cpus && !session_shapes_relayed(session); key++)
		if (is_given(build, key) && key != SESSION_KEY_spread)
			refuse(build, key, "shapes copies to tunnels and VLANs, of which there are none");
}

static void check_ends(struct build *build)
{
	const struct session *session = build->session;
	const struct session_recording *recording = &session->recording;

	if (!section_at(build, SECTION_SOURCE, 0))
		error_list_add(build->errors, &build->text->place, "no source: %s",
			       word(build, "a [Source] is missing", "\"sources\" is missing"));
	if (!section_at(build, SECTION_DESTINATION, 0))
		error_list_add(build->errors, &build->text->place, "no destination: %s",
			       word(build, "a [Destination] is missing", "\"destinations\" is missing"));
	if (session->source_count && session->tunnel_count)
		error_list_add(build->errors, &section_at(build, SECTION_SOURCE, 1)->place,
			       "a session has interfaces for sources, or tunnels, not both");
	if ((recording->path[0] || recording->listen[0]) && session->source_count)
		error_list_add(build->errors, &section_at(build, SECTION_DESTINATION, 0)->place,
			       "a recording is for sources that are tunnels; tcpdump(8) records interfaces");
}

/* No frame is copied to where it came from. */
static void check_own(struct build *build)
{
	const struct session *session = build->session;

	for (unsigned int d = 0; d < session->destination_count; d++)
		for (unsigned int s = 0; s < session->source_count; s++)
			if (!session_source_is_pattern(&session->sources[s]) &&
			    session_source_matches(&session->sources[s], &session->destinations[d]))
				error_list_add(build->errors, &build->destinations[d]->place, "interface %s is both source and destination",
					       session->destinations[d].dev);
}

/* A tunnel device is all that its session has. */
static void check_alone(struct build *build)
{
	const struct text_section *other = section_at(build, SECTION_SOURCE, 0);

	if (!other)
		other = section_at(build, SECTION_DESTINATION, 0);
	if (other)
		error_list_add(build->errors, &other->place, "a session that is a tunnel device has no sources or destinations besides");
	for (enum session_key key = 0; key < SESSION_KEY_COUNT; key++)
		if (session_key_name(key, PART_SESSION, build->text->names) && is_given(build, key) && key != SESSION_KEY_description &&
		    key != SESSION_KEY_enabled && key != SESSION_KEY_on_crash && key != SESSION_KEY_wait)
			refuse(build, key, "is for sessions that are no tunnel device");
}

/* Each rule, with the destinations, which may stand behind it. */
static void check_matches(struct build *build)
{
	const struct session *session = build->session;
	const struct text_section *first = section_at(build, SECTION_MATCH, 0);
	struct error error = {0};
	unsigned int i = 0;

	if (build->errors->errors > build->errors_before || !first)
		return;
	if (!session_collects(session)) {
		error_list_add(build->errors, &first->place, "%s is for sources that are tunnels", word(build, "[Match]", "matches"));
		return;
	}
	for (const char *line = session->matches; line; line = matches_next(line)) {
		struct match match;

		match_parse(line, &match, NULL);
		if (match_check(&match, session->destinations, session->destination_count, &error))
			error_list_add(build->errors, &section_at(build, SECTION_MATCH, i)->place, "%s: %s",
				       word(build, "[Match]", "a match"), error.text);
		i++;
	}
	if (build->errors->errors == build->errors_before && session_check_matches(session, &error))
		error_list_add(build->errors, &first->place, "%s", error.text);
}

static void check_whole(struct build *build)
{
	struct error error = {0};

	if (section_at(build, SECTION_TUNNEL, 0)) {
		check_alone(build);
		return;
	}
	check_ends(build);
	check_shape(build);
	check_own(build);
	check_matches(build);
	if (build->errors->errors == build->errors_before && session_check(build->session, &error))
		error_list_add(build->errors, &build->text->place, "%s", error.text);
}

int session_text_build(const struct session_text *text, struct session *session, struct error_list *errors)
{
	struct build build = {.text = text, .session = session, .errors = errors, .errors_before = errors->errors};

	for (size_t i = 0; i < text->count; i++) {
		const struct text_item *type;

		build.part = &text->sections[i];
		type = session_text_item(build.part, type_key(&build));
		check_twice(&build);
		check_characters(&build);
		if (build.part->kind == SECTION_SESSION)
			build_session(&build);
		else if (build.part->kind == SECTION_DESTINATION)
			build_destination(&build);
		else if (build.part->kind == SECTION_MATCH)
			build_match(&build);
		else if (build.part->kind == SECTION_TUNNEL)
			build_device(&build);
		else if (type)
			build_tunnel(&build, type);
		else
			build_interfaces(&build);
	}
	check_whole(&build);
	return errors->errors > build.errors_before ? -EINVAL : 0;
}
