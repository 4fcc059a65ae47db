/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Makes pcapng blocks, with nanoseconds, in this machine's byte order, in a buffer of the caller's. Hides their layout and their options.
 * What does not fit leaves no trace, so that the buffer always holds whole blocks.
 */
#ifndef RECORD_PCAPNG_H
#define RECORD_PCAPNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pcapng_link {
	PCAPNG_LINK_ETHERNET = 1,
	PCAPNG_LINK_RAW = 101, /* an IPv4 or IPv6 header */
};

/* As in the two lowest bits of epb_flags. */
enum pcapng_direction {
	PCAPNG_UNKNOWN,
	PCAPNG_INBOUND,
	PCAPNG_OUTBOUND
};

enum {
	PCAPNG_TEXT_MAX = 1024,                                         /* longer names and comments are cut */
	PCAPNG_DATA_MAX = 262144,                                       /* longer packets are cut */
	PCAPNG_BLOCK_MAX = PCAPNG_DATA_MAX + 8 * (PCAPNG_TEXT_MAX + 8), /* no block made here is longer */
};

/* The blocks made so far are the first len bytes. */
struct pcapng {
	uint8_t *data;
	size_t size;
	size_t len;
	bool full; /* the block being made does not fit */
};

/* Texts may be NULL. */
struct pcapng_interface {
	const char *name;
	const char *description;
	const char *filter;
	enum pcapng_link link;
};

struct pcapng_packet {
	uint32_t interface; /* its number in the section, from 0 on */
	uint64_t time_ns;   /* since 1970, when it was received */
	uint64_t source_ns; /* written instead; 0: it is not */
	const void *data;
	size_t captured;
	size_t original;
	enum pcapng_direction direction;
	bool has_id;
	uint64_t id;
	uint64_t dropped; /* between this and the packet before on the interface; 0: none */
	const char *comment;
};

struct pcapng_statistics {
	uint32_t interface;
	uint64_t time_ns;
	uint64_t start_ns, end_ns; /* first and last packet */
	uint64_t received;
	uint64_t dropped;    /* lost before they reached this machine */
	uint64_t os_dropped; /* lost on it */
	const char *comment;
};

/* An address and what it is called. */
struct pcapng_name {
	unsigned int family; /* 4 or 6; 0: no name */
	uint8_t address[16]; /* network order; IPv4: the first 4 bytes */
	char name[80];
};

/* Each adds one block. False: there is no room for it, and nothing was added. */
bool pcapng_put_section(struct pcapng *pcapng);
bool pcapng_put_interface(struct pcapng *pcapng, const struct pcapng_interface *interface);
bool pcapng_put_name(struct pcapng *pcapng, const struct pcapng_name *name);
bool pcapng_put_packet(struct pcapng *pcapng, const struct pcapng_packet *packet);
bool pcapng_put_statistics(struct pcapng *pcapng, const struct pcapng_statistics *statistics);

enum pcapng_kind {
	PCAPNG_OTHER,
	PCAPNG_INTERFACE,
	PCAPNG_PACKET,
};

/*
 * The length of the block that these bytes, which were made here, start with; 0 if there is not all of it. interface is the number of a
 * packet's interface, else 0.
 */
size_t pcapng_first_block(const uint8_t *data, size_t len, enum pcapng_kind *kind, uint32_t *interface);

#endif
