/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The interfaces of other network namespaces that copies are for. */
#ifndef BPF_RELAYS_H
#define BPF_RELAYS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "bpf/abi.h"

/* By slot. The kernel keeps the interface itself here and takes it out when that goes, or moves to yet another namespace. */
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, SESSIONS_MAX);
	__type(key, __u32);
	__type(value, __u32);
} relays SEC(".maps");

#endif
