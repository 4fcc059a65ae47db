/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any series of IP packets through decoding and reassembly: every fragment in exactly one count after every packet, and what comes out
 * whole is an IP packet of its own length. An input is a row of
 *
 *     seconds since the last (1)  length (2)  packet
 */
#include "record/reassembly.h"

#include "fuzz.h"

static void check_sum(const struct reassembly *reassembly, uint64_t given)
{
	uint64_t sum = reassembly_pending(reassembly);

	for (enum reassembly_fate fate = 0; fate < REASSEMBLY_FATE_COUNT; fate++)
		sum += reassembly_count(reassembly, fate);
	MUST(sum == given);
}

static void check_whole(const void *whole, size_t len)
{
	const struct farspan_context context = {.link = FARSPAN_LINK_IP};
	struct farspan_packet packet;
	uint8_t *copy = exact_copy(whole, len);

	farspan_decode(&context, copy, len, &packet);
	MUST(packet.ip_version == 4 || packet.ip_version == 6);
	MUST(!packet.cut);
	/* Only IPv6 can hold a fragment header once more. */
	MUST(packet.reason != FARSPAN_REASON_fragment || packet.ip_version == 6);
	MUST(packet.reason != FARSPAN_REASON_bad_ip && packet.reason != FARSPAN_REASON_short_ip);
	MUST(packet.ip_version == 6 || packet.ip_payload_off + packet.ip_payload_len == len);
	exact_free(copy, len);
}

static uint64_t give(struct reassembly *reassembly, uint64_t time_ns, const uint8_t *data, size_t len)
{
	const struct farspan_context context = {.link = FARSPAN_LINK_IP};
	struct farspan_packet packet;
	uint8_t *copy = exact_copy(data, len);
	const void *whole = NULL;
	size_t whole_len = 0;
	uint64_t given = 0;

	if (farspan_decode(&context, copy, len, &packet) == FARSPAN_REASON_fragment && reassembly_worthwhile(&packet)) {
		given = 1;
		if (reassembly_add(reassembly, time_ns, copy, &packet, &whole, &whole_len) == REASSEMBLY_WHOLE)
			check_whole(whole, whole_len);
	}
	exact_free(copy, len);
	return given;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const struct reassembly_config config = {.memory = 1}; /* the least there is, to see evictions */
	struct reassembly *reassembly = reassembly_new(&config);
	uint64_t given = 0, time_ns = 0;

	MUST(reassembly);
	while (len >= 3) {
		size_t size = (size_t)data[1] << 8 | data[2];

		time_ns += data[0] * 1000000000ull;
		data += 3;
		len -= 3;
		if (size > len)
			size = len;
		given += give(reassembly, time_ns, data, size);
		check_sum(reassembly, given);
		data += size;
		len -= size;
	}
	reassembly_flush(reassembly);
	MUST(reassembly_pending(reassembly) == 0);
	check_sum(reassembly, given);
	reassembly_free(reassembly);
	return 0;
}
