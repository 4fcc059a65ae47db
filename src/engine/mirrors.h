/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All mirror sessions of a process: brought into step with what is wanted, and with interfaces and routes as they come and go. Hides which
 * slots, legs and programs sessions share; what one of them lacks never holds up the others.
 */
#ifndef ENGINE_MIRRORS_H
#define ENGINE_MIRRORS_H

#include <errno.h>
#include <net/if.h>

#include "base/error.h"
#include "bpf/abi.h"
#include "datapath/attach.h"
#include "model/session.h"

struct mirrors;
struct mirror_session;

/* *mirrors is the caller's, to be closed, which ends all copying. Nothing is loaded yet. */
int mirrors_open(struct mirrors **mirrors, enum attach_way way, struct error *error);
void mirrors_close(struct mirrors *mirrors);

/*
 * Has the first mirrors_apply() that succeeds take over what dead processes have left that was to go on without them, and remove the
 * rest of it; mirrors_stop() removes all of it. Until then it goes on. Only one process of a network namespace may do that.
 */
int mirrors_inherit(struct mirrors *mirrors, struct error *error);

/*
 * Makes these the sessions, which are shared; their names differ, and all have interfaces for sources. Only what differs is touched: a
 * session of the same name goes on in place, with its counters and sequence numbers, and without missing a frame. What is wrong in itself
 * (a filter, too many sessions) is an error, and then nothing has changed; what is missing on this host is waited for, and is in the state
 * of the session.
 */
int mirrors_apply(struct mirrors *mirrors, const struct session *const *wanted, unsigned int count, struct error *error);

/* Becomes readable when links, addresses or routes changed: call mirrors_follow() then. */
int mirrors_fd(const struct mirrors *mirrors);

/* Brings sources, next hops, path MTUs and the programs' clock up to date. To be called every second besides. */
void mirrors_follow(struct mirrors *mirrors);

/* What others have removed and mirrors_follow() has put back, as a sentence, once; NULL: nothing. Valid until the next call. */
const char *mirrors_news(struct mirrors *mirrors);

/* Ends copying and settles the counters. */
void mirrors_stop(struct mirrors *mirrors);

/*
 * Has all sessions go on while this process becomes another program, which mirrors_inherit() them; after an error all is as before. With
 * mirrors_leave() there is no way back.
 */
int mirrors_hand_over(struct mirrors *mirrors, struct error *error);
void mirrors_leave(struct mirrors *mirrors);

/* In the order of their names; NULL behind the last. Valid until the next mirrors_apply(). */
struct mirror_session *mirrors_session(const struct mirrors *mirrors, unsigned int index);
struct mirror_session *mirrors_find(const struct mirrors *mirrors, const char *name);

enum mirror_state {
	MIRROR_OFF,      /* not wanted now */
	MIRROR_PENDING,  /* waits for all of its sources, or all of its destinations */
	MIRROR_DEGRADED, /* waits for some, or may miss frames */
	MIRROR_ACTIVE,
};

/* "active", "pending"... */
const char *mirror_state_name(enum mirror_state state);

/* The code of what sources wait for if nothing is missing, but programs of others stand before ours, where they may end the chain. */
enum {
	MIRROR_PARTLY_BLIND = ENOTUNIQ
};

/* Its state, and in *why what it waits for; code 0: for nothing. why may be NULL. */
enum mirror_state mirror_session_state(const struct mirror_session *session, struct error *why);

/* As wanted. */
const struct session *mirror_session_wanted(const struct mirror_session *session);

/* The counters of one destination, by its place in the session. */
int mirror_session_counters(const struct mirror_session *session, unsigned int destination, enum direction direction,
			    struct counters *counters, struct error *error);

/*
 * The interface that the copies for a destination leave by, and what it, or one before it, was to send and dropped in that time, by its own
 * counters: a copy handed to it is sent, for us. They count the frames of everybody who sends there.
 */
struct mirror_uplink {
	char name[IFNAMSIZ]; /* empty: none so far */
	uint64_t link_dropped;
};
struct mirror_uplink mirror_session_uplink(const struct mirror_session *session, unsigned int destination);

/* What a destination, or the sources, wait for; code 0: for nothing. */
const struct error *mirror_session_destination_waits_for(const struct mirror_session *session, unsigned int destination);
const struct error *mirror_session_sources_wait_for(const struct mirror_session *session);

/* "erspan2 10.9.0.1 -> 10.9.0.2 via eth1, frames up to 1464 bytes"; "interface span0" */
const char *mirror_session_destination_text(const struct mirror_session *session, unsigned int destination);

/* The longest frame that reaches a destination whole, its Ethernet header included; 0 while there is no way there. */
unsigned int mirror_session_frame_max(const struct mirror_session *session, unsigned int destination);

/* "eth0 eth1 (tcx)" */
const char *mirror_session_sources_text(const struct mirror_session *session);

/* Frames that passed the sources so far; and copies that have left them, of whichever session of the path, and are on their way. */
uint64_t mirror_session_frames_seen(const struct mirror_session *session);
uint64_t mirror_session_copies_under_way(const struct mirror_session *session);

/* Why every copy passes the segmenting device; NULL if those that are as on the wire go straight to where they are wrapped up. */
const char *mirror_session_not_straight(const struct mirror_session *session);

/* Why TCP super-packets for a tunnel are cut into frames before they are wrapped; NULL if they are wrapped whole where they fit. */
const char *mirror_session_not_whole(const struct mirror_session *session, unsigned int destination);

/* Why those are summed up before they are sent; NULL if that is left to the side of the uplink. */
const char *mirror_session_not_left(const struct mirror_session *session, unsigned int destination);

/* What a session has cost so far, if it is to be measured; the programs it shares with others are counted whole. */
struct mirror_cost {
	uint64_t seen_ns;   /* CPU time per frame seen: looking, copying, segmenting */
	uint64_t copied_ns; /* CPU time per copy, all of it but for sending */
	double core_share;  /* of one core, since the start */
};
int mirror_session_cost(const struct mirror_session *session, struct mirror_cost *cost, struct error *error);

/*
 * The same for sessions that share programs, and only for the time in which the kernel measures, whoever had it do so. What programs have
 * spent since mirrors_account() was last called is divided among their sessions by what they did since: so the difference of two calls is
 * what was spent between them.
 */
struct mirror_spent {
	uint64_t cpu_ns;
	uint64_t seen, copies; /* measured or not: frames, and copies of them to all destinations */
};
void mirrors_account(struct mirrors *mirrors);
struct mirror_spent mirror_session_spent(const struct mirror_session *session);

#endif
