/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/collect_report.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>

#include "base/plural.h"

enum {
	REFUSED_SHOWN = 5
};

/* The row of "ok" is in the table of reasons, and no reason. */
static bool is_shown(enum collect_counter counter, enum collect_class class)
{
	return counter != COLLECT_REASONS + (enum collect_counter)FARSPAN_OK && collect_counter_class(counter) == class;
}

static void report_class(FILE *out, const struct collect_summary *summary, enum collect_class class, const char *title)
{
	const char *separator = "";

	for (enum collect_counter counter = 0; counter < COLLECT_COUNTER_COUNT; counter++) {
		if (!is_shown(counter, class) || !summary->counters[counter])
			continue;
		if (!*separator)
			fprintf(out, "  %s: ", title);
		fprintf(out, "%s%s %" PRIu64, separator, collect_counter_name(counter), summary->counters[counter]);
		separator = ", ";
	}
	if (*separator)
		fputc('\n', out);
}

static void report_sequence(FILE *out, const struct sequence *sequence)
{
	if (sequence->received)
		fprintf(out, ", %" PRIu64 " lost in %" PRIu64 " gaps, %" PRIu64 " late, %" PRIu64 " duplicate, %" PRIu64 " restarted",
			sequence->loss.lost, sequence->loss.gaps, sequence->loss.late, sequence->loss.duplicate, sequence->loss.restarted);
}

/* Counters that several sessions share. */
static void report_groups(FILE *out, const struct collect *collect, unsigned int count)
{
	char sender[ADDRESS_TEXT_MAX];

	for (unsigned int i = 0; i < count; i++) {
		const struct collect_counter_group *group = collect_counter_group_at(collect, i);

		if (!sequence_group_is_shared(&group->numbers))
			continue;
		fprintf(out, "  %s numbers %u sessions with one counter", address_text(&group->sender, sender), group->numbers.sessions);
		report_sequence(out, &group->numbers.all);
		fputc('\n', out);
	}
}

static void report_time(FILE *out, const struct source_time *time)
{
	const char *separator = "";

	fputs("    time: ", out);
	for (enum source_quality quality = SOURCE_QUALITY_COUNT; quality-- > 0;)
		if (time->counts[quality]) {
			fprintf(out, "%s%s %" PRIu64, separator, source_quality_name(quality), time->counts[quality]);
			separator = ", ";
		}
	if (time->delays)
		fprintf(out, "; delay %.6f to %.6f s, mean %.6f s", (double)time->delay_min_ns / 1e9, (double)time->delay_max_ns / 1e9,
			time->delay_mean_ns / 1e9);
	fprintf(out, "; jitter %.6f s\n", (double)time->jitter_ns / 1e9);
}

static void report_times(FILE *out, const struct collect_summary *summary)
{
	const struct collector_times *times = &summary->times;

	if (!summary->asked_adapter)
		return;
	fprintf(out, "  received at the time of network cards: %" PRIu64 ", of this host: %" PRIu64, times->adapter,
		times->host + times->out_of_step);
	if (times->out_of_step)
		fprintf(out, ", of them %" PRIu64 " as the clock of the card is off by %.6f s", times->out_of_step,
			(double)times->off_ns / 1e9);
	fputc('\n', out);
}

/* The senders whose packets no source took: those with most. */
static void report_refusals(FILE *out, const struct collect_refusals *refusals)
{
	uint64_t below = UINT64_MAX;

	for (unsigned int shown = 0; shown < REFUSED_SHOWN; shown++) {
		const struct collect_refused *most = NULL;
		char sender[ADDRESS_TEXT_MAX];

		for (unsigned int i = 0; i < COLLECT_REFUSED_MAX; i++) {
			const struct collect_refused *row = &refusals->rows[i];

			if (row->packets && row->packets < below && (!most || row->packets > most->packets))
				most = row;
		}
		if (!most)
			break;
		below = most->packets;
		fprintf(out, "  refused from %s: %" PRIu64 ", %s\n", address_text(&most->sender, sender), most->packets,
			collect_counter_name(most->counter));
	}
}

