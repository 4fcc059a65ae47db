/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Makes of a mirrored frame what it was on the wire: takes the switch's own header out, puts the VLAN tag back, and copies only headers.
 *
 *     cc clean.c $(pkg-config --cflags --libs libfarspan) -o clean && ./clean
 */
#include <farspan.h>
#include <stdio.h>

/* Behind Ethernet and IPv4: GRE, ERSPAN Type II (VLAN 20, COS 5, En 2: its tag was taken off), and an ARP request with a VN-Tag. */
static const uint8_t packet_bytes[] = {
	0x45, 0x00, 0x00, 0x44, 0x00, 0x01, 0x40, 0x00, 0x40, 0x2f, 0x00, 0x00, 10,   9,    0,    1,    10,   9,    0,    2, /* IPv4 */
	0x10, 0x00, 0x88, 0xbe, 0x00, 0x00, 0x00, 0x2a, /* GRE: number 42 */
	0x10, 0x14, 0xb0, 0x64, 0x00, 0x00, 0x00, 0x07, /* ERSPAN Type II */
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0x00, 0x00, 0x00, 0x00, 0x0c, 0x89, 0x26, 0x80, 0x01, 0x00, 0x02, 0x08, 0x06, /* VN-Tag */
	0x00, 0x01, 0x08, 0x00, 0x06, 0x04, 0x00, 0x01, 0x02, 0x00, 0x00, 0x00};

static void print_bytes(const char *what, const uint8_t *bytes, size_t len)
{
	printf("%s:", what);
	for (size_t i = 0; i < len; i++)
		printf(" %02x", bytes[i]);
	putchar('\n');
}

int main(void)
{
	const struct farspan_context context = {.link = FARSPAN_LINK_IP};
	struct farspan_packet packet;
	struct farspan_inner inner;
	const uint8_t *frame;

	if (farspan_decode(&context, packet_bytes, sizeof(packet_bytes), &packet) != FARSPAN_OK || packet.kind == FARSPAN_NONE) {
		puts("no mirrored packet");
		return 1;
	}
	frame = packet_bytes + packet.inner_off;
	farspan_inner_clean(&packet, frame, packet.inner_len, FARSPAN_INNER_EXTRA | FARSPAN_INNER_tag, &inner);
	for (unsigned int part = 1; part <= inner.changed; part *= 2)
		if (inner.changed & part)
			printf("changed: %s\n", farspan_inner_name((enum farspan_inner_part)part));
	print_bytes("header", inner.header, inner.header_len);
	print_bytes("frame", frame + inner.off, inner.len);
	printf("type 0x%04x, %zu bytes instead of %zu\n", inner.type, inner.header_len + inner.len, packet.inner_len);
	return 0;
}
