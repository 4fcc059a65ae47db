/* SPDX-License-Identifier: BSD-2-Clause */
/* The options by which commands shape copies, once for all commands. */
#ifndef CLI_SHAPE_OPTIONS_H
#define CLI_SHAPE_OPTIONS_H

#include "base/options.h"

#include "model/session.h"

enum shape_option {
	SHAPE_OPTION_FIRST = 512,
	OPTION_SPREAD = SHAPE_OPTION_FIRST,
	OPTION_VLAN,
	OPTION_STRIP_TAG,
	OPTION_SAMPLE,
	OPTION_RATE,
	OPTION_TRUNCATE,
	SHAPE_OPTION_END,
};

/* Rows for getopt_long(3). */
#define SHAPE_OPTIONS                                                                                                   \
	{"spread", no_argument, NULL, OPTION_SPREAD}, {"vlan", required_argument, NULL, OPTION_VLAN},                   \
		{"strip-tag", no_argument, NULL, OPTION_STRIP_TAG}, {"sample", required_argument, NULL, OPTION_SAMPLE}, \
		{"rate", required_argument, NULL, OPTION_RATE},                                                         \
	{                                                                                                               \
		"truncate", required_argument, NULL, OPTION_TRUNCATE                                                    \
	}

/* Lines of --help. */
#define SHAPE_HELP                                                                                       \
	"      --spread            share the flows among the destinations instead of a copy each\n"      \
	"      --vlan LIST         only these VLANs, as in 10,20-29; 0 is untagged\n"                    \
	"      --strip-tag         leave the outermost VLAN tag out of the copies\n"                     \
	"      --sample N          1 frame in N: random:N (default), count:N, or flow:N (1 flow in N)\n" \
	"      --rate RATE         at most so much per second, as in 10mbit or 500pps; ,burst=20ms\n"    \
	"      --truncate LENGTH   copy only so many bytes, or up to the end of the headers: l2, l3, l4\n"

/* Reads one of them into the session; -EINVAL with what is allowed in *error. */
int shape_option(int option, const char *value, struct session *session, struct error *error);

#endif
