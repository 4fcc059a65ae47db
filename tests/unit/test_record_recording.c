/* SPDX-License-Identifier: BSD-2-Clause */
/* Recordings on disks that fail, and to readers who do: what is in the files and in the counts after every failure. */
#include "recording_test.h"

/* ---- a disk that fails, at every byte ---- */

/* Fails at limit, works again; returns how many frames were lost. */
static uint64_t fail_once(off_t limit, int error, const char *name)
{
	struct recording_config config = live;
	struct recording_counts counts;
	struct seen seen;

	memset(&fault, 0, sizeof fault);
	fault.limit = limit;
	fault.error = error;
	fault.step = (size_t)limit % 5 * 7;
	fault.interrupts = limit % 3 == 0;
	config.zstd = strstr(name, ".zst") != NULL;
	open_recording(config, name);
	add_some(4, 2);
	recording_tick(recording, start_ns);
	add_some(4, 3);
	recording_tick(recording, start_ns);
	counts = check_counts(true);
	seen = see(name);
	assert_int_equal(seen.packets, counts.written);
	fault.error = 0;
	fault.limit = INT64_MAX;
	recording_tick(recording, start_ns);
	add_some(5, 5);
	counts = close_recording(counts.write_error ? -error : 0);
	seen = see_complete(name);
	assert_int_equal(seen.interfaces, 5);
	assert_int_equal(seen.packets, counts.written);
	/* What was lost is told, but for frames on interfaces that are in no file at all. */
	assert_int_equal(seen.lost, counts.write_error);
	assert_int_equal(seen.last_id, added - 1);
	return counts.write_error;
}

static void every_byte_fails(void **state)
{
	static const int errors[] = {ENOSPC, EDQUOT, EIO, EFBIG};
	uint64_t before = 10, lost = 10;
	off_t limit;

	(void)state;
	for (limit = 0; lost; limit++) {
		lost = fail_once(limit, errors[limit % 4], "full.pcapng");
		assert_true(lost <= before);
		before = lost;
	}
	assert_true(limit > 700);
	for (limit = 0, lost = 1; lost; limit++)
		lost = fail_once(limit, ENOSPC, "full.pcapng.zst");
	assert_true(limit > 200);
}

/* Where the file cannot be shortened either, it is as soon as that works. */
static void truncation_fails(void **state)
{
	uint64_t written;

	(void)state;
	open_recording(live, "ragged.pcapng");
	add_some(4, 2);
	fault.limit = 333;
	fault.error = EIO;
	fault.no_truncate = true;
	assert_int_equal(recording_flush(recording, NULL), 0);
	check_counts(true);
	fault.error = 0;
	recording_tick(recording, start_ns);
	add_some(4, 2);
	recording_tick(recording, start_ns);
	assert_true(check_counts(true).write_error >= 5);
	fault.no_truncate = false;
	recording_tick(recording, start_ns);
	add_some(4, 2);
	written = close_recording(-EIO).written;
	assert_int_equal(see_complete("ragged.pcapng").packets, written);
}

/* What reads a file has time: its first failure is the end. */
static void not_live(void **state)
{
	struct recording_config config = live;
	struct error error;

	(void)state;
	config.live = false;
	open_recording(config, "x.pcapng");
	add_some(4, 2);
	fault.limit = 400;
	fault.error = ENOSPC;
	assert_int_equal(recording_flush(recording, &error), -ENOSPC);
	assert_non_null(strstr(error.text, "x.pcapng: cannot write: No space left on device"));
	fault.error = 0;
	assert_int_equal(add_at(0, start_ns, 22), -ENOSPC);
	assert_int_equal(recording_failed(recording, NULL), -ENOSPC);
	close_recording(-ENOSPC);
	see("x.pcapng");
}

