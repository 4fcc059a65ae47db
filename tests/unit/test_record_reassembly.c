/* SPDX-License-Identifier: BSD-2-Clause */
/* Reassembly: every order, every disagreement, every bound; each fragment in exactly one count, after every fragment. */
#include "record/reassembly.h"

#include "record_test.h"

enum {
	FRAME = 100,
	OUTER_MAX = 70000
};

static struct reassembly *reassembly;
static uint64_t given, completed;
static uint8_t outer[OUTER_MAX];
static size_t outer_len, outer_header;

static void check_sum(void)
{
	uint64_t sum = reassembly_pending(reassembly);

	for (enum reassembly_fate fate = 0; fate < REASSEMBLY_FATE_COUNT; fate++)
		sum += reassembly_count(reassembly, fate);
	assert_int_equal(sum, given);
	assert_int_equal(reassembly_count(reassembly, REASSEMBLY_complete), completed);
}

static int begin(size_t memory)
{
	const struct reassembly_config config = {.memory = memory};

	reassembly = reassembly_new(&config);
	given = completed = 0;
	return reassembly ? 0 : -1;
}

static int setup(void **state)
{
	(void)state;
	return begin(0);
}

static int teardown(void **state)
{
	(void)state;
	reassembly_free(reassembly);
	return 0;
}

/* A packet around a frame of len bytes that are all different enough to show a mix-up. */
static void make_packet(uint8_t ip_version, size_t len)
{
	static uint8_t frame[OUTER_MAX];
	struct farspan_packet packet;

	for (size_t i = 0; i < len; i++)
		frame[i] = (uint8_t)(i * 7 + i / 256);
	fill_packet(&packet, FARSPAN_ERSPAN2, ip_version, 5);
	outer_len = make_outer(&packet, frame, len, outer, sizeof outer);
	outer_header = ip_version == 4 ? 20 : 40;
}

static const void *whole;
static size_t whole_len;

static enum reassembly_result give_bytes(const uint8_t *data, size_t len, uint64_t time_ns)
{
	const struct farspan_context context = {.link = FARSPAN_LINK_IP};
	uint8_t *exact = malloc(len);
	enum reassembly_result result;
	struct farspan_packet packet;

	assert_non_null(exact);
	memcpy(exact, data, len);
	assert_int_equal(farspan_decode(&context, exact, len, &packet), FARSPAN_REASON_fragment);
	assert_true(reassembly_worthwhile(&packet));
	result = reassembly_add(reassembly, time_ns, exact, &packet, &whole, &whole_len);
	free(exact);
	given++;
	completed += result == REASSEMBLY_WHOLE;
	check_sum();
	return result;
}

/* end 0: the last fragment. */
static enum reassembly_result give_at(size_t offset, size_t end, uint16_t id, uint64_t time_ns)
{
	uint8_t fragment[OUTER_MAX];
	size_t payload = outer_len - outer_header;
	bool more = end != 0 && end < payload;

	return give_bytes(fragment, make_fragment(outer, offset, (end ? end : payload) - offset, more, id, fragment), time_ns);
}

static enum reassembly_result give(size_t offset, size_t end)
{
	return give_at(offset, end, 9, 0);
}

/* The whole packet differs from the original only in what identifies fragments. */
static void check_whole(void)
{
	const uint8_t *bytes = whole;
	uint32_t sum = 0;

	assert_int_equal(whole_len, outer_len);
	assert_memory_equal(bytes + outer_header, outer + outer_header, outer_len - outer_header);
	if (outer_header == 40) {
		assert_memory_equal(bytes, outer, 40);
		return;
	}
	assert_memory_equal(bytes, outer, 4);
	assert_memory_equal(bytes + 6, "\0\0", 2);
	assert_memory_equal(bytes + 8, outer + 8, 2);
	assert_memory_equal(bytes + 12, outer + 12, 8);
	for (unsigned int i = 0; i < 20; i += 2)
		sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	assert_int_equal((sum & 0xffff) + (sum >> 16), 0xffff);
}

static void every_order(void **state)
{
	static const size_t cuts[] = {0, 24, 48, 80, 0};

	(void)state;
	for (unsigned int version = 4; version <= 6; version += 2) {
		make_packet((uint8_t)version, FRAME);
		for (unsigned int order = 0; order < 256; order++) {
			unsigned int given_mask = 0, last = 0;
			const unsigned int picks[] = {order & 3, order >> 2 & 3, order >> 4 & 3, order >> 6};

			for (unsigned int i = 0; i < 4; i++)
				given_mask |= 1u << picks[i];
			if (given_mask != 15)
				continue;
			for (last = 0; last < 3; last++)
				assert_int_equal(give(cuts[picks[last]], cuts[picks[last] + 1]), REASSEMBLY_HELD);
			assert_int_equal(give(cuts[picks[last]], cuts[picks[last] + 1]), REASSEMBLY_WHOLE);
			check_whole();
		}
	}
	assert_int_equal(completed, 48);
	assert_int_equal(reassembly_count(reassembly, REASSEMBLY_merged), 3 * 48);
	assert_int_equal(reassembly_pending(reassembly), 0);
}

