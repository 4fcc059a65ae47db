/* SPDX-License-Identifier: BSD-2-Clause */
/* Text to a descriptor, fast: hides the buffer, number formatting and write errors, which stick. */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"

enum {
	OUTPUT_BUFFER = 1 << 18
};

struct output {
	int fd;
	int failed; /* errno of a write; everything after it is discarded */
	size_t len;
	char buffer[OUTPUT_BUFFER];
};

/* Writes what waits. 0, or -errno with *error (may be NULL) saying that name, the output, cannot be written. */
int output_flush(struct output *output, const char *name, struct error *error);

/* At least len bytes of room, len being below OUTPUT_BUFFER. */
static inline char *output_room(struct output *output, size_t len)
{
	if (OUTPUT_BUFFER - output->len < len)
		(void)output_flush(output, "", NULL);
	return output->buffer + output->len;
}

static inline void output_bytes(struct output *output, const char *bytes, size_t len)
{
	memcpy(output_room(output, len), bytes, len);
	output->len += len;
}

static inline void output_char(struct output *output, char c)
{
	*output_room(output, 1) = c;
	output->len++;
}

static inline void output_text(struct output *output, const char *text)
{
	output_bytes(output, text, strlen(text));
}

void output_number(struct output *output, uint64_t number);

/* Seconds with nine decimals. */
void output_time(struct output *output, uint64_t time_ns);

/* "0x0800" */
void output_hex16(struct output *output, uint16_t number);

/* 6 bytes as "02:aa:00:00:00:01". */
void output_mac(struct output *output, const uint8_t *mac);

/* An IPv4 (4) or IPv6 (6) address in network order. */
void output_address(struct output *output, unsigned int ip_version, const uint8_t *address);

#endif
