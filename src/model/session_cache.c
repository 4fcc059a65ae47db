/* SPDX-License-Identifier: BSD-2-Clause */
#include "model/session_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	FILE_MAX = 1 << 20,
	/*
	 * A file that was changed less long ago than that may be changed again with nothing to tell by: file systems know time by whole seconds,
	 * FAT by two, and some time passes between the stamp and the last byte of what is written.
	 */
	SETTLED_S = 2,
};

/* ---- one file ---- */

static struct file_stamp stamp_of(const struct stat *status)
{
	return (struct file_stamp){
		.device = status->st_dev,
		.inode = status->st_ino,
		.size = status->st_size,
		.modified = status->st_mtim,
		.changed = status->st_ctim,
	};
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool same_stamp(const struct file_stamp *a, const struct file_stamp *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size && same_time(&a->modified, &b->modified) &&
	       same_time(&a->changed, &b->changed);
}

/* By the clock that stamps files. If that was set back since, the file is of the future, and not settled. */
static bool is_settled(const struct file_stamp *stamp)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	return now.tv_sec - stamp->changed.tv_sec > SETTLED_S;
}

/* Reads up to size bytes; how many, or -errno. */
static ssize_t read_all(int fd, char *text, size_t size)
{
	size_t len = 0;

	while (len < size) {
		ssize_t got = read(fd, text + len, size - len);

		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		len += (size_t)got;
	}
	return (ssize_t)len;
}

/* NULL: fine, else what is wrong. */
static const char *load_open(int fd, struct kept_file *file)
{
	struct stat status;
	ssize_t len;

	if (fstat(fd, &status))
		return strerror(errno);
	/* /dev/null, as a link to it, is an empty file. */
	if (!S_ISREG(status.st_mode) && !S_ISCHR(status.st_mode))
		return "is no file";
	if (status.st_size > FILE_MAX)
		return "is longer than 1 MiB";
	file->stamp = stamp_of(&status);
	file->settled = is_settled(&file->stamp);
	file->text = malloc((size_t)status.st_size + 1);
	if (!file->text)
		return strerror(ENOMEM);
	len = read_all(fd, file->text, (size_t)status.st_size);
	if (len < 0)
		return strerror((int)-len);
	file->text[len] = '\0';
	return strlen(file->text) == (size_t)len ? NULL : "has a zero byte";
}

static const char *load(struct kept_file *file)
{
	int fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	const char *wrong;

	if (fd < 0)
		return strerror(errno);
	wrong = load_open(fd, file);
	close(fd);
	return wrong;
}

static bool is_unchanged(const struct kept_file *file)
{
	struct file_stamp stamp;
	struct stat status;

	if (!file->settled || stat(file->path, &status))
		return false;
	stamp = stamp_of(&status);
	return same_stamp(&stamp, &file->stamp);
}

static void free_file(struct kept_file *file)
{
	free(file->path);
	free(file->text);
}

/* ---- one session ---- */

/* Of the same path at the same place. */
static struct kept_file *counterpart(struct kept_session *before, size_t index, const char *path)
{
	return before && index < before->file_count && strcmp(before->files[index].path, path) == 0 ? &before->files[index] : NULL;
}

const char *kept_session_read(struct kept_session *kept, struct kept_session *before, const char *path)
{
	struct kept_file *old = counterpart(before, kept->file_count, path), *file;
	struct kept_file *files = reallocarray(kept->files, kept->file_count + 1, sizeof *files);
	const char *wrong;

	if (!files)
		return strerror(ENOMEM);
	kept->files = files;
	file = &files[kept->file_count];
	*file = (struct kept_file){.path = strdup(path)};
	if (!file->path)
		return strerror(ENOMEM);
	kept->file_count++;
	if (old && old->text && is_unchanged(old)) {
		file->stamp = old->stamp;
		file->settled = true;
		file->text = old->text;
		old->text = NULL;
		return NULL;
	}
	wrong = load(file);
	if (wrong) {
		free(file->text);
		file->text = NULL;
	}
	kept->differs = kept->differs || wrong || !old || !old->text || strcmp(file->text, old->text) != 0;
	return wrong;
}

bool kept_session_is(const struct kept_session *kept, const struct kept_session *before)
{
	return before && before->session && !kept->differs && kept->file_count == before->file_count;
}

void kept_session_free(struct kept_session *kept)
{
	while (kept->file_count)
		free_file(&kept->files[--kept->file_count]);
	free(kept->files);
	free(kept->name);
	session_free(kept->session);
	*kept = (struct kept_session){0};
}

/* ---- all of them ---- */

static int by_name(const void *name, const void *kept)
{
	return strcmp(name, ((const struct kept_session *)kept)->name);
}

struct kept_session *session_cache_find(const struct session_cache *cache, const char *name)
{
	return cache->count ? bsearch(name, cache->items, cache->count, sizeof *cache->items, by_name) : NULL;
}

int session_cache_add(struct session_cache *cache, struct kept_session *kept)
{
	struct kept_session *items = reallocarray(cache->items, cache->count + 1, sizeof *items);

	if (!items) {
		kept_session_free(kept);
		return -ENOMEM;
	}
	cache->items = items;
	items[cache->count++] = *kept;
	*kept = (struct kept_session){0};
	return 0;
}

void session_cache_free(struct session_cache *cache)
{
	for (size_t i = 0; i < cache->count; i++)
		kept_session_free(&cache->items[i]);
	free(cache->items);
	*cache = (struct session_cache){0};
}
