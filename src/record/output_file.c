/* SPDX-License-Identifier: BSD-2-Clause */
#include "record/output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <zstd.h>

/* ---- compression ---- */

struct output_compressor {
	ZSTD_CCtx *context;
	size_t size;
	uint8_t data[];
};

struct output_compressor *output_compressor_new(size_t chunk)
{
	size_t size = ZSTD_compressBound(chunk);
	struct output_compressor *compressor = malloc(sizeof *compressor + size);

	if (!compressor)
		return NULL;
	compressor->size = size;
	compressor->context = ZSTD_createCCtx();
	if (compressor->context && !ZSTD_isError(ZSTD_CCtx_setParameter(compressor->context, ZSTD_c_checksumFlag, 1)))
		return compressor;
	output_compressor_free(compressor);
	return NULL;
}

void output_compressor_free(struct output_compressor *compressor)
{
	if (!compressor)
		return;
	ZSTD_freeCCtx(compressor->context);
	free(compressor);
}

/* ---- names ---- */

int output_directory_open(const char *path, int *directory, const char **rest, struct error *error)
{
	size_t fixed = strcspn(path, "%");
	char *name;

	while (fixed > 0 && path[fixed - 1] != '/')
		fixed--;
	*rest = path + fixed;
	name = fixed ? strndup(path, fixed) : strdup(".");
	if (!name)
		return fail(error, ENOMEM, "%s: no memory", path);
	*directory = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*directory < 0)
		fail(error, errno, "%s: cannot open the directory: %s", name, strerror(errno));
	free(name);
	return *directory < 0 ? -error->code : 0;
}

static int open_one(int parent, const char *name, int flags, mode_t mode)
{
	int fd = openat(parent, name, flags | O_NOFOLLOW | O_CLOEXEC, mode), rc = -errno;
	struct stat stat;

	if (fd < 0 && rc == -ENOTDIR && !fstatat(parent, name, &stat, AT_SYMLINK_NOFOLLOW) && S_ISLNK(stat.st_mode))
		return -ELOOP;
	return fd < 0 ? rc : fd;
}

/* What openat2() does, one name of the path after the other: our sandbox forbids that call, as systemd's RestrictSUIDSGID= does. */
static int walk_beneath(int directory, const char *path, const struct open_how *how)
{
	int parent = directory, next = *path == '/' ? -EXDEV : 0;
	const char *name = path;

	while (next >= 0 && name) {
		const size_t len = strcspn(name, "/");
		char *one = strndup(name, len);

		name = name[len] ? name + len + 1 : NULL;
		if (!one)
			next = -ENOMEM;
		else if (strcmp(one, "..") == 0)
			next = -EXDEV;
		else if (name)
			next = open_one(parent, *one ? one : ".", O_PATH | O_DIRECTORY, 0);
		else
			next = open_one(parent, one, (int)how->flags, (mode_t)how->mode);
		free(one);
		if (parent != directory)
			close(parent);
		parent = next;
	}
	return next;
}

/* Below the directory, and through no symbolic link. */
static int open_beneath(int directory, const char *path, int flags, mode_t mode)
{
	const struct open_how how = {
		.flags = (unsigned int)(flags | O_CLOEXEC), .mode = mode, .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH};
	long fd = syscall(SYS_openat2, directory, path, &how, sizeof how);

	if (fd < 0 && errno == ENOSYS)
		return walk_beneath(directory, path, &how);
	return fd < 0 ? -errno : (int)fd;
}

static int open_to_write(int directory, const char *path, int flags)
{
	return open_beneath(directory, path, flags | O_WRONLY | O_NOFOLLOW | O_NOCTTY, flags & O_CREAT ? 0600 : 0);
}