static void largest(void **state)
{
	(void)state;
	make_packet(4, 65535 - 20 - 16);
	for (size_t offset = 0; offset + 1480 < outer_len - 20; offset += 1480)
		assert_int_equal(give(offset, offset + 1480), REASSEMBLY_HELD);
	assert_int_equal(give(65515 / 1480 * 1480, 0), REASSEMBLY_WHOLE);
	check_whole();
}

/* Options of the first fragment's header stay. */
static void ipv4_options(void **state)
{
	uint8_t fragment[OUTER_MAX], first[OUTER_MAX];
	size_t len;

	(void)state;
	make_packet(4, FRAME);
	len = make_fragment(outer, 0, 48, true, 9, fragment);
	memcpy(first, fragment, 20);
	memcpy(first + 20, "\x94\x04\0\0", 4); /* router alert */
	memcpy(first + 24, fragment + 20, len - 20);
	first[0] = 0x46;
	first[3] = (uint8_t)(first[3] + 4);
	assert_int_equal(give_bytes(first, len + 4, 0), REASSEMBLY_HELD);
	assert_int_equal(give(48, 0), REASSEMBLY_WHOLE);
	assert_int_equal(whole_len, outer_len + 4);
	assert_memory_equal((const uint8_t *)whole + 20, "\x94\x04\0\0", 4);
	assert_memory_equal((const uint8_t *)whole + 24, outer + 20, outer_len - 20);
}

static void duplicates(void **state)
{
	(void)state;
	make_packet(4, FRAME);
	assert_int_equal(give(0, 48), REASSEMBLY_HELD);
	assert_int_equal(give(0, 48), REASSEMBLY_IGNORED);
	assert_int_equal(give(8, 24), REASSEMBLY_IGNORED); /* nothing new, nothing else */
	assert_int_equal(give(48, 0), REASSEMBLY_WHOLE);
	check_whole();
	assert_int_equal(reassembly_count(reassembly, REASSEMBLY_duplicate), 2);
}

/* Which fragment contradicts the one from 24 to 48. */
static void overlaps(void **state)
{
	static const size_t wrong[][2] = {{16, 32}, {40, 56}, {16, 56}, {0, 48}};
	uint8_t fragment[OUTER_MAX];
	size_t len;

	(void)state;
	make_packet(4, FRAME);
	for (unsigned int i = 0; i < 4; i++) {
		assert_int_equal(give_at(24, 48, (uint16_t)(100 + i), 0), REASSEMBLY_HELD);
		assert_int_equal(give_at(wrong[i][0], wrong[i][1], (uint16_t)(100 + i), 0), REASSEMBLY_REFUSED);
		/* The packet stays refused, even if its fragments come again. */
		assert_int_equal(give_at(0, 24, (uint16_t)(100 + i), 0), REASSEMBLY_REFUSED);
		assert_int_equal(give_at(48, 0, (uint16_t)(100 + i), 0), REASSEMBLY_REFUSED);
	}
	assert_int_equal(reassembly_count(reassembly, REASSEMBLY_overlap), 16);
	/* The same place, another byte. */
	assert_int_equal(give(24, 48), REASSEMBLY_HELD);
	len = make_fragment(outer, 24, 24, true, 9, fragment);
	fragment[len - 1] ^= 1;
	assert_int_equal(give_bytes(fragment, len, 0), REASSEMBLY_REFUSED);
	assert_int_equal(reassembly_count(reassembly, REASSEMBLY_overlap), 18);
	assert_int_equal(reassembly_pending(reassembly), 0);
}

