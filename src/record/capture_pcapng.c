/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pcapng: a file of blocks, which all look like this in the byte order of their section:
 *
 *   type (4)  length of the block (4)  body, padded to 4 bytes  the length again (4)
 *
 *   0a0d0d0a section    magic 1a2b3c4d (tells the byte order), major.minor, length, options
 *   1        interface  link type (2), reserved (2), snaplen (4), options
 *   2        packet     interface (2), drops (2), time (4 + 4), captured (4), original (4), bytes, options; obsolete
 *   3        simple     original (4), bytes; of interface 0, without a time
 *   6        enhanced   interface (4), time (4 + 4), captured (4), original (4), bytes, options
 *
 * An option is code (2), length (2), value, padded to 4 bytes; code 0 ends them.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "record/capture_format.h"

enum {
	BLOCK_INTERFACE = 1,
	BLOCK_PACKET = 2,
	BLOCK_SIMPLE = 3,
	BLOCK_ENHANCED = 6,
	BLOCK_SECTION = 0x0a0d0d0a,

	BLOCK_AROUND = 12, /* type and both lengths */
	SECTION_MAGIC = 0x1a2b3c4d,

	OPTION_END = 0,
	OPTION_TSRESOL = 9,
	OPTION_TSOFFSET = 14,

	INTERFACES_MAX = 65536,
};

/* A block: its type, its whole length, and its body. */
struct block {
	uint32_t type;
	uint32_t len;
	struct reader body;
};

static int read_section(struct capture *capture, struct block *block, struct error *error)
{
	uint16_t major, minor;

	reader_skip(&block->body, 4);
	major = capture_u16(capture, &block->body);
	minor = capture_u16(capture, &block->body);
	reader_skip(&block->body, 8);
	if (block->body.failed)
		return capture_bad(capture, error, "a section header of only %u bytes", block->len);
	if (major != 1)
		return capture_bad(capture, error, "pcapng version %u.%u instead of 1.x", major, minor);
	capture->interface_count = 0;
	return 0;
}

static uint64_t power_of_ten(unsigned int exponent)
{
	uint64_t power = 1;

	while (exponent--)
		power *= 10;
	return power;
}

/* The option's byte: units per second as a power of ten or, with the highest bit, of two. */
static void set_resolution(struct capture_interface *interface, uint8_t resolution)
{
	unsigned int exponent = resolution & 0x7f;

	interface->multiply = interface->divide = 1;
	interface->shift = 0;
	if (resolution & 0x80) {
		interface->multiply = NS_PER_S;
		interface->shift = exponent;
	} else if (exponent <= 9) {
		interface->multiply = power_of_ten(9 - exponent);
	} else if (exponent <= 28) {
		interface->divide = power_of_ten(exponent - 9);
	} else {
		interface->multiply = 0; /* all of its times are below a nanosecond */
	}
}

static void read_interface_options(const struct capture *capture, struct reader *options, struct capture_interface *interface)
{
	while (reader_left(options)) {
		uint16_t code = capture_u16(capture, options);
		uint16_t len = capture_u16(capture, options);
		struct reader value = *options;

		if (code == OPTION_END || options->failed)
			return;
		reader_skip(options, ((size_t)len + 3) & ~(size_t)3);
		if (code == OPTION_TSRESOL && len == 1) {
			set_resolution(interface, reader_u8(&value));
		} else if (code == OPTION_TSOFFSET && len == 8) {
			uint64_t first = capture_u32(capture, &value), second = capture_u32(capture, &value);

			interface->offset_s = capture->little ? second << 32 | first : first << 32 | second;
		}
	}
}

static int read_interface(struct capture *capture, struct block *block, struct error *error)
{
	struct capture_interface *interface;

	/* Doubled at each power of two. */
	if ((capture->interface_count & (capture->interface_count - 1)) == 0) {
		size_t room = capture->interface_count ? capture->interface_count * 2 : 1;

		if (capture->interface_count >= INTERFACES_MAX)
			return capture_bad(capture, error, "more than %d interfaces", INTERFACES_MAX);
		interface = reallocarray(capture->interfaces, room, sizeof *interface);
		if (!interface)
			return fail(error, ENOMEM, "%s: no memory for %zu interfaces", capture->name, room);
		capture->interfaces = interface;
	}
	interface = &capture->interfaces[capture->interface_count];
	*interface = (struct capture_interface){.multiply = 1000, .divide = 1};
	interface->link_type = capture_u16(capture, &block->body);
	reader_skip(&block->body, 2);
	interface->snaplen = capture_u32(capture, &block->body);
	read_interface_options(capture, &block->body, interface);
	if (block->body.failed)
		return capture_bad(capture, error, "an interface block that is too short for what it holds");
	capture->interface_count++;
	return 0;
}

static uint64_t packet_time(const struct capture_interface *interface, uint64_t units)
{
	unsigned __int128 ns = (unsigned __int128)units * interface->multiply / interface->divide >> interface->shift;

	return (uint64_t)ns + interface->offset_s * NS_PER_S;
}

