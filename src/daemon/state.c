/* SPDX-License-Identifier: BSD-2-Clause */
#include "daemon/state.h"

#include <farspan.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "model/session_json.h"

static const struct counter_row {
	const char *name, *class, *help;
} counter_rows[] = {
#define COUNTER(name, class, help) {#name, #class, help},
#include "bpf/counters.def"
#undef COUNTER
};

static const char *const direction_names[] = {[DIRECTION_RX] = "rx", [DIRECTION_TX] = "tx"};

/* What is told of a collector besides its packets. */
static const struct sum_row {
	const char *name, *type, *metric, *help;
	bool in_ns; /* the metric, as Prometheus advises, is in seconds */
	size_t offset;
} collector_sums[] = {
#define SUM(member, name, type, metric, in_ns, help)                                                            \
	{                                                                                                       \
		name, type, "farspan_collector_" metric, help, in_ns, offsetof(struct collector_report, member) \
	}
	SUM(buffered, "buffered", "gauge", "buffered_packets", false, "Packets not yet written."),
	SUM(pending, "pending", "gauge", "pending_fragments", false, "Fragments that wait for others."),
	SUM(packets, "packets", "counter", "frames_total", false, "Frames accepted."),
	SUM(bytes, "bytes", "counter", "bytes_total", false, "Bytes of the frames accepted."),
	SUM(loss.lost, "lost", "gauge", "lost_frames", false, "Frames that the numbers of the senders say are missing."),
	SUM(loss.gaps, "gaps", "counter", "gaps_total", false, "Gaps in the numbers of the senders."),
	SUM(loss.late, "late", "counter", "late_frames_total", false, "Frames that came after later ones."),
	SUM(loss.duplicate, "duplicate", "counter", "duplicate_frames_total", false, "Frames whose number had come before."),
	SUM(loss.restarted, "restarted", "counter", "restarts_total", false, "Times that a sender began to count anew."),
	SUM(ended, "ended", "counter", "sessions_ended_total", false, "Sessions of senders that were silent and made room for others."),
	SUM(adapter_times, "adapter_times", "counter", "adapter_times_total", false, "Packets with the time of the network card."),
	SUM(off_times, "off_times", "counter", "off_times_total", false, "Packets without, as the clock of the card was off."),
	SUM(ring_bytes, "ring_bytes", "gauge", "ring_used_bytes", false, "What waited in the ring buffer, the most of the last second."),
	SUM(ring_size, "ring_size", "gauge", "ring_size_bytes", false, "The size of the ring buffer."),
	SUM(delay_ns, "delay_ns", "gauge", "delay_seconds", true, "How long a packet waited to be read, the most of the last second."),
#undef SUM
};

enum {
	COLLECTOR_SUMS = sizeof collector_sums / sizeof collector_sums[0]
};

static uint64_t sum_of(const struct collector_report *report, unsigned int row)
{
	uint64_t value;

	memcpy(&value, (const char *)report + collector_sums[row].offset, sizeof value);
	return value;
}

/* ---- totals ---- */

static void add_counters(struct state_totals *totals, const struct counters *counters)
{
	totals->seen += counters->value[COUNTER_seen];
	totals->passed += counters->value[COUNTER_sent];
	totals->bytes += counters->value[COUNTER_sent_bytes];
	totals->dropped += counters->value[COUNTER_attempted] - counters->value[COUNTER_sent];
}

static struct state_totals totals_of(const struct collector_report *report)
{
	return (struct state_totals){.seen = report->counters[COLLECT_received],
				     .passed = report->packets,
				     .bytes = report->bytes,
				     .dropped = report->loss.lost};
}

static struct state_totals mirror_totals(const struct mirror_session *mirror)
{
	struct state_totals totals = {0};

