/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/collect_parts.h"

enum {
	WAYS = 8 /* rows in which a sender may be: finding it costs the same for however many there are */
};

static struct collect_refused *rows_of(struct collect_refusals *refusals, const struct address *sender)
{
	uint32_t hash = 2166136261u;

	for (unsigned int i = 0; i < sizeof sender->bytes; i++)
		hash = (hash ^ sender->bytes[i]) * 16777619u;
	return &refusals->rows[(hash ^ hash >> 16) % (COLLECT_REFUSED_MAX / WAYS) * WAYS];
}

/* The sender's row, or an empty one, or the one whose sender has least to say. */
static struct collect_refused *best_row(struct collect_refused *rows, const struct address *sender)
{
	struct collect_refused *best = rows;

	for (unsigned int i = 0; i < WAYS; i++) {
		if (rows[i].packets && address_equal(&rows[i].sender, sender))
			return &rows[i];
		if (best->packets && (!rows[i].packets || rows[i].weight < best->weight))
			best = &rows[i];
	}
	return best;
}

void collect_refusals_add(struct collect_refusals *refusals, const struct address *sender, enum collect_counter counter)
{
	struct collect_refused *row = best_row(rows_of(refusals, sender), sender);

	if (row->packets && !address_equal(&row->sender, sender)) {
		/* Who sends most keeps the row, however many send a little. */
		if (row->weight > 0) {
			row->weight--;
			refusals->others++;
			return;
		}
		refusals->others += row->packets;
		row->packets = 0;
	}
	row->sender = *sender;
	row->counter = counter;
	row->packets++;
	row->weight++;
}
