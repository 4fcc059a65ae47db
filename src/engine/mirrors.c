/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/mirrors.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "engine/mirror_parts.h"
#include "host/privilege.h"

enum {
	WALK_SHARE = 20, /* looking at everything may take that part of the time: a 20th */
};

/* ---- paths ---- */

static bool same_text(const char *one, const char *other)
{
	return strcmp(one ? one : "", other ? other : "") == 0;
}

/* Sessions that want the same of the whole way share it. */
static bool same_path(const struct session *one, const struct session *other)
{
	return memcmp(&one->cpus, &other->cpus, sizeof one->cpus) == 0 && same_text(one->hook, other->hook) &&
	       one->continues == other->continues;
}

static struct mirror_path *find_path(const struct mirrors *m, const struct session *session)
{
	struct mirror_path *path = m->paths;

	while (path && !(memcmp(&path->use.cpus, &session->cpus, sizeof session->cpus) == 0 && same_text(path->hook, session->hook) &&
			 path->use.lasting == session->continues))
		path = path->next;
	return path;
}

/* All paths know the tunnels of all sessions. */
static int guard_all(const struct mirrors *m, struct mirror_path *path, struct error *error)
{
	int rc = 0;

	for (unsigned int i = 0; i < m->count; i++) {
		const struct mirror_session *s = m->sessions[i];

		for (unsigned int d = 0; s->destinations && d < s->session->destination_count; d++)
			for (unsigned int g = 0; g < s->destinations[d].guard_count && !rc; g++)
				rc = source_path_guard(path->path, &s->destinations[d].guards[g], error);
	}
	return rc;
}

static void close_path(struct mirror_path *path)
{
	source_path_close(path->path);
	free(path->unclaimed);
	free(path->hook);
	free(path);
}

/* Where another process has left off. */
static int inherit(struct mirrors *m, struct mirror_path *path, struct error *error)
{
	if (!source_path_was_taken_over(path->path))
		return 0;
	snprintf(m->news, sizeof m->news, "mirroring had gone on, and is taken over");
	return mirror_slots_inherit(path) || mirrors_inherit_taps(m, path) ? fail(error, ENOMEM, "out of memory") : 0;
}

static int open_path(struct mirrors *m, const struct session *session, struct error *error)
{
	struct mirror_path *path = calloc(1, sizeof *path);
	int rc;

	if (path && session->hook)
		path->hook = strdup(session->hook);
	if (!path || (session->hook && !path->hook)) {
		free(path);
		return fail(error, ENOMEM, "out of memory");
	}
	path->use =
		(struct source_use){.cpus = session->cpus, .hook = path->hook, .lasting = session->continues, .carrier = session->carrier};
	slots_init(&path->slots);
	rc = source_path_open(&path->path, m->netlink, &path->use, m->left, error);
	if (!rc)
		rc = guard_all(m, path, error);
	if (!rc)
		rc = inherit(m, path, error);
	if (rc) {
		close_path(path);
		return rc;
	}
	path->next = m->paths;
	m->paths = path;
	return 0;
}

static int measure(struct mirror_path *path, const struct session *session, struct error *error)
{
	int rc = session->measure && !path->measured ? source_path_measure(path->path, error) : 0;

	path->measured |= session->measure && !rc;
	return rc;
}

void mirrors_give_slots(struct mirrors *m, struct mirror_path *path, unsigned int first, unsigned int count)
{
	if (m->given_count == m->given_room) {
		unsigned int room = m->given_room ? m->given_room * 2 : 16;
		struct given_slots *given = realloc(m->given, room * sizeof *given);

		if (!given) /* they are lost to others, which does no harm */
			return;
		m->given = given;
		m->given_room = room;
	}
	m->given[m->given_count++] = (struct given_slots){.path = path, .first = first, .count = count};
}

