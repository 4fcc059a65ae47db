/* SPDX-License-Identifier: BSD-2-Clause */
/* farspan mirror: one session in the foreground, as tcpdump runs. */
#include "cli/command.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/wait.h"
#include "engine/mirror.h"

enum {
	TICK_MS = 1000,
	TICK_COUNT_MS = 20, /* with -c: how soon its end is noticed */
};

struct mirror_command {
	struct mirror_config config;
	const char *destination; /* as written */
	bool json;
	bool quiet;
	bool show_line; /* keep a line of counters on the terminal */
	bool help;
};

struct counter_row {
	const char *name;
	const char *class;
	const char *help;
};

static const struct counter_row counter_rows[] = {
#define COUNTER(name, class, help) {#name, #class, help},
#include "bpf/counters.def"
#undef COUNTER
};

static void print_usage(FILE *out)
{
	fprintf(out, "usage: farspan mirror -i IFACE [-d rx|tx|both] -t TYPE:ADDRESS[,KEY=VALUE...] [-c COUNT] [-q] [--json] [--clsact]\n\n"
		     "Copies the frames of an interface to a collector until interrupted.\n\n"
		     "  -i, --interface IFACE   the interface to mirror\n"
		     "  -d, --direction DIR     rx: what it receives, tx: what it sends, both (default)\n"
		     "  -t, --to DESTINATION    where the copies go\n"
		     "  -c, --count COUNT       end after that many copies\n"
		     "  -q, --quiet             no line of counters while running\n"
		     "      --json              counters as JSON on standard output at the end\n"
		     "      --clsact            attach through clsact even where the kernel has tcx\n\n"
		     "Destinations, for example erspan2:10.9.0.2,id=100 or erspan3:[fd00::2],id=7,hwid=3:\n");
	endpoint_print_help(out, ENDPOINT_DESTINATION);
}

static int parse_direction(const char *text, struct mirror_config *config, struct error *error)
{
	bool both = strcmp(text, "both") == 0;

	config->directions[DIRECTION_RX] = both || strcmp(text, "rx") == 0;
	config->directions[DIRECTION_TX] = both || strcmp(text, "tx") == 0;
	if (config->directions[DIRECTION_RX] || config->directions[DIRECTION_TX])
		return 0;
	return fail(error, EINVAL, "direction must be rx, tx or both, not '%s'", text);
}

static int parse_count(const char *text, uint64_t *count, struct error *error)
{
	char *end;

	errno = 0;
	*count = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || !*count)
		return fail(error, EINVAL, "count must be a number from 1 on, not '%s'", text);
	return 0;
}

static int parse_interface(const char *text, struct mirror_config *config, struct error *error)
{
	if (config->interface[0])
		return fail(error, EINVAL, "only one interface can be given");
	if (!*text || strlen(text) >= sizeof config->interface)
		return fail(error, EINVAL, "interface '%s': a name has 1 to %zu characters", text, sizeof config->interface - 1);
	strcpy(config->interface, text);
	return 0;
}

static int parse_destination(const char *text, struct mirror_command *command, struct error *error)
{
	if (command->destination)
		return fail(error, EINVAL, "only one destination can be given");
	command->destination = text;
	return endpoint_parse(text, ENDPOINT_DESTINATION, &command->config.destination, error);
}

static int parse_option(int option, const char *value, struct mirror_command *command, struct error *error)
{
	switch (option) {
	case 'i':
		return parse_interface(value, &command->config, error);
	case 'd':
		return parse_direction(value, &command->config, error);
	case 't':
		return parse_destination(value, command, error);
	case 'c':
		return parse_count(value, &command->config.count, error);
	case 'q':
		command->quiet = true;
		return 0;
	case 'J':
		command->json = true;
		return 0;
	case 'C':
		command->config.way = ATTACH_CLSACT;
		return 0;
	case 'h':
		command->help = true;
		return 0;
	default:
		return fail(error, EINVAL, "mirror: %s; \"farspan mirror --help\" lists the options",
			    option == ':' ? "an option lacks its value" : "unknown option");
	}
}

static int parse_command_line(int argc, char **argv, struct mirror_command *command, struct error *error)
{
	static const struct option options[] = {{"interface", required_argument, NULL, 'i'},
						{"direction", required_argument, NULL, 'd'},
						{"to", required_argument, NULL, 't'},
						{"count", required_argument, NULL, 'c'},
						{"quiet", no_argument, NULL, 'q'},
						{"json", no_argument, NULL, 'J'},
						{"clsact", no_argument, NULL, 'C'},
						{"help", no_argument, NULL, 'h'},
						{NULL, 0, NULL, 0}};
	int option, rc = parse_direction("both", &command->config, error);

	opterr = 0;
	while (!rc && (option = getopt_long(argc, argv, ":i:d:t:c:qh", options, NULL)) >= 0)
		rc = parse_option(option, optarg, command, error);
	if (rc || command->help)
		return rc;
	if (optind < argc)
		return fail(error, EINVAL, "mirror: '%s' is one word too many", argv[optind]);
	if (!command->config.interface[0])
		return fail(error, EINVAL, "mirror: no interface given (-i)");
	if (!command->destination)
		return fail(error, EINVAL, "mirror: no destination given (-t)");
	return 0;
}

/* ---- counters ---- */

