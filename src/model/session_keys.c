/* SPDX-License-Identifier: BSD-2-Clause */
#include "model/session_keys.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <farspan.h>

#include "model/ranges.h"

struct key_row {
	const char *name, *file_name;
	enum session_part part;
	int (*parse)(const struct key_row *row, const char *value, struct session *session, struct error *error);
	bool (*print)(const struct key_row *row, const struct session *session, unsigned int source, FILE *out);
	enum endpoint_value value;
	size_t offset, size;
	unsigned long long min, max;
};

static void *field_of(const struct key_row *row, struct session *session)
{
	return (char *)session + row->offset;
}

static const void *field_in(const struct key_row *row, const struct session *session)
{
	return (const char *)session + row->offset;
}

/* ---- text, names, numbers, flags ---- */

static int parse_text(const struct key_row *row, const char *value, struct session *session, struct error *error)
{
	if (strlen(value) < row->min || strlen(value) > row->max)
		return fail(error, EINVAL, "%s must have %llu to %llu characters, not %zu", row->name, row->min, row->max, strlen(value));
	snprintf(field_of(row, session), row->size, "%s", value);
	return 0;
}

static bool print_text(const struct key_row *row, const struct session *session, unsigned int source, FILE *out)
{
	const char *text = field_in(row, session);

	(void)source;
	fputs(text, out);
	return *text;
}

static int check_interface(const char *key, const char *name, struct error *error)
{
	if (!endpoint_is_interface_name(name))
		return fail(error, EINVAL, "%s must be the name of an interface, of 1 to %d characters, not '%s'", key, IFNAMSIZ - 1, name);
	return 0;
}

static int parse_name(const struct key_row *row, const char *value, struct session *session, struct error *error)
{
	int rc = check_interface(row->name, value, error);

	return rc ? rc : parse_text(row, value, session, error);
}

static int parse_number(const struct key_row *row, const char *value, struct session *session, struct error *error)
{
	uint64_t number;
	const char *end = range_number(value, row->max, &number);

	if (!end || *end || number < row->min)
		return fail(error, EINVAL, "%s must be a number from %llu to %llu, not '%s'", row->name, row->min, row->max, value);
	if (row->size == sizeof(uint64_t))
		*(uint64_t *)field_of(row, session) = number;
	else
		*(unsigned int *)field_of(row, session) = (unsigned int)number;
	return 0;
}

static bool print_number(const struct key_row *row, const struct session *session, unsigned int source, FILE *out)
{
	uint64_t number =
		row->size == sizeof(uint64_t) ? *(const uint64_t *)field_in(row, session) : *(const unsigned int *)field_in(row, session);

	(void)source;
	if (number)
		fprintf(out, "%llu", (unsigned long long)number);
	return number;
}

static int parse_bool(const struct key_row *row, const char *value, bool *yes, struct error *error)
{
	*yes = strcmp(value, "yes") == 0;
	if (*yes || strcmp(value, "no") == 0)
		return 0;
	return fail(error, EINVAL, "%s must be yes or no, not '%s'", row->name, value);
}

static int parse_flag(const struct key_row *row, const char *value, struct session *session, struct error *error)
{
	return parse_bool(row, value, field_of(row, session), error);
}

/* yes is the default of one of them. */
static bool print_flag(const struct key_row *row, const struct session *session, unsigned int source, FILE *out)
{
	bool yes = *(const bool *)field_in(row, session), usual = row->offset == offsetof(struct session, wait);

	(void)source;
	if (yes != usual)
		fputs(yes ? "yes" : "no", out);
	return yes != usual;
}

static int parse_unless(const struct key_row *row, const char *value, struct session *session, struct error *error)
{
	bool yes;
	int rc = parse_bool(row, value, &yes, error);

	if (!rc)
		*(bool *)field_of(row, session) = !yes;
	return rc;
}

static bool print_unless(const struct key_row *row, const struct session *session, unsigned int source, FILE *out)
{
	(void)source;
	if (*(const bool *)field_in(row, session))
		fputs("no", out);
	return *(const bool *)field_in(row, session);
}

/* ---- the shape ---- */

/* The copy is the session's. */
static int parse_string(const struct key_row *row, const char *value, struct session *session, struct error *error)
{
	if (strlen(value) > row->max)
		return fail(error, EINVAL, "%s has more than %llu characters", row->name, row->max);
	return session_set_text(field_of(row, session), value, error);
}

static bool print_string(const struct key_row *row, const struct session *session, unsigned int source, FILE *out)
{
	const char *const *field = field_in(row, session);

	(void)source;
	if (*field)
		fputs(*field, out);
	return *field;
}

