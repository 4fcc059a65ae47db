/* SPDX-License-Identifier: BSD-2-Clause */
#include "model/names.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum {
	LENGTH_MAX = 40, /* longer ones are near nothing */
	NEAR_MAX = 3,
};

void name_list_add(struct name_list *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->names[i], name) == 0)
			return;
	if (list->count < NAMES_MAX)
		list->names[list->count++] = name;
}

static unsigned int least(unsigned int a, unsigned int b, unsigned int c)
{
	unsigned int smaller = a < b ? a : b;

	return smaller < c ? smaller : c;
}

static bool same_letter(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* How many letters must be put in, taken out or replaced to make one of the other, case aside. */
static unsigned int distance(const char *a, const char *b)
{
	size_t a_len = strlen(a), b_len = strlen(b);
	unsigned int row[LENGTH_MAX + 1];

	if (a_len > LENGTH_MAX || b_len > LENGTH_MAX)
		return LENGTH_MAX;
	for (unsigned int j = 0; j <= b_len; j++)
		row[j] = j;
	for (unsigned int i = 1; i <= a_len; i++) {
		unsigned int corner = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			unsigned int above = row[j];

			row[j] = least(above + 1, row[j - 1] + 1, corner + !same_letter(a[i - 1], b[j - 1]));
			corner = above;
		}
	}
	return row[b_len];
}

const char *name_list_suggest(const struct name_list *list, const char *written, char *text, size_t size)
{
	unsigned int best = NEAR_MAX + 1;
	size_t used = 0;
	bool some = false;

	for (size_t i = 0; i < list->count; i++)
		if (distance(list->names[i], written) < best)
			best = distance(list->names[i], written);
	text[0] = '\0';
	for (size_t i = 0; i < list->count && best <= NEAR_MAX && best < strlen(written); i++)
		if (distance(list->names[i], written) == best && used < size) {
			used += (size_t)snprintf(text + used, size - used, "%s%s", some ? " or " : "did you mean ", list->names[i]);
			some = true;
		}
	if (used < size)
		used += (size_t)snprintf(text + used, size - used, "%sallowed: ", some ? "? " : "");
	for (size_t i = 0; i < list->count && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : "", list->names[i]);
	return text;
}
