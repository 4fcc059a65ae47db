/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/slots.h"

#include <errno.h>
#include <string.h>

void slots_init(struct slots *slots)
{
	memset(slots, 0, sizeof *slots);
	slots->free = SESSIONS_MAX;
}

/* Since when all of them are free; UINT64_MAX: they are not. */
static uint64_t free_since(const struct slots *slots, unsigned int first, unsigned int count)
{
	uint64_t since = 0;

	for (unsigned int i = first; i < first + count; i++) {
		if (slots->used[i])
			return UINT64_MAX;
		if (slots->free_since_ms[i] > since)
			since = slots->free_since_ms[i];
	}
	return since;
}

int slots_take(struct slots *slots, unsigned int count, uint64_t now_ms)
{
	uint64_t best_since = UINT64_MAX;
	unsigned int best = 0;

	for (unsigned int first = 0; first + count <= SESSIONS_MAX && best_since; first++) {
		uint64_t since = free_since(slots, first, count);

		if (since < best_since) {
			best_since = since;
			best = first;
		}
	}
	if (best_since == UINT64_MAX)
		return -ENOSPC;
	if (best_since && best_since + SLOT_REST_MS > now_ms)
		return -EAGAIN;
	memset(slots->used + best, 1, count);
	slots->free -= count;
	return (int)best;
}

void slots_use(struct slots *slots, unsigned int slot)
{
	slots->used[slot] = 1;
	slots->free--;
}

void slots_give(struct slots *slots, unsigned int first, unsigned int count, uint64_t now_ms)
{
	for (unsigned int i = first; i < first + count; i++) {
		slots->used[i] = 0;
		slots->free_since_ms[i] = now_ms;
	}
	slots->free += count;
}
