/* SPDX-License-Identifier: BSD-2-Clause */
/* farspan export: sessions of the daemon as files. */
#include "cli/command.h"

#include <errno.h>
#include <stdio.h>

#include "cli/daemon_command.h"
#include "model/session_file.h"
#include "model/session_json.h"

static int export(const json_t *wanted, struct error *error)
{
	struct error_list errors = {0};
	struct session *session = NULL;
	int rc = session_from_json(NULL, wanted, &session, &errors);

	if (rc)
		fail(error, -rc, "export: %s", errors.count ? errors.items[0].text : "out of memory");
	else
		session_file_write(stdout, session);
	session_free(session);
	error_list_free(&errors);
	return rc;
}

static int export_each(const struct daemon_command *command, struct error *error)
{
	int rc = 0;

	for (int i = 0; i < command->name_count && !rc; i++) {
		json_t *answer = NULL;
		char path[256];

		snprintf(path, sizeof path, "/v1/sessions/%s", command->names[i]);
		rc = daemon_command_ask(command, "GET", path, &answer, error);
		if (!rc)
			rc = export(json_object_get(answer, "wanted"), error);
		json_decref(answer);
	}
	return rc;
}

int cmd_export(int argc, char **argv, struct error *error)
{
	static const struct option options[] = {DAEMON_OPTIONS, {NULL, 0, NULL, 0}};
	struct daemon_command command = {.names_min = 1,
					 .names_max = DAEMON_NAMES_ANY,
					 .usage = "usage: farspan export [-S SOCKET] NAME...\n\n"
						  "Prints sessions as they would stand in files, see farspan.session(5).\n\n" DAEMON_HELP};

	if (daemon_command_parse(argc, argv, options, &command, error))
		return EXIT_USAGE;
	if (command.help)
		return EXIT_OK;
	return export_each(&command, error) ? EXIT_FAILED : EXIT_OK;
}
