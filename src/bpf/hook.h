/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The user's hook: what it is told of a copy, and what becomes of its changes. */
#ifndef BPF_HOOK_H
#define BPF_HOOK_H

#include "bpf/mirror_maps.h"

#include <farspan_hook.h>

/* Set when an object of the user's is linked in; without one the verifier leaves all of this out. */
const volatile __u32 hooked;

/* Stands in for the user's, which is linked over it. */
__weak __noinline int farspan_hook(struct __sk_buff *skb, struct farspan_meta *meta)
{
	(void)skb, (void)meta;
	return FARSPAN_HOOK_SEND;
}

/* The word at off of the header. The mask is for the verifier: offsets are even. */
static __always_inline __be32 *hook_word(struct session_config *header, __u32 off)
{
	return (__be32 *)(header->header + HEADER_ALIGN + (off & (HEADER_MAX - 2)));
}

static __always_inline __u32 hook_field_mask(const struct header_field *field)
{
	return field->width < 32 ? (1u << field->width) - 1 : ~0u;
}

static __always_inline __u32 hook_field(struct session_config *header, const struct header_field *field)
{
	return bpf_ntohl(*hook_word(header, field->off)) >> (field->shift & 31) & hook_field_mask(field);
}

static __always_inline void set_hook_field(struct session_config *header, const struct header_field *field, __u32 value)
{
	__u32 mask = hook_field_mask(field) << (field->shift & 31);
	__be32 *word = hook_word(header, field->off);

	if (field->width)
		*word = (*word & ~bpf_htonl(mask)) | bpf_htonl(value << (field->shift & 31) & mask);
}

static __always_inline __u32 remote_off(struct session_config *session)
{
	return WIRE_ETHERNET_LEN + (session->ip_version == 4 ? 16 : 24);
}

static __always_inline void fill_meta(struct session_config *session, struct farspan_meta *meta)
{
	meta->kind = session->kind;
	meta->ip_version = session->ip_version;
	meta->number = hook_field(session, &session->fields[HEADER_FIELD_number]);
	meta->index = session->port_off ? meta->ifindex & session->port_mask : hook_field(session, &session->fields[HEADER_FIELD_index]);
	meta->hwid = hook_field(session, &session->fields[HEADER_FIELD_hwid]);
	meta->sgt = hook_field(session, &session->fields[HEADER_FIELD_sgt]);
	for (__u32 i = 0; i < 4 && (i == 0 || session->ip_version == 6); i++)
		meta->remote[i] = *hook_word(session, remote_off(session) + i * 4);
}

/* Writes what the hook wants to say into the header. Returns whether it goes to another remote. */
static __always_inline int apply_meta(struct session_config *header, struct farspan_meta *meta)
{
	__u32 sum = 0, changed = 0;

	set_hook_field(header, &header->fields[HEADER_FIELD_number], meta->number);
	set_hook_field(header, &header->fields[HEADER_FIELD_index], meta->index);
	set_hook_field(header, &header->fields[HEADER_FIELD_hwid], meta->hwid);
	set_hook_field(header, &header->fields[HEADER_FIELD_sgt], meta->sgt);
	for (__u32 i = 0; i < 4 && (i == 0 || header->ip_version == 6); i++) {
		__be32 *word = hook_word(header, remote_off(header) + i * 4);
		__u32 old = ~bpf_ntohl(*word), new = bpf_ntohl(meta->remote[i]);

		changed |= *word ^ meta->remote[i];
		*word = meta->remote[i];
		sum += (old >> 16) + (old & 0xffff) + (new >> 16) + (new & 0xffff);
	}
	/* The sum of the IPv4 header, in ones' complement: without the old words, with the new. */
	header->ipv4_sum += sum;
	return changed != 0;
}

#endif
