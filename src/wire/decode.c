/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From bytes to struct farspan_packet. Every read_...() takes what it names from the reader and fills its part of the packet; what follows
 * is the next one's. The reader ends where the headers read so far say that the packet ends.
 */
#include <farspan.h>

#include "wire/bytes.h"
#include "wire/fields.h"
#include "wire/headers.h"

#define REFUSE(name)  return FARSPAN_REASON_##name
#define HOP_JUMBO     0xc2u /* RFC 2675 */
#define JUMBO_MINIMUM 0x10000u

/* Returns the EtherType behind the tags. A cut header fails the reader; a cut tag does so too, and its own EtherType is returned. */
static uint16_t read_ethernet(struct reader *reader, uint8_t *dst, uint8_t *src, struct farspan_tag *tags, uint8_t *tag_count,
			      uint8_t tags_max)
{
	uint16_t type;

	reader_bytes(reader, dst, 6);
	reader_bytes(reader, src, 6);
	type = reader_u16(reader);
	while (wire_is_vlan(type) && *tag_count < tags_max) {
		uint16_t tci = reader_u16(reader);
		uint16_t next = reader_u16(reader);

		if (reader->failed)
			break;
		tags[(*tag_count)++] = (struct farspan_tag){.tpid = type, .tci = tci};
		type = next;
	}
	return type;
}

static enum farspan_reason read_ipv4(struct reader *reader, struct farspan_packet *packet)
{
	struct ipv4_header ip = {0};

	ipv4_read(reader, &ip);
	reader_bytes(reader, packet->outer_src, 4);
	reader_bytes(reader, packet->outer_dst, 4);
	if (reader->failed)
		REFUSE(short_ip);
	packet->ip_version = 4;
	packet->tos = (uint8_t)ip.tos;
	packet->ttl = (uint8_t)ip.ttl;
	packet->ip_protocol = (uint8_t)ip.protocol;
	packet->ip_id = ip.id;
	packet->df = ip.df;
	packet->more_fragments = ip.mf;
	packet->fragment_offset = (uint16_t)(ip.fragment * 8);
	if (ip.ihl * 4 < WIRE_IPV4_LEN || ip.total_length < ip.ihl * 4)
		REFUSE(bad_ip);
	packet->cut = !reader_trim(reader, ip.total_length - WIRE_IPV4_LEN);
	reader_skip(reader, ip.ihl * 4 - WIRE_IPV4_LEN);
	if (reader->failed)
		REFUSE(short_ip);
	return FARSPAN_OK;
}

static bool is_extension(uint8_t protocol)
{
	return protocol == IP_PROTOCOL_HOP_BY_HOP || protocol == IP_PROTOCOL_ROUTING || protocol == IP_PROTOCOL_FRAGMENT ||
	       protocol == IP_PROTOCOL_DESTINATION;
}

static bool is_fragment(const struct farspan_packet *packet)
{
	return packet->more_fragments || packet->fragment_offset != 0;
}

/* What the destination options that come next say of tunnels; the first limit counts. */
static void peek_limit(const struct reader *reader, struct farspan_packet *packet)
{
	struct reader options = *reader;

	reader_skip(&options, 1);
	reader_trim(&options, reader_u8(&options) * 8u + 6);
	while (!options.failed && reader_left(&options) && !packet->has_encap_limit) {
		uint8_t type = reader_u8(&options), len = type == IPV6_OPTION_PAD1 ? 0 : reader_u8(&options);
		const struct reader value = options;

		reader_skip(&options, len);
		if (type != IPV6_OPTION_LIMIT || len != 1 || options.failed)
			continue;
		packet->has_encap_limit = true;
		packet->encap_limit = reader_peek(&value);
	}
}

