/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads a ring buffer of eBPF programs. Hides its layout. libbpf's reader gives each record back to the kernel by itself, and every time
 * the program's CPU and the reader's contend for the place where that is noted; here it is done for many at once.
 */
#ifndef DATAPATH_RING_H
#define DATAPATH_RING_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct ring {
	int epoll; /* becomes readable when the programs wake who waits, until epoll_wait(); others may be watched too. -1: not open */
	size_t size;
	uint64_t *consumed;
	const uint8_t *data; /* twice, one behind the other */
	const uint64_t *produced;
};

/* map: descriptor of a ring buffer of that many bytes; it stays the caller's. 0 or -errno. */
int ring_open(struct ring *ring, int map, size_t size, struct error *error);
void ring_close(struct ring *ring);

/* Hands over all records that are there; each is valid during its call only. */
void ring_drain(struct ring *ring, void (*take)(void *context, const void *record), void *context);

/* Bytes of records that wait. */
static inline uint64_t ring_waiting(const struct ring *ring)
{
	return __atomic_load_n(ring->produced, __ATOMIC_ACQUIRE) - *ring->consumed;
}

#endif
