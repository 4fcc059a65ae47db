/* SPDX-License-Identifier: BSD-2-Clause */
/* What sessions cannot have together: the checks of session_list_check(). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/session_list.h"

/* In *place, a line of struct session_lines; asked for only when there is something to say, as there are many pairs of sessions. */
static const struct place *place_in(const struct session *session, unsigned int line, struct place *place)
{
	*place = place_of_file(session->file[0] ? session->file : session->name);
	place->line = line;
	place->column = line ? 1 : 0;
	return place;
}

/* ---- two that claim a tunnel ---- */

static bool sets_meet(const struct number_set *a, const struct number_set *b)
{
	for (unsigned int i = 0; i < a->count; i++)
		for (unsigned int j = 0; j < b->count; j++)
			if (a->ranges[i].first <= b->ranges[j].last && b->ranges[j].first <= a->ranges[i].last)
				return true;
	return a->count == 0 && b->count == 0;
}

/* Prefixes that meet and are of one length are the same. */
static bool senders_meet(const struct endpoint *a, const struct endpoint *b)
{
	for (unsigned int i = 0; i < a->remote_count; i++)
		for (unsigned int j = 0; j < b->remote_count; j++)
			if (a->remotes[i].length == b->remotes[j].length && address_equal(&a->remotes[i].address, &b->remotes[j].address))
				return true;
	return a->remote_count == 0 && b->remote_count == 0;
}

/* Packets may belong to both, and neither is the more special one, which would have them. */
static bool tunnels_meet(const struct endpoint *a, const struct endpoint *b)
{
	bool sided = endpoint_has(a, ENDPOINT_KEY_side), b_sided = endpoint_has(b, ENDPOINT_KEY_side);

	return a->kinds & b->kinds && a->port == b->port && strcmp(a->vrf, b->vrf) == 0 && address_equal(&a->address, &b->address) &&
	       senders_meet(a, b) && sets_meet(&a->ids, &b->ids) && sets_meet(&a->indexes, &b->indexes) &&
	       sets_meet(&a->hwids, &b->hwids) && sets_meet(&a->vlans, &b->vlans) && sided == b_sided && (!sided || a->side == b->side);
}

static void check_tunnels(const struct session *a, const struct session *b, struct error_list *errors)
{
	struct place place;

	if (a->listen_on[0] && b->listen_on[0] && strcmp(a->listen_on, b->listen_on) != 0)
		return;
	for (unsigned int i = 0; i < a->tunnel_count; i++)
		for (unsigned int j = 0; j < b->tunnel_count; j++)
			if (tunnels_meet(&a->tunnels[i], &b->tunnels[j])) {
				error_list_add(
					errors, place_in(b, b->lines.tunnels[j], &place),
					"session %s takes the same tunnel as session %s (%s, its source %u): one of them must say more of "
					"it, or be disabled",
					b->name, a->name, endpoint_type_name(&a->tunnels[i]), i + 1);
				return;
			}
}

static void check_devices(const struct session *a, const struct session *b, struct error_list *errors)
{
	struct place place;

	if (session_kind(a) == SESSION_TUNNEL && strcmp(a->device, b->device) == 0)
		error_list_add(errors, place_in(b, b->lines.device, &place), "session %s makes the interface %s, as session %s does",
			       b->name, b->device, a->name);
}

static void check_recordings(const struct session *a, const struct session *b, struct error_list *errors)
{
	struct place place;

	if (a->recording.path[0] && strcmp(a->recording.path, b->recording.path) == 0)
		error_list_add(errors, place_in(b, b->lines.recording, &place), "session %s records into the file of session %s, %s",
			       b->name, a->name, a->recording.path);
	if (a->recording.listen[0] && strcmp(a->recording.listen, b->recording.listen) == 0)
		error_list_add(errors, place_in(b, b->lines.recording, &place), "session %s listens where session %s does, %s", b->name,
			       a->name, a->recording.listen);
}

