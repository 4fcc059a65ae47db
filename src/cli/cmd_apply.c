/* SPDX-License-Identifier: BSD-2-Clause */
/* farspan apply: the daemon reads its files again. */
#include "cli/command.h"

#include "cli/daemon_command.h"

int cmd_apply(int argc, char **argv, struct error *error)
{
	static const struct option options[] = {DAEMON_OPTIONS, {NULL, 0, NULL, 0}};
	struct daemon_command command = {.usage = "usage: farspan apply [-S SOCKET]\n\n"
						  "Has farspand read its files again. If anything is wrong in them, all of it is told, and "
						  "nothing changes.\n\n" DAEMON_HELP};

	if (daemon_command_parse(argc, argv, options, &command, error))
		return EXIT_USAGE;
	if (command.help)
		return EXIT_OK;
	return daemon_command_ask(&command, "POST", "/v1/reload", NULL, error) ? EXIT_FAILED : EXIT_OK;
}
