/* SPDX-License-Identifier: BSD-2-Clause */
#include "model/match.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/abi.h"

/* Numbers of keys: those of both types, then of both halves. */
enum {
	KEY_TYPE,
	KEY_SET_TYPE,
	KEYS_WHEN,
	KEYS_SET = KEYS_WHEN + ENDPOINT_KEY_COUNT + 1,
	KEYS_END = KEYS_SET + ENDPOINT_KEY_COUNT,
};

_Static_assert((int)KEYS_END < (int)MATCH_KEYS_MAX, "room for a name behind the last");

static const char arrow[] = "->";

void match_begin(struct match *match)
{
	memset(match, 0, sizeof *match);
	endpoint_any_source(&match->when);
	match->when.kinds |= KIND_MATCH;
	match->set.kinds = KIND_MATCH;
}

/* What is of receiving packets, not of what they say. */
static bool is_of_reception(unsigned int key)
{
	return key == ENDPOINT_KEY_marker || key == ENDPOINT_KEY_port || key == ENDPOINT_KEY_from_vrf;
}

/* Names of the second half say so, but for the one that only it has. */
static const char *set_key_name(unsigned int key, enum key_names names, char buffer[MATCH_KEY_NAME_MAX])
{
	const char *name = endpoint_key_name(KIND_MATCH, ENDPOINT_DESTINATION, names, key);

	if (!name)
		return "";
	if (key == ENDPOINT_KEY_to)
		return name;
	snprintf(buffer, MATCH_KEY_NAME_MAX, "%s%s", names == KEY_NAMES_FILE ? "Set" : "set_", name);
	return buffer;
}

const char *match_key_name(unsigned int i, enum key_names names, char buffer[MATCH_KEY_NAME_MAX])
{
	const char *name;

	if (i == KEY_TYPE)
		return names == KEY_NAMES_FILE ? "Type" : "type";
	if (i == KEY_SET_TYPE)
		return names == KEY_NAMES_FILE ? "SetType" : "set_type";
	if (i >= KEYS_END)
		return NULL;
	if (i >= KEYS_SET)
		return set_key_name(i - KEYS_SET, names, buffer);
	if (is_of_reception(i - KEYS_WHEN))
		return "";
	name = endpoint_key_name(KINDS_ALL | KIND_MATCH, ENDPOINT_SOURCE, names, i - KEYS_WHEN);
	return name ? name : "";
}

enum endpoint_value match_key_value(unsigned int i)
{
	if (i < KEYS_WHEN)
		return ENDPOINT_VALUE_TEXT;
	return endpoint_key_value(i >= KEYS_SET ? i - KEYS_SET : i - KEYS_WHEN);
}

static int take_type(unsigned int key, const char *value, struct match *match, struct error *error)
{
	struct endpoint endpoint;
	int rc = endpoint_begin(value, key == KEY_TYPE ? ENDPOINT_SOURCE : ENDPOINT_DESTINATION, &endpoint, error);

	if (rc)
		return rc;
	if (key == KEY_TYPE) {
		match->when.kinds = endpoint.kinds | KIND_MATCH;
		return 0;
	}
	if (!endpoint_is_tunnel(&endpoint))
		return fail(error, EINVAL, "frames can be sent as another type of tunnel, not as %s", value);
	match->type = endpoint.kinds;
	return 0;
}

/* Reads key i, of that name. That the type has the key is for match_check(): the type may come later. */
static int take_key(unsigned int i, const char *name, const char *value, struct match *match, struct error *error)
{
	const bool set = i >= KEYS_SET;
	struct endpoint *half = set ? &match->set : &match->when;
	const unsigned int key = i - (set ? KEYS_SET : KEYS_WHEN);

	if (i < KEYS_WHEN)
		return take_type(i, value, match, error);
	if (!set && key == ENDPOINT_KEY_COUNT ? half->address.family != 0 : endpoint_has(half, key))
		return fail(error, EINVAL, "%s is given twice", name);
	return endpoint_take_key(half, set ? ENDPOINT_DESTINATION : ENDPOINT_SOURCE, key, name, value, error);
}

