/* SPDX-License-Identifier: BSD-2-Clause */
/* Block and option layouts are drawn in capture_pcapng.c. */
#include "record/pcapng.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <farspan.h>

enum {
	BUFFER = 1 << 20,
	DATA_MAX = 262144,
	BLOCK_MAX = DATA_MAX + 8 * (PCAPNG_TEXT_MAX + 8), /* no block of ours is longer */

	BLOCK_SECTION = 0x0a0d0d0a,
	BLOCK_INTERFACE = 1,
	BLOCK_STATISTICS = 5,
	BLOCK_ENHANCED = 6,

	OPTION_END = 0,
	OPTION_COMMENT = 1,
	SECTION_HARDWARE = 2,
	SECTION_OS = 3,
	SECTION_APPLICATION = 4,
	INTERFACE_NAME = 2,
	INTERFACE_DESCRIPTION = 3,
	INTERFACE_TSRESOL = 9,
	INTERFACE_FILTER = 11,
	PACKET_FLAGS = 2,
	PACKET_DROPCOUNT = 4,
	PACKET_ID = 5,
	STATISTICS_START = 2,
	STATISTICS_END = 3,
	STATISTICS_RECEIVED = 4,
	STATISTICS_DROPPED = 5,
	STATISTICS_OS_DROPPED = 7,
};

struct pcapng {
	struct pcapng_config config;
	char *name;
	int failed; /* errno */
	uint32_t interfaces;
	uint64_t written;
	uint64_t lost;
	uint64_t buffered; /* packets */
	size_t len;        /* bytes in the buffer, whole blocks unless one is being made */
	size_t block;      /* where the block being made starts */
	uint8_t buffer[BUFFER];
};

static void put(struct pcapng *pcapng, const void *data, size_t len)
{
	memcpy(pcapng->buffer + pcapng->len, data, len);
	pcapng->len += len;
}

static void put_u16(struct pcapng *pcapng, uint16_t value)
{
	put(pcapng, &value, sizeof value);
}

static void put_u32(struct pcapng *pcapng, uint32_t value)
{
	put(pcapng, &value, sizeof value);
}

static void put_u64(struct pcapng *pcapng, uint64_t value)
{
	put(pcapng, &value, sizeof value);
}

static void put_time(struct pcapng *pcapng, uint64_t time_ns)
{
	put_u32(pcapng, (uint32_t)(time_ns >> 32));
	put_u32(pcapng, (uint32_t)time_ns);
}

static void put_padding(struct pcapng *pcapng)
{
	put(pcapng, "\0\0\0", (0 - pcapng->len) & 3);
}

static void put_option(struct pcapng *pcapng, uint16_t code, const void *value, size_t len)
{
	put_u16(pcapng, code);
	put_u16(pcapng, (uint16_t)len);
	put(pcapng, value, len);
	put_padding(pcapng);
}

static void put_text(struct pcapng *pcapng, uint16_t code, const char *text)
{
	size_t len = text ? strlen(text) : 0;

	if (text)
		put_option(pcapng, code, text, len < PCAPNG_TEXT_MAX ? len : PCAPNG_TEXT_MAX);
}

static void put_counter(struct pcapng *pcapng, uint16_t code, uint64_t value)
{
	put_option(pcapng, code, &value, sizeof value);
}

static void put_time_option(struct pcapng *pcapng, uint16_t code, uint64_t time_ns)
{
	put_u16(pcapng, code);
	put_u16(pcapng, 8);
	put_time(pcapng, time_ns);
}

static void wait_writable(int fd)
{
	struct pollfd ready = {.fd = fd, .events = POLLOUT};

	poll(&ready, 1, -1);
}

