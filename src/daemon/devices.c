/* SPDX-License-Identifier: BSD-2-Clause */
#include "daemon/devices.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/log.h"

struct running_device {
	char name[SESSION_NAME_MAX];
	struct tunnel_process *process; /* NULL: it could not be started, see problem */
	struct error problem;
};

static const struct running_device *find(const struct devices *devices, const char *session)
{
	for (size_t i = 0; i < devices->count; i++)
		if (strcmp(devices->running[i].name, session) == 0)
			return &devices->running[i];
	return NULL;
}

bool devices_wants(const struct session *session)
{
	return session && !session->disabled && session_kind(session) == SESSION_TUNNEL;
}

static void start(struct devices *devices, const struct session *session, struct workers_left *left)
{
	struct running_device *running = reallocarray(devices->running, devices->count + 1, sizeof *running), *added;

	if (!running)
		return;
	devices->running = running;
	added = &running[devices->count++];
	*added = (struct running_device){0};
	memcpy(added->name, session->name, sizeof added->name);
	if (tunnel_process_open(&added->process, session, devices->way, left, &added->problem))
		log_line(LOG_LEVEL_ERROR, session->name, "%s", added->problem.text);
}

void devices_apply(struct devices *devices, const struct session_list *wanted, struct workers_left *left)
{
	for (size_t i = devices->count; i-- > 0;) {
		struct running_device *running = &devices->running[i];
		const struct session *now = session_list_find(wanted, running->name);

		if (devices_wants(now) && running->process && tunnel_process_keeps(running->process, now))
			continue;
		tunnel_process_close(running->process);
		*running = devices->running[--devices->count];
	}
	for (size_t i = 0; i < wanted->count; i++)
		if (devices_wants(wanted->sessions[i]) && !find(devices, wanted->sessions[i]->name))
			start(devices, wanted->sessions[i], left);
}

void devices_follow(struct devices *devices)
{
	for (size_t i = 0; i < devices->count; i++) {
		struct running_device *running = &devices->running[i];
		struct error error = {0}, before = running->problem;

		if (!running->process || !tunnel_process_follow(running->process, &error))
			continue;
		running->problem = error;
		/* What is in its way is tried every second, and told once. */
		if (strcmp(before.text, error.text) != 0)
			log_line(LOG_LEVEL_ERROR, running->name, "%s", error.text);
	}
}

bool devices_read(const struct devices *devices, const char *session, struct tunnel_state *state)
{
	const struct running_device *running = find(devices, session);

	if (!running)
		return false;
	if (running->process)
		tunnel_process_read(running->process, state);
	else
		*state = (struct tunnel_state){.waits_for = running->problem};
	return true;
}

void devices_dismiss(const struct devices *devices)
{
	for (size_t i = 0; i < devices->count; i++)
		tunnel_process_dismiss(devices->running[i].process);
}

void devices_close(struct devices *devices)
{
	for (size_t i = 0; i < devices->count; i++)
		tunnel_process_close(devices->running[i].process);
	free(devices->running);
	*devices = (struct devices){.way = devices->way};
}
