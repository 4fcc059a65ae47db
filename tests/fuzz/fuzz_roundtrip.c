/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whatever is accepted from any bytes can be encoded, and decodes to the same packet again; what encodes from any field values decodes
 * to a packet that encodes to the same bytes. The first byte of an input chooses:
 *
 *     bit 0: raw IP   bit 1: the rest is a struct farspan_packet and a payload, instead of a frame
 */
#include <errno.h>
#include <farspan.h>
#include <stddef.h>

#include "fuzz.h"

static uint8_t encoded[FARSPAN_HEADER_MAX + 65536];

/* What the way there and back does not keep: padding, options (the tunnel's too) and extension headers, whose places differ. */
static void forget_places(struct farspan_packet *packet)
{
	packet->ip_off = packet->ip_payload_off = packet->ip_payload_len = packet->inner_off = 0;
	packet->cut = packet->critical = false;
	packet->options_len = 0;
	if (packet->ip_version == 6)
		packet->ip_id = 0;
}

static struct farspan_context context_of(const struct farspan_packet *packet)
{
	return (struct farspan_context){
		.link = packet->has_link ? FARSPAN_LINK_ETHERNET : FARSPAN_LINK_IP,
		.vxlan_port = packet->kind == FARSPAN_VXLAN ? packet->udp_dst : 0,
		.geneve_port = packet->kind == FARSPAN_GENEVE ? packet->udp_dst : 0,
		.tzsp_port = packet->kind == FARSPAN_TZSP ? packet->udp_dst : 0,
	};
}

static void from_frame(const struct farspan_context *context, const uint8_t *data, size_t len)
{
	struct farspan_packet packet, again;
	struct farspan_context back;
	enum farspan_kind kind;
	int header_len;

	if (farspan_decode(context, data, len, &packet) != FARSPAN_OK || packet.kind == FARSPAN_NONE)
		return;
	kind = packet.kind;
	header_len = farspan_encode(&packet, data + packet.inner_off, packet.inner_len, encoded, sizeof(encoded));
	if (header_len == -EMSGSIZE && packet.inner_len > 65000)
		return; /* of a jumbogram */
	MUST(header_len > 0 && (unsigned int)header_len <= FARSPAN_HEADER_MAX);
	back = context_of(&packet);
	MUST(farspan_decode(&back, encoded, (size_t)header_len + packet.inner_len, &again) == FARSPAN_OK);
	MUST(again.kind == kind && again.inner_off == (size_t)header_len);
	/* Either GRE protocol may carry Types II and III, with a sequence number or without; encoding knows only one way. */
	if (kind == FARSPAN_ERSPAN2 || kind == FARSPAN_ERSPAN3) {
		packet.gre_protocol = again.gre_protocol;
		packet.has_seq = true;
	}
	forget_places(&packet);
	forget_places(&again);
	MUST(memcmp(&packet, &again, sizeof(packet)) == 0);
}

/* The bytes of a member that is no integer have few values; make them so. */
static void tame(struct farspan_packet *packet, const uint8_t *kinds)
{
	packet->kind = (enum farspan_kind)(kinds[0] % FARSPAN_KINDS);
	packet->reason = FARSPAN_OK;
#define TAME(offset, member) packet->member = kinds[offset] & 1
	TAME(1, has_link);
	TAME(2, df);
	TAME(3, has_checksum);
	TAME(4, has_key);
	TAME(5, has_seq);
	TAME(6, truncated);
	TAME(7, oam);
	TAME(7, has_encap_limit);
#undef TAME
	packet->more_fragments = packet->cut = packet->critical = packet->has_inner_ethernet = false;
	packet->udp_dst = packet->udp_dst ? packet->udp_dst : FARSPAN_VXLAN_PORT;
}

static void from_fields(const uint8_t *data, size_t len)
{
	static uint8_t again[sizeof(encoded)];
	struct farspan_packet packet;
	struct farspan_context context;
	enum farspan_reason reason;
	int header_len;
	size_t whole;

	if (len < sizeof(packet) + 8)
		return;
	memset(&packet, 0, sizeof(packet));
	memcpy((uint8_t *)&packet + offsetof(struct farspan_packet, link_dst), data,
	       sizeof(packet) - offsetof(struct farspan_packet, link_dst));
	tame(&packet, data + sizeof(packet));
	data += sizeof(packet) + 8;
	len -= sizeof(packet) + 8;
	header_len = farspan_encode(&packet, data, len, encoded, sizeof(encoded));
	if (header_len < 0)
		return;
	whole = (size_t)header_len + len;
	context = context_of(&packet);
	reason = farspan_decode(&context, encoded, whole, &packet);
	MUST(packet.kind != FARSPAN_NONE && packet.inner_off == (size_t)header_len && packet.inner_len == len);
	MUST(reason == FARSPAN_OK || reason == FARSPAN_REASON_short_inner || reason == FARSPAN_REASON_depth);
	MUST(farspan_encode(&packet, data, len, again, sizeof(again)) == header_len);
	MUST(memcmp(encoded, again, whole) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct farspan_context context = {0};
	uint8_t *copy;

	if (len == 0)
		return 0;
	context.link = data[0] & 1 ? FARSPAN_LINK_IP : FARSPAN_LINK_ETHERNET;
	copy = exact_copy(data + 1, len - 1);
	if (data[0] & 2)
		from_fields(copy, len - 1);
	else
		from_frame(&context, copy, len - 1);
	exact_free(copy, len - 1);
	return 0;
}