/* What a collector knows a tunnel by. */
static bool look_alike(const struct endpoint *a, const struct endpoint *b)
{
	return endpoint_is_tunnel(a) && a->kinds == b->kinds && address_equal(&a->address, &b->address) &&
	       address_equal(&a->local, &b->local) && a->session == b->session && a->vni == b->vni && a->key == b->key &&
	       a->port == b->port && a->hwid == b->hwid && endpoint_has(a, ENDPOINT_KEY_key) == endpoint_has(b, ENDPOINT_KEY_key);
}

static void warn_destinations(const struct session *a, const struct session *b, struct error_list *errors)
{
	struct place place;
	char text[ADDRESS_TEXT_MAX];

	for (unsigned int i = 0; i < a->destination_count; i++)
		for (unsigned int j = 0; j < b->destination_count; j++)
			if (look_alike(&a->destinations[i], &b->destinations[j])) {
				error_list_warn(errors, place_in(b, b->lines.destinations[j], &place),
						"copies of sessions %s and %s look alike to %s: give them tunnels that differ", a->name,
						b->name, address_text(&a->destinations[i].address, text));
				return;
			}
}

/* ---- which two to look at ---- */

/*
 * Of a thousand sessions there are half a million pairs. Two have something together only if they have a claim together: what of a
 * tunnel, a file and the like has to be equal for that, as a number. Others may have the same number, which does no harm.
 */
struct claim {
	uint32_t number;
	uint32_t session; /* its place in the list */
};

struct claims {
	struct claim *items;
	size_t count;
};

enum {
	OTHER_CLAIMS = 3, /* device, file and port of a recording */
};

#define NUMBER_BEGIN 2166136261u

static uint32_t number_of(uint32_t number, const void *data, size_t len)
{
	const unsigned char *bytes = data;

	while (len--)
		number = (number ^ *bytes++) * 16777619u;
	return number;
}

static void claim(struct claims *claims, size_t session, uint32_t number)
{
	claims->items[claims->count++] = (struct claim){.number = number, .session = (uint32_t)session};
}

static void claim_text(struct claims *claims, size_t session, const char *text)
{
	if (*text)
		claim(claims, session, number_of(NUMBER_BEGIN, text, strlen(text)));
}

static void claim_all(struct claims *claims, size_t index, const struct session *session)
{
	for (unsigned int i = 0; i < session->tunnel_count; i++) {
		const struct endpoint *tunnel = &session->tunnels[i];
		uint32_t number = number_of(NUMBER_BEGIN, &tunnel->address, sizeof tunnel->address);

		claim(claims, index, number_of(number, &tunnel->port, sizeof tunnel->port));
	}
	for (unsigned int i = 0; i < session->destination_count; i++) {
		const struct endpoint *destination = &session->destinations[i];
		const uint32_t numbers[] = {destination->kinds, destination->session, destination->vni, destination->key,
					    destination->port};

		if (endpoint_is_tunnel(destination))
			claim(claims, index,
			      number_of(number_of(NUMBER_BEGIN, &destination->address, sizeof destination->address), numbers,
					sizeof numbers));
	}
	claim_text(claims, index, session->device);
	claim_text(claims, index, session->recording.path);
	claim_text(claims, index, session->recording.listen);
}

static int by_number(const void *one, const void *other)
{
	const struct claim *a = one, *b = other;

	if (a->number != b->number)
		return a->number < b->number ? -1 : 1;
	return a->session < b->session ? -1 : a->session > b->session;
}

/* All claims of the sessions that are enabled, those of one number together; the caller's to free, also after -ENOMEM. */
static int gather_claims(const struct session_list *list, struct claims *claims)
{
	size_t room = 0;

	for (size_t i = 0; i < list->count; i++)
		room += list->sessions[i]->tunnel_count + list->sessions[i]->destination_count + OTHER_CLAIMS;
	claims->items = calloc(room + 1, sizeof *claims->items);
	if (!claims->items)
		return -ENOMEM;
	for (size_t i = 0; i < list->count; i++)
		if (!list->sessions[i]->disabled)
			claim_all(claims, i, list->sessions[i]);
	qsort(claims->items, claims->count, sizeof *claims->items, by_number);
	return 0;
}

