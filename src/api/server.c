/* SPDX-License-Identifier: BSD-2-Clause */
#include "api/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <microhttpd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "api/stream.h"

enum {
	BODY_MAX = 1024 * 1024,
	CONNECTIONS_MAX = 64,
	IDLE_SECONDS = 30,
	GROUPS_MAX = 256,
	BACKLOG = 16,
	ROUNDS_MAX = 64, /* before others have their turn */
};

struct api_server {
	struct api_config config;
	char socket[108];
	gid_t group;
	bool has_group;
	struct MHD_Daemon *control, *metrics;
	int epoll;
	struct streams streams;
};

/* A request while its body comes in. */
struct exchange {
	char *body;
	size_t len;
	bool too_long;
};

enum rights {
	RIGHTS_NONE,
	RIGHTS_READ,
	RIGHTS_CHANGE,
};

/* ---- who may do what ---- */

static bool is_in_group(int fd, gid_t own, gid_t wanted)
{
	gid_t groups[GROUPS_MAX];
	socklen_t len = sizeof groups;

	if (own == wanted)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len))
		return false;
	for (size_t i = 0; i < len / sizeof groups[0]; i++)
		if (groups[i] == wanted)
			return true;
	return false;
}

static enum rights find_rights(const struct api_server *server, struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct ucred peer;
	socklen_t len = sizeof peer;

	if (!info || getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &peer, &len))
		return RIGHTS_NONE;
	if (peer.uid == 0 || peer.uid == geteuid() || (server->has_group && is_in_group(info->connect_fd, peer.gid, server->group)))
		return RIGHTS_CHANGE;
	return server->config.others_may_read ? RIGHTS_READ : RIGHTS_NONE;
}

/* ---- requests ---- */

static bool is_read(const char *method)
{
	return strcmp(method, MHD_HTTP_METHOD_GET) == 0 || strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
}

static enum MHD_Result answer(struct MHD_Connection *connection, const struct api_response *r)
{
	static char nothing[] = "";
	struct MHD_Response *response = MHD_create_response_from_buffer(r->body ? strlen(r->body) : 0, r->body ? r->body : nothing,
									r->body ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
	enum MHD_Result rc;

	if (!response) {
		free(r->body);
		return MHD_NO;
	}
	if (r->type)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, r->type);
	if (*r->allow)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, r->allow);
	rc = MHD_queue_response(connection, r->status, response);
	MHD_destroy_response(response);
	return rc;
}

static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned int status, const char *why)
{
	struct api_response response = {.status = status, .type = "application/json"};

	if (asprintf(&response.body, "{\"error\": \"%s\", \"errors\": []}\n", why) < 0)
		response.body = NULL;
	return answer(connection, &response);
}

static void add_body(struct exchange *exchange, const char *data, size_t len)
{
	char *body;

	if (exchange->len + len > BODY_MAX || !(body = realloc(exchange->body, exchange->len + len + 1))) {
		exchange->too_long = true;
		return;
	}
	memcpy(body + exchange->len, data, len);
	exchange->body = body;
	exchange->len += len;
	body[exchange->len] = '\0';
}

/* Takes the body. */
static enum MHD_Result follow(struct api_server *server, struct MHD_Connection *connection, const struct api_response *response)
{
	enum MHD_Result rc;

	if (server->streams.count < STREAMS_MAX)
		rc = stream_answer(&server->streams, connection, response->type, response->body);
	else
		rc = refuse(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "as many follow already as may");
	free(response->body);
	return rc;
}

static enum MHD_Result serve(struct api_server *server, struct MHD_Connection *connection, const char *path, const char *method,
			     const struct exchange *exchange)
{
	const struct api_request request = {
		.method = strcmp(method, MHD_HTTP_METHOD_HEAD) == 0 ? MHD_HTTP_METHOD_GET : method,
		.path = path,
		.body = exchange->body ? exchange->body : "",
		.body_len = exchange->len,
	};
	struct api_response response = {.status = MHD_HTTP_OK, .type = "application/json"};

	server->config.handle(server->config.context, &request, &response);
	if (response.stream && response.body)
		return follow(server, connection, &response);
	return answer(connection, &response);
}

