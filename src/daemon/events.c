/* SPDX-License-Identifier: BSD-2-Clause */
#include "daemon/events.h"

#include <farspan.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "model/session_json.h"

/* What was told of a session; in the order of names, as the sessions are. */
struct told {
	char name[SESSION_NAME_MAX];
	enum mirror_state state;
	char why[sizeof((struct error *)0)->text];
};

/* As a line; takes the object. */
static char *to_line(json_t *object)
{
	char *text = object ? json_dumps(object, 0) : NULL, *line = text ? realloc(text, strlen(text) + 2) : NULL;

	json_decref(object);
	if (line)
		strcat(line, "\n");
	else
		free(text);
	return line;
}

static void tell(struct events *events, json_t *object)
{
	char *line = to_line(object);

	if (line)
		api_server_tell(events->server, line);
	free(line);
}

char *events_hello(void)
{
	return to_line(json_pack("{s:s, s:s}", "event", "hello", "version", farspan_version()));
}

void events_changed(void *context, const struct runner_news *news)
{
	const struct session *session = news->now ? news->now : news->was;
	const struct events *events = context;
	json_t *object;

	if (!api_server_is_followed(events->server))
		return;
	object = json_pack("{s:s}", "event", news->event);
	if (object && session)
		json_object_set_new(object, "session", json_string(session->name));
	if (object && news->was && news->now)
		json_object_set_new(object, "keys", session_changes(news->was, news->now));
	if (object && news->text)
		json_object_set_new(object, "text", json_string(news->text));
	tell(context, object);
}

static const struct told *find(const struct events *events, const char *name, size_t *at)
{
	while (*at < events->count && strcmp(events->told[*at].name, name) < 0)
		++*at;
	return *at < events->count && strcmp(events->told[*at].name, name) == 0 ? &events->told[*at] : NULL;
}

static void look(const struct events *events, const struct session *session, struct told *now)
{
	struct runner_session found;

	runner_look(events->runner, session, &found);
	*now = (struct told){.state = found.state};
	memcpy(now->name, session->name, sizeof now->name);
	if (found.why.code)
		memcpy(now->why, found.why.text, sizeof now->why);
}

static void forget(struct events *events)
{
	free(events->told);
	events->told = NULL;
	events->count = 0;
	events->followed = false;
}

void events_follow(struct events *events)
{
	const struct session_list *list = runner_wanted(events->runner);
	struct told *fresh;
	size_t at = 0;

	if (!api_server_is_followed(events->server)) {
		forget(events);
		return;
	}
	fresh = calloc(list->count + 1, sizeof *fresh);
	for (size_t i = 0; i < list->count && fresh; i++) {
		struct told *now = &fresh[i];
		const struct told *old;

		look(events, list->sessions[i], now);
		old = find(events, now->name, &at);
		/* Who has just come is told what changes from now on. */
		if (!events->followed)
			continue;
		if (!old || old->state != now->state || strcmp(old->why, now->why) != 0)
			tell(events, json_pack("{s:s, s:s, s:s, s:s}", "event", "state", "session", now->name, "state",
					       mirror_state_name(now->state), "why", now->why));
	}
	if (!fresh)
		return;
	free(events->told);
	events->told = fresh;
	events->count = list->count;
	events->followed = true;
}

void events_free(struct events *events)
{
	forget(events);
	*events = (struct events){0};
}
