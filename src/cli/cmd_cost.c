/* SPDX-License-Identifier: BSD-2-Clause */
/* farspan cost: what the sessions of the daemon cost, measured for a while. */
#include "cli/command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/client.h"
#include "base/clock.h"
#include "cli/daemon_command.h"
#include "cli/number.h"
#include "cli/session_view.h"
#include "cli/wait.h"
#include "host/statistics.h"

enum {
	SECONDS_MAX = 86400,
	MS_PER_S = 1000,
};

/* Of a session, or of all, in the time that was measured. */
struct spent {
	uint64_t cpu_ns, seen, copies;
};

static const char usage[] =
	"usage: farspan cost [-n SECONDS] [--json] [-S SOCKET] [NAME...]\n\n"
	"Measures what the sessions of farspand cost: CPU time per frame seen and per copy, and the share of a core, of each and\n"
	"in all. Frames are counted for as long as it measures, which an interrupt ends.\n\n"
	"  -n, --seconds SECONDS how long to measure (1)\n"
	"      --json            the same as JSON on the standard output\n" DAEMON_HELP;

/* --seconds is the only one of its own. */
static int take_seconds(int option, const char *value, void *seconds, struct error *error)
{
	(void)option;
	return number_parse(value, "cost: seconds", SECONDS_MAX, seconds, error);
}

/* ---- what was spent ---- */

static uint64_t number(const json_t *object, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(object, key));
}

static const json_t *find(const json_t *answer, const char *name)
{
	const json_t *session;
	size_t i;

	json_array_foreach (json_object_get(answer, "sessions"), i, session)
		if (strcmp(session_view_text(session, "name"), name) == 0)
			return session;
	return NULL;
}

/* What began anew in between, a session or a collector's process, began at 0. */
static struct spent difference(const json_t *after, const json_t *before)
{
	struct spent now = {.cpu_ns = number(after, "cpu_ns"), .seen = number(after, "seen"), .copies = number(after, "copies")};
	struct spent was = {.cpu_ns = number(before, "cpu_ns"), .seen = number(before, "seen"), .copies = number(before, "copies")};

	if (now.cpu_ns < was.cpu_ns || now.seen < was.seen || now.copies < was.copies)
		return now;
	return (struct spent){.cpu_ns = now.cpu_ns - was.cpu_ns, .seen = now.seen - was.seen, .copies = now.copies - was.copies};
}

static double per(uint64_t ns, uint64_t count)
{
	return count ? (double)ns / (double)count : 0;
}

static json_t *to_json(const char *name, const char *kind, const struct spent *s, double seconds)
{
	json_t *object = json_pack("{s:I, s:I, s:I, s:f, s:f, s:f}", "seen", (json_int_t)s->seen, "copies", (json_int_t)s->copies, "cpu_ns",
				   (json_int_t)s->cpu_ns, "ns_per_frame", per(s->cpu_ns, s->seen), "ns_per_copy", per(s->cpu_ns, s->copies),
				   "core_share", (double)s->cpu_ns / (double)NS_PER_S / seconds);

	if (object && name) {
		json_object_set_new(object, "name", json_string(name));
		json_object_set_new(object, "kind", json_string(kind));
	}
	return object;
}

static void print_row(const json_t *session, const char *name)
{
	printf("%-20s %-9s %12llu %12llu %9.0f %9.0f %8.2f %%\n", name, session_view_text(session, "kind"),
	       (unsigned long long)number(session, "seen"), (unsigned long long)number(session, "copies"),
	       json_real_value(json_object_get(session, "ns_per_frame")), json_real_value(json_object_get(session, "ns_per_copy")),
	       json_real_value(json_object_get(session, "core_share")) * 100);
}

static void print_table(const json_t *result)
{
	const json_t *session;
	size_t i;

	printf("%-20s %-9s %12s %12s %9s %9s %10s\n", "NAME", "KIND", "SEEN", "COPIES", "NS/FRAME", "NS/COPY", "OF A CORE");
	json_array_foreach (json_object_get(result, "sessions"), i, session)
		print_row(session, session_view_text(session, "name"));
	print_row(json_object_get(result, "total"), "in all");
}

static bool is_asked_for(const struct daemon_command *command, const char *name)
{
	for (int i = 0; i < command->name_count; i++)
		if (strcmp(command->names[i], name) == 0)
			return true;
	return !command->name_count;
}

static json_t *compare(const struct daemon_command *command, const json_t *before, const json_t *after)
{
	double seconds = (double)(number(after, "time_ns") - number(before, "time_ns")) / (double)NS_PER_S;
	json_t *list = json_array();
	const json_t *session;
	struct spent total = {0};
	size_t i;

	json_array_foreach (json_object_get(after, "sessions"), i, session) {
		const char *name = session_view_text(session, "name");
		struct spent spent = difference(session, find(before, name));

		if (!is_asked_for(command, name))
			continue;
		json_array_append_new(list, to_json(name, session_view_text(session, "kind"), &spent, seconds));
		total.cpu_ns += spent.cpu_ns;
		total.seen += spent.seen;
		total.copies += spent.copies;
	}
	return json_pack("{s:f, s:o, s:o}", "seconds", seconds, "sessions", list, "total", to_json(NULL, NULL, &total, seconds));
}

/* ---- measuring ---- */

static int ask(const struct daemon_command *command, json_t **answer, struct error *error)
{
	int rc = api_call(command->socket, "GET", "/v1/cost", NULL, answer, error);

	for (int i = 0; i < command->name_count && !rc; i++)
		if (!find(*answer, command->names[i]))
			rc = fail(error, ENOENT, "cost: session '%s': there is none", command->names[i]);
	return rc;
}

static int measure(const struct daemon_command *command, uint64_t seconds, json_t **before, json_t **after, struct error *error)
{
	struct wait wait;
	int rc = ask(command, before, error);

	if (rc || (rc = wait_open(&wait, (unsigned int)seconds * MS_PER_S, error)))
		return rc;
	fprintf(stderr, "farspan: measuring for %llu second%s\n", (unsigned long long)seconds, seconds == 1 ? "" : "s");
	wait_events(&wait, -1, -1);
	wait_close(&wait);
	return ask(command, after, error);
}

static int run(const struct daemon_command *command, uint64_t seconds, struct error *error)
{
	json_t *before = NULL, *after = NULL, *result;
	int statistics, rc = statistics_start(&statistics, error);

	if (rc)
		return rc;
	rc = measure(command, seconds, &before, &after, error);
	if (statistics >= 0)
		close(statistics);
	result = rc ? NULL : compare(command, before, after);
	if (result && command->json) {
		json_dumpf(result, stdout, JSON_INDENT(2));
		printf("\n");
	} else if (result) {
		print_table(result);
	}
	json_decref(before);
	json_decref(after);
	json_decref(result);
	return rc;
}

int cmd_cost(int argc, char **argv, struct error *error)
{
	static const struct option options[] = {{"seconds", required_argument, NULL, 'n'},
						{"json", no_argument, NULL, DAEMON_OPTION_JSON},
						DAEMON_OPTIONS,
						{NULL, 0, NULL, 0}};
	uint64_t seconds = 1;
	struct daemon_command command = {.usage = usage, .names_max = DAEMON_NAMES_ANY, .take = take_seconds, .own = &seconds};

	if (daemon_command_parse(argc, argv, options, &command, error))
		return EXIT_USAGE;
	if (command.help)
		return EXIT_OK;
	return run(&command, seconds, error) ? EXIT_FAILED : EXIT_OK;
}