static void report_clients(FILE *out, const struct collect *collect)
{
	struct listener_counts counts;

	if (!collect_listening(collect))
		return;
	collect_count_clients(collect, &counts);
	fprintf(out, "  pcap-over-ip %s: %" PRIu64 " client%s, %" PRIu64 " refused, %" PRIu64 " frame%s, %" PRIu64 " lost\n",
		collect_listening(collect), counts.clients, plural(counts.clients), counts.refused, counts.sent, plural(counts.sent),
		counts.dropped);
}

static void report_session(FILE *out, const struct collect *collect, const struct collect_session *session)
{
	fprintf(out, "  %s: %" PRIu64 " frame%s, %" PRIu64 " bytes", session->name, session->packets, plural(session->packets),
		session->bytes);
	if (session->truncated)
		fprintf(out, ", %" PRIu64 " truncated", session->truncated);
	if (session->cleaned)
		fprintf(out, ", %" PRIu64 " cleaned", session->cleaned);
	if (collect_session_shares(collect, session))
		fputs(", numbered with others", out);
	else
		report_sequence(out, &session->sequence);
	fputc('\n', out);
	if (session->kind == FARSPAN_ERSPAN3)
		report_time(out, &session->time);
}

void collect_report(FILE *out, const struct collect *collect)
{
	struct collect_summary summary;

	collect_summarize(collect, &summary);
	fprintf(out, "%" PRIu64 " packet%s received, %" PRIu64 " frame%s written, %" PRIu64 " bytes, %u session%s\n",
		summary.counters[COLLECT_received], plural(summary.counters[COLLECT_received]), summary.counters[COLLECT_written],
		plural(summary.counters[COLLECT_written]), summary.bytes, summary.sessions, plural(summary.sessions));
	report_times(out, &summary);
	report_class(out, &summary, COLLECT_CLASS_merged, "merged");
	report_class(out, &summary, COLLECT_CLASS_refused, "refused");
	report_refusals(out, collect_refusals(collect));
	report_class(out, &summary, COLLECT_CLASS_dropped, "dropped");
	for (unsigned int i = 0; i < summary.places; i++)
		if (collect_session_at(collect, i))
			report_session(out, collect, collect_session_at(collect, i));
	if (summary.ended.sessions)
		fprintf(out,
			"  ended, being silent when there was no room for others: %" PRIu64 " session%s, %" PRIu64 " frame%s, %" PRIu64
			" bytes\n",
			summary.ended.sessions, plural(summary.ended.sessions), summary.ended.packets, plural(summary.ended.packets),
			summary.ended.bytes);
	report_groups(out, collect, summary.counter_groups);
	report_clients(out, collect);
}

/* ---- JSON ---- */

static void set_number(json_t *object, const char *name, uint64_t value)
{
	json_object_set_new(object, name, json_integer((json_int_t)value));
}

static json_t *class_json(const struct collect_summary *summary, enum collect_class class)
{
	json_t *object = json_object();

	for (enum collect_counter counter = 0; counter < COLLECT_COUNTER_COUNT; counter++)
		if (is_shown(counter, class))
			set_number(object, collect_counter_name(counter), summary->counters[counter]);
	return object;
}

static void set_loss(json_t *object, const struct sequence_loss *loss)
{
	set_number(object, "gaps", loss->gaps);
	set_number(object, "lost", loss->lost);
	set_number(object, "late", loss->late);
	set_number(object, "duplicate", loss->duplicate);
	set_number(object, "restarted", loss->restarted);
}

