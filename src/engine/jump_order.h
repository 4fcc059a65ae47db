/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hides that CPUs which count packets of one session at the same time tell of its jumps, numbers that do not follow the one before, in
 * another order than they counted them in.
 */
#ifndef ENGINE_JUMP_ORDER_H
#define ENGINE_JUMP_ORDER_H

#include <stdbool.h>
#include <stdint.h>

struct jump {
	uint32_t slot;
	uint32_t sequence;
	uint32_t jumps;    /* of the session, before this one */
	uint32_t expected; /* the number that would have gone on */
};

/* Jumps that came too early. */
struct jump_order {
	struct jump *held;
	unsigned int count, max;
};

/* Room for max of them: each CPU tells of a jump before it counts another, so that never more than one of each is early. 0 or -ENOMEM. */
int jump_order_open(struct jump_order *order, unsigned int max);
void jump_order_close(struct jump_order *order);

/* Keeps one that is not the next of its session; false: there is no room. */
bool jump_order_hold(struct jump_order *order, const struct jump *jump);

/* Takes out the one that so many jumps of its session are before, if it is held. */
bool jump_order_take(struct jump_order *order, uint32_t slot, uint32_t jumps, struct jump *jump);

#endif
