/* SPDX-License-Identifier: BSD-2-Clause */
/* farspan doctor: what goes wrong in practice, and what to do about it. */
#include "cli/command.h"

#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/options.h"
#include "doctor/doctor.h"
#include "model/ranges.h"
#include "model/session_file.h"

enum {
	LISTEN_MAX_S = 3600,
	LISTEN_MS = 1000,
};

struct doctor_command {
	struct session_list list;
	struct session *own; /* of -i, -t and -f; NULL: none */
	struct findings findings;
	uint64_t listen_ms;
	bool json;
	bool quiet;
	bool help;
};

static void print_usage(FILE *out)
{
	fprintf(out,
		"usage: farspan doctor [-i IFACE...] [-t DESTINATION...] [-f SOURCE...] [--listen SECONDS] [-q] [--json]\n"
		"                      [FILE|DIRECTORY...]\n\n"
		"Looks for what goes wrong in practice: kernel and privileges, routes, MTU, neighbours, packet filters, offloads, the "
		"clock,\n"
		"mirrors of others; and says what to do. Of the sessions in the files, by default those that farspand would run, or of "
		"what\n"
		"the options say. Changes nothing. Ends with 0 if there is no problem, 1 if there is; warnings and notes do not count.\n\n"
		"  -i, --interface IFACE   an interface to be mirrored\n"
		"  -t, --to DESTINATION    where copies are to go, as for mirror\n"
		"  -f, --from SOURCE       what is to be collected, as for collect\n"
		"      --listen SECONDS    how long to listen for senders (1); 0: not at all\n"
		"  -q, --quiet             not what is all right\n"
		"      --json              findings as JSON on the standard output\n"
		"  -h, --help              this text\n");
}

static int own_session(struct doctor_command *command, struct error *error)
{
	if (!command->own)
		command->own = session_new("options");
	return command->own ? 0 : fail(error, ENOMEM, "doctor: out of memory");
}

static int parse_endpoint(int option, const char *text, struct doctor_command *command, struct error *error)
{
	int rc = own_session(command, error);

	if (rc || option == 'i')
		return rc ? rc : session_add_source(command->own, text, error);
	if (option == 't')
		return session_add_destination(command->own, text, error);
	return session_add_tunnel(command->own, text, error);
}

static int parse_listen(const char *text, struct doctor_command *command, struct error *error)
{
	uint64_t seconds;
	const char *end = range_number(text, LISTEN_MAX_S, &seconds);

	if (!end || *end)
		return fail(error, EINVAL, "doctor: listen must be a number of seconds from 0 to %d, not '%s'", LISTEN_MAX_S, text);
	command->listen_ms = seconds * 1000;
	return 0;
}

enum {
	OPTION_JSON = 256,
	OPTION_LISTEN,
};

static int parse_option(int option, const char *value, void *context, struct error *error)
{
	struct doctor_command *command = context;

	command->json |= option == OPTION_JSON;
	command->quiet |= option == 'q';
	command->help |= option == 'h';
	if (option == OPTION_LISTEN)
		return parse_listen(value, command, error);
	return option == 'i' || option == 't' || option == 'f' ? parse_endpoint(option, value, command, error) : 0;
}

static int parse_options(int argc, char **argv, struct doctor_command *command, struct error *error)
{
	static const struct option options[] = {{"interface", required_argument, NULL, 'i'},
						{"to", required_argument, NULL, 't'},
						{"from", required_argument, NULL, 'f'},
						{"json", no_argument, NULL, OPTION_JSON},
						{"listen", required_argument, NULL, OPTION_LISTEN},
						{"quiet", no_argument, NULL, 'q'},
						{"help", no_argument, NULL, 'h'},
						{NULL, 0, NULL, 0}};

	return options_parse(argc, argv, "doctor: ", options, parse_option, command, error);
}

/* With -i and -f both, each is looked at by itself. */
static void add_own(struct doctor_command *command)
{
	struct session *own = command->own;

	command->own = NULL;
	if (own && session_list_add(&command->list, own))
		session_free(own);
}

/* What cannot be read is told, and the rest is looked at. */
static void read_sessions(int count, char **paths, struct doctor_command *command)
{
	struct error_list errors = {0};

	if (!count && !command->own)
		session_dir_load(session_directories, NULL, &command->list, &errors);
	session_paths_load(count, paths, &command->list, &errors);
	for (size_t i = 0; i < errors.count; i++)
		findings_add(&command->findings, SEVERITY_problem, "sessions", errors.items[i].place.file, "\"farspan check\" tells more",
			     "%s", errors.items[i].text);
	error_list_free(&errors);
}

static const char *const severity_names[] = {
#define NAME(name, text) #name,
	DOCTOR_SEVERITIES(NAME)
#undef NAME
};

static const char *const severity_texts[] = {
#define TEXT(name, text) text,
	DOCTOR_SEVERITIES(TEXT)
#undef TEXT
};

static void print_text(const struct doctor_command *command)
{
	for (enum severity severity = SEVERITY_problem + 1; severity-- > SEVERITY_fine;)
		for (size_t i = 0; i < command->findings.count; i++) {
			const struct finding *finding = &command->findings.items[i];

			if (finding->severity != severity || (command->quiet && severity == SEVERITY_fine))
				continue;
			printf("%-8s %s%s%s: %s\n", severity_texts[severity], finding->check, *finding->subject ? " " : "",
			       finding->subject, finding->text);
			if (*finding->advice)
				printf("%-8s   -> %s\n", "", finding->advice);
		}
}

static int print_json(const struct doctor_command *command)
{
	json_t *items = json_array(), *json;
	int rc;

	for (size_t i = 0; i < command->findings.count; i++) {
		const struct finding *finding = &command->findings.items[i];

		json_array_append_new(items, json_pack("{s:s, s:s, s:s, s:s, s:s}", "severity", severity_names[finding->severity], "check",
						       finding->check, "subject", finding->subject, "text", finding->text, "advice",
						       finding->advice));
	}
	json = json_pack("{s:I, s:o}", "problems", (json_int_t)command->findings.problems, "findings", items);
	rc = json ? json_dumpf(json, stdout, JSON_INDENT(1)) : -1;
	putchar('\n');
	json_decref(json);
	return rc;
}

int cmd_doctor(int argc, char **argv, struct error *error)
{
	static struct doctor_command command = {.listen_ms = LISTEN_MS};
	int status = EXIT_OK;

	if (parse_options(argc, argv, &command, error)) {
		session_free(command.own);
		return EXIT_USAGE;
	}
	if (command.help) {
		print_usage(stdout);
		session_free(command.own);
		return EXIT_OK;
	}
	read_sessions(argc - optind, argv + optind, &command);
	add_own(&command);
	doctor_examine(&command.list, &command.findings);
	if (command.listen_ms)
		doctor_listen(&command.list, (unsigned int)command.listen_ms, &command.findings);
	if (!command.json)
		print_text(&command);
	else if (print_json(&command))
		status = EXIT_FAILED;
	if (command.findings.problems)
		status = EXIT_FAILED;
	findings_free(&command.findings);
	session_list_free(&command.list);
	return status;
}
