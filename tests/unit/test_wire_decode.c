/* SPDX-License-Identifier: BSD-2-Clause */
/* The tunnel formats, decoded from bytes that were typed from their specifications and from what other implementations send. */
#include "wire_frame.h"

static struct frame frame;
static struct farspan_packet packet;

static void expect_inner(size_t off)
{
	assert_int_equal(packet.reason, FARSPAN_OK);
	assert_int_equal(packet.inner_off, off);
	assert_int_equal(packet.inner_len, INNER_LEN);
	assert_true(packet.has_inner_ethernet);
	assert_memory_equal(packet.inner_dst, "\x02\0\0\0\0\x0c", 6);
	assert_memory_equal(packet.inner_src, "\x02\0\0\0\0\x0d", 6);
	assert_int_equal(packet.inner_tag_count, 0);
	assert_int_equal(packet.inner_type, 0x88b5);
	assert_int_equal(packet.depth, 1);
}

static void type1(void **state)
{
	(void)state;
	make_gre(&frame, "0000 88be " INNER);
	assert_int_equal(decode_frame(&frame, &packet), FARSPAN_OK);
	assert_int_equal(packet.kind, FARSPAN_ERSPAN1);
	assert_int_equal(packet.gre_protocol, 0x88be);
	assert_false(packet.has_seq || packet.has_key || packet.has_checksum);
	assert_int_equal(packet.version, 0);
	expect_inner(14 + 20 + 4);
}

/* A destination address that begins like the header of Type II or III does not make one of Type I. */
static void type1_versions(void **state)
{
	(void)state;
	make_gre(&frame, "0000 88be 100000000001 100000000002 88b5 00");
	assert_int_equal(decode_frame(&frame, &packet), FARSPAN_OK);
	assert_int_equal(packet.kind, FARSPAN_ERSPAN1);
	make_gre(&frame, "0000 88be 200000000001 100000000002 88b5 00");
	assert_int_equal(decode_frame(&frame, &packet), FARSPAN_OK);
	assert_int_equal(packet.kind, FARSPAN_ERSPAN1);
}

/* As Open vSwitch sends it. */
static void type2(void **state)
{
	(void)state;
	make_gre(&frame, "1000 88be 00000001 1000007b 00000003" INNER);
	assert_int_equal(decode_frame(&frame, &packet), FARSPAN_OK);
	assert_int_equal(packet.kind, FARSPAN_ERSPAN2);
	assert_int_equal(packet.version, 1);
	assert_int_equal(packet.seq, 1);
	assert_int_equal(packet.session, 0x7b);
	assert_int_equal(packet.index, 3);
	assert_int_equal(packet.vlan | packet.cos | packet.en | packet.truncated, 0);
	expect_inner(14 + 20 + 8 + 8);
}

/* Every field at its place, every reserved bit set. */
static void type2_fields(void **state)
{
	(void)state;
	make_gre(&frame, "1000 88be fffffffe 1abcb755 fffa4321" INNER);
	assert_int_equal(decode_frame(&frame, &packet), FARSPAN_OK);
	assert_int_equal(packet.seq, 0xfffffffe);
	assert_int_equal(packet.vlan, 0xabc);
	assert_int_equal(packet.cos, 5);
	assert_int_equal(packet.en, 2);
	assert_true(packet.truncated);
	assert_int_equal(packet.session, 0x355);
	assert_int_equal(packet.index, 0xa4321);
	expect_inner(50);
}

static void type3(void **state)
{
	(void)state;
	make_gre(&frame, "1000 22eb 00000001 20000237 10abcd01 00000078" INNER);
	assert_int_equal(decode_frame(&frame, &packet), FARSPAN_OK);
	assert_int_equal(packet.kind, FARSPAN_ERSPAN3);
	assert_int_equal(packet.version, 2);
	assert_int_equal(packet.session, 0x237);
	assert_int_equal(packet.timestamp, 0x10abcd01);
	assert_int_equal(packet.hwid, 7);
	assert_int_equal(packet.direction, 1);
	assert_int_equal(packet.sgt | packet.p | packet.ft | packet.gra | packet.o, 0);
	expect_inner(14 + 20 + 8 + 12);
}

