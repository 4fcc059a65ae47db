/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sequence numbers of one sender's session: what was lost, late, twice, or begun anew. Hides wraps and the window of recent numbers.
 *
 * The tracker holds a run of numbers, from its first to its highest. After each number
 *
 *   received - duplicate + lost == covered
 *
 * where covered counts the numbers of all runs, first and highest included. A number is never a reason to drop its packet.
 */
#ifndef RECORD_SEQUENCE_H
#define RECORD_SEQUENCE_H

#include <stdbool.h>
#include <stdint.h>

enum {
	SEQUENCE_WINDOW = 256,       /* numbers this far behind the highest are remembered; older ones mean a restart */
	SEQUENCE_GAP_MAX = 1 << 24,  /* a jump ahead by more is a restart, not a loss */
	SEQUENCE_WRAP_MAX = 1 << 16, /* a gap across a 30-bit wrap of more is a restart */
};

enum sequence_verdict {
	SEQUENCE_FIRST,     /* the tracker's first number */
	SEQUENCE_NEXT,      /* the one after the highest */
	SEQUENCE_GAP,       /* ahead of that */
	SEQUENCE_LATE,      /* behind, and new */
	SEQUENCE_DUPLICATE, /* behind or equal, and seen */
	SEQUENCE_RESTART,   /* too far away: a new run begins */
};

/* All zero is a tracker without a number. Read the counters freely; only sequence_add() writes. */
struct sequence {
	uint64_t received; /* numbers added, duplicates too */
	uint64_t lost;     /* numbers of gaps that did not come, so far */
	uint64_t late;
	uint64_t duplicate;
	uint64_t restarted;
	uint64_t gaps;                         /* jumps ahead */
	uint64_t covered;                      /* numbers from first to highest, over all runs */
	uint64_t run;                          /* the same of this run; 0: no number yet */
	uint32_t highest;                      /* the latest number of this run, modulo its width */
	bool wraps_at_30;                      /* the sender was seen going from 0x3fffffff to 0, as some Nexus switches do */
	uint64_t window[SEQUENCE_WINDOW / 64]; /* bit i: highest - i came */
};

/* Adds a number. *skipped (not NULL) becomes how many numbers are missing directly before it: 0 unless SEQUENCE_GAP. */
enum sequence_verdict sequence_add(struct sequence *sequence, uint32_t number, uint32_t *skipped);

#endif
