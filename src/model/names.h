/* SPDX-License-Identifier: BSD-2-Clause */
/* Lists of names that are allowed somewhere, and which of them was probably meant. */
#ifndef MODEL_NAMES_H
#define MODEL_NAMES_H

#include <stdbool.h>
#include <stddef.h>

enum {
	NAMES_MAX = 80
};

/* All zero: empty. The names are the caller's; more than NAMES_MAX are ignored. */
struct name_list {
	const char *names[NAMES_MAX];
	size_t count;
};

/* Adds a name unless it is in the list. */
void name_list_add(struct name_list *list, const char *name);

/* Writes "did you mean Filter? allowed: Filter, File", the first part only if something is near what was written. Returns text. */
const char *name_list_suggest(const struct name_list *list, const char *written, char *text, size_t size);

#endif
