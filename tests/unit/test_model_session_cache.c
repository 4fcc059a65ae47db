/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Session files that are read again: only those that may have changed are opened, only what has changed makes another session. What time
 * it is is told (told_s), so that nobody has to wait until files have settled.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "model/session_file.h"

#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h> /* last: it has a fail() of its own */

static char top[] = "/tmp/farspan-cache.XXXXXX", etc[64], run[64];
static const char *const directories[] = {etc, run, NULL};

static unsigned int opened;
static time_t told_s;

int __real_open64(const char *path, int flags);
int __wrap_open64(const char *path, int flags);
int __wrap_open64(const char *path, int flags)
{
	opened++;
	return __real_open64(path, flags);
}

int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
	int rc = __real_clock_gettime(clock, now);

	now->tv_sec = told_s;
	return rc;
}

static const char *in_top(const char *path)
{
	static char whole[2][160];
	static unsigned int which;

	which = !which;
	snprintf(whole[which], sizeof whole[which], "%s/%s", top, path);
	return whole[which];
}

static void put(const char *path, const char *text)
{
	FILE *file = fopen(in_top(path), "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* What a file says that describes its session like that, which has one letter. */
static const char *describing(char letter)
{
	static char text[160];

	snprintf(text, sizeof text,
		 "[Session]\nDescription=%c\n[Source]\nInterface=port1\n[Destination]\nType=gre\nRemote=192.0.2.1\nKey=%u\n", letter,
		 (unsigned int)letter);
	return text;
}

/* ---- what has been read ---- */

static struct session_cache cache;
static struct session_list list, before;

/* Reads all, and says how many files were opened for that. */
static unsigned int load(int wanted)
{
	struct error_list errors = {0};

	session_list_free(&before);
	before = list;
	list = (struct session_list){0};
	opened = 0;
	assert_int_equal(session_dir_load(directories, &cache, &list, &errors), wanted);
	error_list_free(&errors);
	return opened;
}

static const char *described(const char *name)
{
	const struct session *session = session_list_find(&list, name);

	return session ? session->description : "";
}

static bool is_same(const char *name)
{
	return session_list_find(&list, name) && session_list_find(&list, name) == session_list_find(&before, name);
}

/* Three sessions, one with a drop-in; everything has been read, and needs not be read again. */
static int set_up(void **state)
{
	(void)state;
	strcpy(strrchr(top, '.'), ".XXXXXX");
	assert_non_null(mkdtemp(top));
	snprintf(etc, sizeof etc, "%s/etc", top);
	snprintf(run, sizeof run, "%s/run", top);
	assert_int_equal(mkdir(etc, 0700) | mkdir(run, 0700) | mkdir(in_top("etc/b.session.d"), 0700), 0);
	put("etc/a.session", describing('a'));
	put("etc/b.session", describing('b'));
	put("run/c.session", describing('c'));
	put("etc/b.session.d/1.conf", "[Session]\nDescription=B\n");
	told_s = 0;
	assert_int_equal(load(0), 4);
	told_s = INT32_MAX;
	assert_int_equal(load(0), 4);
	assert_int_equal(load(0), 0);
	assert_int_equal(list.count, 3);
	assert_string_equal(described("b"), "B");
	assert_true(is_same("a") && is_same("b") && is_same("c"));
	return 0;
}

static int forget(const char *path, const struct stat *status, int kind, struct FTW *at)
{
	(void)status, (void)kind, (void)at;
	return remove(path);
}

static int tear_down(void **state)
{
	(void)state;
	session_list_free(&list);
	session_list_free(&before);
	session_cache_free(&cache);
	return nftw(top, forget, 8, FTW_DEPTH | FTW_PHYS);
}

/* ---- what may happen to files ---- */

/* Another file in its place. */
static void replace(char letter)
{
	put("etc/a.session.new", describing(letter));
	assert_int_equal(rename(in_top("etc/a.session.new"), in_top("etc/a.session")), 0);
}

static void tell_after_change(time_t seconds)
{
	struct stat status;

	assert_int_equal(stat(in_top("etc/a.session"), &status), 0);
	told_s = status.st_ctim.tv_sec + seconds;
}

/* Nothing of a file that was written just before tells that it was written again; so it is read until it has settled. */
static void test_same_second(void **state)
{
	(void)state;
	replace('x');
	for (const char *letter = "xyz"; *letter; letter++) {
		put("etc/a.session", describing(*letter));
		tell_after_change(*letter - 'x');
		assert_int_equal(load(0), 1);
		assert_int_equal(described("a")[0], *letter);
		assert_false(is_same("a"));
		assert_true(is_same("b") && is_same("c"));
	}
	assert_int_equal(load(0), 1);
	assert_true(is_same("a"));
	tell_after_change(3);
	assert_int_equal(load(0), 1);
	assert_int_equal(load(0), 0);
	assert_true(is_same("a"));
}

/* A clock that was set back makes of a file one of the future. */
static void test_future(void **state)
{
	(void)state;
	replace('x');
	tell_after_change(-10);
	assert_int_equal(load(0), 1);
	assert_false(is_same("a"));
	assert_int_equal(load(0), 1);
	assert_true(is_same("a"));
}

/* Of the same size, and of the same age. */
static void test_replaced(void **state)
{
	struct timespec times[2];
	struct stat status;

	(void)state;
	assert_int_equal(stat(in_top("etc/a.session"), &status), 0);
	times[0] = status.st_atim;
	times[1] = status.st_mtim;
	put("etc/a.session.new", describing('x'));
	assert_int_equal(utimensat(AT_FDCWD, in_top("etc/a.session.new"), times, 0), 0);
	assert_int_equal(rename(in_top("etc/a.session.new"), in_top("etc/a.session")), 0);
	assert_int_equal(load(0), 1);
	assert_string_equal(described("a"), "x");
	assert_true(is_same("b") && is_same("c"));
	/* Another file that says the same makes no other session. */
	replace('x');
	assert_int_equal(load(0), 1);
	assert_true(is_same("a"));
	assert_int_equal(load(0), 0);
}

static void test_drop_ins(void **state)
{
	(void)state;
	assert_int_equal(mkdir(in_top("run/a.session.d"), 0700), 0);
	assert_int_equal(load(0), 0);
	assert_true(is_same("a"));
	put("run/a.session.d/1.conf", "[Session]\nDescription=more\n");
	assert_int_equal(load(0), 1);
	assert_string_equal(described("a"), "more");
	assert_true(is_same("b"));
	/* One in front of it, and one that hides it, change what is made of it. */
	put("run/a.session.d/0.conf", "[Session]\nDescription=less\n");
	load(0);
	assert_string_equal(described("a"), "more");
	assert_int_equal(mkdir(in_top("etc/a.session.d"), 0700), 0);
	put("etc/a.session.d/1.conf", "");
	load(0);
	assert_string_equal(described("a"), "less");
	assert_int_equal(unlink(in_top("etc/a.session.d/1.conf")) | unlink(in_top("run/a.session.d/0.conf")), 0);
	load(0);
	assert_string_equal(described("a"), "more");
	assert_int_equal(unlink(in_top("etc/b.session.d/1.conf")) | rmdir(in_top("etc/b.session.d")), 0);
	assert_int_equal(load(0), 0);
	assert_string_equal(described("b"), "b");
	assert_int_equal(load(0), 0);
	assert_true(is_same("a") && is_same("b") && is_same("c"));
}

static void test_come_and_gone(void **state)
{
	(void)state;
	assert_int_equal(unlink(in_top("etc/a.session")), 0);
	assert_int_equal(load(0), 0);
	assert_int_equal(list.count, 2);
	/* One that is empty hides another. */
	put("etc/c.session", "");
	put("etc/0.session", describing('0'));
	assert_int_equal(load(0), 2);
	assert_int_equal(list.count, 2);
	assert_string_equal(described("0"), "0");
	assert_int_equal(load(0), 0);
	assert_int_equal(unlink(in_top("etc/c.session")), 0);
	put("etc/a.session", describing('a'));
	assert_int_equal(load(0), 2);
	assert_int_equal(list.count, 4);
	assert_true(is_same("0") && is_same("b"));
}

/* What is wrong is told each time, until it is mended. */
static void test_wrong(void **state)
{
	(void)state;
	put("etc/a.session", "[Session]\nKeine=Ahnung\n");
	for (int turn = 0; turn < 2; turn++) {
		assert_int_equal(load(-EINVAL), 1);
		assert_int_equal(list.count, 2);
		assert_true(is_same("b") && is_same("c"));
	}
	assert_int_equal(mkdir(in_top("etc/b.session.d/2.conf"), 0700), 0);
	assert_int_equal(load(-EINVAL), 2);
	assert_int_equal(list.count, 1);
	assert_int_equal(rmdir(in_top("etc/b.session.d/2.conf")), 0);
	put("etc/a.session", describing('a'));
	assert_int_equal(load(0), 3);
	assert_int_equal(list.count, 3);
	assert_string_equal(described("b"), "B");
}

/* They are changed until the clock of the file system has gone on. */
static void test_permissions(void **state)
{
	struct stat was, is;

	(void)state;
	assert_int_equal(stat(in_top("etc/a.session"), &was), 0);
	do {
		assert_int_equal(chmod(in_top("etc/a.session"), 0600) | stat(in_top("etc/a.session"), &is), 0);
	} while (is.st_ctim.tv_sec == was.st_ctim.tv_sec && is.st_ctim.tv_nsec == was.st_ctim.tv_nsec);
	assert_int_equal(load(0), 1);
	assert_true(is_same("a"));
	assert_int_equal(load(0), 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(test_same_second),   CASE(test_future), CASE(test_replaced),    CASE(test_drop_ins),
		CASE(test_come_and_gone), CASE(test_wrong),  CASE(test_permissions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
