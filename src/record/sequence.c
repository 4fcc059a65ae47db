/* SPDX-License-Identifier: BSD-2-Clause */
#include "record/sequence.h"

#include <string.h>

#define NUMBER_30_MAX 0x3fffffffu

enum {
	WORD_BITS = 64,
	SHARED_MIN = 8, /* numbers, of a group and of its sessions' gaps, that are enough to judge by */
};

static bool bit_is_set(const struct sequence *sequence, uint32_t back)
{
	return sequence->window[back / WORD_BITS] >> back % WORD_BITS & 1;
}

static void set_bit(struct sequence *sequence, uint32_t back)
{
	sequence->window[back / WORD_BITS] |= 1ull << back % WORD_BITS;
}

/* The highest number becomes one that is `ahead` further. */
static void shift_window(struct sequence *sequence, uint32_t ahead)
{
	const uint32_t words = ahead / WORD_BITS, bits = ahead % WORD_BITS;
	uint64_t *window = sequence->window;

	if (ahead >= SEQUENCE_WINDOW) {
		memset(window, 0, sizeof sequence->window);
		return;
	}
	if (words) {
		memmove(window + words, window, (SEQUENCE_WORDS - words) * sizeof *window);
		memset(window, 0, words * sizeof *window);
	}
	if (bits) {
		for (uint32_t i = SEQUENCE_WORDS - 1; i > 0; i--)
			window[i] = window[i] << bits | window[i - 1] >> (WORD_BITS - bits);
		window[0] <<= bits;
	}
}

static bool in_reach(int32_t distance, int32_t gap_max)
{
	return distance > -SEQUENCE_WINDOW && distance - 1 <= gap_max;
}

/*
 * How far number is ahead of the highest; false if it is out of reach. A sender is taken for one that wraps at 30 bits only when it does so
 * within a short gap, since a restart at 0 looks alike, and no longer when it shows a number above.
 */
static bool measure(struct sequence *sequence, uint32_t number, int32_t *distance)
{
	uint32_t ahead = number - sequence->highest;
	int32_t ahead_30 = (int32_t)(ahead << 2) / 4;

	*distance = (int32_t)ahead;
	if (number > NUMBER_30_MAX)
		sequence->wraps_at_30 = false;
	if (in_reach(*distance, SEQUENCE_GAP_MAX))
		return true;
	if (number > NUMBER_30_MAX || sequence->highest > NUMBER_30_MAX)
		return false;
	if (!in_reach(ahead_30, sequence->wraps_at_30 ? SEQUENCE_GAP_MAX : SEQUENCE_WRAP_MAX))
		return false;
	sequence->wraps_at_30 = true;
	*distance = ahead_30;
	return true;
}

static void begin_run(struct sequence *sequence, uint32_t number)
{
	memset(sequence->window, 0, sizeof sequence->window);
	set_bit(sequence, 0);
	sequence->highest = number;
	sequence->covered++;
	sequence->run = 1;
}

static enum sequence_verdict add_ahead(struct sequence *sequence, uint32_t number, uint32_t ahead, uint32_t *skipped)
{
	*skipped = ahead - 1;
	shift_window(sequence, ahead);
	set_bit(sequence, 0);
	sequence->highest = number;
	sequence->covered += ahead;
	sequence->run += ahead;
	sequence->loss.lost += *skipped;
	if (*skipped == 0)
		return SEQUENCE_NEXT;
	sequence->loss.gaps++;
	return SEQUENCE_GAP;
}

static enum sequence_verdict add_behind(struct sequence *sequence, uint32_t back)
{
	if (bit_is_set(sequence, back)) {
		sequence->loss.duplicate++;
		return SEQUENCE_DUPLICATE;
	}
	set_bit(sequence, back);
	sequence->loss.late++;
	if (back < sequence->run) {
		sequence->loss.lost--;
		return SEQUENCE_LATE;
	}
	/* From before the first number: the run now begins with this one. */
	sequence->loss.lost += back - sequence->run;
	sequence->covered += back + 1 - sequence->run;
	sequence->run = back + 1;
	return SEQUENCE_LATE;
}

