/* SPDX-License-Identifier: BSD-2-Clause */
/* farspan collect: mirrored frames out of outer packets, into a pcapng file. */
#include "cli/command.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/collect_report.h"
#include "cli/shape_options.h"
#include "cli/wait.h"
#include "engine/collect.h"
#include "engine/live.h"
#include "engine/outlets.h"
#include "record/capture.h"

enum {
	SOURCES_MAX = 64,
	TICK_MS = 10,
	FLUSH_TICKS = 20,   /* a reader of the pipe waits no longer than that for a frame */
	FOLLOW_TICKS = 100, /* interfaces, addresses, and the line of counters */
};

struct collect_command {
	const char *read;      /* capture file of outer packets; NULL: live */
	const char *write;     /* "-": standard output; NULL: nothing is recorded */
	struct session relay;  /* destinations, and how copies to tunnels are shaped */
	uint64_t count;        /* frames; 0: all */
	const char *interface; /* NULL: all */
	enum attach_way way;
	bool json;
	bool quiet;
	bool help;
	unsigned int source_count;
	struct endpoint sources[SOURCES_MAX];
};

/* ---- running ---- */

/* Nothing may be truncated before it was read. */
static int check_files(const struct collect_command *command, struct error *error)
{
	struct stat in, out;

	if (!command->read || !command->write || stat(command->read, &in) || stat(command->write, &out))
		return 0;
	if (!S_ISREG(in.st_mode) || in.st_dev != out.st_dev || in.st_ino != out.st_ino)
		return 0;
	return fail(error, EINVAL, "%s: is both read and written", command->write);
}

static int open_output(const struct collect_command *command, int *fd, struct error *error)
{
	*fd = -1;
	if (!command->write)
		return 0;
	if (strcmp(command->write, "-") == 0) {
		*fd = STDOUT_FILENO;
		return 0;
	}
	*fd = open(command->write, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0600);
	if (*fd < 0)
		return fail(error, errno, "%s: cannot open for writing: %s", command->write, strerror(errno));
	return 0;
}

static int close_output(const struct collect_command *command, int fd, int rc, struct error *error)
{
	if (fd < 0 || fd == STDOUT_FILENO || close(fd) == 0 || rc)
		return rc;
	return fail(error, errno, "%s: cannot write: %s", command->write, strerror(errno));
}

/* Feeds the collector until the file ends, enough is written, or writing fails. */
static int collect_file(const struct collect_command *command, struct capture *capture, struct collect *collect, struct error *error)
{
	struct capture_packet packet;
	uint64_t frames = 0;
	int rc = 1, added = 0;

	while (added >= 0 && (command->count == 0 || frames < command->count)) {
		rc = capture_next(capture, &packet, error);
		if (rc <= 0)
			break;
		added = collect_captured(collect, &packet);
		frames += added > 0;
	}
	/* What is wrong with the output is more urgent news than a broken input. */
	if (collect_finish(collect, error))
		return -EIO;
	return rc < 0 ? rc : 0;
}

