/* SPDX-License-Identifier: BSD-2-Clause */
#include "api/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

/*
 * A request of HTTP/1.0 is answered in one piece that ends with the connection, so there is little to do here. A library for HTTP brings
 * along what secures connections to other hosts, and every command would wait for that to be loaded, half as long as it runs.
 */
enum {
	TIMEOUT_SECONDS = 120,
	CHUNK = 65536,
	STATUS_ERRORS = 400,
	STATUS_NOT_FOUND = 404,
	STATUS_FORBIDDEN = 403,
};

struct answer {
	char *text; /* NUL behind it */
	size_t len;
	unsigned int status;
	const char *body; /* in text */
};

static int connect_to(const char *socket_path, struct error *error)
{
	struct timeval timeout = {.tv_sec = TIMEOUT_SECONDS};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd, code;

	if (strlen(socket_path) >= sizeof address.sun_path)
		return fail(error, ENAMETOOLONG, "%s: the name of a socket has at most %zu characters", socket_path,
			    sizeof address.sun_path - 1);
	strcpy(address.sun_path, socket_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail(error, errno, "%s: %s", socket_path, strerror(errno));
	/* With these, who is stopped and goes on is told so by EINTR, whatever was said of signals. */
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
	if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
		return fd;
	code = errno;
	close(fd);
	if (code == EACCES)
		return fail(error, EACCES, "%s: only root and the members of its group may ask farspand", socket_path);
	return fail(error, ECONNREFUSED, "%s: nobody answers; is farspand running?", socket_path);
}

static int send_request(int fd, const char *method, const char *path, const char *body)
{
	char *text, *at;
	int len = asprintf(&text, "%s %s HTTP/1.0\r\nHost: farspan\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
			   method, path, body ? strlen(body) : 0, body ? body : "");
	ssize_t sent = 0;

	if (len < 0)
		return -ENOMEM;
	/* Who refuses a request need not read it to its end; what became of it is said by the answer. */
	for (at = text; at < text + len && sent >= 0; at += sent)
		sent = TEMP_FAILURE_RETRY(send(fd, at, (size_t)(text + len - at), MSG_NOSIGNAL));
	free(text);
	return 0;
}

static int receive(int fd, struct answer *answer)
{
	ssize_t len;

	do {
		char *text = realloc(answer->text, answer->len + CHUNK + 1);

		if (!text)
			return -ENOMEM;
		answer->text = text;
		len = TEMP_FAILURE_RETRY(recv(fd, text + answer->len, CHUNK, 0));
		if (len < 0 && errno == ECONNRESET) /* closed before all of the request was read; the answer came before that */
			len = 0;
		if (len < 0)
			return -errno;
		answer->len += (size_t)len;
		text[answer->len] = '\0';
	} while (len);
	return 0;
}

/* HTTP/1.1 200 OK, lines of no interest, an empty one, the body. */
static int find_body(struct answer *answer)
{
	const char *end = strstr(answer->text, "\r\n\r\n");

	if (!end || sscanf(answer->text, "HTTP/1.%*u %u", &answer->status) != 1)
		return -EPROTO;
	answer->body = end + strlen("\r\n\r\n");
	return 0;
}

static int exchange(const char *socket_path, const char *method, const char *path, const char *body, struct answer *answer,
		    struct error *error)
{
	int fd = connect_to(socket_path, error), rc;

	if (fd < 0)
		return fd;
	rc = send_request(fd, method, path, body);
	if (!rc)
		rc = receive(fd, answer);
	if (!rc)
		rc = find_body(answer);
	close(fd);
	if (rc == -EPROTO)
		return fail(error, EPROTO, "%s: the answer is not that of farspand, or ends early", socket_path);
	if (rc == -EAGAIN)
		return fail(error, ETIMEDOUT, "%s: no answer for %d seconds", socket_path, TIMEOUT_SECONDS);
	return rc ? fail(error, -rc, "%s: %s", socket_path, strerror(-rc)) : 0;
}

/* What the daemon said is wrong. */
static int take_error(unsigned int status, const json_t *json, struct error *error)
{
	const char *text = json_string_value(json_object_get(json, "error"));
	int code = status == STATUS_NOT_FOUND ? ENOENT : status == STATUS_FORBIDDEN ? EPERM : EINVAL;

	return fail(error, code, "%s", text ? text : "the daemon refused, and gave no reason");
}

int api_call(const char *socket_path, const char *method, const char *path, const json_t *body, json_t **wanted, struct error *error)
{
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	struct answer answer = {0};
	json_t *json = NULL;
	int rc = body && !text ? fail(error, ENOMEM, "out of memory") : exchange(socket_path, method, path, text, &answer, error);

	if (!rc) {
		json = json_loads(answer.body, JSON_DECODE_ANY, NULL);
		if (!json)
			rc = fail(error, EPROTO, "%s: the answer is no JSON, or ends early", socket_path);
	}
	if (!rc && answer.status >= STATUS_ERRORS)
		rc = take_error(answer.status, json, error);
	if (wanted)
		*wanted = json_incref(json);
	json_decref(json);
	free(answer.text);
	free(text);
	return rc;
}