static void news(void **state)
{
	(void)state;
	open_recording(live, "x.pcapng");
	assert_null(recording_news(recording));
	fault.error = ENOSPC;
	for (int i = 0; i < 3; i++) {
		add_some(1, 1);
		recording_flush(recording, NULL);
		recording_tick(recording, start_ns);
	}
	assert_non_null(strstr(recording_news(recording), "No space left on device"));
	assert_null(recording_news(recording));
	fault.error = 0;
	recording_tick(recording, start_ns);
	add_some(1, 1);
	recording_tick(recording, start_ns);
	assert_non_null(strstr(recording_news(recording), "recording again; 3 frames could not be written"));
	assert_int_equal(close_recording(-ENOSPC).written, 1);
}

static void sync_fails(void **state)
{
	struct recording_config config = live;

	(void)state;
	config.sync.rotated = true;
	open_recording(config, "x.pcapng");
	add_some(4, 2);
	fault.no_sync = true;
	assert_int_equal(close_recording(-EIO).written, 4);
	config.sync.rotated = false;
	open_recording(config, "x.pcapng");
	assert_int_equal(close_recording(0).written, 0);
}

/* More than the buffer holds, of all sizes. */
static void many(void **state)
{
	uint64_t random = 1;

	(void)state;
	open_recording(live, "many.pcapng");
	for (unsigned int i = 0; i < 4000; i++)
		assert_int_equal(add_at(random_number(&random, 200), start_ns + i, random_number(&random, 1500)), 0);
	assert_true(check_counts(false).written > 1000);
	assert_int_equal(close_recording(0).written, 4000);
	assert_int_equal(see_complete("many.pcapng").packets, 4000);
}

static void nothing(void **state)
{
	struct recording_config config = live;

	(void)state;
	open_recording(config, "a.pcapng");
	close_recording(0);
	assert_int_equal(see_complete("a.pcapng").interfaces, 0);
	config.start_ns = 0;
	config.rotation.seconds = 1;
	config.live = false;
	open_recording(config, "b.pcapng");
	close_recording(0);
	assert_int_equal(see_complete("b.pcapng").interfaces, 0);
}

/* ---- pipes ---- */

static uint64_t drain(int fd, uint8_t *data, size_t size, size_t *len)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	ssize_t got;

	while (poll(&ready, 1, 0) > 0 && (got = read(fd, data + *len, size - *len)) > 0)
		*len += (size_t)got;
	return *len;
}

/* A reader that stops loses frames, is never waited for, and gets whole blocks, however it reads. */
static void slow_reader(void **state)
{
	struct recording_counts counts;
	struct seen seen;
	size_t len = 0;
	int reader;

	(void)state;
	assert_int_equal(mkfifo(in_directory("pipe"), 0600), 0);
	reader = open(path, O_RDONLY | O_NONBLOCK);
	open_recording(live, "pipe");
	recording_flush(recording, NULL);
	drain(reader, content, sizeof content, &len);
	assert_int_equal(see_bytes(content, len).sections, 1);
	for (unsigned int i = 0; i < 20000; i++)
		assert_int_equal(add_at(i % 7, start_ns + i, 1000), 0);
	counts = check_counts(false);
	assert_true(counts.pipe_full > 10000 && counts.written > 500);
	for (unsigned int i = 0; i < 100; i++) {
		drain(reader, content, sizeof content, &len);
		recording_flush(recording, NULL);
	}
	add_some(7, 7);
	recording_flush(recording, NULL);
	drain(reader, content, sizeof content, &len);
	counts = close_recording(0);
	drain(reader, content, sizeof content, &len);
	seen = see_bytes(content, len);
	assert_int_equal(seen.whole, len);
	assert_int_equal(seen.packets, counts.written);
	assert_int_equal(seen.received, added);
	assert_int_equal(seen.lost, counts.pipe_full);
	assert_int_equal(seen.last_id, added - 1);
	assert_int_equal(seen.statistics, 7);
	assert_int_equal(counts.write_error, 0);
	close(reader);
}

