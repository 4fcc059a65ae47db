/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/command.h"

#include <farspan.h>
#include <stdio.h>
#include <string.h>

struct command {
	const char *name;
	int (*run)(int argc, char **argv, struct error *error);
	const char *help;
};

static const struct command commands[] = {
	{"apply", cmd_apply, "have farspand read its files again"},
	{"check", cmd_check, "find what is wrong in files of sessions"},
	{"collect", cmd_collect, "take mirrored frames out of their tunnels, into a file"},
	{"completion", cmd_completion, "print what completes command lines of farspan"},
	{"cost", cmd_cost, "measure what the sessions of farspand cost"},
	{"decode", cmd_decode, "print what the packets of a capture file are"},
	{"disable", cmd_disable, "stop sessions of farspand"},
	{"doctor", cmd_doctor, "find what goes wrong in practice, and say what to do"},
	{"enable", cmd_enable, "run sessions of farspand that were disabled"},
	{"export", cmd_export, "print sessions of farspand as files"},
	{"extcap", cmd_extcap, "be an interface of Wireshark and tshark: mirrored frames"},
	{"import", cmd_import, "write files of sessions that do what tc and erspan devices do here"},
	{"mirror", cmd_mirror, "copy an interface's frames to a collector"},
	{"show", cmd_show, "show the sessions of farspand"},
	{"top", cmd_top, "show what the sessions of farspand do, live"},
	{"tunnel", cmd_tunnel, "make network devices of tunnels: what is sent to them leaves encapsulated"},
};

enum {
	COMMANDS = sizeof commands / sizeof commands[0]
};

static void print_usage(FILE *out)
{
	fprintf(out, "farspan %s - port mirroring for Linux\n\nusage: farspan COMMAND ...\n\n", farspan_version());
	for (unsigned int i = 0; i < COMMANDS; i++)
		fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].help);
	fprintf(out, "\n\"farspan COMMAND --help\" tells the options; farspan(8) is the manual.\n");
}

static int run(const struct command *command, int argc, char **argv)
{
	struct error error = {0};
	int status = command->run(argc, argv, &error);

	if (error.code)
		fprintf(stderr, "farspan: %s\n", error.text);
	/* Output that did not reach its reader is not a success. */
	if ((fflush(stdout) || ferror(stdout)) && status == EXIT_OK) {
		fprintf(stderr, "farspan: standard output: write error\n");
		status = EXIT_FAILED;
	}
	return status;
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		print_usage(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
		print_usage(stdout);
		return fflush(stdout) ? EXIT_FAILED : EXIT_OK;
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		printf("farspan %s\n", farspan_version());
		return fflush(stdout) ? EXIT_FAILED : EXIT_OK;
	}
	for (unsigned int i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i].name, argv[1]) == 0)
			return run(&commands[i], argc - 1, argv + 1);
	fprintf(stderr, "farspan: unknown command '%s'; \"farspan --help\" lists them\n", argv[1]);
	return EXIT_USAGE;
}
