/* SPDX-License-Identifier: BSD-2-Clause */
/* farspan collect: mirrored frames out of outer packets, into a pcapng file. */
#include "cli/command.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/collect_options.h"
#include "cli/collect_report.h"
#include "cli/collect_stats.h"
#include "cli/wait.h"
#include "datapath/sandbox.h"
#include "engine/collect.h"
#include "engine/live.h"
#include "engine/outlets.h"
#include "record/capture.h"

enum {
	TICK_MS = 10,
	FLUSH_TICKS = 20,   /* a reader of the file waits no longer than that for a frame */
	FOLLOW_TICKS = 100, /* interfaces, addresses, files, and the line of counters */
};

/* The outlets of each output that has some. */
struct ways {
	struct outlets *outlets[COLLECT_OUTPUTS_MAX]; /* NULL: none */
	unsigned int count;                           /* of them, including those that are NULL */
};

static void each_outlets(const struct ways *ways, void (*call)(struct outlets *outlets))
{
	for (unsigned int i = 0; i < ways->count; i++)
		if (ways->outlets[i])
			call(ways->outlets[i]);
}

/* Nothing may be truncated before it was read. */
static int check_files(const struct collect_options *options, struct error *error)
{
	struct stat in, out;

	if (!options->read || stat(options->read, &in) || !S_ISREG(in.st_mode))
		return 0;
	for (unsigned int i = 0; i < options->output_count; i++) {
		const char *write = options->outputs[i].write;

		if (write && !stat(write, &out) && in.st_dev == out.st_dev && in.st_ino == out.st_ino)
			return fail(error, EINVAL, "%s: is both read and written", write);
	}
	return 0;
}

static volatile sig_atomic_t interrupted;

static void interrupt(int signal)
{
	interrupted = signal;
}

/* Feeds the collector until the file ends, enough is written, or writing fails. */
static int collect_file(const struct collect_options *options, struct capture *capture, struct collect *collect, struct error *error)
{
	struct capture_packet packet;
	uint64_t frames = 0;
	int rc = 1, added = 0;

	signal(SIGINT, interrupt);
	signal(SIGTERM, interrupt);
	while (!interrupted && added >= 0 && (options->count == 0 || frames < options->count)) {
		rc = capture_next(capture, &packet, error);
		if (rc <= 0 || collect_ended(collect, packet.time_ns))
			break;
		added = collect_captured(collect, &packet);
		frames += added > 0;
	}
	/* What is wrong with the output is more urgent news than a broken input. */
	if (collect_finish(collect, error))
		return -EIO;
	return rc < 0 ? rc : 0;
}

static void report_outlets(struct outlets *outlets)
{
	outlets_report(stderr, outlets);
}

static int report(const struct collect_options *options, const struct collect *collect, const struct ways *ways, struct error *error)
{
	collect_report(stderr, collect);
	each_outlets(ways, report_outlets);
	if (options->json && collect_report_json(stdout, collect, ways->outlets, ways->count))
		return fail(error, ENOMEM, "collect: no memory for the summary");
	return 0;
}

static void show_line(const struct collect *collect)
{
	struct collect_summary summary;

	collect_summarize(collect, &summary);
	fprintf(stderr, "\r\033[K%llu frames, %llu bytes, %llu lost on the way", (unsigned long long)summary.packets,
		(unsigned long long)summary.bytes, (unsigned long long)summary.lost);
}

/* What the user sees while it runs. */
struct view {
	bool line;                   /* of counters, on a terminal */
	struct collect_stats *stats; /* NULL: not wanted */
};

static int open_view(const struct collect_options *options, struct view *view, struct error *error)
{
	*view = (struct view){.line = !options->quiet && !options->stats && isatty(STDERR_FILENO)};
	if (!options->stats)
		return 0;
	view->stats = collect_stats_new(options->stats, options->json);
	return view->stats ? 0 : fail(error, ENOMEM, "out of memory");
}

/* What is due about every second. */
static int follow(struct live *live, struct collect *collect, const struct view *view, struct error *error)
{
	const char *news;
	int rc = live_follow(live, error);

	collect_tick(collect, clock_wall_ns());
	news = collect_news(collect);
	if (news)
		fprintf(stderr, "%sfarspan: %s\n", view->line ? "\r\033[K" : "", news);
	if (view->line)
		show_line(collect);
	if (view->stats)
		collect_stats_show(view->stats, collect, clock_monotonic_ns(), clock_wall_ns());
	return rc;
}

/* Drains on every tick: the kernel wakes us only for much. */
static int receive_until_stopped(struct live *live, struct collect *collect, const struct ways *ways, const struct view *view,
				 struct wait *wait, struct error *error)
{
	unsigned int ticks = 0, events = 0;
	int rc = 0;

	while (!rc && !(events & WAIT_STOP) && !live_done(live) && !collect_ended(collect, clock_wall_ns())) {
		events = wait_events(wait, live_fd(live), -1);
		live_drain(live);
		each_outlets(ways, outlets_flush);
		live_handed_on(live);
		ticks += (events & WAIT_TICK) != 0;
		rc = ticks % FLUSH_TICKS ? collect_pump(collect, error) : collect_flush(collect, error);
		if (!rc && events & WAIT_TICK && ticks % FOLLOW_TICKS == 0)
			rc = follow(live, collect, view, error);
	}
	if (view->line)
		fprintf(stderr, "\r\033[K");
	return rc;
}

