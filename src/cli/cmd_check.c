/* SPDX-License-Identifier: BSD-2-Clause */
/* farspan check: what is wrong in files of sessions, all at once, without a daemon. */
#include "cli/command.h"

#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/options.h"
#include "base/plural.h"
#include "doctor/here.h"
#include "model/session_file.h"
#include "model/session_json.h"

struct check_command {
	char **paths;
	int path_count;
	bool json;
	bool quiet;
	bool help;
};

static void print_usage(FILE *out)
{
	fprintf(out, "usage: farspan check [-q] [--json] [FILE|DIRECTORY...]\n\n"
		     "Reads files of sessions, see farspan.session(5), and tells everything that is wrong in them: what cannot be read, "
		     "what does\n"
		     "not go together, loops, tunnels claimed twice, and paths too narrow for the frames. Without FILE: all that farspand "
		     "would\n"
		     "read. Needs neither a daemon nor privileges. Ends with 0 if nothing is wrong, 1 if something is; warnings do not "
		     "count.\n\n"
		     "  -q, --quiet   only errors and warnings\n"
		     "      --json    errors and warnings as JSON on the standard output\n"
		     "  -h, --help    this text\n");
}

enum {
	OPTION_JSON = 256
};

static int parse_option(int option, const char *value, void *context, struct error *error)
{
	struct check_command *command = context;

	(void)value, (void)error;
	command->json |= option == OPTION_JSON;
	command->quiet |= option == 'q';
	command->help |= option == 'h';
	return 0;
}

static int parse_command_line(int argc, char **argv, struct check_command *command, struct error *error)
{
	static const struct option options[] = {{"json", no_argument, NULL, OPTION_JSON},
						{"quiet", no_argument, NULL, 'q'},
						{"help", no_argument, NULL, 'h'},
						{NULL, 0, NULL, 0}};
	int rc = options_parse(argc, argv, "check: ", options, parse_option, command, error);

	command->paths = argv + optind;
	command->path_count = argc - optind;
	return rc;
}

static int print_json(const struct session_list *list, const struct error_list *errors)
{
	json_t *json = json_pack("{s:I, s:I, s:o}", "sessions", (json_int_t)list->count, "errors", (json_int_t)errors->errors, "findings",
				 session_errors_to_json(errors));

	if (!json || json_dumpf(json, stdout, JSON_INDENT(1)))
		return -ENOMEM;
	putchar('\n');
	json_decref(json);
	return 0;
}

int cmd_check(int argc, char **argv, struct error *error)
{
	struct check_command command = {0};
	struct session_list faulty = {0}, list = {.faulty = &faulty};
	struct error_list errors = {0};
	int status;

	if (parse_command_line(argc, argv, &command, error))
		return EXIT_USAGE;
	if (command.help) {
		print_usage(stdout);
		return EXIT_OK;
	}
	if (!command.path_count)
		session_dir_load(session_directories, NULL, &list, &errors);
	session_paths_load(command.path_count, command.paths, &list, &errors);
	session_list_check(&list, &errors);
	here_check(&list, &errors);
	here_check_filters(&faulty, &errors);
	error_list_sort(&errors);
	status = errors.errors ? EXIT_FAILED : EXIT_OK;
	if (command.json) {
		if (print_json(&list, &errors))
			status = EXIT_FAILED;
	} else {
		error_list_print(stderr, &errors);
		if (!command.quiet && !errors.errors)
			printf("%zu session%s, nothing wrong%s\n", list.count, plural(list.count), errors.count ? ", but see above" : "");
	}
	session_list_free(&list);
	session_list_free(&faulty);
	error_list_free(&errors);
	return status;
}
