/* SPDX-License-Identifier: BSD-2-Clause */
/* What a session does to the frames before it sends copies: which of them, how many, how much of each. And the text of it. */
#ifndef MODEL_SHAPE_H
#define MODEL_SHAPE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "bpf/abi.h"

struct shape {
	const char *filter; /* pcap-filter(7), of whoever has the shape; NULL: none */

	bool some_vlans;
	struct vlan_set vlans;
	bool strip_tag; /* the outermost */

	enum sample_mode sample;
	uint32_t sample_n;

	bool limited;
	bool rate_in_bits; /* else frames */
	uint64_t rate;     /* per second */
	uint64_t burst_ns; /* how far a burst may run ahead */

	enum truncate_mode truncate;
	uint32_t truncate_bytes;
};

/* Each reads one option into the shape: 0, or -EINVAL with what is allowed in *error. */
int shape_parse_vlans(const char *text, struct shape *shape, struct error *error);    /* 10,20-29; 0 is untagged */
int shape_parse_sample(const char *text, struct shape *shape, struct error *error);   /* N, random:N, count:N, flow:N */
int shape_parse_rate(const char *text, struct shape *shape, struct error *error);     /* 10mbit, 500pps; ,burst=20ms */
int shape_parse_burst(const char *text, struct shape *shape, struct error *error);    /* 20ms */
int shape_parse_truncate(const char *text, struct shape *shape, struct error *error); /* bytes, l2, l3, l4 */

/* Each writes what the function above reads; false, and nothing, if it is not in the shape. */
bool shape_print_vlans(const struct shape *shape, FILE *out);
bool shape_print_sample(const struct shape *shape, FILE *out);
bool shape_print_rate(const struct shape *shape, FILE *out);
bool shape_print_burst(const struct shape *shape, FILE *out);
bool shape_print_truncate(const struct shape *shape, FILE *out);

/* The units of rate per second as the programs count them: see struct bucket. */
uint64_t shape_cost_scale(const struct shape *shape);

#endif
