/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/tunnel_process.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/hash.h"
#include "engine/tunnel_device.h"
#include "model/session_tunnel.h"

enum {
	POLL_MS = 10,
};

struct tunnel_process {
	struct tunnel tunnel;
	enum attach_way way;
	bool goes_on;
	uint64_t number;
	struct worker worker; /* its reports are states */
	uint64_t retry_ns;
	struct tunnel_state state;
};

_Static_assert(sizeof(struct tunnel_state) <= WORKER_REPORT_MAX, "a report");

/* ---- the process ---- */

static void report(const struct tunnel_device *device, const struct error *problem)
{
	struct tunnel_state state = {.waits_for = *problem};
	const char *waits_for = device ? tunnel_device_waits_for(device) : "";

	if (device && !problem->code) {
		state.there = true;
		state.mtu = tunnel_device_mtu(device);
		if (*waits_for)
			fail(&state.waits_for, ENETUNREACH, "%s", waits_for);
	}
	worker_report(&state, sizeof state);
}

static int serve(struct tunnel_device *device, struct error *error)
{
	uint64_t followed_ns = 0;
	int rc = 0;

	while (!rc && !worker_is_stopped()) {
		struct pollfd ready = {.fd = tunnel_device_fd(device), .events = POLLIN};
		uint64_t now;

		poll(&ready, 1, POLL_MS);
		tunnel_device_serve(device);
		now = clock_monotonic_ns();
		if (!worker_is_asked() && now - followed_ns < NS_PER_S)
			continue;
		rc = tunnel_device_follow(device, error);
		report(device, error);
		followed_ns = now;
	}
	return rc;
}

static int run(const void *process)
{
	const struct tunnel_process *p = process;
	struct tunnel_device *device = NULL;
	struct error error = {0};

	if (tunnel_device_open(&device, &p->tunnel, p->way, &error))
		report(NULL, &error);
	else
		serve(device, &error);
	tunnel_device_close(device);
	return error.code ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* ---- the parent's side ---- */

uint64_t tunnel_process_number(const struct session *session, enum attach_way way)
{
	static const size_t layout[] = {sizeof(struct tunnel_state), offsetof(struct tunnel_state, there),
					offsetof(struct tunnel_state, mtu), offsetof(struct tunnel_state, waits_for.text)};
	uint64_t hash = hash64(HASH64_START, layout, sizeof layout);

	hash = hash64(hash, &session->continues, sizeof session->continues);
	hash = hash64(hash, &way, sizeof way);
	hash = hash64(hash, session->device, sizeof session->device);
	return hash64(hash, session->tunnel, strlen(session->tunnel));
}

static int start(struct tunnel_process *p, struct workers_left *left, struct error *error)
{
	const struct worker_job job = {.name = "farspan-tunnel", .number = p->number, .goes_on = p->goes_on, .run = run, .what = p};
	int rc = worker_start(&p->worker, &job, left);

	return rc ? fail(error, -rc, "tunnel '%s': %s", p->tunnel.name, strerror(-rc)) : 0;
}

static void take_reports(struct tunnel_process *p)
{
	struct tunnel_state state;

	while (worker_read(&p->worker, &state, sizeof state))
		p->state = state;
}

int tunnel_process_open(struct tunnel_process **opened, const struct session *session, enum attach_way way, struct workers_left *left,
			struct error *error)
{
	struct tunnel_process *p = calloc(1, sizeof *p);
	int rc;

	if (!p)
		return fail(error, ENOMEM, "out of memory");
	p->way = way;
	p->goes_on = session->continues;
	p->number = tunnel_process_number(session, way);
	rc = session_tunnel_parse(session, &p->tunnel, error);
	if (!rc)
		rc = start(p, left, error);
	if (rc) {
		free(p);
		return rc;
	}
	take_reports(p);
	*opened = p;
	return 0;
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
		if (clock_monotonic_ns() >= p->retry_ns && start(p, NULL, &p->state.waits_for))
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

bool tunnel_process_keeps(const struct tunnel_process *p, const struct session *session)
{
	return p->number == tunnel_process_number(session, p->way);
}

void tunnel_process_dismiss(const struct tunnel_process *p)
{
	if (p)
		worker_dismiss(&p->worker);
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
