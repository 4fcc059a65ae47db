/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where frames are recorded: one file, files that follow each other, a file for each session, or a pipe. Hides names, rotation, how few
 * files are open at a time, and what happens when there is no room: each file is one whole section that ends with a whole block, each frame
 * that is not in one is counted, and recording goes on where the last whole block ends as soon as it can.
 */
#ifndef RECORD_RECORDING_H
#define RECORD_RECORDING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "model/recording.h"
#include "record/section.h"

struct recording_config {
	const char *path; /* "-": the standard output */
	struct recording_rotation rotation;
	struct recording_sync sync;
	bool zstd;
	bool live;               /* frames do not wait: neither does this for a reader, and an error is not the end of it */
	uint64_t start_ns;       /* since 1970: the first file begins then; 0: with the first frame */
	unsigned int sessions;   /* at most */
	unsigned int interfaces; /* of each session: ids 0 and so on are those of the first, and those after them the second's */
	struct section_describer describer;
	/* What the session is called in names of files; called with describer.context. */
	void (*name_session)(void *context, unsigned int session, char *text, size_t size);
};

/* In frames. offered = the others + those that wait in buffers. */
struct recording_counts {
	uint64_t offered;
	uint64_t written;
	uint64_t write_error;
	uint64_t pipe_full; /* the reader of the pipe did not take them in time */
};

struct recording;

/* Opens the first file. 0, or -errno. */
int recording_open(const struct recording_config *config, struct recording **recording, struct error *error);

/* NULL is allowed. Writes nothing. */
void recording_close(struct recording *recording);

/*
 * Adds a frame, of which interface is ignored; ids are as in the configuration. 0: it is counted, as what will be seen. -errno: nothing can
 * be recorded any more, as recording_failed() says; the frame is counted as write_error.
 */
int recording_add(struct recording *recording, unsigned int id, const struct pcapng_packet *packet);

/* No more frames of this session will come: what is said of it at the end is said now, and its ids are another's from now on. */
void recording_end_session(struct recording *recording, unsigned int session);

/* Whether a frame of this time would come after the last file. */
bool recording_ended(const struct recording *recording, uint64_t time_ns);

/* Writes what waits, as far as a pipe takes it. 0, or -errno as recording_failed(). */
int recording_flush(struct recording *recording, struct error *error);

/* Hands over what the reader of a pipe takes; costs nothing else. To be called every few milliseconds. */
void recording_pump(struct recording *recording);

/* To be called about every second: ends files whose time is over, syncs, tries again what failed. time_ns since 1970. */
void recording_tick(struct recording *recording, uint64_t time_ns);

/* Completes all files; nothing may be added any more. 0, or -errno: not everything could be written, *error says why. */
int recording_finish(struct recording *recording, struct error *error);

/* 0, or -errno: nothing can be recorded any more, and then *error (may be NULL) says why. */
int recording_failed(const struct recording *recording, struct error *error);

/* The directory below which files are created; -1 if none are. It stays the recording's. */
int recording_directory(const struct recording *recording);

void recording_count(const struct recording *recording, struct recording_counts *counts);

/* A line for the user about what has failed or works again since the last call; NULL: nothing. */
const char *recording_news(struct recording *recording);

/* What fails now: "x.pcapng: cannot write: No space left on device"; NULL: nothing, as far as was tried. Valid until the next frame. */
const char *recording_trouble(const struct recording *recording);

#endif
