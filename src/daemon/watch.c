/* SPDX-License-Identifier: BSD-2-Clause */
#include "daemon/watch.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

enum {
	EVENTS = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_ONLYDIR,
};

static bool ends_with(const char *name, const char *end)
{
	size_t len = strlen(name), end_len = strlen(end);

	return len > end_len && strcmp(name + len - end_len, end) == 0;
}

/* Watching the same directory again changes nothing. */
void watch_renew(int fd, const char *const *directories)
{
	for (; *directories; directories++) {
		DIR *directory = opendir(*directories);
		const struct dirent *entry;

		inotify_add_watch(fd, *directories, EVENTS);
		while (directory && (entry = readdir(directory))) {
			char path[PATH_MAX];

			if (!ends_with(entry->d_name, ".session.d"))
				continue;
			snprintf(path, sizeof path, "%s/%s", *directories, entry->d_name);
			inotify_add_watch(fd, path, EVENTS);
		}
		if (directory)
			closedir(directory);
	}
}

int watch_open(const char *const *directories)
{
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	if (fd < 0)
		return -errno;
	watch_renew(fd, directories);
	return fd;
}

bool watch_changed(int fd)
{
	char buffer[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	bool changed = false;
	ssize_t len;

	while ((len = read(fd, buffer, sizeof buffer)) > 0) {
		for (const char *at = buffer; at < buffer + len;) {
			const struct inotify_event *event = (const struct inotify_event *)(const void *)at;

			if (event->len &&
			    (ends_with(event->name, ".session") || ends_with(event->name, ".session.d") || ends_with(event->name, ".conf")))
				changed = true;
			at += sizeof *event + event->len;
		}
	}
	return changed;
}
