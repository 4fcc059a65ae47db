/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of recordings share: writes that fail, because the linker hands them to the functions below instead of to the C library; a
 * directory, and what is in its files; recordings whose sums are checked.
 */
#ifndef TESTS_RECORDING_TEST_H
#define TESTS_RECORDING_TEST_H

#include "record/recording.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <zstd.h>

#include "record_test.h"

/* ---- faults ---- */

static struct {
	off_t limit; /* no file gets longer: "disk full" there */
	int error;   /* what the write says then */
	size_t step; /* at most so many bytes by one call; 0: any */
	bool interrupts;
	bool no_truncate;
	bool no_sync;
	unsigned int calls;
} fault;

ssize_t __real_pwrite64(int fd, const void *data, size_t len, off_t at);
ssize_t __wrap_pwrite64(int fd, const void *data, size_t len, off_t at);
int __real_ftruncate64(int fd, off_t len);
int __wrap_ftruncate64(int fd, off_t len);
int __wrap_fsync(int fd);

ssize_t __wrap_pwrite64(int fd, const void *data, size_t len, off_t at)
{
	if (fault.interrupts && fault.calls++ % 2 == 0) {
		errno = EINTR;
		return -1;
	}
	if (fault.error && at + (off_t)len > fault.limit)
		len = at < fault.limit ? (size_t)(fault.limit - at) : 0;
	if (fault.step && len > fault.step)
		len = fault.step;
	if (len == 0) {
		errno = fault.error;
		return -1;
	}
	return __real_pwrite64(fd, data, len, at);
}

int __wrap_ftruncate64(int fd, off_t len)
{
	if (!fault.no_truncate)
		return __real_ftruncate64(fd, len);
	errno = EIO;
	return -1;
}

int __wrap_fsync(int fd)
{
	(void)fd;
	errno = EIO;
	return fault.no_sync ? -1 : 0;
}

/* ---- a directory, and what is in its files ---- */

static char directory[64];
static char path[384]; /* a directory and a name */

static inline int set_up(void **state)
{
	(void)state;
	memset(&fault, 0, sizeof fault);
	strcpy(directory, "/tmp/farspan-recording.XXXXXX");
	return mkdtemp(directory) ? 0 : -1;
}

static inline int tear_down(void **state)
{
	char command[96];

	(void)state;
	snprintf(command, sizeof command, "rm -rf %s", directory);
	return system(command);
}

static const char *in_directory(const char *name)
{
	snprintf(path, sizeof path, "%s/%s", directory, name);
	return path;
}

static inline unsigned int files(void)
{
	DIR *list = opendir(directory);
	unsigned int count = 0;

	assert_non_null(list);
	while (readdir(list))
		count++;
	closedir(list);
	return count - 2;
}

/* The blocks of one section, or of none at all. */
struct seen {
	unsigned int sections, interfaces, names, statistics;
	uint64_t packets;
	uint64_t received, lost; /* by the statistics */
	uint64_t first_id, last_id;
	size_t whole;
};

static inline void see_statistics(const uint8_t *block, uint32_t len, struct seen *seen)
{
	for (size_t at = 20; at + 8 <= len;) {
		uint16_t option[2];
		uint64_t value;

		memcpy(option, block + at, sizeof option);
		memcpy(&value, block + at + 4, sizeof value);
		if (option[0] == 4)
			seen->received += value;
		if (option[0] == 7)
			seen->lost += value;
		at += 4 + ((option[1] + 3u) & ~3u);
	}
}

static inline struct seen see_bytes(const uint8_t *data, size_t len)
{
	struct seen seen = {0};
	uint32_t words[5];

	for (; len - seen.whole >= 12; seen.whole += words[1]) {
		const uint8_t *block = data + seen.whole;

		memcpy(words, block, len - seen.whole < 20 ? 12 : 20);
		if (words[1] > len - seen.whole)
			break;
		assert_true(words[1] >= 12 && words[1] % 4 == 0);
		assert_memory_equal(block + words[1] - 4, &words[1], 4);
		assert_int_equal(seen.whole == 0, words[0] == 0x0a0d0d0a);
		seen.sections += words[0] == 0x0a0d0d0a;
		seen.interfaces += words[0] == 1;
		seen.names += words[0] == 4;
		if (words[0] == 5 || words[0] == 6)
			assert_true(words[2] < seen.interfaces);
		if (words[0] == 5) {
			seen.statistics++;
			see_statistics(block, words[1], &seen);
		}
		if (words[0] != 6)
			continue;
		/* The last option but the end is the number. */
		memcpy(&seen.last_id, block + words[1] - 16, 8);
		if (seen.packets++ == 0)
			seen.first_id = seen.last_id;
	}
	return seen;
}

