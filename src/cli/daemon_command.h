/* SPDX-License-Identifier: BSD-2-Clause */
/* What the commands about the daemon share: their options, the names of sessions, and how its errors are told. */
#ifndef CLI_DAEMON_COMMAND_H
#define CLI_DAEMON_COMMAND_H

#include <jansson.h>
#include <stdbool.h>

#include "base/options.h"

enum {
	DAEMON_NAMES_ANY = 0x7fffffff
};

struct daemon_command {
	const char *usage;        /* as --help prints it */
	int names_min, names_max; /* how many sessions may be named */
	option_taker *take;       /* reads options of its own into own */
	void *own;

	/* What was said. */
	const char *socket;
	char **names;
	int name_count;
	bool help, json;
	bool runtime;       /* --runtime was given, which not all have */
	const json_t *body; /* of the request; NULL: none */
};

/* The lines of --help, and the options, that they have in common. */
#define DAEMON_HELP \
	"  -S, --socket SOCKET   of another farspand than that of /run/farspan/farspan.sock\n  -h, --help            this text\n"
#define DAEMON_OPTIONS                            \
	{"socket", required_argument, NULL, 'S'}, \
	{                                         \
		"help", no_argument, NULL, 'h'    \
	}

enum {
	DAEMON_OPTION_RUNTIME = 256,
	DAEMON_OPTION_JSON,
};

/* Reads the words; prints --help if that is asked for. 0, or -EINVAL. */
int daemon_command_parse(int argc, char **argv, const struct option *options, struct daemon_command *command, struct error *error);

/* Asks, and prints every error and warning of the answer to the standard error. *answer may be NULL. */
int daemon_command_ask(const struct daemon_command *command, const char *method, const char *path, json_t **answer, struct error *error);

/* POST on /v1/sessions/NAME and what follows, for each name. Ends with the first error. */
int daemon_command_each(const struct daemon_command *command, const char *method, const char *suffix, struct error *error);

#endif
