/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/daemon_command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/client.h"
#include "model/session_list.h"

enum {
	PATH_LEN = 256
};

static int take_option(int option, const char *value, void *context, struct error *error)
{
	struct daemon_command *command = context;

	switch (option) {
	case 'h':
		command->help = true;
		return 0;
	case 'S':
		command->socket = value;
		return 0;
	case DAEMON_OPTION_RUNTIME:
		command->runtime = true;
		return 0;
	case DAEMON_OPTION_JSON:
		command->json = true;
		return 0;
	default:
		return command->take(option, value, command->own, error);
	}
}

static int check_names(const struct daemon_command *command, const char *name, struct error *error)
{
	struct error wrong = {0};

	if (command->name_count < command->names_min)
		return fail(error, EINVAL, "%s: the name of a session is missing", name);
	for (int i = 0; i < command->name_count; i++)
		if (session_name_check(command->names[i], &wrong))
			return fail(error, EINVAL, "%s: %s", name, wrong.text);
	return 0;
}

int daemon_command_parse(int argc, char **argv, const struct option *options, struct daemon_command *command, struct error *error)
{
	char prefix[32];
	int rc;

	command->socket = API_SOCKET;
	snprintf(prefix, sizeof prefix, "%s: ", argv[0]);
	rc = options_parse(argc, argv, prefix, options, take_option, command, error);
	if (rc)
		return rc;
	command->names = argv + optind;
	command->name_count = argc - optind;
	if (command->help) {
		fputs(command->usage, stdout);
		return 0;
	}
	rc = options_end(argc, argv, prefix, command->names_max, error);
	return rc ? rc : check_names(command, argv[0], error);
}

/* Besides what is going to be said anyway. */
static void print_errors(const json_t *list, const char *said)
{
	const json_t *item;
	size_t i;

	json_array_foreach (list, i, item) {
		const char *file = json_string_value(json_object_get(item, "file")),
			   *text = json_string_value(json_object_get(item, "text")),
			   *severity = json_string_value(json_object_get(item, "severity"));
		long long line = json_integer_value(json_object_get(item, "line")),
			  column = json_integer_value(json_object_get(item, "column"));

		if (!(file && *file) && text && strcmp(text, said) == 0)
			continue;
		if (file && *file)
			fprintf(stderr, "%s:", file);
		if (line)
			fprintf(stderr, "%lld:%lld:", line, column);
		fprintf(stderr, "%s%s%s\n", file && *file ? " " : "", severity && strcmp(severity, "warning") == 0 ? "warning: " : "",
			text ? text : "");
	}
}

int daemon_command_ask(const struct daemon_command *command, const char *method, const char *path, json_t **answer, struct error *error)
{
	json_t *json = NULL;
	int rc = api_call(command->socket, method, path, command->body, &json, error);

	print_errors(json_object_get(json, rc ? "errors" : "warnings"), error->text);
	if (answer)
		*answer = json_incref(json);
	json_decref(json);
	return rc;
}

int daemon_command_each(const struct daemon_command *command, const char *method, const char *suffix, struct error *error)
{
	int rc = 0;

	for (int i = 0; i < command->name_count && !rc; i++) {
		char path[PATH_LEN];

		snprintf(path, sizeof path, "/v1/sessions/%s%s", command->names[i], suffix);
		rc = daemon_command_ask(command, method, path, NULL, error);
	}
	return rc;
}
