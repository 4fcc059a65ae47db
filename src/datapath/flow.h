/* SPDX-License-Identifier: BSD-2-Clause */
/* Flows of frames, as the eBPF programs tell them apart. */
#ifndef DATAPATH_FLOW_H
#define DATAPATH_FLOW_H

#include <stddef.h>

/* Which of count that share the flows, from 0 on, gets an Ethernet frame: the same for both directions of a flow. */
unsigned int flow_share_of(const void *frame, size_t len, unsigned int count);

#endif
