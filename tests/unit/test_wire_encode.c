/* SPDX-License-Identifier: BSD-2-Clause */
/* The encoder: frames byte for byte, and everything that it refuses to write. */
#include <errno.h>

#include "wire_frame.h"

static const uint8_t inner[] = {2, 0, 0, 0, 0, 12, 2, 0, 0, 0, 0, 13, 0x88, 0xb5, 1, 2, 3};

static struct farspan_packet base(enum farspan_kind kind)
{
	return (struct farspan_packet){
		.kind = kind,
		.has_link = true,
		.link_dst = {2, 0, 0, 0, 0, 10},
		.link_src = {2, 0, 0, 0, 0, 11},
		.ip_version = 4,
		.outer_src = {10, 0, 0, 1},
		.outer_dst = {10, 0, 0, 2},
		.ttl = 64,
	};
}

static void expect_bytes(const struct farspan_packet *packet, const char *hex)
{
	static struct frame want;
	uint8_t buffer[256];
	int len = farspan_encode(packet, inner, sizeof(inner), buffer, sizeof(buffer));

	want.len = 0;
	add(&want, hex);
	assert_int_equal(len, want.len);
	assert_memory_equal(buffer, want.bytes, want.len);
	assert_memory_equal(buffer + len, inner, sizeof(inner));
}

static void type1(void **state)
{
	struct farspan_packet packet = base(FARSPAN_ERSPAN1);

	(void)state;
	packet.has_seq = true; /* Type I has none, whatever is asked */
	packet.seq = 7;
	packet.df = true;
	packet.ip_id = 0x1234;
	packet.tos = 0xb8;
	expect_bytes(&packet, ETHERNET "0800 45b8 0029 1234 4000 402f 13b8 0a000001 0a000002 0000 88be");
}

static void type2(void **state)
{
	struct farspan_packet packet = base(FARSPAN_ERSPAN2);

	(void)state;
	packet.outer_tag_count = 2;
	packet.outer_tags[0] = (struct farspan_tag){0x88a8, 0xa064};
	packet.outer_tags[1] = (struct farspan_tag){0x8100, 0x0fff};
	packet.seq = 0xfffffffe;
	packet.vlan = 0xabc;
	packet.cos = 5;
	packet.en = 2;
	packet.truncated = true;
	packet.session = 0x355;
	packet.index = 0xa4321;
	expect_bytes(&packet, ETHERNET "88a8 a064 8100 0fff 0800 4500 0035 0000 0000 402f 6698 0a000001 0a000002"
				       "1000 88be fffffffe 1abcb755 000a4321");
}

static struct farspan_packet type3_packet(void)
{
	struct farspan_packet packet = base(FARSPAN_ERSPAN3);

	packet.has_link = false;
	packet.ip_version = 6;
	packet.tos = 0xb8;
	packet.flow_label = 0xabcde;
	memcpy(packet.outer_src, "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01", 16);
	memcpy(packet.outer_dst, "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x02", 16);
	packet.seq = 1;
	packet.vlan = 0xabc;
	packet.cos = 5;
	packet.bso = 2;
	packet.truncated = true;
	packet.session = 0x355;
	packet.timestamp = 0x89abcdef;
	packet.sgt = 0xbeef;
	packet.p = 1;
	packet.hwid = 0x2a;
	packet.direction = 1;
	packet.gra = 2;
	return packet;
}

static void type3(void **state)
{
	struct farspan_packet packet = type3_packet();

	(void)state;
	expect_bytes(&packet, "6b8abcde 0025 2f 40 fd000000000000000000000000000001 fd000000000000000000000000000002"
			      "1000 22eb 00000001 2abcb755 89abcdef beef82ac");
	packet.has_encap_limit = true;
	packet.encap_limit = 4;
	expect_bytes(&packet, "6b8abcde 002d 3c 40 fd000000000000000000000000000001 fd000000000000000000000000000002"
			      "2f00 0401 04 010100 1000 22eb 00000001 2abcb755 89abcdef beef82ac");
	packet.has_encap_limit = false;
	packet.ft = 31;
	packet.o = 1;
	packet.platf_id = 5;
	packet.switch_id = 0x2a5;
	packet.port_id = 0xbeef;
	packet.timestamp_upper = 0xc0ffee;
	expect_bytes(&packet, "6b8abcde 002d 2f 40 fd000000000000000000000000000001 fd000000000000000000000000000002"
			      "1000 22eb 00000001 2abcb755 89abcdef beeffead 16a5beef 00c0ffee");
}