/* One extension header; returns the protocol of what follows. */
static uint8_t read_extension(struct reader *reader, uint8_t protocol, struct farspan_packet *packet)
{
	struct ipv6_fragment_header fragment = {0};
	uint8_t next;

	if (protocol == IP_PROTOCOL_DESTINATION)
		peek_limit(reader, packet);
	if (protocol != IP_PROTOCOL_FRAGMENT) {
		next = reader_u8(reader);
		reader_skip(reader, (size_t)reader_u8(reader) * 8 + 6);
		return next;
	}
	ipv6_fragment_read(reader, &fragment);
	packet->ip_id = fragment.id;
	packet->more_fragments = fragment.mf;
	packet->fragment_offset = (uint16_t)(fragment.fragment * 8);
	return (uint8_t)fragment.next_header;
}

/* The length in the jumbo option of the hop-by-hop header that comes next, 0 if there is none or an impossible one. */
static uint32_t peek_jumbo(const struct reader *reader)
{
	struct reader options = *reader;
	uint32_t len;

	reader_skip(&options, 1);
	len = reader_u8(&options) * 8u + 6;
	reader_trim(&options, len);
	while (!options.failed && reader_left(&options)) {
		uint8_t type = reader_u8(&options);

		if (type == IPV6_OPTION_PAD1)
			continue;
		len = reader_u8(&options);
		if (type == HOP_JUMBO && len == 4) {
			len = reader_u32(&options);
			return len < JUMBO_MINIMUM ? 0 : len;
		}
		reader_skip(&options, len);
	}
	return 0;
}

static enum farspan_reason read_ipv6(struct reader *reader, struct farspan_packet *packet)
{
	struct ipv6_header ip = {0};
	uint8_t next;

	ipv6_read(reader, &ip);
	reader_bytes(reader, packet->outer_src, 16);
	reader_bytes(reader, packet->outer_dst, 16);
	if (reader->failed)
		REFUSE(short_ip);
	packet->ip_version = 6;
	packet->tos = (uint8_t)ip.tos;
	packet->flow_label = ip.flow_label;
	packet->ttl = (uint8_t)ip.ttl;
	packet->ip_protocol = (uint8_t)ip.next_header;
	/* A length of 0 means what it says, unless a jumbo option gives the real one. */
	if (ip.payload_length == 0 && ip.next_header == IP_PROTOCOL_HOP_BY_HOP) {
		ip.payload_length = peek_jumbo(reader);
		if (ip.payload_length == 0)
			REFUSE(bad_ip);
	}
	packet->cut = !reader_trim(reader, ip.payload_length);
	for (unsigned int walked = 0; is_extension(packet->ip_protocol) && !is_fragment(packet); walked++) {
		if (walked == FARSPAN_EXTENSIONS_MAX)
			REFUSE(ext_headers);
		next = read_extension(reader, packet->ip_protocol, packet);
		if (reader->failed)
			REFUSE(ext_headers);
		packet->ip_protocol = next;
	}
	return FARSPAN_OK;
}

/* type is the EtherType in front of the header. */
static enum farspan_reason read_ip(struct reader *reader, uint16_t type, struct farspan_packet *packet)
{
	uint8_t version = reader_peek(reader) >> 4;
	enum farspan_reason reason;

	packet->ip_off = reader->off;
	if (reader_left(reader) == 0)
		REFUSE(short_ip);
	if (version != (type == ETHERTYPE_IPV4 ? 4 : 6))
		REFUSE(bad_ip);
	reason = version == 4 ? read_ipv4(reader, packet) : read_ipv6(reader, packet);
	if (reason != FARSPAN_OK)
		return reason;
	packet->ip_payload_off = reader->off;
	packet->ip_payload_len = reader_left(reader);
	return is_fragment(packet) ? FARSPAN_REASON_fragment : FARSPAN_OK;
}

static enum farspan_reason read_platform(struct reader *reader, struct farspan_packet *packet)
{
	struct reader header = *reader;

