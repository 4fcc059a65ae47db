/* SPDX-License-Identifier: BSD-2-Clause */
#include "record/file_name.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

#define ZSTD_SUFFIX ".zst"

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

/* strftime(3) knows no %{: the session comes first. It has no % itself. */
static int put_session(const struct file_name *name, char *text, size_t size)
{
	const char *at = name->session ? strstr(name->pattern, FILE_NAME_SESSION) : NULL;
	int len;

	if (at)
		len = snprintf(text, size, "%.*s%s%s", (int)(at - name->pattern), name->pattern, name->session,
			       at + strlen(FILE_NAME_SESSION));
	else
		len = snprintf(text, size, "%s", name->pattern);
	return len < 0 || (size_t)len >= size ? -ENAMETOOLONG : 0;
}

static int put_time(uint64_t time_ns, char *text, size_t size)
{
	time_t seconds = (time_t)(time_ns / NS_PER_S);
	char pattern[PATH_MAX];
	struct tm local;

	if (strlen(text) >= sizeof pattern || !localtime_r(&seconds, &local))
		return -ENAMETOOLONG;
	strcpy(pattern, text);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	return strftime(text, size, pattern, &local) ? 0 : -ENAMETOOLONG;
#pragma GCC diagnostic pop
}

int file_name_make(const struct file_name *name, char *text, size_t size, struct error *error)
{
	int rc = put_session(name, text, size), len;
	char number[16] = "";

	if (!rc && name->has_time)
		rc = put_time(name->time_ns, text, size);
	if (rc)
		return fail(error, ENAMETOOLONG, "%s: the name gets too long, or empty", name->pattern);
	if (name->zstd && ends_with(text, ZSTD_SUFFIX))
		text[strlen(text) - strlen(ZSTD_SUFFIX)] = '\0';
	if (name->number || name->digits)
		snprintf(number, sizeof number, "%0*u", (int)name->digits, name->number);
	len = (int)strlen(text);
	if ((size_t)len + strlen(number) + sizeof ZSTD_SUFFIX > size)
		return fail(error, ENAMETOOLONG, "%s: the name gets too long", name->pattern);
	strcat(strcat(text, number), name->zstd ? ZSTD_SUFFIX : "");
	return 0;
}

char *file_name_with_session(const char *pattern)
{
	const char *slash = strrchr(pattern, '/'), *base = slash ? slash + 1 : pattern, *dot;
	size_t size = strlen(pattern) + sizeof FILE_NAME_SESSION + 1, stem;
	char *text;

	if (strstr(pattern, FILE_NAME_SESSION))
		return strdup(pattern);
	dot = ends_with(base, ZSTD_SUFFIX) ? base + strlen(base) - strlen(ZSTD_SUFFIX) : base + strlen(base);
	while (dot > base && *--dot != '.')
		;
	stem = dot > base ? (size_t)(dot - pattern) : strlen(pattern);
	text = malloc(size);
	if (text)
		snprintf(text, size, "%.*s-%s%s", (int)stem, pattern, FILE_NAME_SESSION, pattern + stem);
	return text;
}

void file_name_clean(char *text)
{
	for (; *text; text++)
		if (!(*text >= '0' && *text <= '9') && !(*text >= 'a' && *text <= 'z') && !(*text >= 'A' && *text <= 'Z') && *text != '.')
			*text = '-';
}
