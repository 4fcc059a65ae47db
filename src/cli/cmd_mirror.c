/* SPDX-License-Identifier: BSD-2-Clause */
/* farspan mirror: one session in the foreground, as tcpdump runs. */
#include "cli/command.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/mirror_report.h"
#include "cli/number.h"
#include "cli/shape_options.h"
#include "cli/wait.h"

enum {
	TICK_MS = 1000,
	TICK_COUNT_MS = 20, /* with -c: how soon its end is noticed */
	NOTE_MAX = 1024,
	FILTER_MAX = 65536,
};

struct mirror_command {
	struct session session;
	const char *destinations[SESSION_DESTINATIONS_MAX]; /* as written */
	char filter[FILTER_MAX];
	enum attach_way way;
	bool json;
	bool quiet;
	bool help;
};

/* ---- command line ---- */

static void print_usage(FILE *out)
{
	fprintf(out,
		"usage: farspan mirror -i IFACE... -t TYPE:ADDRESS[,KEY=VALUE...]... [-d rx|tx|both] [-c COUNT] [OPTION...] [FILTER]\n\n"
		"Copies the frames of interfaces to collectors until interrupted. FILTER is as for tcpdump, see pcap-filter(7) and\n"
		"farspan-filter(7).\n\n"
		"  -i, --interface IFACE   the interface to mirror; a pattern, as in 'veth*', takes all that match and follows\n"
		"                          them as they come and go; eth0,netns=NAME is a container's, by name, process id or path of its\n"
		"                          network namespace; may be repeated\n"
		"  -d, --direction DIR     rx: what it receives, tx: what it sends, both (default)\n"
		"  -t, --to DESTINATION    where the copies go; may be repeated, then each gets a copy\n"
		"  -c, --count COUNT       end after that many copies to each destination\n" SHAPE_HELP
		"      --cpus LIST         make copies ready on these CPUs, as in 1,4-7, and not where the frame was\n"
		"      --hook FILE         an eBPF object whose function farspan_hook() sees, changes or refuses copies; see "
		"farspan_hook.h\n"
		"      --cost              tell at the end what it has cost, by the kernel's statistics of eBPF programs\n"
		"      --wait              wait for interfaces and routes that are not there yet\n"
		"  -q, --quiet             no line of counters while running\n"
		"      --json              counters as JSON on standard output at the end\n"
		"      --clsact            attach through clsact even where the kernel has tcx\n\n"
		"Destinations, for example erspan2:10.9.0.2,id=100 or erspan3:[fd00::2],id=7,hwid=3:\n");
	endpoint_print_help(out, ENDPOINT_DESTINATION);
}

static int parse_direction(const char *text, struct session *session, struct error *error)
{
	bool both = strcmp(text, "both") == 0;

	session->directions[DIRECTION_RX] = both || strcmp(text, "rx") == 0;
	session->directions[DIRECTION_TX] = both || strcmp(text, "tx") == 0;
	if (session->directions[DIRECTION_RX] || session->directions[DIRECTION_TX])
		return 0;
	return fail(error, EINVAL, "direction must be rx, tx or both, not '%s'", text);
}

static int parse_destination(const char *text, struct mirror_command *command, struct error *error)
{
	int rc = session_add_destination(&command->session, text, error);

	if (!rc)
		command->destinations[command->session.destination_count - 1] = text;
	return rc;
}

/* Long options without a letter. */
enum {
	OPTION_WAIT = 256,
	OPTION_CPUS,
	OPTION_COST,
	OPTION_HOOK,
	OPTION_JSON,
	OPTION_CLSACT,
};

static int parse_switch(int option, struct mirror_command *command)
{
	switch (option) {
	case OPTION_COST:
		command->session.measure = true;
		return 0;
	case OPTION_WAIT:
		command->session.wait = true;
		return 0;
	case OPTION_JSON:
		command->json = true;
		return 0;
	case OPTION_CLSACT:
		command->way = ATTACH_CLSACT;
		return 0;
	case 'q':
		command->quiet = true;
		return 0;
	case 'h':
		command->help = true;
		return 0;
	default:
		return -EINVAL;
	}
}

static int parse_option(int option, char **argv, struct mirror_command *command, struct error *error)
{
	struct session *session = &command->session;

	if (option >= SHAPE_OPTION_FIRST && option < SHAPE_OPTION_END)
		return shape_option(option, optarg, session, error);
	switch (option) {
	case 'i':
		return session_add_source(session, optarg, error);
	case 'd':
		return parse_direction(optarg, session, error);
	case 't':
		return parse_destination(optarg, command, error);
	case 'c':
		return number_parse(optarg, "mirror: count", UINT64_MAX, &session->count, error);
	case OPTION_HOOK:
		session->hook = optarg;
		return 0;
	case OPTION_CPUS:
		return cpus_parse(optarg, &session->cpus, error);
	case ':':
		return fail(error, EINVAL, "mirror: option '%s' needs a value", argv[optind - 1]);
	case '?':
		return fail(error, EINVAL, "mirror: unknown option '%s'; \"farspan mirror --help\" lists them", argv[optind - 1]);
	default:
		return parse_switch(option, command);
	}
}

/* The words behind the options are the filter, as for tcpdump. */
static int join_filter(int count, char **words, char filter[FILTER_MAX])
{
	size_t used = 0;

	for (int i = 0; i < count && used < FILTER_MAX; i++)
		used += (size_t)snprintf(filter + used, FILTER_MAX - used, "%s%s", i ? " " : "", words[i]);
	return used < FILTER_MAX ? 0 : -EINVAL;
}

