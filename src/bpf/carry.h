/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The collector's side of a relay: what was received around a frame is kept for its programs. */
#ifndef BPF_CARRY_H
#define BPF_CARRY_H

#include "bpf/collect_parse.h"

struct carried_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, CARRIED_HALF * 2);
	__uint(key_size, sizeof(__u32)); /* a type that only pointers lead to is not described to the kernel */
	__uint(value_size, sizeof(struct carried));
};

/* By target: the "carried" of its relay. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, TARGETS_MAX);
	__type(key, __u32);
	__array(values, struct carried_map);
} carriers SEC(".maps");

const volatile __u32 carries; /* some target is a relay that wants to know; without, carriers need not exist */

static __always_inline void carry_value(struct carried *carried, enum relay_field field, __u32 value)
{
	carried->has |= 1u << field;
	carried->value[field] = value;
}

static __always_inline void carry_erspan(struct carried *carried, const struct outer *outer)
{
	carry_value(carried, RELAY_number, outer->key.id);
	carry_value(carried, RELAY_vlan, outer->words[0] >> 16 & VLAN_ID_MASK);
	carry_value(carried, RELAY_cos, outer->words[0] >> 13 & 7);
	if (outer->key.kind == FARSPAN_ERSPAN2) {
		carry_value(carried, RELAY_index, outer->words[1] & 0xfffff);
		return;
	}
	carry_value(carried, RELAY_sgt, outer->words[2] >> 16);
	carry_value(carried, RELAY_hwid, outer->key.hwid);
	carry_value(carried, RELAY_direction, outer->transmitted);
}

/* The frame's own tag has the last word. */
static __always_inline void carry_tag(struct carried *carried, struct __sk_buff *skb, __u32 inner_off)
{
	__be16 tag[2];

	if (!(carried->has >> RELAY_vlan & 1)) {
		carry_value(carried, RELAY_vlan, 0);
		carry_value(carried, RELAY_cos, 0);
	}
	if (bpf_skb_load_bytes(skb, inner_off + WIRE_ETHERNET_LEN - sizeof tag[0], tag, sizeof tag) ||
	    (tag[0] != bpf_htons(ETHERTYPE_VLAN) && tag[0] != bpf_htons(ETHERTYPE_SERVICE_VLAN) && tag[0] != bpf_htons(ETHERTYPE_OLD_VLAN)))
		return;
	carry_value(carried, RELAY_vlan, bpf_ntohs(tag[1]) & VLAN_ID_MASK);
	carry_value(carried, RELAY_cos, bpf_ntohs(tag[1]) >> VLAN_PRIORITY_SHIFT);
}

/* Keeps it in the element with that key. 0, or -1: there is no relay that wants to know. */
static __always_inline int carry(struct __sk_buff *skb, const struct outer *outer, __u32 target, __u32 key)
{
	void *map = bpf_map_lookup_elem(&carriers, &target);
	struct carried *carried = map ? bpf_map_lookup_elem(map, &key) : NULL;

	if (!carried)
		return -1;
	carried->has = 0;
	carried->kind = outer->key.kind;
	carried->ip_version = outer->key.version;
	__builtin_memcpy(carried->sender, outer->key.source, sizeof carried->sender);
	__builtin_memcpy(carried->local, outer->key.destination, sizeof carried->local);
	for (int field = 0; field < RELAY_FIELD_COUNT; field++)
		carried->value[field] = 0;
	if (outer->key.kind == FARSPAN_ERSPAN2 || outer->key.kind == FARSPAN_ERSPAN3)
		carry_erspan(carried, outer);
	else if (outer->key.kind != FARSPAN_ERSPAN1 && (outer->key.kind != FARSPAN_GRE || outer->key.has_key))
		carry_value(carried, RELAY_number, outer->key.id);
	if (outer->has_sequence)
		carry_value(carried, RELAY_sequence, outer->sequence);
	carry_tag(carried, skb, outer->off);
	return 0;
}

#endif