/* Type III behind the GRE protocol of Type II. */
static void type3_under_88be(void **state)
{
	(void)state;
	make_gre(&frame, "1000 88be 00000006 20000001 6f54b417 00008078" INNER);
	assert_int_equal(decode_frame(&frame, &packet), FARSPAN_OK);
	assert_int_equal(packet.kind, FARSPAN_ERSPAN3);
	assert_int_equal(packet.seq, 6);
	assert_int_equal(packet.session, 1);
	assert_int_equal(packet.timestamp, 0x6f54b417);
	assert_int_equal(packet.p, 1);
	assert_int_equal(packet.hwid, 7);
	expect_inner(54);
}

static void type3_fields(void **state)
{
	(void)state;
	make_gre(&frame, "1000 22eb 00000009 2abcb755 89abcdef beef82ac" INNER);
	assert_int_equal(decode_frame(&frame, &packet), FARSPAN_OK);
	assert_int_equal(packet.vlan, 0xabc);
	assert_int_equal(packet.cos, 5);
	assert_int_equal(packet.bso, 2);
	assert_true(packet.truncated);
	assert_int_equal(packet.session, 0x355);
	assert_int_equal(packet.timestamp, 0x89abcdef);
	assert_int_equal(packet.sgt, 0xbeef);
	assert_int_equal(packet.p, 1);
	assert_int_equal(packet.ft, 0);
	assert_int_equal(packet.hwid, 0x2a);
	assert_int_equal(packet.direction, 1);
	assert_int_equal(packet.gra, 2);
	assert_int_equal(packet.o, 0);
	expect_inner(54);
}

