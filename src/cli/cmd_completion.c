/* SPDX-License-Identifier: BSD-2-Clause */
/* farspan completion: what completes command lines of farspan, for shells that have not found it where it was installed. */
#include "cli/command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/client.h"
#include "cli/completion_texts.h"
#include "cli/daemon_command.h"
#include "cli/session_view.h"

static const char usage[] = "usage: farspan completion bash|zsh\n"
			    "       farspan completion sessions [-S SOCKET]\n\n"
			    "Prints the completion for a shell, as in: source <(farspan completion bash). Or the names of the sessions\n"
			    "of farspand, which it offers.\n\n" DAEMON_HELP;

static int print_sessions(const struct daemon_command *command, struct error *error)
{
	json_t *answer = NULL, *session;
	size_t i;
	int rc = api_call(command->socket, "GET", "/v1/sessions", NULL, &answer, error);

	if (!rc)
		json_array_foreach (json_object_get(answer, "sessions"), i, session)
			puts(session_view_text(session, "name"));
	json_decref(answer);
	return rc;
}

int cmd_completion(int argc, char **argv, struct error *error)
{
	static const struct option options[] = {DAEMON_OPTIONS, {NULL, 0, NULL, 0}};
	struct daemon_command command = {.usage = usage, .names_max = 1};
	const char *what;

	if (daemon_command_parse(argc, argv, options, &command, error))
		return EXIT_USAGE;
	if (command.help)
		return EXIT_OK;
	what = command.name_count ? command.names[0] : "";
	if (strcmp(what, "sessions") == 0)
		return print_sessions(&command, error) ? EXIT_FAILED : EXIT_OK;
	for (size_t i = 0; completion_texts[i].shell; i++) {
		if (strcmp(completion_texts[i].shell, what) == 0) {
			fputs(completion_texts[i].text, stdout);
			return EXIT_OK;
		}
	}
	fail(error, EINVAL, "completion: bash, zsh or sessions is needed, not '%s'", what);
	return EXIT_USAGE;
}
