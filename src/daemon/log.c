/* SPDX-License-Identifier: BSD-2-Clause */
#include "daemon/log.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "base/clock.h"

enum {
	LINE_MAX_LEN = 1024,
	BURST = 200, /* lines in ten seconds */
};

#define PERIOD_NS (10ull * 1000 * 1000 * 1000)

/* Whether the standard error goes to the journal, and to nothing else. */
static bool is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat status;

	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 && fstat(STDERR_FILENO, &status) == 0 &&
	       status.st_dev == device && status.st_ino == inode;
}

static bool send_to_journal(enum log_level level, const char *session, const char *line)
{
	return sd_journal_send("MESSAGE=%s%s%s", session ? session : "", session ? ": " : "", line, "PRIORITY=%d", (int)level,
			       "SYSLOG_IDENTIFIER=farspand", session ? "FARSPAN_SESSION=%s" : NULL, session, NULL) == 0;
}

static void print(enum log_level level, const char *session, char *line)
{
	/* Nothing that came from elsewhere moves the cursor of who reads this. */
	for (unsigned char *c = (unsigned char *)line; *c; c++)
		if (*c < ' ' || *c == 0x7f)
			*c = '?';
	if (!is_journal() || !send_to_journal(level, session, line))
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
			snprintf(line, sizeof line, "%u line%s suppressed", suppressed, suppressed == 1 ? " was" : "s were");
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
