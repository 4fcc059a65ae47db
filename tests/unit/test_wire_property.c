/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For random packets of every kind, with random values in every field of every table: decode(encode(x)) == x. The same frames cut at every
 * byte and with random bytes changed are decoded within their bounds.
 */
#include "wire_frame.h"

#define ROUNDS  200000u
#define MANGLED 200000u

static uint64_t random_state = 0x9e3779b97f4a7c15u;

/* xorshift64*: the same sequence everywhere. */
static uint32_t random_u32(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (uint32_t)(random_state * 0x2545f4914f6cdd1du >> 32);
}

static uint32_t below(uint32_t end)
{
	return random_u32() % end;
}

static void random_bytes(void *to, size_t len)
{
	uint8_t *bytes = to;

	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)random_u32();
}

/* Zero and all ones come often: they are where fields touch each other. */
static uint32_t random_field(unsigned int width)
{
	uint32_t roll = below(4);

	return roll == 0 ? 0 : roll == 1 ? WIRE_MASK(width) : random_u32() & WIRE_MASK(width);
}

static uint16_t random_tpid(void)
{
	static const uint16_t tpids[] = {ETHERTYPE_VLAN, ETHERTYPE_SERVICE_VLAN, ETHERTYPE_OLD_VLAN};

	return tpids[below(3)];
}

#define FILL(field, word, shift, width) packet->field = (__typeof__(packet->field))random_field(width);
#define SAME(field, word, shift, width) assert_int_equal(got->field, want->field);

static void fill_erspan(struct farspan_packet *packet)
{
	if (packet->kind == FARSPAN_ERSPAN2) {
		ERSPAN2_FIELDS(FILL)
		packet->version = 1;
	}
	if (packet->kind != FARSPAN_ERSPAN3)
		return;
	ERSPAN3_FIELDS(FILL)
	packet->version = 2;
	if (below(2))
		packet->ft = 0;
	if (!packet->o)
		return;
	switch (packet->platf_id = (uint8_t)below(10)) {
	case 1:
		PLATF1_FIELDS(FILL)
		packet->platf_id = 1;
		break;
	case 3:
		PLATF3_FIELDS(FILL)
		packet->platf_id = 3;
		break;
	case 5:
	case 6:
		PLATF5_FIELDS(FILL)
		packet->platf_id = (uint8_t)(5 + below(2));
		break;
	case 7:
		PLATF7_FIELDS(FILL)
		packet->platf_id = 7;
		break;
	default:
		break;
	}
}

static void fill_gre(struct farspan_packet *packet)
{
	static const uint16_t protocols[FARSPAN_KINDS] = {0, 0x88be, 0x88be, 0x22eb, 0x6558};

	packet->ip_protocol = 47;
	packet->gre_protocol = protocols[packet->kind];
	packet->has_checksum = below(2);
	packet->has_key = below(2);
	packet->has_seq = packet->kind == FARSPAN_GRE ? below(2) : packet->kind != FARSPAN_ERSPAN1;
	packet->key = packet->has_key ? random_field(32) : 0;
	packet->seq = packet->has_seq ? random_field(32) : 0;
}

static void fill_ip(struct farspan_packet *packet)
{
	packet->ip_version = below(2) ? 4 : 6;
	random_bytes(packet->outer_src, packet->ip_version == 4 ? 4 : 16);
	random_bytes(packet->outer_dst, packet->ip_version == 4 ? 4 : 16);
	packet->ttl = (uint8_t)random_field(8);
	packet->tos = (uint8_t)random_field(8);
	if (packet->ip_version == 4) {
		packet->df = below(2);
		packet->ip_id = random_field(16);
	} else {
		packet->flow_label = random_field(20);
		packet->has_encap_limit = below(2);
		packet->encap_limit = packet->has_encap_limit ? (uint8_t)random_field(8) : 0;
	}
}

static void fill_link(struct farspan_packet *packet)
{
	packet->has_link = below(2);
	if (!packet->has_link)
		return;
	random_bytes(packet->link_dst, 6);
	random_bytes(packet->link_src, 6);
	packet->outer_tag_count = (uint8_t)below(3);
	for (unsigned int i = 0; i < packet->outer_tag_count; i++)
		packet->outer_tags[i] = (struct farspan_tag){random_tpid(), (uint16_t)random_field(16)};
}

