/* SPDX-License-Identifier: BSD-2-Clause */
/* farspan enable: sessions that were disabled run again. */
#include "cli/command.h"

#include <getopt.h>

#include "cli/daemon_command.h"

int cmd_enable(int argc, char **argv, struct error *error)
{
	static const struct option options[] = {{"runtime", no_argument, NULL, DAEMON_OPTION_RUNTIME}, DAEMON_OPTIONS, {NULL, 0, NULL, 0}};
	struct daemon_command command = {.names_min = 1,
					 .names_max = DAEMON_NAMES_ANY,
					 .usage = "usage: farspan enable [--runtime] [-S SOCKET] NAME...\n\n"
						  "Runs sessions that were disabled, also after the next start.\n\n"
						  "      --runtime         until farspand is started anew\n" DAEMON_HELP};
	json_t *body;
	int status;

	if (daemon_command_parse(argc, argv, options, &command, error))
		return EXIT_USAGE;
	if (command.help)
		return EXIT_OK;
	body = command.runtime ? NULL : json_pack("{s:b}", "persist", 1);
	command.body = body;
	status = daemon_command_each(&command, "POST", "/enable", error) ? EXIT_FAILED : EXIT_OK;
	json_decref(body);
	return status;
}
