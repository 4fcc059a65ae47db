/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The place of the packet filters in a program. */
#ifndef BPF_FILTERS_H
#define BPF_FILTERS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "bpf/abi.h"

/*
 * Its body is replaced when the program is loaded: by all filters one behind the other, each of which sets its bit or leaves it 0. All words
 * that have filters are written. Here it only keeps the compiler from knowing anything about it.
 */
static __attribute__((noinline)) int exclude_by_filters(struct __sk_buff *skb, struct exclusions *exclusions)
{
	int result = 0;

	asm volatile("" : "+r"(result), "+r"(skb), "+r"(exclusions) : : "memory");
	return result;
}

static __always_inline int is_excluded(const struct exclusions *exclusions, __u32 filter)
{
	return exclusions->words[filter / 32 % (FILTERS_MAX / 32)] >> filter % 32 & 1;
}

#endif
