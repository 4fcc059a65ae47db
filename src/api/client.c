/* SPDX-License-Identifier: BSD-2-Clause */
#include "api/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	PATH_MAX_LEN = 512,
	TIMEOUT_SECONDS = 120,
	STATUS_ERRORS = 400,
	STATUS_NOT_FOUND = 404,
	STATUS_FORBIDDEN = 403,
};

struct answer {
	char *text;
	size_t len;
};

static size_t take(char *data, size_t size, size_t count, void *context)
{
	struct answer *answer = context;
	char *text = realloc(answer->text, answer->len + size * count + 1);

	if (!text)
		return 0;
	memcpy(text + answer->len, data, size * count);
	answer->text = text;
	answer->len += size * count;
	text[answer->len] = '\0';
	return size * count;
}

static int perform(CURL *curl, const char *socket, struct error *error)
{
	CURLcode code = curl_easy_perform(curl);

	if (code == CURLE_OK)
		return 0;
	if (code == CURLE_COULDNT_CONNECT && access(socket, W_OK) && errno == EACCES)
		return fail(error, EACCES, "%s: only root and the members of its group may ask farspand", socket);
	if (code == CURLE_COULDNT_CONNECT)
		return fail(error, ECONNREFUSED, "%s: nobody answers; is farspand running?", socket);
	return fail(error, EIO, "%s: %s", socket, curl_easy_strerror(code));
}

static int request(CURL *curl, const char *socket, const char *method, const char *path, const char *body, struct answer *answer,
		   struct error *error)
{
	char url[PATH_MAX_LEN];

	snprintf(url, sizeof url, "http://farspan%s", path);
	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)TIMEOUT_SECONDS);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
	if (body)
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	return perform(curl, socket, error);
}

/* What the daemon said is wrong. */
static int take_error(long status, const json_t *json, struct error *error)
{
	const char *text = json_string_value(json_object_get(json, "error"));
	int code = status == STATUS_NOT_FOUND ? ENOENT : status == STATUS_FORBIDDEN ? EPERM : EINVAL;

	return fail(error, code, "%s", text ? text : "the daemon refused, and gave no reason");
}

int api_call(const char *socket, const char *method, const char *path, const json_t *body, json_t **wanted, struct error *error)
{
	CURL *curl = curl_easy_init();
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	struct answer answer = {0};
	json_t *json = NULL;
	long status = 0;
	int rc = -ENOMEM;

	if (curl && (!body || text))
		rc = request(curl, socket, method, path, text, &answer, error);
	else
		fail(error, ENOMEM, "out of memory");
	if (!rc) {
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
		json = json_loads(answer.text ? answer.text : "null", JSON_DECODE_ANY, NULL);
		if (status >= STATUS_ERRORS)
			rc = take_error(status, json, error);
	}
	if (wanted)
		*wanted = json_incref(json);
	json_decref(json);
	free(answer.text);
	free(text);
	if (curl)
		curl_easy_cleanup(curl);
	return rc;
}
