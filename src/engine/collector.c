/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/collector.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "engine/collecting.h"
#include "model/session_json.h"

enum {
	EARLIER_MAX = 9999,
};

/* What the process tells, in one piece each. */
struct message {
	struct error problem; /* of the process, which ends; code 0: it collects */
	char news[256];
	struct collector_report report;
};

_Static_assert(sizeof(struct message) <= WORKER_REPORT_MAX, "a report");

struct collector {
	const struct session *session;
	uint64_t number;
	struct worker worker;
	uint64_t retry_ns;
	struct error problem;
	struct collector_report last; /* with what earlier processes of the session counted */
	char news[256], told[256];    /* what the process said, and what of it collector_news() did */
};

/* ---- the process ---- */

struct work {
	const struct session *session;
	const struct collector_report *earlier;
	struct collecting parts;
	struct message message; /* the last one */
	bool done;
};

static void report_live(struct live *live, struct collector_report *report)
{
	struct collector_load load;

	live_load(live, &load);
	report->ring_bytes = load.ring_bytes;
	report->ring_size = load.ring_size;
	report->delay_ns = load.delay_ns;
	snprintf(report->text, sizeof report->text, "%s", live_text(live));
}

/* What a pipe takes whole is not as long as paths can be. */
static void cut_text(char *to, size_t size, const char *text)
{
	snprintf(to, size, "%s", text ? text : "");
}

static void add(struct collector_report *sum, const struct collector_report *more)
{
	const size_t numbers = offsetof(struct collector_report, sessions) / sizeof(uint64_t);

	for (size_t i = 0; i < numbers; i++)
		((uint64_t *)sum)[i] += ((const uint64_t *)more)[i];
}

static void report_collect(struct work *work, struct message *message)
{
	struct collector_report *report = &message->report;
	struct collect_summary s;

	cut_text(message->news, sizeof message->news, collecting_news(&work->parts));
	cut_text(report->trouble, sizeof report->trouble, collecting_trouble(&work->parts));
	collect_summarize(work->parts.collect, &s);
	memcpy(report->counters, s.counters, sizeof s.counters);
	report->buffered = s.buffered;
	report->pending = s.pending;
	report->packets = s.packets;
	report->bytes = s.bytes;
	report->loss = s.loss;
	report->ended = s.ended.sessions;
	report->adapter_times = s.times.adapter;
	report->off_times = s.times.out_of_step;
	report->sessions = s.sessions;
}

static void report(struct work *work, const struct error *problem)
{
	struct message message = {0};

	if (problem)
		message.problem = *problem;
	if (work->parts.collect)
		report_collect(work, &message);
	message.report.done = work->done;
	if (work->parts.live)
		report_live(work->parts.live, &message.report);
	add(&message.report, work->earlier);
	/* Should nobody read, the next report says it all again. */
	worker_report(&message, sizeof message);
	work->message = message;
}

