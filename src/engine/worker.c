/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/worker.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/meeting.h"

enum {
	STOP_MS = 5000,
	REPORT_MS = 100, /* at most until the first one of a worker that goes on, which then is known to be as it is */
	WAIT_MS = 1000,  /* a signal may come just before poll() */
};

/* ---- the process itself ---- */

static volatile sig_atomic_t stopped;

/* Where masters come to, and the one that is there; below 0: none. */
static struct {
	uid_t user;
	int place;
	int master;
} own;

static void stop(int signal)
{
	stopped = signal;
}

bool worker_is_stopped(void)
{
	return stopped;
}

static void leave_master(void)
{
	if (own.master >= 0)
		close(own.master);
	own.master = -1;
}

bool worker_is_asked(void)
{
	int fd = meeting_accept(own.place, own.user);

	if (fd < 0)
		return false;
	leave_master();
	own.master = fd;
	return true;
}

void worker_wait(void)
{
	struct pollfd place = {.fd = own.place, .events = POLLIN};

	while (!worker_is_stopped() && poll(&place, 1, WAIT_MS) <= 0)
		;
}

void worker_report(const void *report, size_t len)
{
	if (own.master >= 0 && send(own.master, report, len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno != EAGAIN)
		leave_master();
}

int worker_keep_only(int fd)
{
	const int kept = STDERR_FILENO + 1;

	if (dup2(fd, kept) < 0)
		return -errno;
	close_range((unsigned int)kept + 1, ~0u, 0);
	return kept;
}

/* The descriptors of the parent are none of its business, and its signals are its own. */
static void run_child(const struct worker_job *job, int place, pid_t parent)
{
	sigset_t none;

	prctl(PR_SET_NAME, job->name);
	signal(SIGTERM, stop);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	if (!job->goes_on)
		prctl(PR_SET_PDEATHSIG, SIGTERM);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (!job->goes_on && getppid() != parent)
		stopped = SIGTERM;
	own.user = geteuid();
	own.master = -1;
	own.place = worker_keep_only(place);
	if (own.place < 0 || meeting_take_over(own.place))
		_exit(EXIT_FAILURE);
	worker_is_asked(); /* by the parent, who has connected before */
	_exit(job->run(job->what));
}

/* ---- its master ---- */

#define PLACES "worker/"

bool worker_read(const struct worker *worker, void *report, size_t len)
{
	return recv(worker->reports, report, len, MSG_DONTWAIT | MSG_TRUNC) == (ssize_t)len;
}

/* Who was found is no child: then nobody tells its status. */
static bool reap(struct worker *worker, int wait_ms, int *status)
{
	struct pollfd process = {.fd = worker->process, .events = POLLIN};

	*status = 0;
	if (poll(&process, 1, wait_ms) <= 0)
		return false;
	if (waitpid(worker->pid, status, WNOHANG) <= 0)
		*status = 0;
	worker->pid = 0;
	return true;
}

bool worker_has_ended(struct worker *worker, int *status)
{
	return reap(worker, 0, status);
}

void worker_close(struct worker *worker)
{
	close(worker->reports);
	close(worker->process);
}

void worker_dismiss(const struct worker *worker)
{
	if (worker->pid)
		pidfd_send_signal(worker->process, SIGTERM, NULL, 0);
}

void worker_stop(struct worker *worker)
{
	int status;

	if (!worker->pid)
		return;
	worker_dismiss(worker);
	if (!reap(worker, STOP_MS, &status)) {
		pidfd_send_signal(worker->process, SIGKILL, NULL, 0);
		reap(worker, STOP_MS, &status);
	}
	worker_close(worker);
	worker->pid = 0;
}

/* ---- those that are left ---- */

struct left_worker {
	struct worker worker;
	bool dying; /* its master's death ends it, and this process is another one */
	bool unwanted;
};

static bool is_child(pid_t pid)
{
	siginfo_t info;

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

static bool is_connected(int fd)
{
	char any;
	ssize_t n = recv(fd, &any, 1, MSG_PEEK | MSG_DONTWAIT);

	return n > 0 || (n < 0 && errno == EAGAIN);
}

static bool open_left(struct left_worker *found, const char *name)
{
	struct worker *worker = &found->worker;
	int goes_on;

	if (sscanf(name, PLACES "%" SCNx64 "/%d/", &worker->number, &goes_on) != 2)
		return false;
	worker->reports = meeting_join(name, &worker->pid);
	if (worker->reports < 0)
		return false;
	/* Should it end just now, the number of the process may be another's, but then nobody is at the place any more. */
	worker->process = pidfd_open(worker->pid, 0);
	if (worker->process >= 0 && is_connected(worker->reports)) {
		found->dying = !goes_on && !is_child(worker->pid);
		return true;
	}
	if (worker->process >= 0)
		close(worker->process);
	close(worker->reports);
	return false;
}

static void add_left(void *context, const char *name)
{
	struct workers_left *left = context;
	struct left_worker found = {0}, *more;

	if (!open_left(&found, name))
		return;
	more = reallocarray(left->items, left->count + 1, sizeof *more);
	if (!more) {
		worker_close(&found.worker);
		return;
	}
	left->items = more;
	more[left->count++] = found;
}

int workers_left_find(struct workers_left *left, struct error *error)
{
	int rc;

	/* Children of the program that this process was before. */
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	rc = meeting_each(PLACES, add_left, left);
	return rc ? fail(error, -rc, "processes that go on: %s", strerror(-rc)) : 0;
}

/* Each number is wanted once. */
static bool is_wanted(const struct workers_left *left, size_t index, const uint64_t *numbers, size_t count)
{
	const struct left_worker *item = &left->items[index];
	bool wanted = false;

	for (size_t i = 0; i < count && !wanted; i++)
		wanted = numbers[i] == item->worker.number;
	for (size_t i = 0; i < index && wanted; i++)
		wanted = left->items[i].unwanted || left->items[i].worker.number != item->worker.number;
	return wanted && !item->dying;
}

void workers_left_keep(struct workers_left *left, const uint64_t *numbers, size_t count)
{
	/* All are told before the first is waited for. */
	for (size_t i = 0; i < left->count; i++) {
		left->items[i].unwanted = !is_wanted(left, i, numbers, count);
		if (left->items[i].unwanted)
			worker_dismiss(&left->items[i].worker);
	}
	for (size_t i = left->count; i-- > 0;) {
		if (!left->items[i].unwanted)
			continue;
		worker_stop(&left->items[i].worker);
		left->items[i] = left->items[--left->count];
	}
}

static bool take_left(struct worker *worker, const struct worker_job *job, struct workers_left *left)
{
	for (size_t i = 0; i < left->count; i++) {
		if (left->items[i].worker.number != job->number)
			continue;
		*worker = left->items[i].worker;
		left->items[i] = left->items[--left->count];
		poll(&(struct pollfd){.fd = worker->reports, .events = POLLIN}, 1, REPORT_MS);
		return true;
	}
	return false;
}

void workers_left_free(struct workers_left *left)
{
	for (size_t i = 0; i < left->count; i++)
		worker_close(&left->items[i].worker);
	free(left->items);
	*left = (struct workers_left){0};
}

/* ---- a new one ---- */

/* A place of its own, and what connects this process to whoever will wait there. */
static int open_place(const struct worker_job *job, int *place, int *reports)
{
	char name[MEETING_NAME_MAX];
	uint32_t any;

	do {
		if (getrandom(&any, sizeof any, 0) != sizeof any)
			return -errno;
		snprintf(name, sizeof name, PLACES "%016" PRIx64 "/%d/%08x", job->number, job->goes_on, any);
		*place = meeting_open(name);
	} while (*place == -EADDRINUSE);
	if (*place < 0)
		return *place;
	*reports = meeting_join(name, NULL);
	if (*reports < 0)
		close(*place);
	return *reports < 0 ? *reports : 0;
}

static int fork_worker(struct worker *worker, const struct worker_job *job, int place)
{
	const pid_t parent = getpid();

	worker->pid = fork();
	if (worker->pid == 0)
		run_child(job, place, parent);
	if (worker->pid < 0)
		return -errno;
	worker->process = pidfd_open(worker->pid, 0);
	if (worker->process < 0) {
		int rc = -errno;

		kill(worker->pid, SIGKILL);
		waitpid(worker->pid, NULL, 0);
		return rc;
	}
	return 0;
}

int worker_start(struct worker *worker, const struct worker_job *job, struct workers_left *left)
{
	int place, rc;

	if (left && take_left(worker, job, left))
		return 0;
	*worker = (struct worker){.number = job->number};
	if ((rc = open_place(job, &place, &worker->reports)))
		return rc;
	rc = fork_worker(worker, job, place);
	close(place);
	if (rc) {
		close(worker->reports);
		worker->pid = 0;
	}
	return rc;
}
