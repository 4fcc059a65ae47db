/* SPDX-License-Identifier: BSD-2-Clause */
#include "record/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

enum {
	STREAM_BUFFER = 1 << 20
};

struct stream_zstd {
	ZSTD_DStream *decompressor;
	uint8_t *bytes; /* STREAM_BUFFER of them, as they are in the file */
	ZSTD_inBuffer in;
	bool within; /* a frame of zstd has begun and not ended */
};

static void close_zstd(struct stream_zstd *zstd)
{
	if (!zstd)
		return;
	ZSTD_freeDStream(zstd->decompressor);
	free(zstd->bytes);
	free(zstd);
}

int stream_open(struct stream *stream, const char *path)
{
	*stream = (struct stream){.fd = -1, .stop = -1};
	stream->buffer = malloc(STREAM_BUFFER);
	if (!stream->buffer)
		return -ENOMEM;
	stream->size = STREAM_BUFFER;
	stream->fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	return stream->fd < 0 ? -errno : 0;
}

void stream_close(struct stream *stream)
{
	free(stream->buffer);
	close_zstd(stream->zstd);
	if (stream->fd > STDERR_FILENO)
		close(stream->fd);
	*stream = (struct stream){.fd = -1};
}

bool stream_is_zstd(struct stream *stream)
{
	static const uint8_t magic[] = {0x28, 0xb5, 0x2f, 0xfd};
	const uint8_t *start = stream_peek(stream, sizeof magic);

	return start && memcmp(start, magic, sizeof magic) == 0;
}

int stream_decompress(struct stream *stream)
{
	struct stream_zstd *zstd = calloc(1, sizeof *zstd);
	uint8_t *buffer = malloc(STREAM_BUFFER);

	if (zstd)
		zstd->decompressor = ZSTD_createDStream();
	if (!zstd || !buffer || !zstd->decompressor) {
		close_zstd(zstd);
		free(buffer);
		return -ENOMEM;
	}
	zstd->bytes = stream->buffer;
	zstd->in = (ZSTD_inBuffer){zstd->bytes, stream->end, stream->start};
	stream->zstd = zstd;
	stream->buffer = buffer;
	stream->size = STREAM_BUFFER;
	stream->start = stream->end = 0;
	stream->ended = false;
	return 0;
}

/* Moves what is left to the start of a buffer that has room for len bytes. */
static bool make_room(struct stream *stream, size_t len)
{
	uint8_t *larger;

	memmove(stream->buffer, stream->buffer + stream->start, stream->end - stream->start);
	stream->end -= stream->start;
	stream->start = 0;
	if (len <= stream->size)
		return true;
	larger = realloc(stream->buffer, len);
	if (!larger) {
		stream->failed = ENOMEM;
		return false;
	}
	stream->buffer = larger;
	stream->size = len;
	return true;
}

/* Waits for bytes; false: it is to stop. */
static bool wait_for_bytes(struct stream *stream)
{
	struct pollfd fds[] = {{.fd = stream->fd, .events = POLLIN}, {.fd = stream->stop, .events = POLLIN}};

	while (poll(fds, 2, -1) < 0 && errno == EINTR)
		;
	return !fds[1].revents;
}

/* Bytes of the file; 0: none this time, or there are no more, or they cannot be read, as ended and failed say. */
static size_t read_bytes(struct stream *stream, uint8_t *to, size_t size)
{
	ssize_t got;

	if (stream->stop >= 0 && !wait_for_bytes(stream)) {
		stream->failed = ECANCELED;
		return 0;
	}
	got = read(stream->fd, to, size);
	if (got == 0)
		stream->ended = true;
	else if (got < 0 && errno != EINTR)
		stream->failed = errno;
	return got > 0 ? (size_t)got : 0;
}

/* What was compressed: of the bytes at hand, else of the file's next ones. */
static size_t read_compressed(struct stream *stream, uint8_t *to, size_t size)
{
	struct stream_zstd *zstd = stream->zstd;
	ZSTD_outBuffer out = {to, size, 0};
	const size_t before = zstd->in.pos;
	size_t left = ZSTD_decompressStream(zstd->decompressor, &out, &zstd->in);

	if (ZSTD_isError(left)) {
		stream->failed = EBADMSG;
		return 0;
	}
	if (out.pos || zstd->in.pos != before)
		zstd->within = left != 0;
	if (out.pos || zstd->in.pos < zstd->in.size)
		return out.pos;
	zstd->in = (ZSTD_inBuffer){zstd->bytes, read_bytes(stream, zstd->bytes, STREAM_BUFFER), 0};
	stream->cut = stream->ended && zstd->within;
	return 0;
}

static void read_more(struct stream *stream)
{
	uint8_t *to = stream->buffer + stream->end;
	size_t size = stream->size - stream->end;

	stream->end += stream->zstd ? read_compressed(stream, to, size) : read_bytes(stream, to, size);
}

const uint8_t *stream_peek(struct stream *stream, size_t len)
{
	if (stream->end - stream->start >= len)
		return stream->buffer + stream->start;
	if (len > STREAM_WINDOW_MAX || stream->failed || !make_room(stream, len))
		return NULL;
	while (stream->end < len && !stream->ended && !stream->failed)
		read_more(stream);
	return stream->end < len ? NULL : stream->buffer;
}

bool stream_skip(struct stream *stream, uint64_t len)
{
	for (;;) {
		size_t step = stream->end - stream->start;

		if (step > len)
			step = (size_t)len;
		stream->start += step;
		stream->offset += step;
		len -= step;
		if (len == 0)
			return true;
		if (!stream_peek(stream, 1))
			return false;
	}
}
