/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The path MTU of copies, which no socket sends: ICMP errors about them are nobody's, and the kernel forgets them. Hides the socket
 * that makes it learn from them; netlink_route() then tells what it has learned.
 */
#ifndef HOST_PATH_MTU_H
#define HOST_PATH_MTU_H

#include <stdbool.h>
#include <stdint.h>

#include "model/address.h"

struct path_mtu {
	bool open; /* all 0: it is not */
	int fd;
	int protocol;
	uint32_t mark;
	struct address local, remote;
};

/*
 * Has the kernel learn of packets of that IP protocol between these addresses, and of no others any more. Nothing is received. Without
 * CAP_NET_RAW it does nothing.
 */
void path_mtu_learn(struct path_mtu *path, int protocol, const struct address *local, const struct address *remote, uint32_t mark);
void path_mtu_close(struct path_mtu *path);

#endif