	for (unsigned int i = 0; i < mirror_session_wanted(mirror)->destination_count; i++)
		for (enum direction d = 0; d < DIRECTIONS; d++) {
			struct counters counters = {0};

			mirror_session_counters(mirror, i, d, &counters, NULL);
			add_counters(&totals, &counters);
		}
	return totals;
}

static struct state_totals collector_totals(const struct collector *collector)
{
	struct collector_report report;

	collector_read(collector, &report);
	return totals_of(&report);
}

struct state_totals state_totals(const struct runner_session *session)
{
	return session->mirror      ? mirror_totals(session->mirror)
	       : session->collector ? collector_totals(session->collector)
				    : (struct state_totals){0};
}

/* ---- JSON ---- */

static json_t *totals_json(const struct state_totals *totals)
{
	return json_pack("{s:I, s:I, s:I, s:I}", "seen", (json_int_t)totals->seen, "passed", (json_int_t)totals->passed, "bytes",
			 (json_int_t)totals->bytes, "dropped", (json_int_t)totals->dropped);
}

static json_t *counters_json(const struct counters *c)
{
	json_t *object = json_object();

	for (enum counter row = 0; row < COUNTER_COUNT; row++)
		json_object_set_new(object, counter_rows[row].name, json_integer((json_int_t)c->value[row]));
	return object;
}

/* Counters go into the totals as they are read, so that both say the same of one moment. */
static json_t *destination_json(const struct mirror_session *mirror, unsigned int index, struct state_totals *totals)
{
	const struct error *waits_for = mirror_session_destination_waits_for(mirror, index);
	struct mirror_uplink uplink = mirror_session_uplink(mirror, index);
	json_t *object =
		json_pack("{s:s, s:s, s:s, s:I}", "path", mirror_session_destination_text(mirror, index), "waits_for",
			  waits_for->code ? waits_for->text : "", "uplink", uplink.name, "link_dropped", (json_int_t)uplink.link_dropped);

	for (enum direction d = 0; d < DIRECTIONS; d++) {
		struct counters counters = {0};

		mirror_session_counters(mirror, index, d, &counters, NULL);
		add_counters(totals, &counters);
		json_object_set_new(object, direction_names[d], counters_json(&counters));
	}
	return object;
}

static json_t *mirror_json(const struct mirror_session *mirror, struct state_totals *totals)
{
	json_t *destinations = json_array();

	for (unsigned int i = 0; i < mirror_session_wanted(mirror)->destination_count; i++)
		json_array_append_new(destinations, destination_json(mirror, i, totals));
	return json_pack("{s:s, s:o}", "sources", mirror_session_sources_text(mirror), "destinations", destinations);
}

static json_t *collector_json(const struct collector *collector, struct state_totals *totals)
{
	struct collector_report report;
	json_t *counters = json_object(), *object;

	collector_read(collector, &report);
	*totals = totals_of(&report);
	for (enum collect_counter i = 0; i < COLLECT_COUNTER_COUNT; i++)
		json_object_set_new(counters, collect_counter_name(i), json_integer((json_int_t)report.counters[i]));
	object = json_pack("{s:s, s:i, s:o}", "sources", report.text, "senders", (int)report.sessions, "counters", counters);
	for (unsigned int row = 0; row < COLLECTOR_SUMS; row++)
		json_object_set_new(object, collector_sums[row].name, json_integer((json_int_t)sum_of(&report, row)));
	return object;
}

static json_t *device_json(const struct session *session, const struct tunnel_state *state)
{
	return json_pack("{s:s, s:b, s:i}", "device", session->device, "there", (int)state->there, "mtu", (int)state->mtu);
}

json_t *state_session(const struct runner *runner, const struct session *session)
{
	struct state_totals totals = {0};
	struct runner_session found;
	json_t *actual;

	runner_look(runner, session, &found);
	actual = found.mirror      ? mirror_json(found.mirror, &totals)
		 : found.collector ? collector_json(found.collector, &totals)
		 : found.is_device ? device_json(session, &found.device)
				   : json_null();
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o}", "name", session->name, "kind", session_kind_name(session), "state",
			 mirror_state_name(found.state), "why", found.why.code ? found.why.text : "", "file", session->file, "wanted",
			 session_to_json(session), "actual", actual, "totals", totals_json(&totals));
}