static json_t *time_json(const struct source_time *time)
{
	json_t *object = json_object();

	for (enum source_quality quality = 0; quality < SOURCE_QUALITY_COUNT; quality++)
		set_number(object, source_quality_name(quality), time->counts[quality]);
	set_number(object, "steps", time->steps);
	json_object_set_new(object, "drift_ppb", json_integer(time->drift_ppb));
	json_object_set_new(object, "jitter_ns", json_integer(time->jitter_ns));
	if (!time->delays)
		return object;
	json_object_set_new(object, "delay_min_ns", json_integer(time->delay_min_ns));
	json_object_set_new(object, "delay_mean_ns", json_integer((json_int_t)time->delay_mean_ns));
	json_object_set_new(object, "delay_max_ns", json_integer(time->delay_max_ns));
	return object;
}

static json_t *times_json(const struct collector_times *times)
{
	json_t *object = json_object();

	set_number(object, "adapter", times->adapter);
	set_number(object, "host", times->host);
	set_number(object, "out_of_step", times->out_of_step);
	json_object_set_new(object, "off_ns", json_integer(times->off_ns));
	return object;
}

static json_t *ended_json(const struct collect_ended *ended)
{
	json_t *object = json_object();

	set_number(object, "sessions", ended->sessions);
	set_number(object, "packets", ended->packets);
	set_number(object, "bytes", ended->bytes);
	set_number(object, "truncated", ended->truncated);
	set_number(object, "cleaned", ended->cleaned);
	return object;
}

static json_t *session_json(const struct collect *collect, const struct collect_session *session)
{
	const struct sequence *sequence = &session->sequence;
	char address[ADDRESS_TEXT_MAX];
	json_t *object = json_object();

	json_object_set_new(object, "name", json_string(session->name));
	json_object_set_new(object, "kind", json_string(farspan_kind_name(session->kind)));
	json_object_set_new(object, "sender", json_string(address_text(&session->sender, address)));
	json_object_set_new(object, "destination", json_string(address_text(&session->destination, address)));
	if (session->has_id)
		set_number(object, "id", session->id);
	if (session->kind == FARSPAN_ERSPAN3)
		set_number(object, "hwid", session->hwid);
	if (session->kind == FARSPAN_ERSPAN3)
		json_object_set_new(object, "time", time_json(&session->time));
	set_number(object, "packets", session->packets);
	set_number(object, "bytes", session->bytes);
	set_number(object, "truncated", session->truncated);
	set_number(object, "cleaned", session->cleaned);
	if (collect_session_shares(collect, session))
		json_object_set_new(object, "counter", json_string("shared"));
	else if (sequence->received)
		set_loss(object, &sequence->loss);
	return object;
}

static json_t *groups_json(const struct collect *collect, unsigned int count)
{
	char address[ADDRESS_TEXT_MAX];
	json_t *list = json_array();

	for (unsigned int i = 0; i < count; i++) {
		const struct collect_counter_group *group = collect_counter_group_at(collect, i);
		const struct sequence *all = &group->numbers.all;
		json_t *object;

		if (!sequence_group_is_shared(&group->numbers))
			continue;
		object = json_object();
		json_object_set_new(object, "sender", json_string(address_text(&group->sender, address)));
		json_object_set_new(object, "destination", json_string(address_text(&group->destination, address)));
		set_number(object, "sessions", group->numbers.sessions);
		set_loss(object, &all->loss);
		json_array_append_new(list, object);
	}
	return list;
}

