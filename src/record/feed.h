/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A recording for somebody who reads it while it is made, through a pipe or a TCP connection. Hides that the reader may be slow, stopped or
 * gone: what it does not take waits in a bounded buffer, what does not fit there is dropped and counted, in whole packets; nobody waits for
 * it.
 */
#ifndef RECORD_FEED_H
#define RECORD_FEED_H

#include "record/section.h"

struct feed {
	int fd; /* -1: not in use */
	bool close_fd;
	bool socket;
	bool patient; /* wait for the reader instead of dropping */
	int failed;   /* errno of the write that failed: the reader is gone */
	struct section section;
	struct pcapng buffer;
	size_t head; /* of the first block in the buffer that is not yet taken whole */
	size_t sent; /* bytes from head on that are taken */
	uint64_t offered;
	uint64_t written; /* packets taken whole */
	uint64_t dropped; /* packets for which there was no room */
	uint64_t lost;    /* packets given up when the reader was gone, or at the end */
};

/*
 * Begins to feed a pipe, a socket or a device at fd, which stays the caller's. slots is how many interfaces there can be. 0, or -errno.
 */
int feed_open(struct feed *feed, int fd, unsigned int slots, size_t buffer_size, bool patient);
void feed_close(struct feed *feed);

/* Adds a packet. 0, also if it was dropped; -errno: the reader is gone. offered = written + dropped + lost + feed_waiting(). */
int feed_add(struct feed *feed, unsigned int id, const struct section_describer *describer, const struct pcapng_packet *packet);

/* No more packets will come with this id but those of another interface. */
void feed_end_interface(struct feed *feed, unsigned int id, const struct section_describer *describer);

/* Packets in the buffer. */
uint64_t feed_waiting(const struct feed *feed);

/* Makes the stream begin, so that a reader has something to read before the first packet comes. */
void feed_begin(struct feed *feed);

/* Hands over what the reader takes. 0, or -errno: it is gone. */
int feed_flush(struct feed *feed);

/* Adds the statistics and hands over the rest; gives up on a reader that takes nothing for wait_ms. */
int feed_finish(struct feed *feed, const struct section_describer *describer, int wait_ms);

#endif
