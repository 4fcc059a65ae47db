/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Decodes a mirrored packet and prints what is in it.
 *
 *     cc decode.c $(pkg-config --cflags --libs libfarspan) -o decode && ./decode
 */
#include <farspan.h>
#include <stdio.h>

/* Ethernet, IPv4, GRE with a sequence number, ERSPAN Type II, and a mirrored ARP request. */
static const uint8_t frame[] = {
	0x02, 0x00, 0x00, 0x00, 0x00, 0x0a, 0x02, 0x00, 0x00, 0x00, 0x00, 0x0b, 0x08, 0x00,                               /* Ethernet */
	0x45, 0x00, 0x00, 0x4e, 0x00, 0x01, 0x40, 0x00, 0x40, 0x2f, 0x00, 0x00, 10,   9,    0,    1,    10,   9,    0, 2, /* IPv4 */
	0x10, 0x00, 0x88, 0xbe, 0x00, 0x00, 0x00, 0x2a,                                                             /* GRE: number 42 */
	0x10, 0x14, 0xb8, 0x64, 0x00, 0x00, 0x00, 0x07,                                                             /* ERSPAN Type II */
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0x00, 0x00, 0x00, 0x00, 0x0c, 0x81, 0x00, 0xa0, 0x14, 0x08, 0x06, /* Ethernet, VLAN 20 */
	0x00, 0x01, 0x08, 0x00, 0x06, 0x04, 0x00, 0x01, 0x02, 0x00, 0x00, 0x00, 0x00, 0x0c, 192,  168,  0,    1,    /* ARP */
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00};

int main(void)
{
	const struct farspan_context context = {.link = FARSPAN_LINK_ETHERNET};
	struct farspan_packet packet;
	enum farspan_reason reason = farspan_decode(&context, frame, sizeof(frame), &packet);

	if (reason != FARSPAN_OK) {
		fprintf(stderr, "refused: %s\n", farspan_reason_text(reason));
		return 1;
	}
	if (packet.kind == FARSPAN_NONE) {
		puts("no mirrored packet");
		return 0;
	}
	printf("%s from %d.%d.%d.%d, session %d, number %u\n", farspan_kind_name(packet.kind), packet.outer_src[0], packet.outer_src[1],
	       packet.outer_src[2], packet.outer_src[3], packet.session, packet.seq);
	printf("vlan %d, cos %d, en %d, index %u%s\n", packet.vlan, packet.cos, packet.en, packet.index,
	       packet.truncated ? ", truncated" : "");
	printf("frame of %zu bytes at offset %zu, type 0x%04x\n", packet.inner_len, packet.inner_off, packet.inner_type);
	for (int i = 0; i < packet.inner_tag_count; i++)
		printf("tag 0x%04x vlan %d\n", packet.inner_tags[i].tpid, packet.inner_tags[i].tci & 0xfff);
	return 0;
}