static json_t *summary_json(const struct collect *collect)
{
	json_t *object = json_object(), *sessions = json_array();
	struct collect_summary summary;

	collect_summarize(collect, &summary);
	set_number(object, "received", summary.counters[COLLECT_received]);
	set_number(object, "written", summary.counters[COLLECT_written]);
	set_number(object, "unrecorded", summary.counters[COLLECT_unrecorded]);
	set_number(object, "reassembled", summary.counters[COLLECT_reassembled]);
	set_number(object, "marker", summary.counters[COLLECT_marker]);
	set_number(object, "packets", summary.packets);
	set_number(object, "bytes", summary.bytes);
	set_number(object, "truncated", summary.truncated);
	set_number(object, "cleaned", summary.cleaned);
	set_loss(object, &summary.loss);
	if (summary.asked_adapter)
		json_object_set_new(object, "receive_times", times_json(&summary.times));
	json_object_set_new(object, "refused", class_json(&summary, COLLECT_CLASS_refused));
	json_object_set_new(object, "dropped", class_json(&summary, COLLECT_CLASS_dropped));
	for (unsigned int i = 0; i < summary.places; i++)
		if (collect_session_at(collect, i))
			json_array_append_new(sessions, session_json(collect, collect_session_at(collect, i)));
	json_object_set_new(object, "ended", ended_json(&summary.ended));
	json_object_set_new(object, "sessions", sessions);
	json_object_set_new(object, "shared_counters", groups_json(collect, summary.counter_groups));
	return object;
}

static void add_outlet(void *context, const char *name, const struct outlet_counts *counts)
{
	json_t *object = json_object();

	json_object_set_new(object, "destination", json_string(name));
	set_number(object, "sent", counts->sent);
	set_number(object, "lost", counts->lost);
	set_number(object, "refused", counts->refused);
	set_number(object, "elsewhere", counts->elsewhere);
	json_array_append_new(context, object);
}

static void add_clients(json_t *list, const struct collect *collect)
{
	struct listener_counts counts;
	json_t *object;

	if (!collect_listening(collect))
		return;
	collect_count_clients(collect, &counts);
	object = json_object();
	json_object_set_new(object, "destination", json_sprintf("pcap-over-ip %s", collect_listening(collect)));
	set_number(object, "clients", counts.clients);
	set_number(object, "refused", counts.refused);
	set_number(object, "offered", counts.offered);
	set_number(object, "sent", counts.sent);
	set_number(object, "lost", counts.dropped);
	json_array_append_new(list, object);
}

static json_t *refusals_json(const struct collect_refusals *refusals)
{
	json_t *list = json_array();
	char sender[ADDRESS_TEXT_MAX];

	for (unsigned int i = 0; i < COLLECT_REFUSED_MAX; i++) {
		const struct collect_refused *row = &refusals->rows[i];
		json_t *object;

		if (!row->packets)
			continue;
		object = json_object();
		json_object_set_new(object, "sender", json_string(address_text(&row->sender, sender)));
		set_number(object, "packets", row->packets);
		json_object_set_new(object, "reason", json_string(collect_counter_name(row->counter)));
		json_array_append_new(list, object);
	}
	return list;
}

static json_t *recordings_json(const struct collect *collect)
{
	struct recording_counts counts;
	json_t *list = json_array();
	const char *path;

	for (unsigned int i = 0; collect_recording_at(collect, i, &path, &counts); i++) {
		json_t *object = json_object();

		json_object_set_new(object, "file", json_string(path));
		set_number(object, "written", counts.written);
		set_number(object, "lost", counts.write_error + counts.pipe_full);
		json_array_append_new(list, object);
	}
	return list;
}

int collect_report_json(FILE *out, const struct collect *collect, struct outlets *const *outlets, unsigned int count)
{
	json_t *object = summary_json(collect), *list = json_array();
	int rc;

	json_object_set_new(object, "recordings", recordings_json(collect));
	json_object_set_new(object, "refused_senders", refusals_json(collect_refusals(collect)));
	set_number(object, "refused_of_others", collect_refusals(collect)->others);
	for (unsigned int i = 0; i < count; i++)
		if (outlets[i])
			outlets_each(outlets[i], add_outlet, list);
	add_clients(list, collect);
	json_object_set_new(object, "destinations", list);
	rc = object ? json_dumpf(object, out, JSON_INDENT(2)) : -1;

	fputc('\n', out);
	json_decref(object);
	return rc ? -ENOMEM : 0;
}