static void subheaders(void **state)
{
	static const struct {
		uint8_t id;
		const char *hex;
	} rows[] = {
		{1, "04000abc 00000123"}, {3, "0c000123 cafef00d"}, {4, "10000000 00000000"}, {5, "16a50123 cafef00d"},
		{6, "1aa50123 cafef00d"}, {7, "1c000123 cafef00d"}, {0, "00000000 00000000"}, {63, "fc000000 00000000"},
	};
	static struct frame want;
	struct farspan_packet packet = type3_packet();
	uint8_t buffer[256];

	(void)state;
	packet.o = 1;
	packet.domain_id = 0xabc;
	packet.port_id = 0x123;
	packet.switch_id = 0x2a5;
	packet.timestamp_upper = 0xcafef00d;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		packet.platf_id = rows[i].id;
		want.len = 0;
		add(&want, rows[i].hex);
		assert_int_equal(farspan_encode(&packet, inner, sizeof(inner), buffer, sizeof(buffer)), 40 + 8 + 12 + 8);
		assert_memory_equal(buffer + 60, want.bytes, 8);
	}
}

/* The sum over a payload of odd length, as another implementation has it. */
static void gre(void **state)
{
	struct farspan_packet packet = base(FARSPAN_GRE);

	(void)state;
	packet.has_key = packet.has_checksum = packet.has_seq = true;
	packet.key = 0xdeadbeef;
	packet.seq = 0xc0ffee;
	expect_bytes(&packet, ETHERNET "0800 4500 0035 0000 0000 402f 6698 0a000001 0a000002"
				       "b000 6558 bb89 0000 deadbeef 00c0ffee");
}

static void vxlan(void **state)
{
	struct farspan_packet packet = base(FARSPAN_VXLAN);

	(void)state;
	packet.has_checksum = packet.has_key = packet.has_seq = true; /* GRE's, ignored */
	packet.udp_src = 0xc000;
	packet.vni = 0xa23456;
	expect_bytes(&packet, ETHERNET "0800 4500 0035 0000 0000 4011 66b6 0a000001 0a000002 c000 12b5 0021 0000 08000000 a2345600");
	assert_int_equal(farspan_encode(&packet, NULL, sizeof(inner), (uint8_t[64]){0}, 64), 50);
	packet.udp_dst = 8472;
	expect_bytes(&packet, ETHERNET "0800 4500 0035 0000 0000 4011 66b6 0a000001 0a000002 c000 2118 0021 0000 08000000 a2345600");
}

static void geneve(void **state)
{
	struct farspan_packet packet = base(FARSPAN_GENEVE);

	(void)state;
	packet.udp_src = 0xc000;
	packet.vni = 0xa23456;
	packet.critical = true; /* no option is written that could be critical */
	packet.options_len = 8;
	expect_bytes(&packet, ETHERNET "0800 4500 0035 0000 0000 4011 66b6 0a000001 0a000002 c000 17c1 0021 0000 00006558 a2345600");
	packet.udp_dst = 9999;
	packet.oam = true;
	expect_bytes(&packet, ETHERNET "0800 4500 0035 0000 0000 4011 66b6 0a000001 0a000002 c000 270f 0021 0000 00806558 a2345600");
}

static void tzsp(void **state)
{
	struct farspan_packet packet = base(FARSPAN_TZSP);

	(void)state;
	packet.udp_src = 0xc000;
	packet.vni = 1 << 24; /* of others */
	packet.options_len = 8;
	expect_bytes(&packet, ETHERNET "0800 4500 0032 0000 0000 4011 66b9 0a000001 0a000002 c000 9090 001e 0000 01000001 01");
	packet.udp_dst = 9999;
	expect_bytes(&packet, ETHERNET "0800 4500 0032 0000 0000 4011 66b9 0a000001 0a000002 c000 270f 001e 0000 01000001 01");
}

static void expect_error(const struct farspan_packet *packet, const void *payload, size_t payload_len, size_t size, int error)
{
	uint8_t buffer[256];

	memset(buffer, 0x5a, sizeof(buffer));
	assert_int_equal(farspan_encode(packet, payload, payload_len, buffer, size), error);
	for (size_t i = 0; i < sizeof(buffer); i++)
		assert_int_equal(buffer[i], 0x5a);
}

