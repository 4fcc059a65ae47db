/* SPDX-License-Identifier: BSD-2-Clause */
#include "model/session.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>

int session_add_source(struct session *session, const char *pattern, struct error *error)
{
	if (session->source_count == SESSION_SOURCES_MAX)
		return fail(error, EINVAL, "more than %d interfaces are given; a pattern, as in veth*, takes many", SESSION_SOURCES_MAX);
	if (!*pattern || strlen(pattern) >= IFNAMSIZ)
		return fail(error, EINVAL, "interface '%s': a name has 1 to %d characters", pattern, IFNAMSIZ - 1);
	strcpy(session->sources[session->source_count++].pattern, pattern);
	return 0;
}

int session_add_destination(struct session *session, const char *text, struct error *error)
{
	if (session->destination_count == SESSION_DESTINATIONS_MAX)
		return fail(error, EINVAL, "more than %d destinations are given", SESSION_DESTINATIONS_MAX);
	return endpoint_parse(text, ENDPOINT_DESTINATION, &session->destinations[session->destination_count++], error);
}

int session_check(const struct session *session, struct error *error)
{
	if (!session->source_count)
		return fail(error, EINVAL, "no interface given (-i)");
	if (!session->destination_count)
		return fail(error, EINVAL, "no destination given (-t)");
	if (session->spread && session->destination_count < 2)
		return fail(error, EINVAL, "flows can be spread over two or more destinations, not over one");
	for (unsigned int i = 0; i < session->destination_count; i++) {
		const struct endpoint *destination = &session->destinations[i];

		for (unsigned int s = 0; s < session->source_count; s++)
			if (destination->kinds == KIND_INTERFACE && strcmp(session->sources[s].pattern, destination->dev) == 0)
				return fail(error, EINVAL, "interface '%s' is both source and destination", destination->dev);
	}
	return 0;
}

bool session_source_is_pattern(const struct session_source *source)
{
	return strpbrk(source->pattern, "*?[") != NULL;
}

/* Copies that leave an interface are not copied from it again: a pattern leaves destinations out. */
static bool is_destination(const struct session *session, const char *interface)
{
	for (unsigned int i = 0; i < session->destination_count; i++)
		if (!endpoint_is_tunnel(&session->destinations[i]) && strcmp(session->destinations[i].dev, interface) == 0)
			return true;
	return false;
}

bool session_takes(const struct session *session, const char *interface, bool by_pattern)
{
	for (unsigned int i = 0; i < session->source_count; i++) {
		const struct session_source *source = &session->sources[i];

		if (strcmp(source->pattern, interface) == 0)
			return true;
		if (by_pattern && session_source_is_pattern(source) && fnmatch(source->pattern, interface, 0) == 0 &&
		    !is_destination(session, interface))
			return true;
	}
	return false;
}
