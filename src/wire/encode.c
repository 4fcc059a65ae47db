/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From struct farspan_packet to bytes. The headers are made in a buffer of our own, innermost length known from the start, and copied when
 * everything has been found to fit.
 */
#include <errno.h>
#include <farspan.h>

#include "wire/bytes.h"
#include "wire/fields.h"
#include "wire/headers.h"

#define IP_LENGTH_MAX 0xffffu

/* What each kind is on the wire. */
static const struct kind {
	uint8_t protocol;
	uint8_t version; /* ERSPAN */
	uint16_t gre_protocol;
	bool has_erspan;
	uint8_t tunnel_len; /* between UDP and the payload */
} kinds[FARSPAN_KINDS] = {
	[FARSPAN_ERSPAN1] = {.protocol = IP_PROTOCOL_GRE, .gre_protocol = GRE_PROTOCOL_ERSPAN2},
	[FARSPAN_ERSPAN2] = {.protocol = IP_PROTOCOL_GRE,
			     .gre_protocol = GRE_PROTOCOL_ERSPAN2,
			     .version = ERSPAN2_VERSION,
			     .has_erspan = true},
	[FARSPAN_ERSPAN3] = {.protocol = IP_PROTOCOL_GRE,
			     .gre_protocol = GRE_PROTOCOL_ERSPAN3,
			     .version = ERSPAN3_VERSION,
			     .has_erspan = true},
	[FARSPAN_GRE] = {.protocol = IP_PROTOCOL_GRE, .gre_protocol = GRE_PROTOCOL_ETHERNET},
	[FARSPAN_VXLAN] = {.protocol = IP_PROTOCOL_UDP, .tunnel_len = WIRE_VXLAN_LEN},
	[FARSPAN_GENEVE] = {.protocol = IP_PROTOCOL_UDP, .tunnel_len = WIRE_GENEVE_LEN},
	[FARSPAN_TZSP] = {.protocol = IP_PROTOCOL_UDP, .tunnel_len = WIRE_TZSP_LEN + WIRE_TZSP_TAG_LEN},
};

static void write_link(struct writer *writer, const struct farspan_packet *packet)
{
	writer_bytes(writer, packet->link_dst, 6);
	writer_bytes(writer, packet->link_src, 6);
	for (unsigned int i = 0; i < packet->outer_tag_count; i++) {
		writer_u16(writer, packet->outer_tags[i].tpid);
		writer_u16(writer, packet->outer_tags[i].tci);
	}
	writer_u16(writer, packet->ip_version == 4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);
}

/* payload_len: everything behind the IP header. */
static void write_ipv4(struct writer *writer, const struct farspan_packet *packet, size_t payload_len)
{
	struct ipv4_header ip = {
		.version = 4,
		.ihl = WIRE_IPV4_LEN / 4,
		.tos = packet->tos,
		.total_length = (uint32_t)(WIRE_IPV4_LEN + payload_len),
		.id = packet->ip_id,
		.df = packet->df,
		.ttl = packet->ttl,
		.protocol = packet->ip_protocol,
	};
	uint8_t bytes[WIRE_IPV4_LEN];
	struct writer header = writer_of(bytes, sizeof(bytes));

	ipv4_write(&header, &ip);
	writer_bytes(&header, packet->outer_src, 4);
	writer_bytes(&header, packet->outer_dst, 4);
	ip.checksum = checksum_fold(checksum_add(0, bytes, sizeof(bytes)));
	ipv4_write(writer, &ip);
	writer_bytes(writer, packet->outer_src, 4);
	writer_bytes(writer, packet->outer_dst, 4);
}

static size_t extension_len(const struct farspan_packet *packet)
{
	return packet->ip_version == 6 && packet->has_encap_limit ? WIRE_IPV6_LIMIT_LEN : 0;
}

