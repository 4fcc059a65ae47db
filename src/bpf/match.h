/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The rules of a relay: which of them takes a frame, by what was received around it. */
#ifndef BPF_MATCH_H
#define BPF_MATCH_H

#include "bpf/relay_maps.h"

/* Whether the number is in one of the ranges. */
__noinline int match_is_in_ranges(__u32 key, __u32 field, __u32 number)
{
	struct match_rule *rule = bpf_map_lookup_elem(&match_rules, &key);

	if (!rule || field >= RELAY_MATCHED)
		return 0;
	for (__u32 i = 0; i < MATCH_RANGES_MAX; i++)
		if (number >= rule->ranges[field][i].first && number <= rule->ranges[field][i].last)
			return 1;
	return 0;
}

__noinline int match_is_sender(__u32 key, __u32 frame)
{
	struct match_rule *rule = bpf_map_lookup_elem(&match_rules, &key);
	struct carried *received = bpf_map_lookup_elem(&carried, &frame);

	if (!rule || !received)
		return 0;
	for (__u32 i = 0; i < MATCH_SENDERS_MAX && i < rule->sender_count; i++) {
		__u32 differs = rule->senders[i].ip_version ^ received->ip_version;

		for (__u32 word = 0; word < 4; word++)
			differs |= (received->sender[word] ^ rule->senders[i].address[word]) & rule->senders[i].mask[word];
		if (!differs)
			return 1;
	}
	return !rule->sender_count;
}

__noinline int match_is_taken(__u32 key, __u32 frame)
{
	struct match_rule *rule = bpf_map_lookup_elem(&match_rules, &key);
	struct carried *received = bpf_map_lookup_elem(&carried, &frame);
	__u32 differs = 0;

	if (!rule || !received || !rule->present || !(rule->kinds >> (received->kind & 31) & 1) || rule->tests & ~received->has)
		return 0;
	for (__u32 field = 0; field < RELAY_MATCHED; field++)
		if (rule->tests >> field & 1 && !match_is_in_ranges(key, field, received->value[field]))
			return 0;
	for (__u32 word = 0; word < 4; word++)
		differs |= received->local[word] ^ rule->local[word];
	if (rule->local_version && (differs || rule->local_version != received->ip_version))
		return 0;
	return match_is_sender(key, frame);
}

/* The destinations of a frame, as bits. Its rule is noted for the encapsulation. */
__noinline __u32 match_destinations(__u32 frame)
{
	struct carried *received = bpf_map_lookup_elem(&carried, &frame);

	if (!received)
		return ~0u;
	received->rule = 0;
	for (__u32 i = 0; i < MATCH_RULES_MAX; i++) {
		struct match_rule *rule;
		__u32 key = i;

		if (!match_is_taken(key, frame))
			continue;
		received->rule = key + 1;
		rule = bpf_map_lookup_elem(&match_rules, &key);
		return rule ? rule->destinations : 0;
	}
	return ~0u;
}

#endif
