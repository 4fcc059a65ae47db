/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any bytes as what comes to the socket of farspand: server, routes and the JSON of sessions, with a runner that runs nothing. Every answer
 * is HTTP with a known status and, but for metrics, JSON; and the sessions that are wanted in the end are free of errors.
 */
#include "fuzz.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "api/server.h"
#include "daemon/events.h"
#include "daemon/log.h"
#include "daemon/page.h"
#include "daemon/routes.h"
#include "daemon/state.h"
#include "model/session_json.h"

enum {
	ANSWER_MAX = 1 << 20,
	ROUNDS_MAX = 1000,
};

/* ---- a runner of sessions that do not run ---- */

struct runner {
	struct session_list list;
};

const struct session_list *runner_wanted(const struct runner *runner)
{
	return &runner->list;
}

/* A list without errors stays so: the new one is checked alone, as loops among sessions are the business of another target. */
int runner_put(struct runner *runner, struct session *session, bool keep, struct error_list *errors)
{
	struct session_list alone = {.sessions = &session, .count = 1};
	int rc = keep ? -EBUSY : session_list_check(&alone, errors);

	return rc ? rc : session_list_add(&runner->list, session);
}

int runner_remove(struct runner *runner, const char *name, struct error_list *errors)
{
	(void)errors;
	if (!session_list_find(&runner->list, name))
		return -ENOENT;
	session_list_remove(&runner->list, name);
	return 0;
}

int runner_enable(struct runner *runner, const char *name, bool enable, bool keep, struct error_list *errors)
{
	struct session *session = session_list_find(&runner->list, name);

	(void)errors, (void)keep;
	if (session)
		session->disabled = !enable;
	return session ? 0 : -ENOENT;
}

int runner_reload(struct runner *runner, struct error_list *errors)
{
	error_list_add(errors, NULL, "%zu sessions are in no file", runner->list.count);
	return -EINVAL;
}

json_t *state_session(const struct runner *runner, const struct session *session)
{
	(void)runner;
	return session_to_json(session);
}

json_t *state_sessions(const struct runner *runner)
{
	json_t *list = json_array();

	for (size_t i = 0; i < runner->list.count; i++)
		json_array_append_new(list, session_to_json(runner->list.sessions[i]));
	return list;
}

json_t *state_cost(struct runner *runner)
{
	return state_sessions(runner);
}

char *state_metrics(struct runner *runner)
{
	(void)runner;
	return strdup("# metrics\n");
}

char *page_html(const struct runner *runner)
{
	(void)runner;
	return strdup("<!DOCTYPE html>\n");
}

char *events_hello(void)
{
	return strdup("{}\n");
}

void log_line(enum log_level level, const char *session, const char *format, ...)
{
	(void)level, (void)session, (void)format;
}

/* ---- a client ---- */

static struct runner runner;
static struct api_server *server;
static struct sockaddr_un address = {.sun_family = AF_UNIX};
static const socklen_t address_len = offsetof(struct sockaddr_un, sun_path) + 24;

static void open_server(void)
{
	const int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const struct api_config config = {.socket = "", .passed = listening, .handle = routes_handle, .context = &runner};
	struct error error;

	/* A name of the abstract namespace, of this process. */
	snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "farspan-fuzz-%010d", (int)getpid());
	MUST(bind(listening, (struct sockaddr *)&address, address_len) == 0 && listen(listening, 1) == 0);
	MUST(api_server_open(&server, &config, &error) == 0);
}

/* Sends all, and takes what is answered until the server has nothing more to say. */
static size_t talk(const uint8_t *data, size_t len, char *answer)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	size_t sent = 0, got = 0;
	ssize_t part = -1;

	MUST(connect(fd, (struct sockaddr *)&address, address_len) == 0);
	for (unsigned int round = 0; round < ROUNDS_MAX && part; round++) {
		const size_t before = sent + got;

		if (sent < len && (part = send(fd, data + sent, len - sent, MSG_NOSIGNAL)) > 0)
			sent += (size_t)part;
		if (sent == len)
			shutdown(fd, SHUT_WR);
		api_server_run(server);
		while ((part = recv(fd, answer + got, ANSWER_MAX - got, 0)) > 0)
			got += (size_t)part;
		if (part < 0 && errno != EAGAIN)
			part = 0;
		if (part < 0 && sent == len && before == sent + got && round > 2)
			break; /* a stream of events, or half of a request */
	}
	close(fd);
	api_server_run(server);
	answer[got] = '\0';
	return got;
}

/* The first answer; behind it there may be others. */
static void check_answer(const char *answer)
{
	static const int known[] = {100, 200, 400, 403, 404, 405, 408, 409, 411, 413, 414, 417, 431, 500, 501, 503, 505};
	const char *body = strstr(answer, "\r\n\r\n"), *type = strstr(answer, "Content-Type: application/json");
	int status = 0;
	bool is_known = false;
	json_t *json;

	MUST(sscanf(answer, "HTTP/1.%*d %d ", &status) == 1 && body);
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		is_known = is_known || status == known[i];
	MUST(is_known);
	if (!type || type > body || !body[4] || strncmp(body + 4, "HTTP/", 5) == 0)
		return; /* metrics, events, libmicrohttpd's own words; what HEAD asked for */
	json = json_loads(body + 4, JSON_DISABLE_EOF_CHECK, NULL);
	MUST(json);
	json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static char answer[ANSWER_MAX + 1];
	struct error_list errors = {0};

	if (!server)
		open_server();
	if (talk(data, len, answer))
		check_answer(answer);
	for (size_t i = 0; i < runner.list.count; i++) {
		struct session_list alone = {.sessions = &runner.list.sessions[i], .count = 1};

		MUST(session_list_check(&alone, &errors) == 0 && errors.errors == 0);
	}
	error_list_free(&errors);
	session_list_free(&runner.list);
	return 0;
}
