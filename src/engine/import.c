/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/import.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "host/others.h"

enum {
	TUNNELS_MAX = 256
};

struct work {
	struct import *import;
	struct tunnel_link tunnels[TUNNELS_MAX];
	bool used[TUNNELS_MAX]; /* as the target of a rule */
	unsigned int tunnel_count;
	struct tc_mirror *rules; /* seen so far */
	size_t rule_count;
	bool no_memory;
};

__attribute__((format(printf, 2, 3))) static void note(struct imported *item, const char *format, ...)
{
	size_t used = strlen(item->notes);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(item->notes + used, sizeof item->notes - used, format, arguments);
	va_end(arguments);
}

static bool is_taken(const struct import *import, const char *name)
{
	for (size_t i = 0; i < import->count; i++)
		if (import->items[i].session && strcmp(import->items[i].session->name, name) == 0)
			return true;
	return false;
}

/* "eth0-mon0", of what a name may have, and a number if that is taken. */
static void make_name(const struct import *import, const char *one, const char *other, char name[SESSION_NAME_MAX])
{
	size_t len;

	snprintf(name, SESSION_NAME_MAX, "%s%s%s", one, *other ? "-" : "", other);
	for (char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("._-@", *c))
			*c = '-';
	if (name[0] == '.' || name[0] == '-')
		name[0] = '_';
	len = strlen(name);
	for (unsigned int i = 2; is_taken(import, name); i++)
		snprintf(name + len, SESSION_NAME_MAX - len, "-%u", i);
}

/* A new item; NULL without memory. */
static struct imported *add(struct work *work)
{
	struct imported *items = reallocarray(work->import->items, work->import->count + 1, sizeof *items);

	if (!items) {
		work->no_memory = true;
		return NULL;
	}
	work->import->items = items;
	items[work->import->count] = (struct imported){0};
	return &items[work->import->count++];
}

static bool add_session(struct work *work, struct imported *item, const char *one, const char *other)
{
	char name[SESSION_NAME_MAX];

	make_name(work->import, one, other, name);
	item->session = session_new(name);
	work->no_memory |= !item->session;
	return item->session;
}

/* ---- rules of tc ---- */

static const struct tunnel_link *find_tunnel(struct work *work, const char *name)
{
	for (unsigned int i = 0; i < work->tunnel_count; i++)
		if (strcmp(work->tunnels[i].name, name) == 0) {
			work->used[i] = true;
			return &work->tunnels[i];
		}
	return NULL;
}

/* Why a rule cannot be a session; NULL if it can. */
static const char *obstacle(const struct tc_mirror *mirror, const struct tunnel_link *tunnel)
{
	if (mirror->redirect)
		return "it redirects the frames themselves, it does not copy them";
	if (!mirror->target[0])
		return "its target is gone";
	if (tunnel && tunnel->external)
		return "each of its packets says where it goes (external)";
	if (tunnel && !tunnel->has_remote)
		return "its tunnel device has no remote address";
	return NULL;
}

static const char *direction_name(enum direction direction)
{
	return direction == DIRECTION_RX ? "ingress" : "egress";
}

/* The session of the other direction, if it is otherwise the same. */
static struct session *find_other_direction(const struct work *work, const struct tc_mirror *mirror, const char *target)
{
	for (size_t i = 0; i < work->import->count; i++) {
		struct session *session = work->import->items[i].session;

		if (!session || !session->source_count || session->directions[mirror->direction] ||
		    strcmp(session->sources[0].pattern, mirror->source) != 0)
			continue;
		if (strcmp(session->shape.filter ? session->shape.filter : "", mirror->filter) == 0 &&
		    strcmp(session->description, target) == 0)
			return session;
	}
	return NULL;
}

static int set_destination(struct session *session, const struct tc_mirror *mirror, const struct tunnel_link *tunnel)
{
	struct endpoint destination;

	if (tunnel)
		return session_append_destination(session, &tunnel->endpoint, NULL);
	endpoint_begin("interface", ENDPOINT_DESTINATION, &destination, NULL);
	memcpy(destination.dev, mirror->target, sizeof destination.dev);
	return session_append_destination(session, &destination, NULL);
}

/*
 * Rules of u32 that have one priority are in one list of the kernel for both directions of a clsact: each is told for either. So a rule is
 * told twice where both directions have the same.
 */
static bool is_seen(struct work *work, const struct tc_mirror *mirror)
{
	struct tc_mirror *rules;

	for (size_t i = 0; i < work->rule_count; i++) {
		const struct tc_mirror *rule = &work->rules[i];

		if (strcmp(rule->source, mirror->source) == 0 && strcmp(rule->target, mirror->target) == 0 &&
		    strcmp(rule->filter, mirror->filter) == 0 && strcmp(rule->kind, mirror->kind) == 0 &&
		    rule->priority == mirror->priority && rule->direction == mirror->direction && rule->redirect == mirror->redirect)
			return true;
	}
	rules = reallocarray(work->rules, work->rule_count + 1, sizeof *rules);
	if (!rules) {
		work->no_memory = true;
		return true;
	}
	work->rules = rules;
	rules[work->rule_count++] = *mirror;
	return false;
}

/* Whether a rule before this one, the last, has its interface and direction. */
static bool is_behind_others(const struct work *work, const struct tc_mirror *mirror)
{
	for (size_t i = 0; i + 1 < work->rule_count; i++)
		if (strcmp(work->rules[i].source, mirror->source) == 0 && work->rules[i].direction == mirror->direction)
			return true;
	return false;
}