static int report(const struct collect_command *command, const struct collect *collect, struct outlets *outlets, struct error *error)
{
	collect_report(stderr, collect);
	if (outlets)
		outlets_report(stderr, outlets);
	if (command->json && collect_report_json(stdout, collect, outlets))
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

/* Drains on every tick: the kernel wakes us only for much. */
static int receive_until_stopped(const struct collect_command *command, struct live *live, struct collect *collect, struct outlets *outlets,
				 struct wait *wait, struct error *error)
{
	bool line = !command->quiet && isatty(STDERR_FILENO);
	unsigned int ticks = 0, events = 0;
	int rc = 0;

	while (!rc && !(events & WAIT_STOP) && !live_done(live)) {
		events = wait_events(wait, live_fd(live));
		rc = live_drain(live);
		if (outlets)
			outlets_flush(outlets);
		ticks += (events & WAIT_TICK) != 0;
		if (!rc && ticks % FLUSH_TICKS == 0)
			rc = collect_flush(collect, error);
		if (!(events & WAIT_TICK) || ticks % FOLLOW_TICKS)
			continue;
		live_follow(live);
		if (outlets)
			outlets_follow(outlets);
		if (line)
			show_line(collect);
	}
	if (line)
		fprintf(stderr, "\r\033[K");
	return rc;
}

static int collect_live(const struct collect_command *command, struct collect *collect, struct outlets *outlets, struct error *error)
{
	struct live_config config = {
		.sources = command->sources,
		.source_count = command->source_count,
		.count = command->count,
		.way = command->way,
	};
	struct live *live;
	struct wait wait;
	int rc, finished;

	snprintf(config.interface, sizeof config.interface, "%s", command->interface ? command->interface : "");
	rc = live_open(&live, &config, collect, error);
	if (rc)
		return rc;
	rc = wait_open(&wait, TICK_MS, error);
	if (!rc) {
		fprintf(stderr, "farspan: collecting on %s\n", live_text(live));
		rc = receive_until_stopped(command, live, collect, outlets, &wait, error);
		live_stop(live);
		wait_close(&wait);
	}
	live_close(live);
	finished = collect_finish(collect, error);
	return rc ? rc : finished;
}

static int run_with(const struct collect_command *command, struct capture *capture, int fd, struct outlets *outlets, struct error *error)
{
	const struct collect_config config = {
		.sources = command->sources,
		.source_count = command->source_count,
		.fd = fd,
		.output_name = fd == STDOUT_FILENO ? "standard output" : command->write,
		.deliver = outlets ? outlets_deliver : NULL,
		.deliver_context = outlets,
	};
	struct collect *collect;
	int rc = collect_open(&config, &collect, error), reported;

	if (rc)
		return rc;
	rc = capture ? collect_file(command, capture, collect, error) : collect_live(command, collect, outlets, error);
	if (outlets)
		outlets_stop(outlets);
	reported = rc && !capture && error->code ? 0 : report(command, collect, outlets, rc ? NULL : error);
	collect_close(collect);
	return rc ? rc : reported;
}

static int run_with_outlets(const struct collect_command *command, struct capture *capture, int fd, struct error *error)
{
	struct outlets *outlets = NULL;
	int rc = 0;

	if (command->relay.destination_count)
		rc = outlets_open(&outlets, &command->relay, error);
	if (!rc)
		rc = run_with(command, capture, fd, outlets, error);
	outlets_close(outlets);
	return rc;
}

static int run(const struct collect_command *command, struct error *error)
{
	struct capture *capture = NULL;
	int fd, rc = check_files(command, error);

	if (!rc && command->read)
		rc = capture_open(command->read, &capture, error);
	if (rc)
		return rc;
	rc = open_output(command, &fd, error);
	if (!rc) {
		rc = run_with_outlets(command, capture, fd, error);
		rc = close_output(command, fd, rc, error);
	}
	capture_close(capture);
	return rc;
}

/* ---- command line ---- */

static void print_usage(FILE *out)
{
	fprintf(out,
		"usage: farspan collect -w FILE [-f SOURCE...] [-i IFACE | -r FILE] [-c COUNT] [-q] [--json] [--clsact]\n\n"
		"Takes the mirrored frames out of what senders send to this host, until interrupted, and writes them to a pcapng file.\n\n"
		"  -w, --write FILE      pcapng to write; - is the standard output\n"
		"  -f, --from SOURCE     what to take, may be repeated; without it every type from anyone, but those that tunnel\n"
		"                        devices of this host take\n"
		"  -i, --interface IFACE listen on this interface only\n"
		"  -r, --read FILE       from a pcap or pcapng of outer packets instead; - is the standard input\n"
		"  -c, --count COUNT     end after that many frames\n"
		"  -q, --quiet           no line of counters while running\n"
		"      --json            the summary as JSON on the standard output\n"
		"      --clsact          attach through clsact even where the kernel has tcx\n\n"
		"Sources, for example erspan:10.9.0.2,id=100,remote=10.1.0.0/16 or vxlan:any,vni=5:\n");
	endpoint_print_help(out, ENDPOINT_SOURCE);
}

static int parse_count(const char *text, uint64_t *count, struct error *error)
{
	char *end;

	errno = 0;
	*count = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || !*count)
		return fail(error, EINVAL, "collect: count must be a number from 1 on, not '%s'", text);
	return 0;
}