/* A reader that is stopped at the end is given up; what it has not taken is counted. */
static void stopped_reader(void **state)
{
	struct recording_counts counts;
	size_t len = 0;
	int reader;

	(void)state;
	assert_int_equal(mkfifo(in_directory("pipe"), 0600), 0);
	reader = open(path, O_RDONLY | O_NONBLOCK);
	open_recording(live, "pipe");
	for (unsigned int i = 0; i < 3000; i++)
		assert_int_equal(add_at(0, start_ns + i, 1000), 0);
	counts = close_recording(0);
	drain(reader, content, sizeof content, &len);
	assert_true(counts.written > 0 && counts.pipe_full > 0);
	assert_int_equal(see_bytes(content, len).packets, counts.written);
	close(reader);
}

static void reader_gone(void **state)
{
	struct error error;
	int reader;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(mkfifo(in_directory("pipe"), 0600), 0);
	reader = open(path, O_RDONLY | O_NONBLOCK);
	open_recording(live, "pipe");
	add_some(10, 2);
	close(reader);
	assert_int_equal(recording_flush(recording, &error), -EPIPE);
	assert_non_null(strstr(error.text, "pipe: cannot write: Broken pipe"));
	assert_int_equal(add_at(0, start_ns, 22), -EPIPE);
	assert_int_equal(close_recording(-EPIPE).write_error, 11);
}

static void no_rotated_pipes(void **state)
{
	struct recording_config config = live;
	struct error error;
	int reader;

	(void)state;
	assert_int_equal(mkfifo(in_directory("pipe"), 0600), 0);
	reader = open(path, O_RDONLY | O_NONBLOCK);
	config.rotation.size = 1000;
	assert_int_equal(try_open(config, "pipe", &error), -EINVAL);
	config = live;
	config.zstd = true;
	assert_int_equal(try_open(config, "pipe", &error), -EINVAL);
	close(reader);
}

/* ---- all of it at random ---- */

static void random_recording(uint64_t seed)
{
	uint64_t random = seed, time_ns = start_ns;
	struct recording_config config = live;

	memset(&fault, 0, sizeof fault);
	config.zstd = random_number(&random, 4) == 0;
	config.rotation.size = random_number(&random, 2) ? 500 + random_number(&random, 5000) : 0;
	config.rotation.seconds = random_number(&random, 3) ? 0 : 1 + random_number(&random, 5);
	config.rotation.per_session = random_number(&random, 2);
	config.sync.seconds = random_number(&random, 2);
	open_recording(config, "%S-%{session}-x");
	for (unsigned int i = 0; i < 2000; i++) {
		switch (random_number(&random, 40)) {
		case 0:
			fault.error = ENOSPC;
			fault.limit = random_number(&random, 3000);
			fault.step = random_number(&random, 50);
			break;
		case 1:
			fault.error = 0;
			break;
		case 2:
			fault.no_sync = random_number(&random, 3) == 0;
			break;
		case 3:
			recording_tick(recording, time_ns);
			break;
		case 4:
			recording_flush(recording, NULL);
			break;
		default:
			time_ns += random_number(&random, 100000000);
			assert_int_equal(add_at(random_number(&random, 30), time_ns, random_number(&random, 200)), 0);
		}
		check_counts(false);
	}
	memset(&fault, 0, sizeof fault);
	recording_tick(recording, time_ns);
	recording_finish(recording, NULL);
	check_counts(true);
	recording_close(recording);
	recording = NULL;
}

/* Every file that is left is whole. */
static void see_all(void)
{
	DIR *list = opendir(directory);
	struct dirent *entry;

	while ((entry = readdir(list)))
		if (entry->d_type == DT_REG)
			see(entry->d_name);
	closedir(list);
}

static void at_random(void **state)
{
	for (uint64_t seed = 1; seed <= 60; seed++) {
		random_recording(seed);
		see_all();
		assert_int_equal(tear_down(state), 0);
		assert_int_equal(mkdir(directory, 0700), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_byte_fails), TEST(truncation_fails),
		TEST(not_live),         TEST(news),
		TEST(sync_fails),       TEST(many),
		TEST(nothing),          TEST(slow_reader),
		TEST(stopped_reader),   TEST(reader_gone),
		TEST(no_rotated_pipes), TEST(at_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