/* A frame for the packet to carry; returns its length. What decoding says of it goes into the packet. */
static size_t fill_inner(struct farspan_packet *packet, struct frame *inner)
{
	uint8_t rest[64];
	uint8_t first;

	inner->len = 0;
	packet->depth = 1;
	random_bytes(rest, sizeof(rest));
	if (packet->ft != 0) {
		first = (uint8_t)random_u32();
		if (packet->ft == 2)
			packet->inner_type = first >> 4 == 4 ? 0x0800 : first >> 4 == 6 ? 0x86dd : 0;
		add_bytes(inner, &first, 1);
		add_bytes(inner, rest, below(sizeof(rest)));
		return inner->len;
	}
	packet->has_inner_ethernet = true;
	random_bytes(packet->inner_dst, 6);
	random_bytes(packet->inner_src, 6);
	packet->inner_type = (uint16_t)below(0x600);
	packet->inner_tag_count = (uint8_t)below(5);
	add_bytes(inner, packet->inner_dst, 6);
	add_bytes(inner, packet->inner_src, 6);
	for (unsigned int i = 0; i < packet->inner_tag_count; i++) {
		packet->inner_tags[i] = (struct farspan_tag){random_tpid(), (uint16_t)random_field(16)};
		inner->len += 4;
		put_u16(inner, inner->len - 4, packet->inner_tags[i].tpid);
		put_u16(inner, inner->len - 2, packet->inner_tags[i].tci);
	}
	inner->len += 2;
	put_u16(inner, inner->len - 2, packet->inner_type);
	add_bytes(inner, rest, below(sizeof(rest)));
	return inner->len;
}

static size_t ip_header_len(const struct farspan_packet *packet)
{
	return packet->ip_version == 4 ? 20 : packet->has_encap_limit ? 40 + 8 : 40;
}

static size_t tunnel_header_len(const struct farspan_packet *packet)
{
	static const size_t lens[FARSPAN_KINDS] = {0, 4, 4 + 8, 4 + 12, 4, 8 + 8, 8 + 8, 8 + 5};

	return lens[packet->kind] + 4u * packet->has_checksum + 4u * packet->has_key + 4u * packet->has_seq + 8u * packet->o;
}

/* The packet as decoding must give it, without a thought to how encoding works. */
static void random_packet(struct farspan_packet *packet, struct frame *inner)
{
	memset(packet, 0, sizeof(*packet));
	packet->kind = FARSPAN_ERSPAN1 + below(FARSPAN_KINDS - FARSPAN_ERSPAN1);
	fill_link(packet);
	fill_ip(packet);
	if (packet->kind >= FARSPAN_VXLAN) {
		packet->ip_protocol = 17;
		packet->udp_src = (uint16_t)random_field(16);
		packet->udp_dst = (uint16_t)(1 + below(0xffff));
		packet->vni = packet->kind == FARSPAN_TZSP ? 0 : random_field(24);
		packet->oam = packet->kind == FARSPAN_GENEVE && below(2);
		packet->options_len = packet->kind == FARSPAN_TZSP; /* the end tag */
	} else {
		fill_gre(packet);
		fill_erspan(packet);
	}
	packet->inner_len = fill_inner(packet, inner);
	packet->ip_off = packet->has_link ? 14u + 4u * packet->outer_tag_count : 0;
	packet->ip_payload_off = packet->ip_off + ip_header_len(packet);
	packet->ip_payload_len = tunnel_header_len(packet) + packet->inner_len;
	packet->inner_off = packet->ip_payload_off + tunnel_header_len(packet);
}

/* By name first, so that a difference is told; then as a whole, so that no member is forgotten. */
static void expect_same(const struct farspan_packet *got, const struct farspan_packet *want)
{
	assert_string_equal(farspan_reason_name(got->reason), farspan_reason_name(want->reason));
	assert_string_equal(farspan_kind_name(got->kind), farspan_kind_name(want->kind));
	assert_int_equal(got->inner_off, want->inner_off);
	assert_int_equal(got->inner_len, want->inner_len);
	ERSPAN2_FIELDS(SAME)
	ERSPAN3_FIELDS(SAME)
	PLATF1_FIELDS(SAME)
	PLATF3_FIELDS(SAME)
	PLATF5_FIELDS(SAME)
	PLATF7_FIELDS(SAME)
	assert_int_equal(got->vni, want->vni);
	assert_memory_equal(got, want, sizeof(*got));
}

static struct farspan_context context_of(const struct farspan_packet *packet)
{
	return (struct farspan_context){
		.link = packet->has_link ? FARSPAN_LINK_ETHERNET : FARSPAN_LINK_IP,
		.vxlan_port = packet->kind == FARSPAN_VXLAN ? packet->udp_dst : 0,
		.geneve_port = packet->kind == FARSPAN_GENEVE ? packet->udp_dst : 0,
		.tzsp_port = packet->kind == FARSPAN_TZSP ? packet->udp_dst : 0,
	};
}

/* Encodes into out, which then holds the whole frame. */
static void encode(const struct farspan_packet *packet, const struct frame *inner, struct frame *out)
{
	int len = farspan_encode(packet, inner->bytes, inner->len, out->bytes, 512);

	assert_int_equal(len, packet->inner_off);
	out->len = (size_t)len + inner->len;
}