#define SHAPE_FORM(form)                                                                                                    \
	static int parse_##form(const struct key_row *row, const char *value, struct session *session, struct error *error) \
	{                                                                                                                   \
		(void)row;                                                                                                  \
		return shape_parse_##form(value, &session->shape, error);                                                   \
	}                                                                                                                   \
	static bool print_##form(const struct key_row *row, const struct session *session, unsigned int source, FILE *out)  \
	{                                                                                                                   \
		(void)row, (void)source;                                                                                    \
		return shape_print_##form(&session->shape, out);                                                            \
	}
SHAPE_FORM(vlans)
SHAPE_FORM(sample)
SHAPE_FORM(rate)
SHAPE_FORM(burst)
SHAPE_FORM(truncate)

static int parse_cpus(const struct key_row *row, const char *value, struct session *session, struct error *error)
{
	(void)row;
	return cpus_parse(value, &session->cpus, error);
}

static bool print_cpus(const struct key_row *row, const struct session *session, unsigned int source, FILE *out)
{
	(void)row, (void)source;
	return cpus_print(&session->cpus, out);
}

static int parse_inner(const struct key_row *row, const char *value, struct session *session, struct error *error)
{
	(void)row;
	return session_parse_inner(value, &session->inner, error);
}

static bool print_inner(const struct key_row *row, const struct session *session, unsigned int source, FILE *out)
{
	bool some = false;

	(void)row, (void)source;
	for (unsigned int part = 1; part <= FARSPAN_INNER_tag_likely; part <<= 1) {
		if (session->inner & part)
			fprintf(out, "%s%s", some ? "," : "", farspan_inner_name(part));
		some = some || session->inner & part;
	}
	return some;
}

static int parse_on_crash(const struct key_row *row, const char *value, struct session *session, struct error *error)
{
	session->states_on_crash = true;
	session->continues = strcmp(value, "continue") == 0;
	if (session->continues || strcmp(value, "stop") == 0)
		return 0;
	return fail(error, EINVAL, "%s must be continue or stop, not '%s'", row->name, value);
}

static bool print_on_crash(const struct key_row *row, const struct session *session, unsigned int source, FILE *out)
{
	(void)row, (void)source;
	if (session->states_on_crash)
		fputs(session->continues ? "continue" : "stop", out);
	return session->states_on_crash;
}

/* ---- sources ---- */

static int parse_direction(const struct key_row *row, const char *value, struct session *session, struct error *error)
{
	(void)row;
	return session_parse_direction(value, session, error);
}

static bool print_direction(const struct key_row *row, const struct session *session, unsigned int source, FILE *out)
{
	bool both = session->directions[DIRECTION_RX] && session->directions[DIRECTION_TX];

	(void)row, (void)source;
	if (!both)
		fputs(session->directions[DIRECTION_TX] ? "tx" : "rx", out);
	return !both;
}

static int parse_netns(const struct key_row *row, const char *value, struct session *session, struct error *error)
{
	struct session_source *source = session_next_source(session, error);

	if (!source)
		return -EINVAL;
	if (!*value || strlen(value) >= NETNS_TEXT_MAX)
		return fail(error, EINVAL, "%s must have 1 to %d characters", row->name, NETNS_TEXT_MAX - 1);
	strcpy(source->netns, value);
	return 0;
}

static bool print_netns(const struct key_row *row, const struct session *session, unsigned int source, FILE *out)
{
	(void)row;
	fputs(session->sources[source].netns, out);
	return session->sources[source].netns[0];
}

/* The namespace, if any, is that of all names. */
static int parse_interfaces(const struct key_row *row, const char *value, struct session *session, struct error *error)
{
	char netns[NETNS_TEXT_MAX] = "", name[IFNAMSIZ + 1];
	struct session_source *source = session_next_source(session, error);
	int rc;

	if (source)
		strcpy(netns, source->netns);
	do {
		size_t len = strcspn(value += strspn(value, " \t"), " \t");

		snprintf(name, sizeof name, "%.*s", (int)len, value);
		source = session_next_source(session, error);
		rc = source ? check_interface(row->name, name, error) : -EINVAL;
		if (rc)
			return rc;
		strcpy(source->netns, netns);
		strcpy(source->pattern, name);
		session->source_count++;
		value += len;
		value += strspn(value, " \t");
	} while (*value);
	return 0;
}

static bool print_interfaces(const struct key_row *row, const struct session *session, unsigned int source, FILE *out)
{
	(void)row;
	fputs(session->sources[source].pattern, out);
	return true;
}

static int parse_time_stamp_type(const struct key_row *row, const char *value, struct session *session, struct error *error)
{
	return session_parse_time_stamp_type(value, field_of(row, session), error);
}