static void subheaders(void **state)
{
	static const struct {
		const char *hex;
		struct farspan_packet want;
	} rows[] = {
		{"07fffabc 12345678", {.platf_id = 1, .domain_id = 0xabc, .port_id = 0x12345678}},
		{"0fffeaaa cafef00d", {.platf_id = 3, .port_id = 0x2aaa, .timestamp_upper = 0xcafef00d}},
		{"13ffffff ffffffff", {.platf_id = 4}},
		{"16a5beef 00c0ffee", {.platf_id = 5, .switch_id = 0x2a5, .port_id = 0xbeef, .timestamp_upper = 0xc0ffee}},
		{"1aa5beef 00c0ffee", {.platf_id = 6, .switch_id = 0x2a5, .port_id = 0xbeef, .timestamp_upper = 0xc0ffee}},
		{"1ffabcde 80000001", {.platf_id = 7, .port_id = 0xabcde, .timestamp_upper = 0x80000001}},
		{"03ffffff ffffffff", {.platf_id = 0}},
		{"0bffffff ffffffff", {.platf_id = 2}},
		{"23ffffff ffffffff", {.platf_id = 8}},
		{"ffffffff ffffffff", {.platf_id = 63}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		make_gre(&frame, "1000 22eb 00000001 20000001 00000000 00000001");
		add(&frame, rows[i].hex);
		add(&frame, INNER);
		end_ip(&frame);
		assert_int_equal(decode_frame(&frame, &packet), FARSPAN_OK);
		assert_int_equal(packet.o, 1);
		assert_int_equal(packet.platf_id, rows[i].want.platf_id);
		assert_int_equal(packet.domain_id, rows[i].want.domain_id);
		assert_int_equal(packet.port_id, rows[i].want.port_id);
		assert_int_equal(packet.switch_id, rows[i].want.switch_id);
		assert_int_equal(packet.timestamp_upper, rows[i].want.timestamp_upper);
		expect_inner(62);
	}
}

/* FT 2 is an IP packet without a link header; what the other values carry is not known. */
static void type3_frame_types(void **state)
{
	(void)state;
	make_gre(&frame, "1000 22eb 00000001 20000001 00000000 00000800 4500");
	assert_int_equal(decode_frame(&frame, &packet), FARSPAN_OK);
	assert_int_equal(packet.ft, 2);
	assert_false(packet.has_inner_ethernet);
	assert_int_equal(packet.inner_type, 0x0800);
	assert_int_equal(packet.inner_off, 54);
	assert_int_equal(packet.inner_len, 2);
	assert_int_equal(packet.depth, 1);

	frame.bytes[54] = 0x60;
	assert_int_equal(decode_frame(&frame, &packet), FARSPAN_OK);
	assert_int_equal(packet.inner_type, 0x86dd);
	frame.bytes[54] = 0x50;
	assert_int_equal(decode_frame(&frame, &packet), FARSPAN_OK);
	assert_int_equal(packet.inner_type, 0);

	make_gre(&frame, "1000 22eb 00000001 20000001 00000000 00001c00 4500");
	assert_int_equal(decode_frame(&frame, &packet), FARSPAN_OK);
	assert_int_equal(packet.ft, 7);
	assert_false(packet.has_inner_ethernet);
	assert_int_equal(packet.inner_type, 0);
	assert_int_equal(packet.inner_len, 2);
}

/* The sum of RFC 1071 over 16-bit words, written here once more. */
static void set_checksum(size_t at)
{
	uint32_t sum = 0;

	put_u16(&frame, at + 4, 0);
	for (size_t i = at; i < frame.len; i++)
		sum += (uint32_t)frame.bytes[i] << ((i - at) % 2 ? 0 : 8);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	put_u16(&frame, at + 4, ~sum & 0xffff);
}

/* One combination of the C, K and S bits, its checksum right, wrong, and not to be told. */
static void gre_row(unsigned int bits, const char *protocol, const char *header, enum farspan_kind kind)
{
	bool checksum = bits & 8, key = bits & 2, seq = bits & 1;
	size_t header_len;

	make_gre(&frame, "");
	add(&frame, "0000");
	frame.bytes[34] = (uint8_t)(bits << 4);
	add(&frame, protocol);
	add(&frame, checksum ? "00000000" : "");
	add(&frame, key ? "deadbeef" : "");
	add(&frame, seq ? "00c0ffee" : "");
	add(&frame, header);
	header_len = frame.len;
	add(&frame, INNER);
	end_ip(&frame);
	if (checksum)
		set_checksum(34);
	assert_int_equal(decode_frame(&frame, &packet), FARSPAN_OK);
	assert_int_equal(packet.kind, kind);
	assert_int_equal(packet.has_checksum, checksum);
	assert_int_equal(packet.has_key, key);
	assert_int_equal(packet.has_seq, seq);
	assert_int_equal(packet.key, key ? 0xdeadbeef : 0);
	assert_int_equal(packet.seq, seq ? 0xc0ffee : 0);
	expect_inner(header_len);
	if (!checksum)
		return;
	frame.bytes[frame.len - 1] ^= 1;
	assert_int_equal(decode_frame(&frame, &packet), FARSPAN_REASON_gre_checksum);
	assert_int_equal(packet.kind, kind);
	/* A checksum over bytes that are not there cannot be wrong. */
	frame.len--;
	assert_int_equal(decode_frame(&frame, &packet), FARSPAN_OK);
	assert_true(packet.cut);
}

static void gre_options(void **state)
{
	static const char type2_header[] = "10000001 00000000", type3_header[] = "20000001 00000000 00000000";

	(void)state;
	for (unsigned int bits = 0; bits < 16; bits++) {
		bool seq = bits & 1;

		if (bits & 4)
			continue;
		gre_row(bits, "6558", "", FARSPAN_GRE);
		gre_row(bits, "22eb", type2_header, FARSPAN_ERSPAN2);
		gre_row(bits, "22eb", type3_header, FARSPAN_ERSPAN3);
		gre_row(bits, "88be", seq ? type2_header : "", seq ? FARSPAN_ERSPAN2 : FARSPAN_ERSPAN1);
		gre_row(bits, "88be", seq ? type3_header : "", seq ? FARSPAN_ERSPAN3 : FARSPAN_ERSPAN1);
	}
}

/* The checksum as scapy computes it over a frame of odd length. */
static void gre_checksum(void **state)
{
	(void)state;
	make_gre(&frame, "8000 6558 89d6 0000 02000000000c 02000000000d 88b5 010203");
	assert_int_equal(decode_frame(&frame, &packet), FARSPAN_OK);
	assert_int_equal(packet.kind, FARSPAN_GRE);
	frame.bytes[39] ^= 1;
	assert_int_equal(decode_frame(&frame, &packet), FARSPAN_REASON_gre_checksum);
}

static void gre_foreign(void **state)
{
	static const char *const protocols[] = {"0000 0800", "0000 86dd", "0000 8949", "1000 0000 00000001"};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		make_gre(&frame, protocols[i]);
		add(&frame, INNER);
		end_ip(&frame);
		assert_int_equal(decode_frame(&frame, &packet), FARSPAN_OK);
		assert_int_equal(packet.kind, FARSPAN_NONE);
		assert_int_equal(packet.inner_len, 0);
		assert_int_equal(packet.depth, 0);
	}
}

