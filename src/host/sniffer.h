/* SPDX-License-Identifier: BSD-2-Clause */
/* Looks at what arrives for this host, beside everybody else who gets it: takes nothing away. */
#ifndef HOST_SNIFFER_H
#define HOST_SNIFFER_H

#include <stddef.h>

#include "base/error.h"

/*
 * Calls visit with each Ethernet frame that arrives on an interface (NULL: any) for so long, and returns. 0, or -errno: without
 * CAP_NET_RAW, or there is no such interface.
 */
int sniffer_run(const char *interface, unsigned int milliseconds, void (*visit)(void *context, const void *frame, size_t len),
		void *context, struct error *error);

#endif