static enum MHD_Result on_control(void *context, struct MHD_Connection *connection, const char *path, const char *method,
				  const char *version, const char *data, size_t *len, void **state)
{
	struct api_server *server = context;
	struct exchange *exchange = *state;
	enum rights rights;

	(void)version;
	if (!exchange) {
		*state = calloc(1, sizeof *exchange);
		return *state ? MHD_YES : MHD_NO;
	}
	if (*len) {
		add_body(exchange, data, *len);
		*len = 0;
		return MHD_YES;
	}
	rights = find_rights(server, connection);
	if (rights == RIGHTS_NONE || (rights == RIGHTS_READ && !is_read(method)))
		return refuse(connection, MHD_HTTP_FORBIDDEN, "only root and the members of the group of the socket may do that");
	if (exchange->too_long)
		return refuse(connection, MHD_HTTP_CONTENT_TOO_LARGE, "the body is longer than a session can be");
	return serve(server, connection, path, method, exchange);
}

static enum MHD_Result on_metrics(void *context, struct MHD_Connection *connection, const char *path, const char *method,
				  const char *version, const char *data, size_t *len, void **state)
{
	static const struct exchange none;
	struct api_server *server = context;
	const bool page = server->config.page && strcmp(path, "/") == 0;

	(void)version, (void)data, (void)state;
	*len = 0;
	if (!is_read(method) || (!page && strcmp(path, "/metrics") != 0))
		return refuse(connection, MHD_HTTP_NOT_FOUND, "here is nothing but /metrics");
	return serve(server, connection, path, method, &none);
}

static void on_completed(void *context, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode code)
{
	struct exchange *exchange = *state;

	(void)context, (void)connection, (void)code;
	if (exchange)
		free(exchange->body);
	free(exchange);
	*state = NULL;
}

/* ---- sockets ---- */

static int find_group(struct api_server *server, struct error *error)
{
	struct group *group;

	if (!server->config.group)
		return 0;
	group = getgrnam(server->config.group);
	if (!group)
		return fail(error, ENOENT, "group '%s': no such group", server->config.group);
	server->group = group->gr_gid;
	server->has_group = true;
	return 0;
}

/* Nobody can connect before owner and mode are what they are to be. */
static int bind_socket(struct api_server *server, struct error *error)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t mode = server->config.others_may_read ? 0666 : 0660, mask = umask(0777);
	int rc = 0;

	memcpy(address.sun_path, server->socket, sizeof address.sun_path);
	unlink(server->socket);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) ||
	    (server->has_group && chown(server->socket, (uid_t)-1, server->group)) || chmod(server->socket, mode) || listen(fd, BACKLOG))
		rc = fail(error, errno, "%s: %s", server->socket, strerror(errno));
	umask(mask);
	if (rc && fd >= 0)
		close(fd);
	return rc ? rc : fd;
}

static int parse_tcp(const char *text, struct sockaddr_storage *address, socklen_t *len)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)address;
	const char *colon = strrchr(text, ':');
	char host[64], *end;
	unsigned long port = colon ? strtoul(colon + 1, &end, 10) : 0;
	bool bracket = *text == '[' && colon && colon > text + 1 && colon[-1] == ']';
	size_t host_len = colon ? (size_t)(colon - text) - 2 * bracket : 0;

	memset(address, 0, sizeof *address);
	if (!port || port > 65535 || *end || !host_len || host_len >= sizeof host)
		return -EINVAL;
	snprintf(host, sizeof host, "%.*s", (int)host_len, text + bracket);
	address->ss_family = bracket ? AF_INET6 : AF_INET;
	*len = bracket ? sizeof *v6 : sizeof *v4;
	if (bracket)
		v6->sin6_port = htons((uint16_t)port);
	else
		v4->sin_port = htons((uint16_t)port);
	return inet_pton(address->ss_family, host, bracket ? (void *)&v6->sin6_addr : (void *)&v4->sin_addr) == 1 ? 0 : -EINVAL;
}

