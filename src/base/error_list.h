/* SPDX-License-Identifier: BSD-2-Clause */
/* Many errors at once, each with its place: for what people write in files and programs send as JSON. */
#ifndef BASE_ERROR_LIST_H
#define BASE_ERROR_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum {
	ERROR_PLACE_MAX = 256
};

/* Where in a file; line 0: in all of it, or a path of JSON ("destinations[1].ttl") in file. Columns are bytes, from 1. */
struct place {
	char file[ERROR_PLACE_MAX];
	unsigned int line;
	unsigned int column;
};

struct placed_error {
	struct place place;
	bool warning;
	char text[512];
};

/* All zero: empty. */
struct error_list {
	struct placed_error *items;
	size_t count;
	size_t errors; /* items that are not warnings */
};

/* All of a file; a longer name is cut. */
struct place place_of_file(const char *file);

/* Adds a sentence; the place may be NULL. Without memory only the count of errors grows, so that nothing wrong passes for right. */
void error_list_add(struct error_list *list, const struct place *place, const char *format, ...) __attribute__((format(printf, 3, 4)));
void error_list_warn(struct error_list *list, const struct place *place, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Puts those of one file together, in the order of its lines; those without a line come last. */
void error_list_sort(struct error_list *list);

/* One line each: "web.session:7:1: TEXT", "web.session:7:1: warning: TEXT". */
void error_list_print(FILE *out, const struct error_list *list);

void error_list_free(struct error_list *list);

#endif
