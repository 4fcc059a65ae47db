/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of recordings, as tcpdump makes them: hides where time, session and number go. */
#ifndef RECORD_FILE_NAME_H
#define RECORD_FILE_NAME_H

#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>

#include "base/error.h"

#define FILE_NAME_SESSION "%{session}"

struct file_name {
	const char *pattern;
	const char *session; /* for FILE_NAME_SESSION; NULL: the pattern has none */
	bool has_time;       /* the pattern is one of strftime(3), in local time */
	uint64_t time_ns;
	unsigned int number; /* of the file among those that a limit of size makes; 0 is left out unless there are digits */
	unsigned int digits; /* leading zeros up to so many */
	bool zstd;           /* ends with ".zst", behind the number */
};

/* Writes the name to text. 0, or -ENAMETOOLONG. */
int file_name_make(const struct file_name *name, char *text, size_t size, struct error *error);

/* The pattern with FILE_NAME_SESSION in front of the extension, unless it has one; to be freed, NULL without memory. */
char *file_name_with_session(const char *pattern);

/* What of a session's name can stand in a file name: letters, digits and dots, all else a '-'. */
void file_name_clean(char *text);

#endif