static void ends_that_disagree(void **state)
{
	uint8_t fragment[OUTER_MAX];

	(void)state;
	make_packet(4, FRAME);
	/* Two last fragments with different ends. */
	assert_int_equal(give_at(80, 0, 1, 0), REASSEMBLY_HELD);
	assert_int_equal(give_bytes(fragment, make_fragment(outer, 48, 20, false, 1, fragment), 0), REASSEMBLY_REFUSED);
	/* More beyond the last. */
	assert_int_equal(give_bytes(fragment, make_fragment(outer, 24, 24, false, 2, fragment), 0), REASSEMBLY_HELD);
	assert_int_equal(give_at(48, 80, 2, 0), REASSEMBLY_REFUSED);
	/* The last one before what is there. */
	assert_int_equal(give_at(48, 80, 3, 0), REASSEMBLY_HELD);
	assert_int_equal(give_bytes(fragment, make_fragment(outer, 24, 24, false, 3, fragment), 0), REASSEMBLY_REFUSED);
	/* The same bytes, once as a middle and once as the end. */
	assert_int_equal(give_at(24, 48, 4, 0), REASSEMBLY_HELD);
	assert_int_equal(give_bytes(fragment, make_fragment(outer, 24, 24, false, 4, fragment), 0), REASSEMBLY_REFUSED);
	/* And the other way round. */
	assert_int_equal(give_bytes(fragment, make_fragment(outer, 24, 24, false, 5, fragment), 0), REASSEMBLY_HELD);
	assert_int_equal(give_at(24, 48, 5, 0), REASSEMBLY_REFUSED);
	assert_int_equal(reassembly_count(reassembly, REASSEMBLY_overlap), 10);
}

static void unusable(void **state)
{
	uint8_t fragment[OUTER_MAX];
	size_t len;

	(void)state;
	make_packet(4, FRAME);
	/* Not a multiple of 8, nothing at all, beyond the largest packet, and cut by the capture. */
	assert_int_equal(give_bytes(fragment, make_fragment(outer, 24, 23, true, 9, fragment), 0), REASSEMBLY_UNUSABLE);
	assert_int_equal(give_bytes(fragment, make_fragment(outer, 24, 0, false, 9, fragment), 0), REASSEMBLY_UNUSABLE);
	len = make_fragment(outer, 0, 48, false, 9, fragment);
	fragment[6] = 0x1f;
	fragment[7] = 0xff;
	assert_int_equal(give_bytes(fragment, len, 0), REASSEMBLY_UNUSABLE);
	len = make_fragment(outer, 0, 48, true, 9, fragment);
	assert_int_equal(give_bytes(fragment, len - 1, 0), REASSEMBLY_CUT);
	assert_int_equal(reassembly_count(reassembly, REASSEMBLY_bad), 3);
	assert_int_equal(reassembly_count(reassembly, REASSEMBLY_cut), 1);
	assert_int_equal(reassembly_pending(reassembly), 0);
}

/* Payload that fits, with a header that makes it too long. */
static void too_long_with_header(void **state)
{
	uint8_t fragment[OUTER_MAX];
	size_t len;

	(void)state;
	make_packet(4, 65535 - 20 - 16);
	assert_int_equal(give(0, 65512), REASSEMBLY_HELD);
	len = make_fragment(outer, 0, 20, false, 9, fragment);
	fragment[6] = (uint8_t)(65512 / 8 >> 8);
	fragment[7] = (uint8_t)(65512 / 8);
	assert_int_equal(give_bytes(fragment, len, 0), REASSEMBLY_UNUSABLE);
	assert_int_equal(reassembly_count(reassembly, REASSEMBLY_bad), 2);
}

static void age(void **state)
{
	const uint64_t second = 1000000000;

	(void)state;
	make_packet(4, FRAME);
	assert_int_equal(give_at(0, 48, 1, 100 * second), REASSEMBLY_HELD);
	assert_int_equal(give_at(48, 0, 1, 130 * second), REASSEMBLY_WHOLE);
	assert_int_equal(give_at(0, 48, 2, 200 * second), REASSEMBLY_HELD);
	assert_int_equal(give_at(48, 0, 2, 230 * second + 1), REASSEMBLY_HELD);
	assert_int_equal(reassembly_count(reassembly, REASSEMBLY_incomplete), 1);
	/* A clock that went back does not join what is far apart. */
	assert_int_equal(give_at(0, 48, 2, 100 * second), REASSEMBLY_HELD);
	assert_int_equal(reassembly_count(reassembly, REASSEMBLY_incomplete), 2);
	reassembly_flush(reassembly);
	check_sum();
	assert_int_equal(reassembly_count(reassembly, REASSEMBLY_incomplete), 3);
	assert_int_equal(reassembly_pending(reassembly), 0);
}

