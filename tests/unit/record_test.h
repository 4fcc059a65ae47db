/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of the recorder share: files in memory, a random number, outer packets and their fragments. */
#ifndef TESTS_RECORD_TEST_H
#define TESTS_RECORD_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <farspan.h>

/* ---- bytes of either order ---- */

struct bytes {
	uint8_t data[1 << 17];
	size_t len;
	bool big;
};

static inline void add(struct bytes *bytes, const void *data, size_t len)
{
	assert_true(len <= sizeof bytes->data - bytes->len);
	memcpy(bytes->data + bytes->len, data, len);
	bytes->len += len;
}

static inline void add_number(struct bytes *bytes, uint64_t value, unsigned int size)
{
	for (unsigned int i = 0; i < size; i++) {
		uint8_t byte = (uint8_t)(value >> 8 * (bytes->big ? size - 1 - i : i));

		add(bytes, &byte, 1);
	}
}

static inline void add_u16(struct bytes *bytes, uint16_t value)
{
	add_number(bytes, value, 2);
}

static inline void add_u32(struct bytes *bytes, uint32_t value)
{
	add_number(bytes, value, 4);
}

static inline void add_padding(struct bytes *bytes)
{
	while (bytes->len % 4)
		add(bytes, "", 1);
}

/* ---- a file in memory ---- */

struct file {
	int fd;
	char path[64];
};

static inline struct file file_of(const void *data, size_t len)
{
	struct file file = {.fd = memfd_create("test", 0)};

	assert_true(file.fd >= 0);
	assert_int_equal(pwrite(file.fd, data, len, 0), len);
	snprintf(file.path, sizeof file.path, "/proc/self/fd/%d", file.fd);
	return file;
}

/* ---- numbers that look random, the same in every run ---- */

static inline uint32_t random_number(uint64_t *state, uint32_t below)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*state >> 33) % below;
}

/* ---- outer packets, without a link header ---- */

static inline void fill_packet(struct farspan_packet *packet, enum farspan_kind kind, uint8_t ip_version, uint16_t id)
{
	*packet = (struct farspan_packet){.kind = kind, .ip_version = ip_version, .ttl = 64, .session = id, .vni = id, .ip_id = id};
	packet->has_seq = kind == FARSPAN_ERSPAN2 || kind == FARSPAN_ERSPAN3;
	memcpy(packet->outer_src, (const uint8_t[]){10, 0, 0, 1}, 4);
	memcpy(packet->outer_dst, (const uint8_t[]){10, 0, 0, 2}, 4);
	if (kind == FARSPAN_VXLAN)
		packet->udp_dst = FARSPAN_VXLAN_PORT;
}

/* The whole packet in buffer; returns its length. */
static inline size_t make_outer(const struct farspan_packet *packet, const void *frame, size_t len, uint8_t *buffer, size_t size)
{
	int header = farspan_encode(packet, frame, len, buffer, size);

	assert_true(header > 0);
	return (size_t)header + len;
}

/*
 * One fragment of an outer packet: its payload from offset on, len bytes, of a packet that farspan_encode() made. Returns its length.
 */
static inline size_t make_fragment(const uint8_t *outer, size_t offset, size_t len, bool more, uint16_t id, uint8_t *buffer)
{
	const bool v6 = outer[0] >> 4 == 6;
	const size_t header = v6 ? 40 : 20;
	const uint16_t field = (uint16_t)(v6 ? offset | more : offset / 8 | (more ? 0x2000u : 0u));
	const uint16_t total = (uint16_t)(v6 ? 8 + len : 20 + len);

	memcpy(buffer, outer, header);
	buffer[v6 ? 4 : 2] = (uint8_t)(total >> 8);
	buffer[v6 ? 5 : 3] = (uint8_t)total;
	if (!v6) {
		buffer[4] = (uint8_t)(id >> 8);
		buffer[5] = (uint8_t)id;
		buffer[6] = (uint8_t)(field >> 8);
		buffer[7] = (uint8_t)field;
		memcpy(buffer + header, outer + header + offset, len);
		return header + len;
	}
	memcpy(buffer + header,
	       (const uint8_t[]){outer[6], 0, (uint8_t)(field >> 8), (uint8_t)field, 0, 0, (uint8_t)(id >> 8), (uint8_t)id}, 8);
	buffer[6] = 44;
	memcpy(buffer + header + 8, outer + header + offset, len);
	return header + 8 + len;
}

#endif
