/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/collect_stats.h"

#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/plural.h"

#define NS_PER_S  1000000000ull
#define NS_PER_MS 1000000ull

enum {
	LINE_MAX_BYTES = 2048, /* a pipe that takes anything takes as much */
	SILENT_SHOWN_S = 60,
};

/* What a session was at, when it was last shown. */
struct shown {
	uint64_t serial; /* of the session; another one may be in its place now */
	uint64_t packets, bytes, truncated, lost, late;
};

struct collect_stats {
	uint64_t interval_ns;
	bool json;
	uint64_t shown_ns; /* monotonic; 0: not yet */
	struct collect_summary summary;
	struct shown *sessions;
	unsigned int session_count;
};

struct collect_stats *collect_stats_new(unsigned int seconds, bool json)
{
	struct collect_stats *stats = calloc(1, sizeof *stats);

	if (stats) {
		stats->interval_ns = seconds * NS_PER_S;
		stats->json = json;
	}
	return stats;
}

void collect_stats_free(struct collect_stats *stats)
{
	if (!stats)
		return;
	free(stats->sessions);
	free(stats);
}

/* A whole line or nothing of it. */
static void put_line(const struct collect_stats *stats, const char *line, size_t len)
{
	struct pollfd out = {.fd = stats->json ? STDOUT_FILENO : STDERR_FILENO, .events = POLLOUT};

	if (len <= LINE_MAX_BYTES && poll(&out, 1, 0) == 1 && out.revents & POLLOUT)
		(void)!write(out.fd, line, len);
}

static void put_json(const struct collect_stats *stats, json_t *object)
{
	char line[LINE_MAX_BYTES];
	size_t len = json_dumpb(object, line, sizeof line - 1, JSON_COMPACT);

	json_decref(object);
	if (!len || len >= sizeof line)
		return;
	line[len++] = '\n';
	put_line(stats, line, len);
}

/* ---- one session ---- */

/* Since it was shown last. */
struct change {
	uint64_t packets, bytes, truncated;
	int64_t lost; /* less than 0: what was thought to be lost came late */
	uint64_t frames_per_s, bits_per_s;
	uint64_t silent_ms;
	bool shares; /* its numbers say nothing of its own loss */
};

static struct change change_of(const struct collect *collect, const struct collect_session *session, const struct shown *before,
			       uint64_t passed_ns, uint64_t wall_ns)
{
	const double seconds = (double)passed_ns / (double)NS_PER_S;
	struct change change = {
		.packets = session->packets - before->packets,
		.bytes = session->bytes - before->bytes,
		.truncated = session->truncated - before->truncated,
		.lost = (int64_t)(session->sequence.loss.lost - before->lost),
		.silent_ms = wall_ns > session->last_ns ? (wall_ns - session->last_ns) / NS_PER_MS : 0,
		.shares = collect_session_shares(collect, session),
	};

	change.frames_per_s = (uint64_t)((double)change.packets / seconds + 0.5);
	change.bits_per_s = (uint64_t)((double)change.bytes * 8 / seconds + 0.5);
	return change;
}

static const char *direction_text(const struct collect_session *session)
{
	if (session->rx && session->tx)
		return "both";
	return session->rx ? "rx" : session->tx ? "tx" : "-";
}

static void session_line(const struct collect_stats *stats, const struct collect_session *session, const struct change *change)
{
	char line[LINE_MAX_BYTES], lost[48] = "-";
	int len;

	if (!change->packets && change->silent_ms > SILENT_SHOWN_S * 1000)
		return;
	if (session->sequence.received && !change->shares)
		snprintf(lost, sizeof lost, "%" PRId64, change->lost);
	len = snprintf(line, sizeof line,
		       "  %s: %s, %" PRIu64 " frames/s, %" PRIu64 " bit/s, lost %s, truncated %" PRIu64 ", seen %" PRIu64 ".%" PRIu64
		       " s ago\n",
		       session->name, direction_text(session), change->frames_per_s, change->bits_per_s, lost, change->truncated,
		       change->silent_ms / 1000, change->silent_ms % 1000 / 100);
	put_line(stats, line, (size_t)len);
}

static void set_number(json_t *object, const char *name, uint64_t value)
{
	json_object_set_new(object, name, json_integer((json_int_t)value));
}

static void session_json(const struct collect_stats *stats, const struct collect_session *session, const struct change *change)
{
	json_t *object = json_object();
	char address[ADDRESS_TEXT_MAX];

	json_object_set_new(object, "session", json_string(session->name));
	json_object_set_new(object, "sender", json_string(address_text(&session->sender, address)));
	json_object_set_new(object, "destination", json_string(address_text(&session->destination, address)));
	json_object_set_new(object, "direction", json_string(direction_text(session)));
	set_number(object, "packets", change->packets);
	set_number(object, "bytes", change->bytes);
	set_number(object, "frames_per_s", change->frames_per_s);
	set_number(object, "bits_per_s", change->bits_per_s);
	if (session->sequence.received && !change->shares)
		json_object_set_new(object, "lost", json_integer(change->lost));
	set_number(object, "truncated", change->truncated);
	set_number(object, "silent_ms", change->silent_ms);
	put_json(stats, object);
}

