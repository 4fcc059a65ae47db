/* SPDX-License-Identifier: BSD-2-Clause */
/* farspan show: the sessions of the daemon, wanted and actual side by side. */
#include "cli/command.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "api/client.h"
#include "cli/daemon_command.h"
#include "cli/session_view.h"

enum {
	CELL_MAX = 512,
	COLUMNS_DEFAULT = 100,
};

static const char usage[] = "usage: farspan show [--json] [-w] [-S SOCKET] [NAME...]\n\n"
			    "Shows the sessions of farspand: a line each, or with NAME what is wanted of it and what is, side by side.\n\n"
			    "      --json            everything as JSON on the standard output\n"
			    "  -w, --watch           again every second, until interrupted\n" DAEMON_HELP;

/* --watch is the only one of its own. */
static int take_watch(int option, const char *value, void *watch, struct error *error)
{
	(void)option, (void)value, (void)error;
	*(bool *)watch = true;
	return 0;
}

/* ---- what is told ---- */

static void print_row(const json_t *session)
{
	struct session_totals totals;

	session_view_totals(session, &totals);
	printf("%-20s %-9s %-8s %12llu %12llu %9llu  %s\n", session_view_text(session, "name"), session_view_text(session, "kind"),
	       session_view_text(session, "state"), (unsigned long long)totals.seen, (unsigned long long)totals.passed,
	       (unsigned long long)totals.dropped, session_view_text(session, "why"));
}

/* An object of the wanted session on one line: "erspan2 remote=10.9.0.2 id=100". */
static void write_object(const json_t *object, char cell[CELL_MAX])
{
	size_t used = 0;
	const char *key;
	json_t *value;

	cell[0] = '\0';
	json_object_foreach ((json_t *)object, key, value) {
		char *other = json_is_string(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
		const char *text = other ? other : json_string_value(value);

		if (used < CELL_MAX)
			used += (size_t)snprintf(cell + used, CELL_MAX - used, "%s%s=%s", used ? " " : "", key, text ? text : "");
		free(other);
	}
}

static int columns(void)
{
	struct winsize size;

	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || size.ws_col < 40 ? COLUMNS_DEFAULT : size.ws_col;
}

static void print_pair(const char *wanted, const char *actual)
{
	int width = columns() / 2 - 3;

	/* What does not fit beside the other stands above it: nothing is cut. */
	if ((int)strlen(wanted) > width)
		printf("  %s\n  %-*s  %s\n", wanted, width, "", actual);
	else
		printf("  %-*s  %s\n", width, wanted, actual);
}

/* "interface erspan0, mtu 1446" */
static const char *describe_device(const json_t *actual, char *text, size_t size)
{
	long long mtu = json_integer_value(json_object_get(actual, "mtu"));
	int used = snprintf(text, size, "interface %s", session_view_text(actual, "device"));

	if (mtu && used > 0 && (size_t)used < size)
		snprintf(text + used, size - (size_t)used, ", mtu %lld", mtu);
	return json_is_true(json_object_get(actual, "there")) ? text : "";
}

static void print_lists(const json_t *wanted, const json_t *actual)
{
	const json_t *item;
	char cell[CELL_MAX], device[CELL_MAX];
	size_t i;

	json_array_foreach (json_object_get(wanted, "sources"), i, item) {
		write_object(item, cell);
		print_pair(cell, i ? "" : session_view_text(actual, "sources"));
	}
	if ((item = json_object_get(wanted, "tunnel"))) {
		write_object(item, cell);
		print_pair(cell, describe_device(actual, device, sizeof device));
	}
	json_array_foreach (json_object_get(wanted, "destinations"), i, item) {
		const json_t *now = json_array_get(json_object_get(actual, "destinations"), i);
		const char *waits_for = session_view_text(now, "waits_for");

		write_object(item, cell);
		print_pair(cell, *waits_for ? waits_for : session_view_text(now, "path"));
	}
}

static void print_session(const json_t *session)
{
	const json_t *wanted = json_object_get(session, "wanted"), *actual = json_object_get(session, "actual");
	const char *why = session_view_text(session, "why"), *key;
	struct session_totals totals;
	json_t *value;
	char cell[CELL_MAX];

	printf("%s: %s%s%s\n", session_view_text(session, "name"), session_view_text(session, "state"), *why ? ": " : "", why);
	print_pair("WANTED", "ACTUAL");
	print_lists(wanted, actual);
	json_object_foreach ((json_t *)wanted, key, value) {
		char *text = json_is_array(value) || json_is_object(value) || strcmp(key, "name") == 0
				     ? NULL
				     : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);

		if (text) {
			snprintf(cell, sizeof cell, "%s=%s", key, text);
			print_pair(cell, "");
		}
		free(text);
	}
	if (json_object_get(wanted, "tunnel"))
		return;
	session_view_totals(session, &totals);
	snprintf(cell, sizeof cell, "%lld seen, %lld sent, %lld dropped", (unsigned long long)totals.seen,
		 (unsigned long long)totals.passed, (unsigned long long)totals.dropped);
	if (json_object_get(actual, "counters"))
		snprintf(cell, sizeof cell, "%lld received, %lld frames, %lld lost", (unsigned long long)totals.seen,
			 (unsigned long long)totals.passed, (unsigned long long)totals.dropped);
	print_pair("", cell);
}