/* In the smallest memory one packet of the largest size still fits, and the oldest make room. */
static void memory(void **state)
{
	(void)state;
	reassembly_free(reassembly);
	assert_int_equal(begin(1), 0);
	make_packet(4, FRAME);
	for (uint16_t id = 0; id < 100; id++)
		assert_int_equal(give_at(0, 48, id, 0), REASSEMBLY_HELD);
	assert_int_equal(reassembly_pending(reassembly), 16);
	assert_int_equal(reassembly_count(reassembly, REASSEMBLY_evicted), 84);
	assert_int_equal(give_at(48, 0, 99, 0), REASSEMBLY_WHOLE);
	assert_int_equal(give_at(48, 0, 83, 0), REASSEMBLY_HELD);
	make_packet(4, 65535 - 20 - 16);
	for (size_t offset = 0; offset + 1480 < outer_len - 20; offset += 1480)
		assert_int_equal(give(offset, offset + 1480), REASSEMBLY_HELD);
	assert_int_equal(give(65515 / 1480 * 1480, 0), REASSEMBLY_WHOLE);
	check_whole();
	assert_int_equal(reassembly_pending(reassembly), 0);
	/* The packet at hand is not what makes room, although it is the oldest. */
	assert_int_equal(give(0, 1480), REASSEMBLY_HELD);
	for (uint16_t id = 100; id < 115; id++)
		assert_int_equal(give_at(0, 48, id, 0), REASSEMBLY_HELD);
	for (size_t offset = 1480; offset + 1480 < outer_len - 20; offset += 1480)
		assert_int_equal(give(offset, offset + 1480), REASSEMBLY_HELD);
	assert_int_equal(give(65515 / 1480 * 1480, 0), REASSEMBLY_WHOLE);
	check_whole();
	assert_int_equal(reassembly_pending(reassembly), 0);
}

/* What tells packets apart. */
static void identity(void **state)
{
	uint8_t fragment[OUTER_MAX];
	size_t len;

	(void)state;
	make_packet(4, FRAME);
	assert_int_equal(give_at(0, 48, 1, 0), REASSEMBLY_HELD);
	assert_int_equal(give_at(48, 0, 2, 0), REASSEMBLY_HELD);
	for (unsigned int at = 9; at <= 19; at += at == 9 ? 6 : 4) { /* protocol, source, destination */
		len = make_fragment(outer, 48, outer_len - 20 - 48, false, 1, fragment);
		fragment[at] = at == 9 ? 17 : (uint8_t)(fragment[at] ^ 1);
		assert_int_equal(give_bytes(fragment, len, 0), REASSEMBLY_HELD);
	}
	assert_int_equal(give_at(48, 0, 1, 0), REASSEMBLY_WHOLE);
	check_whole();
	assert_int_equal(reassembly_pending(reassembly), 4);
}

static void random_fragments(void **state)
{
	uint64_t random = 1, time_ns = 0;
	uint8_t fragment[OUTER_MAX];

	(void)state;
	reassembly_free(reassembly);
	assert_int_equal(begin(100000), 0);
	make_packet(4, 9000);
	for (unsigned int i = 0; i < 200000; i++) {
		size_t offset = random_number(&random, 12) * 768, len = (random_number(&random, 200) ? 768 : random_number(&random, 1000));
		bool more = offset + len < outer_len - 20;

		time_ns += random_number(&random, 2000) ? 100000 : 40000000000;

		if (!more)
			len = outer_len - 20 - offset;
		if (offset == 0 && !more)
			continue;
		len = make_fragment(outer, offset, len, more, (uint16_t)random_number(&random, random_number(&random, 50) ? 4 : 400),
				    fragment);
		if (random_number(&random, 500) == 0)
			fragment[20 + random_number(&random, 20)] ^= 1;
		if (give_bytes(fragment, len, time_ns) == REASSEMBLY_WHOLE)
			assert_int_equal(whole_len, outer_len);
	}
	for (enum reassembly_fate fate = 0; fate < REASSEMBLY_FATE_COUNT; fate++)
		assert_true(fate == REASSEMBLY_cut || reassembly_count(reassembly, fate) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_order, setup, teardown),
		cmocka_unit_test_setup_teardown(largest, setup, teardown),
		cmocka_unit_test_setup_teardown(ipv4_options, setup, teardown),
		cmocka_unit_test_setup_teardown(duplicates, setup, teardown),
		cmocka_unit_test_setup_teardown(overlaps, setup, teardown),
		cmocka_unit_test_setup_teardown(ends_that_disagree, setup, teardown),
		cmocka_unit_test_setup_teardown(unusable, setup, teardown),
		cmocka_unit_test_setup_teardown(too_long_with_header, setup, teardown),
		cmocka_unit_test_setup_teardown(age, setup, teardown),
		cmocka_unit_test_setup_teardown(memory, setup, teardown),
		cmocka_unit_test_setup_teardown(identity, setup, teardown),
		cmocka_unit_test_setup_teardown(random_fragments, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
