/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/meeting.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PREFIX "farspan/"

enum {
	STRANGERS_MAX = 64, /* turned away at once */
	ACCEPTS = 1 << 16,  /* of the flags in /proc/net/unix: it listens */
};

/* In the abstract namespace: sun_path starts with a NUL. */
static socklen_t make_address(struct sockaddr_un *address, const char *name)
{
	int len;

	memset(address, 0, sizeof *address);
	address->sun_family = AF_UNIX;
	len = snprintf(address->sun_path + 1, sizeof address->sun_path - 1, PREFIX "%.*s", MEETING_NAME_MAX - 1, name);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len);
}

static int close_failed(int fd)
{
	int rc = -errno;

	close(fd);
	return rc;
}

int meeting_open(const char *name)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address;
	socklen_t len = make_address(&address, name);

	if (fd < 0)
		return -errno;
	return bind(fd, (struct sockaddr *)&address, len) || listen(fd, SOMAXCONN) ? close_failed(fd) : fd;
}

int meeting_take_over(int place)
{
	/* Who connects is told by the kernel who has listened last. */
	return listen(place, SOMAXCONN) ? -errno : 0;
}

static bool look_at_peer(int fd, uid_t user, pid_t *pid)
{
	struct ucred peer;
	socklen_t len = sizeof peer;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) || peer.uid != user)
		return false;
	if (pid)
		*pid = peer.pid;
	return true;
}

int meeting_accept(int place, uid_t user)
{
	for (int i = 0; i < STRANGERS_MAX; i++) {
		int fd = accept4(place, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0)
			return -errno;
		if (look_at_peer(fd, user, NULL))
			return fd;
		close(fd);
	}
	return -EAGAIN;
}

int meeting_join(const char *name, pid_t *pid)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address;
	socklen_t len = make_address(&address, name);

	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, len))
		return close_failed(fd);
	if (look_at_peer(fd, geteuid(), pid))
		return fd;
	close(fd);
	return -EPERM;
}

/* "Num: RefCount Protocol Flags Type St Inode @name"; "@" stands for the NUL. */
static const char *place_in(const char *line, char name[MEETING_NAME_MAX])
{
	unsigned int flags;

	if (sscanf(line, "%*s %*x %*x %x %*x %*x %*u @" PREFIX "%99s", &flags, name) != 2 || !(flags & ACCEPTS))
		return NULL;
	return name;
}

int meeting_each(const char *beginning, void (*visit)(void *context, const char *name), void *context)
{
	FILE *in = fopen("/proc/net/unix", "re");
	char *line = NULL, name[MEETING_NAME_MAX];
	size_t room = 0;
	int rc;

	if (!in)
		return -errno;
	while (getline(&line, &room, in) > 0)
		if (place_in(line, name) && strncmp(name, beginning, strlen(beginning)) == 0)
			visit(context, name);
	rc = ferror(in) ? -EIO : 0;
	free(line);
	fclose(in);
	return rc;
}