static bool make_room(struct collect_stats *stats, unsigned int sessions)
{
	struct shown *more;

	if (sessions <= stats->session_count)
		return true;
	more = realloc(stats->sessions, sessions * sizeof *more);
	if (!more)
		return false;
	memset(more + stats->session_count, 0, (sessions - stats->session_count) * sizeof *more);
	stats->sessions = more;
	stats->session_count = sessions;
	return true;
}

static void show_sessions(struct collect_stats *stats, const struct collect *collect, unsigned int count, uint64_t passed_ns,
			  uint64_t wall_ns)
{
	for (unsigned int i = 0; i < count; i++) {
		const struct collect_session *session = collect_session_at(collect, i);
		struct change change;

		if (!session)
			continue;
		if (stats->sessions[i].serial != session->serial)
			stats->sessions[i] = (struct shown){0};
		change = change_of(collect, session, &stats->sessions[i], passed_ns, wall_ns);
		if (stats->json)
			session_json(stats, session, &change);
		else
			session_line(stats, session, &change);
		stats->sessions[i] = (struct shown){.serial = session->serial,
						    .packets = session->packets,
						    .bytes = session->bytes,
						    .truncated = session->truncated,
						    .lost = session->sequence.loss.lost};
	}
}

/* ---- all ---- */

static uint64_t count_since(const struct collect_stats *stats, const struct collect_summary *summary, enum collect_counter counter)
{
	return summary->counters[counter] - stats->summary.counters[counter];
}

/* What was counted, by name. */
static json_t *class_json(const struct collect_stats *stats, const struct collect_summary *summary, enum collect_class class)
{
	json_t *object = json_object();

	for (enum collect_counter counter = 0; counter < COLLECT_COUNTER_COUNT; counter++)
		if (collect_counter_class(counter) == class && count_since(stats, summary, counter))
			set_number(object, collect_counter_name(counter), count_since(stats, summary, counter));
	return object;
}

static void total_json(const struct collect_stats *stats, const struct collect_summary *summary, uint64_t passed_ns, uint64_t wall_ns)
{
	json_t *object = json_object();

	set_number(object, "time_ms", wall_ns / NS_PER_MS);
	set_number(object, "interval_ms", passed_ns / NS_PER_MS);
	set_number(object, "received", count_since(stats, summary, COLLECT_received));
	set_number(object, "packets", summary->packets - stats->summary.packets);
	set_number(object, "bytes", summary->bytes - stats->summary.bytes);
	json_object_set_new(object, "lost", json_integer((json_int_t)(summary->loss.lost - stats->summary.loss.lost)));
	set_number(object, "truncated", summary->truncated - stats->summary.truncated);
	set_number(object, "sessions", summary->sessions);
	set_number(object, "ended", summary->ended.sessions - stats->summary.ended.sessions);
	json_object_set_new(object, "refused", class_json(stats, summary, COLLECT_CLASS_refused));
	json_object_set_new(object, "dropped", class_json(stats, summary, COLLECT_CLASS_dropped));
	put_json(stats, object);
}

static void total_line(const struct collect_stats *stats, const struct collect_summary *summary, uint64_t passed_ns, uint64_t wall_ns)
{
	const time_t seconds = (time_t)(wall_ns / NS_PER_S);
	const uint64_t tenths = passed_ns / (NS_PER_S / 10), received = count_since(stats, summary, COLLECT_received);
	const uint64_t frames = summary->packets - stats->summary.packets;
	char line[LINE_MAX_BYTES], clock[32] = "";
	struct tm tm;
	size_t len;

	if (localtime_r(&seconds, &tm))
		strftime(clock, sizeof clock, "%H:%M:%S", &tm);
	len = (size_t)snprintf(
		line, sizeof line, "%s: %" PRIu64 " packet%s in %" PRIu64 ".%" PRIu64 " s, %" PRIu64 " frame%s of %u session%s", clock,
		received, plural(received), tenths / 10, tenths % 10, frames, plural(frames), summary->sessions, plural(summary->sessions));
	if (summary->ended.sessions > stats->summary.ended.sessions)
		len += (size_t)snprintf(line + len, sizeof line - len, ", %" PRIu64 " ended",
					summary->ended.sessions - stats->summary.ended.sessions);
	for (enum collect_counter counter = 0; counter < COLLECT_COUNTER_COUNT; counter++) {
		const enum collect_class class = collect_counter_class(counter);

		if ((class == COLLECT_CLASS_refused || class == COLLECT_CLASS_dropped) && count_since(stats, summary, counter) &&
		    len < sizeof line - 128)
			len += (size_t)snprintf(line + len, sizeof line - len, ", %s %" PRIu64, collect_counter_name(counter),
						count_since(stats, summary, counter));
	}
	line[len++] = '\n';
	put_line(stats, line, len);
}

void collect_stats_show(struct collect_stats *stats, const struct collect *collect, uint64_t monotonic_ns, uint64_t wall_ns)
{
	const uint64_t passed_ns = monotonic_ns - stats->shown_ns;
	struct collect_summary summary;

	if (!stats->shown_ns)
		stats->shown_ns = monotonic_ns;
	else if (passed_ns >= stats->interval_ns) {
		collect_summarize(collect, &summary);
		if (!make_room(stats, summary.places))
			return;
		if (stats->json)
			total_json(stats, &summary, passed_ns, wall_ns);
		else
			total_line(stats, &summary, passed_ns, wall_ns);
		show_sessions(stats, collect, summary.places, passed_ns, wall_ns);
		stats->summary = summary;
		stats->shown_ns = monotonic_ns;
	}
}
