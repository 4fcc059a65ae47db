/* SPDX-License-Identifier: BSD-2-Clause */
/* farspan mirror: one session in the foreground, as tcpdump runs. */
#include "cli/command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/mirror_report.h"
#include "cli/number.h"
#include "cli/replay_options.h"
#include "cli/shape_options.h"
#include "cli/wait.h"
#include "doctor/here.h"

enum {
	TICK_MS = 1000,
	TICK_COUNT_MS = 20, /* with -c: how soon its end is noticed */
	NOTE_MAX = 4096,
	FILTER_MAX = 65536,
};

struct mirror_command {
	struct session session;
	struct replay_config replay;
	const char *destinations[SESSION_DESTINATIONS_MAX]; /* as written */
	char filter[FILTER_MAX];
	enum attach_way way;
	bool json;
	bool quiet;
	bool verbose;
	bool help;
};

/* ---- command line ---- */

static void print_usage(FILE *out)
{
	fprintf(out,
		"usage: farspan mirror -i IFACE...|-r FILE -t TYPE:ADDRESS[,KEY=VALUE...]... [-d rx|tx|both] [-c COUNT] [OPTION...] "
		"[FILTER]\n\n"
		"Copies the frames of interfaces to collectors until interrupted. FILTER is as for tcpdump, see pcap-filter(7) and\n"
		"farspan-filter(7).\n\n"
		"  -i, --interface IFACE   the interface to mirror; a pattern, as in 'veth*', takes all that match and follows\n"
		"                          them as they come and go; eth0,netns=NAME is a container's, by name, process id or path of its\n"
		"                          network namespace; may be repeated\n"
		"  -d, --direction DIR     rx: what it receives, tx: what it sends, both (default)\n" REPLAY_HELP
		"  -t, --to DESTINATION    where the copies go; may be repeated, then each gets a copy\n"
		"  -c, --count COUNT       end after that many copies to each destination\n" SHAPE_HELP
		"      --cpus LIST         make copies ready on these CPUs, as in 1,4-7, and not where the frame was\n"
		"      --hook FILE         an eBPF object whose function farspan_hook() sees, changes or refuses copies; see "
		"farspan_hook.h\n"
		"      --cost              tell at the end what it has cost, by the kernel's statistics of eBPF programs\n"
		"      --wait              wait for interfaces and routes that are not there yet\n"
		"  -q, --quiet             no line of counters while running\n"
		"  -v, --verbose           tell which ways the copies take, and why\n"
		"      --json              counters as JSON on standard output at the end\n"
		"      --clsact            attach through clsact even where the kernel has tcx\n"
		"  -h, --help              this text\n\n"
		"Destinations, for example erspan2:10.9.0.2,id=100 or erspan3:[fd00::2],id=7,hwid=3:\n");
	endpoint_print_help(out, ENDPOINT_DESTINATION);
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
	case 'v':
		command->verbose = true;
		return 0;
	case 'h':
		command->help = true;
		return 0;
	default:
		return -EINVAL;
	}
}

