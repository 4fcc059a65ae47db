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
	assert_int_equal(sequence->received - sequence->loss.duplicate + sequence->loss.lost, sequence->covered);
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
	assert_int_equal(s.loss.lost, 0);
	assert_int_equal(s.covered, 3);
	assert_int_equal(s.highest, 9);
}

static void gap_then_late(void **state)
{
	struct sequence s = RUN({1, SEQUENCE_FIRST, 0}, {5, SEQUENCE_GAP, 3}, {3, SEQUENCE_LATE, 0}, {3, SEQUENCE_DUPLICATE, 0},
				{5, SEQUENCE_DUPLICATE, 0}, {6, SEQUENCE_NEXT, 0});

	(void)state;
	assert_int_equal(s.loss.lost, 2);
	assert_int_equal(s.loss.gaps, 1);
	assert_int_equal(s.loss.late, 1);
	assert_int_equal(s.loss.duplicate, 2);
	assert_int_equal(s.loss.restarted, 0);
}

/* What is older than the first number seen was not lost: the run grows at its start. */
static void before_the_first(void **state)
{
	struct sequence s = RUN({10, SEQUENCE_FIRST, 0}, {7, SEQUENCE_LATE, 0}, {9, SEQUENCE_LATE, 0}, {7, SEQUENCE_DUPLICATE, 0});

	(void)state;
	assert_int_equal(s.loss.lost, 1);
	assert_int_equal(s.covered, 4);
	assert_int_equal(s.loss.late, 2);
}

static void wrap_32(void **state)
{
	struct sequence s =
		RUN({0xfffffffe, SEQUENCE_FIRST, 0}, {0xffffffff, SEQUENCE_NEXT, 0}, {1, SEQUENCE_GAP, 1}, {0, SEQUENCE_LATE, 0});

	(void)state;
	assert_int_equal(s.loss.lost, 0);
	assert_int_equal(s.covered, 4);
	assert_false(s.wraps_at_30);
}

static void wrap_30(void **state)
{
	struct sequence s = RUN({0x3ffffffe, SEQUENCE_FIRST, 0}, {0, SEQUENCE_GAP, 1}, {0x3fffffff, SEQUENCE_LATE, 0},
				{1, SEQUENCE_NEXT, 0}, {0x3ffffffe, SEQUENCE_DUPLICATE, 0});

	(void)state;
	assert_true(s.wraps_at_30);
	assert_int_equal(s.loss.lost, 0);
	assert_int_equal(s.covered, 4);
	assert_int_equal(s.loss.restarted, 0);
}

/* A counter of 32 bits goes on after 0x3fffffff. */
static void no_wrap_at_30(void **state)
{
	struct sequence s = RUN({0x3fffffff, SEQUENCE_FIRST, 0}, {0x40000000, SEQUENCE_NEXT, 0}, {0x40000001, SEQUENCE_NEXT, 0},
				{0, SEQUENCE_RESTART, 0});

	(void)state;
	assert_false(s.wraps_at_30);
	assert_int_equal(s.loss.restarted, 1);
}

