/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A process of ours that does one job for another, and tells how it goes. Hides what it keeps of the process that started it, how the two
 * find each other, how it is told to end, and how long it may take for that. Its master may become another program, or be killed: then the
 * next one finds it by the number of its job, and takes it over as it is.
 */
#ifndef ENGINE_WORKER_H
#define ENGINE_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

enum {
	WORKER_REPORT_MAX = 4096,
};

struct worker_job {
	const char *name; /* of the process */
	uint64_t number;  /* for all that it is to do, and for the layout of its reports: who does the same has the same */
	bool goes_on;     /* when its master is killed; else it ends then */
	int (*run)(const void *what);
	const void *what;
};

/* All zero: it does not run. */
struct worker {
	uint64_t number;
	pid_t pid;   /* 0: it does not run */
	int process; /* of pidfd_open() */
	int reports; /* not blocking */
};

/* Workers of an earlier master. All zero: there are none. */
struct workers_left {
	struct left_worker *items;
	size_t count;
};

/* Finds those of this user that are left in this network namespace. To be called before any is started. 0, or -errno and *error. */
int workers_left_find(struct workers_left *left, struct error *error);

/* Ends those that do none of these jobs, and those that their master's death ends anyway, as worker_stop() does. */
void workers_left_keep(struct workers_left *left, const uint64_t *numbers, size_t count);

/* Ends none. */
void workers_left_free(struct workers_left *left);

/*
 * Takes over one that is left (which may be NULL) and does this job; else starts a process that runs run(what), and ends with what that
 * returns. 0 or -errno.
 */
int worker_start(struct worker *worker, const struct worker_job *job, struct workers_left *left);

/* Reads its next report; false: there is none of this length. */
bool worker_read(const struct worker *worker, void *report, size_t len);

/* Whether it has ended, with this status of waitpid(), 0 if nobody knows. What it said last is still there until worker_close(). */
bool worker_has_ended(struct worker *worker, int *status);

/* Lets go of one that has ended. */
void worker_close(struct worker *worker);

/* Tells it to end, if it runs, and does not wait for it. */
void worker_dismiss(const struct worker *worker);

/* Has it end, by force after five seconds, if it runs. */
void worker_stop(struct worker *worker);

/* ---- for the process itself ---- */

/* Closes what it has of its parent's, but for the standard descriptors and fd, whose number is then the one returned. Or -errno. */
int worker_keep_only(int fd);

/* It has been told to end, or its master is dead and it is not to go on. */
bool worker_is_stopped(void);

/* Whether a master has come since the last call, who is to get a report at once. To be called every few milliseconds. */
bool worker_is_asked(void);

/* Waits until worker_is_asked() or worker_is_stopped(). */
void worker_wait(void);

/* Of at most WORKER_REPORT_MAX bytes. Lost if nobody has read the earlier ones, or there is no master. */
void worker_report(const void *report, size_t len);

#endif