/* Two sessions by their places in the list. */
struct pair {
	uint32_t later, earlier;
};

struct pairs {
	struct pair *items;
	size_t count, room;
};

static int add_pair(struct pairs *pairs, uint32_t earlier, uint32_t later)
{
	if (pairs->count == pairs->room) {
		size_t room = pairs->room ? pairs->room * 2 : 64;
		struct pair *items = reallocarray(pairs->items, room, sizeof *items);

		if (!items)
			return -ENOMEM;
		pairs->items = items;
		pairs->room = room;
	}
	pairs->items[pairs->count++] = (struct pair){.later = later, .earlier = earlier};
	return 0;
}

static int by_place(const void *one, const void *other)
{
	const struct pair *a = one, *b = other;

	if (a->later != b->later)
		return a->later < b->later ? -1 : 1;
	return a->earlier < b->earlier ? -1 : a->earlier > b->earlier;
}

/* All pairs that have a claim together, in the order of the list, some of them twice; the caller's to free, also after -ENOMEM. */
static int pair_up(const struct claims *claims, struct pairs *pairs)
{
	int rc = 0;

	for (size_t j = 1; j < claims->count; j++)
		for (size_t i = j; i-- > 0 && claims->items[i].number == claims->items[j].number && !rc;)
			if (claims->items[i].session != claims->items[j].session)
				rc = add_pair(pairs, claims->items[i].session, claims->items[j].session);
	if (pairs->count)
		qsort(pairs->items, pairs->count, sizeof *pairs->items, by_place);
	return rc;
}

static void check_pair(const struct session *a, const struct session *b, struct error_list *errors)
{
	check_tunnels(a, b, errors);
	check_devices(a, b, errors);
	check_recordings(a, b, errors);
	warn_destinations(a, b, errors);
}

static int check_pairs(const struct session_list *list, struct error_list *errors)
{
	struct claims claims = {0};
	struct pairs pairs = {0};
	int rc = gather_claims(list, &claims);

	if (!rc)
		rc = pair_up(&claims, &pairs);
	for (size_t i = 0; i < pairs.count && !rc; i++)
		if (!i || by_place(&pairs.items[i - 1], &pairs.items[i]) != 0)
			check_pair(list->sessions[pairs.items[i].earlier], list->sessions[pairs.items[i].later], errors);
	free(pairs.items);
	free(claims.items);
	return rc;
}

/* ---- loops ---- */

/* Whether copies that a destination of "from" gets are frames for "to". */
static bool leads_to(const struct session *from, const struct endpoint *destination, const struct session *to)
{
	if (!endpoint_is_tunnel(destination)) {
		/* A pattern leaves the session's own destinations out. */
		for (unsigned int i = 0; i < to->source_count; i++)
			if (session_source_matches(&to->sources[i], destination) &&
			    (from != to || !session_source_is_pattern(&to->sources[i])))
				return true;
		return false;
	}
	for (unsigned int i = 0; i < to->tunnel_count; i++) {
		const struct endpoint *tunnel = &to->tunnels[i];

		if (tunnel->kinds & destination->kinds && address_equal(&tunnel->address, &destination->address) &&
		    number_set_has(&tunnel->ids, destination->kinds & KINDS_ERSPAN              ? destination->session
						 : destination->kinds & KIND_BIT(FARSPAN_VXLAN) ? destination->vni
												: destination->key))
			return true;
	}
	return false;
}

/*
 * Which destination of one session leads to the other, from 1 on; 0: none. What comes out of a tunnel device is for the host, and what is
 * sent into it is the host's.
 */