/* Writes as much of the buffer as goes; returns that, and sets failed if it was not all. */
static size_t write_buffer(struct pcapng *pcapng)
{
	const struct pcapng_config *config = &pcapng->config;
	size_t done = 0;

	while (done < pcapng->len) {
		const void *at = pcapng->buffer + done;
		size_t left = pcapng->len - done;
		ssize_t rc = config->write ? config->write(config->context, at, left) : write(config->fd, at, left);

		if (rc > 0) {
			done += (size_t)rc;
		} else if (rc == 0) {
			pcapng->failed = EIO;
			break;
		} else if (errno == EAGAIN && !config->write) {
			wait_writable(config->fd);
		} else if (errno != EINTR) {
			pcapng->failed = errno;
			break;
		}
	}
	return done;
}

/* How many of the first len bytes of the buffer are whole blocks, and the packets in them. */
static size_t whole_blocks(const struct pcapng *pcapng, size_t len, uint64_t *packets)
{
	size_t whole = 0;

	*packets = 0;
	while (len - whole >= 12) {
		uint32_t header[2];

		memcpy(header, pcapng->buffer + whole, sizeof header);
		if (header[1] > len - whole)
			break;
		*packets += header[0] == BLOCK_ENHANCED;
		whole += header[1];
	}
	return whole;
}

/* A file that can be shortened ends with a whole block; a pipe has what it has. */
static void cut_file(const struct pcapng *pcapng, size_t excess)
{
	struct stat stat;
	off_t end;

	if (excess == 0 || pcapng->config.write || fstat(pcapng->config.fd, &stat) || !S_ISREG(stat.st_mode))
		return;
	end = lseek(pcapng->config.fd, 0, SEEK_CUR);
	if (end < 0 || (uint64_t)end < excess)
		return;
	end -= (off_t)excess;
	if (ftruncate(pcapng->config.fd, end) == 0)
		lseek(pcapng->config.fd, end, SEEK_SET);
}

static void flush_buffer(struct pcapng *pcapng)
{
	uint64_t packets = pcapng->buffered;
	size_t done;

	if (pcapng->failed)
		return;
	done = write_buffer(pcapng);
	if (pcapng->failed)
		cut_file(pcapng, done - whole_blocks(pcapng, done, &packets));
	pcapng->written += packets;
	pcapng->lost += pcapng->buffered - packets;
	pcapng->buffered = 0;
	pcapng->len = 0;
}

/* Begins a block in a buffer with room for it. */
static int begin_block(struct pcapng *pcapng, uint32_t type)
{
	if (BUFFER - pcapng->len < BLOCK_MAX)
		flush_buffer(pcapng);
	if (pcapng->failed)
		return -pcapng->failed;
	pcapng->block = pcapng->len;
	put_u32(pcapng, type);
	put_u32(pcapng, 0);
	return 0;
}

static void end_block(struct pcapng *pcapng)
{
	uint32_t len;

	put_u32(pcapng, OPTION_END);
	len = (uint32_t)(pcapng->len + 4 - pcapng->block);
	put_u32(pcapng, len);
	memcpy(pcapng->buffer + pcapng->block + 4, &len, sizeof len);
}

static void put_section(struct pcapng *pcapng)
{
	struct utsname system = {0};
	char os[2 * sizeof system.sysname + 2] = "", application[64] = "farspan ";

	uname(&system);
	strcat(strcat(strcpy(os, system.sysname), " "), system.release);
	strncat(application, farspan_version(), sizeof application - strlen(application) - 1);
	begin_block(pcapng, BLOCK_SECTION);
	put_u32(pcapng, 0x1a2b3c4d);
	put_u16(pcapng, 1);
	put_u16(pcapng, 0);
	put_u64(pcapng, UINT64_MAX); /* length: not told */
	put_text(pcapng, SECTION_HARDWARE, system.machine);
	put_text(pcapng, SECTION_OS, os);
	put_text(pcapng, SECTION_APPLICATION, application);
	end_block(pcapng);
}

int pcapng_new(const struct pcapng_config *config, struct pcapng **pcapng, struct error *error)
{
	struct pcapng *made = malloc(sizeof *made);

	if (!made)
		return fail(error, ENOMEM, "%s: no memory", config->name);
	memset(made, 0, offsetof(struct pcapng, buffer));
	made->config = *config;
	made->name = strdup(config->name);
	if (!made->name) {
		free(made);
		return fail(error, ENOMEM, "%s: no memory", config->name);
	}
	put_section(made);
	*pcapng = made;
	return 0;
}

