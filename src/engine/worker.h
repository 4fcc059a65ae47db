/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A process of ours that does one job for the one that started it, and tells how it goes through a pipe. Hides what such a process keeps of
 * its parent, how it is told to end, and how long it may take for that.
 */
#ifndef ENGINE_WORKER_H
#define ENGINE_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum {
	WORKER_REPORT_MAX = 4096, /* a pipe takes it whole */
};

/* All zero: it does not run. */
struct worker {
	pid_t pid; /* 0: it does not run */
	int pipe;  /* not blocking; reports come through it, in one piece each */
};

/* Starts a process of this name that runs job(what, pipe), and ends with what that returns. 0 or -errno. */
int worker_start(struct worker *worker, const char *name, int (*job)(const void *what, int pipe), const void *what);

/* Whether it has ended, with this status of waitpid(). What it said last may still be in the pipe, which worker_close() closes. */
bool worker_has_ended(struct worker *worker, int *status);

/* Closes the pipe of one that has ended. */
void worker_close(struct worker *worker);

/* Has it end, by force after five seconds, if it runs. */
void worker_stop(struct worker *worker);

/* ---- for the process itself ---- */

/* Closes what it has of its parent's, but for the standard descriptors and fd, whose number is then the one returned. Or -errno. */
int worker_keep_only(int fd);

/* It has been told to end, or nobody is left to report to. */
bool worker_is_stopped(void);

/* Of at most WORKER_REPORT_MAX bytes. Lost if nobody has read the earlier ones. */
void worker_report(int pipe, const void *report, size_t len);

#endif
