/* SPDX-License-Identifier: BSD-2-Clause */
/* Which slots of the programs a session has, in this process and, where its path goes on without one, in the next. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "engine/mirror_parts.h"

enum {
	REST_POLL_US = 10 * 1000,
};

static uint64_t now_ms(void)
{
	return clock_monotonic_ns() / NS_PER_MS;
}

int mirror_slots_take(struct mirror_session *s, unsigned int count, __u32 *first, struct error *error)
{
	int rc, taken;

	/* At most SLOT_REST_MS, and only if nearly all slots are in use. */
	while ((taken = slots_take(&s->path->slots, count, now_ms())) == -EAGAIN)
		usleep(REST_POLL_US);
	if (taken < 0)
		return fail(error, ENOSPC, "no room for %u more of at most %d destinations of all sessions", count, SESSIONS_MAX);
	*first = (__u32)taken;
	for (unsigned int i = 0; i < count; i++)
		if ((rc = source_path_clear_slot(s->path->path, *first + i, error)))
			return rc;
	return 0;
}

/* ---- what the last process had given away ---- */

/* It need not be the same in the next version: then destinations are told apart by their order. */
static __u64 endpoint_number(const struct endpoint *endpoint)
{
	return hash64(HASH64_START, endpoint, sizeof *endpoint) | 1;
}

/* Whether a slot was this session's, and waits for it to come back. */
static bool is_left(const struct mirror_session *s, __u32 slot, struct slot_note *note)
{
	return s->path->unclaimed && s->path->unclaimed[slot] && source_path_slot_note(s->path->path, slot, note) &&
	       strncmp(note->session, s->session->name, sizeof note->session) == 0;
}

/* A slot that the session had for this destination, or if not exact for any; -1: none. */
static int find_slot(const struct mirror_session *s, const struct endpoint *endpoint, bool exact)
{
	__u64 number = endpoint_number(endpoint);
	struct slot_note note;

	for (__u32 slot = 0; slot < SESSIONS_MAX; slot++)
		if (is_left(s, slot, &note) && note.endpoint && !note.size == !s->run_size && (!note.size || note.first == s->run_first) &&
		    (!exact || note.endpoint == number))
			return (int)slot;
	return -1;
}

static void go_on(const struct mirror_session *s, struct mirror_destination *d, __u32 slot)
{
	struct slot_note note = {0};

	source_path_slot_note(s->path->path, slot, &note);
	d->slot = slot;
	d->uplink_ifindex = (int)note.uplink;
	d->uplink_lost = note.uplink_lost;
	d->uplink.link_dropped = note.link_dropped;
}

/* Finds slots for destinations as mirror_session_change() does: the same ones first. */
static void claim(struct mirror_session *s, struct mirror_destination *destinations, bool *claimed)
{
	for (int exact = 1; exact >= 0 && s->path->unclaimed; exact--) {
		for (unsigned int i = 0; i < s->session->destination_count; i++) {
			int slot = claimed[i] ? -1 : find_slot(s, &s->session->destinations[i], exact);

			if (slot < 0)
				continue;
			claimed[i] = true;
			go_on(s, &destinations[i], (__u32)slot);
			s->path->unclaimed[slot] = false;
		}
	}
}

/* The row of slots that the session had, if it still fits. */
static bool claim_run(struct mirror_session *s)
{
	struct slot_note note;

	for (__u32 slot = 0; slot < SESSIONS_MAX; slot++) {
		if (!is_left(s, slot, &note) || note.size < mirror_session_slots(s->session) || note.first + note.size > SESSIONS_MAX)
			continue;
		s->run_first = note.first;
		s->run_size = note.size;
		return true;
	}
	return false;
}

/* ---- slots of a session that starts ---- */

static bool in_use(const struct mirror_session *s, const struct mirror_destination *destinations, const bool *set, __u32 slot)
{
	for (unsigned int i = 0; i < s->session->destination_count; i++)
		if (set[i] && destinations[i].slot == slot)
			return true;
	return false;
}

static int take_in_run(struct mirror_session *s, struct mirror_destination *destinations, struct error *error)
{
	bool claimed[SESSION_DESTINATIONS_MAX] = {false}, whole = claim_run(s);
	int rc = 0;

	if (!whole) {
		s->run_size = mirror_session_slots(s->session);
		rc = mirror_slots_take(s, s->run_size, &s->run_first, error);
	} else {
		claim(s, destinations, claimed);
	}
	for (unsigned int i = 0; i < s->session->destination_count && !rc; i++) {
		__u32 slot = s->run_first;

		while (!claimed[i] && in_use(s, destinations, claimed, slot))
			slot++;
		if (claimed[i])
			continue;
		destinations[i].slot = slot;
		claimed[i] = true;
		rc = whole ? source_path_clear_slot(s->path->path, slot, error) : 0;
	}
	for (__u32 i = 0; i < s->run_size && whole; i++)
		s->path->unclaimed[s->run_first + i] = false;
	return rc;
}

int mirror_slots_take_first(struct mirror_session *s, struct mirror_destination *destinations, struct error *error)
{
	bool claimed[SESSION_DESTINATIONS_MAX] = {false};
	int rc = 0;

	if (s->session->spread)
		return take_in_run(s, destinations, error);
	claim(s, destinations, claimed);
	for (unsigned int i = 0; i < s->session->destination_count && !rc; i++)
		if (!claimed[i])
			rc = mirror_slots_take(s, 1, &destinations[i].slot, error);
	return rc;
}

/* ---- for the next process ---- */

void mirror_slots_note(const struct mirror_session *s)
{
	static const bool all[SESSION_DESTINATIONS_MAX] = {[0 ... SESSION_DESTINATIONS_MAX - 1] = true};
	struct slot_note note = {.first = s->run_first, .size = s->run_size};

	snprintf(note.session, sizeof note.session, "%s", s->session->name);
	for (__u32 i = 0; s->destinations && i < s->run_size; i++)
		if (!in_use(s, s->destinations, all, s->run_first + i))
			source_path_note_slot(s->path->path, s->run_first + i, &note);
	for (unsigned int i = 0; s->destinations && i < s->session->destination_count; i++) {
		const struct mirror_destination *d = &s->destinations[i];

		note.endpoint = endpoint_number(&s->session->destinations[i]);
		note.uplink = (__u32)d->uplink_ifindex;
		note.uplink_lost = d->uplink_lost;
		note.link_dropped = d->uplink.link_dropped;
		source_path_note_slot(s->path->path, d->slot, &note);
	}
}

void mirror_slots_forget(struct mirror_path *path, unsigned int first, unsigned int count)
{
	static const struct slot_note none;

	for (unsigned int i = first; i < first + count; i++)
		source_path_note_slot(path->path, i, &none);
}

int mirror_slots_inherit(struct mirror_path *path)
{
	struct slot_note note;

	path->unclaimed = calloc(SESSIONS_MAX, sizeof *path->unclaimed);
	if (!path->unclaimed)
		return -ENOMEM;
	for (__u32 slot = 0; slot < SESSIONS_MAX; slot++) {
		if (!source_path_slot_note(path->path, slot, &note))
			continue;
		path->unclaimed[slot] = true;
		slots_use(&path->slots, slot);
	}
	return 0;
}

void mirror_slots_settle(struct mirrors *m, struct mirror_path *path)
{
	for (__u32 slot = 0; slot < SESSIONS_MAX; slot++)
		if (path->unclaimed[slot])
			mirrors_give_slots(m, path, slot, 1);
	free(path->unclaimed);
	path->unclaimed = NULL;
}
