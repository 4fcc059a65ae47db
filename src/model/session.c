/* SPDX-License-Identifier: BSD-2-Clause */
#include "model/session.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "model/match.h"

/* ---- what it owns ---- */

/* All that it points to: by these lists it is copied, compared and freed. */
#define EACH_ARRAY(X) X(source) X(destination) X(tunnel)
#define EACH_TEXT(X)  X(shape.filter) X(hook) X(matches)

struct session *session_new(const char *name)
{
	struct session *session = calloc(1, sizeof *session);

	if (!session)
		return NULL;
	snprintf(session->name, sizeof session->name, "%s", name);
	session->directions[DIRECTION_RX] = session->directions[DIRECTION_TX] = true;
	session->wait = true;
	return session;
}

void session_clear(struct session *session)
{
#define FREE_ARRAY(one) free(session->one##s);
#define FREE_TEXT(text) free((void *)(uintptr_t)session->text);
	EACH_ARRAY(FREE_ARRAY)
	EACH_TEXT(FREE_TEXT)
#undef FREE_ARRAY
#undef FREE_TEXT
	memset(session, 0, sizeof *session);
}

void session_free(struct session *session)
{
	if (!session)
		return;
	if (session->shares) {
		session->shares--;
		return;
	}
	session_clear(session);
	free(session);
}

struct session *session_share(const struct session *session)
{
	struct session *shared = (struct session *)(uintptr_t)session;

	shared->shares++;
	return shared;
}

/* A copy of some bytes, NULL if there are none; *failed without memory. */
static void *duplicate(const void *bytes, size_t size, bool *failed)
{
	void *copy = size ? malloc(size) : NULL;

	*failed = *failed || (size && !copy);
	return copy ? memcpy(copy, bytes, size) : NULL;
}

static size_t text_size(const char *text)
{
	return text ? strlen(text) + 1 : 0;
}

int session_copy(struct session *copy, const struct session *session)
{
	bool failed = false;

	memcpy(copy, session, sizeof *copy);
#define COPY_ARRAY(one)                                                                                       \
	copy->one##s = duplicate(session->one##s, session->one##_count * sizeof session->one##s[0], &failed); \
	copy->one##_room = copy->one##_count;
#define COPY_TEXT(text) copy->text = duplicate(session->text, text_size(session->text), &failed);
	EACH_ARRAY(COPY_ARRAY)
	EACH_TEXT(COPY_TEXT)
#undef COPY_ARRAY
#undef COPY_TEXT
	copy->shares = 0;
	if (failed)
		session_clear(copy);
	return failed ? -ENOMEM : 0;
}

struct session *session_duplicate(const struct session *session)
{
	struct session *copy = session_new("");

	if (copy && session_copy(copy, session)) {
		session_free(copy);
		return NULL;
	}
	return copy;
}

/* What of it is plain bytes that count, the rest being zero. */
static void take_plain(struct session *plain, const struct session *session)
{
	memcpy(plain, session, sizeof *plain);
	memset(plain->file, 0, sizeof plain->file);
	plain->filter_line = plain->filter_column = 0;
	memset(&plain->lines, 0, sizeof plain->lines);
	plain->carrier = NULL;
	plain->shares = 0;
#define NO_ARRAY(one)         \
	plain->one##s = NULL; \
	plain->one##_room = 0;
#define NO_TEXT(text) plain->text = NULL;
	EACH_ARRAY(NO_ARRAY)
	EACH_TEXT(NO_TEXT)
#undef NO_ARRAY
#undef NO_TEXT
}

static bool same_text(const char *one, const char *other)
{
	return strcmp(one ? one : "", other ? other : "") == 0;
}

/* Besides the plain bytes, which say how long the arrays are. */
static bool same_owned(const struct session *a, const struct session *b)
{
	bool same = true;

#define SAME_ARRAY(one) same = same && (!a->one##_count || memcmp(a->one##s, b->one##s, a->one##_count * sizeof a->one##s[0]) == 0);
#define SAME_TEXT(text) same = same && same_text(a->text, b->text);
	EACH_ARRAY(SAME_ARRAY)
	EACH_TEXT(SAME_TEXT)
#undef SAME_ARRAY
#undef SAME_TEXT
	return same;
}

