/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/jump_order.h"

#include <errno.h>
#include <stdlib.h>

int jump_order_open(struct jump_order *order, unsigned int max)
{
	*order = (struct jump_order){.held = calloc(max, sizeof *order->held), .max = max};
	return order->held ? 0 : -ENOMEM;
}

void jump_order_close(struct jump_order *order)
{
	free(order->held);
	*order = (struct jump_order){0};
}

bool jump_order_hold(struct jump_order *order, const struct jump *jump)
{
	if (order->count == order->max)
		return false;
	order->held[order->count++] = *jump;
	return true;
}

bool jump_order_take(struct jump_order *order, uint32_t slot, uint32_t jumps, struct jump *jump)
{
	for (unsigned int i = 0; i < order->count; i++) {
		if (order->held[i].slot != slot || order->held[i].jumps != jumps)
			continue;
		*jump = order->held[i];
		order->held[i] = order->held[--order->count];
		return true;
	}
	return false;
}