static int parse_option(int option, const char *value, void *context, struct error *error)
{
	struct mirror_command *command = context;
	struct session *session = &command->session;

	if (option >= SHAPE_OPTION_FIRST && option < SHAPE_OPTION_END)
		return shape_option(option, value, session, error);
	if (option == REPLAY_OPTION_READ || (option >= REPLAY_OPTION_FIRST && option < REPLAY_OPTION_END))
		return replay_option(option, value, &command->replay, error);
	switch (option) {
	case 'i':
		return session_add_source(session, value, error);
	case 'd':
		return session_parse_direction(value, session, error);
	case 't':
		return parse_destination(value, command, error);
	case 'c':
		return number_parse(value, "mirror: count", UINT64_MAX, &session->count, error);
	case OPTION_HOOK:
		return session_set_text(&session->hook, value, error);
	case OPTION_CPUS:
		return cpus_parse(value, &session->cpus, error);
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

/* Replayed frames arrive on an interface. */
static int check_directions(struct session *session, struct error *error)
{
	if (session->replayed && session->directions[DIRECTION_TX])
		return fail(error, EINVAL, "the frames of a capture file count as received (-d rx)");
	if (!session->directions[DIRECTION_RX] && !session->directions[DIRECTION_TX])
		return session_parse_direction(session->replayed ? "rx" : "both", session, error);
	return 0;
}

static int parse_command_line(int argc, char **argv, struct mirror_command *command, struct error *error)
{
	static const struct option options[] = {{"interface", required_argument, NULL, 'i'},
						{"direction", required_argument, NULL, 'd'},
						{"to", required_argument, NULL, 't'},
						{"count", required_argument, NULL, 'c'},
						REPLAY_OPTIONS,
						SHAPE_OPTIONS,
						{"cpus", required_argument, NULL, OPTION_CPUS},
						{"cost", no_argument, NULL, OPTION_COST},
						{"hook", required_argument, NULL, OPTION_HOOK},
						{"wait", no_argument, NULL, OPTION_WAIT},
						{"quiet", no_argument, NULL, 'q'},
						{"verbose", no_argument, NULL, 'v'},
						{"json", no_argument, NULL, OPTION_JSON},
						{"clsact", no_argument, NULL, OPTION_CLSACT},
						{"help", no_argument, NULL, 'h'},
						{NULL, 0, NULL, 0}};
	int rc;

	replay_defaults(&command->replay);
	rc = options_parse(argc, argv, "mirror: ", options, parse_option, command, error);
	if (rc || command->help)
		return rc;
	if (join_filter(argc - optind, argv + optind, command->filter))
		return fail(error, EINVAL, "mirror: the filter is longer than %d characters", FILTER_MAX - 1);
	if (optind < argc && (rc = session_set_text(&command->session.shape.filter, command->filter, error)))
		return rc;
	command->session.replayed = command->replay.file != NULL;
	if ((rc = replay_check(&command->replay, error)) || (rc = check_directions(&command->session, error)))
		return rc;
	if ((rc = session_check(&command->session, error)))
		return rc;
	return command->session.shape.filter ? here_check_filter(command->session.shape.filter, error) : 0;
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

/* Below the destination. */
static void note_whole(char *notes, const char *why_not, const char *why_not_left)
{
	char text[NOTE_MAX] = "  TCP super-packets that fit are wrapped whole";

	if (why_not)
		snprintf(text, sizeof text, "  TCP super-packets are cut into frames before they are wrapped: %s", why_not);
	else if (why_not_left)
		snprintf(text + strlen(text), sizeof text - strlen(text), " and summed up before they are sent: %s", why_not_left);
	note(notes, text);
}

/* Tells which interfaces are mirrored, where to, and what is waited for, whenever that changes, and what others did to it. */
static void show_state(const struct mirror_command *command, struct mirror *mirror, char last[NOTE_MAX])
{
	const char *file = command->replay.file, *news = mirror_news(mirror);
	char notes[NOTE_MAX] = "farspan: mirroring ";

	if (news)
		fprintf(stderr, "farspan: %s\n", news);
	snprintf(notes + strlen(notes), NOTE_MAX - strlen(notes), "%s\n", file ? file : mirror_sources_text(mirror));
	note(notes, mirror_sources_wait_for(mirror));
	for (unsigned int i = 0; i < command->session.destination_count; i++) {
		const char *waits_for = mirror_destination_waits_for(mirror, i);

		note(notes, *waits_for ? waits_for : mirror_destination_text(mirror, i));
		if (command->verbose && !*waits_for && endpoint_is_tunnel(&command->session.destinations[i]))
			note_whole(notes, mirror_destination_not_whole(mirror, i), mirror_destination_not_left(mirror, i));
	}
	if (strcmp(notes, last) != 0)
		fputs(notes, stderr);
	memcpy(last, notes, NOTE_MAX);
}

static void show_ways(const struct mirror *mirror)
{
	const char *why = mirror_not_straight(mirror);

	if (why)
		fprintf(stderr, "farspan: every copy goes through the segmenting device: %s\n", why);
	else
		fprintf(stderr,
			"farspan: copies that are as on the wire are sent straight away, the others pass the segmenting device first\n");
}

/* What there is to replay is not spent on destinations that are waited for. */
static bool may_start(const struct mirror_command *command, struct mirror *mirror)
{
	bool ready = true;

	for (unsigned int i = 0; i < command->session.destination_count && command->session.wait; i++)
		ready = ready && !*mirror_destination_waits_for(mirror, i);
	return ready;
}

/* replay: NULL if frames come from interfaces. 0, or -errno: the file could not be replayed to its end. */
static int run_until_stopped(const struct mirror_command *command, struct mirror *mirror, struct replay *replay, struct wait *wait,
			     struct error *error)
{
	bool line = !command->quiet && !command->session.count && isatty(STDERR_FILENO), started = false;
	char last[NOTE_MAX] = "";
	int more = 1;

	if (command->verbose)
		show_ways(mirror);
	show_state(command, mirror, last);
	while (more > 0 && !count_reached(command, mirror)) {
		unsigned int events;

		if (replay && !started && (started = may_start(command, mirror)))
			replay_start(replay, wait->signals);
		events = wait_events(wait, mirror_fd(mirror), replay ? replay_fd(replay) : -1);
		if (events & WAIT_STOP)
			break;
		if (events & WAIT_DUE)
			more = replay_run(replay, mirror, error);
		if (events & (WAIT_READY | WAIT_TICK)) {
			mirror_follow(mirror);
			show_state(command, mirror, last);
		}
		if (line && events & WAIT_TICK)
			show_line(command, mirror);
	}
	if (line)
		fprintf(stderr, "\r\033[K");
	return more < 0 ? more : 0;
}

static int report(const struct mirror_command *command, struct mirror *mirror, const struct replay *replay, struct error *error)
{
	struct mirror_cost cost;
	const struct mirror_cost *measured = command->session.measure ? &cost : NULL;
	struct mirror_counters counters;
	int rc = mirror_report_read(mirror, command->session.destination_count, &counters, error);

	if (rc || (measured && (rc = mirror_cost(mirror, &cost, error))))
		return rc;
	if (replay)
		replay_report(stderr, replay);
	mirror_report_line(stderr, &counters);
	fputc('\n', stderr);
	mirror_report_uplinks(stderr, mirror, command->session.destination_count);
	if (measured)
		mirror_report_cost(stderr, measured);
	if (command->json && mirror_report_json(stdout, mirror, &counters, &command->session, command->destinations, measured, replay))
		return fail(error, ENOMEM, "mirror: no memory for the summary");
	return 0;
}

static int run_mirror(const struct mirror_command *command, struct mirror *mirror, struct replay *replay, struct error *error)
{
	struct wait wait;
	int rc = wait_open(&wait, command->session.count ? TICK_COUNT_MS : TICK_MS, error), reported;

	if (rc)
		return rc;
	rc = run_until_stopped(command, mirror, replay, &wait, error);
	if (replay)
		replay_finish(replay, mirror);
	mirror_stop(mirror);
	reported = report(command, mirror, replay, rc ? NULL : error);
	wait_close(&wait);
	return rc ? rc : reported;
}

static int run(struct mirror_command *command, struct error *error)
{
	struct mirror *mirror = NULL;
	struct replay *replay = NULL;
	int rc = 0;

	if (command->replay.file)
		rc = replay_open(&replay, &command->replay, command->way, error);
	if (!rc && replay)
		rc = session_add_source(&command->session, replay_interface(replay), error);
	if (!rc)
		rc = mirror_open(&mirror, &command->session, command->way, error);
	if (!rc)
		rc = run_mirror(command, mirror, replay, error);
	mirror_close(mirror);
	replay_close(replay);
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
