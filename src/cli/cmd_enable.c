/* SPDX-License-Identifier: BSD-2-Clause */
/* farspan enable: sessions that were disabled run again. */
#include "cli/command.h"

#include <getopt.h>

#include "cli/daemon_command.h"

int cmd_enable(int argc, char **argv, struct error *error)
{
	static const struct option options[] = {DAEMON_OPTIONS, {NULL, 0, NULL, 0}};
	struct daemon_command command = {.usage = "usage: farspan enable [-S SOCKET] NAME...\n\n"
						  "Runs sessions that were disabled, until farspand is started anew.\n\n" DAEMON_HELP};

	if (daemon_command_parse(argc, argv, options, &command, error))
		return EXIT_USAGE;
	if (command.help)
		return EXIT_OK;
	return daemon_command_each(&command, "POST", "/enable", error) ? EXIT_FAILED : EXIT_OK;
}
