/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/collecting.h"

#include "base/clock.h"
#include "host/sandbox.h"

enum {
	FLUSH_NS = 200 * 1000 * 1000, /* a reader of the file waits no longer than that for a frame */
};

void collecting_each_outlets(const struct collecting *c, void (*call)(struct outlets *outlets))
{
	for (unsigned int i = 0; i < c->outlet_count; i++)
		if (c->outlets[i])
			call(c->outlets[i]);
}

/* Frames are marked one by one, with what was received around them. */
static bool some_carry(const struct collecting *c)
{
	for (unsigned int i = 0; i < c->outlet_count; i++)
		if (c->outlets[i] && outlets_carried(c->outlets[i]) >= 0)
			return true;
	return false;
}

int collecting_leave(struct collecting *c, struct error *error)
{
	if (c->live)
		return live_leave_following(c->live, error);
	collecting_each_outlets(c, outlets_leave);
	return 0;
}

int collecting_confine(const struct collecting *c, const char **text, struct error *error)
{
	int directories[COLLECT_OUTPUTS_MAX];
	const struct sandbox_needs needs = {
		.directories = directories,
		.directory_count = collect_directories(c->collect, directories),
		.marks = some_carry(c),
	};

	return sandbox_enter(&needs, text, error);
}

static int follow(struct collecting *c, struct error *error)
{
	int rc = live_follow(c->live, error);

	live_age(c->live, c->followed_ns);
	collect_tick(c->collect, clock_wall_ns());
	return rc;
}

int collecting_serve(struct collecting *c, bool *second, struct error *error)
{
	uint64_t now_ns;
	int rc;

	live_drain(c->live);
	collecting_each_outlets(c, outlets_flush);
	live_handed_on(c->live);
	now_ns = clock_monotonic_ns();
	if (now_ns - c->flushed_ns < FLUSH_NS) {
		rc = collect_pump(c->collect, error);
	} else {
		rc = collect_flush(c->collect, error);
		c->flushed_ns = now_ns;
	}
	*second = !rc && now_ns - c->followed_ns >= NS_PER_S;
	if (!*second)
		return rc;
	c->followed_ns = now_ns;
	return follow(c, error);
}

bool collecting_is_done(const struct collecting *c)
{
	return live_done(c->live) || collect_ended(c->collect, clock_wall_ns());
}

const char *collecting_trouble(const struct collecting *c)
{
	const char *trouble = collect_trouble(c->collect);

	for (unsigned int i = 0; i < c->outlet_count && !trouble; i++)
		if (c->outlets[i])
			trouble = outlets_trouble(c->outlets[i]);
	return trouble;
}

const char *collecting_news(struct collecting *c)
{
	const char *news = collect_news(c->collect);

	for (unsigned int i = 0; i < c->outlet_count && !news; i++)
		if (c->outlets[i])
			news = outlets_news(c->outlets[i]);
	return news;
}
