/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the running kernel keeps what programs need and cannot ask for, by its own type information (BTF). */
#ifndef HOST_SKB_LAYOUT_H
#define HOST_SKB_LAYOUT_H

#include <linux/types.h>

#include "base/error.h"

/*
 * Finds the two bits that tell the state of a packet's checksum in struct sk_buff. -EPERM if programs of this process may not read kernel
 * memory, -ENOENT if the kernel does not tell its types; the text says so.
 */
int skb_layout_find_ip_summed(__u32 *off, __u32 *shift, struct error *error);

#endif
