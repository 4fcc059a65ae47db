/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/session_view.h"

const char *session_view_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static uint64_t number(const json_t *object, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(object, key));
}

/* Adds the counters of one direction to a sum. */
static void add_counters(json_t *sum, const json_t *counters)
{
	const char *name;
	json_t *value;

	json_object_foreach ((json_t *)counters, name, value)
		json_object_set_new(sum, name, json_integer(json_integer_value(json_object_get(sum, name)) + json_integer_value(value)));
}

/* Of a mirror, summed over destinations and directions; of a collector as they are. A new reference. */
static json_t *all_counters(const json_t *actual)
{
	json_t *sum = json_object();
	const json_t *destination;
	size_t i;

	add_counters(sum, json_object_get(actual, "counters"));
	json_array_foreach (json_object_get(actual, "destinations"), i, destination) {
		add_counters(sum, json_object_get(destination, "rx"));
		add_counters(sum, json_object_get(destination, "tx"));
	}
	return sum;
}

void session_view_totals(const json_t *session, struct session_totals *totals)
{
	const json_t *told = json_object_get(session, "totals");

	*totals = (struct session_totals){.seen = number(told, "seen"),
					  .passed = number(told, "passed"),
					  .bytes = number(told, "bytes"),
					  .dropped = number(told, "dropped")};
}

void session_view_counters(const json_t *session, void (*visit)(void *context, const char *name, uint64_t value), void *context)
{
	json_t *counters = all_counters(json_object_get(session, "actual")), *value;
	const char *name;

	json_object_foreach (counters, name, value)
		if (json_integer_value(value))
			visit(context, name, (uint64_t)json_integer_value(value));
	json_decref(counters);
}
