/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the mirror engine share: mirrors.c, mirror_session.c, mirror_taps.c. */
#ifndef ENGINE_MIRROR_PARTS_H
#define ENGINE_MIRROR_PARTS_H

#include "datapath/source_path.h"
#include "engine/destination.h"
#include "engine/mirrors.h"
#include "engine/slots.h"
#include "host/path_mtu.h"

enum {
	MIRROR_TEXT_MAX = 256
};

/* A destination of a session, and its slot in the programs' maps. */
struct mirror_destination {
	__u32 slot;
	struct session_config config; /* as the programs have it */
	struct tunnel_key guards[DESTINATION_GUARDS_MAX];
	unsigned int guard_count;
	struct path_mtu path_mtu;
	struct error waits_for; /* code 0: for nothing */
	char text[MIRROR_TEXT_MAX];
	struct mirror_uplink uplink;
	uint64_t uplink_lost; /* by the uplink's counter when it was last read */
	int uplink_ifindex;   /* whose that was; 0: none */
};

/* A source path and the sessions on it: those that want their copies made ready on the same CPUs, by the same hook, and to last or not. */
struct mirror_path {
	struct source_use use;
	char *hook; /* NULL: none */
	struct source_path *path;
	struct slots slots;
	bool *unclaimed; /* by slot: another process had given it to a session that has not come so far; NULL: there is none */
	struct mirror_path *next;
	bool measured;
	struct source_path_cost accounted; /* as mirrors_account() last saw it */
};

struct mirror_session {
	struct session *session; /* shared */
	struct mirrors *mirrors;
	struct mirror_path *path;                /* NULL: it could not be made, see failed; there are no destinations then */
	struct mirror_destination *destinations; /* as many as session has; NULL: it could not be set up */
	__u32 run_first, run_size;               /* with session.spread: slots in a row for all destinations */
	uint32_t revision;                       /* of what programs are compiled from, besides the legs: the filter */
	struct error failed;                     /* it could not be set up */

	struct mirror_spent spent, now; /* as last accounted for; in the course of that */

	/* Of the walk over the interfaces. */
	struct error sources_wait_for;
	unsigned int source_count;
	uint64_t found; /* a bit per session.sources that is a name */
	uint64_t started_ns;
	unsigned int unnamed; /* interfaces that are mirrored and not in the text; the ifindex of the last one */
	int unnamed_last;
	char text[MIRROR_TEXT_MAX];
};

/* A leg in a program: what it is made of. */
struct tap_leg {
	struct leg leg;
	uint32_t revision;
	struct mirror_session *session; /* not valid in loaded legs */
};

struct tap_legs {
	struct tap_leg *legs;
	unsigned int count, room;
};

/* One direction of an interface, with the legs of all sessions that take from it. */
struct mirror_tap {
	struct mirror_path *path;
	int ifindex;
	enum direction direction;
	bool swapped;
	uint32_t xdp;            /* the XDP program on it; 0: none */
	char name[IFNAMSIZ];     /* of a container's interface that is tapped inside, that in there */
	char host_end[IFNAMSIZ]; /* of that; empty: it is no such one */
	int known_as;            /* the ifindex of that; 0: its own */
	uint64_t missed;         /* frames that did not come out of the container */
	struct tap_legs loaded;  /* what its program has; none: there is no program */
	struct tap_legs wanted;
	bool stale;                     /* its program sends to devices that are gone */
	bool lost;                      /* somebody took its program off */
	struct source_taps_order order; /* of the programs there, when it was last asked for */
	bool behind;                    /* some stood before it */
	bool order_known;               /* nothing has been said to have changed since */
};

/* Slots that no session has any more, while legs may still use them. */
struct given_slots {
	struct mirror_path *path;
	unsigned int first, count;
};

enum {
	KNOWN_WAYS_MAX = 8
};

/* What was found out in one round over all sessions, of which many send to few places. */
struct known_way {
	const struct endpoint *endpoint;
	struct destination_path path;
	bool answers; /* its next hop, which nobody doubts */
};

struct mirrors {
	enum attach_way way;
	struct netlink *netlink;
	int monitor;
	struct mirror_path *paths;
	struct source_left *left;         /* by other processes, not yet all taken over or removed; NULL: nothing */
	struct mirror_session **sessions; /* by name */
	unsigned int count;
	struct mirror_tap *taps;
	unsigned int tap_count, tap_room;
	struct given_slots *given;
	unsigned int given_count, given_room;
	uint32_t revisions; /* given out so far */
	struct known_way ways[KNOWN_WAYS_MAX];
	unsigned int way_count; /* so many were found out, the last ones are there; in a round, else 0 */
	bool in_round;
	uint64_t next_walk_ns; /* when all is looked at even if nothing is said to have changed */
	bool stopped;
	bool inheriting;            /* what others left goes on, whatever it is, until it is known what is wanted */
	char news[MIRROR_TEXT_MAX]; /* empty: none */
};

/* ---- mirror_session.c ---- */

/* Sets up a session, or changes it in place: slots, destinations and what its legs refer to. Legs are changed by mirrors_walk(). */
int mirror_session_start(struct mirror_session *s, struct error *error);
int mirror_session_change(struct mirror_session *s, const struct session *wanted, struct error *error);

/* Has it want this, which is to do the same. */
void mirror_session_put(struct mirror_session *s, const struct session *wanted);

/* Gives back its slots and frees it. */
void mirror_session_end(struct mirror_session *s);

/* Finds the ways to its destinations as they are now, and tells the programs. */
void mirror_session_find_destinations(struct mirror_session *s);

/* Reads once more what the uplinks have dropped. */
void mirror_session_read_uplinks(struct mirror_session *s);

/* Adds the legs it has on each of its taps. */
int mirror_session_add_legs(struct mirror_session *s, struct tap_legs *legs);

/* How many slots a session takes. */
unsigned int mirror_session_slots(const struct session *session);

/* Slots become free when mirrors_walk() has taken the legs away that use them. */
void mirrors_give_slots(struct mirrors *m, struct mirror_path *path, unsigned int first, unsigned int count);

/* Whether some destination has this guard. */
bool mirrors_guard(const struct mirrors *m, const struct tunnel_key *guard);

/* ---- mirror_slots.c ---- */

/* Takes slots in a row, with nothing in them. */
int mirror_slots_take(struct mirror_session *s, unsigned int count, __u32 *first, struct error *error);

/* Takes those for a session that starts: if its path was taken over, the ones that it had, with all that is in them. */
int mirror_slots_take_first(struct mirror_session *s, struct mirror_destination *destinations, struct error *error);

/* Leaves word of which slots the session has. */
void mirror_slots_note(const struct mirror_session *s);

/* Nobody has these any more. */
void mirror_slots_forget(struct mirror_path *path, unsigned int first, unsigned int count);

/* Makes those known that another process had given away; and gives back those of them that no session has claimed. */
int mirror_slots_inherit(struct mirror_path *path);
void mirror_slots_settle(struct mirrors *m, struct mirror_path *path);

/* ---- mirror_taps.c ---- */

/* The taps that a path was taken over with: the next walk makes them anew, or removes them. */
int mirrors_inherit_taps(struct mirrors *m, struct mirror_path *path);

/* Starts interfaces that have come, forgets those that have gone, and changes the programs of those whose legs have changed. */
int mirrors_walk(struct mirrors *m, struct error *error);
void mirrors_forget_taps(struct mirrors *m);

/* Finds out which programs others have removed; mirrors_walk() puts them back where the interface is still there. */
void mirrors_find_lost_taps(struct mirrors *m);

#endif
