/* SPDX-License-Identifier: BSD-2-Clause */
/* Which interfaces are mirrored, and the program of each: one per direction, with the legs of all sessions that take from it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/owner.h"
#include "engine/mirror_parts.h"
#include "host/netns.h"

enum {
	UNNAMED_MAX = 40, /* bytes of the text about how many more interfaces are mirrored, and by what */
	LABEL_MAX = 96,   /* of one in that text */
};

static void set_problem(struct mirror_session *s, int code, const char *interface, const char *text)
{
	if (!s->sources_wait_for.code)
		fail(&s->sources_wait_for, code, "interface '%s': %s", interface, text);
}

/* ---- what is wanted of each tap ---- */

static struct mirror_tap *find_tap(struct mirrors *m, const struct mirror_path *path, int ifindex, enum direction direction, bool swapped)
{
	for (unsigned int i = 0; i < m->tap_count; i++) {
		struct mirror_tap *tap = &m->taps[i];

		if (tap->ifindex == ifindex && tap->direction == direction && tap->swapped == swapped && tap->path == path)
			return tap;
	}
	return NULL;
}

static struct mirror_tap *add_tap(struct mirrors *m)
{
	if (m->tap_count == m->tap_room) {
		unsigned int room = m->tap_room ? m->tap_room * 2 : 8;
		struct mirror_tap *taps = realloc(m->taps, room * sizeof *taps);

		if (!taps)
			return NULL;
		m->taps = taps;
		m->tap_room = room;
	}
	return &m->taps[m->tap_count++];
}

static struct mirror_tap *find_or_add_tap(struct mirror_session *s, int ifindex, enum direction direction, bool swapped)
{
	struct mirror_tap *tap = find_tap(s->mirrors, s->path, ifindex, direction, swapped);

	if (tap || !(tap = add_tap(s->mirrors)))
		return tap;
	*tap = (struct mirror_tap){.path = s->path, .ifindex = ifindex, .direction = direction, .swapped = swapped};
	return tap;
}

static int want_tap(struct mirror_session *s, const struct link *link, enum direction direction, bool swapped)
{
	struct mirror_tap *tap;

	if (!s->path)
		return 0;
	tap = find_or_add_tap(s, link->ifindex, direction, swapped);
	if (!tap)
		return -ENOMEM;
	tap->xdp = owner_names(link) ? 0 : link->xdp; /* what is on a private interface is ours */
	memcpy(tap->name, link->name, sizeof tap->name);
	return mirror_session_add_legs(s, &tap->wanted);
}

/*
 * What the members of a bond or team receive and send, it receives and sends itself. A session that takes both gets each frame once, from
 * the bond or team.
 */
static bool is_covered(const struct mirror_session *s, const struct link *link)
{
	const struct session *session = s->session;
	bool several = session->source_count > 1 || session_source_is_pattern(&session->sources[0]);
	struct link master;

	if (!link->master || !several || netlink_link_by_index(s->mirrors->netlink, link->master, &master, NULL))
		return false;
	return (strcmp(master.kind, "bond") == 0 || strcmp(master.kind, "team") == 0) &&
	       session_takes(session, master.name, !owner_is_device(&master));
}

static void take_link(struct mirror_session *s, const struct link *link, bool swapped)
{
	int rc = 0;

	for (unsigned int i = 0; i < s->session->source_count && !swapped; i++)
		if (strcmp(s->session->sources[i].pattern, link->name) == 0)
			s->found |= 1ull << i;
	if (!swapped && is_covered(s, link))
		return;
	if (!link->ethernet && !s->sources_wait_for.code)
		fail(&s->sources_wait_for, EINVAL, "interface '%s' has no Ethernet frames to mirror", link->name);
	for (enum direction d = 0; d < DIRECTIONS && link->ethernet && !rc; d++)
		if (s->session->directions[d])
			rc = want_tap(s, link, d, swapped);
	if (rc)
		set_problem(s, ENOMEM, link->name, "out of memory");
}

/* ---- who may take from an interface ---- */

/* A session that names the interface; or one that may take any, by a pattern. */
struct claim {
	const char *interface;
	unsigned int session; /* its place among all */
};

