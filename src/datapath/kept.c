/* SPDX-License-Identifier: BSD-2-Clause */
#include "datapath/kept.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define BPF_ROOT  "/sys/fs/bpf"
#define KEPT_ROOT BPF_ROOT "/farspan"

enum {
	NAMESPACE_COOKIE = 71, /* SO_NETNS_COOKIE, which no other namespace has until the next boot */
	BPF_MAGIC = 0xcafe4a11,
	FULL_PATH_MAX = KEPT_PATH_MAX + KEPT_NAME_MAX,
	MODE = 0700,
	ATTEMPTS = 100,
};

/* What is about to get its name, in one step: it takes the place of what has that. */
static const char fresh[] = "fresh";

static int namespace_path(char path[KEPT_PATH_MAX])
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc;
	unsigned long long cookie = 0;
	socklen_t len = sizeof cookie;

	if (fd < 0)
		return -errno;
	rc = getsockopt(fd, SOL_SOCKET, NAMESPACE_COOKIE, &cookie, &len) ? -errno : 0;
	close(fd);
	snprintf(path, KEPT_PATH_MAX, KEPT_ROOT "/%llx", cookie);
	return rc;
}

static void full_path(const struct kept *kept, const char *name, char path[FULL_PATH_MAX])
{
	snprintf(path, FULL_PATH_MAX, "%s/%s", kept->path, name);
}

unsigned int kept_owners(uint32_t *ids, unsigned int max)
{
	char path[KEPT_PATH_MAX];
	DIR *directory = namespace_path(path) ? NULL : opendir(path);
	unsigned int count = 0;
	struct dirent *entry;

	while (directory && count < max && (entry = readdir(directory)))
		count += sscanf(entry->d_name, "%6x", &ids[count]) == 1;
	if (directory)
		closedir(directory);
	return count;
}

bool kept_exists(uint32_t owner)
{
	char namespace[KEPT_PATH_MAX], path[FULL_PATH_MAX];

	if (namespace_path(namespace))
		return true;
	snprintf(path, sizeof path, "%s/%06x", namespace, owner);
	return access(path, F_OK) == 0 || errno != ENOENT;
}

static int make_directory(const char *path)
{
	return mkdir(path, MODE) && errno != EEXIST ? -errno : 0;
}

static int make_directories(const char *namespace, const char *owner)
{
	int rc = -ENOENT;

	/* Who ends takes away what is empty, also from between these. */
	for (int attempt = 0; attempt < ATTEMPTS && rc == -ENOENT; attempt++) {
		rc = make_directory(KEPT_ROOT);
		if (!rc)
			rc = make_directory(namespace);
		if (!rc)
			rc = make_directory(owner);
	}
	return rc;
}

int kept_begin(struct kept *kept, uint32_t owner, struct error *error)
{
	char namespace[KEPT_PATH_MAX];
	struct statfs status;
	int rc = namespace_path(namespace);

	if (!rc && (statfs(BPF_ROOT, &status) || (uint32_t)status.f_type != BPF_MAGIC))
		return fail(error, ENODEV,
			    "no bpf file system at " BPF_ROOT ", which holds what goes on without farspand; \"mount -t bpf bpf " BPF_ROOT
			    "\" makes one");
	snprintf(kept->path, sizeof kept->path, "%.64s/%06x", namespace, owner);
	if (!rc)
		rc = make_directories(namespace, kept->path);
	if (!rc)
		return 0;
	fail(error, -rc, "%s: %s", kept->path, strerror(-rc));
	kept->path[0] = '\0';
	return rc;
}

static void discard_fresh(const struct kept *kept)
{
	int fd = kept_get(kept, fresh);

	if (fd < 0)
		return;
	bpf_link_detach(fd);
	close(fd);
	kept_let_go(kept, fresh);
}

int kept_find(struct kept *kept, uint32_t owner)
{
	char namespace[KEPT_PATH_MAX];
	int rc = namespace_path(namespace);

	if (rc)
		return rc;
	snprintf(kept->path, sizeof kept->path, "%.64s/%06x", namespace, owner);
	discard_fresh(kept);
	return 0;
}

int kept_hold(const struct kept *kept, const char *name, int fd, struct error *error)
{
	char before[FULL_PATH_MAX], path[FULL_PATH_MAX];
	int rc;

	if (!kept->path[0])
		return 0;
	full_path(kept, fresh, before);
	full_path(kept, name, path);
	unlink(before);
	rc = bpf_obj_pin(fd, before);
	if (!rc && rename(before, path))
		rc = -errno;
	return rc ? fail(error, -rc, "%s: %s", path, strerror(-rc)) : 0;
}

int kept_get(const struct kept *kept, const char *name)
{
	char path[FULL_PATH_MAX];

	if (!kept->path[0])
		return -ENOENT;
	full_path(kept, name, path);
	return bpf_obj_get(path);
}

int kept_note(const struct kept *kept, const char *name, struct error *error)
{
	char path[FULL_PATH_MAX];
	int rc;

	if (!kept->path[0])
		return 0;
	full_path(kept, name, path);
	rc = make_directory(path);
	return rc ? fail(error, -rc, "%s: %s", path, strerror(-rc)) : 0;
}

bool kept_is_noted(const struct kept *kept, const char *name)
{
	char path[FULL_PATH_MAX];
	struct stat status;

	if (!kept->path[0])
		return false;
	full_path(kept, name, path);
	return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

void kept_let_go(const struct kept *kept, const char *name)
{
	char path[FULL_PATH_MAX];

	if (!kept->path[0])
		return;
	full_path(kept, name, path);
	if (unlink(path))
		rmdir(path);
}

void kept_each(const struct kept *kept, kept_visitor visit, void *context)
{
	struct dirent **entries;
	int count = kept->path[0] ? scandir(kept->path, &entries, NULL, alphasort) : -1;

	for (int i = 0; i < count; i++) {
		if (entries[i]->d_name[0] != '.')
			visit(entries[i]->d_name, context);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
}

static void let_go(const char *name, void *context)
{
	kept_let_go(context, name);
}

static void detach(const char *name, void *context)
{
	int fd = kept_get(context, name);

	if (fd < 0)
		return;
	bpf_link_detach(fd); /* what is no link is not touched */
	close(fd);
}

void kept_end(struct kept *kept, bool detach_links)
{
	char path[KEPT_PATH_MAX];

	if (!kept->path[0])
		return;
	if (detach_links)
		kept_each(kept, detach, kept);
	kept_each(kept, let_go, kept);
	rmdir(kept->path);
	kept->path[0] = '\0';
	/* What is above it may have been made for us, where we cannot make it. */
	if (!namespace_path(path))
		rmdir(path);
}