/* Sets each field of a table in turn to the first value that its bits do not hold, if the member is wider than the field. */
#define TOO_WIDE(field, word, shift, width)                                                        \
	if (sizeof(packet.field) * 8 > (width) && !is_bool(#field)) {                              \
		packet = good;                                                                     \
		packet.field = (__typeof__(packet.field))(1ull << (width));                        \
		if (strcmp(#field, "version") && strcmp(#field, "platf_id"))                       \
			expect_error(&packet, inner, sizeof(inner), sizeof(inner) + 200, -EINVAL); \
		tried++;                                                                           \
	}

static bool is_bool(const char *field)
{
	return strcmp(field, "truncated") == 0;
}

static void too_wide(void **state)
{
	struct farspan_packet good = base(FARSPAN_ERSPAN2), packet;
	unsigned int tried = 0;

	(void)state;
	ERSPAN2_FIELDS(TOO_WIDE)
	assert_int_equal(tried, 6);
	good = type3_packet();
	good.o = 1;
	ERSPAN3_FIELDS(TOO_WIDE)
	good.platf_id = 1;
	PLATF1_FIELDS(TOO_WIDE)
	good.platf_id = 3;
	PLATF3_FIELDS(TOO_WIDE)
	good.platf_id = 5;
	PLATF5_FIELDS(TOO_WIDE)
	good.platf_id = 6;
	PLATF5_FIELDS(TOO_WIDE)
	good.platf_id = 7;
	PLATF7_FIELDS(TOO_WIDE)
	packet = good;
	packet.platf_id = 64;
	expect_error(&packet, inner, sizeof(inner), 256, -EINVAL);
	packet = good;
	packet.flow_label = 1 << 20;
	expect_error(&packet, inner, sizeof(inner), 256, -EINVAL);
	packet = base(FARSPAN_VXLAN);
	packet.vni = 1 << 24;
	expect_error(&packet, inner, sizeof(inner), 256, -EINVAL);
	packet = base(FARSPAN_GENEVE);
	packet.vni = 1 << 24;
	expect_error(&packet, inner, sizeof(inner), 256, -EINVAL);
	packet = base(FARSPAN_VXLAN);
	packet.ip_id = 1 << 16;
	expect_error(&packet, inner, sizeof(inner), 256, -EINVAL);
	/* What a kind or version does not have is not looked at. */
	packet.ip_id = 0;
	packet.flow_label = 1 << 20;
	packet.session = 0xffff;
	packet.platf_id = 64;
	assert_int_equal(farspan_encode(&packet, NULL, 0, (uint8_t[256]){0}, 256), 50);
}

static void combinations(void **state)
{
	struct farspan_packet packet = base(FARSPAN_NONE);

	(void)state;
	expect_error(&packet, inner, sizeof(inner), 256, -EINVAL);
	packet = base(FARSPAN_KINDS);
	expect_error(&packet, inner, sizeof(inner), 256, -EINVAL);
	packet = base(FARSPAN_ERSPAN2);
	packet.ip_version = 0;
	expect_error(&packet, inner, sizeof(inner), 256, -EINVAL);
	packet.ip_version = 5;
	expect_error(&packet, inner, sizeof(inner), 256, -EINVAL);
	packet = base(FARSPAN_ERSPAN2);
	packet.outer_tag_count = 3;
	expect_error(&packet, inner, sizeof(inner), 256, -EINVAL);
	packet.outer_tag_count = 1;
	packet.outer_tags[0].tpid = 0x0800;
	expect_error(&packet, inner, sizeof(inner), 256, -EINVAL);
	packet = base(FARSPAN_GRE);
	packet.has_checksum = true;
	expect_error(&packet, NULL, sizeof(inner), 256, -EINVAL);
	assert_int_equal(farspan_encode(&packet, NULL, 0, (uint8_t[256]){0}, 256), 42);
}

/* The longest payload fits, one byte more does not. */
static void payload_length(void **state)
{
	static uint8_t payload[65536], buffer[65536 + 128];

	(void)state;
	for (enum farspan_kind kind = FARSPAN_ERSPAN1; kind < FARSPAN_KINDS; kind++) {
		for (uint8_t version = 4; version <= 6; version += 2) {
			struct farspan_packet packet = base(kind);
			size_t headers, longest;
			int len;

			packet.ip_version = version;
			len = farspan_encode(&packet, NULL, 0, buffer, sizeof(buffer));
			assert_true(len > 0);
			headers = (size_t)len - (version == 4 ? 14 : 54);
			longest = 65535 - headers;
			assert_int_equal(farspan_encode(&packet, payload, longest, buffer, sizeof(buffer)), len);
			assert_int_equal(buffer[version == 4 ? 16 : 18] << 8 | buffer[version == 4 ? 17 : 19], 65535);
			expect_error(&packet, payload, longest + 1, 256, -EMSGSIZE);
			expect_error(&packet, NULL, longest + 1, 256, -EMSGSIZE);
			expect_error(&packet, NULL, SIZE_MAX, 256, -EMSGSIZE);
		}
	}
}

/* Every buffer that is too small, on the heap so that a write beyond it is seen. */
static void space(void **state)
{
	struct farspan_packet packet = base(FARSPAN_ERSPAN2);

	(void)state;
	for (size_t size = 0; size <= 50 + sizeof(inner); size++) {
		uint8_t *buffer = malloc(size ? size : 1);
		int whole = size >= 50 + sizeof(inner) ? 50 : -ENOSPC;

		assert_non_null(buffer);
		assert_int_equal(farspan_encode(&packet, inner, sizeof(inner), buffer, size), whole);
		/* Without the payload the headers alone need room, and count it all the same. */
		assert_int_equal(farspan_encode(&packet, NULL, sizeof(inner), buffer, size), size >= 50 ? 50 : -ENOSPC);
		if (size >= 50)
			assert_int_equal(buffer[17], 36 + sizeof(inner));
		free(buffer);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(type1),      cmocka_unit_test(type2),        cmocka_unit_test(type3),
		cmocka_unit_test(subheaders), cmocka_unit_test(gre),          cmocka_unit_test(vxlan),
		cmocka_unit_test(too_wide),   cmocka_unit_test(combinations), cmocka_unit_test(payload_length),
		cmocka_unit_test(space),      cmocka_unit_test(geneve),       cmocka_unit_test(tzsp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