/* With a thousand sessions on a hundred interfaces, not each is asked of each. */
struct walk {
	struct mirrors *m;
	struct claim *named;    /* in the order of names, and of sessions for one name */
	unsigned int *patterns; /* sessions */
	unsigned int named_count, pattern_count;
};

static int by_interface(const void *one, const void *other)
{
	const struct claim *a = one, *b = other;
	int order = strcmp(a->interface, b->interface);

	return order ? order : a->session < b->session ? -1 : a->session > b->session;
}

static void add_claims(struct walk *walk, unsigned int index)
{
	const struct session *session = walk->m->sessions[index]->session;
	bool any = false;

	for (unsigned int i = 0; i < session->source_count; i++) {
		const struct session_source *source = &session->sources[i];

		if (session_source_is_pattern(source))
			any = true;
		else if (!source->netns[0])
			walk->named[walk->named_count++] = (struct claim){source->pattern, index};
	}
	if (any)
		walk->patterns[walk->pattern_count++] = index;
}

static int gather_claims(struct walk *walk)
{
	const struct mirrors *m = walk->m;
	unsigned int sources = 0;

	for (unsigned int i = 0; i < m->count; i++)
		sources += m->sessions[i]->session->source_count;
	walk->named = calloc(sources + 1, sizeof *walk->named);
	walk->patterns = calloc(m->count + 1, sizeof *walk->patterns);
	if (!walk->named || !walk->patterns)
		return -ENOMEM;
	for (unsigned int i = 0; i < m->count; i++)
		add_claims(walk, i);
	qsort(walk->named, walk->named_count, sizeof *walk->named, by_interface);
	return 0;
}