/* Brings the programs in step; then nobody uses the slots that were given back. */
static int walk(struct mirrors *m, struct error *error)
{
	int rc = mirrors_walk(m, error);
	uint64_t end = clock_monotonic_ns();

	for (unsigned int i = 0; i < m->given_count && !rc; i++) {
		const struct given_slots *given = &m->given[i];

		mirror_slots_forget(given->path, given->first, given->count);
		slots_give(&given->path->slots, given->first, given->count, end / 1000000);
	}
	if (!rc)
		m->given_count = 0;
	return rc;
}

/* ---- what is wanted ---- */

/* What mirrors_apply() is about to do; both lists are in the order of names. */
struct plan {
	const struct session **wanted;
	struct mirror_session **next;
	bool *is_new;
	unsigned int count;
};

static int compare_wanted(const void *one, const void *other)
{
	return strcmp((*(const struct session *const *)one)->name, (*(const struct session *const *)other)->name);
}

static void free_plan(struct plan *plan)
{
	for (unsigned int i = 0; i < plan->count && plan->next && plan->is_new; i++)
		if (plan->is_new[i] && plan->next[i])
			mirror_session_end(plan->next[i]);
	free(plan->wanted);
	free(plan->next);
	free(plan->is_new);
}

static int sort_wanted(struct plan *plan, const struct session *const *wanted, unsigned int count, struct error *error)
{
	plan->count = count;
	plan->wanted = calloc(count + 1, sizeof *plan->wanted);
	plan->next = calloc(count + 1, sizeof *plan->next);
	plan->is_new = calloc(count + 1, sizeof *plan->is_new);
	if (!plan->wanted || !plan->next || !plan->is_new)
		return fail(error, ENOMEM, "out of memory");
	for (unsigned int i = 0; i < count; i++)
		plan->wanted[i] = wanted[i];
	qsort(plan->wanted, count, sizeof *plan->wanted, compare_wanted);
	for (unsigned int i = 1; i < count; i++)
		if (compare_wanted(&plan->wanted[i - 1], &plan->wanted[i]) == 0)
			return fail(error, EEXIST, "session '%s' is there twice", plan->wanted[i]->name);
	return 0;
}

static int check_room(const struct plan *plan, struct error *error)
{
	for (unsigned int i = 0; i < plan->count; i++) {
		unsigned int slots = 0;

		/* Mostly all are on one path; then this is the only round. */
		if (i && same_path(plan->wanted[i], plan->wanted[i - 1]))
			continue;
		for (unsigned int other = 0; other < plan->count; other++)
			if (same_path(plan->wanted[other], plan->wanted[i]))
				slots += mirror_session_slots(plan->wanted[other]);
		if (slots > SESSIONS_MAX)
			return fail(error, ENOSPC, "all sessions together have %u destinations, and at most %d are possible", slots,
				    SESSIONS_MAX);
	}
	return 0;
}

static struct mirror_session *make_session(struct mirrors *m, const struct session *wanted, struct mirror_path *path)
{
	struct mirror_session *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->mirrors = m;
	s->path = path;
	s->session = session_share(wanted);
	return s;
}

/* Steering to CPUs takes a privilege, and going on a file system, that nothing else needs: only sessions that ask for them miss them. */
static bool is_its_own_trouble(const struct session *session, int rc)
{
	const bool not_allowed = rc == -EPERM || rc == -EACCES;

	return (not_allowed && session->cpus.some) || ((not_allowed || rc == -EROFS || rc == -ENODEV) && session->continues);
}

/* Without a path it is in the set only to say why; the next mirrors_apply() tries again. */
static int plan_without_path(struct mirrors *m, struct plan *plan, unsigned int index, const struct error *why, struct error *error)
{
	struct mirror_session *s = make_session(m, plan->wanted[index], NULL);

	if (!s)
		return fail(error, ENOMEM, "out of memory");
	s->failed = *why;
	snprintf(m->news, sizeof m->news, "%s: %.180s", s->session->name, why->text);
	plan->is_new[index] = true;
	plan->next[index] = s;
	return 0;
}

