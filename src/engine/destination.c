/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/outer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "wire/fields.h"

enum {
	INDEX_MASK = 0xfffff,
	VXLAN_SOURCE_PORT = 49152, /* the first of the dynamic ports */
	UNIT_100US_NS = 100 * 1000,
	UNIT_100NS_NS = 100,
};

int outer_find_path(struct netlink *netlink, const struct endpoint *destination, int uplink, struct outer_path *path, struct error *error)
{
	struct route route;
	int rc = netlink_route(netlink, &destination->address, &destination->local, uplink, &route, error);

	if (rc)
		return rc;
	rc = netlink_link_by_index(netlink, route.ifindex, &path->uplink, error);
	if (rc)
		return rc == -ENODEV ? fail(error, ENODEV, "the uplink has just gone") : rc;
	path->local = destination->local.family ? destination->local : route.source;
	path->nexthop = route.gateway.family ? route.gateway : destination->address;
	path->mtu = route.mtu && route.mtu < path->uplink.mtu ? route.mtu : path->uplink.mtu;
	if (!path->local.family) {
		char text[ADDRESS_TEXT_MAX];

		return fail(error, EADDRNOTAVAIL, "interface %s has no address to send to %s from; set local=", path->uplink.name,
			    address_text(&destination->address, text));
	}
	return 0;
}

static void set_guard(struct tunnel_key *guard, const struct address *from, const struct address *to, uint16_t protocol, unsigned int type)
{
	memset(guard, 0, sizeof *guard);
	memcpy(guard->source, from->bytes, sizeof guard->source);
	memcpy(guard->destination, to->bytes, sizeof guard->destination);
	guard->protocol = protocol;
	guard->type = htons((uint16_t)type);
}

unsigned int outer_guards(const struct endpoint *destination, const struct outer_path *path, struct tunnel_key guards[OUTER_GUARDS_MAX])
{
	static const unsigned int gre_types[] = {
	    [FARSPAN_ERSPAN1] = GRE_PROTOCOL_ERSPAN2,
	    [FARSPAN_ERSPAN2] = GRE_PROTOCOL_ERSPAN2,
	    [FARSPAN_ERSPAN3] = GRE_PROTOCOL_ERSPAN3,
	    [FARSPAN_GRE] = GRE_PROTOCOL_ETHERNET,
	};
	const struct address *here = &path->local, *there = &destination->address;
	enum farspan_kind kind = endpoint_kind(destination);

	if (kind == FARSPAN_VXLAN) {
		set_guard(&guards[0], here, there, IP_PROTOCOL_UDP, destination->port);
		set_guard(&guards[1], there, here, IP_PROTOCOL_UDP, destination->port);
		return 2;
	}
	set_guard(&guards[0], here, there, IP_PROTOCOL_GRE, gre_types[kind]);
	set_guard(&guards[1], there, here, IP_PROTOCOL_GRE, kind == FARSPAN_GRE ? GRE_PROTOCOL_ETHERNET : GRE_PROTOCOL_ERSPAN2);
	set_guard(&guards[2], there, here, IP_PROTOCOL_GRE, kind == FARSPAN_GRE ? GRE_PROTOCOL_ETHERNET : GRE_PROTOCOL_ERSPAN3);
	return 3;
}

static void describe_packet(const struct endpoint *d, const struct outer_path *path, unsigned int source_index,
			    struct farspan_packet *packet)
{
	*packet = (struct farspan_packet){
	    .kind = endpoint_kind(d),
	    .has_link = true,
	    .ip_version = d->address.family,
	    .ttl = (uint8_t)d->ttl,
	    .tos = (uint8_t)d->tos,
	    .df = true,
	    .udp_src = VXLAN_SOURCE_PORT,
	    .udp_dst = (uint16_t)d->port,
	    .has_key = endpoint_has(d, ENDPOINT_KEY_key),
	    .key = d->key,
	    .session = (uint16_t)d->session,
	    .index = endpoint_has(d, ENDPOINT_KEY_index) ? d->index : source_index & INDEX_MASK,
	    .sgt = (uint16_t)d->sgt,
	    .p = 1,
	    .hwid = (uint8_t)d->hwid,
	    .gra = (uint8_t)d->granularity,
	    .vni = d->vni,
	};
	packet->has_seq = packet->kind == FARSPAN_ERSPAN2 || packet->kind == FARSPAN_ERSPAN3;
	memcpy(packet->outer_src, path->local.bytes, sizeof packet->outer_src);
	memcpy(packet->outer_dst, d->address.bytes, sizeof packet->outer_dst);
}