static bool print_time_stamp_type(const struct key_row *row, const struct session *session, unsigned int source, FILE *out)
{
	(void)row, (void)source;
	if (session->adapter_times)
		fputs("adapter", out);
	return session->adapter_times;
}

/* ---- recordings ---- */

static int parse_listen(const struct key_row *row, const char *value, struct session *session, struct error *error)
{
	struct error detail = {0};
	struct address address;
	uint16_t port;

	if (recording_parse_listen(value, &address, &port, &detail))
		return fail(error, EINVAL, "%s: %s", row->name, detail.text);
	return parse_text(row, value, session, error);
}

#define print_listen print_text

static int parse_size(const struct key_row *row, const char *value, struct session *session, struct error *error)
{
	return recording_parse_size(value, field_of(row, session), error);
}

static bool print_size(const struct key_row *row, const struct session *session, unsigned int source, FILE *out)
{
	(void)source;
	return recording_print_size(*(const uint64_t *)field_in(row, session), out);
}

static int parse_compress(const struct key_row *row, const char *value, struct session *session, struct error *error)
{
	return recording_parse_compress(value, field_of(row, session), error);
}

static bool print_compress(const struct key_row *row, const struct session *session, unsigned int source, FILE *out)
{
	(void)row, (void)source;
	if (session->recording.zstd)
		fputs("zstd", out);
	return session->recording.zstd;
}

static int parse_sync(const struct key_row *row, const char *value, struct session *session, struct error *error)
{
	return recording_parse_sync(value, field_of(row, session), error);
}

static bool print_sync(const struct key_row *row, const struct session *session, unsigned int source, FILE *out)
{
	const struct recording_sync *sync = field_in(row, session);

	(void)source;
	if (sync->seconds)
		fprintf(out, "%u", sync->seconds);
	else if (sync->rotated)
		fputs("rotate", out);
	return sync->rotated;
}

/* ---- the table ---- */

#define print_name            print_text
#define VALUE_text            ENDPOINT_VALUE_TEXT
#define VALUE_name            ENDPOINT_VALUE_TEXT
#define VALUE_number          ENDPOINT_VALUE_NUMBER
#define VALUE_flag            ENDPOINT_VALUE_FLAG
#define VALUE_unless          ENDPOINT_VALUE_FLAG
#define VALUE_string          ENDPOINT_VALUE_TEXT
#define VALUE_vlans           ENDPOINT_VALUE_TEXT
#define VALUE_sample          ENDPOINT_VALUE_TEXT
#define VALUE_rate            ENDPOINT_VALUE_TEXT
#define VALUE_burst           ENDPOINT_VALUE_TEXT
#define VALUE_truncate        ENDPOINT_VALUE_TEXT
#define VALUE_cpus            ENDPOINT_VALUE_TEXT
#define VALUE_inner           ENDPOINT_VALUE_TEXT
#define VALUE_on_crash        ENDPOINT_VALUE_TEXT
#define VALUE_time_stamp_type ENDPOINT_VALUE_TEXT
#define VALUE_direction       ENDPOINT_VALUE_TEXT
#define VALUE_netns           ENDPOINT_VALUE_TEXT
#define VALUE_interfaces      ENDPOINT_VALUE_TEXT
#define VALUE_size            ENDPOINT_VALUE_TEXT
#define VALUE_listen          ENDPOINT_VALUE_TEXT
#define VALUE_compress        ENDPOINT_VALUE_TEXT
#define VALUE_sync            ENDPOINT_VALUE_TEXT

static const struct key_row rows[] = {
#define SESSION_KEY(ident, name, file_name, section, form, field, min, max, fallback, help) \
	{#name,                                                                             \
	 #file_name,                                                                        \
	 PART_##section,                                                                    \
	 parse_##form,                                                                      \
	 print_##form,                                                                      \
	 VALUE_##form,                                                                      \
	 offsetof(struct session, field),                                                   \
	 sizeof(((struct session *)0)->field),                                              \
	 min,                                                                               \
	 max},
#include "model/session_keys.def"
#undef SESSION_KEY
};

const char *session_key_name(unsigned int i, enum session_part part, enum key_names names)
{
	if (!(rows[i].part & part))
		return NULL;
	return names == KEY_NAMES_FILE ? rows[i].file_name : rows[i].name;
}

int session_key_parse(unsigned int i, enum key_names names, const char *value, struct session *session, struct error *error)
{
	struct key_row row = rows[i];

	row.name = session_key_name(i, row.part, names);
	return row.parse(&row, value, session, error);
}

bool session_key_print(unsigned int i, const struct session *session, unsigned int source, FILE *out)
{
	return rows[i].print(&rows[i], session, source, out);
}

enum endpoint_value session_key_value(unsigned int i)
{
	return rows[i].value;
}
