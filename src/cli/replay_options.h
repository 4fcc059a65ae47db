/* SPDX-License-Identifier: BSD-2-Clause */
/* The options that replay a capture file, and what is told about it. */
#ifndef CLI_REPLAY_OPTIONS_H
#define CLI_REPLAY_OPTIONS_H

#include "base/options.h"
#include <stdio.h>

#include "engine/replay.h"

enum replay_option {
	REPLAY_OPTION_READ = 'r', /* as in REPLAY_OPTIONS, from which completion reads it */
	REPLAY_OPTION_FIRST = 768,
	OPTION_SPEED = REPLAY_OPTION_FIRST,
	OPTION_TOPSPEED,
	OPTION_PPS,
	OPTION_MBPS,
	OPTION_LOOP,
	REPLAY_OPTION_END,
};

/* Rows for getopt_long(3). */
#define REPLAY_OPTIONS                                                                                          \
	{"read", required_argument, NULL, 'r'}, {"speed", required_argument, NULL, OPTION_SPEED},               \
		{"topspeed", no_argument, NULL, OPTION_TOPSPEED}, {"pps", required_argument, NULL, OPTION_PPS}, \
		{"mbps", required_argument, NULL, OPTION_MBPS},                                                 \
	{                                                                                                       \
		"loop", required_argument, NULL, OPTION_LOOP                                                    \
	}

/* Lines of --help. */
#define REPLAY_HELP                                                                                                                     \
	"  -r, --read FILE         mirror the frames of a pcap or pcapng instead, at the times at which they were captured; - is the\n" \
	"                          standard input\n"                                                                                    \
	"      --speed FACTOR      so many times as fast, as in 2x or 0.5\n"                                                            \
	"      --pps NUMBER        so many frames per second\n"                                                                         \
	"      --mbps NUMBER       so many millions of bits of frames per second\n"                                                     \
	"      --topspeed          as fast as possible\n"                                                                               \
	"      --loop COUNT        so many times, 0 for ever\n"

/* Before any option is read. */
void replay_defaults(struct replay_config *config);

/* Reads one of the options; and, behind all of them, whether they go together. -EINVAL with what is allowed in *error. */
int replay_option(int option, const char *value, struct replay_config *config, struct error *error);
int replay_check(const struct replay_config *config, struct error *error);

/* "farspan: 12 frames of FILE; 1 not of Ethernet, 2 that ...", a line. */
void replay_report(FILE *out, const struct replay *replay);

#endif
