/* SPDX-License-Identifier: BSD-2-Clause */
/* A tunnel device in a process of its own, which is started again when it ends. Hides the process and how it reports. */
#ifndef ENGINE_TUNNEL_PROCESS_H
#define ENGINE_TUNNEL_PROCESS_H

#include "base/error.h"
#include "datapath/attach.h"
#include "engine/worker.h"
#include "model/session.h"

struct tunnel_process;

/* Of the session as its process sees it: while it is the same, the process may go on. */
uint64_t tunnel_process_number(const struct session *session, enum attach_way way);

/*
 * Takes over the session's process, if it is left, or starts one. Call it where there are no threads; the process, and the device, end when
 * this one does, unless the session goes on. *process is the caller's, to be closed.
 */
int tunnel_process_open(struct tunnel_process **process, const struct session *session, enum attach_way way, struct workers_left *left,
			struct error *error);

/* Removes the device. tunnel_process_dismiss() has it removed, and does not wait. */
void tunnel_process_close(struct tunnel_process *process);
void tunnel_process_dismiss(const struct tunnel_process *process);

/* Whether the process does what the session wants. */
bool tunnel_process_keeps(const struct tunnel_process *process, const struct session *session);

/*
 * Takes what the process says, and starts it again a second after it ended, so that a device that somebody removed comes back. To be
 * called every second. Returns 1 if it has just ended, and why in *error; else 0.
 */
int tunnel_process_follow(struct tunnel_process *process, struct error *error);

/* How the device goes. */
struct tunnel_state {
	bool there;
	unsigned int mtu;       /* bytes */
	struct error waits_for; /* the way to the other end; or why it is not there; code 0: nothing */
};
void tunnel_process_read(const struct tunnel_process *process, struct tunnel_state *state);

#endif