bool session_equal(const struct session *a, const struct session *b)
{
	struct session a_plain, b_plain;

	if (a == b)
		return true;
	take_plain(&a_plain, a);
	take_plain(&b_plain, b);
	return memcmp(&a_plain, &b_plain, sizeof a_plain) == 0 && same_owned(a, b);
}

static void forget_words(struct session *plain)
{
	memset(plain->name, 0, sizeof plain->name);
	memset(plain->description, 0, sizeof plain->description);
	plain->disabled = plain->states_on_crash = false;
}

bool session_does_same(const struct session *a, const struct session *b)
{
	struct session a_plain, b_plain;

	if (a == b)
		return true;
	take_plain(&a_plain, a);
	take_plain(&b_plain, b);
	forget_words(&a_plain);
	forget_words(&b_plain);
	return memcmp(&a_plain, &b_plain, sizeof a_plain) == 0 && same_owned(a, b);
}

int session_set_text(const char **text, const char *value, struct error *error)
{
	char *copy = strdup(value);

	if (!copy)
		return fail(error, ENOMEM, "out of memory");
	free((void *)(uintptr_t)*text);
	*text = copy;
	return 0;
}

/* ---- one more of something ---- */

/* The items with room for one behind the last; NULL without memory. */
static void *make_room(void *items, unsigned int count, unsigned int *room, size_t size, struct error *error)
{
	char *more;

	if (count < *room)
		return items;
	more = reallocarray(items, count + 1, size);
	if (!more) {
		fail(error, ENOMEM, "out of memory");
		return NULL;
	}
	memset(more + count * size, 0, size);
	*room = count + 1;
	return more;
}

struct session_source *session_next_source(struct session *session, struct error *error)
{
	struct session_source *sources;

	if (session->source_count == SESSION_SOURCES_MAX) {
		fail(error, EINVAL, "more than %d interfaces are given; a pattern, as in veth*, takes many", SESSION_SOURCES_MAX);
		return NULL;
	}
	sources = make_room(session->sources, session->source_count, &session->source_room, sizeof *sources, error);
	if (!sources)
		return NULL;
	session->sources = sources;
	return &sources[session->source_count];
}

static int append(struct endpoint **items, unsigned int *count, unsigned int *room, const struct endpoint *item, struct error *error)
{
	struct endpoint *more = make_room(*items, *count, room, sizeof *more, error);

	if (!more)
		return -ENOMEM;
	*items = more;
	more[(*count)++] = *item;
	return 0;
}

int session_append_destination(struct session *session, const struct endpoint *destination, struct error *error)
{
	if (session->destination_count == SESSION_DESTINATIONS_MAX)
		return fail(error, EINVAL, "more than %d destinations are given", SESSION_DESTINATIONS_MAX);
	return append(&session->destinations, &session->destination_count, &session->destination_room, destination, error);
}

int session_append_tunnel(struct session *session, const struct endpoint *tunnel, struct error *error)
{
	if (session->tunnel_count == SESSION_TUNNELS_MAX)
		return fail(error, EINVAL, "more than %d sources that are tunnels are given", SESSION_TUNNELS_MAX);
	return append(&session->tunnels, &session->tunnel_count, &session->tunnel_room, tunnel, error);
}

/* ---- from text ---- */

int session_add_source(struct session *session, const char *text, struct error *error)
{
	static const char key[] = ",netns=";
	struct session_source *source = session_next_source(session, error);
	const char *netns = strstr(text, key);
	size_t len = netns ? (size_t)(netns - text) : strlen(text);

	if (!source)
		return -EINVAL;
	if (!len || len >= IFNAMSIZ || memchr(text, ',', len))
		return fail(error, EINVAL, "interface '%s': must be a name of 1 to %d characters, or NAME,netns=NAMESPACE", text,
			    IFNAMSIZ - 1);
	netns = netns ? netns + sizeof key - 1 : "";
	if (strlen(netns) >= sizeof source->netns)
		return fail(error, EINVAL, "interface '%s': the namespace is longer than %d characters", text, NETNS_TEXT_MAX - 1);
	memcpy(source->pattern, text, len);
	source->pattern[len] = '\0';
	strcpy(source->netns, netns);
	session->source_count++;
	return 0;
}

