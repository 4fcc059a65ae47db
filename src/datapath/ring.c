/* SPDX-License-Identifier: BSD-2-Clause */
#include "datapath/ring.h"

#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	ALIGNMENT = 8,
	RETURN_BYTES = 64 << 10, /* given back at once */
};

/*
 *   | consumed      |  a page that is written here
 *   | produced      |  a page that the kernel writes
 *   | records       |
 *   | records again |  so that none is in two pieces
 */
int ring_open(struct ring *ring, int map, size_t size, struct error *error)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct epoll_event event = {.events = EPOLLIN | EPOLLET}; /* when it is woken, not whenever there is something */
	void *consumed = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);
	void *produced = consumed == MAP_FAILED ? MAP_FAILED : mmap(NULL, page + 2 * size, PROT_READ, MAP_SHARED, map, (off_t)page);

	*ring = (struct ring){.epoll = -1, .size = size};
	if (consumed != MAP_FAILED)
		ring->consumed = consumed;
	if (produced != MAP_FAILED) {
		ring->produced = produced;
		ring->data = (const uint8_t *)produced + page;
		ring->epoll = epoll_create1(EPOLL_CLOEXEC);
	}
	if (ring->epoll >= 0 && epoll_ctl(ring->epoll, EPOLL_CTL_ADD, map, &event) == 0)
		return 0;
	fail(error, errno, "ring buffer: %s", strerror(errno));
	ring_close(ring);
	return -error->code;
}

void ring_close(struct ring *ring)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (ring->epoll >= 0)
		close(ring->epoll);
	if (ring->produced)
		munmap((void *)ring->produced, page + 2 * ring->size);
	if (ring->consumed)
		munmap(ring->consumed, page);
	*ring = (struct ring){.epoll = -1};
}

/*
 *   +------------------+-----------------+--------+
 *   | length and state | for the kernel  | record |  padded to 8 bytes
 *   +------------------+-----------------+--------+
 */
void ring_drain(struct ring *ring, void (*take)(void *context, const void *record), void *context)
{
	uint64_t at = *ring->consumed, returned = at, end = at;

	/* Where the end is is looked up once for many: each time, the program's CPU has to get it back. */
	while (at < end || at < (end = __atomic_load_n(ring->produced, __ATOMIC_ACQUIRE))) {
		const uint8_t *header = ring->data + (at & (ring->size - 1));
		const uint32_t word = __atomic_load_n((const uint32_t *)(const void *)header, __ATOMIC_ACQUIRE);
		const uint32_t len = word & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);

		if (word & BPF_RINGBUF_BUSY_BIT)
			break;
		if (!(word & BPF_RINGBUF_DISCARD_BIT))
			take(context, header + BPF_RINGBUF_HDR_SZ);
		at += (BPF_RINGBUF_HDR_SZ + len + ALIGNMENT - 1) & ~(uint64_t)(ALIGNMENT - 1);
		if (at - returned < RETURN_BYTES)
			continue;
		__atomic_store_n(ring->consumed, at, __ATOMIC_RELEASE);
		returned = at;
	}
	__atomic_store_n(ring->consumed, at, __ATOMIC_RELEASE);
}
