/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/destination.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "host/netns.h"
#include "host/offload.h"
#include "wire/fields.h"

enum {
	INDEX_MASK = 0xfffff,
	WIRE_WORD_LEN = 4,
	HEADERS_MAX = 256,                                 /* of an untagged TCP packet; more than there can be */
	FRAME_OVERHEAD = WIRE_ETHERNET_LEN + WIRE_TAG_LEN, /* what an interface takes besides its MTU */
	UNIT_100US_NS = 100 * 1000,
	UNIT_100NS_NS = 100,
};

static int find_interface(struct netlink *netlink, const char *name, struct link *link, struct error *error)
{
	int rc = netlink_link_by_name(netlink, name, link, error);

	return rc == -ENODEV ? fail(error, ENODEV, "interface '%s': no such interface", name) : rc;
}

/* A VRF is asked for its routes by its own index; an interface in it is, by that interface's. */
static int find_oif(struct netlink *netlink, const struct endpoint *destination, int *ifindex, struct error *error)
{
	struct link vrf = {0}, dev = {0};
	int rc = 0;

	if (endpoint_has(destination, ENDPOINT_KEY_vrf) && !(rc = find_interface(netlink, destination->vrf, &vrf, error)) &&
	    strcmp(vrf.kind, "vrf") != 0)
		return fail(error, EINVAL, "interface '%s' is no VRF", vrf.name);
	if (!rc && endpoint_has(destination, ENDPOINT_KEY_dev) && !(rc = find_interface(netlink, destination->dev, &dev, error)) &&
	    vrf.ifindex && dev.master != vrf.ifindex)
		return fail(error, EINVAL, "interface '%s' is not in VRF '%s'", dev.name, vrf.name);
	*ifindex = dev.ifindex ? dev.ifindex : vrf.ifindex;
	return rc;
}

static int find_tunnel(struct netlink *netlink, const struct endpoint *destination, struct destination_path *path, struct error *error)
{
	struct route_query query = {.to = destination->address, .from = destination->local, .mark = destination->mark};
	struct route route;
	int rc = find_oif(netlink, destination, &query.ifindex, error);

	if (rc || (rc = netlink_route(netlink, &query, &route, error)))
		return rc;
	rc = netlink_link_by_index(netlink, route.ifindex, &path->uplink, error);
	if (rc)
		return rc == -ENODEV ? fail(error, ENODEV, "the uplink has just gone") : rc;
	path->local = destination->local.family ? destination->local : route.source;
	path->nexthop = route.gateway.family ? route.gateway : destination->address;
	path->mtu = route.mtu && route.mtu < path->uplink.mtu ? route.mtu : path->uplink.mtu;
	path->finishes_checksums = offload_finishes_checksums(path->uplink.name);
	if (!path->local.family) {
		char text[ADDRESS_TEXT_MAX];

		return fail(error, EADDRNOTAVAIL, "interface %s has no address to send to %s from; set local=", path->uplink.name,
			    address_text(&destination->address, text));
	}
	return 0;
}

int destination_find(struct netlink *netlink, const struct endpoint *destination, struct destination_path *path, struct error *error)
{
	int rc;

	memset(path, 0, sizeof *path);
	if (endpoint_is_tunnel(destination))
		return find_tunnel(netlink, destination, path, error);
	if (endpoint_has(destination, ENDPOINT_KEY_netns))
		rc = netns_find_link(destination->netns, destination->dev, &path->uplink, error);
	else
		rc = find_interface(netlink, destination->dev, &path->uplink, error);
	if (!rc && !path->uplink.ethernet)
		return fail(error, EINVAL, "interface '%s' does not take Ethernet frames", destination->dev);
	return rc;
}

bool destination_same_way(const struct endpoint *one, const struct endpoint *other)
{
	return endpoint_is_tunnel(one) && endpoint_is_tunnel(other) && address_equal(&one->address, &other->address) &&
	       address_equal(&one->local, &other->local) && one->mark == other->mark && strcmp(one->vrf, other->vrf) == 0 &&
	       strcmp(one->dev, other->dev) == 0;
}

static void set_guard(struct tunnel_key *guard, const struct address *from, const struct address *to, uint16_t protocol, unsigned int type)
{
	memset(guard, 0, sizeof *guard);
	memcpy(guard->source, from->bytes, sizeof guard->source);
	memcpy(guard->destination, to->bytes, sizeof guard->destination);
	guard->protocol = protocol;
	guard->type = htons((uint16_t)type);
}

