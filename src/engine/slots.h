/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who has which of the programs' slots. A copy under way carries only the number of its slot, so one that was given back rests before it
 * goes to another session.
 */
#ifndef ENGINE_SLOTS_H
#define ENGINE_SLOTS_H

#include <stdint.h>

#include "bpf/abi.h"

enum {
	SLOT_REST_MS = 100
};

struct slots {
	uint64_t free_since_ms[SESSIONS_MAX];
	uint8_t used[SESSIONS_MAX];
	unsigned int free;
};

void slots_init(struct slots *slots);

/*
 * Takes count slots in a row, those that have been free for longest. Returns the first, -ENOSPC if there are none, or -EAGAIN if all of
 * them still rest at now_ms.
 */
int slots_take(struct slots *slots, unsigned int count, uint64_t now_ms);

/* Takes a slot that is free: somebody has it already. */
void slots_use(struct slots *slots, unsigned int slot);

void slots_give(struct slots *slots, unsigned int first, unsigned int count, uint64_t now_ms);

#endif
