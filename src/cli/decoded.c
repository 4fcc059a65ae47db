/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/decoded.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "wire/fields.h"

/* ---- rows: every field of the output, in its order ---- */

/* Which packets have a field. */
enum group {
	GROUP_ALL = 1 << 0,
	GROUP_IP = 1 << 1,
	GROUP_SEQ = 1 << 2,
	GROUP_KEY = 1 << 3,
	GROUP_ERSPAN = 1 << 4, /* Types II and III */
	GROUP_ERSPAN2 = 1 << 5,
	GROUP_ERSPAN3 = 1 << 6,
	GROUP_PLATF = 1 << 7,
	GROUP_DOMAIN = 1 << 8,
	GROUP_PORT = 1 << 9,
	GROUP_SWITCH = 1 << 10,
	GROUP_UPPER = 1 << 11,
	GROUP_VNI = 1 << 12,
	GROUP_INNER = 1 << 13,
	GROUP_INNER_ETHERNET = 1 << 14,
	GROUP_INNER_TYPE = 1 << 15,
	GROUP_NESTED = 1 << 16,
	GROUP_REFUSED = 1 << 17,
	GROUP_GENEVE = 1 << 18,
	GROUP_OPTIONS = 1 << 19,
	GROUP_INNER_EXTRA = 1 << 20,
	GROUP_LIMIT = 1 << 21,
};

enum form {
	FORM_U8,
	FORM_U16,
	FORM_U32,
	FORM_U64,
	FORM_SIZE,
	FORM_TIME,
	FORM_KIND,
	FORM_ADDRESS,
	FORM_BOOL,
	FORM_DIRECTION,
	FORM_MAC,
	FORM_TAGS,
	FORM_PARTS,
	FORM_HEX16,
	FORM_TEXT,
};

enum {
	BEFORE_MAX = 24
};

struct row {
	char json[BEFORE_MAX]; /* what stands before the value; copied whole, as that is cheaper than looking how long it is */
	char text[BEFORE_MAX];
	uint8_t json_len, text_len;
	bool quiet; /* not in the text if it is 0 */
	enum form form;
	unsigned int groups;
	size_t offset; /* in struct decoded */
};

#define ROW_AS(name, before, quiet, form, groups, member)                                                          \
	{                                                                                                          \
		",\"" #name "\":", before, sizeof(",\"" #name "\":") - 1, sizeof(before) - 1, quiet, form, groups, \
			offsetof(struct decoded, member)                                                           \
	}
#define ROW(name, form, groups, member)   ROW_AS(name, " " #name "=", false, form, groups, member)
#define QUIET(name, form, groups, member) ROW_AS(name, " " #name "=", true, form, groups, member)

static const struct row rows[] = {
	{"{\"n\":", "", sizeof "{\"n\":" - 1, 0, false, FORM_U64, GROUP_ALL, offsetof(struct decoded, n)},
	ROW_AS(time, " ", false, FORM_TIME, GROUP_ALL, time_ns),
	ROW_AS(kind, " ", false, FORM_KIND, GROUP_ALL, packet.kind),
	ROW_AS(outer_src, " ", false, FORM_ADDRESS, GROUP_IP, packet.outer_src),
	ROW_AS(outer_dst, " > ", false, FORM_ADDRESS, GROUP_IP, packet.outer_dst),
	ROW(ttl, FORM_U8, GROUP_IP, packet.ttl),
	QUIET(tos, FORM_U8, GROUP_IP, packet.tos),
	ROW(encap_limit, FORM_U8, GROUP_LIMIT, packet.encap_limit),
	ROW(seq, FORM_U32, GROUP_SEQ, packet.seq),
	ROW(key, FORM_U32, GROUP_KEY, packet.key),
	ROW(session, FORM_U16, GROUP_ERSPAN, packet.session),
	QUIET(vlan, FORM_U16, GROUP_ERSPAN, packet.vlan),
	QUIET(cos, FORM_U8, GROUP_ERSPAN, packet.cos),
	QUIET(en, FORM_U8, GROUP_ERSPAN2, packet.en),
	QUIET(bso, FORM_U8, GROUP_ERSPAN3, packet.bso),
	QUIET(truncated, FORM_BOOL, GROUP_ERSPAN, packet.truncated),
	QUIET(index, FORM_U32, GROUP_ERSPAN2, packet.index),
	ROW(timestamp, FORM_U32, GROUP_ERSPAN3, packet.timestamp),
	QUIET(sgt, FORM_U16, GROUP_ERSPAN3, packet.sgt),
	QUIET(p, FORM_U8, GROUP_ERSPAN3, packet.p),
	QUIET(ft, FORM_U8, GROUP_ERSPAN3, packet.ft),
	QUIET(hwid, FORM_U8, GROUP_ERSPAN3, packet.hwid),
	ROW(direction, FORM_DIRECTION, GROUP_ERSPAN3, packet.direction),
	QUIET(gra, FORM_U8, GROUP_ERSPAN3, packet.gra),
	QUIET(o, FORM_U8, GROUP_ERSPAN3, packet.o),
	ROW(platf_id, FORM_U8, GROUP_PLATF, packet.platf_id),
	ROW(domain_id, FORM_U16, GROUP_DOMAIN, packet.domain_id),
	ROW(port_id, FORM_U32, GROUP_PORT, packet.port_id),
	ROW(switch_id, FORM_U16, GROUP_SWITCH, packet.switch_id),
	ROW(timestamp_upper, FORM_U32, GROUP_UPPER, packet.timestamp_upper),
	ROW(vni, FORM_U32, GROUP_VNI, packet.vni),
	QUIET(oam, FORM_BOOL, GROUP_GENEVE, packet.oam),
	QUIET(critical, FORM_BOOL, GROUP_GENEVE, packet.critical),
	QUIET(options_len, FORM_U32, GROUP_OPTIONS, packet.options_len),
	ROW(inner_off, FORM_U64, GROUP_INNER, inner_off),
	ROW(inner_len, FORM_SIZE, GROUP_INNER, packet.inner_len),
	ROW(inner_dst, FORM_MAC, GROUP_INNER_ETHERNET, packet.inner_dst),
	ROW(inner_src, FORM_MAC, GROUP_INNER_ETHERNET, packet.inner_src),
	QUIET(inner_vlans, FORM_TAGS, GROUP_INNER_ETHERNET, packet.inner_tag_count),
	ROW(inner_type, FORM_HEX16, GROUP_INNER_TYPE, packet.inner_type),
	ROW(inner_extra, FORM_PARTS, GROUP_INNER_EXTRA, inner_extra),
	ROW(depth, FORM_U8, GROUP_NESTED, packet.depth),
	ROW(reason, FORM_TEXT, GROUP_REFUSED, reason),
};

