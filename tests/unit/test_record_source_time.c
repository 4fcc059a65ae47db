/* SPDX-License-Identifier: BSD-2-Clause */
/* Source times against a model of sender, network and receiver whose true times are known. */
#include "record/source_time.h"

#include "record_test.h"
#include "wire/fields.h"

#define S      1000000000ll
#define MS     1000000ll
#define US     1000ll
#define START  (1763700000ll * S)
#define HOUR   (3600 * S)
#define US_100 (100 * US)

/* A sender of one packet every 10 ms: what its clock shows is true time + offset, and drift ns more each second. */
struct model {
	uint8_t gra;
	int platform; /* -1: no subheader */
	int64_t unit_ns;
	uint64_t period_ticks; /* 0: 2^32 */
	int64_t offset_ns;
	int64_t drift_ppb;
	int64_t jump_receiver_ns; /* halfway the receiver's clock is set by that much */
	unsigned int packets;
};

struct result {
	struct source_time time;
	uint64_t worst_ns; /* of all that were not said to be unknown, after the first 30 s */
	enum source_quality last;
};

static void stamp(const struct model *model, int64_t clock_ns, struct farspan_packet *packet)
{
	const uint64_t ticks = (uint64_t)(clock_ns / model->unit_ns);

	*packet = (struct farspan_packet){.kind = FARSPAN_ERSPAN3, .gra = model->gra, .o = model->platform >= 0};
	packet->platf_id = model->platform >= 0 ? (uint8_t)model->platform : 0;
	packet->timestamp = (uint32_t)(model->period_ticks ? ticks % model->period_ticks : ticks);
	packet->timestamp_upper = model->platform < 0   ? 0
				  : model->period_ticks ? (uint32_t)(ticks / model->period_ticks)
							: (uint32_t)(ticks >> 32);
}

static void check_sum(const struct source_time *time, uint64_t packets)
{
	uint64_t sum = 0;

	for (enum source_quality quality = 0; quality < SOURCE_QUALITY_COUNT; quality++)
		sum += time->counts[quality];
	assert_int_equal(sum, packets);
}

/* true_ns is when the frame was seen; the network takes 50 us and up to 2 ms more. */
static struct result run(const struct model *model)
{
	struct result result = {0};
	uint64_t random = 5;

	for (unsigned int i = 0; i < model->packets; i++) {
		const int64_t true_ns = START + 5 * MS + i * 10 * MS, clock_ns = true_ns + model->offset_ns + i * model->drift_ppb / 100;
		const int64_t jump = i >= model->packets / 2 ? model->jump_receiver_ns : 0;
		/* Never at a full second, when nanoseconds are 0 as those of senders without a clock. */
		const uint64_t received = (uint64_t)(true_ns + jump + 50 * US + random_number(&random, 2000) * US);
		struct farspan_packet packet;
		uint64_t source_ns, error;

		stamp(model, clock_ns, &packet);
		result.last = source_time_add(&result.time, &packet, received, NULL, 0, &source_ns);
		check_sum(&result.time, i + 1);
		error = (uint64_t)llabs((int64_t)source_ns - (true_ns + jump));
		if (result.last == SOURCE_none)
			assert_int_equal(source_ns, received);
		else if (i > 3000 && error > result.worst_ns)
			result.worst_ns = error;
	}
	return result;
}

static void whole_times(void **state)
{
	static const struct model models[] = {
		{.gra = 0, .platform = 3, .unit_ns = US_100, .packets = 5000},
		{.gra = 1, .platform = 3, .unit_ns = 100, .packets = 5000},
		{.gra = 3, .platform = 3, .unit_ns = 1, .packets = 5000},
		{.gra = 2, .platform = 5, .unit_ns = 1, .period_ticks = S, .packets = 5000},
		{.gra = 2, .platform = 6, .unit_ns = 1, .period_ticks = S, .packets = 5000},
		{.gra = 3, .platform = 7, .unit_ns = 1, .packets = 5000},
	};

	(void)state;
	for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
		struct result result = run(&models[i]);

		assert_int_equal(result.time.counts[SOURCE_exact], 5000);
		assert_in_range(result.worst_ns, 0, (uint64_t)models[i].unit_ns);
		assert_int_equal(result.time.delays, 5000);
		assert_in_range(result.time.delay_min_ns, 50 * US, 52 * US + models[i].unit_ns);
		assert_in_range(result.time.delay_max_ns, 2040 * US, 2050 * US + models[i].unit_ns);
		assert_in_range((uint64_t)result.time.delay_mean_ns, 1000 * US, 1200 * US);
		assert_in_range(result.time.jitter_ns, 300 * US, 1100 * US);
	}
}

