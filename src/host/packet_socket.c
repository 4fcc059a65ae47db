/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/packet_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <sys/socket.h>
#include <unistd.h>

int packet_socket_open(int ifindex, uint16_t protocol)
{
	const struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(protocol), .sll_ifindex = ifindex};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), code;

	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) == 0)
		return fd;
	code = errno;
	close(fd);
	errno = code;
	return -1;
}
