/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/error_list.h"

#include <stdarg.h>
#include <stdlib.h>

static void add(struct error_list *list, const struct place *place, bool warning, const char *format, va_list arguments)
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