static unsigned int platf_groups(uint8_t platf_id)
{
	switch (platf_id) {
	case 1:
		return GROUP_PLATF | GROUP_DOMAIN | GROUP_PORT;
	case 3:
	case 7:
		return GROUP_PLATF | GROUP_PORT | GROUP_UPPER;
	case 5:
	case 6:
		return GROUP_PLATF | GROUP_PORT | GROUP_SWITCH | GROUP_UPPER;
	default:
		return GROUP_PLATF;
	}
}

/* How far a refused packet was read: the reasons that end before the fields of the GRE options, and of the tunnel's own header. */
static bool gre_was_read(const struct farspan_packet *packet)
{
	return packet->reason != FARSPAN_REASON_short_gre && packet->reason != FARSPAN_REASON_gre_version &&
	       packet->reason != FARSPAN_REASON_gre_routing;
}

static bool tunnel_was_read(const struct farspan_packet *packet)
{
	switch (packet->reason) {
	case FARSPAN_OK:
	case FARSPAN_REASON_short_subheader:
	case FARSPAN_REASON_vxlan_flags:
	case FARSPAN_REASON_short_inner:
	case FARSPAN_REASON_depth:
		return packet->kind != FARSPAN_NONE;
	default:
		return false;
	}
}

static bool inner_was_reached(const struct farspan_packet *packet)
{
	return packet->kind != FARSPAN_NONE &&
	       (packet->reason == FARSPAN_OK || packet->reason == FARSPAN_REASON_short_inner || packet->reason == FARSPAN_REASON_depth);
}

static unsigned int tunnel_groups(const struct farspan_packet *packet)
{
	unsigned int groups = 0;

	if (packet->kind == FARSPAN_ERSPAN2)
		groups = GROUP_ERSPAN | GROUP_ERSPAN2;
	else if (packet->kind == FARSPAN_ERSPAN3)
		groups = GROUP_ERSPAN | GROUP_ERSPAN3;
	else if (packet->kind == FARSPAN_VXLAN)
		groups = GROUP_VNI;
	else if (packet->kind == FARSPAN_GENEVE)
		groups = GROUP_VNI | GROUP_GENEVE | GROUP_OPTIONS;
	else if (packet->kind == FARSPAN_TZSP)
		groups = GROUP_OPTIONS;
	if (packet->o && packet->reason != FARSPAN_REASON_short_subheader)
		groups |= platf_groups(packet->platf_id);
	return groups;
}

static unsigned int groups_of(const struct decoded *decoded)
{
	const struct farspan_packet *packet = &decoded->packet;
	unsigned int groups = GROUP_ALL;

	if (packet->ip_version)
		groups |= GROUP_IP;
	if (packet->has_encap_limit)
		groups |= GROUP_LIMIT;
	if ((packet->kind != FARSPAN_NONE || packet->reason != FARSPAN_OK) && gre_was_read(packet))
		groups |= (packet->has_seq ? GROUP_SEQ : 0u) | (packet->has_key ? GROUP_KEY : 0u);
	if (tunnel_was_read(packet))
		groups |= tunnel_groups(packet);
	if (inner_was_reached(packet))
		groups |= GROUP_INNER;
	if (packet->has_inner_ethernet)
		groups |= GROUP_INNER_ETHERNET | GROUP_INNER_TYPE;
	if (packet->inner_type)
		groups |= GROUP_INNER_TYPE;
	if (decoded->inner_extra)
		groups |= GROUP_INNER_EXTRA;
	if (packet->depth > 1)
		groups |= GROUP_NESTED;
	if (decoded->reason)
		groups |= GROUP_REFUSED;
	return groups;
}

