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
#include "base/plural.h"
#include "cli/collect_options.h"
#include "cli/collect_report.h"
#include "cli/collect_stats.h"
#include "cli/wait.h"
#include "engine/collecting.h"
#include "record/capture.h"

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
	uint64_t frames = 0, aged_ns = 0;
	int rc = 1, added = 0;

	signal(SIGINT, interrupt);
	signal(SIGTERM, interrupt);
	while (!interrupted && added >= 0 && (options->count == 0 || frames < options->count)) {
		rc = capture_next(capture, &packet, error);
		if (rc <= 0 || collect_ended(collect, packet.time_ns))
			break;
		if (packet.time_ns - aged_ns >= NS_PER_S) {
			aged_ns = packet.time_ns;
			collect_age(collect, aged_ns);
		}
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

static int report(const struct collect_options *options, const struct collecting *work, struct error *error)
{
	collect_report(stderr, work->collect);
	collecting_each_outlets(work, report_outlets);
	if (options->json && collect_report_json(stdout, work->collect, work->outlets, work->outlet_count))
		return fail(error, ENOMEM, "collect: no memory for the summary");
	return 0;
}

static void show_line(const struct collect *collect)
{
	struct collect_summary summary;

	collect_summarize(collect, &summary);
	fprintf(stderr, "\r\033[K%llu frame%s, %llu bytes, %llu lost on the way", (unsigned long long)summary.packets,
		plural(summary.packets), (unsigned long long)summary.bytes, (unsigned long long)summary.loss.lost);
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

/* About every second. */
static void tell(struct collecting *work, const struct view *view)
{
	const char *news = collecting_news(work);

	if (news)
		fprintf(stderr, "%sfarspan: %s\n", view->line ? "\r\033[K" : "", news);
	if (view->line)
		show_line(work->collect);
	if (view->stats)
		collect_stats_show(view->stats, work->collect, clock_monotonic_ns(), clock_wall_ns());
}

static int receive_until_stopped(struct collecting *work, const struct view *view, struct wait *wait, struct error *error)
{
	unsigned int events = 0;
	int rc = 0;

	while (!rc && !(events & WAIT_STOP) && !collecting_is_done(work)) {
		bool second;

		events = wait_events(wait, live_fd(work->live), -1);
		rc = collecting_serve(work, &second, error);
		if (second)
			tell(work, view);
	}
	if (view->line)
		fprintf(stderr, "\r\033[K");
	return rc;
}

static int collect_confined(struct collecting *work, const struct view *view, struct wait *wait, struct error *error)
{
	const char *text;
	int rc = collecting_confine(work, &text, error);

	if (rc)
		return rc;
	fprintf(stderr, "farspan: reading packets with %s\n", text);
	if (collect_listening(work->collect))
		fprintf(stderr, "farspan: pcap-over-IP on %s\n", collect_listening(work->collect));
	fprintf(stderr, "farspan: collecting on %s\n", live_text(work->live));
	rc = receive_until_stopped(work, view, wait, error);
	live_stop(work->live);
	return rc;
}

/* Everything is open. What waits takes one of the descriptors that are free then: they may be few. */
static int collect_opened(struct collecting *work, const struct view *view, bool *ran, struct error *error)
{
	struct wait wait;
	int rc = collecting_leave(work, error);

	if (!rc)
		rc = wait_open(&wait, COLLECTING_TICK_MS, error);
	if (rc)
		return rc;
	*ran = true;
	rc = collect_confined(work, view, &wait, error);
	wait_close(&wait);
	return rc;
}

static int collect_live(const struct collect_options *options, struct collecting *work, bool *ran, struct error *error)
{
	struct live_config config = {
		.sources = options->sources,
		.source_count = options->source_count,
		.count = options->count,
		.way = options->way,
		.adapter_times = options->adapter_times,
		.interfaces = options->interfaces,
		.interface_count = options->interface_count,
		.outlets = work->outlets,
		.outlet_count = work->outlet_count,
	};
	struct view view;
	int rc, finished;

	rc = live_open(&work->live, &config, work->collect, error);
	if (rc)
		return rc;
	rc = open_view(options, &view, error);
	if (!rc)
		rc = collect_opened(work, &view, ran, error);
	collect_stats_free(view.stats);
	live_close(work->live);
	finished = collect_finish(work->collect, error);
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

static int run_with(const struct collect_options *options, struct capture *capture, struct collecting *work, struct error *error)
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
	bool ran = capture != NULL;
	const char *text;
	int rc, reported = 0;

	for (unsigned int i = 0; i < options->output_count; i++)
		set_output(&options->outputs[i], work->outlets[i], !capture, &outputs[i]);
	rc = collect_open(&config, &work->collect, error);
	if (rc)
		return rc;
	if (capture && !(rc = collecting_leave(work, error)))
		rc = collecting_confine(work, &text, error);
	if (!rc)
		rc = capture ? collect_file(options, capture, work->collect, error) : collect_live(options, work, &ran, error);
	collecting_each_outlets(work, outlets_stop);
	if (ran)
		reported = report(options, work, rc ? NULL : error);
	collect_close(work->collect);
	return rc ? rc : reported;
}

static int run_with_outlets(const struct collect_options *options, struct capture *capture, struct error *error)
{
	struct collecting work = {.outlet_count = options->output_count};
	int rc = 0;

	for (unsigned int i = 0; i < work.outlet_count && !rc; i++)
		if (options->outputs[i].relay.destination_count)
			rc = outlets_open(&work.outlets[i], &options->outputs[i].relay, error);
	if (!rc)
		rc = run_with(options, capture, &work, error);
	collecting_each_outlets(&work, outlets_close);
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
