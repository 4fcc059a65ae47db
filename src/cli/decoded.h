/* SPDX-License-Identifier: BSD-2-Clause */
/* What "farspan decode" prints of a packet: hides which fields a packet has, their names, order and form. */
#ifndef CLI_DECODED_H
#define CLI_DECODED_H

#include <stdint.h>

#include <farspan.h>

#include "cli/output.h"

/* A packet of the file and what it was found to be. */
struct decoded {
	uint64_t n; /* from 1 */
	uint64_t time_ns;
	const char *reason; /* NULL: not refused */
	uint64_t inner_off; /* in the packet of the file or, if it completed a fragmented one, in the reassembled packet */
	struct farspan_packet packet;
	unsigned int inner_extra; /* FARSPAN_INNER_EXTRA: what the switch left in the frame */
};

/* Looks into the mirrored frame, whose packet was decoded from data; every packet, as the last one's is kept otherwise. */
void decoded_inner(struct decoded *decoded, const void *data);

/* One line of "key=value"s, fields that are 0 and say nothing by it left out. */
void decoded_print_line(struct output *output, const struct decoded *decoded);

/* One JSON object on a line, every field that applies. */
void decoded_print_json(struct output *output, const struct decoded *decoded);

#endif
