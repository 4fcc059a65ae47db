/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The source of a mirror that is a capture file. Its frames are put on a private interface, at the times at which they were captured or
 * otherwise; that interface is mirrored as any other is. Hides when a frame is due, and that devices have short queues.
 */
#ifndef ENGINE_REPLAY_H
#define ENGINE_REPLAY_H

#include "base/error.h"
#include "engine/mirror.h"

enum replay_pace {
	REPLAY_AS_CAPTURED, /* amount: so many times as fast */
	REPLAY_FRAMES,      /* amount: so many per second */
	REPLAY_BITS,        /* amount: so many bits of frames per second */
	REPLAY_TOPSPEED,
};

struct replay_config {
	const char *file; /* pcap or pcapng, "-" for the standard input */
	enum replay_pace pace;
	double amount;
	uint64_t loops; /* how often; 0: for ever */
	bool pace_given, loops_given;
};

/*
 * What became of the frames of the file: read = all others together + those that the mirror has seen.
 *
 * X(name, English)
 */
#define REPLAY_COUNTERS(X)                                                                 \
	X(read, "frames taken from the file")                                              \
	X(link_type, "not of Ethernet")                                                    \
	X(too_short, "whose Ethernet header is cut")                                       \
	X(not_taken, "longer than an interface can be made for, or refused by the kernel") \
	X(lost, "that did not arrive on the private interface")

enum replay_counter {
#define REPLAY_ENUM(name, text) REPLAY_##name,
	REPLAY_COUNTERS(REPLAY_ENUM)
#undef REPLAY_ENUM
	REPLAY_COUNTER_COUNT,
};

const char *replay_counter_name(enum replay_counter counter);
const char *replay_counter_text(enum replay_counter counter);

struct replay;

/*
 * Opens the file and makes the interface. -EINVAL if the file has no frames of Ethernet at its start. way: as the interface will be
 * mirrored. The replay is the caller's, to be closed after the mirror.
 */
int replay_open(struct replay **replay, const struct replay_config *config, enum attach_way way, struct error *error);
void replay_close(struct replay *replay);

/* The file as messages call it; and the interface that the frames arrive on: the mirror's only source, rx. */
const char *replay_name(const struct replay *replay);
const char *replay_interface(const struct replay *replay);

/* Time begins to run. A read from a pipe that must wait is given up when stop is readable. */
void replay_start(struct replay *replay, int stop);

/* Readable when replay_run() has something to do. */
int replay_fd(const struct replay *replay);

/* Sends frames that are due, not all at once. 1: there are more; 0: that was all; -errno: the file cannot be read further. */
int replay_run(struct replay *replay, struct mirror *mirror, struct error *error);

/* To be called before the mirror is stopped: waits until it has seen what was sent. And behind that, what became of the frames. */
void replay_finish(struct replay *replay, struct mirror *mirror);
uint64_t replay_count(const struct replay *replay, enum replay_counter counter);

#endif
