/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/sniffer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

enum {
	FRAME_MAX = 65536 + 64,
};

static int open_socket(const char *interface, struct error *error)
{
	struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return fail(error, errno, "listening: %s", strerror(errno));
	address.sll_ifindex = interface ? (int)if_nametoindex(interface) : 0;
	if ((interface && !address.sll_ifindex) || bind(fd, (struct sockaddr *)&address, sizeof address)) {
		int code = errno;

		close(fd);
		return fail(error, code, "listening on %s: %s", interface ? interface : "all interfaces", strerror(code));
	}
	return fd;
}

int sniffer_run(const char *interface, unsigned int milliseconds, void (*visit)(void *context, const void *frame, size_t len),
		void *context, struct error *error)
{
	static uint8_t frame[FRAME_MAX];
	uint64_t end = clock_monotonic_ns() + milliseconds * NS_PER_MS;
	int fd = open_socket(interface, error);
	struct pollfd ready = {.fd = fd, .events = POLLIN};

	if (fd < 0)
		return fd;
	while (clock_monotonic_ns() < end) {
		struct sockaddr_ll from = {0};
		socklen_t from_len = sizeof from;
		ssize_t len = recvfrom(fd, frame, sizeof frame, 0, (struct sockaddr *)&from, &from_len);

		if (len < 0 && errno == EAGAIN)
			poll(&ready, 1, clock_wait_ms(end));
		else if (len < 0 && errno != EINTR && errno != ENETDOWN)
			break;
		else if (len > 0 && from.sll_pkttype != PACKET_OUTGOING && from.sll_pkttype != PACKET_OTHERHOST &&
			 (from.sll_hatype == ARPHRD_ETHER || from.sll_hatype == ARPHRD_LOOPBACK))
			visit(context, frame, (size_t)len);
	}
	close(fd);
	return 0;
}