/* Reads the fields of the three kinds of packet block, up to the bytes. */
static uint32_t read_packet_fields(const struct capture *capture, struct block *block, uint64_t *units, uint32_t *captured,
				   uint32_t *original)
{
	struct reader *body = &block->body;
	uint32_t number = 0;

	*units = 0;
	if (block->type == BLOCK_SIMPLE) {
		*original = *captured = capture_u32(capture, body);
		if (capture->interface_count && capture->interfaces[0].snaplen && *captured > capture->interfaces[0].snaplen)
			*captured = capture->interfaces[0].snaplen;
		if (*captured > reader_left(body))
			*captured = (uint32_t)reader_left(body);
		return 0;
	}
	if (block->type == BLOCK_ENHANCED) {
		number = capture_u32(capture, body);
	} else {
		number = capture_u16(capture, body);
		reader_skip(body, 2);
	}
	*units = (uint64_t)capture_u32(capture, body) << 32;
	*units |= capture_u32(capture, body);
	*captured = capture_u32(capture, body);
	*original = capture_u32(capture, body);
	return number;
}

static int read_packet(struct capture *capture, struct block *block, struct capture_packet *packet, struct error *error)
{
	uint32_t number, captured, original;
	const uint8_t *data;
	uint64_t units;

	number = read_packet_fields(capture, block, &units, &captured, &original);
	if (!block->body.failed && captured > CAPTURE_PACKET_MAX)
		return capture_bad(capture, error, "a packet of %u bytes, more than %d,", captured, CAPTURE_PACKET_MAX);
	data = reader_take(&block->body, captured);
	if (!data)
		return capture_bad(capture, error, "a packet block that is too short for its packet");
	if (number >= capture->interface_count)
		return capture_bad(capture, error, "a packet of interface %u, which has no interface block,", number);
	*packet = (struct capture_packet){.time_ns = packet_time(&capture->interfaces[number], units)};
	capture_set_link(packet, capture->interfaces[number].link_type, data, captured, original);
	return 1;
}

/* The byte order of the section that starts here. */
static int read_byte_order(struct capture *capture, struct error *error)
{
	const uint8_t *at = stream_peek(&capture->stream, BLOCK_AROUND);
	struct reader header = reader_of(at, at ? BLOCK_AROUND : 0);
	uint32_t magic;

	if (!at)
		return capture_cut(capture, error);
	reader_skip(&header, 8);
	magic = reader_u32(&header);
	capture->little = magic == __builtin_bswap32(SECTION_MAGIC);
	if (!capture->little && magic != SECTION_MAGIC)
		return capture_bad(capture, error, "a section header without a byte order");
	return 0;
}

static bool is_read(uint32_t type)
{
	return type == BLOCK_SECTION || type == BLOCK_INTERFACE || type == BLOCK_PACKET || type == BLOCK_SIMPLE || type == BLOCK_ENHANCED;
}

/* Gets the whole block, or only its first bytes if it is one to skip. */
static int get_block(struct capture *capture, struct block *block, struct error *error)
{
	const uint8_t *at = stream_peek(&capture->stream, 8);
	struct reader header = reader_of(at, at ? 8 : 0);
	int rc;

	if (!at)
		return capture_cut(capture, error);
	block->type = capture_u32(capture, &header);
	if (block->type == BLOCK_SECTION && (rc = read_byte_order(capture, error)))
		return rc;
	header = reader_of(stream_peek(&capture->stream, 8), 8);
	reader_skip(&header, 4);
	block->len = capture_u32(capture, &header);
	if (block->len < BLOCK_AROUND || block->len % 4)
		return capture_bad(capture, error, "a block of an impossible length, %u,", block->len);
	if (!is_read(block->type))
		return 0;
	if (block->len > STREAM_WINDOW_MAX)
		return capture_bad(capture, error, "a block of %u bytes, more than %d,", block->len, STREAM_WINDOW_MAX);
	at = stream_peek(&capture->stream, block->len);
	if (!at)
		return capture_cut(capture, error);
	block->body = reader_of(at, block->len);
	reader_skip(&block->body, block->len - 4);
	if (capture_u32(capture, &block->body) != block->len)
		return capture_bad(capture, error, "a block whose two lengths differ");
	block->body = reader_of(at + 8, block->len - BLOCK_AROUND);
	return 0;
}

/* One block: 1 if it was a packet, 0 if not, -errno. */
static int next_block(struct capture *capture, struct capture_packet *packet, struct error *error)
{
	struct block block = {0};
	int rc = get_block(capture, &block, error);

	if (rc)
		return rc;
	capture->taken = block.len;
	switch (block.type) {
	case BLOCK_SECTION:
		return read_section(capture, &block, error);
	case BLOCK_INTERFACE:
		return read_interface(capture, &block, error);
	case BLOCK_PACKET:
	case BLOCK_SIMPLE:
	case BLOCK_ENHANCED:
		return read_packet(capture, &block, packet, error);
	default:
		return 0;
	}
}

static int next_pcapng(struct capture *capture, struct capture_packet *packet, struct error *error)
{
	int rc = 0;

	while (rc == 0) {
		if (!stream_skip(&capture->stream, capture->taken))
			return capture_cut(capture, error);
		capture->taken = 0;
		if (!stream_peek(&capture->stream, 1) && !capture->stream.failed)
			return 0;
		rc = next_block(capture, packet, error);
	}
	if (rc < 0)
		capture->taken = 0;
	return rc;
}

bool pcapng_begin(struct capture *capture, int *rc, struct error *error)
{
	const uint8_t *at = stream_peek(&capture->stream, 4);
	struct reader header = reader_of(at, at ? 4 : 0);
	struct capture_packet none;

	if (reader_u32(&header) != BLOCK_SECTION)
		return false;
	capture->next = next_pcapng;
	/* A section header is no packet, so that this is 0 or an error. */
	*rc = next_block(capture, &none, error);
	return true;
}