static void restart(void **state)
{
	struct sequence s = RUN({5000, SEQUENCE_FIRST, 0}, {5002, SEQUENCE_GAP, 1}, {0, SEQUENCE_RESTART, 0}, {1, SEQUENCE_NEXT, 0});

	(void)state;
	assert_int_equal(s.loss.restarted, 1);
	assert_int_equal(s.loss.lost, 1);
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

/* ---- restarts that only the order tells ---- */

static void restart_in_the_window(void **state)
{
	struct sequence s = {0};
	uint32_t skipped;

	(void)state;
	/* 0 to 99 without 40; then from 1 on again, and on beyond. */
	for (uint32_t i = 0; i < 100; i++)
		if (i != 40)
			sequence_add(&s, i, &skipped);
	assert_int_equal(s.loss.lost, 1);
	for (uint32_t i = 1; i < 300; i++) {
		enum sequence_verdict verdict = sequence_add(&s, i, &skipped);

		assert_int_equal(verdict, i < 8 ? SEQUENCE_DUPLICATE : i == 8 ? SEQUENCE_RESTART : SEQUENCE_NEXT);
		check_invariant(&s);
		assert_int_equal(s.loss.duplicate, i < 8 ? i : 0);
	}
	assert_int_equal(s.loss.restarted, 1);
	assert_int_equal(s.loss.lost, 1);
	assert_int_equal(s.loss.late, 0);
	assert_int_equal(s.received, 99 + 299);
	assert_int_equal(s.covered, 100 + 299);
}

/* The collector came when the sender was at 100: it has to see the numbers from there again to know. */
static void restart_before_the_first(void **state)
{
	struct sequence s = {0};
	uint32_t skipped;

	(void)state;
	for (uint32_t i = 100; i < 120; i++)
		sequence_add(&s, i, &skipped);
	for (uint32_t i = 0; i < 130; i++) {
		sequence_add(&s, i, &skipped);
		check_invariant(&s);
	}
	assert_int_equal(s.loss.restarted, 1);
	assert_int_equal(s.loss.lost, 0);
	assert_int_equal(s.loss.late, 0);
	assert_int_equal(s.loss.duplicate, 0);
	assert_int_equal(s.covered, 20 + 130);
}

static void no_restart(void **state)
{
	struct sequence s = {0};
	uint32_t skipped;

	(void)state;
	/* Each number twice, and twice in blocks: duplicates. */
	for (uint32_t i = 0; i < 100; i++) {
		sequence_add(&s, i, &skipped);
		sequence_add(&s, i, &skipped);
	}
	assert_int_equal(s.loss.duplicate, 100);
	for (uint32_t i = 50; i < 100; i++)
		sequence_add(&s, i, &skipped);
	assert_int_equal(s.loss.duplicate, 150);
	assert_int_equal(s.loss.restarted, 0);
	/* Seven from the start, then something else: duplicates as well. */
	for (uint32_t i = 0; i < 7; i++)
		sequence_add(&s, i, &skipped);
	sequence_add(&s, 100, &skipped);
	for (uint32_t i = 7; i < 14; i++)
		sequence_add(&s, i, &skipped);
	assert_int_equal(s.loss.duplicate, 164);
	assert_int_equal(s.loss.restarted, 0);
	/* Ten that were late, and none twice. */
	s = (struct sequence){0};
	sequence_add(&s, 0, &skipped);
	sequence_add(&s, 11, &skipped);
	for (uint32_t i = 1; i < 11; i++)
		sequence_add(&s, i, &skipped);
	assert_int_equal(s.loss.late, 10);
	assert_int_equal(s.loss.restarted, 0);
	check_invariant(&s);
}

/* ---- one counter for several sessions ---- */

enum {
	SESSIONS = 3
};

/* number: of a counter per sender, or per session; every tenth packet is lost. */
static struct sequence_group run_group(bool one_counter, unsigned int burst, struct sequence sessions[SESSIONS], uint64_t *skipped)
{
	struct sequence_group group = {0};
	uint32_t counters[SESSIONS] = {0}, sent = 0, before;

	memset(sessions, 0, SESSIONS * sizeof *sessions);
	*skipped = 0;
	for (unsigned int i = 0; i < 6000; i++) {
		unsigned int session = i / burst % SESSIONS;
		uint32_t number = one_counter ? sent++ : counters[session]++;

		if (number % 10 == 9)
			continue;
		sequence_group_add(&group, &sessions[session], number, &before);
		*skipped += before;
		check_invariant(&group.all);
		check_invariant(&sessions[session]);
	}
	return group;
}

static void shared_counter(void **state)
{
	struct sequence sessions[SESSIONS];
	struct sequence_group group;
	uint64_t skipped;

	(void)state;
	for (unsigned int burst = 1; burst < 1000; burst = burst * 3 + 1) {
		group = run_group(true, burst, sessions, &skipped);
		assert_true(sequence_group_is_shared(&group));
		assert_int_equal(group.sessions, SESSIONS);
		assert_int_equal(group.all.loss.lost, 599);
		assert_int_equal(group.all.loss.restarted, 0);
		/* What was said before it was known is little. */
		assert_in_range(skipped, 597, burst < 100 ? 640 : 2000);
		group = run_group(false, burst, sessions, &skipped);
		assert_false(sequence_group_is_shared(&group));
		for (unsigned int i = 0; i < SESSIONS; i++) {
			assert_int_equal(sessions[i].loss.lost, (sessions[i].highest + 1) / 10);
			skipped -= sessions[i].loss.lost;
		}
		assert_int_equal(skipped, 0);
	}
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
	assert_int_equal(sequence->loss.late, oracle->late);
	assert_int_equal(sequence->loss.duplicate, oracle->duplicate);
	assert_int_equal(sequence->loss.restarted, oracle->restarted);
	assert_int_equal(sequence->loss.lost, oracle->lost_before + missing(oracle));
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
	assert_true(oracle->late > 1000 && oracle->duplicate > 1000 && sequence.loss.lost > 1000);
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
		cmocka_unit_test(in_order),
		cmocka_unit_test(gap_then_late),
		cmocka_unit_test(before_the_first),
		cmocka_unit_test(wrap_32),
		cmocka_unit_test(wrap_30),
		cmocka_unit_test(no_wrap_at_30),
		cmocka_unit_test(restart),
		cmocka_unit_test(window_edges),
		cmocka_unit_test(random_walks),
		cmocka_unit_test(restart_in_the_window),
		cmocka_unit_test(restart_before_the_first),
		cmocka_unit_test(no_restart),
		cmocka_unit_test(shared_counter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