static int parse_source(const char *text, struct collect_command *command, struct error *error)
{
	if (command->source_count == SOURCES_MAX)
		return fail(error, EINVAL, "collect: at most %d sources can be given", SOURCES_MAX);
	return endpoint_parse(text, ENDPOINT_SOURCE, &command->sources[command->source_count++], error);
}

static int parse_file(const char **file, const char *what, struct error *error)
{
	if (*file)
		return fail(error, EINVAL, "collect: only one file to %s can be given", what);
	*file = optarg;
	return 0;
}

static int parse_interface(struct collect_command *command, struct error *error)
{
	if (command->interface)
		return fail(error, EINVAL, "collect: only one interface can be given");
	if (!*optarg || strlen(optarg) >= IFNAMSIZ)
		return fail(error, EINVAL, "collect: interface '%s': a name has 1 to %d characters", optarg, IFNAMSIZ - 1);
	command->interface = optarg;
	return 0;
}

static int parse_option(int option, char **argv, struct collect_command *command, struct error *error)
{
	if (option >= SHAPE_OPTION_FIRST && option < SHAPE_OPTION_END)
		return shape_option(option, optarg, &command->relay, error);
	switch (option) {
	case 'r':
		return parse_file(&command->read, "read", error);
	case 'w':
		return parse_file(&command->write, "write", error);
	case 'f':
		return parse_source(optarg, command, error);
	case 'c':
		return parse_count(optarg, &command->count, error);
	case 't':
		return session_add_destination(&command->relay, optarg, error);
	case 'i':
		return parse_interface(command, error);
	case 'J':
		command->json = true;
		return 0;
	case 'C':
		command->way = ATTACH_CLSACT;
		return 0;
	case 'q':
		command->quiet = true;
		return 0;
	case 'h':
		command->help = true;
		return 0;
	case ':':
		return fail(error, EINVAL, "collect: option '%s' needs a value", argv[optind - 1]);
	default:
		return fail(error, EINVAL, "collect: unknown option '%s'; \"farspan collect --help\" lists them", argv[optind - 1]);
	}
}

static int parse_command_line(int argc, char **argv, struct collect_command *command, struct error *error)
{
	static const struct option options[] = {{"read", required_argument, NULL, 'r'},
						{"write", required_argument, NULL, 'w'},
						{"from", required_argument, NULL, 'f'},
						{"count", required_argument, NULL, 'c'},
						{"interface", required_argument, NULL, 'i'},
						{"to", required_argument, NULL, 't'},
						SHAPE_OPTIONS,
						{"quiet", no_argument, NULL, 'q'},
						{"clsact", no_argument, NULL, 'C'},
						{"json", no_argument, NULL, 'J'},
						{"help", no_argument, NULL, 'h'},
						{NULL, 0, NULL, 0}};
	int option, rc = 0;

	while (!rc && (option = getopt_long(argc, argv, ":r:w:f:t:i:c:qh", options, NULL)) >= 0)
		rc = parse_option(option, argv, command, error);
	if (rc || command->help)
		return rc;
	if (optind < argc)
		return fail(error, EINVAL, "collect: '%s' is one word too many", argv[optind]);
	if (command->read && command->interface)
		return fail(error, EINVAL, "collect: frames come from a file (-r) or an interface (-i), not both");
	if (!command->write && !command->relay.destination_count)
		return fail(error, EINVAL, "collect: neither a file to write (-w) nor a destination (-t) given");
	if (command->json && command->write && strcmp(command->write, "-") == 0)
		return fail(error, EINVAL, "collect: --json and -w - both want the standard output");
	return 0;
}

int cmd_collect(int argc, char **argv, struct error *error)
{
	static struct collect_command command;

	if (parse_command_line(argc, argv, &command, error))
		return EXIT_USAGE;
	if (command.help) {
		print_usage(stdout);
		return EXIT_OK;
	}
	signal(SIGPIPE, SIG_IGN); /* a reader that went away is a write error like others */
	return run(&command, error) ? EXIT_FAILED : EXIT_OK;
}