static int bind_tcp(const char *text, struct error *error)
{
	struct sockaddr_storage address;
	socklen_t len;
	int fd, on = 1;

	if (parse_tcp(text, &address, &len))
		return fail(error, EINVAL, "metrics address '%s': must be ADDRESS:PORT or [ADDRESS]:PORT", text);
	fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) || bind(fd, (struct sockaddr *)&address, len) ||
	    listen(fd, BACKLOG)) {
		int rc = fail(error, errno, "metrics address %s: %s", text, strerror(errno));

		if (fd >= 0)
			close(fd);
		return rc;
	}
	return fd;
}

static int start(struct api_server *server, int fd, MHD_AccessHandlerCallback handle, struct MHD_Daemon **daemon, struct error *error)
{
	struct epoll_event event = {.events = EPOLLIN};
	const union MHD_DaemonInfo *info;

	*daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, handle, server, MHD_OPTION_LISTEN_SOCKET, fd,
				   MHD_OPTION_CONNECTION_LIMIT, (unsigned int)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
				   (unsigned int)IDLE_SECONDS, MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_END);
	if (!*daemon) {
		close(fd);
		return fail(error, EIO, "HTTP server cannot be started");
	}
	info = MHD_get_daemon_info(*daemon, MHD_DAEMON_INFO_EPOLL_FD);
	if (!info || epoll_ctl(server->epoll, EPOLL_CTL_ADD, info->epoll_fd, &event))
		return fail(error, errno, "HTTP server: %s", strerror(errno));
	return 0;
}

static int open_parts(struct api_server *server, struct error *error)
{
	int fd, rc = find_group(server, error);

	if (rc)
		return rc;
	server->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (server->epoll < 0)
		return fail(error, errno, "HTTP server: %s", strerror(errno));
	fd = server->config.passed >= 0 ? server->config.passed : bind_socket(server, error);
	if (fd < 0 || (fd = start(server, fd, on_control, &server->control, error)) < 0)
		return fd;
	if (!server->config.metrics)
		return 0;
	if ((fd = bind_tcp(server->config.metrics, error)) < 0)
		return fd;
	return start(server, fd, on_metrics, &server->metrics, error);
}

int api_server_open(struct api_server **opened, const struct api_config *config, struct error *error)
{
	struct api_server *server = calloc(1, sizeof *server);
	int rc;

	if (!server)
		return fail(error, ENOMEM, "out of memory");
	server->epoll = -1;
	server->config = *config;
	strncpy(server->socket, config->socket, sizeof server->socket - 1);
	if (strlen(config->socket) >= sizeof server->socket)
		rc = fail(error, ENAMETOOLONG, "%s: longer than the path of a socket can be", config->socket);
	else
		rc = open_parts(server, error);
	if (rc)
		api_server_close(server);
	else
		*opened = server;
	return rc;
}

/* What is ready and not done makes no descriptor readable again. */
static void run(struct MHD_Daemon *daemon)
{
	MHD_UNSIGNED_LONG_LONG wait_ms;
	unsigned int rounds = 0;

	do
		MHD_run(daemon);
	while (++rounds < ROUNDS_MAX && MHD_get_timeout(daemon, &wait_ms) == MHD_YES && !wait_ms);
}

void api_server_close(struct api_server *server)
{
	if (!server)
		return;
	if (server->metrics)
		MHD_stop_daemon(server->metrics);
	if (server->control) {
		streams_end(&server->streams);
		run(server->control);
		MHD_stop_daemon(server->control);
		if (server->config.passed < 0)
			unlink(server->socket);
	}
	if (server->epoll >= 0)
		close(server->epoll);
	free(server);
}

int api_server_fd(const struct api_server *server)
{
	return server->epoll;
}

void api_server_run(struct api_server *server)
{
	streams_follow(&server->streams);
	run(server->control);
	if (server->metrics)
		run(server->metrics);
}

bool api_server_is_followed(const struct api_server *server)
{
	return server->streams.count > 0;
}

void api_server_tell(struct api_server *server, const char *line)
{
	streams_tell(&server->streams, line);
}