static void write_ipv6(struct writer *writer, const struct farspan_packet *packet, size_t payload_len)
{
	const struct ipv6_header ip = {
		.version = 6,
		.tos = packet->tos,
		.flow_label = packet->flow_label,
		.payload_length = (uint32_t)(payload_len + extension_len(packet)),
		.next_header = packet->has_encap_limit ? IP_PROTOCOL_DESTINATION : packet->ip_protocol,
		.ttl = packet->ttl,
	};
	const struct ipv6_limit_header limit = {
		.next_header = packet->ip_protocol,
		.option = IPV6_OPTION_LIMIT,
		.option_len = 1,
		.limit = packet->encap_limit,
		.padding = IPV6_OPTION_PADN,
		.padding_len = 1,
	};

	ipv6_write(writer, &ip);
	writer_bytes(writer, packet->outer_src, 16);
	writer_bytes(writer, packet->outer_dst, 16);
	if (packet->has_encap_limit)
		ipv6_limit_write(writer, &limit);
}

static void write_platform(struct writer *writer, const struct farspan_packet *packet)
{
	switch (packet->platf_id) {
#define WRITE(id, name)                       \
	case id:                              \
		name##_write(writer, packet); \
		break;
		WIRE_PLATFS(WRITE)
#undef WRITE
	default:
		platf_write(writer, packet);
	}
}

static bool platform_fits(const struct farspan_packet *packet)
{
	switch (packet->platf_id) {
#define FITS(id, name) \
	case id:       \
		return name##_fits(packet);
		WIRE_PLATFS(FITS)
#undef FITS
	default:
		return platf_fits(packet);
	}
}

static void write_erspan(struct writer *writer, const struct farspan_packet *packet)
{
	if (packet->kind == FARSPAN_ERSPAN2) {
		erspan2_write(writer, packet);
		return;
	}
	erspan3_write(writer, packet);
	if (packet->o)
		write_platform(writer, packet);
}

static void write_gre(struct writer *writer, const struct farspan_packet *packet, uint16_t checksum)
{
	const struct gre_header gre = {
		.has_checksum = packet->has_checksum,
		.has_key = packet->has_key,
		.has_seq = packet->has_seq,
		.gre_protocol = packet->gre_protocol,
	};

	gre_write(writer, &gre);
	if (packet->has_checksum)
		writer_u32(writer, (uint32_t)checksum << 16);
	if (packet->has_key)
		writer_u32(writer, packet->key);
	if (packet->has_seq)
		writer_u32(writer, packet->seq);
	if (kinds[packet->kind].has_erspan)
		write_erspan(writer, packet);
}

/* The header between UDP and the payload. */
static void write_udp_tunnel(struct writer *writer, const struct farspan_packet *packet)
{
	const struct vxlan_header vxlan = {.vni_valid = 1, .vni = packet->vni};
	const struct geneve_header geneve = {
		.version = GENEVE_VERSION,
		.oam = packet->oam,
		.protocol = GRE_PROTOCOL_ETHERNET,
		.vni = packet->vni,
	};
	const struct tzsp_header tzsp = {
		.version = TZSP_VERSION,
		.type = TZSP_TYPE_RECEIVED,
		.protocol = TZSP_PROTOCOL_ETHERNET,
	};
	const uint8_t end = TZSP_TAG_END;

	switch (packet->kind) {
	case FARSPAN_VXLAN:
		vxlan_write(writer, &vxlan);
		break;
	case FARSPAN_GENEVE:
		geneve_write(writer, &geneve);
		break;
	default:
		tzsp_write(writer, &tzsp);
		writer_bytes(writer, &end, sizeof(end));
	}
}

static void write_udp(struct writer *writer, const struct farspan_packet *packet, size_t inner_len)
{
	/* Without a checksum, as all of these allow, over IPv6 too (RFC 6935). */
	const struct udp_header udp = {
		.source = packet->udp_src,
		.destination = packet->udp_dst,
		.length = (uint32_t)(WIRE_UDP_LEN + kinds[packet->kind].tunnel_len + inner_len),
	};

	udp_write(writer, &udp);
	write_udp_tunnel(writer, packet);
}

