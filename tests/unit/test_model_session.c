/* SPDX-License-Identifier: BSD-2-Clause */
/* Sessions in files and JSON: what is read is written again, drop-ins and directories count in the right order, mistakes have places. */
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/session_file.h"
#include "model/session_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h> /* last: it has a fail() of its own */

static char *to_text(const struct session *session)
{
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	session_file_write(out, session);
	assert_int_equal(fclose(out), 0);
	return text;
}

static struct session *from_text(const char *name, const char *text)
{
	struct error_list errors = {0};
	struct session *session;
	int rc = session_text_read(name, "memory", text, &session, &errors);

	error_list_print(stderr, &errors);
	assert_int_equal(rc, 0);
	assert_int_equal(errors.count, 0);
	return session;
}

static struct session *from_json(const char *text, struct error_list *errors)
{
	json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	struct session *session;

	assert_non_null(json);
	(void)session_from_json(NULL, json, &session, errors);
	json_decref(json);
	return session;
}

/* The same by files and by JSON, and the text does not change on the way. */
static void round_trip(const struct session *session)
{
	struct error_list errors = {0};
	json_t *json = session_to_json(session);
	char *text = to_text(session), *json_text = json_dumps(json, 0), *again;
	struct session *read = from_text(session->name, text), *parsed, copy;

	assert_true(session_equal(session, read));
	again = to_text(read);
	assert_string_equal(text, again);
	parsed = from_json(json_text, &errors);
	error_list_print(stderr, &errors);
	assert_non_null(parsed);
	assert_true(session_equal(session, parsed));
	assert_int_equal(session_copy(&copy, session), 0);
	session_free(parsed);
	assert_true(session_equal(&copy, read));
	copy.name[0] ^= 1;
	assert_false(session_equal(&copy, read));
	assert_true(session_does_same(&copy, read));
	copy.count++;
	assert_false(session_does_same(&copy, read));
	session_clear(&copy);
	session_free(read);
	json_decref(json);
	free(json_text);
	free(text);
	free(again);
}

