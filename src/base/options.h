/* SPDX-License-Identifier: BSD-2-Clause */
/* The options of a command line: hides getopt_long(3), its state and its complaints. */
#ifndef BASE_OPTIONS_H
#define BASE_OPTIONS_H

#include <getopt.h>

#include "base/error.h"

/* An option, by the val of its row; value is NULL where it has none. 0, or -errno. */
typedef int option_taker(int option, const char *value, void *context, struct error *error);

/*
 * Has take read every option of argv, until one is refused; the words that are none are then argv[optind] and behind. A row whose val is a
 * character has that letter too. prefix, as "mirror: ", begins what is said of an option that is unknown, or has no value or one too many.
 * 0, -EINVAL, or what take returned.
 */
int options_parse(int argc, char **argv, const char *prefix, const struct option *rows, option_taker *take, void *context,
		  struct error *error);

/* After options_parse(): -EINVAL, naming the first that is too many, if more than max words are left. */
int options_end(int argc, char **argv, const char *prefix, int max, struct error *error);

#endif