static void vxlan(void **state)
{
	struct farspan_context context = {.link = FARSPAN_LINK_ETHERNET, .vxlan_port = 8472};

	(void)state;
	make_ipv4(&frame, 17, "c000 12b5 004c 0000 08000000 a23456ff" INNER);
	assert_int_equal(decode_frame(&frame, &packet), FARSPAN_OK);
	assert_int_equal(packet.kind, FARSPAN_VXLAN);
	assert_int_equal(packet.udp_src, 0xc000);
	assert_int_equal(packet.udp_dst, 4789);
	assert_int_equal(packet.vni, 0xa23456);
	expect_inner(14 + 20 + 8 + 8);

	assert_int_equal(decode_bytes(&context, frame.bytes, frame.len, &packet), FARSPAN_OK);
	assert_int_equal(packet.kind, FARSPAN_NONE);
	put_u16(&frame, 36, 8472);
	assert_int_equal(decode_bytes(&context, frame.bytes, frame.len, &packet), FARSPAN_OK);
	assert_int_equal(packet.kind, FARSPAN_VXLAN);
	assert_int_equal(decode_frame(&frame, &packet), FARSPAN_OK);
	assert_int_equal(packet.kind, FARSPAN_NONE);
}

/* A UDP length below what IP carries ends the frame; 0 and one beyond do not count. */
static void vxlan_length(void **state)
{
	(void)state;
	make_ipv4(&frame, 17, "c000 12b5 004c 0000 08000000 00000700" INNER "ffffffff");
	assert_int_equal(decode_frame(&frame, &packet), FARSPAN_OK);
	expect_inner(50);
	put_u16(&frame, 38, 0);
	assert_int_equal(decode_frame(&frame, &packet), FARSPAN_OK);
	assert_int_equal(packet.inner_len, INNER_LEN + 4);
	put_u16(&frame, 38, 0xffff);
	assert_int_equal(decode_frame(&frame, &packet), FARSPAN_OK);
	assert_int_equal(packet.inner_len, INNER_LEN + 4);
	put_u16(&frame, 38, 7);
	assert_int_equal(decode_frame(&frame, &packet), FARSPAN_REASON_short_udp);
}

static void inner_tags(void **state)
{
	(void)state;
	make_gre(&frame, "0000 6558 02000000000c 02000000000d 88a8 0064 8100 a0c8 9100 0003 8100 0004 8100 0005 0800 45");
	assert_int_equal(decode_frame(&frame, &packet), FARSPAN_OK);
	assert_int_equal(packet.inner_tag_count, 4);
	assert_int_equal(packet.inner_tags[0].tpid, 0x88a8);
	assert_int_equal(packet.inner_tags[0].tci, 0x0064);
	assert_int_equal(packet.inner_tags[1].tpid, 0x8100);
	assert_int_equal(packet.inner_tags[1].tci, 0xa0c8);
	assert_int_equal(packet.inner_tags[2].tpid, 0x9100);
	assert_int_equal(packet.inner_tags[3].tci, 4);
	assert_int_equal(packet.inner_type, 0x8100);

	/* A tag that is cut off stays unread. */
	make_gre(&frame, "0000 6558 02000000000c 02000000000d 88a8 0064 8100 a0c8 08");
	assert_int_equal(decode_frame(&frame, &packet), FARSPAN_OK);
	assert_int_equal(packet.inner_tag_count, 1);
	assert_int_equal(packet.inner_type, 0x8100);

	/* An 802.3 length. */
	make_gre(&frame, "0000 6558 0180c2000000 02000000000d 0026 424203");
	assert_int_equal(decode_frame(&frame, &packet), FARSPAN_OK);
	assert_int_equal(packet.inner_type, 0x26);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(type1),        cmocka_unit_test(type1_versions), cmocka_unit_test(type2),
		cmocka_unit_test(type2_fields), cmocka_unit_test(type3),          cmocka_unit_test(type3_under_88be),
		cmocka_unit_test(type3_fields), cmocka_unit_test(subheaders),     cmocka_unit_test(type3_frame_types),
		cmocka_unit_test(gre_options),  cmocka_unit_test(gre_checksum),   cmocka_unit_test(gre_foreign),
		cmocka_unit_test(vxlan),        cmocka_unit_test(vxlan_length),   cmocka_unit_test(inner_tags),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
