/* SPDX-License-Identifier: BSD-2-Clause */
/* The tunnel devices of the daemon. Hides that each has a process. */
#ifndef DAEMON_DEVICES_H
#define DAEMON_DEVICES_H

#include "engine/tunnel_process.h"
#include "model/session_list.h"

struct running_device;

/* All zero but the way: there are none. */
struct devices {
	enum attach_way way;
	struct running_device *running;
	size_t count;
};

/* Whether the session, which may be NULL, is to have a device. */
bool devices_wants(const struct session *session);

/* Removes those that are not wanted any more, or differently, and makes those that are not there, or takes them over. */
void devices_apply(struct devices *devices, const struct session_list *wanted, struct workers_left *left);

/* Puts back what has gone. To be called every second. */
void devices_follow(struct devices *devices);

/* Whether the session's device is to be there; how it goes is in *state. */
bool devices_read(const struct devices *devices, const char *session, struct tunnel_state *state);

/* Ends them all; devices_dismiss() tells them so, and does not wait. */
void devices_close(struct devices *devices);
void devices_dismiss(const struct devices *devices);

#endif
