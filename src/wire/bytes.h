/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bounded access to bytes in network order. Hides every index and every length check: a read or write that does not fit yields zeros or
 * does nothing, and the error sticks, so that callers look once per header.
 */
#ifndef WIRE_BYTES_H
#define WIRE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Offsets count from data; off <= end always. After a failed read off stays where it was. */
struct reader {
	const uint8_t *data;
	size_t off;
	size_t end;
	bool failed;
};

static inline struct reader reader_of(const void *data, size_t len)
{
	return (struct reader){.data = (const uint8_t *)data, .end = len};
}

static inline size_t reader_left(const struct reader *reader)
{
	return reader->end - reader->off;
}

/* Forgets the bytes beyond len more; false if there are fewer than that. */
static inline bool reader_trim(struct reader *reader, size_t len)
{
	if (len > reader_left(reader))
		return false;
	reader->end = reader->off + len;
	return true;
}

/* The next len bytes, or NULL; the only place where a bound is tested. */
static inline const uint8_t *reader_take(struct reader *reader, size_t len)
{
	const uint8_t *at;

	if (reader->failed || len > reader_left(reader)) {
		reader->failed = true;
		return NULL;
	}
	at = reader->data + reader->off;
	reader->off += len;
	return at;
}

static inline void reader_skip(struct reader *reader, size_t len)
{
	(void)reader_take(reader, len);
}

static inline void reader_bytes(struct reader *reader, void *to, size_t len)
{
	const uint8_t *at = reader_take(reader, len);

	if (at)
		memcpy(to, at, len);
	else
		memset(to, 0, len);
}

static inline uint8_t reader_u8(struct reader *reader)
{
	uint8_t byte;

	reader_bytes(reader, &byte, sizeof(byte));
	return byte;
}

static inline uint16_t reader_u16(struct reader *reader)
{
	uint8_t bytes[2];

	reader_bytes(reader, bytes, sizeof(bytes));
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static inline uint32_t reader_u32(struct reader *reader)
{
	uint8_t bytes[4];

	reader_bytes(reader, bytes, sizeof(bytes));
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Fills all of words or, if they are not all there, zeroes them. */
static inline void reader_words(struct reader *reader, uint32_t *words, size_t count)
{
	const uint8_t *at = reader_take(reader, count * 4);
	struct reader header = reader_of(at, at ? count * 4 : 0);

	for (size_t i = 0; i < count; i++)
		words[i] = reader_u32(&header);
}

/* The next byte without taking it; 0 at the end, which is no error. */
static inline uint8_t reader_peek(const struct reader *reader)
{
	struct reader ahead = *reader;

	return reader_u8(&ahead);
}

struct writer {
	uint8_t *data;
	size_t len;
	size_t size;
	bool failed;
};

static inline struct writer writer_of(void *data, size_t size)
{
	return (struct writer){.data = (uint8_t *)data, .size = size};
}

static inline void writer_bytes(struct writer *writer, const void *from, size_t len)
{
	if (writer->failed || len > writer->size - writer->len) {
		writer->failed = true;
		return;
	}
	memcpy(writer->data + writer->len, from, len);
	writer->len += len;
}

static inline void writer_u16(struct writer *writer, uint16_t value)
{
	const uint8_t bytes[2] = {(uint8_t)(value >> 8), (uint8_t)value};

	writer_bytes(writer, bytes, sizeof(bytes));
}

static inline void writer_u32(struct writer *writer, uint32_t value)
{
	const uint8_t bytes[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8), (uint8_t)value};

	writer_bytes(writer, bytes, sizeof(bytes));
}

static inline void writer_words(struct writer *writer, const uint32_t *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		writer_u32(writer, words[i]);
}

/*
 * The Internet checksum's running sum (RFC 1071) of len bytes, added to sum. Only the last of several pieces may have an odd length.
 */
static inline uint64_t checksum_add(uint64_t sum, const uint8_t *bytes, size_t len)
{
	struct reader reader = reader_of(bytes, len);

	while (reader_left(&reader) >= 4)
		sum += reader_u32(&reader);
	if (reader_left(&reader) >= 2)
		sum += reader_u16(&reader);
	if (reader_left(&reader))
		sum += (uint64_t)reader_u8(&reader) << 8;
	return sum;
}

/* What goes into the checksum field; 0 over bytes that contain a right checksum. */
static inline uint16_t checksum_fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

#endif
