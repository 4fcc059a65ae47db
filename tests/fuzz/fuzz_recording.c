/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A recording on a disk that fails whenever the input says: after each step the file ends with a whole block, or will as soon as it can be
 * cut; it has as many frames as are counted as written; and each frame is in one count. An input is
 *
 *     options (1)    rows of: what happens (1), how much of it (1)
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "record/recording.h"

#include "fuzz.h"

enum {
	SESSIONS = 6,
	CONTENT_MAX = 1 << 22,
	STEPS_MAX = 512,
};

enum step {
	ADD_SHORT,
	ADD_LONG,
	TICK,
	FLUSH,
	FULL,   /* so many bytes from now */
	BROKEN, /* writes take so few bytes at a time, then fail */
	HEAL,
	NO_CUT, /* a file cannot be shortened either */
	STEP_COUNT
};

static struct {
	off_t limit; /* no file gets longer */
	size_t most; /* that one call writes */
	bool no_cut;
	int error;
} disk;

ssize_t __real_pwrite64(int fd, const void *data, size_t len, off_t at);
ssize_t __wrap_pwrite64(int fd, const void *data, size_t len, off_t at);
int __real_ftruncate64(int fd, off_t len);
int __wrap_ftruncate64(int fd, off_t len);

ssize_t __wrap_pwrite64(int fd, const void *data, size_t len, off_t at)
{
	if (at + (off_t)len > disk.limit)
		len = at < disk.limit ? (size_t)(disk.limit - at) : 0;
	if (len > disk.most)
		len = disk.most;
	if (len)
		return __real_pwrite64(fd, data, len, at);
	errno = disk.error;
	return -1;
}

int __wrap_ftruncate64(int fd, off_t len)
{
	if (!disk.no_cut)
		return __real_ftruncate64(fd, len);
	errno = EIO;
	return -1;
}

static void heal(void)
{
	disk.limit = INT64_MAX;
	disk.most = SIZE_MAX;
	disk.no_cut = false;
}

static char directory[256], file[sizeof directory + 32];

static void remove_files(void)
{
	DIR *list = opendir(directory);
	struct dirent *entry;

	MUST(list);
	while ((entry = readdir(list)))
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(list), entry->d_name, 0);
	closedir(list);
}

static void remove_directory(void)
{
	remove_files();
	rmdir(directory);
}

static void make_directory(void)
{
	const char *top = getenv("TMPDIR");

	if (*directory)
		return;
	snprintf(directory, sizeof directory, "%s/farspan-fuzz.XXXXXX", top ? top : "/tmp");
	MUST(mkdtemp(directory));
	atexit(remove_directory);
	snprintf(file, sizeof file, "%s/x.pcapng", directory);
}

static void describe(void *context, unsigned int id, struct section_about *about)
{
	(void)context;
	snprintf(about->name, sizeof about->name, "session %u", id);
	about->link = PCAPNG_LINK_ETHERNET;
	about->sender.family = id % 2 ? 6 : 4;
	snprintf(about->sender.name, sizeof about->sender.name, "sender-%u", id);
}

static size_t read_file(uint8_t *content)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? 0 : read(fd, content, CONTENT_MAX);

	MUST(len >= 0 && len < CONTENT_MAX);
	if (fd >= 0)
		close(fd);
	return (size_t)len;
}

/* Frames in the file, of which all is whole blocks that refer to interfaces before them; ragged: something may stand behind them. */
static uint64_t frames_in_file(bool ragged)
{
	static uint8_t content[CONTENT_MAX] __attribute__((aligned(8)));
	uint32_t interfaces = 0, words[3];
	const size_t len = read_file(content);
	uint64_t frames = 0;
	size_t at = 0;

	for (; len - at >= sizeof words; at += words[1]) {
		memcpy(words, content + at, sizeof words);
		if (words[1] < 12 || words[1] % 4 || words[1] > len - at)
			break;
		MUST(memcmp(content + at + words[1] - 4, &words[1], 4) == 0);
		MUST((at == 0) == (words[0] == 0x0a0d0d0a));
		interfaces += words[0] == 1;
		MUST((words[0] != 5 && words[0] != 6) || words[2] < interfaces);
		frames += words[0] == 6;
	}
	MUST(ragged || at == len);
	return frames;
}

static void add(struct recording *recording, uint8_t amount, size_t len)
{
	static const uint8_t frame[9000];
	const struct pcapng_packet packet = {.time_ns = 1700000000000000000ull, .data = frame, .captured = len, .original = len};

	recording_add(recording, amount % SESSIONS, &packet);
}

static void take(struct recording *recording, enum step step, uint8_t amount)
{
	struct stat now = {0};

	if (step == ADD_SHORT)
		add(recording, amount, 14 + amount);
	else if (step == ADD_LONG)
		add(recording, amount, 9000 - amount);
	else if (step == TICK)
		recording_tick(recording, 1700000000000000000ull);
	else if (step == FLUSH)
		recording_flush(recording, NULL);
	else if (step == FULL && !stat(file, &now))
		disk.limit = now.st_size + amount;
	else if (step == BROKEN)
		disk.most = amount;
	else if (step == HEAL)
		heal();
	else if (step == NO_CUT)
		disk.no_cut = true;
}

static void check(const struct recording *recording, uint64_t added, bool ragged)
{
	struct recording_counts counts;

	recording_count(recording, &counts);
	MUST(counts.offered == added && counts.pipe_full == 0);
	MUST(counts.written + counts.write_error <= added);
	MUST(ragged || frames_in_file(false) == counts.written);
}

static void finish(struct recording *recording, uint64_t added)
{
	struct recording_counts counts;

	heal();
	recording_tick(recording, 1700000000000000000ull);
	add(recording, 0, 60); /* so that what could not be cut is */
	recording_finish(recording, NULL);
	recording_count(recording, &counts);
	MUST(counts.offered == added + 1);
	MUST(counts.written + counts.write_error == counts.offered);
	MUST(frames_in_file(false) == counts.written);
	recording_close(recording);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const struct recording_config config = {
		.path = file,
		.live = true,
		.start_ns = 1700000000000000000ull,
		.sessions = SESSIONS,
		.interfaces = 1,
		.describer = {describe, NULL},
	};
	struct recording *recording;
	bool cut_failed = false;
	uint64_t added = 0;

	if (len < 1 || len > 1 + 2 * STEPS_MAX)
		return 0;
	make_directory();
	remove_files();
	heal();
	disk.error = data[0] % 2 ? ENOSPC : EIO;
	MUST(recording_open(&config, &recording, NULL) == 0);
	for (size_t at = 1; at + 1 < len; at += 2) {
		const enum step step = data[at] % STEP_COUNT;

		take(recording, step, data[at + 1]);
		added += step == ADD_SHORT || step == ADD_LONG;
		cut_failed = cut_failed || step == NO_CUT;
		check(recording, added, cut_failed);
	}
	finish(recording, added);
	return 0;
}
