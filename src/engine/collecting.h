/* SPDX-License-Identifier: BSD-2-Clause */
/* A collector at work. Hides in which order its parts are served, how often what is due, and which privileges it gives up and keeps. */
#ifndef ENGINE_COLLECTING_H
#define ENGINE_COLLECTING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "engine/collect.h"
#include "engine/live.h"
#include "engine/outlets.h"

enum {
	COLLECTING_TICK_MS = 10 /* how often to call collecting_serve(), even if live_fd() tells of nothing */
};

/* The parts are the caller's, who opens and closes them. */
struct collecting {
	struct collect *collect;
	struct live *live;                            /* NULL: packets come from a file */
	struct outlets *outlets[COLLECT_OUTPUTS_MAX]; /* of each output; NULL: it delivers nowhere */
	unsigned int outlet_count;                    /* those that are NULL included */
	uint64_t flushed_ns, followed_ns;
};

/* Everything is open: another process follows interfaces from now on, and has the descriptors for that, as live_leave_following(). */
int collecting_leave(struct collecting *collecting, struct error *error);

/*
 * Then this process, which reads packets, gives up its privileges. *text, which is static, says what was done. 0, or -errno if what the
 * kernel has could not be applied.
 */
int collecting_confine(const struct collecting *collecting, const char **text, struct error *error);

/*
 * Takes what has arrived, and does what is due. *second: what is due every second was done, so that this is the time to tell of it. 0, or
 * -errno: nothing can be recorded, or received, any more.
 */
int collecting_serve(struct collecting *collecting, bool *second, struct error *error);

/* Whether the wanted number of frames or files has come. */
bool collecting_is_done(const struct collecting *collecting);

/* What is wrong now, and may be right again, as a full disk; NULL: nothing. Valid until collecting_serve(). */
const char *collecting_trouble(const struct collecting *collecting);

/* A line for the user about such things, once; NULL: nothing new. Valid until the next call. */
const char *collecting_news(struct collecting *collecting);

/* Calls it with each of the outlets that there are. */
void collecting_each_outlets(const struct collecting *collecting, void (*call)(struct outlets *outlets));

#endif
