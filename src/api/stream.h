/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers that go on: lines for all who read them. Hides who is slow, who has left, and how libmicrohttpd waits. */
#ifndef API_STREAM_H
#define API_STREAM_H

#include <microhttpd.h>
#include <stdbool.h>

enum {
	STREAMS_MAX = 16,
};

struct stream;

/* All zero: nobody reads. */
struct streams {
	struct stream *first;
	unsigned int count;
};

/* Answers with a stream that begins with the line and its '\n'. MHD_NO without memory. */
enum MHD_Result stream_answer(struct streams *streams, struct MHD_Connection *connection, const char *type, const char *line);

/* A line, with its '\n', for all; who has left too much unread is told so instead, and dropped. */
void streams_tell(struct streams *streams, const char *line);

/* Lets go of those whose readers have left. */
void streams_follow(struct streams *streams);

/* Ends all; the server has to run once more for it. */
void streams_end(struct streams *streams);

#endif
