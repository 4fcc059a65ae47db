/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/mirror_report.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base/plural.h"

struct counter_row {
	const char *name;
	const char *class;
};

static const struct counter_row counter_rows[] = {
#define COUNTER(name, class, help) {#name, #class},
#include "bpf/counters.def"
#undef COUNTER
};

int mirror_report_read(struct mirror *mirror, unsigned int destination_count, struct mirror_counters *counters, struct error *error)
{
	int rc = 0;

	counters->destination_count = destination_count;
	for (unsigned int i = 0; i < destination_count; i++)
		for (enum direction d = 0; d < DIRECTIONS && !rc; d++)
			rc = mirror_counters(mirror, i, d, &counters->rows[i][d], error);
	return rc;
}

static uint64_t of_destination(const struct mirror_counters *counters, unsigned int destination, enum counter row)
{
	return counters->rows[destination][DIRECTION_RX].value[row] + counters->rows[destination][DIRECTION_TX].value[row];
}

uint64_t mirror_report_total(const struct mirror_counters *counters, enum counter row)
{
	uint64_t total = 0;

	for (unsigned int i = 0; i < counters->destination_count; i++)
		total += of_destination(counters, i, row);
	return total;
}

uint64_t mirror_report_least(const struct mirror_counters *counters, enum counter row)
{
	uint64_t least = UINT64_MAX;

	for (unsigned int i = 0; i < counters->destination_count; i++)
		if (of_destination(counters, i, row) < least)
			least = of_destination(counters, i, row);
	return least;
}

/* "; hop 3, rate 2 dropped": a class only if something is in it. */
static void print_class(FILE *out, const struct mirror_counters *counters, const char *class, const char *verb)
{
	const char *separator = "; ";

	for (enum counter row = 0; row < COUNTER_COUNT; row++) {
		unsigned long long total = mirror_report_total(counters, row);

		if (strcmp(counter_rows[row].class, class) != 0 || !total)
			continue;
		fprintf(out, "%s%s %llu", separator, counter_rows[row].name, total);
		separator = ", ";
	}
	if (separator[0] == ',')
		fprintf(out, " %s", verb);
}

void mirror_report_line(FILE *out, const struct mirror_counters *counters)
{
	unsigned long long truncated = mirror_report_total(counters, COUNTER_truncated), seen = mirror_report_total(counters, COUNTER_seen);

	fprintf(out, "%llu frame%s seen, %llu sent, %llu bytes", seen, plural(seen),
		(unsigned long long)mirror_report_total(counters, COUNTER_sent),
		(unsigned long long)mirror_report_total(counters, COUNTER_sent_bytes));
	if (truncated)
		fprintf(out, ", %llu truncated", truncated);
	print_class(out, counters, "excluded", "excluded");
	print_class(out, counters, "drop", "dropped");
}

static bool is_told(const struct mirror *mirror, unsigned int destination)
{
	struct mirror_uplink uplink = mirror_destination_uplink(mirror, destination);

	for (unsigned int i = 0; i < destination; i++) {
		struct mirror_uplink other = mirror_destination_uplink(mirror, i);

		if (other.link_dropped && strcmp(other.name, uplink.name) == 0)
			return true;
	}
	return false;
}

void mirror_report_uplinks(FILE *out, const struct mirror *mirror, unsigned int destination_count)
{
	for (unsigned int i = 0; i < destination_count; i++) {
		struct mirror_uplink uplink = mirror_destination_uplink(mirror, i);

		if (uplink.link_dropped && !is_told(mirror, i))
			fprintf(out,
				"interface %s: dropped %llu frame%s that it was to send, by its own counters, which count all traffic\n",
				uplink.name, (unsigned long long)uplink.link_dropped, plural(uplink.link_dropped));
	}
}

void mirror_report_cost(FILE *out, const struct mirror_cost *cost)
{
	fprintf(out, "cost: %llu ns per frame seen, %llu ns per copy, %.1f %% of a core\n", (unsigned long long)cost->seen_ns,
		(unsigned long long)cost->copied_ns, cost->core_share * 100);
}

/* ---- JSON ---- */

static json_t *counters_json(const struct counters *c)
{
	json_t *object = json_object();

	for (enum counter row = 0; row < COUNTER_COUNT; row++)
		json_object_set_new(object, counter_rows[row].name, json_integer((json_int_t)c->value[row]));
	return object;
}

/* The sum over all destinations of one direction, or of both. */
static json_t *sum_json(const struct mirror_counters *counters, bool rx, bool tx)
{
	struct counters sum = {0};

	for (unsigned int i = 0; i < counters->destination_count; i++)
		for (enum counter row = 0; row < COUNTER_COUNT; row++)
			sum.value[row] += (rx ? counters->rows[i][DIRECTION_RX].value[row] : 0) +
					  (tx ? counters->rows[i][DIRECTION_TX].value[row] : 0);
	return counters_json(&sum);
}

static json_t *interfaces_json(const struct session *session)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < session->source_count && !session->replayed; i++)
		json_array_append_new(list, json_string(session->sources[i].pattern));
	return list;
}

static json_t *destinations_json(struct mirror *mirror, const struct mirror_counters *counters, const char *const *destinations)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < counters->destination_count; i++) {
		struct mirror_uplink uplink = mirror_destination_uplink(mirror, i);

		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:s, s:I, s:o, s:o}", "destination", destinations[i], "waits_for",
						mirror_destination_waits_for(mirror, i), "uplink", uplink.name, "link_dropped",
						(json_int_t)uplink.link_dropped, "rx", counters_json(&counters->rows[i][DIRECTION_RX]),
						"tx", counters_json(&counters->rows[i][DIRECTION_TX])));
	}
	return list;
}

static json_t *replay_json(const struct replay *replay)
{
	json_t *object = json_pack("{s:s}", "file", replay_name(replay));

	for (enum replay_counter row = 0; row < REPLAY_COUNTER_COUNT; row++)
		json_object_set_new(object, replay_counter_name(row), json_integer((json_int_t)replay_count(replay, row)));
	return object;
}

int mirror_report_json(FILE *out, struct mirror *mirror, const struct mirror_counters *counters, const struct session *session,
		       const char *const *destinations, const struct mirror_cost *cost, const struct replay *replay)
{
	json_t *object =
		json_pack("{s:o, s:s, s:o, s:o, s:o, s:o}", "interfaces", interfaces_json(session), "waits_for",
			  mirror_sources_wait_for(mirror), "destinations", destinations_json(mirror, counters, destinations), "rx",
			  sum_json(counters, true, false), "tx", sum_json(counters, false, true), "total", sum_json(counters, true, true));

	if (!object)
		return -ENOMEM;
	if (cost)
		json_object_set_new(object, "cost",
				    json_pack("{s:I, s:I, s:f}", "ns_per_frame", (json_int_t)cost->seen_ns, "ns_per_copy",
					      (json_int_t)cost->copied_ns, "core_share", cost->core_share));
	if (replay)
		json_object_set_new(object, "replay", replay_json(replay));
	json_dumpf(object, out, JSON_INDENT(2));
	fputc('\n', out);
	json_decref(object);
	return 0;
}
