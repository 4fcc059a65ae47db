/* SPDX-License-Identifier: BSD-2-Clause */
/* All sessions that are wanted, by name. Hides what two sessions cannot have together: a tunnel, a file, a loop. */
#ifndef MODEL_SESSION_LIST_H
#define MODEL_SESSION_LIST_H

#include <stddef.h>

#include "base/error_list.h"
#include "model/session.h"

/* All zero: empty. Sessions are in the order of their names, which differ; each is the list's, made by session_new(). */
struct session_list {
	struct session **sessions;
	size_t count;
	struct session_list *faulty; /* gets those that are wrong by themselves, for what else can be told of them; NULL: nobody does */
};

/* 1 to SESSION_NAME_MAX - 1 letters, digits and any of . _ - @ : and not one that begins with a dot. 0 or -EINVAL. */
int session_name_check(const char *name, struct error *error);

/* The session of that name, or NULL. */
struct session *session_list_find(const struct session_list *list, const char *name);

/* Takes the session, in place of one of the same name. 0, or -ENOMEM, then it is still the caller's. */
int session_list_add(struct session_list *list, struct session *session);

/* Removes and frees it. -ENOENT if there is none. */
int session_list_remove(struct session_list *list, const char *name);

void session_list_free(struct session_list *list);

/*
 * What is wrong between enabled sessions, none of which is wrong by itself: two that claim a tunnel, record into one file, or whose copies
 * come back. 0 or -EINVAL.
 */
int session_list_check(const struct session_list *list, struct error_list *errors);

#endif
