/* SPDX-License-Identifier: BSD-2-Clause */
/* The sequence tracker: known cases, then long random walks against a count that remembers every number. */
#include "record/sequence.h"

#include "record_test.h"

struct step {
	uint32_t number;
	enum sequence_verdict verdict;
	uint32_t skipped;
};

static void check_invariant(const struct sequence *sequence)
{
	assert_int_equal(sequence->received - sequence->duplicate + sequence->lost, sequence->covered);
}

static struct sequence run_steps(const struct step *steps, size_t count)
{
	struct sequence sequence = {0};

	for (size_t i = 0; i < count; i++) {
		uint32_t skipped = 77;

		assert_int_equal(sequence_add(&sequence, steps[i].number, &skipped), steps[i].verdict);
		assert_int_equal(skipped, steps[i].skipped);
		check_invariant(&sequence);
		assert_int_equal(sequence.received, i + 1);
	}
	return sequence;
}

#define RUN(...) run_steps((const struct step[]){__VA_ARGS__}, sizeof((const struct step[]){__VA_ARGS__}) / sizeof(struct step))

static void in_order(void **state)
{
	struct sequence s = RUN({7, SEQUENCE_FIRST, 0}, {8, SEQUENCE_NEXT, 0}, {9, SEQUENCE_NEXT, 0});

	(void)state;
	assert_int_equal(s.lost, 0);
	assert_int_equal(s.covered, 3);
	assert_int_equal(s.highest, 9);
}

static void gap_then_late(void **state)
{
	struct sequence s = RUN({1, SEQUENCE_FIRST, 0}, {5, SEQUENCE_GAP, 3}, {3, SEQUENCE_LATE, 0}, {3, SEQUENCE_DUPLICATE, 0},
				{5, SEQUENCE_DUPLICATE, 0}, {6, SEQUENCE_NEXT, 0});

	(void)state;
	assert_int_equal(s.lost, 2);
	assert_int_equal(s.gaps, 1);
	assert_int_equal(s.late, 1);
	assert_int_equal(s.duplicate, 2);
	assert_int_equal(s.restarted, 0);
}

/* What is older than the first number seen was not lost: the run grows at its start. */
static void before_the_first(void **state)
{
	struct sequence s = RUN({10, SEQUENCE_FIRST, 0}, {7, SEQUENCE_LATE, 0}, {9, SEQUENCE_LATE, 0}, {7, SEQUENCE_DUPLICATE, 0});

	(void)state;
	assert_int_equal(s.lost, 1);
	assert_int_equal(s.covered, 4);
	assert_int_equal(s.late, 2);
}

static void wrap_32(void **state)
{
	struct sequence s =
		RUN({0xfffffffe, SEQUENCE_FIRST, 0}, {0xffffffff, SEQUENCE_NEXT, 0}, {1, SEQUENCE_GAP, 1}, {0, SEQUENCE_LATE, 0});

	(void)state;
	assert_int_equal(s.lost, 0);
	assert_int_equal(s.covered, 4);
	assert_false(s.wraps_at_30);
}

static void wrap_30(void **state)
{
	struct sequence s = RUN({0x3ffffffe, SEQUENCE_FIRST, 0}, {0, SEQUENCE_GAP, 1}, {0x3fffffff, SEQUENCE_LATE, 0},
				{1, SEQUENCE_NEXT, 0}, {0x3ffffffe, SEQUENCE_DUPLICATE, 0});

	(void)state;
	assert_true(s.wraps_at_30);
	assert_int_equal(s.lost, 0);
	assert_int_equal(s.covered, 4);
	assert_int_equal(s.restarted, 0);
}

/* A counter of 32 bits goes on after 0x3fffffff. */
static void no_wrap_at_30(void **state)
{
	struct sequence s = RUN({0x3fffffff, SEQUENCE_FIRST, 0}, {0x40000000, SEQUENCE_NEXT, 0}, {0x40000001, SEQUENCE_NEXT, 0},
				{0, SEQUENCE_RESTART, 0});

	(void)state;
	assert_false(s.wraps_at_30);
	assert_int_equal(s.restarted, 1);
}

static void restart(void **state)
{
	struct sequence s = RUN({5000, SEQUENCE_FIRST, 0}, {5002, SEQUENCE_GAP, 1}, {0, SEQUENCE_RESTART, 0}, {1, SEQUENCE_NEXT, 0});

	(void)state;
	assert_int_equal(s.restarted, 1);
	assert_int_equal(s.lost, 1);
	assert_int_equal(s.covered, 5);
}

static void window_edges(void **state)
{
	const uint32_t w = SEQUENCE_WINDOW, g = SEQUENCE_GAP_MAX;

	(void)state;
	RUN({1000, SEQUENCE_FIRST, 0}, {1000 - w + 1, SEQUENCE_LATE, 0});
	RUN({1000, SEQUENCE_FIRST, 0}, {1000 - w, SEQUENCE_RESTART, 0});
	RUN({1000, SEQUENCE_FIRST, 0}, {1000 + g + 1, SEQUENCE_GAP, g});
	RUN({1000, SEQUENCE_FIRST, 0}, {1000 + g + 2, SEQUENCE_RESTART, 0});
}

