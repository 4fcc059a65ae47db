/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any bytes, decoded: every offset inside the input, every count inside its array, the reason known, twice the same. The first byte of an
 * input chooses the context:
 *
 *     bit 0: raw IP   bit 1: VXLAN on port 8472   bit 2: GENEVE on VXLAN's port   bit 3: TZSP on GENEVE's
 */
#include <farspan.h>

#include "fuzz.h"

static void check_bounds(const struct farspan_packet *packet, size_t len)
{
	MUST(packet->inner_off <= len && packet->inner_len <= len - packet->inner_off);
	MUST(packet->ip_off <= len);
	MUST(packet->ip_payload_off <= len && packet->ip_payload_len <= len - packet->ip_payload_off);
	MUST(packet->outer_tag_count <= FARSPAN_OUTER_TAGS_MAX && packet->inner_tag_count <= FARSPAN_INNER_TAGS_MAX);
	MUST(packet->depth <= FARSPAN_TUNNELS_MAX);
	MUST((unsigned int)packet->kind < FARSPAN_KINDS && (unsigned int)packet->reason < FARSPAN_REASON_COUNT);
	MUST(packet->ip_version == 0 || packet->ip_version == 4 || packet->ip_version == 6);
}

static void check_accepted(const struct farspan_packet *packet)
{
	MUST(packet->kind != FARSPAN_NONE);
	MUST(packet->depth >= 1);
	MUST(packet->inner_off > packet->ip_payload_off && packet->ip_payload_off > packet->ip_off);
	MUST(packet->inner_off + packet->inner_len <= packet->ip_payload_off + packet->ip_payload_len);
	MUST(packet->options_len < packet->inner_off - packet->ip_payload_off);
	MUST(packet->options_len == 0 || packet->kind == FARSPAN_GENEVE || packet->kind == FARSPAN_TZSP);
	MUST(packet->has_inner_ethernet == (packet->ft == 0));
	MUST(!packet->has_inner_ethernet || packet->inner_len >= 14u + 4u * packet->inner_tag_count);
	MUST(!packet->more_fragments && packet->fragment_offset == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct farspan_context context = {0};
	struct farspan_packet packet, again;
	uint8_t *copy;

	if (len == 0)
		return 0;
	context.link = data[0] & 1 ? FARSPAN_LINK_IP : FARSPAN_LINK_ETHERNET;
	context.vxlan_port = data[0] & 2 ? 8472 : 0;
	context.geneve_port = data[0] & 4 ? FARSPAN_VXLAN_PORT : 0;
	context.tzsp_port = data[0] & 8 ? FARSPAN_GENEVE_PORT : 0;
	len--;
	copy = exact_copy(data + 1, len);
	memset(&packet, 0x5a, sizeof(packet));
	memset(&again, 0xa5, sizeof(again));
	MUST(farspan_decode(&context, copy, len, &packet) == packet.reason);
	farspan_decode(&context, copy, len, &again);
	MUST(memcmp(&packet, &again, sizeof(packet)) == 0);
	check_bounds(&packet, len);
	if (packet.reason == FARSPAN_OK && packet.kind != FARSPAN_NONE)
		check_accepted(&packet);
	exact_free(copy, len);
	return 0;
}
