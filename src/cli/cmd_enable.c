/* SPDX-License-Identifier: BSD-2-Clause */
/* farspan enable and disable: sessions run again, or stop and stay known. */
#include "cli/command.h"

#include "cli/daemon_command.h"

#define RUNTIME_HELP "      --runtime         until farspand is started anew\n"

/* suffix is what the API calls it. */
static int switch_sessions(int argc, char **argv, const char *usage, const char *suffix, struct error *error)
{
	static const struct option options[] = {{"runtime", no_argument, NULL, DAEMON_OPTION_RUNTIME}, DAEMON_OPTIONS, {NULL, 0, NULL, 0}};
	struct daemon_command command = {.names_min = 1, .names_max = DAEMON_NAMES_ANY, .usage = usage};
	json_t *body;
	int status;

	if (daemon_command_parse(argc, argv, options, &command, error))
		return EXIT_USAGE;
	if (command.help)
		return EXIT_OK;
	body = command.runtime ? NULL : json_pack("{s:b}", "persist", 1);
	command.body = body;
	status = daemon_command_each(&command, "POST", suffix, error) ? EXIT_FAILED : EXIT_OK;
	json_decref(body);
	return status;
}

int cmd_enable(int argc, char **argv, struct error *error)
{
	return switch_sessions(argc, argv,
			       "usage: farspan enable [--runtime] [-S SOCKET] NAME...\n\n"
			       "Runs sessions that were disabled, also after the next start.\n\n" RUNTIME_HELP DAEMON_HELP,
			       "/enable", error);
}

int cmd_disable(int argc, char **argv, struct error *error)
{
	return switch_sessions(argc, argv,
			       "usage: farspan disable [--runtime] [-S SOCKET] NAME...\n\n"
			       "Stops sessions until they are enabled, also after the next start.\n\n" RUNTIME_HELP DAEMON_HELP,
			       "/disable", error);
}
