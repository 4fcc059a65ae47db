/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames for the tests of the codec: typed in hex, with the lengths of the IP headers filled in, decoded from heap copies of exact size. */
#ifndef WIRE_FRAME_H
#define WIRE_FRAME_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <farspan.h>

#include "wire/fields.h"

#define ETHERNET "02000000000a 02000000000b "
/* A mirrored frame of 60 bytes, of an EtherType that nobody reads further. */
#define INNER                                                                             \
	"02000000000c 02000000000d 88b5 0001020304050607 08090a0b0c0d0e0f 10111213141516" \
	" 1718191a1b1c1d1e 1f20212223242526 2728292a2b2c2d"
#define INNER_LEN 60

struct frame {
	uint8_t bytes[1 << 17];
	size_t len;
	size_t ip_at; /* the IP header whose length end_ip() fills */
};

static inline uint8_t hex_digit(char digit)
{
	return (uint8_t)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
}

static inline void add_bytes(struct frame *frame, const void *bytes, size_t len)
{
	assert_true(len <= sizeof(frame->bytes) - frame->len);
	memcpy(frame->bytes + frame->len, bytes, len);
	frame->len += len;
}

/* Blanks separate as one likes; digits come in pairs. */
static inline void add(struct frame *frame, const char *hex)
{
	for (; *hex; hex++) {
		uint8_t byte;

		if (*hex == ' ')
			continue;
		byte = (uint8_t)(hex_digit(hex[0]) << 4 | hex_digit(hex[1]));
		add_bytes(frame, &byte, 1);
		hex++;
	}
}

static inline void put_u16(struct frame *frame, size_t at, size_t value)
{
	frame->bytes[at] = (uint8_t)(value >> 8);
	frame->bytes[at + 1] = (uint8_t)value;
}

/* An IPv4 header for 10.0.0.1 -> 10.0.0.2 with the options given, or an IPv6 one for fd00::1 -> fd00::2. */
static inline void add_ipv4(struct frame *frame, uint8_t protocol, const char *options)
{
	frame->ip_at = frame->len;
	add(frame, "4500 0000 1234 4000 4000 0000 0a000001 0a000002");
	add(frame, options);
	frame->bytes[frame->ip_at] = (uint8_t)(0x40 | (frame->len - frame->ip_at) / 4);
	frame->bytes[frame->ip_at + 9] = protocol;
}

static inline void add_ipv6(struct frame *frame, uint8_t next_header)
{
	frame->ip_at = frame->len;
	add(frame, "60000000 0000 00 40 fd000000000000000000000000000001 fd000000000000000000000000000002");
	frame->bytes[frame->ip_at + 6] = next_header;
}

/* Sets the length in the IP header to what has been added since. */
static inline void end_ip(struct frame *frame)
{
	size_t len = frame->len - frame->ip_at;

	if (frame->bytes[frame->ip_at] >> 4 == 4)
		put_u16(frame, frame->ip_at + 2, len);
	else
		put_u16(frame, frame->ip_at + 4, len - 40);
}

/* A whole frame: Ethernet, IPv4, and behind it the hex given. */
static inline void make_ipv4(struct frame *frame, uint8_t protocol, const char *behind)
{
	frame->len = 0;
	add(frame, ETHERNET "0800");
	add_ipv4(frame, protocol, "");
	add(frame, behind);
	end_ip(frame);
}

static inline void make_gre(struct frame *frame, const char *behind)
{
	make_ipv4(frame, 47, behind);
}

/* Decodes from a heap block that ends where the bytes end, so that a sanitizer sees a read beyond them. */
static inline enum farspan_reason decode_bytes(const struct farspan_context *context, const uint8_t *bytes, size_t len,
					       struct farspan_packet *packet)
{
	uint8_t *block = malloc(len ? len : 1);
	uint8_t *exact = block + (len ? 0 : 1);
	enum farspan_reason reason;

	assert_non_null(block);
	memcpy(exact, bytes, len);
	memset(packet, 0xa5, sizeof(*packet));
	reason = farspan_decode(context, exact, len, packet);
	free(block);
	assert_int_equal(reason, packet->reason);
	assert_true(packet->inner_off <= len && packet->inner_len <= len - packet->inner_off);
	assert_true(packet->ip_payload_off <= len && packet->ip_payload_len <= len - packet->ip_payload_off);
	return reason;
}

static inline enum farspan_reason decode_frame(const struct frame *frame, struct farspan_packet *packet)
{
	const struct farspan_context context = {.link = FARSPAN_LINK_ETHERNET};

	return decode_bytes(&context, frame->bytes, frame->len, packet);
}

#endif