/* ---- random walks ---- */

enum {
	MAP = 1 << 20,
	STEPS = 200000,
	WALKS = 8
};

/* Every position of the run, counted from the middle; what was lost and covered in runs before. */
struct oracle {
	bool seen[MAP];
	size_t first, highest;
	uint64_t received, late, duplicate, restarted, lost_before, covered_before;
};

static uint64_t missing(const struct oracle *oracle)
{
	uint64_t count = 0;

	for (size_t i = oracle->first; i <= oracle->highest; i++)
		count += !oracle->seen[i];
	return count;
}

static void oracle_restart(struct oracle *oracle)
{
	if (oracle->received) {
		oracle->lost_before += missing(oracle);
		oracle->covered_before += oracle->highest - oracle->first + 1;
		oracle->restarted++;
	}
	memset(oracle->seen, 0, sizeof oracle->seen);
	oracle->first = oracle->highest = MAP / 4;
	oracle->seen[oracle->highest] = true;
	oracle->received++;
}

static void oracle_move(struct oracle *oracle, int32_t distance)
{
	size_t at = (size_t)((int64_t)oracle->highest + distance);

	oracle->received++;
	if (oracle->seen[at])
		oracle->duplicate++;
	else if (distance < 0)
		oracle->late++;
	oracle->seen[at] = true;
	if (at > oracle->highest)
		oracle->highest = at;
	if (at < oracle->first)
		oracle->first = at;
}

static int32_t random_distance(uint64_t *random)
{
	switch (random_number(random, 10)) {
	case 0:
		return -(int32_t)random_number(random, SEQUENCE_WINDOW);
	case 1:
		return (int32_t)random_number(random, 3 * SEQUENCE_WINDOW);
	case 2:
		return -(int32_t)random_number(random, 4);
	default:
		return 1 + (int32_t)(random_number(random, 4) == 0);
	}
}

static void compare_counts(const struct sequence *sequence, const struct oracle *oracle)
{
	assert_int_equal(sequence->received, oracle->received);
	assert_int_equal(sequence->late, oracle->late);
	assert_int_equal(sequence->duplicate, oracle->duplicate);
	assert_int_equal(sequence->restarted, oracle->restarted);
	assert_int_equal(sequence->lost, oracle->lost_before + missing(oracle));
	assert_int_equal(sequence->covered, oracle->covered_before + oracle->highest - oracle->first + 1);
}

/* width: of the sender's counter, in bits. A walk starts below the wrap and crosses it. */
static void walk(uint64_t seed, unsigned int width, struct oracle *oracle)
{
	const uint32_t mask = width == 32 ? UINT32_MAX : 0x3fffffff;
	uint64_t random = seed;
	struct sequence sequence = {0};
	uint32_t number = mask - 5000, skipped;

	memset(oracle, 0, sizeof *oracle);
	sequence_add(&sequence, number, &skipped);
	oracle_restart(oracle);
	for (unsigned int i = 0; i < STEPS; i++) {
		int32_t distance = random_distance(&random);

		if (oracle->highest > MAP - 4096) {
			/* A new run, far from the one before. */
			number = (number + (1u << 29)) & mask;
			assert_int_equal(sequence_add(&sequence, number, &skipped), SEQUENCE_RESTART);
			oracle_restart(oracle);
			continue;
		}
		sequence_add(&sequence, (number + (uint32_t)distance) & mask, &skipped);
		oracle_move(oracle, distance);
		if (distance > 0)
			number = (number + (uint32_t)distance) & mask;
		assert_int_equal(sequence.highest, number);
		check_invariant(&sequence);
		if (i % 4096 == 0)
			compare_counts(&sequence, oracle);
	}
	compare_counts(&sequence, oracle);
	assert_int_equal(sequence.wraps_at_30, width == 30);
	assert_true(oracle->late > 1000 && oracle->duplicate > 1000 && sequence.lost > 1000);
}

static void random_walks(void **state)
{
	struct oracle *oracle = malloc(sizeof *oracle);

	(void)state;
	assert_non_null(oracle);
	for (uint64_t seed = 1; seed <= WALKS; seed++)
		walk(seed, seed % 2 ? 32 : 30, oracle);
	free(oracle);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_order), cmocka_unit_test(gap_then_late), cmocka_unit_test(before_the_first),
		cmocka_unit_test(wrap_32),  cmocka_unit_test(wrap_30),       cmocka_unit_test(no_wrap_at_30),
		cmocka_unit_test(restart),  cmocka_unit_test(window_edges),  cmocka_unit_test(random_walks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