/* A recording that an earlier process made, and that has a fixed name, is out of the way under another: FILE.1, FILE.2 ... */
static int keep_earlier(const struct session_recording *recording, struct error *error)
{
	char path[RECORDING_PATH_MAX + 16];
	struct stat status;

	if (!recording->path[0] || recording->rotation.size || recording->rotation.seconds || stat(recording->path, &status) ||
	    !S_ISREG(status.st_mode) || !status.st_size)
		return 0;
	for (unsigned int i = 1; i <= EARLIER_MAX; i++) {
		snprintf(path, sizeof path, "%s.%u", recording->path, i);
		if (renameat2(AT_FDCWD, recording->path, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
			return 0;
		if (errno != EEXIST)
			return fail(error, errno, "%s: cannot be renamed to %s: %s", recording->path, path, strerror(errno));
	}
	return fail(error, EEXIST, "%s: there are %d earlier recordings of that name already", recording->path, EARLIER_MAX);
}

static int open_collect(struct work *work, struct error *error)
{
	const struct session *s = work->session;
	const struct collect_output output = {
		.recording = {.path = s->recording.path[0] ? s->recording.path : NULL,
			      .rotation = s->recording.rotation,
			      .sync = s->recording.sync,
			      .zstd = s->recording.zstd,
			      .live = true,
			      .start_ns = clock_wall_ns()},
		.deliver = work->parts.outlets[0] ? outlets_deliver : NULL,
		.deliver_context = work->parts.outlets[0],
		.inner = s->inner,
	};
	const struct collect_config config = {
		.sources = s->tunnels,
		.source_count = s->tunnel_count,
		.outputs = &output,
		.output_count = 1,
		.listen = s->recording.listen[0] ? s->recording.listen : NULL,
	};
	int rc;

	rc = keep_earlier(&s->recording, error);
	return rc ? rc : collect_open(&config, &work->parts.collect, error);
}

static int open_work(struct work *work, struct error *error)
{
	const struct session *s = work->session;
	const char *interface = s->listen_on;
	const struct live_config config = {
		.sources = s->tunnels,
		.source_count = s->tunnel_count,
		.interfaces = &interface,
		.interface_count = *interface != '\0',
		.count = s->count,
		.adapter_times = s->adapter_times,
		.outlets = work->parts.outlets,
		.outlet_count = work->parts.outlet_count,
	};
	int rc = s->destination_count ? outlets_open(&work->parts.outlets[0], s, error) : 0;
	const char *text;

	if (rc || (rc = open_collect(work, error)) || (rc = live_open(&work->parts.live, &config, work->parts.collect, error)) ||
	    (rc = collecting_leave(&work->parts, error)))
		return rc;
	return collecting_confine(&work->parts, &text, error);
}

static void receive(struct work *work, struct error *error)
{
	int rc = 0;

	while (!rc && !worker_is_stopped() && !collecting_is_done(&work->parts)) {
		struct pollfd ready = {.fd = live_fd(work->parts.live), .events = POLLIN};
		bool second;

		poll(&ready, 1, COLLECTING_TICK_MS);
		rc = collecting_serve(&work->parts, &second, error);
		if (worker_is_asked() || second)
			report(work, NULL);
	}
	work->done = !rc && collecting_is_done(&work->parts);
}

static void finish(struct work *work, struct error *error)
{
	struct collecting *parts = &work->parts;

	if (parts->live)
		live_stop(parts->live);
	if (parts->collect)
		collect_finish(parts->collect, error->code ? NULL : error);
	collecting_each_outlets(parts, outlets_stop);
	report(work, error->code ? error : NULL);
	live_close(parts->live);
	collecting_each_outlets(parts, outlets_close);
	if (parts->collect)
		collect_close(parts->collect);
}

/* Who is done stays, to tell of it. */
static void tell_of_the_end(struct work *work)
{
	*work->message.news = '\0';
	while (!worker_is_stopped()) {
		worker_wait();
		if (worker_is_asked())
			worker_report(&work->message, sizeof work->message);
	}
}

static int run(const void *collector)
{
	const struct collector *c = collector;
	struct work work = {.session = c->session, .earlier = &c->last, .parts = {.outlet_count = 1}};
	struct error error = {0};

	if (!open_work(&work, &error))
		receive(&work, &error);
	finish(&work, &error);
	if (work.done && !error.code)
		tell_of_the_end(&work);
	return error.code ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* ---- the daemon's side ---- */

/* Of the program that reads the reports: what differs in any of it is another layout. */
static uint64_t layout_number(void)
{
#define AT(member) offsetof(struct message, member)
	static const size_t layout[] = {
		sizeof(struct message), AT(problem.text),          AT(news),
		AT(report.buffered),    AT(report.pending),        AT(report.packets),
		AT(report.bytes),       AT(report.loss.lost),      AT(report.loss.gaps),
		AT(report.loss.late),   AT(report.loss.duplicate), AT(report.loss.restarted),
		AT(report.ended),       AT(report.adapter_times),  AT(report.off_times),
		AT(report.sessions),    AT(report.ring_bytes),     AT(report.ring_size),
		AT(report.delay_ns),    AT(report.text),           AT(report.trouble),
		AT(report.done),
	};
#undef AT
	uint64_t hash = hash64(HASH64_START, layout, sizeof layout);

	for (enum collect_counter i = 0; i < COLLECT_COUNTER_COUNT; i++)
		hash = hash64(hash, collect_counter_name(i), strlen(collect_counter_name(i)));
	return hash;
}

uint64_t collector_number(const struct session *session)
{
	static const char *const words[] = {"description", "enabled", "on_crash"}; /* what is said about it */
	json_t *json = session_to_json(session);
	uint64_t hash = hash64(layout_number(), &session->continues, sizeof session->continues);
	char *text;

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		json_object_del(json, words[i]);
	text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
	hash = hash64(hash, text ? text : "", text ? strlen(text) : 0);
	free(text);
	json_decref(json);
	return hash;
}

static int start(struct collector *c, struct workers_left *left, struct error *error)
{
	const struct worker_job job = {
		.name = "farspan-collect", .number = c->number, .goes_on = c->session->continues, .run = run, .what = c};
	int rc = worker_start(&c->worker, &job, left);

	return rc ? fail(error, -rc, "collector: %s", strerror(-rc)) : 0;
}

static void take_reports(struct collector *c)
{
	struct message message;

	while (worker_read(&c->worker, &message, sizeof message)) {
		c->last = message.report;
		c->problem = message.problem;
		if (*message.news)
			memcpy(c->news, message.news, sizeof c->news);
	}
}

int collector_open(struct collector **opened, const struct session *session, struct workers_left *left, struct error *error)
{
	struct collector *c = calloc(1, sizeof *c);
	int rc;

	if (!c)
		return fail(error, ENOMEM, "out of memory");
	c->session = session;
	c->number = collector_number(session);
	rc = start(c, left, error);
	if (rc) {
		free(c);
		return rc;
	}
	take_reports(c);
	*opened = c;
	return 0;
}

static void bury(struct collector *c, int status)
{
	take_reports(c);
	worker_close(&c->worker);
	if (c->last.done)
		return;
	c->retry_ns = clock_monotonic_ns() + NS_PER_S;
	if (WIFSIGNALED(status))
		fail(&c->problem, ECHILD, "its process was ended by signal %d", WTERMSIG(status));
	else if (!c->problem.code)
		fail(&c->problem, ECHILD, "it has ended");
}

int collector_follow(struct collector *c, struct error *error)
{
	int status;

	if (!c->worker.pid) {
		if (clock_monotonic_ns() >= c->retry_ns && !c->last.done && start(c, NULL, &c->problem))
			c->retry_ns = clock_monotonic_ns() + NS_PER_S;
		return 0;
	}
	take_reports(c);
	if (!worker_has_ended(&c->worker, &status))
		return 0;
	bury(c, status);
	if (c->last.done && !c->problem.code)
		return 0;
	if (error)
		*error = c->problem;
	return 1;
}

const char *collector_news(struct collector *c)
{
	if (!*c->news)
		return NULL;
	memcpy(c->told, c->news, sizeof c->told);
	*c->news = '\0';
	return c->told;
}

void collector_close(struct collector *c)
{
	if (!c)
		return;
	worker_stop(&c->worker);
	free(c);
}

void collector_dismiss(const struct collector *c)
{
	if (c)
		worker_dismiss(&c->worker);
}

bool collector_keeps(struct collector *c, const struct session *session)
{
	if (!session_equal(c->session, session) && c->number != collector_number(session))
		return false;
	c->session = session;
	return true;
}

void collector_read(const struct collector *c, struct collector_report *report)
{
	*report = c->last;
}

uint64_t collector_cpu_ns(const struct collector *c)
{
	struct timespec spent;
	clockid_t clock;

	if (!c->worker.pid || clock_getcpuclockid(c->worker.pid, &clock) || clock_gettime(clock, &spent))
		return 0;
	return (uint64_t)spent.tv_sec * NS_PER_S + (uint64_t)spent.tv_nsec;
}

const struct error *collector_problem(const struct collector *c)
{
	return &c->problem;
}
