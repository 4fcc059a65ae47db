/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/daemon_command.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>

#include "api/client.h"

enum {
	PATH_LEN = 256
};

int daemon_command_parse(int argc, char **argv, const struct option *options, struct daemon_command *command, struct error *error)
{
	int option;

	command->socket = API_SOCKET;
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":S:h", options, NULL)) >= 0) {
		if (option == ':')
			return fail(error, EINVAL, "%s: option '%s' needs a value", argv[0], argv[optind - 1]);
		if (option == '?')
			return fail(error, EINVAL, "%s: unknown option '%s'; \"farspan %s --help\" lists them", argv[0], argv[optind - 1],
				    argv[0]);
		command->help |= option == 'h';
		command->runtime |= option == DAEMON_OPTION_RUNTIME;
		if (option == 'S')
			command->socket = optarg;
	}
	command->names = argv + optind;
	command->name_count = argc - optind;
	if (command->help)
		fputs(command->usage, stdout);
	return 0;
}

static void print_errors(const json_t *list)
{
	const json_t *item;
	size_t i;

	json_array_foreach (list, i, item) {
		const char *file = json_string_value(json_object_get(item, "file")),
			   *text = json_string_value(json_object_get(item, "text"));
		long long line = json_integer_value(json_object_get(item, "line")),
			  column = json_integer_value(json_object_get(item, "column"));

		if (file && *file)
			fprintf(stderr, "%s:", file);
		if (line)
			fprintf(stderr, "%lld:%lld:", line, column);
		fprintf(stderr, "%s%s%s\n", file && *file ? " " : "", json_is_true(json_object_get(item, "warning")) ? "warning: " : "",
			text ? text : "");
	}
}

int daemon_command_ask(const struct daemon_command *command, const char *method, const char *path, json_t **answer, struct error *error)
{
	json_t *json = NULL;
	int rc = api_call(command->socket, method, path, command->body, &json, error);

	print_errors(json_object_get(json, rc ? "errors" : "warnings"));
	if (answer)
		*answer = json_incref(json);
	json_decref(json);
	return rc;
}

int daemon_command_each(const struct daemon_command *command, const char *method, const char *suffix, struct error *error)
{
	int rc = command->name_count ? 0 : fail(error, EINVAL, "the name of a session is missing");

	for (int i = 0; i < command->name_count && !rc; i++) {
		char path[PATH_LEN];

		snprintf(path, sizeof path, "/v1/sessions/%s%s", command->names[i], suffix);
		rc = daemon_command_ask(command, method, path, NULL, error);
	}
	return rc;
}
