/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A file on disk that always ends where a write of ours ended whole. Hides how it is created so that nobody else's file, and nothing behind
 * a symbolic link, is ever written to; compression; and what is undone when a write fails.
 */
#ifndef RECORD_OUTPUT_FILE_H
#define RECORD_OUTPUT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct output_compressor;

struct output_file {
	int fd;        /* -1: not open */
	uint64_t size; /* bytes that stand */
	bool ragged;   /* something may stand behind them */
	bool unsynced;
	struct output_compressor *compressor; /* NULL: none; the caller's */
};

/* zstd; may serve many files, one write at a time. NULL: no memory for writes of up to chunk bytes. */
struct output_compressor *output_compressor_new(size_t chunk);
void output_compressor_free(struct output_compressor *compressor);

/*
 * Opens the directory part of path, which is written to name files from, up to the first component that has a '%'. *rest points to what is
 * left of path. 0, or -errno with *error.
 */
int output_directory_open(const char *path, int *directory, const char **rest, struct error *error);

/*
 * Creates the file, for its owner alone. A regular file of that name is unlinked before, so that it is nobody else's; everything else but
 * the absence of a file is an error: ELOOP for a symbolic link anywhere in name, EEXIST. The compressor, if any, stays. 0, or -errno.
 */
int output_file_create(struct output_file *file, int directory, const char *name);

/* Opens again what was created and closed, if nobody changed its size since; -ESTALE if somebody did. 0, or -errno. */
int output_file_reopen(struct output_file *file, int directory, const char *name);

/* Goes on at the position of a regular file that is open already; the descriptor stays the caller's. 0, or -errno. */
int output_file_adopt(struct output_file *file, int fd);

/*
 * Appends data. 0, or -errno, and then *done bytes of it, 0 if it is compressed, are in the file, until output_file_keep() says how many of
 * them are to stand. A write after that starts there.
 */
int output_file_write(struct output_file *file, const void *data, size_t len, size_t *done);
void output_file_keep(struct output_file *file, size_t len);

/* Whether somebody removed it. */
bool output_file_is_gone(const struct output_file *file);

/* Waits until what stands is on the disk. 0, or -errno. */
int output_file_sync(struct output_file *file);

/* 0, or -errno of close(2). size stays. */
int output_file_close(struct output_file *file);

#endif
