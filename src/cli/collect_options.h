/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line of farspan collect: hides its options and what of them goes together. */
#ifndef CLI_COLLECT_OPTIONS_H
#define CLI_COLLECT_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "datapath/attach.h"
#include "datapath/collector_path.h"
#include "engine/collect.h"
#include "model/session.h"

enum {
	COLLECT_SOURCES_MAX = 64
};

/* Where frames go: all, or those of the sources in front of these options. */
struct collect_output_options {
	bool given;        /* some of it */
	const char *write; /* "-": standard output; NULL: nothing is recorded */
	struct recording_rotation rotation;
	struct recording_sync sync;
	bool zstd;
	struct session relay; /* destinations, and how copies to tunnels are shaped */
	unsigned int inner;   /* enum farspan_inner_part */
};

struct collect_options {
	const char *read;                                           /* capture file of outer packets; NULL: live */
	const char *listen;                                         /* for pcap-over-IP; NULL: not */
	struct collect_output_options outputs[COLLECT_OUTPUTS_MAX]; /* the first: for all frames */
	unsigned int output_count;
	uint64_t count; /* frames; 0: all */
	const char *interfaces[COLLECTOR_INTERFACES_MAX];
	unsigned int interface_count; /* 0: all */
	enum attach_way way;
	bool json;
	unsigned int stats; /* seconds; 0: none */
	enum collect_time time;
	bool adapter_times;
	bool quiet;
	bool help;
	unsigned int source_count;
	struct endpoint sources[COLLECT_SOURCES_MAX];
	unsigned int source_outputs[COLLECT_SOURCES_MAX]; /* index of the output besides the first */
};

void collect_print_usage(FILE *out);

/* *options, all zero before, is what the words say; pointers are into argv. 0, or -EINVAL with what is allowed in *error. */
int collect_options_parse(int argc, char **argv, struct collect_options *options, struct error *error);

#endif