static void test_good_files(void **state)
{
	struct error_list errors = {0};
	glob_t found;

	(void)state;
	assert_int_equal(glob(TEST_SESSIONS "/good/*.session", 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		struct session *session;

		assert_int_equal(session_file_read(found.gl_pathv[i], &session, &errors), 0);
		round_trip(session);
		session_free(session);
	}
	assert_int_equal(errors.count, 0);
	assert_int_equal(found.gl_pathc, 7);
	globfree(&found);
}

static void test_values(void **state)
{
	struct error_list errors = {0};
	struct session *session;

	(void)state;
	assert_int_equal(session_file_read(TEST_SESSIONS "/good/all.session", &session, &errors), 0);
	assert_string_equal(session->name, "all");
	assert_string_equal(session->description, "Größe ; # and all that");
	assert_string_equal(session->shape.filter, "ip6[6] = 6 or (vlan and tcp[tcpflags] & (tcp-syn|tcp-fin) != 0)");
	assert_true(session->disabled);
	assert_false(session->wait);
	assert_true(session->states_on_crash);
	assert_true(session->continues);
	assert_int_equal(session->shape.rate, 10000000);
	assert_int_equal(session->shape.burst_ns, 20000000);
	assert_int_equal(session->shape.sample, SAMPLE_FLOW);
	assert_int_equal(session->shape.sample_n, 100);
	assert_int_equal(session->count, 1000);
	assert_true(session->directions[DIRECTION_RX]);
	assert_false(session->directions[DIRECTION_TX]);
	assert_int_equal(session->source_count, 3);
	assert_string_equal(session->sources[0].pattern, "veth*");
	assert_string_equal(session->sources[1].pattern, "eth1");
	assert_string_equal(session->sources[1].netns, "");
	assert_string_equal(session->sources[2].netns, "web");
	assert_int_equal(session->destination_count, 6);
	assert_int_equal(session->destinations[0].hwid, 3);
	assert_true(session->destinations[0].inherit_tos);
	assert_int_equal(session->destinations[1].key, 16);
	assert_int_equal(session->destinations[2].tpid, 0x88a8);
	assert_int_equal(session->destinations[4].mtu_policy, MTU_FRAGMENT);
	assert_int_equal(session->destinations[4].mark, 0x77);
	assert_int_equal(session->destinations[4].ttl, 64); /* no number is octal */
	assert_string_equal(session->destinations[5].dev, "eth9");
	session_free(session);
	assert_int_equal(session_file_read(TEST_SESSIONS "/good/collector.session", &session, &errors), 0);
	assert_true(session_collects(session));
	assert_true(session->wait);
	assert_int_equal(session->tunnel_count, 2);
	assert_string_equal(session->listen_on, "eth3");
	assert_int_equal(session->tunnels[0].remote_count, 2);
	assert_int_equal(session->tunnels[1].port, 4790);
	assert_int_equal(session->recording.rotation.size, 100ull << 20);
	assert_int_equal(session->recording.rotation.files, 24);
	assert_int_equal(session->recording.sync.seconds, 30);
	assert_true(session->recording.zstd);
	session_free(session);
}

static char top[] = "/tmp/test_model_session.XXXXXX";

static void put(const char *path, const char *text)
{
	char whole[256];
	FILE *file;

	snprintf(whole, sizeof whole, "%s/%s", top, path);
	for (char *slash = whole + sizeof top; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		(void)mkdir(whole, 0700);
		*slash = '/';
	}
	file = fopen(whole, "we");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

#define ENDS "[Source]\nInterface=port1\n[Destination]\nType=gre\nRemote=192.0.2.1\n"

/* What is in /etc hides what is in /run, by the name of the session and by that of the drop-in; an empty file hides too. */
static void test_directories(void **state)
{
	char etc[64], run[64];
	const char *const directories[] = {etc, run, NULL};
	struct error_list errors = {0};
	struct session_list list = {0};

	(void)state;
	assert_non_null(mkdtemp(top));
	snprintf(etc, sizeof etc, "%s/etc", top);
	snprintf(run, sizeof run, "%s/run", top);
	put("run/a.session", "[Session]\nDescription=run\n" ENDS);
	put("run/b.session", "[Session]\nDescription=run\nTruncate=64\nCount=5\n" ENDS);
	put("run/c.session", "[Session]\nDescription=run\n" ENDS);
	put("etc/a.session", "[Session]\nDescription=etc\nKeine=Ahnung\n" ENDS);
	put("etc/c.session", "");
	put("etc/.hidden.session", "nonsense");
	put("etc/b.session.d/10.conf", "[Session]\nTruncate=128\nCount=\n");
	put("run/b.session.d/10.conf", "[Session]\nTruncate=99\n");
	put("run/b.session.d/05.conf", "[Session]\nDescription=drop-in\nTruncate=77\n[Destination]\nType=interface\nInterface=span0\n");
	assert_int_equal(session_dir_read(directories, NULL, &list, &errors), -EINVAL);
	assert_int_equal(errors.errors, 1);
	assert_int_equal(errors.items[0].place.line, 3);
	assert_int_equal(list.count, 1);
	assert_string_equal(list.sessions[0]->name, "b");
	assert_string_equal(list.sessions[0]->description, "drop-in");
	assert_int_equal(list.sessions[0]->shape.truncate_bytes, 128);
	assert_int_equal(list.sessions[0]->count, 0);
	assert_int_equal(list.sessions[0]->destination_count, 2);
	session_list_free(&list);
	error_list_free(&errors);
	put("etc/a.session", "[Session]\nDescription=etc\n" ENDS);
	assert_int_equal(session_dir_read(directories, NULL, &list, &errors), 0);
	assert_int_equal(list.count, 2);
	assert_string_equal(list.sessions[0]->description, "etc");
	session_list_free(&list);
	error_list_free(&errors);
}

static void remove_directory(const char *path)
{
	char command[96];

	snprintf(command, sizeof command, "rm -rf %s", path);
	assert_int_equal(system(command), 0);
}

static int clean(void **state)
{
	(void)state;
	if (access(top, F_OK) == 0)
		remove_directory(top);
	return 0;
}

struct json_case {
	const char *json, *place, *text;
};

static void test_json_mistakes(void **state)
{
	static const struct json_case cases[] = {
		{"[]", "", "must be an object"},
		{"{}", "name", "is missing"},
		{"{\"name\": \"../x\"}", "name", "must be 1 to 63"},
		{"{\"name\": 5}", "name", "must be a string"},
		{"{\"name\": \"a\", \"sources\": 5}", "sources", "must be a list"},
		{"{\"name\": \"a\", \"sources\": [5]}", "sources[0]", "must be an object"},
		{"{\"name\": \"a\", \"fitler\": \"tcp\"}", "fitler", "did you mean filter"},
		{"{\"name\": \"a\", \"filter\": []}", "filter", "must be a string"},
		{"{\"name\": \"a\", \"spread\": 1}", "spread", "must be yes or no"},
		{"{\"name\": \"a\", \"description\": \"a\\nb\"}", "description", "control character"},
		{"{\"name\": \"a\", \"destinations\": [{\"type\": \"gre\", \"remote\": \"192.0.2.1\"}, {\"type\": \"gre\", \"ttl\": 256}]}",
		 "destinations[1].ttl", "from 1 to 255"},
		{"{\"name\": \"a\", \"destinations\": [{\"type\": \"gre\"}]}", "destinations[0]", "remote is missing"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct error_list errors = {0};
		bool found = false;

		assert_null(from_json(cases[i].json, &errors));
		for (size_t e = 0; e < errors.count; e++)
			found = found ||
				(strcmp(errors.items[e].place.file, cases[i].place) == 0 && strstr(errors.items[e].text, cases[i].text));
		if (!found)
			error_list_print(stderr, &errors);
		assert_true(found);
		error_list_free(&errors);
	}
}

static void test_json_values(void **state)
{
	struct error_list errors = {0};
	struct session *session =
		from_json("{\"name\": \"a\", \"spread\": true, \"count\": \"7\", \"truncate\": 64, \"filter\": null, \"sources\": "
			  "[{\"interface\": \"port1\"}], \"destinations\": [{\"type\": \"erspan2\", \"remote\": \"192.0.2.1\", "
			  "\"id\": 5}, {\"type\": \"erspan2\", \"remote\": \"fd00::1\", \"id\": \"6\"}]}",
			  &errors);
	json_t *json;

	(void)state;
	error_list_print(stderr, &errors);
	assert_non_null(session);
	assert_true(session->spread);
	assert_int_equal(session->count, 7);
	assert_int_equal(session->shape.truncate_bytes, 64);
	assert_null(session->shape.filter);
	assert_int_equal(session->destinations[1].session, 6);
	json = session_to_json(session);
	assert_true(json_is_true(json_object_get(json, "spread")));
	assert_int_equal(json_integer_value(json_object_get(json_array_get(json_object_get(json, "destinations"), 1), "id")), 6);
	json_decref(json);
	session_free(session);
}

static void test_list(void **state)
{
	struct session_list list = {0};

	(void)state;
	for (const char *name = "cab"; *name; name++)
		assert_int_equal(session_list_add(&list, session_new((char[]){*name, '\0'})), 0);
	assert_int_equal(session_list_add(&list, session_new("b")), 0);
	assert_int_equal(list.count, 3);
	assert_string_equal(list.sessions[0]->name, "a");
	assert_string_equal(list.sessions[2]->name, "c");
	assert_int_equal(session_list_remove(&list, "b"), 0);
	assert_int_equal(session_list_remove(&list, "b"), -ENOENT);
	assert_null(session_list_find(&list, "b"));
	assert_non_null(session_list_find(&list, "c"));
	session_list_free(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_files),    cmocka_unit_test(test_values),      cmocka_unit_test(test_directories),
		cmocka_unit_test(test_json_mistakes), cmocka_unit_test(test_json_values), cmocka_unit_test(test_list),
	};

	return cmocka_run_group_tests(tests, NULL, clean);
}
