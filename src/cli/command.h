/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands of farspan: one row each in main.c, and each in a file named like it (disable is with enable). */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "base/error.h"

/* Exit statuses, as documented in farspan(8). */
enum {
	EXIT_OK = 0,
	EXIT_FAILED = 1, /* the work could not be done, or not all of it */
	EXIT_USAGE = 2,  /* the command line is wrong */
};

/* A command gets its own name in argv[0] and returns an exit status; if it filled *error, main prints it as "farspan: TEXT". */
int cmd_apply(int argc, char **argv, struct error *error);
int cmd_check(int argc, char **argv, struct error *error);
int cmd_collect(int argc, char **argv, struct error *error);
int cmd_completion(int argc, char **argv, struct error *error);
int cmd_cost(int argc, char **argv, struct error *error);
int cmd_decode(int argc, char **argv, struct error *error);
int cmd_disable(int argc, char **argv, struct error *error);
int cmd_doctor(int argc, char **argv, struct error *error);
int cmd_enable(int argc, char **argv, struct error *error);
int cmd_export(int argc, char **argv, struct error *error);
int cmd_extcap(int argc, char **argv, struct error *error);
int cmd_import(int argc, char **argv, struct error *error);
int cmd_mirror(int argc, char **argv, struct error *error);
int cmd_show(int argc, char **argv, struct error *error);
int cmd_top(int argc, char **argv, struct error *error);
int cmd_tunnel(int argc, char **argv, struct error *error);

#endif
