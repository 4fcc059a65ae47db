/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What session files said when they were last read. Hides when a file has to be read again; what its text makes has to be made again only
 * if that is another.
 */
#ifndef MODEL_SESSION_CACHE_H
#define MODEL_SESSION_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

#include "model/session.h"

/* By what a file tells that it is another, or that it or its permissions have changed. */
struct file_stamp {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec modified, changed;
};

struct kept_file {
	char *path, *text; /* text NULL: it could not be read */
	struct file_stamp stamp;
	bool settled; /* as long as it has this stamp it has this text */
};

/* One session: its files in the order in which they are read, and what they make. */
struct kept_session {
	char *name; /* by which it is found again */
	struct kept_file *files;
	size_t file_count;
	bool differs;            /* some file is not as it was, or was none of the session's */
	struct session *session; /* shared; NULL: not made yet */
};

/* All zero: empty. In the order of their names. */
struct session_cache {
	struct kept_session *items;
	size_t count;
};

/* NULL: there is none. */
struct kept_session *session_cache_find(const struct session_cache *cache, const char *name);

/* Adds what comes behind all others in the order of names, and takes it, also after -ENOMEM. */
int session_cache_add(struct session_cache *cache, struct kept_session *kept);

void session_cache_free(struct session_cache *cache);

/*
 * Adds one more file to a session that is all zero in the beginning. Its text is taken away from before, the session as it was (NULL: there
 * was none), if it cannot have changed since. NULL: fine; else what is wrong with the file.
 */
const char *kept_session_read(struct kept_session *kept, struct kept_session *before, const char *path);

/* Whether the files, all of which have been added, are the same as before, and say the same. */
bool kept_session_is(const struct kept_session *kept, const struct kept_session *before);

void kept_session_free(struct kept_session *kept);

#endif
