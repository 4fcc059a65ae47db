/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writes pcapng with nanoseconds, in this machine's byte order. Hides blocks, options, buffering, and what must happen when a write fails:
 * the file ends with a whole block, and each packet that is not in it is counted.
 */
#ifndef RECORD_PCAPNG_H
#define RECORD_PCAPNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

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
	PCAPNG_TEXT_MAX = 1024
}; /* longer names and comments are cut */

struct pcapng_config {
	int fd;           /* stays the caller's */
	const char *name; /* of the file, for errors */
	/* Instead of write(2), for tests; same contract. */
	ssize_t (*write)(void *context, const void *data, size_t len);
	void *context;
};

/* Texts may be NULL. */
struct pcapng_interface {
	const char *name;
	const char *description;
	const char *filter;
	enum pcapng_link link;
};

struct pcapng_packet {
	uint32_t interface; /* as pcapng_add_interface() returned it */
	uint64_t time_ns;   /* since 1970 */
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

struct pcapng;

/* Begins a section; nothing is written before the first flush. 0, or -ENOMEM. */
int pcapng_new(const struct pcapng_config *config, struct pcapng **pcapng, struct error *error);

/* The number of the new interface, or -errno as pcapng_failed(). */
int64_t pcapng_add_interface(struct pcapng *pcapng, const struct pcapng_interface *interface);

/*
 * Adds one packet. Either it reaches the file whole, or it is counted in pcapng_lost(), now or when the buffer it waits in cannot be
 * written. 0, or -errno as pcapng_failed().
 */
int pcapng_add_packet(struct pcapng *pcapng, const struct pcapng_packet *packet);

int pcapng_add_statistics(struct pcapng *pcapng, const struct pcapng_statistics *statistics);

/* Writes what waits in the buffer. 0, or -errno with *error naming the file. After an error nothing is written any more. */
int pcapng_flush(struct pcapng *pcapng, struct error *error);

/* 0, or the -errno of the first write that failed, and then *error (may be NULL) says so. */
int pcapng_failed(const struct pcapng *pcapng, struct error *error);

/* packets added = written + lost + those in the buffer; a flush leaves none there. */
uint64_t pcapng_written(const struct pcapng *pcapng);
uint64_t pcapng_lost(const struct pcapng *pcapng);

/* Forgets what was not flushed. NULL is allowed. */
void pcapng_free(struct pcapng *pcapng);

#endif