static int parse_command_line(int argc, char **argv, struct mirror_command *command, struct error *error)
{
	static const struct option options[] = {{"interface", required_argument, NULL, 'i'},
						{"direction", required_argument, NULL, 'd'},
						{"to", required_argument, NULL, 't'},
						{"count", required_argument, NULL, 'c'},
						SHAPE_OPTIONS,
						{"cpus", required_argument, NULL, OPTION_CPUS},
						{"cost", no_argument, NULL, OPTION_COST},
						{"hook", required_argument, NULL, OPTION_HOOK},
						{"wait", no_argument, NULL, OPTION_WAIT},
						{"quiet", no_argument, NULL, 'q'},
						{"json", no_argument, NULL, OPTION_JSON},
						{"clsact", no_argument, NULL, OPTION_CLSACT},
						{"help", no_argument, NULL, 'h'},
						{NULL, 0, NULL, 0}};
	int option, rc = parse_direction("both", &command->session, error);

	opterr = 0;
	while (!rc && (option = getopt_long(argc, argv, ":i:d:t:c:qh", options, NULL)) >= 0)
		rc = parse_option(option, argv, command, error);
	if (rc || command->help)
		return rc;
	if (join_filter(argc - optind, argv + optind, command->filter))
		return fail(error, EINVAL, "mirror: the filter is longer than %d characters", FILTER_MAX - 1);
	command->session.shape.filter = optind < argc ? command->filter : NULL;
	return session_check(&command->session, error);
}

/* ---- running ---- */

/* With -c: whether every destination, or all together if they share the flows, has what was wanted. */
static bool count_reached(const struct mirror_command *command, struct mirror *mirror)
{
	const struct session *session = &command->session;
	struct mirror_counters counters;

	if (!session->count || mirror_report_read(mirror, session->destination_count, &counters, NULL))
		return false;
	return mirror_report_least(&counters, COUNTER_sent) >= session->count;
}

static void show_line(const struct mirror_command *command, struct mirror *mirror)
{
	struct mirror_counters counters;

	if (mirror_report_read(mirror, command->session.destination_count, &counters, NULL))
		return;
	fprintf(stderr, "\r\033[K");
	mirror_report_line(stderr, &counters);
}

static void note(char *notes, const char *text)
{
	size_t used = strlen(notes);

	if (*text)
		snprintf(notes + used, NOTE_MAX - used, "farspan: %s\n", text);
}

/* Tells which interfaces are mirrored, where to, and what is waited for, whenever that changes. */
static void show_state(const struct mirror_command *command, struct mirror *mirror, char last[NOTE_MAX])
{
	char notes[NOTE_MAX] = "farspan: mirroring ";

	snprintf(notes + strlen(notes), NOTE_MAX - strlen(notes), "%s\n", mirror_sources_text(mirror));
	note(notes, mirror_sources_wait_for(mirror));
	for (unsigned int i = 0; i < command->session.destination_count; i++) {
		const char *waits_for = mirror_destination_waits_for(mirror, i);

		note(notes, *waits_for ? waits_for : mirror_destination_text(mirror, i));
	}
	if (strcmp(notes, last) != 0)
		fputs(notes, stderr);
	memcpy(last, notes, NOTE_MAX);
}

static void run_until_stopped(const struct mirror_command *command, struct mirror *mirror, struct wait *wait)
{
	bool line = !command->quiet && !command->session.count && isatty(STDERR_FILENO);
	char last[NOTE_MAX] = "";

	show_state(command, mirror, last);
	while (!count_reached(command, mirror)) {
		unsigned int events = wait_events(wait, mirror_fd(mirror));

		if (events & WAIT_STOP)
			break;
		mirror_follow(mirror);
		show_state(command, mirror, last);
		if (line && events & WAIT_TICK)
			show_line(command, mirror);
	}
	if (line)
		fprintf(stderr, "\r\033[K");
}

static int report(const struct mirror_command *command, struct mirror *mirror, struct error *error)
{
	struct mirror_cost cost;
	const struct mirror_cost *measured = command->session.measure ? &cost : NULL;
	struct mirror_counters counters;
	int rc = mirror_report_read(mirror, command->session.destination_count, &counters, error);

	if (rc || (measured && (rc = mirror_cost(mirror, &cost, error))))
		return rc;
	mirror_report_line(stderr, &counters);
	fputc('\n', stderr);
	if (measured)
		mirror_report_cost(stderr, measured);
	if (command->json && mirror_report_json(stdout, mirror, &counters, &command->session, command->destinations, measured))
		return fail(error, ENOMEM, "mirror: no memory for the summary");
	return 0;
}

static int run(const struct mirror_command *command, struct error *error)
{
	struct mirror *mirror;
	struct wait wait;
	int rc = mirror_open(&mirror, &command->session, command->way, error);

	if (rc)
		return rc;
	rc = wait_open(&wait, command->session.count ? TICK_COUNT_MS : TICK_MS, error);
	if (!rc) {
		run_until_stopped(command, mirror, &wait);
		mirror_stop(mirror);
		rc = report(command, mirror, error);
		wait_close(&wait);
	}
	mirror_close(mirror);
	return rc;
}

int cmd_mirror(int argc, char **argv, struct error *error)
{
	static struct mirror_command command;

	if (parse_command_line(argc, argv, &command, error))
		return EXIT_USAGE;
	if (command.help) {
		print_usage(stdout);
		return EXIT_OK;
	}
	return run(&command, error) ? EXIT_FAILED : EXIT_OK;
}
