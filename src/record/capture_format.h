/* SPDX-License-Identifier: BSD-2-Clause */
/* What capture.c and the readers of the two formats share; nobody else includes this. */
#ifndef RECORD_CAPTURE_FORMAT_H
#define RECORD_CAPTURE_FORMAT_H

#include <stdbool.h>

#include "record/capture.h"
#include "record/stream.h"
#include "wire/bytes.h"

/* An interface of a pcapng section. A time is units * multiply / divide >> shift nanoseconds after offset_s. */
struct capture_interface {
	uint16_t link_type;
	uint32_t snaplen; /* 0: no limit */
	uint64_t multiply, divide;
	unsigned int shift;
	uint64_t offset_s; /* two's complement */
};

struct capture {
	struct stream stream;
	char *name;
	bool little;    /* numbers in the file are little-endian */
	uint64_t taken; /* bytes of the packet given last, skipped by the next call */
	int (*next)(struct capture *capture, struct capture_packet *packet, struct error *error);

	uint32_t fraction_ns; /* pcap */
	uint16_t link_type;

	struct capture_interface *interfaces; /* pcapng, of this section */
	unsigned int interface_count;
};

/* Numbers in the byte order of the file. */
static inline uint16_t capture_u16(const struct capture *capture, struct reader *reader)
{
	uint16_t value = reader_u16(reader);

	return capture->little ? __builtin_bswap16(value) : value;
}

static inline uint32_t capture_u32(const struct capture *capture, struct reader *reader)
{
	uint32_t value = reader_u32(reader);

	return capture->little ? __builtin_bswap32(value) : value;
}

/* Whether the file starts like this format; then *rc says if it can be read. */
bool pcap_begin(struct capture *capture, int *rc, struct error *error);
bool pcapng_begin(struct capture *capture, int *rc, struct error *error);

/* After a peek failed: why, as capture_next() returns it. Not for the clean end of a file. */
int capture_cut(const struct capture *capture, struct error *error);

/* Fails with EBADMSG: "NAME: WHAT at offset N", N being where the stream stands. */
int capture_bad(const struct capture *capture, struct error *error, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Fills *packet with len bytes at data of this link type, behind a link header that stands for an Ethernet header. */
void capture_set_link(struct capture_packet *packet, uint16_t link_type, const uint8_t *data, size_t captured, size_t original);

#endif
