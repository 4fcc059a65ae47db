/* SPDX-License-Identifier: BSD-2-Clause */
/* What is wanted of a recording: its file, when the next one begins, and when to wait for the disk. And the text of it. */
#ifndef MODEL_RECORDING_H
#define MODEL_RECORDING_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "model/address.h"

enum {
	RECORDING_PATH_MAX = 512,
	RECORDING_LISTEN_MAX = 72,
	RECORDING_FILES_MAX = 1000000,
	RECORDING_SYNC_SECONDS_MAX = 86400,
};

#define RECORDING_SIZE_MAX    (1ull << 50)
#define RECORDING_SECONDS_MAX (100ull * 366 * 86400)

/* What -C, -G, -W and their like say. All zero: one file. */
struct recording_rotation {
	uint64_t size;      /* bytes; a file that is longer is followed by the next; 0: any */
	uint64_t seconds;   /* of frames in a file; path is one of strftime(3); 0: any */
	unsigned int files; /* with size: a ring of so many; with seconds: the end after so many; with both: leading zeros only; 0: any */
	bool per_session;
};

struct recording_sync {
	bool rotated;         /* wait for the disk whenever a file is complete */
	unsigned int seconds; /* and at these intervals; 0: not */
};

/* The recording of a session, as a .session file has it. */
struct session_recording {
	char path[RECORDING_PATH_MAX];     /* empty: nothing is recorded */
	char listen[RECORDING_LISTEN_MAX]; /* [ADDRESS:]PORT for pcap-over-IP; empty: none */
	struct recording_rotation rotation;
	struct recording_sync sync;
	bool zstd;
};

/* Each reads one option: 0, or -EINVAL with what is allowed in *error. */
int recording_parse_size(const char *text, uint64_t *size, struct error *error); /* millions of bytes; k, m, g: KiB, MiB, GiB */
int recording_parse_sync(const char *text, struct recording_sync *sync, struct error *error); /* none, rotate, SECONDS */
int recording_parse_compress(const char *text, bool *zstd, struct error *error);              /* zstd */

/* [ADDRESS:]PORT, an IPv6 address in brackets; 127.0.0.1 without one. */
int recording_parse_listen(const char *text, struct address *address, uint16_t *port, struct error *error);

/* Writes it as it is read; false, and nothing, for 0. */
bool recording_print_size(uint64_t size, FILE *out);

#endif