/* The number of the key of that name; -ENOENT. */
static int find_key(enum key_names names, const char *key)
{
	char buffer[MATCH_KEY_NAME_MAX];
	const char *name;

	for (unsigned int i = 0; (name = match_key_name(i, names, buffer)); i++)
		if (*name && strcmp(name, key) == 0)
			return (int)i;
	return -ENOENT;
}

int match_take(struct match *match, enum key_names names, const char *key, const char *value, struct error *error)
{
	int i = find_key(names, key);

	return i < 0 ? i : take_key((unsigned int)i, key, value, match, error);
}

/* Each number is of its own types; frames of others are not taken. */
static int check_numbers(const struct match *match, struct error *error)
{
	const struct endpoint *when = &match->when, *set = &match->set;
	const unsigned int numbers =
		0u + endpoint_has(when, ENDPOINT_KEY_ids) + endpoint_has(when, ENDPOINT_KEY_vnis) + endpoint_has(when, ENDPOINT_KEY_keys);
	const unsigned int set_numbers =
		0u + endpoint_has(set, ENDPOINT_KEY_id) + endpoint_has(set, ENDPOINT_KEY_vni) + endpoint_has(set, ENDPOINT_KEY_key);

	if (numbers > 1)
		return fail(error, EINVAL, "a packet has a session id, a VNI or a key, not several of them");
	if (set_numbers > 1)
		return fail(error, EINVAL, "only one of session id, VNI and key can be set");
	return 0;
}

static int check_type(const struct match *match, struct error *error)
{
	for (unsigned int key = 0; key < ENDPOINT_KEY_COUNT; key++)
		if (endpoint_has(&match->when, key) && !endpoint_key_name(match->when.kinds, ENDPOINT_SOURCE, KEY_NAMES_SHORT, key))
			return fail(error, EINVAL, "packets of this type have no %s",
				    endpoint_key_name(KINDS_ALL, ENDPOINT_SOURCE, KEY_NAMES_SHORT, key));
	return 0;
}

int match_check(const struct match *match, const struct endpoint *destinations, unsigned int count, struct error *error)
{
	const bool chosen = endpoint_has(&match->set, ENDPOINT_KEY_to);
	int rc = check_numbers(match, error);

	if (!rc)
		rc = check_type(match, error);
	if (rc)
		return rc;
	if (!chosen && !match->type && !match->set.given)
		return fail(error, EINVAL, "a rule must say what becomes of what it takes: to, or what is set");
	for (unsigned int i = 0; i < SPREAD_MAX; i++) {
		if (!chosen || !(match->set.to >> i & 1))
			continue;
		if (i >= count)
			return fail(error, EINVAL, "there is no destination %u to choose", i + 1);
		if (match->type && !endpoint_is_tunnel(&destinations[i]))
			return fail(error, EINVAL, "destination %u is no tunnel and has no type to set", i + 1);
	}
	return 0;
}

bool match_print_key(const struct match *match, unsigned int i, FILE *out)
{
	struct endpoint type = {.kinds = i == KEY_TYPE ? match->when.kinds & ~KIND_MATCH : match->type};

	if (i >= KEYS_SET)
		return endpoint_print_key(&match->set, i - KEYS_SET, out);
	if (i >= KEYS_WHEN)
		return endpoint_print_key(&match->when, i - KEYS_WHEN, out);
	if (!type.kinds || type.kinds == KINDS_ALL)
		return false;
	fputs(endpoint_type_name(&type), out);
	return true;
}

/* ---- whole rules ---- */

static void print_half(const struct match *match, unsigned int type, unsigned int first, unsigned int end, FILE *out)
{
	bool any = false;

	for (unsigned int n = first; n <= end; n++) {
		const unsigned int i = n == first ? type : n - 1;
		char buffer[MATCH_KEY_NAME_MAX], *value = NULL;
		const char *name = match_key_name(i, KEY_NAMES_SHORT, buffer);
		size_t len;
		FILE *memory = open_memstream(&value, &len);
		bool some = memory && match_print_key(match, i, memory);

		if (memory && fclose(memory) == 0 && some) {
			name += strncmp(name, "set_", 4) == 0 ? 4 : 0;
			fprintf(out, "%s%s=%s", any ? "," : "", name, value);
			any = true;
		}
		free(value);
	}
	if (!any && type == KEY_TYPE)
		fputs("any", out);
}

