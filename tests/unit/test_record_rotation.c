/* SPDX-License-Identifier: BSD-2-Clause */
/* Files that follow each other: names, what is in which, few descriptors, and what of other people's is in the way. */
#include "recording_test.h"

#include <stdarg.h>
#include <sys/syscall.h>

/* ---- services may be without it ---- */

static bool no_openat2;

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);

long __wrap_syscall(long number, ...)
{
	long argument[6];
	va_list arguments;

	if (number == SYS_openat2 && no_openat2) {
		errno = ENOSYS;
		return -1;
	}
	va_start(arguments, number);
	for (int i = 0; i < 6; i++)
		argument[i] = va_arg(arguments, long);
	va_end(arguments);
	return __real_syscall(number, argument[0], argument[1], argument[2], argument[3], argument[4], argument[5]);
}

/* ---- rotation ---- */

/* Every frame is in exactly one file, in order, and each file is complete. */
static uint64_t see_series(const char *format, unsigned int first, unsigned int count, uint64_t id)
{
	for (unsigned int i = first; i < first + count; i++) {
		struct seen seen;
		char name[64];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(name, sizeof name, format, i);
#pragma GCC diagnostic pop
		seen = see_complete(name);
		assert_int_equal(seen.first_id, id);
		assert_int_equal(seen.last_id, id + seen.packets - 1);
		id = seen.last_id + 1;
	}
	return id;
}

static void by_size(void **state)
{
	struct recording_config config = live;
	struct stat stat_of;

	(void)state;
	config.rotation.size = 2000;
	open_recording(config, "x");
	add_some(200, 3);
	assert_int_equal(close_recording(0).written, 200);
	assert_true(files() > 5);
	assert_int_equal(see_complete("x").last_id, see_series("x%u", 1, 1, see_complete("x").packets) - see_complete("x1").packets - 1);
	assert_int_equal(see_series("x%u", 1, files() - 1, see_complete("x").packets), 200);
	for (unsigned int i = 1; i < files() - 1; i++) {
		char name[16];

		snprintf(name, sizeof name, "x%u", i);
		assert_int_equal(stat(in_directory(name), &stat_of), 0);
		/* Longer than the limit by no more than a frame and the statistics. */
		assert_in_range(stat_of.st_size, 2001, 2000 + 72 + 3 * 104);
	}
}

static void ring(void **state)
{
	struct recording_config config = live;
	uint64_t newest = 0, id[12];

	(void)state;
	config.rotation = (struct recording_rotation){.size = 1000, .files = 12};
	open_recording(config, "ring.pcapng");
	add_some(400, 2);
	assert_int_equal(close_recording(0).written, 400);
	assert_int_equal(files(), 12);
	for (unsigned int i = 0; i < 12; i++) {
		char name[32];

		snprintf(name, sizeof name, "ring.pcapng%02u", i);
		id[i] = see_complete(name).last_id;
		if (id[i] > id[newest])
			newest = i;
	}
	assert_int_equal(id[newest], 399);
	for (unsigned int i = 1; i < 12; i++)
		assert_true(id[(newest + i) % 12] < id[(newest + i + 1) % 12] || i == 11);
}

static void by_time(void **state)
{
	struct recording_config config = live;

	(void)state;
	setenv("TZ", "UTC", 1);
	tzset();
	config.rotation.seconds = 10;
	open_recording(config, "%H%M%S.pcapng");
	for (unsigned int i = 0; i < 45; i++)
		assert_int_equal(add_at(0, start_ns + i * second_ns, 22), 0);
	assert_false(recording_ended(recording, start_ns + 1000 * second_ns));
	/* Nothing for two periods, then late: names are those of the periods. */
	assert_int_equal(add_at(0, start_ns + 79 * second_ns, 22), 0);
	/* The clock is set back by an hour. */
	assert_int_equal(add_at(0, start_ns - 3600 * second_ns, 22), 0);
	assert_int_equal(add_at(0, start_ns - 3599 * second_ns, 22), 0);
	assert_int_equal(close_recording(0).written, 48);
	assert_int_equal(files(), 7);
	assert_int_equal(see_complete("221320.pcapng").packets, 10);
	assert_int_equal(see_complete("221400.pcapng").packets, 5);
	assert_int_equal(see_complete("221430.pcapng").packets, 1);
	assert_int_equal(see_complete("211320.pcapng").packets, 2);
}

