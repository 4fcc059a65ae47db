/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When the sender saw the frames of one Type III session: timestamps mapped to the wall clock. Hides granularities, wraps, subheaders,
 * clocks that follow no wall clock, their drift and their steps. It has no clock of its own: all it knows of time is what the caller says.
 *
 * A timestamp v counts a clock modulo its period; r is when the packet was received. d = r - v, the nearest to 0 modulo the period, is the
 * delay if the clock follows the wall clock. If it does not, d is some offset, and the delay what d is above its lower envelope.
 *
 *     d |        .     .                 rows of 10 s: the lowest d of each is on the envelope,
 *       |  .   . ___.----  envelope      which rises or falls with the drift of the two clocks
 *       | _.---
 *       +------------------ r
 */
#ifndef RECORD_SOURCE_TIME_H
#define RECORD_SOURCE_TIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <farspan.h>

/* How the time of a packet is known, best last: X(name, text). */
#define SOURCE_QUALITIES(X)                                                                          \
	X(none, "unknown")                                                                           \
	X(fit, "by a clock of its own, fitted to the fastest packets")                               \
	X(wrap, "as the timestamp nearest to the reception, by a clock that follows the wall clock") \
	X(marker, "by the sender's marker packets")                                                  \
	X(exact, "whole, in the packet")

enum source_quality {
#define SOURCE_ENUM(name, text) SOURCE_##name,
	SOURCE_QUALITIES(SOURCE_ENUM)
#undef SOURCE_ENUM
	SOURCE_QUALITY_COUNT,
};

/* "exact" */
const char *source_quality_name(enum source_quality quality);

/* What an NX-OS marker packet says: at this time the clock that stamps packets stood there. */
struct source_marker {
	uint64_t ticks;  /* 48 bits */
	uint64_t utc_ns; /* since 1970 */
	uint32_t sequence;
};

/* Reads the UDP payload of a marker packet; false if it is none. */
bool source_marker_read(const void *data, size_t len, struct source_marker *marker);

/* All zero is a tracker without a packet. Read freely; only source_time_add() writes. */
struct source_time {
	uint64_t counts[SOURCE_QUALITY_COUNT]; /* packets; their sum is all */
	uint64_t steps;                        /* how often one of the two clocks was set */
	int64_t drift_ppb;                     /* how much slower the sender's clock is */
	/* From the source to the reception, of packets of wrap and better. */
	uint64_t delays;
	int64_t delay_min_ns, delay_max_ns;
	double delay_mean_ns;
	int64_t jitter_ns; /* RFC 3550 section 6.4.1 */

	/* Inside. */
	uint64_t period_ns; /* of the timestamps; 0: they are whole */
	bool wide;          /* IEEE 1588 nanoseconds that do not end with the second */
	bool runs;          /* some timestamp was not 0 */
	bool has_base, has_row, has_lowest, has_odd, has_drift, has_last;
	int64_t base_ns;     /* d on the envelope, at base_at_ns */
	uint64_t base_at_ns; /* received */
	uint64_t row_at_ns;  /* when the row began */
	int64_t lowest_ns;   /* of this row, above the line through base */
	int64_t lowest_above_ns;
	uint64_t lowest_at_ns;
	int64_t odd_ns;  /* d that did not fit at all: a step, if there is another like it */
	int64_t last_ns; /* d above base of the packet before */
};

/*
 * Adds a packet of the session, received at receive_ns since 1970, where the sender's last marker may be known (else NULL) with the time
 * it was received at. *source_ns becomes the time on the wall clock; with the quality none it is receive_ns.
 */
enum source_quality source_time_add(struct source_time *time, const struct farspan_packet *packet, uint64_t receive_ns,
				    const struct source_marker *marker, uint64_t marker_receive_ns, uint64_t *source_ns);

#endif
