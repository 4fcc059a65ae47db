/* SPDX-License-Identifier: BSD-2-Clause */
/* A file or pipe as a window that moves forward: hides reading, buffering, short reads, and zstd. */
#ifndef RECORD_STREAM_H
#define RECORD_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	STREAM_WINDOW_MAX = 16 << 20
}; /* the most that can be looked at in one piece */

struct stream {
	int fd;
	uint8_t *buffer;
	size_t size;              /* of the buffer */
	size_t start;             /* of what is not yet skipped */
	size_t end;               /* of what was read */
	uint64_t offset;          /* of start, in the file or what was compressed in it */
	struct stream_zstd *zstd; /* NULL: the file is as it is */
	bool ended;
	bool cut;   /* and not where compressed data may end */
	int stop;   /* -1: none; else reads fail with ECANCELED when this descriptor is readable */
	int failed; /* errno of a read; EBADMSG: what is compressed is damaged */
};

/* Opens path, "-" for the standard input. 0 or -errno; the stream is the caller's, for stream_close(), in any case. */
int stream_open(struct stream *stream, const char *path);
void stream_close(struct stream *stream);

/* Whether the file starts like one that was compressed with zstd; to be asked before anything is skipped. */
bool stream_is_zstd(struct stream *stream);

/* From now on what was compressed is read. 0 or -ENOMEM. */
int stream_decompress(struct stream *stream);

/* The next len bytes, valid until the next call, or NULL: the file ends before, failed is set, or len is above STREAM_WINDOW_MAX. */
const uint8_t *stream_peek(struct stream *stream, size_t len);

/* Moves on; false if the file ends before or failed is set. */
bool stream_skip(struct stream *stream, uint64_t len);

/* Whether nothing follows; only after a stream_peek() that returned NULL. */
static inline bool stream_at_end(const struct stream *stream)
{
	return stream->start == stream->end && !stream->cut;
}

#endif
