/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The place of the packet filters in a program. */
#ifndef BPF_FILTERS_H
#define BPF_FILTERS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "bpf/abi.h"

#define FILTER_GROUPS(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7)

/*
 * A function per group of filters; it returns the answers of the group. Its body is replaced when the program is loaded. Here it only keeps
 * the compiler from knowing anything about it. They are global so that the kernel verifies each by itself: there is a limit to the branches
 * that it follows in one go.
 */
#define FILTER_GROUP(group)                                                             \
	__attribute__((noinline)) int exclude_by_filters_##group(struct __sk_buff *skb) \
	{                                                                               \
		int result = 0;                                                         \
                                                                                        \
		asm volatile("" : "+r"(result), "+r"(skb) : : "memory");                \
		return result;                                                          \
	}
FILTER_GROUPS(FILTER_GROUP)
#undef FILTER_GROUP

#define ONE_MORE(group) +1
_Static_assert(0 FILTER_GROUPS(ONE_MORE) == FILTERS_MAX / FILTER_GROUP_SIZE, "a function per group");
#undef ONE_MORE

/* Asks count filters. The words of groups that have none are left as they are. Returns whether all exclude the frame. */
static __always_inline int run_filters(struct __sk_buff *skb, __u32 count, struct exclusions *exclusions)
{
	__u32 all = ~0u;

#define RUN_GROUP(group)                       \
	if (count > (group)*FILTER_GROUP_SIZE) \
		all &= exclusions->words[group] = (__u32)exclude_by_filters_##group(skb);
	FILTER_GROUPS(RUN_GROUP)
#undef RUN_GROUP
	return all == ~0u;
}

static __always_inline int is_excluded(const struct exclusions *exclusions, __u32 filter)
{
	return exclusions->words[filter / FILTER_GROUP_SIZE % (FILTERS_MAX / FILTER_GROUP_SIZE)] >> filter % FILTER_GROUP_SIZE & 1;
}

#endif
