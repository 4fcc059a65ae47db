/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/collect_parts.h"
#include "wire/headers.h"

int collect_sources_copy(struct collect_sources *sources, const struct endpoint *endpoints, unsigned int count)
{
	sources->count = count ? count : 1;
	sources->endpoints = calloc(sources->count, sizeof *sources->endpoints);
	if (!sources->endpoints)
		return -ENOMEM;
	if (count)
		memcpy(sources->endpoints, endpoints, count * sizeof *endpoints);
	else
		endpoint_any_source(sources->endpoints);
	return 0;
}

enum farspan_kind collect_sources_udp_kind(const struct collect_sources *sources, uint16_t port)
{
	for (unsigned int i = 0; i < sources->count; i++)
		if (port && sources->endpoints[i].kinds & KINDS_UDP && sources->endpoints[i].port == port)
			return endpoint_kind(&sources->endpoints[i]);
	return FARSPAN_NONE;
}

/* The types a fragment can turn out to be of. */
static unsigned int possible_kinds(const struct farspan_packet *packet)
{
	if (packet->reason != FARSPAN_REASON_fragment)
		return KIND_BIT(packet->kind);
	if (packet->ip_protocol == IP_PROTOCOL_GRE)
		return KINDS_ALL & ~KINDS_UDP;
	return packet->ip_protocol == IP_PROTOCOL_UDP ? KINDS_UDP : KINDS_ALL;
}

static bool type_matches(const struct endpoint *source, const struct farspan_packet *packet)
{
	if (!(source->kinds & possible_kinds(packet)))
		return false;
	if (!(KIND_BIT(packet->kind) & KINDS_UDP))
		return true;
	return packet->udp_dst == (source->port ? source->port : wire_udp_port(packet->kind));
}

/* 0: no; else 1 + the length of the longest prefix that has the sender, 1 being that of none. */
static unsigned int sender_matches(const struct endpoint *source, const struct address *sender)
{
	unsigned int longest = source->remote_count == 0;

	for (unsigned int i = 0; i < source->remote_count; i++)
		if (prefix_contains(&source->remotes[i], sender) && source->remotes[i].length + 2u > longest)
			longest = source->remotes[i].length + 2u;
	return longest;
}

static bool session_matches(const struct endpoint *source, const struct farspan_packet *packet)
{
	if (!source->ids.count)
		return true;
	switch (packet->kind) {
	case FARSPAN_ERSPAN2:
	case FARSPAN_ERSPAN3:
		return number_set_has(&source->ids, packet->session);
	case FARSPAN_GRE:
		return packet->has_key && number_set_has(&source->ids, packet->key);
	case FARSPAN_VXLAN:
	case FARSPAN_GENEVE:
		return number_set_has(&source->ids, packet->vni);
	default:
		return false;
	}
}

uint16_t collect_frame_vlan(const struct farspan_packet *packet)
{
	if (packet->inner_tag_count)
		return packet->inner_tags[0].tci & VLAN_ID_MASK;
	return packet->vlan;
}

static struct address address_of(const struct farspan_packet *packet, const uint8_t *bytes)
{
	struct address address = {.family = packet->ip_version};

	memcpy(address.bytes, bytes, packet->ip_version == 4 ? 4 : 16);
	return address;
}

struct address collect_sender(const struct farspan_packet *packet)
{
	return address_of(packet, packet->outer_src);
}

bool collect_match_marker(const struct collect_sources *sources, const struct farspan_packet *packet)
{
	const struct address sender = collect_sender(packet), destination = address_of(packet, packet->outer_dst);

	for (unsigned int i = 0; i < sources->count; i++) {
		const struct endpoint *source = &sources->endpoints[i];

		if (source->marker && source->marker == packet->udp_dst && sender_matches(source, &sender) &&
		    (!source->address.family || address_equal(&source->address, &destination)))
			return true;
	}
	return false;
}

/* The tests that only a whole packet can fail, in the order of their counters. */
static enum collect_counter match_fields(const struct endpoint *source, const struct farspan_packet *packet)
{
	const bool type3 = packet->kind == FARSPAN_ERSPAN3;

	if (!session_matches(source, packet))
		return COLLECT_session_not_wanted;
	if (source->indexes.count && !(packet->kind == FARSPAN_ERSPAN2 && number_set_has(&source->indexes, packet->index)))
		return COLLECT_index_not_wanted;
	if (source->hwids.count && !(type3 && number_set_has(&source->hwids, packet->hwid)))
		return COLLECT_hwid_not_wanted;
	if (endpoint_has(source, ENDPOINT_KEY_side) && !(type3 && packet->direction == source->side))
		return COLLECT_direction_not_wanted;
	if (!number_set_has(&source->vlans, collect_frame_vlan(packet)))
		return COLLECT_vlan_not_wanted;
	return source->in_order && !packet->has_seq ? COLLECT_sequence_missing : COLLECT_received;
}

/* How far the packet gets with one source; the counters are in the order of the tests. */
static enum collect_counter match_one(const struct endpoint *source, const struct farspan_packet *packet, unsigned int *sender_bits)
{
	const struct address sender = collect_sender(packet), destination = address_of(packet, packet->outer_dst);

	if (!type_matches(source, packet))
		return COLLECT_not_wanted_type;
	if (source->address.family && !address_equal(&source->address, &destination))
		return COLLECT_wrong_destination;
	*sender_bits = sender_matches(source, &sender);
	if (!*sender_bits)
		return COLLECT_sender_not_allowed;
	return packet->reason == FARSPAN_REASON_fragment ? COLLECT_received : match_fields(source, packet);
}

/* How exactly a source says what it takes: sender before local address, session, other fields, type. */
static unsigned int specificity(const struct endpoint *source, unsigned int sender_bits)
{
	const unsigned int fields = 0u + !!source->indexes.count + !!source->hwids.count + endpoint_has(source, ENDPOINT_KEY_side) +
				    !!source->vlans.count + source->in_order;
	const unsigned int session = 0u + !!source->ids.count + number_set_is_one(&source->ids);
	const bool one_type = (source->kinds & (source->kinds - 1)) == 0;

	return sender_bits << 8 | (unsigned int)(source->address.family != 0) << 7 | session << 5 | fields << 1 | one_type;
}

enum collect_counter collect_match(const struct collect_sources *sources, const struct farspan_packet *packet, unsigned int *source)
{
	enum collect_counter furthest = COLLECT_not_wanted_type;
	unsigned int best = 0;

	for (unsigned int i = 0; i < sources->count; i++) {
		unsigned int sender_bits = 0, rank;
		enum collect_counter result = match_one(&sources->endpoints[i], packet, &sender_bits);

		if (result != COLLECT_received) {
			furthest = result > furthest ? result : furthest;
			continue;
		}
		rank = specificity(&sources->endpoints[i], sender_bits);
		if (rank > best) {
			best = rank;
			*source = i;
		}
	}
	return best ? COLLECT_received : furthest;
}