unsigned int destination_guards(const struct endpoint *destination, const struct destination_path *path,
				struct tunnel_key guards[DESTINATION_GUARDS_MAX])
{
	static const unsigned int gre_types[] = {
		[FARSPAN_ERSPAN1] = GRE_PROTOCOL_ERSPAN2,
		[FARSPAN_ERSPAN2] = GRE_PROTOCOL_ERSPAN2,
		[FARSPAN_ERSPAN3] = GRE_PROTOCOL_ERSPAN3,
		[FARSPAN_GRE] = GRE_PROTOCOL_ETHERNET,
	};
	const struct address *here = &path->local, *there = &destination->address;
	enum farspan_kind kind;

	if (!endpoint_is_tunnel(destination))
		return 0;
	kind = endpoint_kind(destination);
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

/* What the platform subheaders of Type III do with time and port (draft section 4.3); row 0 is no subheader. */
static const struct platform {
	unsigned int gra;
	unsigned int unit_ns;
	bool has_upper;  /* the upper half of the time, in the second word */
	bool in_seconds; /* which counts seconds */
	unsigned int port_word;
	unsigned int port_mask; /* 0: no port */
} platforms[] = {
	[0] = {.gra = ERSPAN_GRA_100US, .unit_ns = UNIT_100US_NS},
	[1] = {.gra = ERSPAN_GRA_100US, .unit_ns = UNIT_100US_NS, .port_word = 1, .port_mask = WIRE_MASK(32)},
	[3] = {.gra = ERSPAN_GRA_100US, .unit_ns = UNIT_100US_NS, .has_upper = true, .port_mask = WIRE_MASK(14)},
	[4] = {.gra = ERSPAN_GRA_100US, .unit_ns = UNIT_100US_NS},
	[5] = {.gra = ERSPAN_GRA_IEEE1588, .unit_ns = 1, .has_upper = true, .in_seconds = true, .port_mask = WIRE_MASK(16)},
	[6] = {.gra = ERSPAN_GRA_IEEE1588, .unit_ns = 1, .has_upper = true, .in_seconds = true, .port_mask = WIRE_MASK(16)},
	[7] = {.gra = ERSPAN_GRA_PLATFORM, .unit_ns = 1, .has_upper = true, .port_mask = WIRE_MASK(20)},
};

static unsigned int granularity(const struct endpoint *d)
{
	return endpoint_has(d, ENDPOINT_KEY_granularity) ? d->granularity : platforms[d->platform].gra;
}

static void describe_packet(const struct endpoint *d, const struct destination_path *path, struct farspan_packet *packet)
{
	*packet = (struct farspan_packet){
		.kind = endpoint_kind(d),
		.has_link = true,
		.ip_version = d->address.family,
		.ttl = (uint8_t)d->ttl,
		.tos = (uint8_t)d->tos,
		.flow_label = d->flow_label,
		.has_encap_limit = d->encap_limit != 0 && d->address.family == 6,
		.encap_limit = (uint8_t)(d->encap_limit - 1),
		.df = endpoint_has(d, ENDPOINT_KEY_df) ? d->df != 0 : d->mtu_policy != MTU_FRAGMENT,
		.udp_dst = (uint16_t)d->port,
		.has_checksum = d->checksum != 0,
		.has_key = endpoint_has(d, ENDPOINT_KEY_key),
		.key = d->key,
		.session = (uint16_t)d->session,
		.index = d->index,
		.sgt = (uint16_t)d->sgt,
		.p = 1,
		.hwid = (uint8_t)d->hwid,
		.gra = (uint8_t)granularity(d),
		.o = d->platform != 0,
		.platf_id = (uint8_t)d->platform,
		.port_id = d->port_id,
		.switch_id = (uint16_t)d->switch_id,
		.domain_id = (uint16_t)d->domain_id,
		.vni = d->vni,
	};
	packet->has_seq = packet->kind == FARSPAN_ERSPAN2 || packet->kind == FARSPAN_ERSPAN3 || d->sequence;
	memcpy(packet->outer_src, path->local.bytes, sizeof packet->outer_src);
	memcpy(packet->outer_dst, d->address.bytes, sizeof packet->outer_dst);
}

/* Without what extends it. */
static unsigned int ip_base_len(const struct farspan_packet *packet)
{
	return packet->ip_version == 4 ? WIRE_IPV4_LEN : WIRE_IPV6_LEN;
}

static unsigned int ip_header_len(const struct farspan_packet *packet)
{
	return ip_base_len(packet) + (packet->has_encap_limit ? WIRE_IPV6_LIMIT_LEN : 0);
}

/* Offset of the GRE checksum; 0 if there is none. */
static unsigned int checksum_offset(const struct farspan_packet *packet)
{
	return packet->has_checksum ? WIRE_ETHERNET_LEN + ip_header_len(packet) + WIRE_GRE_LEN : 0;
}

/* Clears what depends on the frame: the program fills it in. */
static void clear_lengths(uint8_t *header, const struct farspan_packet *packet)
{
	uint8_t *ip = header + WIRE_ETHERNET_LEN;
	unsigned int ip_len = ip_header_len(packet);

	if (packet->has_checksum)
		memset(header + checksum_offset(packet), 0, 2);
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
	if (!packet->has_seq)
		return 0;
	return WIRE_ETHERNET_LEN + ip_header_len(packet) + WIRE_GRE_LEN + (packet->has_checksum ? WIRE_GRE_OPTION_LEN : 0) +
	       (packet->has_key ? WIRE_GRE_OPTION_LEN : 0);
}

/* Offset of what the program fills in besides lengths: the ERSPAN or UDP header. */
static unsigned int tunnel_offset(const struct farspan_packet *packet, unsigned int header_len)
{
	switch (packet->kind) {
	case FARSPAN_ERSPAN2:
		return header_len - WIRE_ERSPAN2_LEN;
	case FARSPAN_ERSPAN3:
		return header_len - WIRE_ERSPAN3_LEN - (packet->o ? WIRE_PLATF_LEN : 0);
	case FARSPAN_VXLAN:
		return header_len - WIRE_VXLAN_LEN - WIRE_UDP_LEN;
	default:
		return 0;
	}
}

/* Where the time goes, and the source's ifindex unless the port or Index is set. */
static void fill_type3(const struct endpoint *d, struct session_config *session)
{
	const struct platform *platform = &platforms[d->platform];
	unsigned int subheader = session->header_len - WIRE_PLATF_LEN;

	session->timestamp_unit_ns = granularity(d) == ERSPAN_GRA_100NS ? UNIT_100NS_NS : platform->unit_ns;
	session->time_in_seconds = platform->in_seconds;
	if (endpoint_has(d, ENDPOINT_KEY_fixed_side))
		session->fixed_direction = 1 + (d->side == ENDPOINT_TX ? DIRECTION_TX : DIRECTION_RX);
	session->time_upper_off = platform->has_upper ? subheader + WIRE_WORD_LEN : 0;
	if (!platform->port_mask || endpoint_has(d, ENDPOINT_KEY_port_id))
		return;
	session->port_off = subheader + platform->port_word * WIRE_WORD_LEN;
	session->port_mask = platform->port_mask;
}

static void fill_type2(const struct endpoint *d, struct session_config *session)
{
	if (endpoint_has(d, ENDPOINT_KEY_index))
		return;
	session->port_off = session->tunnel_off + WIRE_WORD_LEN;
	session->port_mask = INDEX_MASK;
}

/* Fields as the tables of the formats have them. */
enum {
#define NUMBERS(name, word, shift, width) ERSPAN2_##name##_word = word, ERSPAN2_##name##_shift = shift, ERSPAN2_##name##_width = width,
	ERSPAN2_FIELDS(NUMBERS)
#undef NUMBERS
#define NUMBERS(name, word, shift, width) ERSPAN3_##name##_word = word, ERSPAN3_##name##_shift = shift, ERSPAN3_##name##_width = width,
	ERSPAN3_FIELDS(NUMBERS)
#undef NUMBERS
};

#define FIELD(format, name)                                                                             \
	{                                                                                               \
		format##_##name##_word *WIRE_WORD_LEN, format##_##name##_shift, format##_##name##_width \
	}

/* What a hook can set. */
static void fill_fields(const struct farspan_packet *packet, struct session_config *session)
{
	/* Behind tunnel_off, which is the UDP header of VXLAN. */
	static const struct header_field fields[FARSPAN_KINDS][HEADER_FIELDS] = {
		[FARSPAN_ERSPAN2] = {[HEADER_FIELD_number] = FIELD(ERSPAN2, session), [HEADER_FIELD_index] = FIELD(ERSPAN2, index)},
		[FARSPAN_ERSPAN3] = {[HEADER_FIELD_number] = FIELD(ERSPAN3, session),
				     [HEADER_FIELD_hwid] = FIELD(ERSPAN3, hwid),
				     [HEADER_FIELD_sgt] = FIELD(ERSPAN3, sgt)},
		[FARSPAN_VXLAN] = {[HEADER_FIELD_number] = {WIRE_UDP_LEN + WIRE_WORD_LEN, 8, 24}},
	};
	const struct platform *platform = &platforms[packet->platf_id];

	for (unsigned int i = 0; i < HEADER_FIELDS; i++) {
		session->fields[i] = fields[packet->kind][i];
		session->fields[i].off = (uint16_t)(session->fields[i].off + session->tunnel_off);
	}
	if (packet->kind == FARSPAN_ERSPAN3 && platform->port_mask)
		session->fields[HEADER_FIELD_index] = (struct header_field){
			.off = (uint16_t)(session->header_len - WIRE_PLATF_LEN + platform->port_word * WIRE_WORD_LEN),
			.width = (uint8_t)__builtin_popcount(platform->port_mask),
		};
	if (packet->kind == FARSPAN_GRE && packet->has_key)
		session->fields[HEADER_FIELD_number] = (struct header_field){
			.off = (uint16_t)(session->header_len - WIRE_GRE_OPTION_LEN * (packet->has_seq ? 2u : 1u)), .width = 32};
}

/* What fits the path, whole or in fragments. Fragments but for the last carry a multiple of 8 bytes. */
static void fill_limits(const struct endpoint *d, const struct destination_path *path, const struct farspan_packet *packet,
			struct session_config *session)
{
	unsigned int overhead = session->header_len - WIRE_ETHERNET_LEN, most = path->mtu;

