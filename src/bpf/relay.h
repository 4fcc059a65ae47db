/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the headers of a relay's copy say: what was received, as far as that is kept, and above it what the rule sets. */
#ifndef BPF_RELAY_H
#define BPF_RELAY_H

#include <farspan_hook.h>

#include "bpf/relay_maps.h"

/* The frames come from a collector; without one the verifier leaves all of this out. */
const volatile __u32 has_carrier;

/* What was received around the copy; NULL: it is not known. */
static __always_inline struct carried *find_carried(struct __sk_buff *skb)
{
	__u32 key = skb->cb[NOTE_CARRIED] - 1;

	return bpf_map_lookup_elem(&carried, &key);
}

static __always_inline void relay_meta(struct session_config *session, struct carried *received, struct farspan_meta *meta)
{
	__u32 key = received->rule - 1, kept = session->keep & received->has;
	struct match_rule *rule = received->rule ? bpf_map_lookup_elem(&match_rules, &key) : 0;

#define KEEP(name)                    \
	if (kept >> RELAY_##name & 1) \
		meta->name = received->value[RELAY_##name];
	RELAY_FIELDS(KEEP)
#undef KEEP
	if (!rule)
		return;
#define SET(name)                           \
	if (rule->sets >> RELAY_##name & 1) \
		meta->name = rule->set[RELAY_##name];
	RELAY_FIELDS(SET)
#undef SET
}

/* For the hook. */
static __always_inline void tell_received(struct carried *received, struct farspan_received *told)
{
	told->kind = received->kind;
	told->ip_version = received->ip_version;
	told->has_sequence = received->has >> RELAY_sequence & 1;
	told->sequence = received->value[RELAY_sequence];
	told->rule = received->rule;
#define TELL(name) told->name = received->value[RELAY_##name];
	RELAY_FIELDS(TELL)
#undef TELL
	for (__u32 i = 0; i < 4; i++) {
		told->sender[i] = received->sender[i];
		told->local[i] = received->local[i];
	}
}

#endif