int64_t pcapng_add_interface(struct pcapng *pcapng, const struct pcapng_interface *interface)
{
	static const uint8_t nanoseconds = 9, expression = 0;
	int rc = begin_block(pcapng, BLOCK_INTERFACE);

	if (rc)
		return rc;
	put_u16(pcapng, (uint16_t)interface->link);
	put_u16(pcapng, 0);
	put_u32(pcapng, 0); /* snaplen: none */
	put_text(pcapng, INTERFACE_NAME, interface->name);
	put_text(pcapng, INTERFACE_DESCRIPTION, interface->description);
	put_option(pcapng, INTERFACE_TSRESOL, &nanoseconds, 1);
	if (interface->filter) {
		size_t len = strlen(interface->filter);

		if (len > PCAPNG_TEXT_MAX)
			len = PCAPNG_TEXT_MAX;

		put_u16(pcapng, INTERFACE_FILTER);
		put_u16(pcapng, (uint16_t)(len + 1));
		put(pcapng, &expression, 1);
		put(pcapng, interface->filter, len);
		put_padding(pcapng);
	}
	end_block(pcapng);
	return pcapng->interfaces++;
}

int pcapng_add_packet(struct pcapng *pcapng, const struct pcapng_packet *packet)
{
	size_t captured = packet->captured < DATA_MAX ? packet->captured : DATA_MAX;
	uint32_t flags = packet->direction;
	int rc = begin_block(pcapng, BLOCK_ENHANCED);

	if (rc) {
		pcapng->lost++;
		return rc;
	}
	put_u32(pcapng, packet->interface);
	put_time(pcapng, packet->time_ns);
	put_u32(pcapng, (uint32_t)captured);
	put_u32(pcapng, (uint32_t)packet->original);
	put(pcapng, packet->data, captured);
	put_padding(pcapng);
	put_text(pcapng, OPTION_COMMENT, packet->comment);
	if (flags)
		put_option(pcapng, PACKET_FLAGS, &flags, sizeof flags);
	if (packet->dropped)
		put_counter(pcapng, PACKET_DROPCOUNT, packet->dropped);
	if (packet->has_id)
		put_counter(pcapng, PACKET_ID, packet->id);
	end_block(pcapng);
	pcapng->buffered++;
	return 0;
}

int pcapng_add_statistics(struct pcapng *pcapng, const struct pcapng_statistics *statistics)
{
	int rc = begin_block(pcapng, BLOCK_STATISTICS);

	if (rc)
		return rc;
	put_u32(pcapng, statistics->interface);
	put_time(pcapng, statistics->time_ns);
	put_text(pcapng, OPTION_COMMENT, statistics->comment);
	put_time_option(pcapng, STATISTICS_START, statistics->start_ns);
	put_time_option(pcapng, STATISTICS_END, statistics->end_ns);
	put_counter(pcapng, STATISTICS_RECEIVED, statistics->received);
	put_counter(pcapng, STATISTICS_DROPPED, statistics->dropped);
	put_counter(pcapng, STATISTICS_OS_DROPPED, statistics->os_dropped);
	end_block(pcapng);
	return 0;
}

int pcapng_failed(const struct pcapng *pcapng, struct error *error)
{
	if (!pcapng->failed)
		return 0;
	return fail(error, pcapng->failed, "%s: cannot write: %s", pcapng->name, strerror(pcapng->failed));
}

int pcapng_flush(struct pcapng *pcapng, struct error *error)
{
	flush_buffer(pcapng);
	return pcapng_failed(pcapng, error);
}

uint64_t pcapng_written(const struct pcapng *pcapng)
{
	return pcapng->written;
}

uint64_t pcapng_lost(const struct pcapng *pcapng)
{
	return pcapng->lost;
}

void pcapng_free(struct pcapng *pcapng)
{
	if (!pcapng)
		return;
	free(pcapng->name);
	free(pcapng);
}
