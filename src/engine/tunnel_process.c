/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/tunnel_process.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "engine/tunnel_device.h"
#include "engine/worker.h"

enum {
	POLL_MS = 10,
};

struct tunnel_process {
	struct tunnel tunnel;
	enum attach_way way;
	struct worker worker; /* its reports are states */
	uint64_t retry_ns;
	struct tunnel_state state;
};

_Static_assert(sizeof(struct tunnel_state) <= WORKER_REPORT_MAX, "a report");

/* ---- the process ---- */

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
	worker_report(pipe, &state, sizeof state);
}

static int serve(struct tunnel_device *device, int pipe, struct error *error)
{
	uint64_t followed_ns = 0;
	int rc = 0;

	while (!rc && !worker_is_stopped()) {
		struct pollfd ready = {.fd = tunnel_device_fd(device), .events = POLLIN};
		uint64_t now;

		poll(&ready, 1, POLL_MS);
		tunnel_device_serve(device);
		now = clock_monotonic_ns();
		if (now - followed_ns < NS_PER_S)
			continue;
		rc = tunnel_device_follow(device, error);
		report(pipe, device, error);
		followed_ns = now;
	}
	return rc;
}

static int run(const void *process, int pipe)
{
	const struct tunnel_process *p = process;
	struct tunnel_device *device = NULL;
	struct error error = {0};

	if (tunnel_device_open(&device, &p->tunnel, p->way, &error))
		report(pipe, NULL, &error);
	else
		serve(device, pipe, &error);
	tunnel_device_close(device);
	return error.code ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* ---- the parent's side ---- */

static int start(struct tunnel_process *p, struct error *error)
{
	int rc = worker_start(&p->worker, "farspan-tunnel", run, p);

	return rc ? fail(error, -rc, "tunnel '%s': %s", p->tunnel.name, strerror(-rc)) : 0;
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

	while (read(p->worker.pipe, &state, sizeof state) == sizeof state)
		p->state = state;
}

static void bury(struct tunnel_process *p, int status)
{
	struct error *why = &p->state.waits_for;

	take_reports(p);
	worker_close(&p->worker);
	/* One that was there comes back at once. */
	p->retry_ns = clock_monotonic_ns() + (p->state.there ? 0 : NS_PER_S);
	if (WIFSIGNALED(status))
		fail(why, ECHILD, "its process was ended by signal %d", WTERMSIG(status));
	else if (p->state.there && !why->code)
		fail(why, ECHILD, "it has ended");
	p->state.there = false;
}

int tunnel_process_follow(struct tunnel_process *p, struct error *error)
{
	int status;

	if (!p->worker.pid) {
		if (clock_monotonic_ns() >= p->retry_ns && start(p, &p->state.waits_for))
			p->retry_ns = clock_monotonic_ns() + NS_PER_S;
		return 0;
	}
	take_reports(p);
	if (!worker_has_ended(&p->worker, &status))
		return 0;
	bury(p, status);
	*error = p->state.waits_for;
	return 1;
}

void tunnel_process_close(struct tunnel_process *p)
{
	if (!p)
		return;
	worker_stop(&p->worker);
	free(p);
}

void tunnel_process_read(const struct tunnel_process *p, struct tunnel_state *state)
{
	*state = p->state;
	if (!state->there && !state->waits_for.code)
		fail(&state->waits_for, EAGAIN, "it is just starting");
}