static unsigned int edge_to(const struct session *from, const struct session *to)
{
	if (session_kind(from) == SESSION_TUNNEL || session_kind(to) == SESSION_TUNNEL)
		return 0;
	for (unsigned int i = 0; i < from->destination_count; i++)
		if (leads_to(from, &from->destinations[i], to))
			return i + 1;
	return 0;
}

enum colour {
	NEW,
	ON_PATH,
	DONE
};

struct walk {
	const struct session_list *list;
	struct error_list *errors;
	unsigned char *colours;
	size_t *path; /* indices of the sessions on the way to the one at hand */
	size_t depth;
	bool from_tunnels, from_interfaces; /* some session takes frames from such */
};

/* Mostly nobody takes frames from where the copies go, and there is nothing to search. */
static bool may_lead_on(const struct walk *walk, const struct session *from)
{
	bool may = false;

	for (unsigned int i = 0; i < from->destination_count; i++)
		may = may || (endpoint_is_tunnel(&from->destinations[i]) ? walk->from_tunnels : walk->from_interfaces);
	return may;
}

static void report_loop(const struct walk *walk, size_t back_to)
{
	const struct session *first = walk->list->sessions[back_to];
	char text[400] = "";
	struct place place;
	size_t start = 0, used, next;
	unsigned int edge;

	while (walk->path[start] != back_to)
		start++;
	for (size_t i = start; i < walk->depth; i++) {
		used = strlen(text);
		snprintf(text + used, sizeof text - used, "%s -> ", walk->list->sessions[walk->path[i]]->name);
	}
	next = start + 1 < walk->depth ? walk->path[start + 1] : back_to;
	edge = edge_to(first, walk->list->sessions[next]);
	error_list_add(walk->errors, place_in(first, edge ? first->lines.destinations[edge - 1] : 0, &place),
		       "copies would be copied again without end: %s%s", text, first->name);
}

/* Depth first, without recursion: next[] holds where the search of each session on the path goes on. */
static void walk_from(struct walk *walk, size_t *next, size_t start)
{
	const struct session_list *list = walk->list;

	walk->path[0] = start;
	walk->depth = 1;
	walk->colours[start] = ON_PATH;
	next[start] = 0;
	while (walk->depth) {
		size_t at = walk->path[walk->depth - 1], to = next[at]++;

		if (to == list->count) {
			walk->colours[at] = DONE;
			walk->depth--;
		} else if (list->sessions[to]->disabled || walk->colours[to] == DONE || !edge_to(list->sessions[at], list->sessions[to])) {
			continue;
		} else if (walk->colours[to] == ON_PATH) {
			report_loop(walk, to);
		} else {
			walk->colours[to] = ON_PATH;
			next[to] = 0;
			walk->path[walk->depth++] = to;
		}
	}
}

/* ---- all of it ---- */

static int check_loops(const struct session_list *list, struct error_list *errors)
{
	struct walk walk = {.list = list, .errors = errors};
	size_t *next = calloc(list->count + 1, sizeof *next);
	int rc = 0;

	walk.colours = calloc(list->count + 1, 1);
	walk.path = calloc(list->count + 1, sizeof *walk.path);
	if (!next || !walk.colours || !walk.path)
		rc = -ENOMEM;
	for (size_t i = 0; i < list->count; i++) {
		walk.from_tunnels = walk.from_tunnels || list->sessions[i]->tunnel_count;
		walk.from_interfaces = walk.from_interfaces || list->sessions[i]->source_count;
	}
	for (size_t i = 0; i < list->count && !rc; i++)
		if (walk.colours[i] == NEW && !list->sessions[i]->disabled && may_lead_on(&walk, list->sessions[i]))
			walk_from(&walk, next, i);
	free(next);
	free(walk.colours);
	free(walk.path);
	return rc;
}

int session_list_check(const struct session_list *list, struct error_list *errors)
{
	size_t before = errors->errors;

	if (check_pairs(list, errors) || check_loops(list, errors))
		error_list_add(errors, NULL, "out of memory");
	return errors->errors > before ? -EINVAL : 0;
}