	platf_read(reader, packet);
	if (reader->failed)
		REFUSE(short_subheader);
	switch (packet->platf_id) {
#define READ(id, name)                        \
	case id:                              \
		name##_read(&header, packet); \
		break;
		WIRE_PLATFS(READ)
#undef READ
	default:
		break;
	}
	return FARSPAN_OK;
}

static enum farspan_reason read_erspan(struct reader *reader, struct farspan_packet *packet)
{
	if (packet->kind == FARSPAN_ERSPAN2)
		erspan2_read(reader, packet);
	else
		erspan3_read(reader, packet);
	if (reader->failed)
		REFUSE(short_erspan);
	return packet->o ? read_platform(reader, packet) : FARSPAN_OK;
}

/* What a GRE header carries, by its protocol, its S bit and the version in the header behind it. */
static enum farspan_kind gre_kind(const struct farspan_packet *packet)
{
	switch (packet->gre_protocol) {
	case GRE_PROTOCOL_ETHERNET:
		return FARSPAN_GRE;
	case GRE_PROTOCOL_ERSPAN2:
		if (!packet->has_seq)
			return FARSPAN_ERSPAN1;
		break;
	case GRE_PROTOCOL_ERSPAN3:
		break;
	default:
		return FARSPAN_NONE;
	}
	if (packet->version == ERSPAN2_VERSION)
		return FARSPAN_ERSPAN2;
	return packet->version == ERSPAN3_VERSION ? FARSPAN_ERSPAN3 : FARSPAN_NONE;
}

static enum farspan_reason read_gre_header(struct reader *reader, struct farspan_packet *packet)
{
	struct gre_header gre = {0};

	gre_read(reader, &gre);
	if (reader->failed)
		REFUSE(short_gre);
	packet->gre_protocol = (uint16_t)gre.gre_protocol;
	packet->has_checksum = gre.has_checksum;
	packet->has_key = gre.has_key;
	packet->has_seq = gre.has_seq;
	if (gre.gre_version)
		REFUSE(gre_version);
	if (gre.has_routing)
		REFUSE(gre_routing);
	if (packet->has_checksum)
		reader_skip(reader, WIRE_GRE_OPTION_LEN);
	if (packet->has_key)
		packet->key = reader_u32(reader);
	if (packet->has_seq)
		packet->seq = reader_u32(reader);
	if (reader->failed)
		REFUSE(short_gre);
	return FARSPAN_OK;
}

static bool gre_checksum_ok(const struct reader *gre)
{
	struct reader whole = *gre;
	size_t len = reader_left(gre);

	return checksum_fold(checksum_add(0, reader_take(&whole, len), len)) == 0;
}

static enum farspan_reason read_gre(struct reader *reader, struct farspan_packet *packet)
{
	const struct reader start = *reader;
	enum farspan_reason reason = read_gre_header(reader, packet);
	bool erspan = packet->gre_protocol == GRE_PROTOCOL_ERSPAN3 || (packet->gre_protocol == GRE_PROTOCOL_ERSPAN2 && packet->has_seq);

	if (reason != FARSPAN_OK)
		return reason;
	if (erspan)
		packet->version = reader_peek(reader) >> 4;
	packet->kind = gre_kind(packet);
	if (packet->kind == FARSPAN_NONE && !erspan)
		return FARSPAN_OK;
	if (packet->has_checksum && !packet->cut && !gre_checksum_ok(&start))
		REFUSE(gre_checksum);
	if (!erspan)
		return FARSPAN_OK;
	if (reader_left(reader) == 0)
		REFUSE(short_erspan);
	if (packet->kind == FARSPAN_NONE)
		REFUSE(bad_version);
	return read_erspan(reader, packet);
}

static enum farspan_reason read_vxlan(struct reader *reader, struct farspan_packet *packet)
{
	struct vxlan_header vxlan = {0};

	vxlan_read(reader, &vxlan);
	if (reader->failed)
		REFUSE(short_vxlan);
	packet->vni = vxlan.vni;
	if (!vxlan.vni_valid)
		REFUSE(vxlan_flags);
	return FARSPAN_OK;
}