/* Finds or makes the session, and refuses what could never run. Nothing is changed. */
static int plan_session(struct mirrors *m, struct plan *plan, unsigned int index, struct error *error)
{
	const struct session *wanted = plan->wanted[index];
	const char *filter = wanted->shape.filter, *had;
	struct mirror_session *s = mirrors_find(m, wanted->name);
	struct mirror_path *path = find_path(m, wanted);
	struct error detail = {0};
	int rc = path ? 0 : open_path(m, wanted, &detail);

	if (is_its_own_trouble(wanted, rc))
		return plan_without_path(m, plan, index, &detail, error);
	path = find_path(m, wanted);
	if (rc)
		*error = detail;
	if (rc || (rc = measure(path, wanted, error)))
		return rc;
	had = s ? s->session->shape.filter : NULL;
	if (filter && *filter && (!had || strcmp(had, filter) != 0))
		rc = source_taps_check_filter(source_path_taps(path->path), filter, &detail);
	if (rc)
		return fail(error, -rc, "%s%s%s", *wanted->name ? wanted->name : "", *wanted->name ? ": " : "", detail.text);
	plan->is_new[index] = !s || s->path != path;
	plan->next[index] = plan->is_new[index] ? make_session(m, wanted, path) : s;
	return plan->next[index] ? 0 : fail(error, ENOMEM, "out of memory");
}

static bool any_filter(const struct plan *plan)
{
	for (unsigned int i = 0; i < plan->count; i++)
		if (plan->wanted[i]->shape.filter)
			return true;
	return false;
}

static int make_plan(struct mirrors *m, struct plan *plan, const struct session *const *wanted, unsigned int count, struct error *error)
{
	int rc = sort_wanted(plan, wanted, count, error);

	if (rc || (rc = check_room(plan, error)))
		return rc;
	if ((rc = privilege_check(any_filter(plan) ? PRIVILEGE_MIRROR_FILTER : PRIVILEGE_MIRROR, error)))
		return rc;
	for (unsigned int i = 0; i < count && !rc; i++)
		rc = plan_session(m, plan, i, error);
	return rc;
}

/* ---- making it so ---- */