static void note_rule(const struct work *work, struct imported *item, const struct tc_mirror *mirror)
{
	if (!mirror->exact)
		note(item, "What %s of priority %u matches could not be said whole as a filter: see \"tc filter show dev %s %s\".\n",
		     mirror->kind, mirror->priority, mirror->source, direction_name(mirror->direction));
	if (!is_behind_others(work, mirror))
		return;
	note(item, "tc may end at an earlier rule of %s; here each session sees every frame.\n", mirror->source);
	if (strcmp(mirror->kind, "u32") == 0)
		note(item, "The kernel does not tell of which direction u32 rules of one priority are: see Direction.\n");
}

static void take_mirror(const struct tc_mirror *mirror, void *context)
{
	struct work *work = context;
	const struct tunnel_link *tunnel = find_tunnel(work, mirror->target);
	const char *why_not = obstacle(mirror, tunnel);
	char target[SESSION_DESCRIPTION_MAX];
	struct session *session;
	struct imported *item;

	if (is_seen(work, mirror))
		return;
	snprintf(target, sizeof target, "Mirror of %s to %s", mirror->source, mirror->target);
	session = why_not ? NULL : find_other_direction(work, mirror, target);
	if (session) {
		session->directions[mirror->direction] = true;
		return;
	}
	item = add(work);
	if (item && why_not)
		note(item, "The rule of tc on %s, %s, %s of priority %u, is no session: %s.\n", mirror->source,
		     direction_name(mirror->direction), mirror->kind, mirror->priority, why_not);
	if (!item || why_not || !add_session(work, item, mirror->source, mirror->target))
		return;
	session = item->session;
	memcpy(session->description, target, sizeof session->description);
	work->no_memory |= session_add_source(session, mirror->source, NULL) || set_destination(session, mirror, tunnel);
	session->directions[DIRECTION_RX] = mirror->direction == DIRECTION_RX;
	session->directions[DIRECTION_TX] = mirror->direction == DIRECTION_TX;
	if (mirror->filter[0] && !(session->shape.filter = strdup(mirror->filter)))
		work->no_memory = true;
	note_rule(work, item, mirror);
}

/* ---- tunnel devices ---- */

static void take_tunnel(const struct tunnel_link *link, void *context)
{
	struct work *work = context;

	if (work->tunnel_count < TUNNELS_MAX)
		work->tunnels[work->tunnel_count++] = *link;
}

/* What arrives for the device. */
static struct endpoint source_of(const struct tunnel_link *link)
{
	struct endpoint source = {0};

	endpoint_begin(endpoint_type_name(&link->endpoint), ENDPOINT_SOURCE, &source, NULL);
	source.address = link->endpoint.local;
	if (link->has_remote) {
		source.remotes[source.remote_count++] =
			(struct prefix){.address = link->endpoint.address, .length = link->endpoint.address.family == 4 ? 32 : 128};
		source.given |= 1ull << ENDPOINT_KEY_remote;
	}
	if (endpoint_has(&link->endpoint, ENDPOINT_KEY_id)) {
		source.ids.count = 1;
		source.ids.ranges[0].first = source.ids.ranges[0].last = link->endpoint.session;
		source.given |= 1ull << ENDPOINT_KEY_ids;
	}
	return source;
}

/* An erspan device that no rule sends to is there for what arrives. */
static void add_collector(struct work *work, const struct tunnel_link *link)
{
	struct endpoint source = source_of(link), destination;
	struct imported *item = add(work);
	struct session *session;

	if (item && link->external)
		note(item, "The device %s is no session: it takes all sessions, and packets say which (external).\n", link->name);
	if (!item || link->external || !add_session(work, item, link->name, ""))
		return;
	session = item->session;
	snprintf(session->description, sizeof session->description, "What arrives for the device %s", link->name);
	endpoint_begin("interface", ENDPOINT_DESTINATION, &destination, NULL);
	memcpy(destination.dev, link->name, sizeof destination.dev);
	work->no_memory |= session_append_tunnel(session, &source, NULL) || session_append_destination(session, &destination, NULL);
	note(item, "Delete the device %s first: this session makes one of that name.\n", link->name);
}

int import_read(struct import *import, struct error *error)
{
	struct work *work = calloc(1, sizeof *work);
	int rc = work ? 0 : -ENOMEM;

	*import = (struct import){0};
	if (rc)
		return fail(error, ENOMEM, "import: out of memory");
	work->import = import;
	rc = others_each_tunnel(take_tunnel, work, error);
	if (!rc)
		rc = others_each_mirror(take_mirror, work, error);
	for (unsigned int i = 0; i < work->tunnel_count && !rc; i++)
		if (!work->used[i] && strstr(work->tunnels[i].kind, "erspan") &&
		    (work->tunnels[i].has_remote || work->tunnels[i].endpoint.local.family || work->tunnels[i].external))
			add_collector(work, &work->tunnels[i]);
	if (!rc && work->no_memory)
		rc = fail(error, ENOMEM, "import: out of memory");
	free(work->rules);
	free(work);
	return rc;
}

void import_free(struct import *import)
{
	for (size_t i = 0; i < import->count; i++)
		session_free(import->items[i].session);
	free(import->items);
	*import = (struct import){0};
}
