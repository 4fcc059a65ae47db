/* SPDX-License-Identifier: BSD-2-Clause */
#include "record/sequence.h"

#include <string.h>

#define NUMBER_30_MAX 0x3fffffffu

enum {
	WORD_BITS = 64,
	WINDOW_WORDS = SEQUENCE_WINDOW / WORD_BITS
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
	uint32_t words = ahead / WORD_BITS, bits = ahead % WORD_BITS;

	if (ahead >= SEQUENCE_WINDOW) {
		memset(sequence->window, 0, sizeof sequence->window);
		return;
	}
	for (uint32_t i = WINDOW_WORDS; i-- > 0;) {
		uint64_t value = i >= words ? sequence->window[i - words] << bits : 0;

		if (bits && i > words)
			value |= sequence->window[i - words - 1] >> (WORD_BITS - bits);
		sequence->window[i] = value;
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
	sequence->lost += *skipped;
	if (*skipped == 0)
		return SEQUENCE_NEXT;
	sequence->gaps++;
	return SEQUENCE_GAP;
}

static enum sequence_verdict add_behind(struct sequence *sequence, uint32_t back)
{
	if (bit_is_set(sequence, back)) {
		sequence->duplicate++;
		return SEQUENCE_DUPLICATE;
	}
	set_bit(sequence, back);
	sequence->late++;
	if (back < sequence->run) {
		sequence->lost--;
		return SEQUENCE_LATE;
	}
	/* From before the first number: the run now begins with this one. */
	sequence->lost += back - sequence->run;
	sequence->covered += back + 1 - sequence->run;
	sequence->run = back + 1;
	return SEQUENCE_LATE;
}

enum sequence_verdict sequence_add(struct sequence *sequence, uint32_t number, uint32_t *skipped)
{
	int32_t distance;

	*skipped = 0;
	sequence->received++;
	if (sequence->run == 0) {
		begin_run(sequence, number);
		return SEQUENCE_FIRST;
	}
	if (!measure(sequence, number, &distance)) {
		sequence->restarted++;
		begin_run(sequence, number);
		return SEQUENCE_RESTART;
	}
	if (distance > 0)
		return add_ahead(sequence, number, (uint32_t)distance, skipped);
	return add_behind(sequence, (uint32_t)-distance);
}
