/* SPDX-License-Identifier: BSD-2-Clause */
/* GENEVE and TZSP, decoded from bytes that were typed from their descriptions, and which port is taken for what. */
#include "wire_frame.h"

#define INNER_OFF (14 + 20 + 8)

static struct frame frame;
static struct farspan_packet packet;

/* A frame with the tunnel header given, to that UDP port, and a mirrored frame. */
static void make(const char *port, const char *header)
{
	make_ipv4(&frame, 17, "c000");
	add(&frame, port);
	add(&frame, "0000 0000");
	add(&frame, header);
	add(&frame, INNER);
	end_ip(&frame);
	put_u16(&frame, 38, frame.len - 34);
}

static void expect_frame(enum farspan_kind kind, size_t header_len, size_t options_len)
{
	assert_int_equal(decode_frame(&frame, &packet), FARSPAN_OK);
	assert_string_equal(farspan_kind_name(packet.kind), farspan_kind_name(kind));
	assert_int_equal(packet.udp_src, 0xc000);
	assert_int_equal(packet.inner_off, INNER_OFF + header_len);
	assert_int_equal(packet.inner_len, INNER_LEN);
	assert_true(packet.has_inner_ethernet);
	assert_memory_equal(packet.inner_dst, "\x02\0\0\0\0\x0c", 6);
	assert_int_equal(packet.inner_type, 0x88b5);
	assert_int_equal(packet.options_len, options_len);
	assert_int_equal(packet.depth, 1);
}

static void expect_refused(enum farspan_reason reason)
{
	assert_string_equal(farspan_reason_name(decode_frame(&frame, &packet)), farspan_reason_name(reason));
	assert_int_equal(packet.depth, 0);
	assert_false(packet.has_inner_ethernet);
}

static void expect_none(void)
{
	expect_refused(FARSPAN_OK);
	assert_int_equal(packet.kind, FARSPAN_NONE);
	assert_int_equal(packet.vni | packet.oam | packet.critical, 0);
	assert_int_equal(packet.options_len, 0);
	assert_int_equal(packet.inner_len, 0);
}

/* Every field at its place, every reserved bit set. */
static void geneve_fields(void **state)
{
	(void)state;
	make("17c1", "003f6558 a23456ff");
	expect_frame(FARSPAN_GENEVE, 8, 0);
	assert_int_equal(packet.udp_dst, 6081);
	assert_int_equal(packet.vni, 0xa23456);
	assert_false(packet.oam || packet.critical);
	make("17c1", "00bf6558 000001ff");
	expect_frame(FARSPAN_GENEVE, 8, 0);
	assert_true(packet.oam && !packet.critical);
	assert_int_equal(packet.vni, 1);
	make("17c1", "007f6558 000001ff");
	expect_frame(FARSPAN_GENEVE, 8, 0);
	assert_true(!packet.oam && packet.critical);
}

/* Skipped by the length in the header, whatever the lengths of the options say. */
static void geneve_options(void **state)
{
	(void)state;
	make("17c1", "02406558 00000500 01028001 deadbeef");
	expect_frame(FARSPAN_GENEVE, 16, 8);
	assert_true(packet.critical);
	make("17c1", "01006558 00000500 0102031f");
	expect_frame(FARSPAN_GENEVE, 12, 4);
	make("17c1", "3f006558 00000500");
	for (unsigned int i = 0; i < 63; i++)
		add(&frame, "01020300");
	add(&frame, INNER);
	end_ip(&frame);
	put_u16(&frame, 38, 0);
	decode_frame(&frame, &packet);
	assert_int_equal(packet.reason, FARSPAN_OK);
	assert_int_equal(packet.options_len, 252);
	assert_int_equal(packet.inner_off, INNER_OFF + 8 + 252);
	assert_int_equal(packet.inner_len, 2 * INNER_LEN);
}

/* Other payloads are not mirrored frames; another version is of unknown form. */
static void geneve_refused(void **state)
{
	static const char *const others[] = {"00000800 00000500", "000086dd 00000500", "00000000 00000500", "3f000800 00000500"};
	static const char *const versions[] = {"40006558 00000500", "80006558 00000500", "c0000800 00000500"};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		make("17c1", others[i]);
		expect_none();
	}
	for (size_t i = 0; i < 3; i++) {
		make("17c1", versions[i]);
		expect_refused(FARSPAN_REASON_geneve_version);
		assert_int_equal(packet.vni, 0);
	}
	make("17c1", "02006558 00000500 01028001 deadbeef");
	frame.len = INNER_OFF + 8 + 7;
	expect_refused(FARSPAN_REASON_short_geneve);
	assert_int_equal(packet.vni, 5);
}

/* As routers send it: no tag but the end. */
static void tzsp_plain(void **state)
{
	(void)state;
	make("9090", "01000001 01");
	expect_frame(FARSPAN_TZSP, 5, 1);
	assert_int_equal(packet.udp_dst, 37008);
	assert_int_equal(packet.vni, 0);
}

