/* SPDX-License-Identifier: BSD-2-Clause */
/* Block and option layouts are drawn in capture_pcapng.c. */
#include "record/pcapng.h"

#include <string.h>
#include <sys/utsname.h>

#include <farspan.h>

enum {
	BLOCK_SECTION = 0x0a0d0d0a,
	BLOCK_INTERFACE = 1,
	BLOCK_NAMES = 4,
	BLOCK_STATISTICS = 5,
	BLOCK_ENHANCED = 6,

	NAMES_END = 0,
	NAMES_IPV4 = 1,
	NAMES_IPV6 = 2,

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

static void put(struct pcapng *pcapng, const void *data, size_t len)
{
	if (len > pcapng->size - pcapng->len) {
		pcapng->full = true;
		return;
	}
	memcpy(pcapng->data + pcapng->len, data, len);
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

/* In one piece: most packets have one. */
static void put_counter(struct pcapng *pcapng, uint16_t code, uint64_t value)
{
	const struct {
		uint16_t code, len;
		uint64_t value;
	} __attribute__((packed)) option = {code, sizeof value, value};

	put(pcapng, &option, sizeof option);
}

static void put_time_option(struct pcapng *pcapng, uint16_t code, uint64_t time_ns)
{
	put_u16(pcapng, code);
	put_u16(pcapng, 8);
	put_time(pcapng, time_ns);
}

/* Returns where the block starts, for end_block(). */
static size_t begin_block(struct pcapng *pcapng, uint32_t type)
{
	size_t start = pcapng->len;

	pcapng->full = false;
	put_u32(pcapng, type);
	put_u32(pcapng, 0);
	return start;
}

static bool end_block(struct pcapng *pcapng, size_t start)
{
	uint32_t len = (uint32_t)(pcapng->len + 4 - start);

	put_u32(pcapng, len);
	if (pcapng->full)
		pcapng->len = start;
	else
		memcpy(pcapng->data + start + 4, &len, sizeof len);
	return !pcapng->full;
}

static bool end_options(struct pcapng *pcapng, size_t start)
{
	put_u32(pcapng, OPTION_END);
	return end_block(pcapng, start);
}

bool pcapng_put_section(struct pcapng *pcapng)
{
	struct utsname system = {0};
	char os[2 * sizeof system.sysname + 2] = "", application[64] = "farspan ";
	size_t start = begin_block(pcapng, BLOCK_SECTION);

	uname(&system);
	strcat(strcat(strcpy(os, system.sysname), " "), system.release);
	strncat(application, farspan_version(), sizeof application - strlen(application) - 1);
	put_u32(pcapng, 0x1a2b3c4d);
	put_u16(pcapng, 1);
	put_u16(pcapng, 0);
	put_u64(pcapng, UINT64_MAX); /* length: not told */
	put_text(pcapng, SECTION_HARDWARE, system.machine);
	put_text(pcapng, SECTION_OS, os);
	put_text(pcapng, SECTION_APPLICATION, application);
	return end_options(pcapng, start);
}

bool pcapng_put_interface(struct pcapng *pcapng, const struct pcapng_interface *interface)
{
	static const uint8_t nanoseconds = 9, expression = 0;
	size_t start = begin_block(pcapng, BLOCK_INTERFACE);

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
	return end_options(pcapng, start);
}

/*
 *   +-----------------+-----------------+
 *   | record type     | length          |  1: IPv4, 2: IPv6
 *   +-----------------+-----------------+
 *   | address | name, 0 | padding       |
 *   +-----------------------------------+
 *   | 0               | 0               |  end of the records
 *   +-----------------+-----------------+
 */
bool pcapng_put_name(struct pcapng *pcapng, const struct pcapng_name *name)
{
	size_t start = begin_block(pcapng, BLOCK_NAMES), address = name->family == 4 ? 4 : 16, text = strlen(name->name) + 1;

	put_u16(pcapng, name->family == 4 ? NAMES_IPV4 : NAMES_IPV6);
	put_u16(pcapng, (uint16_t)(address + text));
	put(pcapng, name->address, address);
	put(pcapng, name->name, text);
	put_padding(pcapng);
	put_u32(pcapng, NAMES_END);
	return end_options(pcapng, start);
}

bool pcapng_put_packet(struct pcapng *pcapng, const struct pcapng_packet *packet)
{
	size_t captured = packet->captured < PCAPNG_DATA_MAX ? packet->captured : PCAPNG_DATA_MAX;
	uint64_t time_ns = packet->source_ns ? packet->source_ns : packet->time_ns;
	const uint32_t head[] = {BLOCK_ENHANCED,
				 0,
				 packet->interface,
				 (uint32_t)(time_ns >> 32),
				 (uint32_t)time_ns,
				 (uint32_t)captured,
				 (uint32_t)packet->original},
		       flags = packet->direction;
	size_t start = pcapng->len;

	pcapng->full = false;
	put(pcapng, head, sizeof head);
	put(pcapng, packet->data, captured);
	put_padding(pcapng);
	put_text(pcapng, OPTION_COMMENT, packet->comment);
	if (flags)
		put_option(pcapng, PACKET_FLAGS, &flags, sizeof flags);
	if (packet->dropped)
		put_counter(pcapng, PACKET_DROPCOUNT, packet->dropped);
	if (packet->has_id)
		put_counter(pcapng, PACKET_ID, packet->id);
	return end_options(pcapng, start);
}

bool pcapng_put_statistics(struct pcapng *pcapng, const struct pcapng_statistics *statistics)
{
	size_t start = begin_block(pcapng, BLOCK_STATISTICS);

	put_u32(pcapng, statistics->interface);
	put_time(pcapng, statistics->time_ns);
	put_text(pcapng, OPTION_COMMENT, statistics->comment);
	put_time_option(pcapng, STATISTICS_START, statistics->start_ns);
	put_time_option(pcapng, STATISTICS_END, statistics->end_ns);
	put_counter(pcapng, STATISTICS_RECEIVED, statistics->received);
	put_counter(pcapng, STATISTICS_DROPPED, statistics->dropped);
	put_counter(pcapng, STATISTICS_OS_DROPPED, statistics->os_dropped);
	return end_options(pcapng, start);
}

size_t pcapng_first_block(const uint8_t *data, size_t len, enum pcapng_kind *kind, uint32_t *interface)
{
	uint32_t words[3];

	if (len < sizeof words)
		return 0;
	memcpy(words, data, sizeof words);
	if (words[1] > len)
		return 0;
	*kind = words[0] == BLOCK_ENHANCED ? PCAPNG_PACKET : words[0] == BLOCK_INTERFACE ? PCAPNG_INTERFACE : PCAPNG_OTHER;
	*interface = *kind == PCAPNG_PACKET ? words[2] : 0;
	return words[1];
}
