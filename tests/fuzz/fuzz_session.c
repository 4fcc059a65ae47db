/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any text as a file of a session, or, if it begins with '{', as its JSON: an error has a place in the text, and a session that is accepted
 * is the same when it was written and read again, both ways.
 */
#include "fuzz.h"

#include "model/session_file.h"
#include "model/session_json.h"

static unsigned int lines_of(const char *text)
{
	unsigned int lines = 1;

	for (; *text; text++)
		lines += *text == '\n';
	return lines;
}

static void check_again(const struct session *session)
{
	struct error_list errors = {0};
	struct session *again;
	json_t *json = session_to_json(session);
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	MUST(json && out);
	session_file_write(out, session);
	MUST(fclose(out) == 0);
	MUST(session_text_read(session->name, "again", text, &again, &errors) == 0 && session_equal(session, again));
	session_free(again);
	MUST(session_from_json(session->name, json, &again, &errors) == 0 && session_equal(session, again));
	session_free(again);
	json_decref(json);
	free(text);
}

static struct session *read_json(const char *text, struct error_list *errors)
{
	json_t *json = json_loads(text, 0, NULL);
	struct session *session = NULL;

	if (json)
		MUST((session_from_json(NULL, json, &session, errors) == 0) == (errors->errors == 0));
	json_decref(json);
	return session;
}

static struct session *read_file(const char *text, struct error_list *errors)
{
	struct session *session;

	MUST((session_text_read("fuzz", "fuzz", text, &session, errors) == 0) == (errors->errors == 0));
	MUST((errors->errors == 0) == (session != NULL));
	for (size_t i = 0; i < errors->count; i++)
		MUST(errors->items[i].place.line <= lines_of(text) && errors->items[i].text[0]);
	return session;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text = malloc(len + 1);
	struct error_list errors = {0};
	struct session *session;

	MUST(text);
	memcpy(text, data, len);
	text[len] = '\0';
	session = text[0] == '{' ? read_json(text, &errors) : read_file(text, &errors);
	if (session) {
		session->file[0] = '\0';
		check_again(session);
	}
	session_free(session);
	error_list_sort(&errors);
	error_list_free(&errors);
	free(text);
	return 0;
}
