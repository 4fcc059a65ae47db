/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sequence numbers of one sender's session: what was lost, late, twice, or begun anew. Hides wraps and the window of recent numbers.
 *
 * The tracker holds a run of numbers, from its first to its highest. After each number
 *
 *   received - duplicate + lost == covered
 *
 * where covered counts the numbers of all runs, first and highest included.
 */
#ifndef RECORD_SEQUENCE_H
#define RECORD_SEQUENCE_H

#include <stdbool.h>
#include <stdint.h>

enum {
	SEQUENCE_WINDOW = 256,       /* numbers this far behind the highest are remembered; older ones mean a restart */
	SEQUENCE_GAP_MAX = 1 << 24,  /* a jump ahead by more is a restart, not a loss */
	SEQUENCE_WRAP_MAX = 1 << 16, /* a gap across a 30-bit wrap of more is a restart */
	SEQUENCE_START_MAX = 15,     /* senders begin at 0 or 1; so many are thought to be lost at most */
	SEQUENCE_AGAIN = 8,          /* numbers seen twice, in order from the start on: not duplicates, but a restart */
	SEQUENCE_WORDS = SEQUENCE_WINDOW / 64,
};

enum sequence_verdict {
	SEQUENCE_FIRST,     /* the tracker's first number */
	SEQUENCE_NEXT,      /* the one after the highest */
	SEQUENCE_GAP,       /* ahead of that */
	SEQUENCE_LATE,      /* behind, and new */
	SEQUENCE_DUPLICATE, /* behind or equal, and seen */
	SEQUENCE_RESTART,   /* too far away, or from the start again: a new run begins */
};

/* What numbers say of those that did not come in order. */
struct sequence_loss {
	uint64_t gaps; /* jumps ahead */
	uint64_t lost; /* numbers of gaps that did not come, so far */
	uint64_t late;
	uint64_t duplicate;
	uint64_t restarted; /* times that the sender began anew */
};

/* What a restart takes back when it is recognised as one: the counters as they were, from the first number that is now another's. */
struct sequence_again {
	uint32_t next;       /* the number that would go on */
	uint32_t count;      /* numbers in order so far; 0: none */
	uint32_t duplicates; /* of them */
	struct sequence_loss loss;
	uint64_t covered;
};

/* All zero is a tracker without a number. Read the counters freely; only sequence_add() writes. */
struct sequence {
	uint64_t received; /* numbers added, duplicates too */
	struct sequence_loss loss;
	uint64_t covered;                /* numbers from first to highest, over all runs */
	uint64_t run;                    /* the same of this run; 0: no number yet */
	uint32_t highest;                /* the latest number of this run, modulo its width */
	bool wraps_at_30;                /* the sender was seen going from 0x3fffffff to 0, as some Nexus switches do */
	uint64_t window[SEQUENCE_WORDS]; /* bit i: highest - i came */
	struct sequence_again again;
};

/* Adds a number. *skipped (not NULL) becomes how many numbers are missing directly before it: 0 unless SEQUENCE_GAP. */
enum sequence_verdict sequence_add(struct sequence *sequence, uint32_t number, uint32_t *skipped);

/* Adds what another counted. */
void sequence_loss_add(struct sequence_loss *loss, const struct sequence_loss *more);

/*
 * Sessions whose sender may number them with one counter, as Open vSwitch and the kernel's metadata mode do: apart they all have gaps,
 * together none. All zero is a group without a number.
 */
struct sequence_group {
	struct sequence all;
	/* Of the sessions, taken one by one. */
	uint64_t apart; /* what was lost, or began anew */
	uint64_t twice;
	unsigned int sessions;
};

/*
 * Adds a number of a session, which is in the group, to both. *skipped becomes how many numbers are missing directly before it: in the
 * group if that shares one counter, else in the session. Returns what the number is in the session.
 */
enum sequence_verdict sequence_group_add(struct sequence_group *group, struct sequence *session, uint32_t number, uint32_t *skipped);

/* Whether the sessions share one counter, as far as can be seen: then loss is that of the group. Needs 8 numbers of two sessions. */
bool sequence_group_is_shared(const struct sequence_group *group);

#endif