/* A whole time that is no wall clock's: since the switch was started. */
static void whole_but_own(void **state)
{
	struct model model = {.gra = 3, .platform = 7, .unit_ns = 1, .offset_ns = 5000 * S - START, .drift_ppb = 20000, .packets = 20000};
	struct result result = run(&model);

	(void)state;
	assert_int_equal(result.time.counts[SOURCE_fit], 20000);
	assert_in_range(result.worst_ns, 0, 150 * US);
	assert_int_equal(result.time.delays, 0);
}

static void nearest_wrap(void **state)
{
	static const struct model models[] = {
		{.gra = 0, .platform = -1, .unit_ns = US_100, .packets = 70000},              /* 700 s */
		{.gra = 0, .platform = 4, .unit_ns = US_100, .packets = 5000},                /* a subheader without time */
		{.gra = 1, .platform = -1, .unit_ns = 100, .packets = 70000},                 /* wraps twice */
		{.gra = 2, .platform = -1, .unit_ns = 1, .period_ticks = S, .packets = 5000}, /* 50 times */
		{.gra = 2, .platform = -1, .unit_ns = 1, .packets = 5000, .offset_ns = 3 * S / 2 - START % (1ll << 32)},
	};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct result result = run(&models[i]);

		assert_int_equal(result.time.counts[SOURCE_wrap], models[i].packets);
		assert_in_range(result.worst_ns, 0, (uint64_t)models[i].unit_ns);
		assert_int_equal(result.time.steps, 0);
	}
}

/* Clocks that follow nothing, and drift: 100 ppm either way; the receiver's is set by an hour both ways. */
static void fitted(void **state)
{
	static const int64_t drifts[] = {0, 100000, -100000};
	static const int64_t jumps[] = {0, HOUR + 77 * S, -HOUR - 77 * S};

	(void)state;
	for (size_t i = 0; i < 9; i++) {
		struct model model = {.gra = ERSPAN_GRA_100NS,
				      .platform = -1,
				      .unit_ns = 100,
				      .offset_ns = 100 * S + 7 * MS,
				      .drift_ppb = drifts[i % 3],
				      .jump_receiver_ns = jumps[i / 3],
				      .packets = 100000};
		struct result result = run(&model);

		/* One packet alone says not yet that a clock was set. */
		assert_int_equal(result.time.counts[SOURCE_none], jumps[i / 3] != 0);
		assert_int_equal(result.time.counts[SOURCE_fit], 100000 - (jumps[i / 3] != 0));
		assert_int_equal(result.time.steps, jumps[i / 3] != 0);
		assert_in_range(llabs(result.time.drift_ppb + drifts[i % 3]), 0, 20000);
		/* After a step the envelope is found anew: the first packet may have been a slow one. */
		assert_in_range(result.worst_ns, 0, jumps[i / 3] ? 2100 * US : 300 * US);
	}
}

/* The receiver's clock is set: a whole time stays what it is, a clock that follows is still nearest for a short wrap. */
static void steps(void **state)
{
	struct model model = {.gra = 3, .platform = 7, .unit_ns = 1, .jump_receiver_ns = HOUR, .packets = 10000};
	struct result result = run(&model);

	(void)state;
	assert_int_equal(result.time.counts[SOURCE_exact], 10000);
	assert_int_equal(result.time.steps, 1);
	assert_in_range(result.worst_ns, HOUR, HOUR);
	model = (struct model){.gra = 0, .platform = -1, .unit_ns = US_100, .jump_receiver_ns = -HOUR, .packets = 10000};
	result = run(&model);
	assert_int_equal(result.time.steps, 1);
	assert_int_equal(result.time.counts[SOURCE_wrap], 9999);
}