/* What is in the tunnel is no Ethernet frame: no mirror traffic, and nothing wrong with it. */
static enum farspan_reason no_mirror(struct farspan_packet *packet)
{
	packet->kind = FARSPAN_NONE;
	return FARSPAN_OK;
}

static enum farspan_reason read_geneve(struct reader *reader, struct farspan_packet *packet)
{
	struct geneve_header geneve = {0};

	geneve_read(reader, &geneve);
	if (reader->failed)
		REFUSE(short_geneve);
	if (geneve.version != GENEVE_VERSION)
		REFUSE(geneve_version);
	if (geneve.protocol != GRE_PROTOCOL_ETHERNET)
		return no_mirror(packet);
	packet->vni = geneve.vni;
	packet->oam = geneve.oam;
	packet->critical = geneve.critical;
	packet->options_len = geneve.options_words * 4;
	reader_skip(reader, packet->options_len);
	if (reader->failed)
		REFUSE(short_geneve);
	return FARSPAN_OK;
}

/* Tag, length, value; padding and end have neither of the latter. */
static void skip_tzsp_tags(struct reader *reader)
{
	while (!reader->failed) {
		uint8_t tag = reader_u8(reader);

		if (tag == TZSP_TAG_END)
			return;
		if (tag != TZSP_TAG_PADDING)
			reader_skip(reader, reader_u8(reader));
	}
}

static enum farspan_reason read_tzsp(struct reader *reader, struct farspan_packet *packet)
{
	struct tzsp_header tzsp = {0};
	size_t tags;

	tzsp_read(reader, &tzsp);
	if (reader->failed)
		REFUSE(short_tzsp);
	if (tzsp.version != TZSP_VERSION)
		REFUSE(tzsp_version);
	if (tzsp.type != TZSP_TYPE_RECEIVED || tzsp.protocol != TZSP_PROTOCOL_ETHERNET)
		return no_mirror(packet);
	tags = reader->off;
	skip_tzsp_tags(reader);
	if (reader->failed)
		REFUSE(short_tzsp);
	packet->options_len = (uint32_t)(reader->off - tags);
	return FARSPAN_OK;
}

/* What the context takes a UDP destination port for. */
static enum farspan_kind udp_kind(const struct farspan_context *context, uint16_t port)
{
	const uint16_t given[FARSPAN_KINDS] = {
		[FARSPAN_VXLAN] = context->vxlan_port,
		[FARSPAN_GENEVE] = context->geneve_port,
		[FARSPAN_TZSP] = context->tzsp_port,
	};

	if (port == 0)
		return FARSPAN_NONE;
	for (enum farspan_kind kind = FARSPAN_VXLAN; kind < FARSPAN_KINDS; kind++)
		if (given[kind] == port)
			return kind;
	for (enum farspan_kind kind = FARSPAN_VXLAN; kind < FARSPAN_KINDS; kind++)
		if (given[kind] == 0 && wire_udp_port(kind) == port)
			return kind;
	return FARSPAN_NONE;
}

static enum farspan_reason read_udp(const struct farspan_context *context, struct reader *reader, struct farspan_packet *packet)
{
	struct udp_header udp = {0};

	udp_read(reader, &udp);
	if (reader->failed)
		REFUSE(short_udp);
	packet->udp_src = (uint16_t)udp.source;
	packet->udp_dst = (uint16_t)udp.destination;
	packet->kind = udp_kind(context, packet->udp_dst);
	if (packet->kind == FARSPAN_NONE)
		return FARSPAN_OK;
	/* 0: longer than the field can say; more than there is: cut. */
	if (udp.length && udp.length < WIRE_UDP_LEN)
		REFUSE(short_udp);
	if (udp.length)
		reader_trim(reader, udp.length - WIRE_UDP_LEN);
	if (packet->kind == FARSPAN_VXLAN)
		return read_vxlan(reader, packet);
	return packet->kind == FARSPAN_GENEVE ? read_geneve(reader, packet) : read_tzsp(reader, packet);
}

