/* SPDX-License-Identifier: BSD-2-Clause */
/* What the daemon says: to the journal where that reads its standard error, else there as text. Hides levels and limits. */
#ifndef DAEMON_LOG_H
#define DAEMON_LOG_H

enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_NOTICE = 5,
	LOG_LEVEL_INFO = 6,
};

/* One line, about a session if its name is not NULL. What comes too fast is counted, and the count is told later. */
void log_line(enum log_level level, const char *session, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