/* ---- printing ---- */

static void print_before(struct output *output, const char *before, size_t len)
{
	memcpy(output_room(output, BEFORE_MAX), before, BEFORE_MAX);
	output->len += len;
}

static uint64_t load(const struct row *row, const struct decoded *decoded)
{
	const void *at = (const char *)decoded + row->offset;
	uint64_t u64;
	size_t size;
	uint32_t u32;
	uint16_t u16;

	switch (row->form) {
	case FORM_U64:
	case FORM_TIME:
		memcpy(&u64, at, sizeof u64);
		return u64;
	case FORM_SIZE:
		memcpy(&size, at, sizeof size);
		return size;
	case FORM_U32:
		memcpy(&u32, at, sizeof u32);
		return u32;
	case FORM_U16:
	case FORM_HEX16:
		memcpy(&u16, at, sizeof u16);
		return u16;
	default:
		return *(const uint8_t *)at;
	}
}

/* Texts are names of ours, with nothing in them to escape. */
static void print_text(struct output *output, const char *text, bool json)
{
	if (json)
		output_char(output, '"');
	output_text(output, text);
	if (json)
		output_char(output, '"');
}

static void print_tags(struct output *output, const struct farspan_packet *packet, bool json)
{
	if (json)
		output_char(output, '[');
	for (unsigned int i = 0; i < packet->inner_tag_count; i++) {
		if (i)
			output_char(output, ',');
		output_number(output, packet->inner_tags[i].tci & VLAN_ID_MASK);
	}
	if (json)
		output_char(output, ']');
}

static void print_parts(struct output *output, unsigned int parts, bool json)
{
	if (json)
		output_char(output, '[');
	for (unsigned int part; parts; parts &= ~part) {
		part = parts & -parts;
		print_text(output, farspan_inner_name((enum farspan_inner_part)part), json);
		if (parts != part)
			output_char(output, ',');
	}
	if (json)
		output_char(output, ']');
}

/* What JSON has between quotation marks. */
static void print_quoted(struct output *output, const struct row *row, const struct decoded *decoded)
{
	const uint8_t *at = (const uint8_t *)decoded + row->offset;

	if (row->form == FORM_MAC)
		output_mac(output, at);
	else if (row->form == FORM_HEX16)
		output_hex16(output, decoded->packet.inner_type);
	else
		output_address(output, decoded->packet.ip_version, at);
}

static void print_value(struct output *output, const struct row *row, const struct decoded *decoded, bool json)
{
	switch (row->form) {
	case FORM_TIME:
		output_time(output, decoded->time_ns);
		break;
	case FORM_KIND:
		print_text(output, farspan_kind_name(decoded->packet.kind), json);
		break;
	case FORM_DIRECTION:
		print_text(output, decoded->packet.direction ? "egress" : "ingress", json);
		break;
	case FORM_TEXT:
		print_text(output, decoded->reason, json);
		break;
	case FORM_BOOL:
		output_text(output, load(row, decoded) ? "true" : "false");
		break;
	case FORM_PARTS:
		print_parts(output, decoded->inner_extra, json);
		break;
	case FORM_TAGS:
		print_tags(output, &decoded->packet, json);
		break;
	case FORM_ADDRESS:
	case FORM_MAC:
	case FORM_HEX16:
		if (json)
			output_char(output, '"');
		print_quoted(output, row, decoded);
		if (json)
			output_char(output, '"');
		break;
	default:
		output_number(output, load(row, decoded));
	}
}

void decoded_inner(struct decoded *decoded, const void *data)
{
	const struct farspan_packet *packet = &decoded->packet;
	struct farspan_inner inner;

	decoded->inner_extra = 0;
	if (packet->reason != FARSPAN_OK || packet->kind == FARSPAN_NONE)
		return;
	farspan_inner_clean(packet, (const uint8_t *)data + packet->inner_off, packet->inner_len, FARSPAN_INNER_fcs, &inner);
	decoded->inner_extra = inner.found & FARSPAN_INNER_EXTRA;
}

void decoded_print_json(struct output *output, const struct decoded *decoded)
{
	unsigned int groups = groups_of(decoded);

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct row *row = &rows[i];

		if (!(row->groups & groups))
			continue;
		print_before(output, row->json, row->json_len);
		print_value(output, row, decoded, true);
	}
	output_bytes(output, "}\n", 2);
}

void decoded_print_line(struct output *output, const struct decoded *decoded)
{
	unsigned int groups = groups_of(decoded);

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct row *row = &rows[i];

		if (!(row->groups & groups) || (row->quiet && load(row, decoded) == 0))
			continue;
		print_before(output, row->text, row->text_len);
		print_value(output, row, decoded, false);
	}
	output_char(output, '\n');
}
