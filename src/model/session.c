/* SPDX-License-Identifier: BSD-2-Clause */
#include "model/session.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#include "model/match.h"

int session_add_source(struct session *session, const char *text, struct error *error)
{
	static const char key[] = ",netns=";
	struct session_source *source = &session->sources[session->source_count];
	const char *netns = strstr(text, key);
	size_t len = netns ? (size_t)(netns - text) : strlen(text);

	if (session->source_count == SESSION_SOURCES_MAX)
		return fail(error, EINVAL, "more than %d interfaces are given; a pattern, as in veth*, takes many", SESSION_SOURCES_MAX);
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
	if (session->destination_count == SESSION_DESTINATIONS_MAX)
		return fail(error, EINVAL, "more than %d destinations are given", SESSION_DESTINATIONS_MAX);
	return endpoint_parse(text, ENDPOINT_DESTINATION, &session->destinations[session->destination_count++], error);
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

int session_parse_direction(const char *text, struct session *session, struct error *error)
{
	bool both = strcmp(text, "both") == 0;

	session->directions[DIRECTION_RX] = both || strcmp(text, "rx") == 0;
	session->directions[DIRECTION_TX] = both || strcmp(text, "tx") == 0;
	if (session->directions[DIRECTION_RX] || session->directions[DIRECTION_TX])
		return 0;
	return fail(error, EINVAL, "direction must be rx, tx or both, not '%s'", text);
}

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

int session_check(const struct session *session, struct error *error)
{
	if (!session->source_count && !session->tunnel_count && !session->replayed)
		return fail(error, EINVAL, "no interface given (-i)");
	if (session->source_count && session->replayed)
		return fail(error, EINVAL, "frames come from interfaces (-i) or from a capture file (-r), not from both");
	if (!session->destination_count && !session->recording.path[0] && !session->recording.listen[0])
		return fail(error, EINVAL, "no destination given (-t)");
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