void match_print(const struct match *match, FILE *out)
{
	print_half(match, KEY_TYPE, KEYS_WHEN, KEYS_SET, out);
	fprintf(out, " %s ", arrow);
	print_half(match, KEY_SET_TYPE, KEYS_SET, KEYS_END, out);
}

static char *trim(char *text)
{
	char *end = text + strlen(text);

	while (*text == ' ' || *text == '\t')
		text++;
	while (end > text && (end[-1] == ' ' || end[-1] == '\t'))
		*--end = '\0';
	return text;
}

/* The keys of one half, for an error: "type, id, vlan". */
static void list_keys(bool set, char *list, size_t size)
{
	char buffer[MATCH_KEY_NAME_MAX];
	const char *name;
	size_t used = 0;

	list[0] = '\0';
	for (unsigned int i = 0; (name = match_key_name(i, KEY_NAMES_SHORT, buffer)); i++) {
		const bool of_set = i == KEY_SET_TYPE || i >= KEYS_SET;

		if (!*name || of_set != set || used >= size)
			continue;
		used += (size_t)snprintf(list + used, size - used, "%s%s", used ? ", " : "",
					 name + (strncmp(name, "set_", 4) == 0 ? 4 : 0));
	}
}

/* Behind the arrow keys have their plain names, as nothing else can be meant. */
static int parse_item(char *item, bool set, struct match *match, struct error *error)
{
	char key[MATCH_KEY_NAME_MAX] = "set_", *value = strchr(item, '='), list[200];
	int i = -ENOENT;

	if (!value)
		return fail(error, EINVAL, "'%s' is not of the form key=value", item);
	*value++ = '\0';
	item = trim(item);
	if (!set || strcmp(item, "to") == 0)
		key[0] = '\0';
	strncat(key, item, sizeof key - strlen(key) - 1);
	if (strncmp(item, "set_", 4) != 0 && (set || strcmp(item, "to") != 0))
		i = find_key(KEY_NAMES_SHORT, key);
	if (i >= 0)
		return take_key((unsigned int)i, item, trim(value), match, error);
	list_keys(set, list, sizeof list);
	return fail(error, EINVAL, "unknown key '%s' %s the %s; allowed: %s", item, set ? "behind" : "before", arrow, list);
}

static int parse_half(char *text, bool set, struct match *match, struct error *error)
{
	char *item;
	int rc = 0;

	text = trim(text);
	if (set ? !*text : strcmp(text, "any") == 0)
		return 0;
	while (!rc && (item = strsep(&text, ",")))
		rc = parse_item(trim(item), set, match, error);
	return rc;
}

int match_parse(const char *text, struct match *match, struct error *error)
{
	const size_t len = strcspn(text, "\n");
	char copy[MATCH_TEXT_MAX], *behind;
	struct error detail = {0};
	int rc;

	match_begin(match);
	if (len >= sizeof copy)
		return fail(error, EINVAL, "a rule is longer than %d characters", MATCH_TEXT_MAX - 1);
	snprintf(copy, sizeof copy, "%.*s", (int)len, text);
	behind = strstr(copy, arrow);
	if (!behind)
		return fail(error, EINVAL, "rule '%s' has no %s between what it takes and what becomes of that", copy, arrow);
	*behind = '\0';
	rc = parse_half(copy, false, match, &detail);
	if (!rc)
		rc = parse_half(behind + strlen(arrow), true, match, &detail);
	return rc ? fail(error, -rc, "rule '%.*s': %s", len < 200 ? (int)len : 200, text, detail.text) : 0;
}

/* ---- lines ---- */

int matches_add(const char **lines, const struct match *match)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return -ENOMEM;
	if (*lines)
		fprintf(out, "%s\n", *lines);
	match_print(match, out);
	if (fclose(out)) {
		free(text);
		return -ENOMEM;
	}
	free((void *)(uintptr_t)*lines);
	*lines = text;
	return 0;
}

const char *matches_next(const char *line)
{
	const char *end = strchr(line, '\n');

	return end ? end + 1 : NULL;
}