static void add_counters(struct counters *sum, const struct counters *c)
{
	for (unsigned int row = 0; row < COUNTER_COUNT; row++)
		sum->value[row] += c->value[row];
}

static int read_all(struct mirror *mirror, struct counters by_direction[DIRECTIONS], struct counters *sum, struct error *error)
{
	memset(sum, 0, sizeof *sum);
	for (enum direction d = 0; d < DIRECTIONS; d++) {
		int rc = mirror_counters(mirror, d, &by_direction[d], error);

		if (rc)
			return rc;
		add_counters(sum, &by_direction[d]);
	}
	return 0;
}

/* "12 frames, 1234 bytes sent; hop 3 dropped; loop 1 excluded": a class only if something is in it. */
static void print_class(FILE *out, const struct counters *c, const char *class, const char *verb)
{
	const char *separator = "; ";

	for (unsigned int row = 0; row < COUNTER_COUNT; row++) {
		if (strcmp(counter_rows[row].class, class) != 0 || !c->value[row])
			continue;
		fprintf(out, "%s%s %llu", separator, counter_rows[row].name, c->value[row]);
		separator = ", ";
	}
	if (separator[0] == ',')
		fprintf(out, " %s", verb);
}

static void print_counters(FILE *out, const struct counters *c)
{
	fprintf(out, "%llu frames seen, %llu sent, %llu bytes", c->value[COUNTER_seen], c->value[COUNTER_sent],
		c->value[COUNTER_sent_bytes]);
	if (c->value[COUNTER_truncated])
		fprintf(out, ", %llu truncated", c->value[COUNTER_truncated]);
	print_class(out, c, "excluded", "excluded");
	print_class(out, c, "drop", "dropped");
}

static json_t *counters_json(const struct counters *c)
{
	json_t *object = json_object();

	for (unsigned int row = 0; row < COUNTER_COUNT; row++)
		json_object_set_new(object, counter_rows[row].name, json_integer((json_int_t)c->value[row]));
	return object;
}

static void print_json(const struct mirror_command *command, struct mirror *mirror, const struct counters by_direction[DIRECTIONS],
		       const struct counters *sum)
{
	json_t *object =
	    json_pack("{s:s, s:s, s:s, s:o, s:o, s:o}", "interface", command->config.interface, "destination", command->destination,
		      "waits_for", mirror_waits_for(mirror), "rx", counters_json(&by_direction[DIRECTION_RX]), "tx",
		      counters_json(&by_direction[DIRECTION_TX]), "total", counters_json(sum));

	json_dumpf(object, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(object);
}

/* ---- running ---- */

static bool count_reached(const struct mirror_command *command, struct mirror *mirror)
{
	struct counters by_direction[DIRECTIONS], sum;

	return command->config.count && !read_all(mirror, by_direction, &sum, NULL) && sum.value[COUNTER_sent] >= command->config.count;
}

static void show_line(struct mirror *mirror)
{
	struct counters by_direction[DIRECTIONS], sum;

	if (read_all(mirror, by_direction, &sum, NULL))
		return;
	fprintf(stderr, "\r\033[K");
	print_counters(stderr, &sum);
	if (*mirror_waits_for(mirror))
		fprintf(stderr, " (%s)", mirror_waits_for(mirror));
}

/* Tells when the session starts or ceases to wait for something. */
static void show_change(struct mirror *mirror, char *last, size_t size)
{
	const char *now = mirror_waits_for(mirror);

	if (strcmp(last, now) == 0)
		return;
	fprintf(stderr, "farspan: %s\n", *now ? now : mirror_path_text(mirror));
	snprintf(last, size, "%s", now);
}

static void run_until_stopped(const struct mirror_command *command, struct mirror *mirror, struct wait *wait)
{
	char last[512] = "";

	while (!count_reached(command, mirror)) {
		unsigned int events = wait_events(wait, mirror_fd(mirror));

		if (events & WAIT_STOP)
			break;
		mirror_follow(mirror);
		show_change(mirror, last, sizeof last);
		if (command->show_line && events & WAIT_TICK)
			show_line(mirror);
	}
	if (command->show_line)
		fprintf(stderr, "\r\033[K");
}

static int report(const struct mirror_command *command, struct mirror *mirror, struct error *error)
{
	struct counters by_direction[DIRECTIONS], sum;
	int rc = read_all(mirror, by_direction, &sum, error);

	if (rc)
		return rc;
	print_counters(stderr, &sum);
	fputc('\n', stderr);
	if (command->json)
		print_json(command, mirror, by_direction, &sum);
	return 0;
}

static int run(struct mirror_command *command, struct error *error)
{
	struct mirror *mirror;
	struct wait wait;
	int rc = mirror_open(&mirror, &command->config, error);

	if (rc)
		return rc;
	rc = wait_open(&wait, command->config.count ? TICK_COUNT_MS : TICK_MS, error);
	if (!rc) {
		command->show_line = !command->quiet && !command->config.count && isatty(STDERR_FILENO);
		fprintf(stderr, "farspan: mirroring %s: %s\n", command->config.interface, mirror_path_text(mirror));
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
	struct mirror_command command = {0};

	if (parse_command_line(argc, argv, &command, error))
		return EXIT_USAGE;
	if (command.help) {
		print_usage(stdout);
		return EXIT_OK;
	}
	return run(&command, error) ? EXIT_FAILED : EXIT_OK;
}