static void round_trip(void **state)
{
	static struct frame inner, out;
	unsigned int kinds[FARSPAN_KINDS] = {0};
	struct farspan_packet want, got;

	(void)state;
	for (unsigned int i = 0; i < ROUNDS; i++) {
		struct farspan_context context;

		random_packet(&want, &inner);
		encode(&want, &inner, &out);
		context = context_of(&want);
		decode_bytes(&context, out.bytes, out.len, &got);
		expect_same(&got, &want);
		kinds[want.kind]++;
	}
	for (unsigned int kind = FARSPAN_ERSPAN1; kind < FARSPAN_KINDS; kind++)
		assert_true(kinds[kind] > ROUNDS / 10);
}

/* What a frame cut to len bytes must be refused for. */
static enum farspan_reason reason_of_cut(const struct farspan_packet *packet, size_t len)
{
	bool gre = packet->kind < FARSPAN_VXLAN;
	enum farspan_reason short_udp_tunnel[] = {FARSPAN_REASON_short_vxlan, FARSPAN_REASON_short_geneve, FARSPAN_REASON_short_tzsp};
	bool erspan = packet->kind == FARSPAN_ERSPAN2 || packet->kind == FARSPAN_ERSPAN3;
	size_t base = packet->ip_payload_off;
	size_t gre_len = base + 4 + 4u * packet->has_checksum + 4u * packet->has_key + 4u * packet->has_seq;

	if (len < packet->ip_off)
		return FARSPAN_REASON_short_link;
	if (len < base)
		return packet->has_encap_limit && len >= base - 8 ? FARSPAN_REASON_ext_headers : FARSPAN_REASON_short_ip;
	if (!gre && len < base + 8)
		return FARSPAN_REASON_short_udp;
	if (!gre && len < packet->inner_off)
		return short_udp_tunnel[packet->kind - FARSPAN_VXLAN];
	if (gre && len < gre_len)
		return FARSPAN_REASON_short_gre;
	if (erspan && len < gre_len + (packet->kind == FARSPAN_ERSPAN2 ? 8 : 12))
		return FARSPAN_REASON_short_erspan;
	if (len < packet->inner_off)
		return FARSPAN_REASON_short_subheader;
	if (packet->ft == 0 && len < packet->inner_off + 14)
		return FARSPAN_REASON_short_inner;
	return FARSPAN_OK;
}

static void cuts(void **state)
{
	static struct frame inner, out;
	struct farspan_packet want, got;

	(void)state;
	for (unsigned int i = 0; i < 2000; i++) {
		struct farspan_context context;

		random_packet(&want, &inner);
		encode(&want, &inner, &out);
		context = context_of(&want);
		for (size_t len = 0; len < out.len; len++) {
			decode_bytes(&context, out.bytes, len, &got);
			assert_string_equal(farspan_reason_name(got.reason), farspan_reason_name(reason_of_cut(&want, len)));
			if (got.reason != FARSPAN_OK)
				continue;
			assert_true(got.cut);
			assert_int_equal(got.inner_off, want.inner_off);
			assert_int_equal(got.inner_len, len - want.inner_off);
		}
	}
}

/* Any bytes may come: decode_bytes() looks at the bounds. Whatever is accepted can be encoded again. */
static void mangled(void **state)
{
	static struct frame inner, out, again;
	unsigned int reasons[FARSPAN_REASON_COUNT] = {0};
	struct farspan_packet packet;

	(void)state;
	for (unsigned int i = 0; i < MANGLED; i++) {
		struct farspan_context context;

		random_packet(&packet, &inner);
		encode(&packet, &inner, &out);
		context = context_of(&packet);
		for (uint32_t changes = 1 + below(4); changes; changes--)
			out.bytes[below((uint32_t)out.len)] = (uint8_t)random_u32();
		reasons[decode_bytes(&context, out.bytes, out.len - below(2), &packet)]++;
		if (packet.reason != FARSPAN_OK || packet.kind == FARSPAN_NONE)
			continue;
		if (packet.ip_version == 6)
			packet.ip_id = 0; /* an atomic fragment's */
		assert_true(farspan_encode(&packet, out.bytes + packet.inner_off, packet.inner_len, again.bytes, 512) > 0);
	}
	assert_true(reasons[FARSPAN_OK] > MANGLED / 4);
	assert_true(reasons[FARSPAN_REASON_bad_ip] > 0 && reasons[FARSPAN_REASON_fragment] > 0 && reasons[FARSPAN_REASON_bad_version] > 0);
	assert_true(reasons[FARSPAN_REASON_gre_version] > 0 && reasons[FARSPAN_REASON_gre_routing] > 0 &&
		    reasons[FARSPAN_REASON_gre_checksum] > 0);
	assert_true(reasons[FARSPAN_REASON_vxlan_flags] > 0 && reasons[FARSPAN_REASON_geneve_version] > 0 &&
		    reasons[FARSPAN_REASON_tzsp_version] > 0 && reasons[FARSPAN_REASON_short_tzsp] > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(cuts),
		cmocka_unit_test(mangled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
