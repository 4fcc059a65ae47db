/* SPDX-License-Identifier: BSD-2-Clause */
/* The sessions of the daemon: what is wanted, from files and from the API, and what runs. Hides mirrors and collectors behind one list. */
#ifndef DAEMON_RUNNER_H
#define DAEMON_RUNNER_H

#include "base/error_list.h"
#include "engine/collector.h"
#include "engine/mirrors.h"
#include "engine/tunnel_process.h"
#include "model/session_list.h"

struct runner;

/*
 * Hears of a session, as it was and as it is now: "created" (was NULL), "changed", "deleted" (now NULL); and of the files, in words:
 * "reloaded", "refused".
 */
struct runner_news {
	const char *event;
	const struct session *was, *now;
	const char *text; /* of the files; else NULL */
};
typedef void (*runner_listener)(void *context, const struct runner_news *news);

/* Nothing runs yet. directories end with NULL, the first takes what the API keeps; they must outlive it. */
int runner_open(struct runner **runner, const char *const *directories, enum attach_way way, struct error *error);
void runner_close(struct runner *runner);
void runner_listen(struct runner *runner, runner_listener listener, void *context);

/*
 * Reads the files again and brings what runs in step. Sessions of the API that are in no file stay. If anything is wrong, nothing changes,
 * and *errors says all of it. 0, -EINVAL, or what the kernel refuses.
 */
int runner_reload(struct runner *runner, struct error_list *errors);

/*
 * Adds a session, or puts it in the place of one of its name; keep: in a file too. It is the runner's from then on if the answer is 0; else
 * nothing has changed.
 */
int runner_put(struct runner *runner, struct session *session, bool keep, struct error_list *errors);

/* Ends a session and removes its file, if it is in the first directory. -ENOENT; -EBUSY: another file has it. */
int runner_remove(struct runner *runner, const char *name, struct error_list *errors);

/*
 * Until the next start, or until it is said otherwise; keep: for good, by a drop-in in the first directory, if the session is in a file.
 * -ENOENT if there is no such session.
 */
int runner_enable(struct runner *runner, const char *name, bool enable, bool keep, struct error_list *errors);

/* Becomes readable when runner_follow() has something to do, which is to be called every second besides. */
int runner_fd(const struct runner *runner);
void runner_follow(struct runner *runner);

/*
 * Has everything go on while this process becomes another program. What only this process knows is in the file whose descriptor is
 * returned, for runner_remember() of that program. After an error all is as before.
 */
int runner_hand_over(struct runner *runner, struct error *error);

/* To be called before anything runs; takes the descriptor. */
void runner_remember(struct runner *runner, int fd);

/* Ends all copying, and settles the counters. */
void runner_stop(struct runner *runner);

/* Brings mirror_session_spent() up to date. */
void runner_account(struct runner *runner);

/* All sessions wanted, disabled ones too. */
const struct session_list *runner_wanted(const struct runner *runner);

/*
 * How one goes: its state, and why if that is not "active" or "off". One of *mirror, *collector and device is what runs; none: it is off.
 */
struct runner_session {
	enum mirror_state state;
	struct error why;
	const struct mirror_session *mirror;
	const struct collector *collector;
	bool is_device; /* a tunnel device runs */
	struct tunnel_state device;
};
void runner_look(const struct runner *runner, const struct session *session, struct runner_session *found);

#endif
