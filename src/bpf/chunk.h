/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Walks over bytes of a packet in pieces whose sizes are constants: no kernel's verifier has to believe in a length. */
#ifndef BPF_CHUNK_H
#define BPF_CHUNK_H

#include "bpf/mirror_maps.h"

enum {
	CHUNK_MAX = 512, /* bpf_csum_diff() takes no more */
	CHUNKS_MAX = OUTER_MAX / CHUNK_MAX + 1,
};

struct chunk {
	__u8 bytes[CHUNK_MAX];
};

/* One per CPU: nothing interrupts a program between its first and last use. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct chunk);
} chunks SEC(".maps");

static __always_inline struct chunk *find_chunk(void)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(&chunks, &key);
}

/*
 * Runs STEP(size) for pieces of 512 bytes, then for one of each smaller power of two that left has. STEP returns from the function if it
 * fails, and moves on by itself.
 */
#define EACH_CHUNK(left, STEP)                                           \
	for (int i_ = 0; i_ < CHUNKS_MAX && (left) >= CHUNK_MAX; i_++) { \
		STEP(CHUNK_MAX)                                          \
		(left) -= CHUNK_MAX;                                     \
	}                                                                \
	CHUNK_STEP_(left, 256, STEP)                                     \
	CHUNK_STEP_(left, 128, STEP)                                     \
	CHUNK_STEP_(left, 64, STEP)                                      \
	CHUNK_STEP_(left, 32, STEP)                                      \
	CHUNK_STEP_(left, 16, STEP)                                      \
	CHUNK_STEP_(left, 8, STEP)                                       \
	CHUNK_STEP_(left, 4, STEP)                                       \
	CHUNK_STEP_(left, 2, STEP)                                       \
	CHUNK_STEP_(left, 1, STEP)

#define CHUNK_STEP_(left, size, STEP) \
	if ((left) & (size)) {        \
		STEP(size)            \
	}

#endif