/* ---- asking ---- */

static int ask_for_some(const struct daemon_command *command, json_t **answer, struct error *error)
{
	json_t *sessions = json_array();
	int rc = 0;

	for (int i = 0; i < command->name_count && !rc; i++) {
		char path[CELL_MAX];
		json_t *session = NULL;

		snprintf(path, sizeof path, "/v1/sessions/%s", command->names[i]);
		rc = api_call(command->socket, "GET", path, NULL, &session, error);
		if (rc == -ENOENT)
			fail(error, ENOENT, "show: session '%s': there is none", command->names[i]);
		if (rc)
			json_decref(session);
		else
			json_array_append_new(sessions, session);
	}
	*answer = json_pack("{s:o}", "sessions", sessions);
	return rc;
}

static int show(const struct daemon_command *command, bool watch, struct error *error)
{
	json_t *answer = NULL, *session;
	size_t i;
	int rc = command->name_count ? ask_for_some(command, &answer, error)
				     : api_call(command->socket, "GET", "/v1/sessions", NULL, &answer, error);

	if (!rc && watch && isatty(STDOUT_FILENO))
		printf("\033[H\033[J");
	if (!rc && command->json) {
		json_dumpf(answer, stdout, JSON_INDENT(2));
		printf("\n");
	} else if (!rc) {
		if (!command->name_count)
			printf("%-20s %-9s %-8s %12s %12s %9s  %s\n", "NAME", "KIND", "STATE", "SEEN", "SENT", "DROPPED", "WHY");
		json_array_foreach (json_object_get(answer, "sessions"), i, session)
			command->name_count ? print_session(session) : print_row(session);
	}
	fflush(stdout);
	json_decref(answer);
	return rc;
}

int cmd_show(int argc, char **argv, struct error *error)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, DAEMON_OPTION_JSON}, {"watch", no_argument, NULL, 'w'}, DAEMON_OPTIONS, {NULL, 0, NULL, 0}};
	bool watch = false;
	struct daemon_command command = {.usage = usage, .names_max = DAEMON_NAMES_ANY, .take = take_watch, .own = &watch};
	int rc;

	if (daemon_command_parse(argc, argv, options, &command, error))
		return EXIT_USAGE;
	if (command.help)
		return EXIT_OK;
	while (!(rc = show(&command, watch, error)) && watch && !ferror(stdout))
		sleep(1);
	return rc ? EXIT_FAILED : EXIT_OK;
}
