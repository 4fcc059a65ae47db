/* SPDX-License-Identifier: BSD-2-Clause */
/* Sessions as files, NAME.session and NAME.session.d/NAME.conf: hides the format, where files may lie, and which of them counts. */
#ifndef MODEL_SESSION_FILE_H
#define MODEL_SESSION_FILE_H

#include <stdio.h>

#include "base/error_list.h"
#include "model/session_cache.h"
#include "model/session_list.h"

/* Where files lie, the first counting most; ends with NULL. */
extern const char *const session_directories[];

/*
 * Reads the sessions of directories, which end with NULL: a file hides those of its name in later ones, an empty one all of them; drop-ins
 * come from all. Every error is in *errors. *list, all zero before, has the sessions that are right by themselves, and is the caller's;
 * session_list_check() is done on it. What is in *cache, all zero in the beginning, is not read again if it cannot have changed, and what
 * has not changed is the same session, shared; NULL: nothing is kept. 0, or -EINVAL if there is any error, or -ENOMEM. A directory that
 * does not exist is an empty one.
 */
int session_dir_read(const char *const *directories, struct session_cache *cache, struct session_list *list, struct error_list *errors);

/* The same without session_list_check(). */
int session_dir_load(const char *const *directories, struct session_cache *cache, struct session_list *list, struct error_list *errors);

/* Reads one file, and the drop-ins beside it, into *session, the caller's; NULL after an error. The name is that of the file. */
int session_file_read(const char *path, struct session **session, struct error_list *errors);

/* Adds what files, and directories of them, have, as on a command line. A name that is there already is an error. */
void session_paths_load(int count, char *const *paths, struct session_list *list, struct error_list *errors);

/* The same from text in memory, without drop-ins; place is what errors name as the file. */
int session_text_read(const char *name, const char *place, const char *text, struct session **session, struct error_list *errors);

/* Writes a file that says what the session is; reading it gives an equal one. The stream tells about errors. */
void session_file_write(FILE *out, const struct session *session);

#endif
