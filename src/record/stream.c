/* SPDX-License-Identifier: BSD-2-Clause */
#include "record/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	STREAM_BUFFER = 1 << 20
};

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
	if (stream->fd > STDERR_FILENO)
		close(stream->fd);
	*stream = (struct stream){.fd = -1};
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

static void read_more(struct stream *stream)
{
	ssize_t got;

	if (stream->stop >= 0 && !wait_for_bytes(stream)) {
		stream->failed = ECANCELED;
		return;
	}
	got = read(stream->fd, stream->buffer + stream->end, stream->size - stream->end);
	if (got > 0)
		stream->end += (size_t)got;
	else if (got == 0)
		stream->ended = true;
	else if (errno != EINTR)
		stream->failed = errno;
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
