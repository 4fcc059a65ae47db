/* SPDX-License-Identifier: BSD-2-Clause */
/* farspan disable: sessions stop, and stay known. */
#include "cli/command.h"

#include <getopt.h>

#include "cli/daemon_command.h"

int cmd_disable(int argc, char **argv, struct error *error)
{
	static const struct option options[] = {DAEMON_OPTIONS, {NULL, 0, NULL, 0}};
	struct daemon_command command = {.usage = "usage: farspan disable [-S SOCKET] NAME...\n\n"
						  "Stops sessions until they are enabled, or farspand is started anew.\n\n" DAEMON_HELP};

	if (daemon_command_parse(argc, argv, options, &command, error))
		return EXIT_USAGE;
	if (command.help)
		return EXIT_OK;
	return daemon_command_each(&command, "POST", "/disable", error) ? EXIT_FAILED : EXIT_OK;
}