json_t *state_sessions(const struct runner *runner)
{
	const struct session_list *list = runner_wanted(runner);
	json_t *sessions = json_array();

	for (size_t i = 0; i < list->count; i++)
		json_array_append_new(sessions, state_session(runner, list->sessions[i]));
	return json_pack("{s:o}", "sessions", sessions);
}

/* Of a collector, what it received stands for what a mirror saw, and what it took for the copies. */
static struct mirror_spent find_spent(const struct runner_session *found)
{
	struct collector_report report;

	if (found->mirror)
		return mirror_session_spent(found->mirror);
	if (!found->collector)
		return (struct mirror_spent){0};
	collector_read(found->collector, &report);
	return (struct mirror_spent){
		.cpu_ns = collector_cpu_ns(found->collector), .seen = report.counters[COLLECT_received], .copies = report.packets};
}

json_t *state_cost(struct runner *runner)
{
	const struct session_list *list = runner_wanted(runner);
	json_t *sessions = json_array();

	runner_account(runner);
	for (size_t i = 0; i < list->count; i++) {
		struct runner_session found;
		struct mirror_spent spent;

		runner_look(runner, list->sessions[i], &found);
		spent = find_spent(&found);
		json_array_append_new(sessions, json_pack("{s:s, s:s, s:I, s:I, s:I}", "name", list->sessions[i]->name, "kind",
							  session_kind_name(list->sessions[i]), "cpu_ns", (json_int_t)spent.cpu_ns, "seen",
							  (json_int_t)spent.seen, "copies", (json_int_t)spent.copies));
	}
	return json_pack("{s:I, s:o}", "time_ns", (json_int_t)clock_monotonic_ns(), "sessions", sessions);
}

/* ---- metrics ---- */