/* The first claim of that interface, or of one behind it. */
static unsigned int first_claim(const struct walk *walk, const char *interface)
{
	unsigned int low = 0, high = walk->named_count;

	while (low < high) {
		unsigned int middle = (low + high) / 2;

		if (strcmp(walk->named[middle].interface, interface) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void visit_link(const struct link *link, void *context)
{
	const struct walk *walk = context;
	struct mirrors *m = walk->m;
	const bool by_pattern = !owner_is_device(link); /* no pattern means devices of ours */
	unsigned int named = first_claim(walk, link->name), pattern = 0;

	/* In the order of the sessions, in which the legs of a program are. */
	for (;;) {
		const bool some = named < walk->named_count && strcmp(walk->named[named].interface, link->name) == 0;
		unsigned int next = some ? walk->named[named].session : m->count;

		if (pattern < walk->pattern_count && walk->patterns[pattern] <= next)
			next = walk->patterns[pattern++];
		if (next == m->count)
			return;
		while (named < walk->named_count && walk->named[named].session == next &&
		       strcmp(walk->named[named].interface, link->name) == 0)
			named++;
		if (session_takes(m->sessions[next]->session, link->name, by_pattern))
			take_link(m->sessions[next], link, false);
	}
}

static int visit_links(struct mirrors *m, struct error *error)
{
	struct walk walk = {.m = m};
	int rc = gather_claims(&walk) ? fail(error, ENOMEM, "out of memory") : netlink_each_link(m->netlink, visit_link, &walk, error);

	free(walk.named);
	free(walk.patterns);
	return rc;
}

/* ---- containers ---- */

struct container {
	const struct session_source *source;
	struct link inner, host_end;
	struct link exit;    /* where what it receives comes out that was tapped inside */
	uint64_t passed;     /* frames that did not come by the host's end */
	struct error misses; /* code 0: none of these */
};

static int want_inside(struct mirror_session *s, const struct container *c)
{
	struct mirror_tap *tap = find_or_add_tap(s, c->exit.ifindex, DIRECTION_RX, false);

	if (!tap)
		return -ENOMEM;
	tap->xdp = c->inner.xdp;
	tap->known_as = c->host_end.ifindex;
	tap->missed = c->exit.lost;
	memcpy(tap->name, c->inner.name, sizeof tap->name);
	memcpy(tap->host_end, c->host_end.name, sizeof tap->host_end);
	return mirror_session_add_legs(s, &tap->wanted);
}

/* Some frames have come past the place where they were looked for. */
static void tell_passed(struct mirror_session *s, const struct container *c)
{
	const struct mirror_tap *tap = find_tap(s->mirrors, s->path, c->host_end.ifindex, DIRECTION_RX, true);

	if (tap && tap->loaded.count)
		snprintf(s->mirrors->news, sizeof s->mirrors->news,
			 "%llu frame%s for %s of network namespace '%.64s' came past %s, its host end: it is mirrored inside from now "
			 "on",
			 (unsigned long long)c->passed, c->passed == 1 ? "" : "s", c->inner.name, c->source->netns, c->host_end.name);
}

/* Whether what the container receives can be mirrored inside, and has to be. */
static bool goes_inside(struct mirror_session *s, struct container *c)
{
	struct error problem = {0};

	c->passed = inside_passed(&c->inner, &c->host_end);
	if (!c->passed || !s->path)
		return false;
	if (!insides_follow(source_path_insides(s->path->path), &c->host_end, c->source->netns, c->source->pattern, s->mirrors->way,
			    &c->exit, &problem))
		return true;
	fail(&c->misses, MIRROR_PARTLY_BLIND,
	     "partly blind: frames for %s come past %s, its host end, and inside it cannot be mirrored: %.128s", c->inner.name,
	     c->host_end.name, problem.text);
	return false;
}

/*
 * A container is mirrored at our end of its pair, where nothing of it shows inside. What it receives is what this end sends; unless
 * somebody puts frames right onto its own end, and then it is what is received there. What it sends comes by this end in any case.
 */
static void take_container(struct mirror_session *s, struct container *c)
{
	const bool *wanted = s->session->directions;
	bool inside = wanted[DIRECTION_RX] && c->host_end.ethernet && goes_inside(s, c);
	int rc = 0;

	if (!inside) {
		take_link(s, &c->host_end, true);
	} else {
		tell_passed(s, c);
		rc = want_inside(s, c);
		if (!rc && wanted[DIRECTION_TX])
			rc = want_tap(s, &c->host_end, DIRECTION_TX, true);
	}
	if (rc)
		set_problem(s, ENOMEM, c->inner.name, "out of memory");
	if (c->misses.code && !s->sources_wait_for.code)
		s->sources_wait_for = c->misses;
}

static void visit_containers(struct mirror_session *s)
{
	for (unsigned int i = 0; i < s->session->source_count; i++) {
		struct container c = {.source = &s->session->sources[i]};
		struct error problem = {0};

		if (!c.source->netns[0])
			continue;
		if (!netns_find_outer(s->mirrors->netlink, c.source->netns, c.source->pattern, &c.inner, &c.host_end, &problem))
			take_container(s, &c);
		else if (!s->sources_wait_for.code)
			s->sources_wait_for = problem;
	}
}

/* ---- programs ---- */

static bool same_leg(const struct tap_leg *one, const struct tap_leg *other)
{
	return one->revision == other->revision && memcmp(&one->leg, &other->leg, sizeof one->leg) == 0;
}

static bool has_leg(const struct tap_legs *legs, const struct tap_leg *leg)
{
	for (unsigned int i = 0; i < legs->count; i++)
		if (same_leg(&legs->legs[i], leg))
			return true;
	return false;
}

static bool same_legs(const struct tap_legs *one, const struct tap_legs *other)
{
	if (one->count != other->count)
		return false;
	for (unsigned int i = 0; i < one->count; i++)
		if (!same_leg(&one->legs[i], &other->legs[i]))
			return false;
	return true;
}

static void untap(struct mirror_tap *tap)
{
	if (tap->loaded.count)
		source_taps_untap(source_path_taps(tap->path->path), tap->ifindex, tap->direction, tap->swapped);
	tap->loaded.count = 0;
}

/* Gives the tap a program with these legs; after an error it has the one it had. */
static int load(struct mirrors *m, struct mirror_tap *tap, const struct tap_legs *legs, struct error *error)
{
	struct source_tap at = {tap->ifindex, tap->direction, tap->swapped, tap->known_as};
	struct leg plain[TAP_LEGS_MAX];
	struct tap_leg *copy;
	int rc;

	if (legs->count > TAP_LEGS_MAX)
		return fail(error, ENOSPC, "all sessions together copy this direction to more than %d destinations", TAP_LEGS_MAX);
	copy = malloc(legs->count * sizeof *copy + 1);
	if (!copy)
		return fail(error, ENOMEM, "out of memory");
	for (unsigned int i = 0; i < legs->count; i++)
		plain[i] = legs->legs[i].leg;
	rc = source_taps_tap(source_path_taps(tap->path->path), &at, plain, legs->count, m->way, error);
	if (rc) {
		free(copy);
		return rc;
	}
	memcpy(copy, legs->legs, legs->count * sizeof *copy);
	free(tap->loaded.legs);
	tap->stale = tap->order_known = false;
	tap->loaded = (struct tap_legs){.legs = copy, .count = legs->count, .room = legs->count};
	return 0;
}

/* Adds as many of the legs as go into one program with those that are in good; who does not fit is told why. */
static void add_some(struct mirrors *m, struct mirror_tap *tap, struct tap_legs *good, const struct tap_leg *legs, unsigned int count)
{
	struct error problem = {0};
	unsigned int before = good->count;

	if (!count)
		return;
	memcpy(good->legs + before, legs, count * sizeof *legs);
	good->count += count;
	if (!load(m, tap, good, &problem))
		return;
	good->count = before;
	if (count == 1) {
		set_problem(legs->session, problem.code, tap->name, problem.text);
		return;
	}
	add_some(m, tap, good, legs, count / 2);
	add_some(m, tap, good, legs + count / 2, count - count / 2);
}

/*
 * Not all legs go into one program: those that are in it now stay, if they are still wanted, and others come along as far as they can. A
 * program that sends to a session that is no more must not stay.
 */
static void load_some(struct mirrors *m, struct mirror_tap *tap)
{
	unsigned int room = tap->wanted.count;
	struct tap_legs good = {.legs = calloc(room, sizeof *good.legs)}, others = {.legs = calloc(room, sizeof *others.legs)};

	for (unsigned int i = 0; i < room && good.legs && others.legs; i++) {
		struct tap_legs *to = has_leg(&tap->loaded, &tap->wanted.legs[i]) ? &good : &others;

		to->legs[to->count++] = tap->wanted.legs[i];
	}
	if (good.count != tap->loaded.count && (!good.count || load(m, tap, &good, NULL))) {
		untap(tap);
		good.count = 0;
	}
	if (others.legs && good.legs)
		add_some(m, tap, &good, others.legs, others.count);
	free(good.legs);
	free(others.legs);
}

static bool may_be_too_much(int code)
{
	return code == ENOSPC || code == E2BIG || code == EACCES || code == EINVAL || code == EFAULT;
}

static void reload(struct mirrors *m, struct mirror_tap *tap)
{
	struct error problem = {0};

	if (!load(m, tap, &tap->wanted, &problem))
		return;
	if (tap->wanted.count > 1 && may_be_too_much(problem.code)) {
		load_some(m, tap);
		return;
	}
	untap(tap);
	for (unsigned int i = 0; i < tap->wanted.count; i++)
		set_problem(tap->wanted.legs[i].session, problem.code, tap->name, problem.text);
}

/* ---- telling ---- */

static bool names(const char *text, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = text; (at = strstr(at, name)); at++)
		if ((at == text || at[-1] == ' ') && at[len] == ' ')
			return true;
	return false;
}

/* Adds the tap to the text, which has no room for hundreds. */
static void name_tap(struct mirror_session *s, const struct mirror_tap *tap)
{
	size_t used = strlen(s->text);
	char label[LABEL_MAX];

	if (tap->host_end[0])
		snprintf(label, sizeof label, "%s [inside, as %s, its host end, is bypassed]", tap->name, tap->host_end);
	else
		snprintf(label, sizeof label, "%s", tap->name);
	if (names(s->text, label) || s->unnamed_last == tap->ifindex)
		return;
	if (used + strlen(label) + UNNAMED_MAX < sizeof s->text) {
		snprintf(s->text + used, sizeof s->text - used, "%s ", label);
		return;
	}
	s->unnamed++;
	s->unnamed_last = tap->ifindex; /* the other direction comes next */
}

static void credit(const struct mirror_tap *tap)
{
	bool all = same_legs(&tap->loaded, &tap->wanted);

	for (unsigned int i = 0; i < tap->wanted.count; i++) {
		struct mirror_session *s = tap->wanted.legs[i].session;

		if (!all && !has_leg(&tap->loaded, &tap->wanted.legs[i]))
			continue;
		s->source_count++;
		name_tap(s, tap);
	}
}

static void tell_blind(const struct mirror_tap *tap, const char *stranger, const char *place, const char *may)
{
	for (unsigned int i = 0; i < tap->wanted.count; i++) {
		struct error *problem = &tap->wanted.legs[i].session->sources_wait_for;

		if (!problem->code)
			fail(problem, MIRROR_PARTLY_BLIND, "partly blind at worst: %s on %s %s %s", stranger, tap->name, place, may);
	}
}

static void ask_order(struct mirrors *m, struct mirror_tap *tap)
{
	tap->order = (struct source_taps_order){.moved = false};
	tap->behind = source_taps_stands_behind(source_path_taps(tap->path->path), tap->ifindex, tap->direction, tap->swapped, &tap->order);
	tap->order_known = true;
	if (tap->order.moved)
		snprintf(m->news, sizeof m->news, "interface %s: %s had come before ours, which is in front again", tap->name,
			 tap->order.stranger);
}

/* Somebody else's program in front may keep frames from ours, and nobody would know: neither a missing copy nor a counter tells. */
static void look_ahead(struct mirrors *m, struct mirror_tap *tap)
{
	bool received = tap->swapped != (tap->direction == DIRECTION_RX);
	const char *place = received ? "rx" : "tx";
	char xdp[ATTACH_STRANGER_MAX];

	if (!tap->loaded.count)
		return;
	if (!tap->order_known)
		ask_order(m, tap);
	if (tap->behind)
		tell_blind(tap, tap->order.stranger, place, "stands before ours and may end the chain");
	if (attach_xdp_before(tap->xdp, xdp))
		tell_blind(tap, xdp, place, received ? "stands before ours and may take frames" : "may send frames past ours");
}

static void tell_missed(const struct mirror_tap *tap)
{
	for (unsigned int i = 0; i < tap->wanted.count && tap->missed; i++) {
		struct error *problem = &tap->wanted.legs[i].session->sources_wait_for;

		if (!problem->code)
			fail(problem, MIRROR_PARTLY_BLIND,
			     "partly blind: %llu frames received by %s, mirrored inside, were lost on their way out",
			     (unsigned long long)tap->missed, tap->name);
	}
}

static void find_missing(struct mirror_session *s)
{
	for (unsigned int i = 0; i < s->session->source_count && !s->sources_wait_for.code; i++) {
		const struct session_source *source = &s->session->sources[i];

		if (!session_source_is_pattern(source) && !source->netns[0] && !(s->found & 1ull << i))
			fail(&s->sources_wait_for, ENODEV, "interface '%s': no such interface", source->pattern);
	}
	if (!s->sources_wait_for.code && !s->source_count)
		fail(&s->sources_wait_for, EAGAIN, "no interface has a name like '%s'", s->session->sources[0].pattern);
}

static void tell(struct mirror_session *s)
{
	char more[UNNAMED_MAX] = "";
	size_t used = strlen(s->text);

	find_missing(s);
	if (!s->source_count) {
		snprintf(s->text, sizeof s->text, "nothing");
		return;
	}
	if (s->unnamed)
		snprintf(more, sizeof more, "and %u more ", s->unnamed);
	snprintf(s->text + used, sizeof s->text - used, "%s(%s)", more, source_taps_attach_name(source_path_taps(s->path->path)));
}

/* ---- taken over ---- */

int mirrors_inherit_taps(struct mirrors *m, struct mirror_path *path)
{
	struct source_tap found;

	for (unsigned int i = 0; source_taps_get(source_path_taps(path->path), i, &found); i++) {
		struct tap_leg *unknown = calloc(1, sizeof *unknown);
		struct mirror_tap *tap = unknown ? add_tap(m) : NULL;
		struct link link = {0};

		if (!tap) {
			free(unknown);
			return -ENOMEM;
		}
		netlink_link_by_index(m->netlink, found.ifindex, &link, NULL);
		*tap = (struct mirror_tap){.path = path,
					   .ifindex = found.ifindex,
					   .direction = found.direction,
					   .swapped = found.swapped,
					   .loaded = {.legs = unknown, .count = 1, .room = 1},
					   .stale = true};
		memcpy(tap->name, link.name, sizeof tap->name);
	}
	return 0;
}

/* ---- the walk ---- */

static void begin_walk(struct mirrors *m)
{
	for (unsigned int i = 0; i < m->count; i++) {
		struct mirror_session *s = m->sessions[i];

		s->sources_wait_for.code = 0;
		s->source_count = 0;
		s->found = 0;
		s->text[0] = '\0';
		s->unnamed = 0;
		s->unnamed_last = 0;
	}
	for (unsigned int i = 0; i < m->tap_count; i++)
		m->taps[i].wanted.count = 0;
}

static void forget_tap(struct mirrors *m, unsigned int index)
{
	struct mirror_tap *tap = &m->taps[index];

	untap(tap);
	free(tap->loaded.legs);
	free(tap->wanted.legs);
	memmove(tap, tap + 1, (--m->tap_count - index) * sizeof *tap);
}

static void change_taps(struct mirrors *m)
{
	for (unsigned int i = m->tap_count; i-- > 0;)
		if (!m->taps[i].wanted.count)
			forget_tap(m, i);
	for (unsigned int i = 0; i < m->tap_count; i++) {
		struct mirror_tap *tap = &m->taps[i];

		/* Another interface has taken the number of one that has gone. */
		if (tap->loaded.count &&
		    !source_taps_is_tapped(source_path_taps(tap->path->path), tap->ifindex, tap->direction, tap->swapped))
			untap(tap);
		if (tap->stale || !same_legs(&tap->loaded, &tap->wanted))
			reload(m, tap);
		if (tap->lost)
			snprintf(m->news, sizeof m->news, "interface %s: the program had been removed%s", tap->name,
				 tap->loaded.count ? ", and is back" : "");
		tap->lost = false;
		credit(tap);
	}
	for (struct mirror_path *path = m->paths; path; path = path->next)
		insides_end_unused(source_path_insides(path->path));
}

int mirrors_walk(struct mirrors *m, struct error *error)
{
	int rc;

	begin_walk(m);
	rc = visit_links(m, error);
	for (unsigned int i = 0; i < m->count && !rc; i++)
		visit_containers(m->sessions[i]);
	if (!rc)
		change_taps(m);
	for (unsigned int i = 0; i < m->count; i++) {
		if (rc)
			set_problem(m->sessions[i], -rc, m->sessions[i]->session->sources[0].pattern, strerror(-rc));
		tell(m->sessions[i]);
	}
	/* Last: what is missing is told first. */
	for (unsigned int i = 0; i < m->tap_count; i++) {
		tell_missed(&m->taps[i]);
		look_ahead(m, &m->taps[i]);
	}
	return rc;
}

void mirrors_find_lost_taps(struct mirrors *m)
{
	for (unsigned int i = 0; i < m->tap_count; i++) {
		struct mirror_tap *tap = &m->taps[i];
		struct link link;

		tap->order_known = false;
		if (!tap->loaded.count ||
		    source_taps_is_tapped(source_path_taps(tap->path->path), tap->ifindex, tap->direction, tap->swapped))
			continue;
		untap(tap);
		tap->lost = !netlink_link_by_index(m->netlink, tap->ifindex, &link, NULL);
	}
}

void mirrors_forget_taps(struct mirrors *m)
{
	while (m->tap_count)
		forget_tap(m, m->tap_count - 1);
}
