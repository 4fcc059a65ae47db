/* SPDX-License-Identifier: BSD-2-Clause */
#include "daemon/routes.h"

#include <errno.h>
#include <farspan.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/events.h"
#include "daemon/log.h"
#include "daemon/page.h"
#include "daemon/state.h"
#include "model/session_json.h"

enum {
	OK = 200,
	BAD_REQUEST = 400,
	NOT_FOUND = 404,
	NOT_ALLOWED = 405,
	CONFLICT = 409,
	SERVER_ERROR = 500,
};

/* A request on its way through its handler. */
struct call {
	struct runner *runner;
	const struct api_request *request;
	struct api_response *response;
	char name[SESSION_NAME_MAX]; /* what stood for NAME in the path */
};

static void put_json(struct call *call, unsigned int status, json_t *json)
{
	call->response->status = json ? status : SERVER_ERROR;
	call->response->body = json ? json_dumps(json, JSON_INDENT(2)) : NULL;
	json_decref(json);
}

static void put_error(struct call *call, unsigned int status, const char *text)
{
	put_json(call, status, json_pack("{s:s, s:[]}", "error", text, "errors"));
}

static void put_missing(struct call *call)
{
	char text[SESSION_NAME_MAX + 32];

	snprintf(text, sizeof text, "session '%s': there is none", call->name);
	put_error(call, NOT_FOUND, text);
}

static unsigned int status_of(int rc)
{
	return rc == -ENOENT ? NOT_FOUND : rc == -EBUSY || rc == -EEXIST ? CONFLICT : rc == -ENOMEM ? SERVER_ERROR : BAD_REQUEST;
}

/* The first error in words, and all of them as a list; or what became of the sessions. */
static void put_result(struct call *call, int rc, struct error_list *errors)
{
	const char *text = "out of memory";

	for (size_t i = errors->count; i-- > 0;)
		if (!errors->items[i].warning)
			text = errors->items[i].text;
	if (rc)
		put_json(call, status_of(rc), json_pack("{s:s, s:o}", "error", text, "errors", session_errors_to_json(errors)));
	else
		put_json(call, OK, json_pack("{s:o}", "warnings", session_errors_to_json(errors)));
	error_list_free(errors);
}

/* ---- handlers ---- */

static void get_status(struct call *call)
{
	put_json(call, OK,
		 json_pack("{s:s, s:I}", "version", farspan_version(), "sessions", (json_int_t)runner_wanted(call->runner)->count));
}

static void get_sessions(struct call *call)
{
	put_json(call, OK, state_sessions(call->runner));
}

static void get_session(struct call *call)
{
	const struct session *session = session_list_find(runner_wanted(call->runner), call->name);

	if (session)
		put_json(call, OK, state_session(call->runner, session));
	else
		put_missing(call);
}

static void get_cost(struct call *call)
{
	put_json(call, OK, state_cost(call->runner));
}

static void get_metrics(struct call *call)
{
	call->response->type = "text/plain; version=0.0.4; charset=utf-8";
	call->response->body = state_metrics(call->runner);
}

static void get_page(struct call *call)
{
	call->response->type = "text/html; charset=utf-8";
	call->response->body = page_html(call->runner);
}

static void get_events(struct call *call)
{
	call->response->type = "application/x-ndjson";
	call->response->stream = true;
	call->response->body = events_hello();
	if (!call->response->body)
		call->response->status = SERVER_ERROR;
}

/* Puts what json says, which is taken. "persist" is no key of a session. */
static void put_from_json(struct call *call, const char *name, json_t *json)
{
	struct error_list errors = {0};
	struct session *session = NULL;
	bool keep = json_is_true(json_object_get(json, "persist"));
	int rc;

	json_object_del(json, "persist");
	rc = session_from_json(name, json, &session, &errors);
	json_decref(json);
	if (!rc && (rc = runner_put(call->runner, session, keep, &errors)))
		session_free(session);
	else if (!rc)
		log_line(LOG_LEVEL_INFO, name, "set over the API");
	put_result(call, rc, &errors);
}

static json_t *read_body(struct call *call)
{
	json_error_t wrong;
	json_t *json = json_loadb(call->request->body, call->request->body_len, JSON_REJECT_DUPLICATES, &wrong);

	if (json_is_object(json))
		return json;
	put_error(call, BAD_REQUEST, json ? "the body must be a JSON object" : wrong.text);
	json_decref(json);
	return NULL;
}

static void create_session(struct call *call)
{
	json_t *json = read_body(call);
	const char *name = json_string_value(json_object_get(json, "name"));

	if (!json)
		return;
	if (!name)
		put_error(call, BAD_REQUEST, "name is missing");
	else if (session_list_find(runner_wanted(call->runner), name))
		put_error(call, CONFLICT, "there is a session of that name");
	else {
		char copy[SESSION_NAME_MAX] = "";

		strncpy(copy, name, sizeof copy - 1);
		put_from_json(call, strlen(name) < sizeof copy ? copy : NULL, json);
		return;
	}
	json_decref(json);
}