static uint8_t content[1 << 23], unpacked[1 << 23];

/* Everything in the file is whole blocks. */
static inline struct seen see(const char *name)
{
	int fd = open(in_directory(name), O_RDONLY);
	struct seen seen;
	struct stat stat;
	ssize_t len;

	if (fd < 0)
		print_message("no %s\n", path);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &stat), 0);
	assert_int_equal(stat.st_mode, S_IFREG | 0600);
	len = read(fd, content, sizeof content);
	assert_true(len >= 0);
	close(fd);
	if (strstr(name, ".zst")) {
		size_t plain = ZSTD_decompress(unpacked, sizeof unpacked, content, (size_t)len);

		assert_false(ZSTD_isError(plain));
		seen = see_bytes(unpacked, plain);
		assert_int_equal(seen.whole, plain);
	} else {
		seen = see_bytes(content, (size_t)len);
		assert_int_equal(seen.whole, len);
	}
	return seen;
}

/* As see(), and the section is complete. */
static inline struct seen see_complete(const char *name)
{
	struct seen seen = see(name);

	assert_int_equal(seen.sections, 1);
	assert_int_equal(seen.statistics, seen.interfaces);
	assert_true(seen.names >= seen.interfaces); /* one twice, if a failure came between it and its interface */
	assert_int_equal(seen.received - seen.lost, seen.packets);
	return seen;
}

/* ---- recordings ---- */

static const uint64_t second_ns = 1000000000;
static const uint64_t start_ns = 1700000000ull * 1000000000;
static struct recording *recording;
static uint64_t added;

static inline void describe(void *context, unsigned int id, struct section_about *about)
{
	assert_ptr_equal(context, &added);
	snprintf(about->name, sizeof about->name, "session %u", id);
	snprintf(about->sender.name, sizeof about->sender.name, "sender-%u", id);
	strcpy(about->comment, "comment");
	about->link = PCAPNG_LINK_ETHERNET;
	about->sender.family = id % 2 ? 6 : 4;
}

static inline void name_session(void *context, unsigned int session, char *text, size_t size)
{
	assert_ptr_equal(context, &added);
	snprintf(text, size, "s:%u", session);
}

static const struct recording_config live = {
	.live = true,
	.start_ns = start_ns,
	.sessions = 100,
	.interfaces = 2,
	.describer = {describe, &added},
	.name_session = name_session,
};

static inline int try_open(struct recording_config config, const char *name, struct error *error)
{
	config.path = in_directory(name);
	added = 0;
	return recording_open(&config, &recording, error);
}

static inline void open_recording(struct recording_config config, const char *name)
{
	static char kept[sizeof path];
	struct error error;

	config.path = strcpy(kept, in_directory(name));
	added = 0;
	if (recording_open(&config, &recording, &error))
		print_message("%s\n", error.text);
	assert_non_null(recording);
}

static inline int add_at(unsigned int id, uint64_t time_ns, size_t len)
{
	static const uint8_t frame[4096];

	return recording_add(recording, id,
			     &(struct pcapng_packet){
				     .time_ns = time_ns, .data = frame, .captured = len, .original = len, .has_id = true, .id = added++});
}

static inline void add_some(unsigned int count, unsigned int ids)
{
	for (unsigned int i = 0; i < count; i++)
		(void)add_at(i % ids, start_ns + added, 22);
}

/* offered = written + lost + waiting, whatever happens; with nothing waiting if settled. */
static inline struct recording_counts check_counts(bool settled)
{
	struct recording_counts counts;

	recording_count(recording, &counts);
	assert_int_equal(counts.offered, added);
	assert_true(counts.written + counts.write_error + counts.pipe_full <= counts.offered);
	if (settled)
		assert_int_equal(counts.written + counts.write_error + counts.pipe_full, counts.offered);
	return counts;
}

static inline struct recording_counts close_recording(int expected)
{
	struct recording_counts counts;
	struct error error = {0};
	int rc = recording_finish(recording, &error);

	if (rc != expected)
		print_message("%s\n", error.text);
	assert_int_equal(rc, expected);
	counts = check_counts(true);
	recording_close(recording);
	recording = NULL;
	return counts;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

#endif
