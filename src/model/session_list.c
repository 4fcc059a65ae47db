/* SPDX-License-Identifier: BSD-2-Clause */
#include "model/session_list.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* ---- sessions ---- */

int session_name_check(const char *name, struct error *error)
{
	size_t len = 0;

	while (isalnum((unsigned char)name[len]) || (name[len] && strchr("._-@", name[len])))
		len++;
	if (len && !name[len] && len < SESSION_NAME_MAX && name[0] != '.' && name[0] != '-')
		return 0;
	return fail(error, EINVAL,
		    "the name of a session must be 1 to %d letters, digits and any of . _ - @, not beginning with a dot or dash, not '%s'",
		    SESSION_NAME_MAX - 1, name);
}

/* ---- the list ---- */

/* Where the name stands, or would. */
static size_t place_in(const struct session_list *list, const char *name, bool *found)
{
	size_t low = 0, high = list->count;

	*found = false;
	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = strcmp(list->sessions[middle]->name, name);

		if (order == 0) {
			*found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct session *session_list_find(const struct session_list *list, const char *name)
{
	bool found;
	size_t at = place_in(list, name, &found);

	return found ? list->sessions[at] : NULL;
}

int session_list_add(struct session_list *list, struct session *session)
{
	struct session **sessions;
	bool found;
	size_t at = place_in(list, session->name, &found);

	if (found) {
		session_free(list->sessions[at]);
		list->sessions[at] = session;
		return 0;
	}
	sessions = reallocarray(list->sessions, list->count + 1, sizeof(struct session *));
	if (!sessions)
		return -ENOMEM;
	list->sessions = sessions;
	memmove(&sessions[at + 1], &sessions[at], (list->count++ - at) * sizeof(struct session *));
	sessions[at] = session;
	return 0;
}

int session_list_remove(struct session_list *list, const char *name)
{
	bool found;
	size_t at = place_in(list, name, &found);

	if (!found)
		return -ENOENT;
	session_free(list->sessions[at]);
	memmove(&list->sessions[at], &list->sessions[at + 1], (--list->count - at) * sizeof(struct session *));
	return 0;
}

void session_list_free(struct session_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		session_free(list->sessions[i]);
	free(list->sessions);
	*list = (struct session_list){0};
}
