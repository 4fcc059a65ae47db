/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Wraps a frame as a switch would mirror it, ERSPAN Type III over IPv6, and prints the bytes.
 *
 *     cc build.c $(pkg-config --cflags --libs libfarspan) -o build && ./build
 */
#include <farspan.h>
#include <stdio.h>

int main(void)
{
	static const uint8_t mirrored[60] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0, 0, 0, 0, 0x0c, 0x08, 0x06};
	const struct farspan_packet packet = {
		.kind = FARSPAN_ERSPAN3,
		.has_link = true,
		.link_dst = {0x02, 0, 0, 0, 0, 0x0a},
		.link_src = {0x02, 0, 0, 0, 0, 0x0b},
		.ip_version = 6,
		.outer_src = {0xfd, [15] = 1},
		.outer_dst = {0xfd, [15] = 2},
		.ttl = 64,
		.seq = 42,
		.session = 100,
		.vlan = 20,
		.timestamp = 123456,
		.p = 1,
		.direction = 1, /* egress */
		.o = 1,
		.platf_id = 3, /* the upper half of the timestamp */
		.port_id = 7,
		.timestamp_upper = 1,
	};
	uint8_t frame[FARSPAN_HEADER_MAX + sizeof(mirrored)];
	int header_len = farspan_encode(&packet, mirrored, sizeof(mirrored), frame, sizeof(frame));

	if (header_len < 0) {
		fprintf(stderr, "cannot encode: error %d\n", -header_len);
		return 1;
	}
	printf("%d bytes of headers, %zu of frame\n", header_len, sizeof(mirrored));
	for (int i = 0; i < header_len; i++)
		printf("%02x%s", frame[i], i % 16 == 15 || i == header_len - 1 ? "\n" : " ");
	return 0;
}