/* A name in a directory below is reached through that directory, which is opened without following anything. */
static int unlink_regular(int directory, const char *name)
{
	const char *slash = strrchr(name, '/');
	int parent = directory, rc = 0;
	struct stat stat;

	if (slash) {
		char *path = strndup(name, (size_t)(slash - name));

		parent = path ? open_beneath(directory, path, O_PATH | O_DIRECTORY, 0) : -ENOMEM;
		rc = parent < 0 ? parent : 0;
		free(path);
		name = slash + 1;
	}
	if (!rc && !fstatat(parent, name, &stat, AT_SYMLINK_NOFOLLOW))
		rc = S_ISLNK(stat.st_mode) ? -ELOOP : !S_ISREG(stat.st_mode) ? -EEXIST : unlinkat(parent, name, 0) ? -errno : 0;
	if (parent != directory && parent >= 0)
		close(parent);
	return rc;
}

int output_file_create(struct output_file *file, int directory, const char *name)
{
	int rc = unlink_regular(directory, name);

	if (rc)
		return rc;
	rc = open_to_write(directory, name, O_CREAT | O_EXCL);
	*file = (struct output_file){.fd = rc < 0 ? -1 : rc, .compressor = file->compressor};
	return rc < 0 ? rc : 0;
}

int output_file_reopen(struct output_file *file, int directory, const char *name)
{
	struct stat stat;
	int rc = open_to_write(directory, name, 0);

	if (rc < 0)
		return rc == -ENOENT ? -ESTALE : rc;
	file->fd = rc;
	if (!fstat(file->fd, &stat) && S_ISREG(stat.st_mode) && (file->ragged || (uint64_t)stat.st_size == file->size))
		return 0;
	close(file->fd);
	file->fd = -1;
	return -ESTALE;
}

int output_file_adopt(struct output_file *file, int fd)
{
	int flags = fcntl(fd, F_GETFL);
	off_t at = lseek(fd, 0, flags >= 0 && flags & O_APPEND ? SEEK_END : SEEK_CUR);

	if (flags < 0 || at < 0)
		return -errno;
	*file = (struct output_file){.fd = fd, .size = (uint64_t)at, .compressor = file->compressor};
	return 0;
}

/* ---- writing ---- */

static int cut(struct output_file *file)
{
	int rc;

	do
		rc = ftruncate(file->fd, (off_t)file->size);
	while (rc && errno == EINTR);
	file->ragged = rc != 0;
	return rc ? -errno : 0;
}

static int write_all(struct output_file *file, const uint8_t *data, size_t len, size_t *done)
{
	for (*done = 0; *done < len;) {
		ssize_t rc = pwrite(file->fd, data + *done, len - *done, (off_t)(file->size + *done));

		if (rc > 0)
			*done += (size_t)rc;
		else if (rc == 0)
			return -EIO;
		else if (errno != EINTR)
			return -errno;
	}
	return 0;
}

int output_file_write(struct output_file *file, const void *data, size_t len, size_t *done)
{
	struct output_compressor *compressor = file->compressor;
	int rc = file->ragged ? cut(file) : 0;

	*done = 0;
	if (rc || len == 0)
		return rc;
	if (compressor) {
		/* Each write is a frame of its own: the file can be read up to there, whatever happens next. */
		size_t packed = ZSTD_compress2(compressor->context, compressor->data, compressor->size, data, len);

		if (ZSTD_isError(packed))
			return -ENOMEM;
		data = compressor->data;
		len = packed;
	}
	rc = write_all(file, data, len, done);
	if (!rc) {
		file->size += len;
		file->unsynced = true;
	} else if (compressor) {
		*done = 0;
		cut(file);
	}
	return rc;
}

void output_file_keep(struct output_file *file, size_t len)
{
	file->size += len;
	file->unsynced = true;
	cut(file);
}

bool output_file_is_gone(const struct output_file *file)
{
	struct stat stat;

	return file->fd >= 0 && !fstat(file->fd, &stat) && stat.st_nlink == 0;
}

int output_file_sync(struct output_file *file)
{
	if (!file->unsynced)
		return 0;
	file->unsynced = false;
	return fsync(file->fd) ? -errno : 0;
}

int output_file_close(struct output_file *file)
{
	int rc = file->fd >= 0 && close(file->fd) ? -errno : 0;

	file->fd = -1;
	return rc;
}