static void print_family(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void print_states(FILE *out, const struct runner *runner)
{
	const struct session_list *list = runner_wanted(runner);

	print_family(out, "farspan_session_state", "gauge", "1 for the state that a session is in.");
	for (size_t i = 0; i < list->count; i++) {
		struct runner_session found;

		runner_look(runner, list->sessions[i], &found);
		for (enum mirror_state state = 0; state <= MIRROR_ACTIVE; state++)
			fprintf(out, "farspan_session_state{session=\"%s\",state=\"%s\"} %d\n", list->sessions[i]->name,
				mirror_state_name(state), state == found.state);
	}
}

static void print_mirror(FILE *out, const struct mirror_session *mirror, enum counter row)
{
	const struct session *session = mirror_session_wanted(mirror);

	for (unsigned int i = 0; i < session->destination_count; i++) {
		for (enum direction d = 0; d < DIRECTIONS; d++) {
			struct counters counters = {0};

			mirror_session_counters(mirror, i, d, &counters, NULL);
			fprintf(out, "farspan_mirror_%s_total{session=\"%s\",destination=\"%u\",direction=\"%s\"} %llu\n",
				counter_rows[row].name, session->name, i, direction_names[d], (unsigned long long)counters.value[row]);
		}
	}
}

static void print_mirrors(FILE *out, const struct runner *runner)
{
	const struct session_list *list = runner_wanted(runner);

	for (enum counter row = 0; row < COUNTER_COUNT; row++) {
		char name[64];

		snprintf(name, sizeof name, "farspan_mirror_%s_total", counter_rows[row].name);
		print_family(out, name, "counter", counter_rows[row].help);
		for (size_t i = 0; i < list->count; i++) {
			struct runner_session found;

			runner_look(runner, list->sessions[i], &found);
			if (found.mirror)
				print_mirror(out, found.mirror, row);
		}
	}
}

static void print_uplinks(FILE *out, const struct runner *runner)
{
	const struct session_list *list = runner_wanted(runner);

	print_family(out, "farspan_mirror_link_dropped_total", "counter",
		     "Frames of everybody that the destination's uplink was to send and dropped, by its own counters.");
	for (size_t i = 0; i < list->count; i++) {
		struct runner_session found;

		runner_look(runner, list->sessions[i], &found);
		for (unsigned int d = 0; found.mirror && d < mirror_session_wanted(found.mirror)->destination_count; d++) {
			fprintf(out, "farspan_mirror_link_dropped_total{session=\"%s\",destination=\"%u\"} %llu\n", list->sessions[i]->name,
				d, (unsigned long long)mirror_session_uplink(found.mirror, d).link_dropped);
		}
	}
}

static void print_collector(FILE *out, const char *session, const struct collector_report *report)
{
	for (enum collect_counter i = 0; i < COLLECT_COUNTER_COUNT; i++)
		fprintf(out, "farspan_collector_packets_total{session=\"%s\",counter=\"%s\"} %llu\n", session, collect_counter_name(i),
			(unsigned long long)report->counters[i]);
}

static void print_sum(FILE *out, const char *session, const struct collector_report *report, unsigned int row)
{
	const char *metric = collector_sums[row].metric;
	uint64_t value = sum_of(report, row);

	if (collector_sums[row].in_ns)
		fprintf(out, "%s{session=\"%s\"} %.9f\n", metric, session, (double)value / (double)NS_PER_S);
	else
		fprintf(out, "%s{session=\"%s\"} %llu\n", metric, session, (unsigned long long)value);
}

/* Of each collector its packets, if row is COLLECTOR_SUMS, or that sum. */
static void print_each_collector(FILE *out, const struct runner *runner, unsigned int row)
{
	const struct session_list *list = runner_wanted(runner);

	for (size_t i = 0; i < list->count; i++) {
		struct runner_session found;
		struct collector_report report;

		runner_look(runner, list->sessions[i], &found);
		if (!found.collector)
			continue;
		collector_read(found.collector, &report);
		if (row < COLLECTOR_SUMS)
			print_sum(out, list->sessions[i]->name, &report, row);
		else
			print_collector(out, list->sessions[i]->name, &report);
	}
}

static void print_collectors(FILE *out, const struct runner *runner)
{
	print_family(out, "farspan_collector_packets_total", "counter", "Packets received, by what became of them.");
	print_each_collector(out, runner, COLLECTOR_SUMS);
	for (unsigned int row = 0; row < COLLECTOR_SUMS; row++) {
		print_family(out, collector_sums[row].metric, collector_sums[row].type, collector_sums[row].help);
		print_each_collector(out, runner, row);
	}
}

static void print_costs(FILE *out, struct runner *runner)
{
	const struct session_list *list = runner_wanted(runner);

	runner_account(runner);
	print_family(out, "farspan_session_cpu_seconds_total", "counter",
		     "CPU time of a session: of mirrors while the kernel measures eBPF programs, of collectors always.");
	for (size_t i = 0; i < list->count; i++) {
		struct runner_session found;

		runner_look(runner, list->sessions[i], &found);
		fprintf(out, "farspan_session_cpu_seconds_total{session=\"%s\"} %.9f\n", list->sessions[i]->name,
			(double)find_spent(&found).cpu_ns / (double)NS_PER_S);
	}
}

char *state_metrics(struct runner *runner)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	print_family(out, "farspan_build_info", "gauge", "The version that runs.");
	fprintf(out, "farspan_build_info{version=\"%s\"} 1\n", farspan_version());
	print_states(out, runner);
	print_costs(out, runner);
	print_mirrors(out, runner);
	print_uplinks(out, runner);
	print_collectors(out, runner);
	fclose(out);
	return text;
}
