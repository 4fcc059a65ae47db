/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A collector with three outputs, a plain one, a compressed one and one of a file per session, and with a listener, where the first, the
 * second and so on allocation fails, and then each write: it says so or goes on, nothing leaks, and the sums hold after every packet.
 */
#include "engine/collect.h"

#include "record_test.h"

#include <dirent.h>
#include <fcntl.h>

enum {
	FRAMES = 60,
	RUNS_MAX = 5000,
	OUTPUTS = 4,
};

static long allocations_left = -1, writes_left = -1; /* -1: all succeed */
static int write_error;                              /* errno; 0: a short write */
static unsigned long outstanding, failed;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void __real_free(void *memory);
ssize_t __real_pwrite64(int fd, const void *data, size_t len, off_t at);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t max);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t max);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void __wrap_free(void *memory);
ssize_t __wrap_pwrite64(int fd, const void *data, size_t len, off_t at);

static bool fails(long *left)
{
	if (*left < 0)
		return false;
	if ((*left)-- > 0)
		return false;
	*left = -1;
	failed++;
	return true;
}

static void *counted(void *memory)
{
	outstanding += memory != NULL;
	return memory;
}

void *__wrap_malloc(size_t size)
{
	return fails(&allocations_left) ? NULL : counted(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails(&allocations_left) ? NULL : counted(__real_calloc(count, size));
}

void *__wrap_realloc(void *old, size_t size)
{
	void *memory = fails(&allocations_left) ? NULL : __real_realloc(old, size);

	outstanding += !old && memory;
	return memory;
}

char *__wrap_strdup(const char *text)
{
	return fails(&allocations_left) ? NULL : counted(__real_strdup(text));
}

char *__wrap_strndup(const char *text, size_t max)
{
	return fails(&allocations_left) ? NULL : counted(__real_strndup(text, max));
}

void __wrap_free(void *memory)
{
	outstanding -= memory != NULL;
	__real_free(memory);
}

ssize_t __wrap_pwrite64(int fd, const void *data, size_t len, off_t at)
{
	if (!fails(&writes_left))
		return __real_pwrite64(fd, data, len, at);
	if (!write_error)
		return __real_pwrite64(fd, data, len / 2, at);
	errno = write_error;
	return -1;
}

/* ---- the collector ---- */

static char directory[] = "/tmp/farspan-faults.XXXXXX";
static char paths[OUTPUTS][96];
static struct endpoint sources[3];
static const unsigned int source_outputs[] = {1, 2, 3};

static void check_sum(const struct collect *collect)
{
	struct collect_summary summary;
	uint64_t sum;

	collect_summarize(collect, &summary);
	sum = summary.buffered + summary.pending;
	for (enum collect_counter counter = 0; counter < COLLECT_COUNTER_COUNT; counter++)
		if (collect_counter_class(counter) != COLLECT_CLASS_received)
			sum += summary.counters[counter];
	assert_int_equal(sum, summary.counters[COLLECT_received]);
}

static void give(struct collect *collect, unsigned int i)
{
	static const enum farspan_kind kinds[] = {FARSPAN_ERSPAN2, FARSPAN_ERSPAN3, FARSPAN_GRE};
	struct farspan_packet packet;
	uint8_t frame[600] = {0}, outer[1024];

	fill_packet(&packet, kinds[i % 3], 4, (uint16_t)(i % 12));
	packet.seq = i;
	(void)collect_packet(collect, i, FARSPAN_LINK_IP, outer, make_outer(&packet, frame, sizeof frame, outer, sizeof outer));
	check_sum(collect);
}

/* 0, or -errno of what could not be opened. */
static int run(bool live)
{
	struct collect_output outputs[OUTPUTS] = {{.inner = FARSPAN_INNER_EXTRA}};
	struct collect_config config = {.sources = sources,
					.source_count = 3,
					.sessions_max = 16,
					.outputs = outputs,
					.output_count = OUTPUTS,
					.source_outputs = source_outputs,
					.listen = "0",
					.reassembly = {.memory = 1}};
	struct error error = {0}, end = {0};
	struct collect *collect;
	int rc;

	for (unsigned int i = 1; i < OUTPUTS; i++)
		outputs[i].recording =
			(struct recording_config){.path = paths[i], .live = live, .zstd = i == 2, .rotation.per_session = i == 3};
	rc = collect_open(&config, &collect, &error);
	if (rc) {
		assert_int_equal(error.code, -rc);
		assert_true(error.text[0]);
		return rc;
	}
	for (unsigned int i = 0; i < FRAMES; i++) {
		give(collect, i);
		if (i % 7 == 0)
			(void)collect_flush(collect, NULL);
		if (i % 20 == 0)
			collect_tick(collect, i);
	}
	rc = collect_finish(collect, &end);
	check_sum(collect);
	assert_int_equal(rc != 0, end.code != 0);
	collect_close(collect);
	return 0;
}

static void each_allocation(void **state)
{
	unsigned int refused = 0, runs;

	(void)state;
	for (runs = 0; runs < RUNS_MAX; runs++) {
		const unsigned long before = outstanding;
		int rc;

		failed = 0;
		allocations_left = runs;
		rc = run(runs % 2);
		allocations_left = -1;
		assert_int_equal(outstanding, before);
		if (!failed)
			break;
		assert_true(rc == 0 || rc == -ENOMEM);
		refused += rc != 0;
	}
	assert_in_range(runs, 10, RUNS_MAX - 1);
	assert_in_range(refused, 5, runs);
}

static void each_write(void **state)
{
	static const int errors[] = {ENOSPC, EIO, 0};

	(void)state;
	for (unsigned int i = 0; i < 6; i++) {
		unsigned int runs;

		write_error = errors[i % 3];
		for (runs = 0; runs < RUNS_MAX; runs++) {
			const unsigned long before = outstanding;

			failed = 0;
			writes_left = runs;
			(void)run(i / 3);
			writes_left = -1;
			assert_int_equal(outstanding, before);
			if (!failed)
				break;
		}
		assert_in_range(runs, 10, RUNS_MAX - 1);
	}
}

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(directory))
		return -1;
	for (unsigned int i = 0; i < OUTPUTS; i++)
		snprintf(paths[i], sizeof paths[i], "%s/%u", directory, i);
	return endpoint_parse("erspan2:any", ENDPOINT_SOURCE, &sources[0], NULL) ||
	       endpoint_parse("erspan3:any", ENDPOINT_SOURCE, &sources[1], NULL) ||
	       endpoint_parse("gre:any", ENDPOINT_SOURCE, &sources[2], NULL);
}

static int tear_down(void **state)
{
	DIR *open = opendir(directory);
	struct dirent *entry;

	(void)state;
	while (open && (entry = readdir(open)))
		(void)unlinkat(dirfd(open), entry->d_name, 0);
	if (open)
		closedir(open);
	return rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(each_allocation), cmocka_unit_test(each_write)};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