/* To mark frames one by one, with what was received around them, is a privilege. */
static bool some_carry(const struct ways *ways)
{
	for (unsigned int i = 0; i < ways->count; i++)
		if (ways->outlets[i] && outlets_carried(ways->outlets[i]) >= 0)
			return true;
	return false;
}

/* Everything is open: what reads packets gives up its privileges. */
static int give_up_privileges(struct live *live, const struct collect *collect, const struct ways *ways, struct error *error)
{
	int directories[COLLECT_OUTPUTS_MAX], rc = 0;
	const char *text;

	if (some_carry(ways))
		return 0;
	if (live)
		rc = live_leave_following(live, error);
	else
		each_outlets(ways, outlets_leave);
	if (!rc)
		rc = sandbox_enter(directories, collect_directories(collect, directories), &text, error);
	if (!rc && live)
		fprintf(stderr, "farspan: reading packets with %s\n", text);
	return rc;
}

static int collect_live(const struct collect_options *options, struct collect *collect, const struct ways *ways, bool *ran,
			struct error *error)
{
	struct live_config config = {
		.sources = options->sources,
		.source_count = options->source_count,
		.count = options->count,
		.way = options->way,
		.interfaces = options->interfaces,
		.interface_count = options->interface_count,
		.outlets = ways->outlets,
		.outlet_count = ways->count,
	};
	struct live *live;
	struct wait wait;
	struct view view;
	int rc, finished;

	rc = live_open(&live, &config, collect, error);
	if (rc)
		return rc;
	rc = open_view(options, &view, error);
	if (!rc)
		rc = wait_open(&wait, TICK_MS, error);
	if (!rc)
		rc = give_up_privileges(live, collect, ways, error);
	if (!rc) {
		*ran = true;
		if (collect_listening(collect))
			fprintf(stderr, "farspan: pcap-over-IP on %s\n", collect_listening(collect));
		fprintf(stderr, "farspan: collecting on %s\n", live_text(live));
		rc = receive_until_stopped(live, collect, ways, &view, &wait, error);
		live_stop(live);
		wait_close(&wait);
	}
	collect_stats_free(view.stats);
	live_close(live);
	finished = collect_finish(collect, error);
	return rc ? rc : finished;
}

static void set_output(const struct collect_output_options *options, struct outlets *outlets, bool live, struct collect_output *output)
{
	*output = (struct collect_output){
		.recording = {.path = options->write,
			      .rotation = options->rotation,
			      .sync = options->sync,
			      .zstd = options->zstd,
			      .live = live,
			      .start_ns = live ? clock_wall_ns() : 0},
		.deliver = outlets ? outlets_deliver : NULL,
		.deliver_context = outlets,
		.inner = options->inner,
	};
}

static int run_with(const struct collect_options *options, struct capture *capture, const struct ways *ways, struct error *error)
{
	struct collect_output outputs[COLLECT_OUTPUTS_MAX];
	const struct collect_config config = {
		.sources = options->sources,
		.source_count = options->source_count,
		.outputs = outputs,
		.output_count = options->output_count,
		.source_outputs = options->source_outputs,
		.listen = options->listen,
		.time = options->time,
	};
	struct collect *collect;
	bool ran = capture != NULL;
	int rc, reported = 0;

	for (unsigned int i = 0; i < options->output_count; i++)
		set_output(&options->outputs[i], ways->outlets[i], !capture, &outputs[i]);
	rc = collect_open(&config, &collect, error);
	if (rc)
		return rc;
	if (capture)
		rc = give_up_privileges(NULL, collect, ways, error);
	if (!rc)
		rc = capture ? collect_file(options, capture, collect, error) : collect_live(options, collect, ways, &ran, error);
	each_outlets(ways, outlets_stop);
	if (ran)
		reported = report(options, collect, ways, rc ? NULL : error);
	collect_close(collect);
	return rc ? rc : reported;
}

static int run_with_outlets(const struct collect_options *options, struct capture *capture, struct error *error)
{
	struct ways ways = {.count = options->output_count};
	int rc = 0;

	for (unsigned int i = 0; i < ways.count && !rc; i++)
		if (options->outputs[i].relay.destination_count)
			rc = outlets_open(&ways.outlets[i], &options->outputs[i].relay, error);
	if (!rc)
		rc = run_with(options, capture, &ways, error);
	each_outlets(&ways, outlets_close);
	return rc;
}

static int run(const struct collect_options *options, struct error *error)
{
	struct capture *capture = NULL;
	int rc = check_files(options, error);

	if (!rc && options->read)
		rc = capture_open(options->read, &capture, error);
	if (!rc)
		rc = run_with_outlets(options, capture, error);
	capture_close(capture);
	return rc;
}

int cmd_collect(int argc, char **argv, struct error *error)
{
	static struct collect_options options;

	if (collect_options_parse(argc, argv, &options, error))
		return EXIT_USAGE;
	if (options.help) {
		collect_print_usage(stdout);
		return EXIT_OK;
	}
	signal(SIGPIPE, SIG_IGN); /* a reader that went away is a write error like others */
	signal(SIGXFSZ, SIG_IGN); /* and so is a file that may not get longer */
	return run(&options, error) ? EXIT_FAILED : EXIT_OK;
}