/* Clears what depends on the frame's length: the program fills it per frame. */
static void clear_lengths(uint8_t *header, const struct farspan_packet *packet)
{
	uint8_t *ip = header + WIRE_ETHERNET_LEN;
	unsigned int ip_len = packet->ip_version == 4 ? WIRE_IPV4_LEN : WIRE_IPV6_LEN;

	if (packet->ip_version == 4) {
		memset(ip + 2, 0, 2);  /* total length */
		memset(ip + 10, 0, 2); /* checksum */
	} else {
		memset(ip + 4, 0, 2); /* payload length */
	}
	if (packet->kind == FARSPAN_VXLAN)
		memset(ip + ip_len + 4, 0, 2); /* UDP length */
}

static uint32_t sum_words(const uint8_t *bytes, unsigned int len)
{
	uint32_t sum = 0;

	for (unsigned int i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	return sum;
}

/* Offset of the GRE sequence number; 0 if the format has none. */
static unsigned int sequence_offset(const struct farspan_packet *packet)
{
	unsigned int ip_len = packet->ip_version == 4 ? WIRE_IPV4_LEN : WIRE_IPV6_LEN;

	if (!packet->has_seq)
		return 0;
	return WIRE_ETHERNET_LEN + ip_len + WIRE_GRE_LEN + (packet->has_key ? WIRE_GRE_OPTION_LEN : 0);
}

static unsigned int erspan_offset(const struct farspan_packet *packet, unsigned int header_len)
{
	if (packet->kind == FARSPAN_ERSPAN2)
		return header_len - WIRE_ERSPAN2_LEN;
	return packet->kind == FARSPAN_ERSPAN3 ? header_len - WIRE_ERSPAN3_LEN : 0;
}

int outer_session(const struct endpoint *destination, const struct outer_path *path, unsigned int source_index,
		  struct session_config *session, struct error *error)
{
	struct farspan_packet packet;
	uint8_t *header = session->header + HEADER_ALIGN;
	unsigned int header_len, overhead;
	int rc;

	memset(session, 0, sizeof *session);
	describe_packet(destination, path, source_index, &packet);
	rc = farspan_encode(&packet, NULL, 0, header, HEADER_MAX);
	if (rc < 0)
		return fail(error, -rc, "the outer headers cannot be built: %s", strerror(-rc));
	header_len = (unsigned int)rc;
	clear_lengths(header, &packet);
	overhead = header_len - WIRE_ETHERNET_LEN;
	session->kind = packet.kind;
	session->ip_version = packet.ip_version;
	session->header_len = header_len;
	session->sequence_off = sequence_offset(&packet);
	session->tunnel_off = erspan_offset(&packet, header_len);
	session->ipv4_sum = packet.ip_version == 4 ? sum_words(header + WIRE_ETHERNET_LEN, WIRE_IPV4_LEN) : 0;
	session->frame_max = path->mtu > overhead ? path->mtu - overhead : 0;
	session->timestamp_unit_ns = packet.gra == ERSPAN_GRA_100NS ? UNIT_100NS_NS : UNIT_100US_NS;
	session->uplink = (unsigned int)path->uplink.ifindex;
	session->nexthop_version = path->nexthop.family;
	memcpy(session->nexthop, path->nexthop.bytes, sizeof session->nexthop);
	return 0;
}