/* Everything between the IP header and the payload. */
static void write_tunnel(struct writer *writer, const struct farspan_packet *packet, const void *inner, size_t inner_len)
{
	const struct writer start = *writer;
	uint64_t sum;

	if (packet->ip_protocol == IP_PROTOCOL_UDP) {
		write_udp(writer, packet, inner_len);
		return;
	}
	write_gre(writer, packet, 0);
	if (!packet->has_checksum || writer->failed)
		return;
	/* The headers are a multiple of four bytes long, so that the payload may be added behind them. */
	sum = checksum_add(0, start.data + start.len, writer->len - start.len);
	sum = checksum_add(sum, inner, inner_len);
	*writer = start;
	write_gre(writer, packet, checksum_fold(sum));
}

/* What the kind settles, set; what it does not have, cleared where something depends on it. */
static void settle(struct farspan_packet *packet)
{
	const struct kind *kind = &kinds[packet->kind];

	packet->ip_protocol = kind->protocol;
	packet->gre_protocol = kind->gre_protocol;
	packet->version = kind->version;
	if (kind->has_erspan)
		packet->has_seq = true;
	if (packet->kind == FARSPAN_ERSPAN1)
		packet->has_seq = false;
	if (kind->protocol == IP_PROTOCOL_UDP)
		packet->has_checksum = false;
	if (packet->udp_dst == 0)
		packet->udp_dst = wire_udp_port(packet->kind);
	if (!packet->has_link)
		packet->outer_tag_count = 0;
}

static bool link_fits(const struct farspan_packet *packet)
{
	if (packet->outer_tag_count > FARSPAN_OUTER_TAGS_MAX)
		return false;
	for (unsigned int i = 0; i < packet->outer_tag_count; i++)
		if (!wire_is_vlan(packet->outer_tags[i].tpid))
			return false;
	return true;
}

static bool tunnel_fits(const struct farspan_packet *packet)
{
	const struct vxlan_header vxlan = {.vni = packet->vni};

	switch (packet->kind) {
	case FARSPAN_ERSPAN2:
		return erspan2_fits(packet);
	case FARSPAN_ERSPAN3:
		return erspan3_fits(packet) && (!packet->o || platform_fits(packet));
	case FARSPAN_VXLAN:
	case FARSPAN_GENEVE:
		return vxlan_fits(&vxlan);
	default:
		return true;
	}
}

static bool ip_fits(const struct farspan_packet *packet)
{
	const struct ipv4_header ipv4 = {.id = packet->ip_id};
	const struct ipv6_header ipv6 = {.flow_label = packet->flow_label};

	if (packet->ip_version == 4)
		return ipv4_fits(&ipv4);
	return packet->ip_version == 6 && ipv6_fits(&ipv6);
}

int farspan_encode(const struct farspan_packet *packet, const void *inner, size_t inner_len, void *buffer, size_t size)
{
	struct farspan_packet settled = *packet;
	uint8_t tunnel_bytes[FARSPAN_HEADER_MAX];
	uint8_t bytes[FARSPAN_HEADER_MAX];
	struct writer tunnel = writer_of(tunnel_bytes, sizeof(tunnel_bytes));
	struct writer header = writer_of(bytes, sizeof(bytes));
	size_t len;

	if (packet->kind <= FARSPAN_NONE || packet->kind >= FARSPAN_KINDS)
		return -EINVAL;
	settle(&settled);
	if (!link_fits(&settled) || !ip_fits(&settled) || !tunnel_fits(&settled) || (settled.has_checksum && !inner && inner_len))
		return -EINVAL;
	if (inner_len > IP_LENGTH_MAX)
		return -EMSGSIZE;
	write_tunnel(&tunnel, &settled, inner, inner_len);
	len = tunnel.len + inner_len;
	if (len > IP_LENGTH_MAX - (settled.ip_version == 4 ? WIRE_IPV4_LEN : extension_len(&settled)))
		return -EMSGSIZE;
	if (settled.has_link)
		write_link(&header, &settled);
	if (settled.ip_version == 4)
		write_ipv4(&header, &settled, len);
	else
		write_ipv6(&header, &settled, len);
	writer_bytes(&header, tunnel_bytes, tunnel.len);
	if (header.len > size || (inner && inner_len > size - header.len))
		return -ENOSPC;
	memcpy(buffer, bytes, header.len);
	if (inner)
		memcpy((uint8_t *)buffer + header.len, inner, inner_len);
	return (int)header.len;
}
