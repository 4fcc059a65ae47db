/* SPDX-License-Identifier: BSD-2-Clause */
#include "api/stream.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum {
	QUEUE_MAX = 512 * 1024, /* bytes that wait for a reader: what a reload of a thousand sessions tells */
	BLOCK = 16 * 1024,
};

static const char too_slow[] = "{\"event\": \"slow\", \"text\": \"too much was left unread, and some is lost: read anew what is\"}\n";

struct stream {
	struct stream *next;
	struct streams *all;
	struct MHD_Connection *connection;
	bool waits; /* for something to be told; libmicrohttpd does not look at it meanwhile */
	bool ends;  /* when the queue is empty */
	size_t len;
	char queue[QUEUE_MAX + sizeof too_slow];
};

static void add(struct stream *stream, const char *line, size_t len)
{
	memcpy(stream->queue + stream->len, line, len);
	stream->len += len;
}

static void wake(struct stream *stream)
{
	if (stream->waits)
		MHD_resume_connection(stream->connection);
	stream->waits = false;
}

static ssize_t read_stream(void *context, uint64_t position, char *to, size_t max)
{
	struct stream *stream = context;
	size_t len = stream->len < max ? stream->len : max;

	(void)position;
	if (!len && stream->ends)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (!len) {
		stream->waits = true;
		MHD_suspend_connection(stream->connection);
		return 0;
	}
	memcpy(to, stream->queue, len);
	stream->len -= len;
	memmove(stream->queue, stream->queue + len, stream->len);
	return (ssize_t)len;
}

static void free_stream(void *context)
{
	struct stream *stream = context, **at = &stream->all->first;

	while (*at != stream)
		at = &(*at)->next;
	*at = stream->next;
	stream->all->count--;
	free(stream);
}

enum MHD_Result stream_answer(struct streams *streams, struct MHD_Connection *connection, const char *type, const char *line)
{
	struct stream *stream = malloc(sizeof *stream);
	struct MHD_Response *response =
		stream ? MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, read_stream, stream, free_stream) : NULL;
	enum MHD_Result rc;

	if (!response) {
		free(stream);
		return MHD_NO;
	}
	stream->next = streams->first;
	stream->all = streams;
	stream->connection = connection;
	stream->waits = stream->ends = false;
	stream->len = 0;
	streams->first = stream;
	streams->count++;
	add(stream, line, strlen(line));
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	rc = MHD_queue_response(connection, MHD_HTTP_OK, response);
	MHD_destroy_response(response);
	return rc;
}

void streams_tell(struct streams *streams, const char *line)
{
	size_t len = strlen(line);

	for (struct stream *stream = streams->first; stream; stream = stream->next) {
		if (stream->ends)
			continue;
		if (stream->len + len > QUEUE_MAX) {
			stream->ends = true;
			add(stream, too_slow, strlen(too_slow));
		} else {
			add(stream, line, len);
		}
		wake(stream);
	}
}

/* libmicrohttpd does not notice that who waits is alone. */
void streams_follow(struct streams *streams)
{
	for (struct stream *stream = streams->first; stream; stream = stream->next) {
		const union MHD_ConnectionInfo *info = MHD_get_connection_info(stream->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
		struct pollfd reader = {.fd = info ? info->connect_fd : -1};

		if (!stream->waits || poll(&reader, 1, 0) <= 0)
			continue;
		stream->ends = true;
		wake(stream);
	}
}

void streams_end(struct streams *streams)
{
	for (struct stream *stream = streams->first; stream; stream = stream->next) {
		stream->ends = true;
		wake(stream);
	}
}