static enum farspan_reason read_inner(struct reader *reader, struct farspan_packet *packet)
{
	uint8_t version;

	packet->inner_off = reader->off;
	packet->inner_len = reader_left(reader);
	if (packet->ft == ERSPAN_FT_IP) {
		version = reader_peek(reader) >> 4;
		packet->inner_type = version == 4 ? ETHERTYPE_IPV4 : version == 6 ? ETHERTYPE_IPV6 : 0;
	}
	if (packet->ft != ERSPAN_FT_ETHERNET)
		return FARSPAN_OK;
	if (packet->inner_len < WIRE_ETHERNET_LEN)
		REFUSE(short_inner);
	packet->has_inner_ethernet = true;
	packet->inner_type = read_ethernet(reader, packet->inner_dst, packet->inner_src, packet->inner_tags, &packet->inner_tag_count,
					   FARSPAN_INNER_TAGS_MAX);
	return FARSPAN_OK;
}

/* From the IP header that type announces to the link header of the mirrored frame. Leaves kind none if there is no tunnel. */
static enum farspan_reason read_tunnel(const struct farspan_context *context, struct reader *reader, uint16_t type,
				       struct farspan_packet *packet)
{
	enum farspan_reason reason = read_ip(reader, type, packet);

	if (reason != FARSPAN_OK)
		return reason;
	if (packet->ip_protocol == IP_PROTOCOL_GRE)
		reason = read_gre(reader, packet);
	else if (packet->ip_protocol == IP_PROTOCOL_UDP)
		reason = read_udp(context, reader, packet);
	if (reason != FARSPAN_OK || packet->kind == FARSPAN_NONE)
		return reason;
	return read_inner(reader, packet);
}

static bool is_ip(uint16_t type)
{
	return type == ETHERTYPE_IPV4 || type == ETHERTYPE_IPV6;
}

/* Counts the tunnels inside the outermost one; the first that is none, or not a whole one, ends that. */
static enum farspan_reason count_nested(const struct farspan_context *context, struct reader *reader, struct farspan_packet *packet)
{
	struct farspan_packet nested;
	uint16_t type = packet->inner_type;

	packet->depth = 1;
	while (is_ip(type)) {
		memset(&nested, 0, sizeof(nested));
		if (read_tunnel(context, reader, type, &nested) != FARSPAN_OK || nested.kind == FARSPAN_NONE)
			break;
		if (packet->depth == FARSPAN_TUNNELS_MAX)
			REFUSE(depth);
		packet->depth++;
		type = nested.inner_type;
	}
	return FARSPAN_OK;
}

static enum farspan_reason decode(const struct farspan_context *context, struct reader *reader, struct farspan_packet *packet)
{
	uint16_t type = reader_peek(reader) >> 4 == 4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6;
	enum farspan_reason reason;

	if (context->link == FARSPAN_LINK_ETHERNET) {
		type = read_ethernet(reader, packet->link_dst, packet->link_src, packet->outer_tags, &packet->outer_tag_count,
				     FARSPAN_OUTER_TAGS_MAX);
		if (reader->failed)
			REFUSE(short_link);
		packet->has_link = true;
		if (!is_ip(type))
			return FARSPAN_OK;
	}
	reason = read_tunnel(context, reader, type, packet);
	if (reason != FARSPAN_OK || packet->kind == FARSPAN_NONE)
		return reason;
	return count_nested(context, reader, packet);
}

enum farspan_reason farspan_decode(const struct farspan_context *context, const void *data, size_t len, struct farspan_packet *packet)
{
	struct reader reader = reader_of(data, len);

	memset(packet, 0, sizeof(*packet));
	packet->reason = decode(context, &reader, packet);
	return packet->reason;
}