/* ---- restarts within the window ---- */

/* Before a number that is behind is counted: whether it goes on, or begins, a row of them from the start. */
static void note_again(struct sequence *sequence, uint32_t number)
{
	struct sequence_again *again = &sequence->again;

	if (!again->count || number != again->next) {
		*again = (struct sequence_again){0};
		if (number > SEQUENCE_START_MAX)
			return;
		again->loss = sequence->loss;
		again->covered = sequence->covered;
	}
	again->count++;
	again->next = number + 1;
}

/* The row was no row of duplicates: what it did is undone, and it is a run of its own. */
static enum sequence_verdict restart_again(struct sequence *sequence)
{
	const struct sequence_again again = sequence->again;

	sequence->loss = again.loss;
	sequence->covered = again.covered;
	sequence->loss.restarted++;
	begin_run(sequence, again.next - again.count);
	for (uint32_t i = 1; i < again.count; i++) {
		uint32_t none;

		add_ahead(sequence, again.next - again.count + i, 1, &none);
	}
	sequence->again = (struct sequence_again){0};
	return SEQUENCE_RESTART;
}

enum sequence_verdict sequence_add(struct sequence *sequence, uint32_t number, uint32_t *skipped)
{
	enum sequence_verdict verdict;
	int32_t distance;

	*skipped = 0;
	sequence->received++;
	if (sequence->run == 0) {
		begin_run(sequence, number);
		return SEQUENCE_FIRST;
	}
	if (!measure(sequence, number, &distance)) {
		sequence->again = (struct sequence_again){0};
		sequence->loss.restarted++;
		begin_run(sequence, number);
		return SEQUENCE_RESTART;
	}
	if (distance > 0) {
		sequence->again = (struct sequence_again){0};
		return add_ahead(sequence, number, (uint32_t)distance, skipped);
	}
	note_again(sequence, number);
	verdict = add_behind(sequence, (uint32_t)-distance);
	sequence->again.duplicates += sequence->again.count && verdict == SEQUENCE_DUPLICATE;
	return sequence->again.duplicates == SEQUENCE_AGAIN ? restart_again(sequence) : verdict;
}

void sequence_loss_add(struct sequence_loss *loss, const struct sequence_loss *more)
{
	loss->gaps += more->gaps;
	loss->lost += more->lost;
	loss->late += more->late;
	loss->duplicate += more->duplicate;
	loss->restarted += more->restarted;
}

/* ---- one counter for several sessions ---- */

enum sequence_verdict sequence_group_add(struct sequence_group *group, struct sequence *session, uint32_t number, uint32_t *skipped)
{
	const uint64_t apart = session->loss.lost + session->loss.restarted, duplicate = session->loss.duplicate;
	uint32_t in_group, in_session;
	enum sequence_verdict verdict;

	group->sessions += session->received == 0;
	sequence_add(&group->all, number, &in_group);
	verdict = sequence_add(session, number, &in_session);
	/* Modulo, as both may get less. */
	group->apart += session->loss.lost + session->loss.restarted - apart;
	group->twice += session->loss.duplicate - duplicate;
	*skipped = sequence_group_is_shared(group) ? in_group : in_session;
	return verdict;
}

/* One counter gives no number twice, and leaves fewer gaps than its sessions seem to have. */
bool sequence_group_is_shared(const struct sequence_group *group)
{
	const struct sequence *all = &group->all;
	const uint64_t foreign = all->loss.duplicate > group->twice ? all->loss.duplicate - group->twice : 0;

	return group->sessions > 1 && all->received >= SHARED_MIN && group->apart >= SHARED_MIN && all->loss.lost < group->apart / 2 &&
	       (foreign + all->loss.restarted) * SHARED_MIN < all->received;
}
