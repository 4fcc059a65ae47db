/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the collector's programs know of mirror sessions: their ways and accounts. Hides the maps. Slots are the caller's, one per session.
 */
#ifndef DATAPATH_COLLECTOR_SESSIONS_H
#define DATAPATH_COLLECTOR_SESSIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "bpf/abi.h"

struct collector_sessions {
	int sessions, accounts; /* maps */
	struct session_way *ways;
	bool known[COLLECT_SLOTS];
};

/* map, ways, accounts: descriptors of the maps, which stay the caller's; without interfaces to hand on to, there is only the first. */
int collector_sessions_open(struct collector_sessions *sessions, int map, int ways, int accounts, struct error *error);
void collector_sessions_close(struct collector_sessions *sessions);

/*
 * Tells the programs of a session. way counts only when its slot is new; its frames are handed on by the program after
 * collector_sessions_handled(). 0, or -errno: the programs go on as if they had not been told.
 */
int collector_sessions_tell(struct collector_sessions *sessions, const struct collect_key *key, uint32_t slot,
			    const struct session_way *way);

/* The programs forget the key. 0, or -errno: -ENOENT if they did not know it. */
int collector_sessions_forget(struct collector_sessions *sessions, const struct collect_key *key);

/* The programs have known no key of the slot for so long that nothing of it is under way: it is as if it was never told. 0, or -errno. */
int collector_sessions_reset(struct collector_sessions *sessions, uint32_t slot);

/* User space has handed on so many packets of the session more, and with them all that it got so far. */
void collector_sessions_handled(struct collector_sessions *sessions, uint32_t slot, uint32_t packets);

/* The account as it is now. 0, or -errno. */
int collector_sessions_account(const struct collector_sessions *sessions, uint32_t slot, struct session_account *account);

#endif