static bool is_planned(const struct plan *plan, const struct mirror_session *s)
{
	unsigned int low = 0, high = plan->count;

	while (low < high) {
		unsigned int middle = (low + high) / 2;
		int order = strcmp(s->session->name, plan->next[middle]->session->name);

		if (order == 0)
			return plan->next[middle] == s;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}

static unsigned int slots_needed(const struct plan *plan, const struct mirror_path *path)
{
	unsigned int needed = 0;

	for (unsigned int i = 0; i < plan->count; i++)
		if (plan->is_new[i] && plan->next[i]->path == path)
			needed += mirror_session_slots(plan->wanted[i]);
	return needed;
}

/* If what is to come needs the room of what is to go, that goes first. */
static bool must_make_room(const struct mirrors *m, const struct plan *plan)
{
	for (const struct mirror_path *path = m->paths; path; path = path->next)
		if (m->given_count && slots_needed(plan, path) > path->slots.free)
			return true;
	return false;
}

static bool start_or_change(struct plan *plan, unsigned int i)
{
	struct mirror_session *s = plan->next[i];
	int rc;

	if (!s->path)
		return true;
	if (!plan->is_new[i] && !s->failed.code && session_does_same(s->session, plan->wanted[i])) {
		mirror_session_put(s, plan->wanted[i]);
		return false;
	}
	s->failed.code = 0;
	rc = plan->is_new[i] ? mirror_session_start(s, &s->failed) : mirror_session_change(s, plan->wanted[i], &s->failed);
	if (rc && !s->failed.code)
		s->failed.code = -rc;
	return true;
}

static void look_into_namespaces(struct mirrors *m)
{
	bool some = false;

	for (unsigned int i = 0; i < m->count; i++) {
		const struct session *session = m->sessions[i]->session;

		for (unsigned int s = 0; s < session->source_count; s++)
			some |= session->sources[s].netns[0] != '\0';
		for (unsigned int d = 0; d < session->destination_count; d++)
			some |= session->destinations[d].netns[0] != '\0';
	}
	if (some)
		netlink_monitor_namespaces(m->netlink);
}

static int carry_out(struct mirrors *m, struct plan *plan, struct error *error)
{
	struct mirror_session **old = m->sessions;
	unsigned int old_count = m->count;
	bool touched = old_count != plan->count;
	int rc = 0;

	m->sessions = plan->next;
	m->count = plan->count;
	for (unsigned int i = 0; i < old_count; i++) {
		if (is_planned(plan, old[i]))
			continue;
		mirror_session_end(old[i]);
		touched = true;
	}
	free(old);
	if (must_make_room(m, plan))
		rc = walk(m, error);
	for (unsigned int i = 0; i < m->count; i++)
		touched |= start_or_change(plan, i);
	look_into_namespaces(m);
	if (touched)
		rc = walk(m, error);
	plan->next = NULL;
	return rc;
}

/* Nobody wants what has not been taken over. */
static void remove_left(struct mirrors *m)
{
	source_left_remove(m->left);
	m->left = NULL;
	m->inheriting = false;
}

static bool is_guard(const struct tunnel_key *tunnel, const void *mirrors)
{
	return mirrors_guard(mirrors, tunnel);
}

/* Everything is as it is wanted: what others left and nobody wants goes. */
static int settle(struct mirrors *m, struct error *error)
{
	bool given = false;

	for (struct mirror_path *path = m->paths; path; path = path->next) {
		if (!path->unclaimed)
			continue;
		mirror_slots_settle(m, path);
		source_path_restrict_guards(path->path, is_guard, m);
		given = true;
	}
	return given ? walk(m, error) : 0;
}

static bool is_used(const struct mirrors *m, const struct mirror_path *path)
{
	for (unsigned int i = 0; i < m->count; i++)
		if (m->sessions[i]->path == path)
			return true;
	return false;
}

/* What is lasting would outlive us for nothing. */
static void close_unused(struct mirrors *m)
{
	struct mirror_path **link = &m->paths;

	while (*link) {
		struct mirror_path *path = *link;

		if (path->use.lasting && !is_used(m, path)) {
			*link = path->next;
			close_path(path);
		} else {
			link = &path->next;
		}
	}
}

int mirrors_apply(struct mirrors *m, const struct session *const *wanted, unsigned int count, struct error *error)
{
	struct plan plan = {0};
	int rc = make_plan(m, &plan, wanted, count, error);

	if (!rc) {
		/* First: it might copy what others are about to copy. */
		remove_left(m);
		rc = carry_out(m, &plan, error);
	}
	if (!rc)
		rc = settle(m, error);
	if (!rc)
		close_unused(m);
	free_plan(&plan);
	return rc;
}

/* ---- life ---- */

static int open_parts(struct mirrors *m, struct error *error)
{
	int rc = netlink_open(&m->netlink, error);

	if (rc)
		return rc;
	m->monitor = netlink_monitor(m->netlink, error);
	return m->monitor < 0 ? m->monitor : 0;
}

int mirrors_open(struct mirrors **opened, enum attach_way way, struct error *error)
{
	struct mirrors *m = calloc(1, sizeof *m);
	int rc;

	if (!m)
		return fail(error, ENOMEM, "out of memory");
	m->way = way;
	rc = open_parts(m, error);
	if (rc)
		mirrors_close(m);
	else
		*opened = m;
	return rc;
}

int mirrors_inherit(struct mirrors *m, struct error *error)
{
	m->inheriting = true;
	return source_left_open(&m->left, m->netlink, error);
}

void mirrors_close(struct mirrors *m)
{
	if (!m)
		return;
	source_left_close(m->left);
	while (m->paths) {
		struct mirror_path *path = m->paths;

		m->paths = path->next;
		for (unsigned int i = 0; i < m->tap_count; i++)
			if (m->taps[i].path == path)
				m->taps[i].loaded.count = 0; /* the programs go with it */
		close_path(path);
	}
	mirrors_forget_taps(m);
	while (m->count)
		mirror_session_end(m->sessions[--m->count]);
	netlink_close(m->netlink);
	free(m->sessions);
	free(m->taps);
	free(m->given);
	free(m);
}

int mirrors_fd(const struct mirrors *m)
{
	return m->monitor;
}

/* What others have taken away: the walk makes it again. */
static void find_lost(struct mirrors *m)
{
	for (struct mirror_path *path = m->paths; path; path = path->next) {
		struct error error = {0};

		if (source_path_is_whole(path->path))
			continue;
		snprintf(m->news, sizeof m->news, "private interfaces had been removed, and are back");
		if (source_path_mend(path->path, &error))
			snprintf(m->news, sizeof m->news, "private interfaces have been removed: %.200s", error.text);
		for (unsigned int i = 0; i < m->tap_count; i++)
			m->taps[i].stale |= m->taps[i].path == path;
	}
	mirrors_find_lost_taps(m);
}

const char *mirrors_news(struct mirrors *m)
{
	static char news[MIRROR_TEXT_MAX];

	memcpy(news, m->news, sizeof news);
	m->news[0] = '\0';
	return news[0] ? news : NULL;
}

void mirrors_follow(struct mirrors *m)
{
	bool changed = netlink_changed(m->netlink);
	uint64_t begin = clock_monotonic_ns(), end;

	for (struct mirror_path *path = m->paths; path; path = path->next)
		source_path_set_clock(path->path);
	if (m->stopped || m->inheriting || (!changed && begin < m->next_walk_ns))
		return;
	find_lost(m);
	m->in_round = true;
	for (unsigned int i = 0; i < m->count; i++)
		mirror_session_find_destinations(m->sessions[i]);
	m->in_round = false;
	m->way_count = 0;
	walk(m, NULL);
	end = clock_monotonic_ns();
	m->next_walk_ns = end + (end - begin) * (WALK_SHARE - 1);
}

void mirrors_stop(struct mirrors *m)
{
	m->stopped = true;
	remove_left(m);
	for (struct mirror_path *path = m->paths; path; path = path->next)
		source_path_stop(path->path);
	for (unsigned int i = 0; i < m->count; i++)
		mirror_session_read_uplinks(m->sessions[i]);
	for (unsigned int i = 0; i < m->tap_count; i++)
		m->taps[i].loaded.count = 0;
}

int mirrors_hand_over(struct mirrors *m, struct error *error)
{
	int rc = 0;

	for (struct mirror_path *path = m->paths; path && !rc; path = path->next)
		rc = source_path_hand_over(path->path, error);
	for (unsigned int i = 0; i < m->count && !rc; i++)
		mirror_slots_note(m->sessions[i]);
	for (struct mirror_path *path = m->paths; path && rc; path = path->next)
		source_path_stay(path->path);
	return rc;
}

void mirrors_leave(struct mirrors *m)
{
	for (struct mirror_path *path = m->paths; path; path = path->next)
		source_path_leave(path->path);
}

struct mirror_session *mirrors_session(const struct mirrors *m, unsigned int index)
{
	return index < m->count ? m->sessions[index] : NULL;
}

static int compare_name(const void *name, const void *session)
{
	return strcmp(name, (*(struct mirror_session *const *)session)->session->name);
}

struct mirror_session *mirrors_find(const struct mirrors *m, const char *name)
{
	struct mirror_session **found =
		m->count ? bsearch(name, m->sessions, m->count, sizeof(struct mirror_session *), compare_name) : NULL;

	return found ? *found : NULL;
}