/* A period without frames ends its file all the same. */
static void by_time_idle(void **state)
{
	struct recording_config config = live;

	(void)state;
	config.rotation = (struct recording_rotation){.seconds = 10, .files = 2};
	open_recording(config, "%H%M%S");
	add_some(3, 1);
	recording_tick(recording, start_ns + 9 * second_ns);
	assert_int_equal(see("221320").statistics, 0);
	recording_tick(recording, start_ns + 10 * second_ns);
	assert_int_equal(see_complete("221320").packets, 3);
	assert_int_equal(files(), 1);
	assert_false(recording_ended(recording, start_ns + 19 * second_ns));
	assert_int_equal(add_at(0, start_ns + 15 * second_ns, 22), 0);
	assert_false(recording_ended(recording, start_ns + 19 * second_ns));
	assert_true(recording_ended(recording, start_ns + 20 * second_ns));
	assert_int_equal(close_recording(0).written, 4);
	assert_int_equal(see_complete("221330").packets, 1);
	assert_int_equal(files(), 2);
}

/* Without any frames there is the first file, and the others are still to come: as tcpdump, which counts files, and not periods. */
static void by_time_without_frames(void **state)
{
	struct recording_config config = live;

	(void)state;
	config.rotation = (struct recording_rotation){.seconds = 10, .files = 2};
	open_recording(config, "%H%M%S");
	for (unsigned int second = 0; second < 100; second++) {
		recording_tick(recording, start_ns + second * second_ns);
		assert_false(recording_ended(recording, start_ns + second * second_ns));
	}
	assert_int_equal(files(), 1);
	assert_int_equal(see_complete("221320").packets, 0);
	assert_int_equal(add_at(0, start_ns + 105 * second_ns, 22), 0);
	assert_false(recording_ended(recording, start_ns + 109 * second_ns));
	assert_true(recording_ended(recording, start_ns + 110 * second_ns));
	assert_int_equal(close_recording(0).written, 1);
	assert_int_equal(files(), 2);
	assert_int_equal(see_complete("221500").packets, 1);
}

/* The only file's time is over, and with it all: nobody has to send something for that. */
static void by_time_one(void **state)
{
	struct recording_config config = live;

	(void)state;
	config.rotation = (struct recording_rotation){.seconds = 10, .files = 1};
	open_recording(config, "%H%M%S");
	assert_false(recording_ended(recording, start_ns + 9 * second_ns));
	assert_true(recording_ended(recording, start_ns + 10 * second_ns));
	close_recording(0);
	assert_int_equal(files(), 1);
	assert_int_equal(see_complete("221320").packets, 0);
}

/* What was received before a file's time was over, and comes after, is in the next one: the first one is complete, and stays. */
static void by_time_late(void **state)
{
	struct recording_config config = live;

	(void)state;
	config.rotation = (struct recording_rotation){.seconds = 10, .files = 3};
	open_recording(config, "%H%M%S");
	add_some(3, 1);
	recording_tick(recording, start_ns + 10 * second_ns);
	assert_int_equal(add_at(0, start_ns + 10 * second_ns - 1, 22), 0);
	assert_int_equal(add_at(0, start_ns + 10 * second_ns, 22), 0);
	assert_int_equal(see_complete("221320").packets, 3);
	/* The same when the clock has been set back meanwhile. */
	recording_tick(recording, start_ns - 3600 * second_ns);
	assert_int_equal(add_at(0, start_ns + 11 * second_ns, 22), 0);
	assert_int_equal(add_at(0, start_ns - 3600 * second_ns, 22), 0);
	assert_int_equal(see_complete("221330").packets, 2);
	assert_int_equal(close_recording(0).written, 7);
	assert_int_equal(see_complete("211320").packets, 2);
	assert_int_equal(files(), 3);
}

static void by_size_and_time(void **state)
{
	struct recording_config config = live;

	(void)state;
	config.rotation = (struct recording_rotation){.size = 600, .seconds = 10, .files = 100};
	open_recording(config, "%H%M%S-");
	add_some(30, 1);
	assert_int_equal(add_at(0, start_ns + 10 * second_ns, 22), 0);
	assert_int_equal(close_recording(0).written, 31);
	assert_int_equal(see_series("221320-%02u", 0, files() - 1, 0), 30);
	assert_int_equal(see_complete("221330-00").packets, 1);
}