static void tzsp_tags(void **state)
{
	static const struct {
		const char *hex;
		size_t len;
	} rows[] = {
		{"00 01", 2},
		{"000000000000 01", 7},
		{"0a01ff 0c0102 01", 7},                                  /* signal and rate */
		{"0d0400000001 00 2904000005dc 3c06020000000001 01", 22}, /* timestamp, length, sensor */
		{"ff00 00 ff03010100 01", 9},                             /* an end tag inside of a value is none */
		{"ff1f 01010101010101010101010101010101010101010101010101010101010101 01", 34},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		make("9090", "01000001");
		frame.len -= INNER_LEN;
		add(&frame, rows[i].hex);
		add(&frame, INNER);
		end_ip(&frame);
		put_u16(&frame, 38, frame.len - 34);
		expect_frame(FARSPAN_TZSP, 4 + rows[i].len, rows[i].len);
	}
	/* A list that never ends runs into the frame, and behind it. */
	make_ipv4(&frame, 17, "c000 9090 0000 0000 01000001 0a01ff 00000000");
	expect_refused(FARSPAN_REASON_short_tzsp);
	make_ipv4(&frame, 17, "c000 9090 0000 0000 01000001 ff");
	expect_refused(FARSPAN_REASON_short_tzsp);
	make_ipv4(&frame, 17, "c000 9090 0000 0000 01000001 ffff 0101010101");
	expect_refused(FARSPAN_REASON_short_tzsp);
	assert_int_equal(packet.options_len, 0);
}

/* Frames for sending, keep-alives, the port opener, and frames of other media. */
static void tzsp_others(void **state)
{
	static const char *const others[] = {"01010001 01", "01020001 01", "01030001 01", "01040001 01",
					     "01050001 01", "01000000 01", "01000012 01", "01000101 01"};

	(void)state;
	for (size_t i = 0; i < 8; i++) {
		make("9090", others[i]);
		expect_none();
	}
	make_ipv4(&frame, 17, "c000 9090 000c 0000 01040000");
	expect_none();
	make("9090", "00000001 01");
	expect_refused(FARSPAN_REASON_tzsp_version);
}

/* The UDP length ends the frame for these too. */
static void udp_length(void **state)
{
	(void)state;
	make("17c1", "00006558 00000500");
	add(&frame, "ffffffff");
	end_ip(&frame);
	expect_frame(FARSPAN_GENEVE, 8, 0);
	put_u16(&frame, 38, 15);
	expect_refused(FARSPAN_REASON_short_geneve);
	put_u16(&frame, 38, 7);
	expect_refused(FARSPAN_REASON_short_udp);
	make("9090", "01000001 01");
	put_u16(&frame, 38, 12);
	expect_refused(FARSPAN_REASON_short_tzsp);
}

static enum farspan_kind kind_with(uint16_t vxlan_port, uint16_t geneve_port, uint16_t tzsp_port, uint16_t port)
{
	const struct farspan_context context = {.vxlan_port = vxlan_port, .geneve_port = geneve_port, .tzsp_port = tzsp_port};

	make_ipv4(&frame, 17, "c000 0000 0000 0000");
	put_u16(&frame, 36, port);
	decode_bytes(&context, frame.bytes, frame.len, &packet);
	return packet.kind;
}

static void ports(void **state)
{
	(void)state;
	assert_int_equal(kind_with(0, 0, 0, 4789), FARSPAN_VXLAN);
	assert_int_equal(kind_with(0, 0, 0, 6081), FARSPAN_GENEVE);
	assert_int_equal(kind_with(0, 0, 0, 37008), FARSPAN_TZSP);
	assert_int_equal(kind_with(0, 0, 0, 0), FARSPAN_NONE);
	assert_int_equal(kind_with(7, 8, 9, 7), FARSPAN_VXLAN);
	assert_int_equal(kind_with(7, 8, 9, 8), FARSPAN_GENEVE);
	assert_int_equal(kind_with(7, 8, 9, 9), FARSPAN_TZSP);
	/* A port of one's own takes the place of the registered one, */
	assert_int_equal(kind_with(7, 8, 9, 4789), FARSPAN_NONE);
	assert_int_equal(kind_with(7, 8, 9, 6081), FARSPAN_NONE);
	assert_int_equal(kind_with(7, 8, 9, 37008), FARSPAN_NONE);
	/* also that of another kind; */
	assert_int_equal(kind_with(6081, 0, 0, 6081), FARSPAN_VXLAN);
	assert_int_equal(kind_with(0, 4789, 0, 4789), FARSPAN_GENEVE);
	assert_int_equal(kind_with(0, 0, 4789, 4789), FARSPAN_TZSP);
	assert_int_equal(kind_with(0, 4789, 0, 6081), FARSPAN_NONE);
	/* among equals the first counts. */
	assert_int_equal(kind_with(7, 7, 7, 7), FARSPAN_VXLAN);
	assert_int_equal(kind_with(0, 7, 7, 7), FARSPAN_GENEVE);
}

/* Tunnels of the new kinds inside of others are counted too. */
static void nested(void **state)
{
	(void)state;
	make_gre(&frame, "0000 6558 02000000000c 02000000000d 0800 4500 0065 0000 4000 4011 0000 0a000003 0a000004"
			 "c000 9090 0000 0000 01000001 00 0a01ff 01"
			 "02000000000c 02000000000d 0800 4500 0032 0000 4000 4011 0000 0a000003 0a000004"
			 "c000 17c1 0000 0000 00006558 00000500 02000000000c 02000000000d 88b5");
	assert_int_equal(decode_frame(&frame, &packet), FARSPAN_OK);
	assert_int_equal(packet.kind, FARSPAN_GRE);
	assert_int_equal(packet.depth, 3);
	assert_int_equal(packet.options_len, 0);
	assert_int_equal(packet.udp_dst, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(geneve_fields), cmocka_unit_test(geneve_options), cmocka_unit_test(geneve_refused),
		cmocka_unit_test(tzsp_plain),    cmocka_unit_test(tzsp_tags),      cmocka_unit_test(tzsp_others),
		cmocka_unit_test(udp_length),    cmocka_unit_test(ports),          cmocka_unit_test(nested),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
