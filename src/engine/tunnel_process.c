/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/tunnel_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "engine/tunnel_device.h"

enum {
	POLL_MS = 10,
	NS_PER_SECOND = 1000 * 1000 * 1000,
	STOP_POLL_US = 10 * 1000,
	STOP_POLLS = 500, /* five seconds to remove the device */
};

struct tunnel_process {
	struct tunnel tunnel;
	enum attach_way way;
	pid_t pid; /* 0: it does not run */
	int pipe;  /* states come through it, in one piece each */
	uint64_t retry_ns;
	struct tunnel_state state;
};

_Static_assert(sizeof(struct tunnel_state) <= 4096, "a pipe takes it whole");

/* ---- the process ---- */

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	stopped = signal;
}

static void report(int pipe, const struct tunnel_device *device, const struct error *problem)
{
	struct tunnel_state state = {.waits_for = *problem};
	const char *waits_for = device ? tunnel_device_waits_for(device) : "";

	if (device && !problem->code) {
		state.there = true;
		state.mtu = tunnel_device_mtu(device);
		if (*waits_for)
			fail(&state.waits_for, ENETUNREACH, "%s", waits_for);
	}
	if (write(pipe, &state, sizeof state) != sizeof state && errno == EPIPE)
		stopped = SIGTERM;
}

static int serve(struct tunnel_device *device, int pipe, struct error *error)
{
	uint64_t followed_ns = 0;
	int rc = 0;

	while (!rc && !stopped) {
		struct pollfd ready = {.fd = tunnel_device_fd(device), .events = POLLIN};
		uint64_t now;

		poll(&ready, 1, POLL_MS);
		tunnel_device_serve(device);
		now = clock_monotonic_ns();
		if (now - followed_ns < NS_PER_SECOND)
			continue;
		rc = tunnel_device_follow(device, error);
		report(pipe, device, error);
		followed_ns = now;
	}
	return rc;
}

static int run(const struct tunnel_process *p, int pipe)
{
	struct tunnel_device *device = NULL;
	struct error error = {0};

	if (tunnel_device_open(&device, &p->tunnel, p->way, &error))
		report(pipe, NULL, &error);
	else
		serve(device, pipe, &error);
	tunnel_device_close(device);
	return error.code ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* The descriptors of the parent are none of its business, and its signals are its own. */
static void run_child(const struct tunnel_process *p, int pipe)
{
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	prctl(PR_SET_NAME, "farspan-tunnel");
	signal(SIGTERM, stop);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (dup2(pipe, STDERR_FILENO + 1) < 0)
		_exit(EXIT_FAILURE);
	close_range(STDERR_FILENO + 2, ~0u, 0);
	_exit(run(p, STDERR_FILENO + 1));
}

/* ---- the parent's side ---- */

static int start(struct tunnel_process *p, struct error *error)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return fail(error, errno, "tunnel '%s': %s", p->tunnel.name, strerror(errno));
	p->pid = fork();
	if (p->pid == 0)
		run_child(p, ends[1]);
	close(ends[1]);
	if (p->pid < 0) {
		p->pid = 0;
		close(ends[0]);
		return fail(error, errno, "tunnel '%s': %s", p->tunnel.name, strerror(errno));
	}
	p->pipe = ends[0];
	return 0;
}

int tunnel_process_open(struct tunnel_process **opened, const struct tunnel *tunnel, enum attach_way way, struct error *error)
{
	struct tunnel_process *p = calloc(1, sizeof *p);
	int rc;

	if (!p)
		return fail(error, ENOMEM, "out of memory");
	p->tunnel = *tunnel;
	p->way = way;
	rc = start(p, error);
	if (rc)
		free(p);
	else
		*opened = p;
	return rc;
}

static void take_reports(struct tunnel_process *p)
{
	struct tunnel_state state;

	while (read(p->pipe, &state, sizeof state) == sizeof state)
		p->state = state;
}

static void bury(struct tunnel_process *p, int status)
{
	struct error *why = &p->state.waits_for;

	take_reports(p);
	close(p->pipe);
	p->pid = 0;
	/* One that was there comes back at once. */
	p->retry_ns = clock_monotonic_ns() + (p->state.there ? 0 : NS_PER_SECOND);
	if (WIFSIGNALED(status))
		fail(why, ECHILD, "its process was ended by signal %d", WTERMSIG(status));
	else if (p->state.there && !why->code)
		fail(why, ECHILD, "it has ended");
	p->state.there = false;
}

int tunnel_process_follow(struct tunnel_process *p, struct error *error)
{
	int status;

	if (!p->pid) {
		if (clock_monotonic_ns() >= p->retry_ns && start(p, &p->state.waits_for))
			p->retry_ns = clock_monotonic_ns() + NS_PER_SECOND;
		return 0;
	}
	take_reports(p);
	if (waitpid(p->pid, &status, WNOHANG) != p->pid)
		return 0;
	bury(p, status);
	*error = p->state.waits_for;
	return 1;
}

void tunnel_process_close(struct tunnel_process *p)
{
	if (!p)
		return;
	if (p->pid) {
		kill(p->pid, SIGTERM);
		for (int i = 0; i < STOP_POLLS && p->pid; i++) {
			if (waitpid(p->pid, NULL, WNOHANG) != 0)
				p->pid = 0;
			else
				usleep(STOP_POLL_US);
		}
		if (p->pid) {
			kill(p->pid, SIGKILL);
			waitpid(p->pid, NULL, 0);
		}
		close(p->pipe);
	}
	free(p);
}

void tunnel_process_read(const struct tunnel_process *p, struct tunnel_state *state)
{
	*state = p->state;
	if (!state->there && !state->waits_for.code)
		fail(&state->waits_for, EAGAIN, "it is just starting");
}