	session->drop_too_big = d->mtu_policy == MTU_DROP;
	session->number_packets = packet->ip_version == 4 && !packet->df;
	if (d->mtu_policy == MTU_FRAGMENT) {
		unsigned int headers = ip_base_len(packet) + (packet->ip_version == 6 ? WIRE_IPV6_FRAGMENT_LEN : 0);
		unsigned int piece = path->mtu > headers ? (path->mtu - headers) & ~7u : 0;

		session->fragment_mtu = path->mtu;
		most = ip_base_len(packet) + piece * FRAGMENTS_MAX;
	}
	if (most > OUTER_MAX - WIRE_ETHERNET_LEN)
		most = OUTER_MAX - WIRE_ETHERNET_LEN;
	session->frame_max = most > overhead ? most - overhead : 0;
}

static int fill_tunnel(const struct endpoint *destination, const struct destination_path *path, struct session_config *session,
		       struct error *error)
{
	struct farspan_packet packet;
	uint8_t *header = session->header + HEADER_ALIGN;
	int rc;

	describe_packet(destination, path, &packet);
	rc = farspan_encode(&packet, NULL, 0, header, HEADER_MAX);
	if (rc < 0)
		return fail(error, -rc, "the outer headers cannot be built: %s", strerror(-rc));
	clear_lengths(header, &packet);
	session->kind = packet.kind;
	session->ip_version = packet.ip_version;
	session->header_len = (unsigned int)rc;
	fill_limits(destination, path, &packet, session);
	session->checksum_off = checksum_offset(&packet);
	session->options = packet.has_encap_limit;
	session->sequence_off = sequence_offset(&packet);
	session->tunnel_off = tunnel_offset(&packet, session->header_len);
	session->ipv4_sum = packet.ip_version == 4 ? sum_words(header + WIRE_ETHERNET_LEN, WIRE_IPV4_LEN) : 0;
	if (packet.kind == FARSPAN_ERSPAN2)
		fill_type2(destination, session);
	else if (packet.kind == FARSPAN_ERSPAN3)
		fill_type3(destination, session);
	fill_fields(&packet, session);
	session->inherit_tos = destination->inherit_tos;
	session->keep = destination->keep;
	session->nexthop_version = path->nexthop.family;
	memcpy(session->nexthop, path->nexthop.bytes, sizeof session->nexthop);
	return 0;
}

/* The longest frame that goes in one piece. */
static unsigned int unfragmented_max(const struct session_config *session)
{
	unsigned int overhead = session->header_len - WIRE_ETHERNET_LEN;

	if (!session->fragment_mtu)
		return session->frame_max;
	return session->fragment_mtu > overhead ? session->fragment_mtu - overhead : 0;
}

/*
 * Super-packets of longer frames are wrapped frame by frame: those that are to go in fragments, or not at all. So are those whose headers
 * hold a checksum or options, with which nobody has tried out the kernel.
 */
static unsigned int summed_max(const struct shape *shape, const struct session_config *session)
{
	unsigned int max = unfragmented_max(session), cut = shape->truncate == TRUNCATE_BYTES ? shape->truncate_bytes : HEADERS_MAX;

	if (session->checksum_off || session->options)
		return 0;
	if (!session->fragment_mtu && !session->drop_too_big)
		return UINT32_MAX;
	return shape->truncate != TRUNCATE_NONE && cut <= max ? UINT32_MAX : max;
}

/* What is cut, or summed up itself, cannot be left to the uplink: the checksum is that of the whole frame. */
static unsigned int unfinished_max(bool finishes_checksums, const struct shape *shape, const struct session_config *session)
{
	unsigned int max = unfragmented_max(session);

	if (session->checksum_off || session->options || shape->truncate > TRUNCATE_BYTES || !finishes_checksums)
		return 0;
	return shape->truncate == TRUNCATE_BYTES && shape->truncate_bytes < max ? shape->truncate_bytes : max;
}

int destination_session(const struct endpoint *destination, const struct destination_path *path, const struct shape *shape,
			struct session_config *session, struct error *error)
{
	memset(session, 0, sizeof *session);
	session->present = 1;
	session->truncate = shape->truncate;
	session->truncate_bytes = shape->truncate_bytes;
	session->strip_tag = shape->strip_tag;
	session->uplink = (unsigned int)path->uplink.ifindex;
	session->relayed = path->relayed;
	if (endpoint_is_tunnel(destination)) {
		int rc = fill_tunnel(destination, path, session, error);

		session->wrap = WRAP_TUNNEL;
		session->unfinished_max = unfinished_max(path->finishes_checksums, shape, session);
		session->summed_max = summed_max(shape, session);
		return rc;
	}
	session->frame_max = path->uplink.mtu + FRAME_OVERHEAD;
	session->drop_too_big = destination->mtu_policy == MTU_DROP;
	session->wrap = destination->kinds == KIND_VLAN ? WRAP_VLAN : WRAP_NONE;
	session->unfinished_max = unfinished_max(offload_finishes_checksums(path->uplink.name), shape, session);
	session->tag_type_be = htons((uint16_t)destination->tpid);
	session->tag_tci = destination->vlan_id | destination->priority << VLAN_PRIORITY_SHIFT;
	return 0;
}

const char *destination_number(const struct endpoint *tunnel, char text[DESTINATION_NUMBER_MAX])
{
	const enum farspan_kind kind = endpoint_kind(tunnel);

	text[0] = '\0';
	if (kind == FARSPAN_ERSPAN2 || kind == FARSPAN_ERSPAN3)
		snprintf(text, DESTINATION_NUMBER_MAX, " id %u", tunnel->session);
	else if (kind == FARSPAN_VXLAN)
		snprintf(text, DESTINATION_NUMBER_MAX, " vni %u", tunnel->vni);
	else if (endpoint_has(tunnel, ENDPOINT_KEY_key))
		snprintf(text, DESTINATION_NUMBER_MAX, " key %u", tunnel->key);
	return text;
}

uint32_t destination_seed(const struct endpoint *destination)
{
	uint32_t hash = hash32(HASH32_START, destination->address.bytes, sizeof destination->address.bytes);

	hash = hash32(hash, destination->dev, strlen(destination->dev));
	hash = hash32(hash, destination->netns, strlen(destination->netns));
	hash = hash32(hash, &destination->session, sizeof destination->session);
	return hash32(hash, &destination->vni, sizeof destination->vni);
}