int session_add_destination(struct session *session, const char *text, struct error *error)
{
	struct endpoint destination;
	int rc = endpoint_parse(text, ENDPOINT_DESTINATION, &destination, error);

	return rc ? rc : session_append_destination(session, &destination, error);
}

int session_add_tunnel(struct session *session, const char *text, struct error *error)
{
	struct endpoint tunnel;
	int rc = endpoint_parse(text, ENDPOINT_SOURCE, &tunnel, error);

	return rc ? rc : session_append_tunnel(session, &tunnel, error);
}

/* "vntag,fcs", or "all": everything that is known from the frame and the sender's word. */
int session_parse_inner(const char *text, unsigned int *inner, struct error *error)
{
	const unsigned int known = (FARSPAN_INNER_tag_likely << 1) - 1;
	const char *at = text;

	if (strcmp(text, "all") == 0) {
		*inner = FARSPAN_INNER_EXTRA | FARSPAN_INNER_tag;
		return 0;
	}
	while (*at) {
		size_t len = strcspn(at, ",");
		unsigned int part = 1;

		while (part & known && (strncmp(farspan_inner_name(part), at, len) != 0 || farspan_inner_name(part)[len]))
			part <<= 1;
		if (!(part & known) || (at[len] && !at[len + 1]))
			break;
		*inner |= part;
		at += len + (at[len] == ',');
	}
	if (!*at && *inner)
		return 0;
	return fail(error, EINVAL, "inner must be all, or some of fabricpath,vntag,ttag,cmd,fcs,tag,tag_likely, not '%s'", text);
}

int session_parse_time_stamp_type(const char *text, bool *adapter, struct error *error)
{
	*adapter = strcmp(text, "adapter") == 0;
	if (*adapter || strcmp(text, "host") == 0)
		return 0;
	return fail(error, EINVAL, "time stamp type must be host or adapter, not '%s'", text);
}

int session_parse_direction(const char *text, struct session *session, struct error *error)
{
	bool both = strcmp(text, "both") == 0;

	session->directions[DIRECTION_RX] = both || strcmp(text, "rx") == 0;
	session->directions[DIRECTION_TX] = both || strcmp(text, "tx") == 0;
	if (session->directions[DIRECTION_RX] || session->directions[DIRECTION_TX])
		return 0;
	return fail(error, EINVAL, "direction must be rx, tx or both, not '%s'", text);
}

/* ---- whether it can be ---- */

const char *session_spread_fault(const struct session *session, bool collects)
{
	unsigned int interfaces = 0;

	for (unsigned int i = 0; i < session->destination_count; i++)
		interfaces += session->destinations[i].kinds == KIND_INTERFACE;
	if (!session->spread)
		return NULL;
	if (session->destination_count < 2)
		return "needs two or more destinations";
	if (collects && interfaces && interfaces < session->destination_count)
		return "is over interfaces, or over tunnels and VLANs, but not over both";
	return NULL;
}

bool session_shapes_relayed(const struct session *session)
{
	for (unsigned int i = 0; i < session->destination_count; i++)
		if (session->destinations[i].kinds != KIND_INTERFACE || session->destinations[i].netns[0])
			return true;
	return false;
}

const char *session_vrf_fault(const struct endpoint *sources, unsigned int count)
{
	for (unsigned int i = 1; i < count; i++)
		if (strcmp(sources[i].vrf, sources[0].vrf) != 0)
			return "must be the same in all sources of a session";
	return NULL;
}

int session_check_matches(const struct session *session, struct error *error)
{
	unsigned int count = 0;
	struct match match;
	int rc = 0;

	if (session->matches && session->spread)
		return fail(error, EINVAL, "rules choose among the destinations; flows cannot be spread over these at the same time");
	if (session->matches && !session->destination_count)
		return fail(error, EINVAL, "rules choose among destinations, of which there are none");
	for (const char *line = session->matches; line && !rc; line = matches_next(line)) {
		if (++count == MATCH_RULES_MAX)
			return fail(error, EINVAL, "more than %d rules", MATCH_RULES_MAX - 1);
		rc = match_parse(line, &match, error);
		if (!rc)
			rc = match_check(&match, session->destinations, session->destination_count, error);
	}
	return rc;
}

