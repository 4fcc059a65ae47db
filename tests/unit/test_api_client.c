/* SPDX-License-Identifier: BSD-2-Clause */
/* What the command makes of the daemon's answers, and of what is none. The daemon is a process that says what it was told to. */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/client.h"

#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h> /* last: it has a fail() of its own */

static unsigned int interruptions; /* of who waits for the answer */
static char top[] = "/tmp/farspan-client.XXXXXX", path[64];

/* Reads what is sent as far as the mark, if there is one, and answers. */
static pid_t serve(const char *mark, const char *answer)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), fd;
	char got[1024] = "";
	size_t len = 0;
	ssize_t more = 1;
	pid_t pid;

	strcpy(address.sun_path, path);
	unlink(path);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(listener, 1), 0);
	pid = fork();
	if (pid) {
		close(listener);
		return pid;
	}
	alarm(60);
	fd = accept(listener, NULL, NULL);
	for (; mark && !strstr(got, mark) && more > 0; len += (size_t)more)
		more = read(fd, got + len, sizeof got - 1 - len);
	for (unsigned int i = 0; i < interruptions; i++) {
		kill(getppid(), SIGUSR1);
		usleep(10 * 1000);
	}
	_exit(write(fd, answer, strlen(answer)) < 0);
}

static int call(const char *mark, const char *answer, const json_t *body, json_t **wanted, struct error *error)
{
	pid_t pid = serve(mark, answer);
	int status, rc = api_call(path, "POST", "/v1/apply", body, wanted, error);

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	return rc;
}

static void test_answers(void **state)
{
	json_t *body = json_pack("{s:i}", "number", 5), *wanted = NULL;
	struct error error = {0};

	(void)state;
	/* The answer waits for all of the request: if its last bytes did not come, this would never end. */
	assert_int_equal(call("Content-Length: 12\r\n\r\n{\"number\":5}", "HTTP/1.1 200 OK\r\nA: b\r\n\r\n[7]\r\n", body, &wanted, &error),
			 0);
	assert_int_equal(json_integer_value(json_array_get(wanted, 0)), 7);
	json_decref(wanted);
	assert_int_equal(call("POST /v1/apply HTTP/1.0\r\n", "HTTP/1.0 200 OK\r\n\r\nnull", NULL, NULL, &error), 0);
	json_decref(body);
}

static void test_refusals(void **state)
{
	static const struct {
		const char *answer;
		int rc;
		const char *text;
	} rows[] = {
		{"HTTP/1.1 404 Not Found\r\n\r\n{\"error\":\"no web\"}", -ENOENT, "no web"},
		{"HTTP/1.1 403 Forbidden\r\n\r\n{\"error\":\"root only\"}", -EPERM, "root only"},
		{"HTTP/1.1 400 Bad Request\r\n\r\n{}", -EINVAL, "the daemon refused, and gave no reason"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct error error = {0};
		json_t *wanted = NULL;

		assert_int_equal(call("\r\n\r\n", rows[i].answer, NULL, &wanted, &error), rows[i].rc);
		assert_string_equal(error.text, rows[i].text);
		assert_true(json_is_object(wanted));
		json_decref(wanted);
	}
}

/* A daemon that dies in the middle has not said yes. */
static void test_no_answers(void **state)
{
	static const char *const answers[] = {"", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\n\r\n",
					      "HTTP/1.1 200 OK\r\n\r\n{\"sessions\":[", "220 mail ready\r\n\r\n"};

	(void)state;
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
		struct error error = {0};
		json_t *wanted = NULL;

		assert_int_equal(call("\r\n\r\n", answers[i], NULL, &wanted, &error), -EPROTO);
		assert_memory_equal(error.text, path, strlen(path));
		assert_null(wanted);
	}
}

/* A body that is too long is refused before it has been read, and the connection closed. */
static void test_refused_early(void **state)
{
	char *text = malloc(4 << 20);
	json_t *body, *wanted = NULL;
	struct error error = {0};
	int rc;

	(void)state;
	memset(text, 'x', (4 << 20) - 1);
	text[(4 << 20) - 1] = '\0';
	body = json_pack("[s]", text);
	rc = call(NULL, "HTTP/1.1 413 Content Too Large\r\n\r\n{\"error\":\"too long\"}", body, &wanted, &error);
	assert_int_equal(rc, -EINVAL);
	assert_string_equal(error.text, "too long");
	json_decref(wanted);
	json_decref(body);
	free(text);
}

static void do_nothing(int signal)
{
	(void)signal;
}

static void test_interrupted(void **state)
{
	struct sigaction action = {.sa_handler = do_nothing, .sa_flags = SA_RESTART};
	struct error error = {0};

	(void)state;
	sigaction(SIGUSR1, &action, NULL);
	interruptions = 10;
	assert_int_equal(call("\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\nnull", NULL, NULL, &error), 0);
	interruptions = 0;
}

static void test_nobody(void **state)
{
	struct error error = {0};
	char name[200] = "";

	(void)state;
	unlink(path);
	assert_int_equal(api_call(path, "GET", "/", NULL, NULL, &error), -ECONNREFUSED);
	assert_non_null(strstr(error.text, "nobody answers; is farspand running?"));
	memset(name, 'n', sizeof name - 1);
	assert_int_equal(api_call(name, "GET", "/", NULL, NULL, &error), -ENAMETOOLONG);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),       cmocka_unit_test(test_refusals), cmocka_unit_test(test_no_answers),
		cmocka_unit_test(test_refused_early), cmocka_unit_test(test_nobody),   cmocka_unit_test(test_interrupted),
	};
	int failed;

	alarm(60);
	if (!mkdtemp(top))
		return 1;
	snprintf(path, sizeof path, "%s/socket", top);
	failed = cmocka_run_group_tests_name("api_client", tests, NULL, NULL);
	unlink(path);
	rmdir(top);
	return failed;
}
