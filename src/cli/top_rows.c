/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/top_rows.h"
#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct top_row *find_row(struct top_rows *rows, const char *name)
{
	for (unsigned int i = 0; i < rows->count; i++)
		if (strcmp(rows->rows[i].name, name) == 0)
			return &rows->rows[i];
	return NULL;
}

static struct top_row *add_row(struct top_rows *rows, const char *name)
{
	struct top_row *grown = realloc(rows->rows, (rows->count + 1) * sizeof *grown);
	char *copy = strdup(name);

	if (grown)
		rows->rows = grown;
	if (!grown || !copy) {
		free(copy);
		return NULL;
	}
	grown[rows->count] = (struct top_row){.name = copy};
	return &rows->rows[rows->count++];
}

static double rate(uint64_t now, uint64_t before, double seconds)
{
	return seconds > 0 ? (double)(now >= before ? now - before : now) / seconds : 0;
}

/* Without a time in between there is nothing to tell yet. */
static void take_totals(struct top_row *row, const struct session_totals *now, double seconds)
{
	const struct session_totals *before = &row->totals;

	row->seen_rate = rate(now->seen, before->seen, seconds);
	row->frame_rate = rate(now->passed, before->passed, seconds);
	row->bit_rate = rate(now->bytes, before->bytes, seconds) * 8;
	row->drop_rate = rate(now->dropped, before->dropped, seconds);
	row->lost = row->frame_rate + row->drop_rate > 0 ? row->drop_rate / (row->frame_rate + row->drop_rate) : 0;
	row->totals = *now;
	if (seconds <= 0)
		return;
	memmove(row->history, row->history + 1, sizeof row->history - sizeof row->history[0]);
	row->history[TOP_HISTORY - 1] = (struct top_sample){.frames = row->frame_rate, .dropped = row->drop_rate};
	row->samples += row->samples < TOP_HISTORY;
}

static int take_session(struct top_rows *rows, const json_t *session, double seconds)
{
	const char *name = session_view_text(session, "name");
	struct top_row *row = find_row(rows, name);
	const bool is_new = !row;
	struct session_totals totals;
	char *why = strdup(session_view_text(session, "why"));

	if (is_new)
		row = add_row(rows, name);
	if (!row || !why) {
		free(why);
		return -ENOMEM;
	}
	free(row->why);
	row->why = why;
	row->present = true;
	snprintf(row->kind, sizeof row->kind, "%s", session_view_text(session, "kind"));
	snprintf(row->state, sizeof row->state, "%s", session_view_text(session, "state"));
	session_view_totals(session, &totals);
	take_totals(row, &totals, is_new ? 0 : seconds);
	return 0;
}

static void free_row(struct top_row *row)
{
	free(row->name);
	free(row->why);
}

static void forget_absent(struct top_rows *rows)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < rows->count; i++) {
		if (rows->rows[i].present)
			rows->rows[kept++] = rows->rows[i];
		else
			free_row(&rows->rows[i]);
	}
	rows->count = kept;
}

int top_rows_update(struct top_rows *rows, const json_t *answer, uint64_t time_ns, struct error *error)
{
	const double seconds = rows->time_ns ? (double)(time_ns - rows->time_ns) / (double)NS_PER_S : 0;
	const json_t *session;
	size_t i;

	for (unsigned int r = 0; r < rows->count; r++)
		rows->rows[r].present = false;
	json_array_foreach (json_object_get(answer, "sessions"), i, session)
		if (take_session(rows, session, seconds))
			return fail(error, ENOMEM, "top: out of memory");
	forget_absent(rows);
	rows->time_ns = time_ns;
	return 0;
}

/* ---- order ---- */

static double state_rank(const struct top_row *row)
{
	static const char *const names[] = {"active", "off", "pending", "degraded"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(row->state, names[i]) == 0)
			return (double)i;
	return sizeof names / sizeof names[0];
}

static double frames(const struct top_row *row)
{
	return row->frame_rate;
}

static double bits(const struct top_row *row)
{
	return row->bit_rate;
}

static double loss(const struct top_row *row)
{
	return row->drop_rate;
}

static double none(const struct top_row *row)
{
	(void)row;
	return 0;
}

static const struct {
	const char *name;
	double (*weight)(const struct top_row *row);
} orders[TOP_ORDERS] = {
	[TOP_BY_NAME] = {"name", none}, [TOP_BY_FRAMES] = {"frames", frames},   [TOP_BY_BITS] = {"bits", bits},
	[TOP_BY_LOSS] = {"loss", loss}, [TOP_BY_STATE] = {"state", state_rank},
};

const char *top_order_name(enum top_order order)
{
	return orders[order].name;
}

static int compare_rows(const void *one, const void *other, void *context)
{
	const struct top_row *a = one, *b = other;
	const enum top_order order = *(const enum top_order *)context;
	double left = orders[order].weight(a), right = orders[order].weight(b);

	if (left < right)
		return 1;
	return left > right ? -1 : strcmp(a->name, b->name);
}

void top_rows_sort(struct top_rows *rows, enum top_order order)
{
	if (rows->count)
		qsort_r(rows->rows, rows->count, sizeof *rows->rows, compare_rows, &order);
}

void top_rows_clear(struct top_rows *rows)
{
	for (unsigned int i = 0; i < rows->count; i++)
		free_row(&rows->rows[i]);
	free(rows->rows);
	*rows = (struct top_rows){0};
}
