/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/path_mtu.h"

#include <linux/filter.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int receive_nothing(int fd)
{
	struct sock_filter none = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog program = {.len = 1, .filter = &none};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

void path_mtu_learn(struct path_mtu *path, int protocol, const struct address *local, const struct address *remote, uint32_t mark)
{
	struct sockaddr_storage from, to;
	socklen_t len = address_sockaddr(local, 0, &from);

	if (path->open && path->protocol == protocol && path->mark == mark && memcmp(&path->local, local, sizeof *local) == 0 &&
	    memcmp(&path->remote, remote, sizeof *remote) == 0)
		return;
	path_mtu_close(path);
	*path = (struct path_mtu){.protocol = protocol, .mark = mark, .local = *local, .remote = *remote};
	path->fd = socket(from.ss_family, SOCK_RAW | SOCK_CLOEXEC, protocol);
	if (path->fd < 0)
		return;
	path->open = true;
	address_sockaddr(remote, 0, &to);
	/* The filter first: what came in between would lie in the socket for ever. */
	if (receive_nothing(path->fd) || setsockopt(path->fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark) ||
	    bind(path->fd, (struct sockaddr *)&from, len) || connect(path->fd, (struct sockaddr *)&to, len))
		path_mtu_close(path);
}

void path_mtu_close(struct path_mtu *path)
{
	if (path->open)
		close(path->fd);
	path->open = false;
}
