/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any frame, cleaned: the result inside of the frame, no byte of the payload lost, and nothing changed that was not asked for. The first
 * bytes of an input choose:
 *
 *     0: what to undo   1: kind, and in the upper bits En   2: bit 0: not Ethernet, bit 1: cut   3: COS   4-5: VLAN
 */
#include <farspan.h>

#include "fuzz.h"

enum {
	CHOICES = 6,
	SHORTEST = 14,
};

static size_t length_of_changes(const struct farspan_inner *inner, size_t len)
{
	size_t less = inner->changed & FARSPAN_INNER_fcs ? 4 : 0;

	less += inner->changed & FARSPAN_INNER_fabricpath ? 16 : 0;
	less += inner->changed & FARSPAN_INNER_vntag ? 6 : 0;
	less += inner->changed & FARSPAN_INNER_ttag ? 8 : 0;
	less += inner->changed & FARSPAN_INNER_cmd ? 8 : 0;
	MUST(less <= len);
	return less;
}

static void check(const struct farspan_packet *packet, const uint8_t *frame, size_t len, unsigned int what,
		  const struct farspan_inner *inner)
{
	const unsigned int tags = FARSPAN_INNER_tag | FARSPAN_INNER_tag_likely;
	size_t end = len - (inner->changed & FARSPAN_INNER_fcs ? 4 : 0), put_back = inner->changed & tags ? 4 : 0;

	MUST(inner->changed == (inner->found & what) && inner->found < 128 && (inner->found & tags) != tags);
	MUST(inner->header_len <= FARSPAN_INNER_HEADER_MAX);
	MUST(inner->off <= end && inner->len == end - inner->off);
	MUST(inner->payload_off <= end);
	MUST(inner->found == 0 || (packet->has_inner_ethernet && len >= SHORTEST));
	if (!packet->has_inner_ethernet || len < SHORTEST)
		return;
	/* The payload is in the part that is left where it is, or begins it. */
	MUST(inner->payload_off >= SHORTEST && inner->off <= inner->payload_off - 2);
	MUST(frame[inner->payload_off - 2] == inner->type >> 8 && frame[inner->payload_off - 1] == (inner->type & 0xff));
	/* A header can be there several times, so that more may be missing, but not more than there were headers. */
	MUST(inner->header_len + inner->len <= len + put_back - length_of_changes(inner, len));
	MUST(inner->header_len + inner->len >= SHORTEST);
	MUST(inner->changed & ~(unsigned int)(FARSPAN_INNER_fcs | FARSPAN_INNER_fabricpath) || inner->header_len == 0);
	if (put_back)
		MUST(inner->header_len >= 16);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct farspan_packet packet = {0};
	struct farspan_inner inner, again;
	unsigned int what;
	uint8_t *copy;

	if (len < CHOICES)
		return 0;
	what = data[0];
	packet.kind = (enum farspan_kind)((data[1] & 15) % FARSPAN_KINDS);
	packet.en = data[1] >> 6;
	packet.has_inner_ethernet = !(data[2] & 1);
	packet.cut = data[2] & 2;
	packet.cos = data[3];
	packet.vlan = (uint16_t)(data[4] << 8 | data[5]);
	len -= CHOICES;
	copy = exact_copy(data + CHOICES, len);
	memset(&inner, 0x5a, sizeof(inner));
	memset(&again, 0xa5, sizeof(again));
	farspan_inner_clean(&packet, copy, len, what, &inner);
	farspan_inner_clean(&packet, copy, len, what, &again);
	MUST(memcmp(&inner, &again, sizeof(inner)) == 0);
	check(&packet, copy, len, what, &inner);
	farspan_inner_clean(&packet, copy, len, 0, &again);
	MUST(again.changed == 0 && again.header_len == 0 && again.off == 0 && again.len == len);
	exact_free(copy, len);
	return 0;
}
