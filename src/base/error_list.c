/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/error_list.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct place place_of_file(const char *file)
{
	struct place place = {0};
	size_t len = strlen(file);

	memcpy(place.file, file, len < sizeof place.file ? len : sizeof place.file - 1);
	return place;
}

__attribute__((format(printf, 4, 0))) static void add(struct error_list *list, const struct place *place, bool warning, const char *format,
						      va_list arguments)
{
	struct placed_error *items = reallocarray(list->items, list->count + 1, sizeof *items), *item;

	list->errors += !warning;
	if (!items)
		return;
	list->items = items;
	item = &items[list->count++];
	*item = (struct placed_error){.warning = warning};
	if (place)
		item->place = *place;
	vsnprintf(item->text, sizeof item->text, format, arguments);
}

void error_list_add(struct error_list *list, const struct place *place, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	add(list, place, false, format, arguments);
	va_end(arguments);
}

void error_list_warn(struct error_list *list, const struct place *place, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	add(list, place, true, format, arguments);
	va_end(arguments);
}

static bool stands_behind(const struct place *a, const struct place *b)
{
	int order = strcmp(a->file, b->file);
	unsigned int a_line = a->line - 1, b_line = b->line - 1; /* none is the largest */

	if (order)
		return order > 0;
	return a_line != b_line ? a_line > b_line : a->column > b->column;
}

/* By insertion, which keeps the order of those at one place: there are few. */
void error_list_sort(struct error_list *list)
{
	for (size_t i = 1; i < list->count; i++)
		for (size_t j = i; j > 0 && stands_behind(&list->items[j - 1].place, &list->items[j].place); j--) {
			struct placed_error item = list->items[j];

			list->items[j] = list->items[j - 1];
			list->items[j - 1] = item;
		}
}

void error_list_print(FILE *out, const struct error_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct placed_error *item = &list->items[i];

		if (item->place.file[0])
			fprintf(out, "%s:", item->place.file);
		if (item->place.line)
			fprintf(out, "%u:%u:", item->place.line, item->place.column);
		fprintf(out, "%s%s%s\n", item->place.file[0] ? " " : "", item->warning ? "warning: " : "", item->text);
	}
	if (list->errors && !list->count)
		fprintf(out, "out of memory\n");
}

void error_list_free(struct error_list *list)
{
	free(list->items);
	*list = (struct error_list){0};
}