int session_check_different(const char *what, const struct endpoint *all, unsigned int count, struct error *error)
{
	for (unsigned int i = 1; i < count; i++)
		for (unsigned int before = 0; before < i; before++)
			if (memcmp(&all[i], &all[before], sizeof all[i]) == 0)
				return fail(error, EINVAL, "%s %u and %u are the same", what, before + 1, i + 1);
	return 0;
}

/* Of two sources one would take nothing. Who gets every frame twice could not tell it from a fault; rules and a hook make two of one. */
static int check_different(const struct session *session, struct error *error)
{
	int rc = session_check_different("sources", session->tunnels, session->tunnel_count, error);

	if (rc || session->matches || session->hook)
		return rc;
	return session_check_different("destinations", session->destinations, session->destination_count, error);
}

int session_check(const struct session *session, struct error *error)
{
	if (!session->source_count && !session->tunnel_count && !session->replayed)
		return fail(error, EINVAL, "no interface given (-i)");
	if (session->source_count && session->replayed)
		return fail(error, EINVAL, "frames come from interfaces (-i) or from a capture file (-r), not from both");
	if (!session->destination_count && !session->recording.path[0] && !session->recording.listen[0])
		return fail(error, EINVAL, "no destination given (-t)");
	if (check_different(session, error))
		return -EINVAL;
	if (session_spread_fault(session, false))
		return fail(error, EINVAL, "spread %s", session_spread_fault(session, false));
	for (unsigned int i = 0; i < session->destination_count && !session->tunnel_count; i++)
		if (session->destinations[i].keep)
			return fail(error, EINVAL,
				    "what was received can be kept (keep) where frames come from tunnels, not from interfaces");
	for (unsigned int i = 0; i < session->source_count; i++)
		if (session->sources[i].netns[0] && session_source_is_pattern(&session->sources[i]))
			return fail(error, EINVAL, "interface '%s' of a container cannot be a pattern", session->sources[i].pattern);
	for (unsigned int i = 0; i < session->destination_count; i++) {
		const struct endpoint *destination = &session->destinations[i];

		for (unsigned int s = 0; s < session->source_count; s++)
			if (destination->kinds == KIND_INTERFACE && !session_source_is_pattern(&session->sources[s]) &&
			    session_source_matches(&session->sources[s], destination))
				return fail(error, EINVAL, "interface '%s' is both source and destination", destination->dev);
	}
	return 0;
}

const char *session_kind_name(const struct session *session)
{
	static const char *const names[] = {[SESSION_MIRROR] = "mirror", [SESSION_COLLECTOR] = "collector", [SESSION_TUNNEL] = "tunnel"};

	return names[session_kind(session)];
}

bool session_source_is_pattern(const struct session_source *source)
{
	return strpbrk(source->pattern, "*?[") != NULL;
}

bool session_source_matches(const struct session_source *source, const struct endpoint *destination)
{
	if (endpoint_is_tunnel(destination) || strcmp(source->netns, destination->netns) != 0)
		return false;
	return strcmp(source->pattern, destination->dev) == 0 ||
	       (session_source_is_pattern(source) && fnmatch(source->pattern, destination->dev, 0) == 0);
}

/* Copies that leave an interface are not copied from it again: a pattern leaves destinations out. */
static bool is_destination(const struct session *session, const char *interface)
{
	for (unsigned int i = 0; i < session->destination_count; i++) {
		const struct endpoint *destination = &session->destinations[i];

		if (!endpoint_is_tunnel(destination) && !destination->netns[0] && strcmp(destination->dev, interface) == 0)
			return true;
	}
	return false;
}

bool session_takes(const struct session *session, const char *interface, bool by_pattern)
{
	for (unsigned int i = 0; i < session->source_count; i++) {
		const struct session_source *source = &session->sources[i];

		if (source->netns[0])
			continue;
		if (strcmp(source->pattern, interface) == 0)
			return true;
		if (by_pattern && session_source_is_pattern(source) && fnmatch(source->pattern, interface, 0) == 0 &&
		    !is_destination(session, interface))
			return true;
	}
	return false;
}
