/* SPDX-License-Identifier: BSD-2-Clause */
/* Sockets by which whole frames are sent and received. */
#ifndef HOST_PACKET_SOCKET_H
#define HOST_PACKET_SOCKET_H

#include <stdint.h>

/* On that interface, for frames of that protocol (host's byte order; 0: to send only). A descriptor, or -1 with errno. */
int packet_socket_open(int ifindex, uint16_t protocol);

#endif
