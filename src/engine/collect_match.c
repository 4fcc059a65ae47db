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

static bool sender_matches(const struct endpoint *source, const struct address *sender)
{
	for (unsigned int i = 0; i < source->remote_count; i++)
		if (prefix_contains(&source->remotes[i], sender))
			return true;
	return source->remote_count == 0;
}

static bool session_matches(const struct endpoint *source, const struct farspan_packet *packet)
{
	switch (packet->kind) {
	case FARSPAN_ERSPAN1:
		return !endpoint_has(source, ENDPOINT_KEY_id);
	case FARSPAN_ERSPAN2:
	case FARSPAN_ERSPAN3:
		return !endpoint_has(source, ENDPOINT_KEY_id) || source->session == packet->session;
	case FARSPAN_GRE:
		return !endpoint_has(source, ENDPOINT_KEY_key) || (packet->has_key && source->key == packet->key);
	case FARSPAN_VXLAN:
	case FARSPAN_GENEVE:
		return !endpoint_has(source, ENDPOINT_KEY_vni) || source->vni == packet->vni;
	default:
		return true;
	}
}

static struct address address_of(const struct farspan_packet *packet, const uint8_t *bytes)
{
	struct address address = {.family = packet->ip_version};

	memcpy(address.bytes, bytes, packet->ip_version == 4 ? 4 : 16);
	return address;
}

/* How far the packet gets with one source; the counters are in the order of the tests. */
static enum collect_counter match_one(const struct endpoint *source, const struct farspan_packet *packet)
{
	const struct address sender = address_of(packet, packet->outer_src), destination = address_of(packet, packet->outer_dst);

	if (!type_matches(source, packet))
		return COLLECT_not_wanted_type;
	if (source->address.family && !address_equal(&source->address, &destination))
		return COLLECT_wrong_destination;
	if (!sender_matches(source, &sender))
		return COLLECT_sender_not_allowed;
	return session_matches(source, packet) ? COLLECT_received : COLLECT_session_not_wanted;
}

enum collect_counter collect_match(const struct collect_sources *sources, const struct farspan_packet *packet)
{
	enum collect_counter furthest = COLLECT_not_wanted_type;

	for (unsigned int i = 0; i < sources->count; i++) {
		enum collect_counter result = match_one(&sources->endpoints[i], packet);

		if (result == COLLECT_received)
			return result;
		if (result > furthest)
			furthest = result;
	}
	return furthest;
}