/* More sessions than descriptors: 24 here. */
static void per_session(void **state)
{
	struct rlimit before, few;
	struct recording_config config = live;
	uint64_t random = 7, packets[100] = {0};

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = (struct rlimit){.rlim_cur = 24, .rlim_max = before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	config.rotation.per_session = true;
	open_recording(config, "x.pcapng");
	assert_int_equal(files(), 0);
	for (unsigned int i = 0; i < 5000; i++) {
		unsigned int id = random_number(&random, 200);

		assert_int_equal(add_at(id, start_ns + i, 22), 0);
		packets[id / 2]++;
	}
	assert_int_equal(close_recording(0).written, 5000);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(files(), 100);
	for (unsigned int i = 0; i < 100; i++) {
		struct seen seen;
		char name[32];

		snprintf(name, sizeof name, "x-s-%u.pcapng", i);
		seen = see_complete(name);
		assert_int_equal(seen.packets, packets[i]);
		assert_int_equal(seen.interfaces, 2);
	}
}

/* All descriptors but one are taken by others. */
static void one_descriptor(void **state)
{
	struct recording_config config = live;
	struct rlimit before, few;
	int last = dup(0);

	(void)state;
	config.rotation.per_session = true;
	open_recording(config, "%{session}.pcapng");
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = (struct rlimit){.rlim_cur = (rlim_t)last + 3, .rlim_max = before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	close(last);
	last = dup(0);
	add_some(100, 20);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(close_recording(0).written, 100);
	close(last);
	assert_int_equal(files(), 10);
	for (unsigned int i = 0; i < 10; i++) {
		char name[32];

		snprintf(name, sizeof name, "s-%u.pcapng", i);
		assert_int_equal(see_complete(name).packets, 10);
	}
}

/* ---- other people's files ---- */

static void no_symlinks(void **state)
{
	struct recording_config config = live;
	struct error error;
	struct seen seen;
	uint64_t written;

	(void)state;
	assert_int_equal(symlink("target", in_directory("link")), 0);
	assert_int_equal(try_open(config, "link", &error), -ELOOP);
	assert_non_null(strstr(error.text, "symbolic link"));
	assert_int_equal(mkdir(in_directory("sub"), 0700), 0);
	assert_int_equal(symlink("sub", in_directory("sublink")), 0);
	config.rotation.seconds = 10;
	assert_int_equal(try_open(config, "%Ssublink/x", &error), -ENOENT);
	assert_int_equal(mkdir(in_directory("20"), 0700), 0);
	assert_int_equal(symlink("20", in_directory("30")), 0);
	open_recording(config, "%S/x");
	add_some(3, 1);
	assert_int_equal(add_at(0, start_ns + 10 * second_ns, 22), 0);
	assert_int_equal(close_recording(-ELOOP).write_error, 1);
	seen = see_complete("20/x");
	assert_int_equal(seen.packets, 3);
	assert_int_not_equal(access(in_directory("target"), F_OK), 0);
	/* A link that somebody puts in the way later. */
	config.rotation = (struct recording_rotation){.size = 500};
	assert_int_equal(symlink("target", in_directory("y1")), 0);
	open_recording(config, "y");
	add_some(20, 1);
	written = close_recording(-ELOOP).written;
	assert_int_equal(see_complete("y").packets, written);
	assert_int_not_equal(access(in_directory("target"), F_OK), 0);
}

/* A file that has another name, too, keeps what it has. */
static void no_hard_links(void **state)
{
	int fd = open(in_directory("precious"), O_WRONLY | O_CREAT, 0644);
	char other[sizeof path];
	struct stat stat_of;

	(void)state;
	assert_int_equal(write(fd, "precious", 8), 8);
	close(fd);
	strcpy(other, in_directory("precious"));
	assert_int_equal(link(other, in_directory("x.pcapng")), 0);
	open_recording(live, "x.pcapng");
	add_some(3, 1);
	close_recording(0);
	assert_int_equal(see_complete("x.pcapng").packets, 3);
	assert_int_equal(stat(other, &stat_of), 0);
	assert_int_equal(stat_of.st_size, 8);
}

static void removed(void **state)
{
	(void)state;
	open_recording(live, "x.pcapng");
	add_some(3, 1);
	recording_flush(recording, NULL);
	assert_int_equal(unlink(in_directory("x.pcapng")), 0);
	recording_tick(recording, start_ns);
	assert_non_null(strstr(recording_news(recording), "was removed"));
	add_some(2, 1);
	assert_int_equal(close_recording(0).written, 5);
	assert_int_equal(see_complete("x.pcapng").packets, 2);
}

static void directory_removed(void **state)
{
	struct recording_config config = live;
	char command[400];

	(void)state;
	config.rotation.size = 300;
	assert_int_equal(mkdir(in_directory("d"), 0700), 0);
	open_recording(config, "d/x");
	add_some(1, 1);
	snprintf(command, sizeof command, "rm -r %s", in_directory("d"));
	assert_int_equal(system(command), 0);
	add_some(20, 1);
	recording_tick(recording, start_ns);
	add_some(20, 1);
	recording_tick(recording, start_ns);
	assert_true(check_counts(true).write_error >= 38);
	assert_non_null(strstr(recording_news(recording), "No such file or directory"));
	close_recording(-ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(by_size),     TEST(ring),          TEST(by_time),          TEST(by_time_idle),      TEST(by_time_without_frames),
		TEST(by_time_one), TEST(by_time_late),  TEST(by_size_and_time), TEST(per_session),       TEST(one_descriptor),
		TEST(no_symlinks), TEST(no_hard_links), TEST(removed),          TEST(directory_removed),
	};

	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	no_openat2 = true;
	return failed + cmocka_run_group_tests_name("without openat2", tests, NULL, NULL);
}
