/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	STOP_POLL_US = 10 * 1000,
	STOP_POLLS = 500, /* five seconds */
};

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	stopped = signal;
}

bool worker_is_stopped(void)
{
	return stopped;
}

void worker_report(int pipe, const void *report, size_t len)
{
	if (write(pipe, report, len) != (ssize_t)len && errno == EPIPE)
		stopped = SIGTERM;
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
static void run_child(const char *name, int (*job)(const void *what, int pipe), const void *what, int pipe)
{
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	prctl(PR_SET_NAME, name);
	signal(SIGTERM, stop);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	pipe = worker_keep_only(pipe);
	_exit(pipe < 0 ? EXIT_FAILURE : job(what, pipe));
}

int worker_start(struct worker *worker, const char *name, int (*job)(const void *what, int pipe), const void *what)
{
	int ends[2], rc;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	worker->pid = fork();
	rc = -errno;
	if (worker->pid == 0)
		run_child(name, job, what, ends[1]);
	close(ends[1]);
	if (worker->pid < 0) {
		worker->pid = 0;
		close(ends[0]);
		return rc;
	}
	worker->pipe = ends[0];
	return 0;
}

bool worker_has_ended(struct worker *worker, int *status)
{
	*status = 0;
	if (waitpid(worker->pid, status, WNOHANG) == 0)
		return false;
	worker->pid = 0;
	return true;
}

void worker_close(struct worker *worker)
{
	close(worker->pipe);
}

void worker_stop(struct worker *worker)
{
	int status;

	if (!worker->pid)
		return;
	kill(worker->pid, SIGTERM);
	for (int i = 0; i < STOP_POLLS && !worker_has_ended(worker, &status); i++)
		usleep(STOP_POLL_US);
	if (worker->pid) {
		kill(worker->pid, SIGKILL);
		waitpid(worker->pid, NULL, 0);
		worker->pid = 0;
	}
	worker_close(worker);
}
