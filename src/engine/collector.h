/* SPDX-License-Identifier: BSD-2-Clause */
/* A collector session in a process of its own, without privileges where that is possible. Hides the process and how it reports. */
#ifndef ENGINE_COLLECTOR_H
#define ENGINE_COLLECTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "engine/collect.h"
#include "engine/worker.h"
#include "model/session.h"

/* How a collector goes, as last reported. */
struct collector_report {
	uint64_t counters[COLLECT_COUNTER_COUNT];
	uint64_t buffered, pending;
	uint64_t packets, bytes, ended;
	struct sequence_loss loss;
	uint64_t adapter_times, off_times; /* packets with the time of the network card, and those for which its clock was too far off */
	uint32_t sessions;                 /* from here on of the process that runs; what is above also of those before it */
	uint64_t ring_bytes, ring_size, delay_ns; /* of about the last second, see struct collector_load */
	char text[160];                           /* what it listens on */
	char trouble[256]; /* what is wrong, though it collects: "x.pcapng: cannot write: No space left on device"; empty: nothing */
	bool done;         /* the wanted number of frames or files has come, and it has ended */
};

struct collector;

/* Of the session as its process sees it: while it is the same, the process may go on. */
uint64_t collector_number(const struct session *session);

/*
 * Takes over the session's process, if it is left, or starts one. Call it where there are no threads; the process ends when this one does,
 * unless the session goes on. The session must outlive it. *collector is the caller's, to be closed.
 */
int collector_open(struct collector **collector, const struct session *session, struct workers_left *left, struct error *error);

/* Ends the process orderly: what it has is written. collector_dismiss() tells it so, and does not wait. */
void collector_close(struct collector *collector);
void collector_dismiss(const struct collector *collector);

/*
 * Puts a session in the place of the one it has, which may be the same and lie elsewhere: true; false if it needs another process.
 */
bool collector_keeps(struct collector *collector, const struct session *session);

/*
 * Takes what the process says, and starts it again a second after it died; what it had counted stays in the sums. To be called every
 * second. Returns 1 if it has just died, and why in *error; else 0.
 */
int collector_follow(struct collector *collector, struct error *error);

/* A line for the log, once, that collector_follow() has heard: a disk is full, or has room again; NULL: none. Valid until that. */
const char *collector_news(struct collector *collector);

/* The last report, with what earlier processes counted. */
void collector_read(const struct collector *collector, struct collector_report *report);

/* The CPU time of its process, ns; of those before it not. */
uint64_t collector_cpu_ns(const struct collector *collector);

/* What is wrong; code 0: nothing, it collects. */
const struct error *collector_problem(const struct collector *collector);

#endif