static void replace_session(struct call *call)
{
	json_t *json = read_body(call);

	if (json)
		put_from_json(call, call->name, json);
}

/* Keys of the body replace those of the session; null takes a key away. */
static void change_session(struct call *call)
{
	const struct session *session = session_list_find(runner_wanted(call->runner), call->name);
	json_t *changes = session ? read_body(call) : NULL, *json, *value;
	const char *key;

	if (!session) {
		put_missing(call);
		return;
	}
	if (!changes)
		return;
	json = session_to_json(session);
	json_object_foreach (changes, key, value) {
		if (json_is_null(value))
			json_object_del(json, key);
		else
			json_object_set(json, key, value);
	}
	json_decref(changes);
	put_from_json(call, call->name, json);
}

static void delete_session(struct call *call)
{
	struct error_list errors = {0};
	int rc = runner_remove(call->runner, call->name, &errors);

	if (!rc)
		log_line(LOG_LEVEL_INFO, call->name, "removed over the API");
	put_result(call, rc, &errors);
}

/* The body may be left out; else "persist" is all it may have. */
static bool read_persist(struct call *call, bool *keep)
{
	json_t *json = call->request->body_len ? read_body(call) : json_object(), *persist = json_object_get(json, "persist");
	bool known = json_object_size(json) == (persist ? 1 : 0) && (!persist || json_is_boolean(persist));

	*keep = json_is_true(persist);
	if (json && !known)
		put_error(call, BAD_REQUEST, "the body may have \"persist\", true or false, and nothing else");
	json_decref(json);
	return json && known;
}

static void switch_session(struct call *call, bool on)
{
	struct error_list errors = {0};
	bool keep;
	int rc;

	if (!read_persist(call, &keep))
		return;
	rc = runner_enable(call->runner, call->name, on, keep, &errors);

	if (!rc)
		log_line(LOG_LEVEL_INFO, call->name, "%s over the API", on ? "enabled" : "disabled");
	put_result(call, rc, &errors);
}

static void enable_session(struct call *call)
{
	switch_session(call, true);
}

static void disable_session(struct call *call)
{
	switch_session(call, false);
}

static void reload(struct call *call)
{
	struct error_list errors = {0};

	put_result(call, runner_reload(call->runner, &errors), &errors);
}

/* What is not UTF-8 no answer could name. */
static bool is_text(const char *name)
{
	json_t *text = json_string(name);
	bool is = text != NULL;

	json_decref(text);
	return is;
}

/* ---- the table ---- */

static const struct route {
	const char *method, *path; /* * stands for the name of a session */
	void (*handle)(struct call *call);
} routes[] = {
	{"GET", "/v1/status", get_status},
	{"GET", "/v1/sessions", get_sessions},
	{"POST", "/v1/sessions", create_session},
	{"GET", "/v1/sessions/*", get_session},
	{"PUT", "/v1/sessions/*", replace_session},
	{"PATCH", "/v1/sessions/*", change_session},
	{"DELETE", "/v1/sessions/*", delete_session},
	{"POST", "/v1/sessions/*/enable", enable_session},
	{"POST", "/v1/sessions/*/disable", disable_session},
	{"POST", "/v1/reload", reload},
	{"GET", "/v1/cost", get_cost},
	{"GET", "/v1/events", get_events},
	{"GET", "/metrics", get_metrics},
	{"GET", "/", get_page},
};

static bool matches(const char *pattern, const char *path, char name[SESSION_NAME_MAX])
{
	const char *star = strchr(pattern, '*');
	size_t before = star ? (size_t)(star - pattern) : 0, len;

	if (!star)
		return strcmp(pattern, path) == 0;
	if (strncmp(pattern, path, before) != 0)
		return false;
	len = strcspn(path + before, "/");
	if (!len || len >= SESSION_NAME_MAX || strcmp(path + before + len, star + 1) != 0)
		return false;
	memcpy(name, path + before, len);
	name[len] = '\0';
	return is_text(name);
}

/* A GET may be asked for as HEAD. */
static void add_allowed(struct api_response *response, const char *method)
{
	size_t len = strlen(response->allow);

	snprintf(response->allow + len, sizeof response->allow - len, "%s%s%s", len ? ", " : "", method,
		 strcmp(method, "GET") == 0 ? ", HEAD" : "");
}

void routes_handle(void *context, const struct api_request *request, struct api_response *response)
{
	struct call call = {.runner = context, .request = request, .response = response};

	for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
		if (!matches(routes[i].path, request->path, call.name))
			continue;
		if (strcmp(routes[i].method, request->method) == 0) {
			*response->allow = '\0';
			routes[i].handle(&call);
			return;
		}
		add_allowed(response, routes[i].method);
	}
	if (*response->allow)
		put_error(&call, NOT_ALLOWED, "that cannot be done here");
	else
		put_error(&call, NOT_FOUND, "there is nothing of that name");
}
