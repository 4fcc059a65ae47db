/* SPDX-License-Identifier: BSD-2-Clause */
#include "daemon/log.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

enum {
	LINE_MAX_LEN = 1024,
	BURST = 200, /* lines in ten seconds */
};

#define PERIOD_NS (10ull * 1000 * 1000 * 1000)

static void print(enum log_level level, const char *session, char *line)
{
	/* Nothing that came from elsewhere moves the cursor of who reads this. */
	for (unsigned char *c = (unsigned char *)line; *c; c++)
		if (*c < ' ' || *c == 0x7f)
			*c = '?';
	if (getenv("JOURNAL_STREAM"))
		fprintf(stderr, "<%d>", level);
	fprintf(stderr, "farspand: %s%s%s\n", session ? session : "", session ? ": " : "", line);
}

void log_line(enum log_level level, const char *session, const char *format, ...)
{
	static uint64_t period_ns;
	static unsigned int lines, suppressed;
	uint64_t now = clock_monotonic_ns();
	char line[LINE_MAX_LEN];
	va_list arguments;

	if (now - period_ns > PERIOD_NS) {
		if (suppressed) {
			snprintf(line, sizeof line, "%u lines were suppressed", suppressed);
			print(LOG_LEVEL_WARNING, NULL, line);
		}
		period_ns = now;
		lines = suppressed = 0;
	}
	if (lines++ >= BURST) {
		suppressed++;
		return;
	}
	va_start(arguments, format);
	vsnprintf(line, sizeof line, format, arguments);
	va_end(arguments);
	print(level, session, line);
}