static void unknown(void **state)
{
	static const struct model models[] = {
		{.gra = 3, .platform = -1, .unit_ns = 7, .packets = 100},
		{.gra = 0, .platform = -1, .unit_ns = 1ll << 62, .packets = 100}, /* always 0 */
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct result result = run(&models[i]);

		assert_int_equal(result.time.counts[SOURCE_none], 100);
	}
}

/* ---- markers ---- */

static size_t make_marker(uint8_t *data, uint64_t ticks, uint32_t seconds, uint32_t micros, uint8_t offset)
{
	static const uint8_t tail[] = {0, 0, 0, 0, 0xa5, 0xa5, 0xa5, 0xa5};

	memset(data, 0, 58);
	data[25] = offset;
	for (unsigned int i = 0; i < 8; i++)
		data[26 + i] = (uint8_t)(ticks >> (56 - 8 * i));
	for (unsigned int i = 0; i < 4; i++) {
		data[34 + i] = (uint8_t)(seconds >> (24 - 8 * i));
		data[38 + i] = (uint8_t)(micros >> (24 - 8 * i));
	}
	data[42] = 9;
	memcpy(data + 50, tail, sizeof tail);
	return 58;
}

static void markers(void **state)
{
	struct farspan_packet packet = {.kind = FARSPAN_ERSPAN3, .gra = ERSPAN_GRA_100NS};
	struct source_time time = {0};
	struct source_marker marker;
	uint8_t data[60];
	uint64_t source_ns;

	(void)state;
	make_marker(data, 0x1234fffffff0, 1763700037, 250000, 37);
	assert_true(source_marker_read(data, 58, &marker));
	assert_int_equal(marker.ticks, 0x1234fffffff0);
	assert_int_equal(marker.utc_ns, START + 250 * MS);
	assert_int_equal(marker.sequence, 9);
	for (size_t len = 0; len < 60; len++) {
		uint8_t *exact = malloc(len + 1);

		assert_non_null(exact);
		memcpy(exact + 1, data, len);
		assert_int_equal(source_marker_read(exact + 1, len, &marker), len == 58);
		free(exact);
	}
	assert_true(source_marker_read(data, 58, &marker));
	/* 32 ticks later, across the wrap of the low half; and as many before the marker as that. */
	packet.timestamp = 0x10;
	assert_int_equal(source_time_add(&time, &packet, START + 300 * MS, &marker, START + 251 * MS, &source_ns), SOURCE_marker);
	assert_int_equal(source_ns, START + 250 * MS + 3200);
	packet.timestamp = 0xffffffd0;
	assert_int_equal(source_time_add(&time, &packet, START + 300 * MS, &marker, START + 251 * MS, &source_ns), SOURCE_marker);
	assert_int_equal(source_ns, START + 250 * MS - 3200);
	/* Half a period later the marker says nothing any more. */
	assert_int_not_equal(source_time_add(&time, &packet, START + 300 * S, &marker, START + 251 * MS, &source_ns), SOURCE_marker);
	/* A unit that only markers make sense of. */
	packet.gra = ERSPAN_GRA_PLATFORM;
	assert_int_equal(source_time_add(&time, &packet, START + 300 * MS, &marker, START + 251 * MS, &source_ns), SOURCE_marker);
	assert_int_equal(source_ns, START + 250 * MS - 32);
	check_sum(&time, 4);
	data[54] = 0;
	assert_false(source_marker_read(data, 58, &marker));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_times), cmocka_unit_test(whole_but_own), cmocka_unit_test(nearest_wrap), cmocka_unit_test(fitted),
		cmocka_unit_test(steps),       cmocka_unit_test(unknown),       cmocka_unit_test(markers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
