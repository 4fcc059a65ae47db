/* SPDX-License-Identifier: BSD-2-Clause */
/* What stands around a tunnel: link headers, IP headers and their lengths, extension headers, fragments, tunnels in tunnels, refusals. */
#include <stdio.h>

#include "wire_frame.h"

#define TYPE2      "1000 88be 00000001 10000064 00000000"
#define TYPE2_LEN  16
#define INNER_ETH  "02000000000c 02000000000d "
#define EXTENSIONS 8

static struct frame frame;
static struct farspan_packet packet;

static void links(void **state)
{
	static const struct {
		const char *tags;
		unsigned int count;
		enum farspan_kind kind;
	} rows[] = {
		{"", 0, FARSPAN_ERSPAN2},
		{"8100 a064", 1, FARSPAN_ERSPAN2},
		{"88a8 0001", 1, FARSPAN_ERSPAN2},
		{"9100 0001", 1, FARSPAN_ERSPAN2},
		{"88a8 a064 8100 0fff", 2, FARSPAN_ERSPAN2},
		{"88a8 a064 8100 0fff 8100 0001", 2, FARSPAN_NONE},
		{"0000", 0, FARSPAN_NONE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		frame.len = 0;
		add(&frame, ETHERNET);
		add(&frame, rows[i].tags);
		add(&frame, "0800");
		add_ipv4(&frame, 47, "");
		add(&frame, TYPE2 INNER);
		end_ip(&frame);
		assert_int_equal(decode_frame(&frame, &packet), FARSPAN_OK);
		assert_int_equal(packet.kind, rows[i].kind);
		assert_true(packet.has_link);
		assert_memory_equal(packet.link_dst, "\x02\0\0\0\0\x0a", 6);
		assert_memory_equal(packet.link_src, "\x02\0\0\0\0\x0b", 6);
		assert_int_equal(packet.outer_tag_count, rows[i].count);
		if (rows[i].kind == FARSPAN_NONE)
			continue;
		assert_int_equal(packet.inner_off, frame.len - INNER_LEN);
		assert_int_equal(packet.ip_off, 14 + 4 * rows[i].count);
	}
	/* The last row but one left two tags to look at. */
	make_ipv4(&frame, 47, TYPE2 INNER);
	memmove(frame.bytes + 20, frame.bytes + 12, frame.len - 12);
	memcpy(frame.bytes + 12, "\x88\xa8\xa0\x64\x81\x00\x0f\xff", 8);
	frame.len += 8;
	assert_int_equal(decode_frame(&frame, &packet), FARSPAN_OK);
	assert_int_equal(packet.outer_tags[0].tpid, 0x88a8);
	assert_int_equal(packet.outer_tags[0].tci, 0xa064);
	assert_int_equal(packet.outer_tags[1].tpid, 0x8100);
	assert_int_equal(packet.outer_tags[1].tci, 0x0fff);
}

static void raw_ip(void **state)
{
	const struct farspan_context context = {.link = FARSPAN_LINK_IP};

	(void)state;
	frame.len = 0;
	add_ipv4(&frame, 47, "");
	add(&frame, TYPE2 INNER);
	end_ip(&frame);
	assert_int_equal(decode_bytes(&context, frame.bytes, frame.len, &packet), FARSPAN_OK);
	assert_int_equal(packet.kind, FARSPAN_ERSPAN2);
	assert_false(packet.has_link);
	assert_int_equal(packet.inner_off, 20 + TYPE2_LEN);

	frame.len = 0;
	add_ipv6(&frame, 47);
	add(&frame, TYPE2 INNER);
	end_ip(&frame);
	assert_int_equal(decode_bytes(&context, frame.bytes, frame.len, &packet), FARSPAN_OK);
	assert_int_equal(packet.kind, FARSPAN_ERSPAN2);
	assert_int_equal(packet.inner_off, 40 + TYPE2_LEN);

	frame.bytes[0] = 0x50;
	assert_int_equal(decode_bytes(&context, frame.bytes, frame.len, &packet), FARSPAN_REASON_bad_ip);
}

static void ipv4_fields(void **state)
{
	(void)state;
	frame.len = 0;
	add(&frame, ETHERNET "0800 4bb8 0074 fedc 4000 3f2f ffff c0000201 c6336402" TYPE2 INNER);
	put_u16(&frame, 16, 20 + TYPE2_LEN + INNER_LEN);
	frame.bytes[14] = 0x45;
	assert_int_equal(decode_frame(&frame, &packet), FARSPAN_OK);
	assert_int_equal(packet.ip_version, 4);
	assert_int_equal(packet.tos, 0xb8);
	assert_int_equal(packet.ip_id, 0xfedc);
	assert_true(packet.df);
	assert_int_equal(packet.ttl, 0x3f);
	assert_int_equal(packet.ip_protocol, 47);
	assert_memory_equal(packet.outer_src, "\xc0\x00\x02\x01\0\0\0\0\0\0\0\0\0\0\0\0", 16);
	assert_memory_equal(packet.outer_dst, "\xc6\x33\x64\x02\0\0\0\0\0\0\0\0\0\0\0\0", 16);
	assert_int_equal(packet.flow_label, 0);
	assert_int_equal(packet.ip_off, 14);
	assert_int_equal(packet.ip_payload_off, 34);
	assert_int_equal(packet.ip_payload_len, TYPE2_LEN + INNER_LEN);
}

static void ipv6_fields(void **state)
{
	(void)state;
	frame.len = 0;
	add(&frame, ETHERNET "86dd 6b8abcde 004c 2f 3f 20010db8000000000000000000000001 20010db8000000000000000000000002" TYPE2 INNER);
	assert_int_equal(decode_frame(&frame, &packet), FARSPAN_OK);
	assert_int_equal(packet.kind, FARSPAN_ERSPAN2);
	assert_int_equal(packet.ip_version, 6);
	assert_int_equal(packet.tos, 0xb8);
	assert_int_equal(packet.flow_label, 0xabcde);
	assert_int_equal(packet.ttl, 0x3f);
	assert_int_equal(packet.ip_protocol, 47);
	assert_memory_equal(packet.outer_src, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", 16);
	assert_memory_equal(packet.outer_dst, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02", 16);
	assert_int_equal(packet.inner_off, 14 + 40 + TYPE2_LEN);
	assert_int_equal(packet.inner_len, INNER_LEN);
}

static void ipv4_options(void **state)
{
	static const char longest[] = "0727040000000000 0000000000000000 0000000000000000 0000000000000000 0000000000000000";
	static const char *const options[] = {"01010100", "94040000 44040500", longest};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		frame.len = 0;
		add(&frame, ETHERNET "0800");
		add_ipv4(&frame, 47, options[i]);
		add(&frame, TYPE2 INNER);
		end_ip(&frame);
		assert_int_equal(decode_frame(&frame, &packet), FARSPAN_OK);
		assert_int_equal(packet.kind, FARSPAN_ERSPAN2);
		assert_int_equal(packet.inner_off, frame.len - INNER_LEN);
		/* Options that reach beyond the total length. */
		put_u16(&frame, 16, frame.len - 14 - INNER_LEN - TYPE2_LEN - 1);
		assert_int_equal(decode_frame(&frame, &packet), FARSPAN_REASON_bad_ip);
	}
	/* Options that reach beyond the bytes. */
	put_u16(&frame, 16, frame.len - 14);
	frame.len = 14 + 59;
	assert_int_equal(decode_frame(&frame, &packet), FARSPAN_REASON_short_ip);
	assert_int_equal(packet.ip_version, 4);
}

/* What the link adds to reach its shortest frame is not payload; what it took away makes the packet cut. */
static void lengths(void **state)
{
	(void)state;
	for (unsigned int version = 4; version <= 6; version += 2) {
		size_t headers = version == 4 ? 34 : 54;

		frame.len = 0;
		add(&frame, version == 4 ? ETHERNET "0800" : ETHERNET "86dd");
		if (version == 4)
			add_ipv4(&frame, 47, "");
		else
			add_ipv6(&frame, 47);
		add(&frame, "0000 88be 02000000000c 02000000000d 88b5 00");
		end_ip(&frame);
		add(&frame, "0000000000000000000000");
		assert_int_equal(decode_frame(&frame, &packet), FARSPAN_OK);
		assert_int_equal(packet.kind, FARSPAN_ERSPAN1);
		assert_false(packet.cut);
		assert_int_equal(packet.ip_payload_len, 19);
		assert_int_equal(packet.inner_off, headers + 4);
		assert_int_equal(packet.inner_len, 15);

		frame.len = headers + 18;
		assert_int_equal(decode_frame(&frame, &packet), FARSPAN_OK);
		assert_true(packet.cut);
		assert_int_equal(packet.ip_payload_len, 18);
		assert_int_equal(packet.inner_len, 14);
	}
}

static void ipv6_length_zero(void **state)
{
	(void)state;
	/* Without a jumbo option 0 means an empty payload. */
	frame.len = 0;
	add(&frame, ETHERNET "86dd");
	add_ipv6(&frame, 47);
	add(&frame, TYPE2 INNER);
	assert_int_equal(decode_frame(&frame, &packet), FARSPAN_REASON_short_gre);
	assert_int_equal(packet.ip_payload_len, 0);
	frame.bytes[20] = 59;
	assert_int_equal(decode_frame(&frame, &packet), FARSPAN_OK);
	assert_int_equal(packet.kind, FARSPAN_NONE);

	/* A hop-by-hop header has no room in an empty payload, unless the jumbo option in it says otherwise. */
	frame.len = 0;
	add(&frame, ETHERNET "86dd");
	add_ipv6(&frame, 0);
	add(&frame, "2f00 0104 00000000" TYPE2 INNER);
	assert_int_equal(decode_frame(&frame, &packet), FARSPAN_REASON_bad_ip);
	frame.len = 54;
	add(&frame, "2f00 c204 00010000" TYPE2 INNER);
	assert_int_equal(decode_frame(&frame, &packet), FARSPAN_OK);
	assert_int_equal(packet.kind, FARSPAN_ERSPAN2);
	assert_true(packet.cut);
	assert_int_equal(packet.inner_len, INNER_LEN);
	/* Behind padding, exactly as long as there are bytes. */
	frame.len = 54;
	add(&frame, "2f01 00 0101ff c204 00010010 00000000" TYPE2);
	memset(frame.bytes + frame.len, 0, 0x10010 - TYPE2_LEN - 16);
	frame.len += 0x10010 - TYPE2_LEN - 16;
	add(&frame, "ffff");
	assert_int_equal(decode_frame(&frame, &packet), FARSPAN_OK);
	assert_false(packet.cut);
	assert_int_equal(packet.inner_len, 0x10010 - TYPE2_LEN - 16);
	/* A jumbo length that would have fitted the header. */
	frame.len = 54;
	add(&frame, "2f00 c204 0000ffff" TYPE2 INNER);
	assert_int_equal(decode_frame(&frame, &packet), FARSPAN_REASON_bad_ip);
}

/* Of destination options the limit is told: the first, wherever it stands; what has another length is none. */
static void expect_limits(void)
{
	static const struct {
		const char *options;
		int limit; /* below 0: none */
	} rows[] = {
		{"2f00 0401 07 010100", 7},  {"2f00 010100 0401 00", 0},  {"2f00 0000 0401 ff 00", 255},
		{"2f00 0104 00000000", -1},  {"2f00 0402 0707 0100", -1}, {"2f01 0402 0909 0401 08 0100 0401 09 0000", 8},
		{"2f00 0500 0000 0401", -1},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		frame.len = 0;
		add(&frame, ETHERNET "86dd");
		add_ipv6(&frame, 60);
		add(&frame, rows[i].options);
		add(&frame, TYPE2 INNER);
		end_ip(&frame);
		assert_int_equal(decode_frame(&frame, &packet), FARSPAN_OK);
		assert_int_equal(packet.kind, FARSPAN_ERSPAN2);
		assert_int_equal(packet.has_encap_limit ? packet.encap_limit : -1, rows[i].limit);
	}
}

static void ipv6_extensions(void **state)
{
	(void)state;
	frame.len = 0;
	add(&frame, ETHERNET "86dd");
	add_ipv6(&frame, 0);
	add(&frame, "3c00 0104 00000000"                                   /* hop-by-hop, then destination options */
		    "2b01 010c 000000000000 0000 00000000"                 /* of 16 bytes, then routing */
		    "2c02 0400 00000000 00000000000000000000 000000000000" /* of 24, then an atomic fragment */
		    "2f00 0000 cafe0001" TYPE2 INNER);
	end_ip(&frame);
	assert_int_equal(decode_frame(&frame, &packet), FARSPAN_OK);
	assert_int_equal(packet.kind, FARSPAN_ERSPAN2);
	assert_int_equal(packet.ip_protocol, 47);
	assert_int_equal(packet.ip_id, 0xcafe0001);
	assert_int_equal(packet.ip_payload_off, 14 + 40 + 8 + 16 + 24 + 8);
	assert_int_equal(packet.inner_len, INNER_LEN);
	expect_limits();
}

static void add_extensions(unsigned int count)
{
	frame.len = 0;
	add(&frame, ETHERNET "86dd");
	add_ipv6(&frame, count ? 60 : 47);
	for (unsigned int i = 1; i <= count; i++)
		add(&frame, i == count ? "2f00 0104 00000000" : "3c00 0104 00000000");
	add(&frame, TYPE2 INNER);
	end_ip(&frame);
}

static void ipv6_extensions_max(void **state)
{
	(void)state;
	for (unsigned int count = 0; count <= EXTENSIONS; count++) {
		add_extensions(count);
		assert_int_equal(decode_frame(&frame, &packet), FARSPAN_OK);
		assert_int_equal(packet.kind, FARSPAN_ERSPAN2);
		assert_int_equal(packet.inner_len, INNER_LEN);
	}
	add_extensions(EXTENSIONS + 1);
	assert_int_equal(decode_frame(&frame, &packet), FARSPAN_REASON_ext_headers);
	assert_int_equal(packet.ip_version, 6);
	/* One whose length reaches beyond the payload. */
	add_extensions(1);
	frame.bytes[55] = 0xff;
	assert_int_equal(decode_frame(&frame, &packet), FARSPAN_REASON_ext_headers);
}

static void fragments_ipv4(void **state)
{
	(void)state;
	make_gre(&frame, TYPE2 INNER);
	frame.bytes[20] = 0x20; /* first: offset 0, more */
	assert_int_equal(decode_frame(&frame, &packet), FARSPAN_REASON_fragment);
	assert_int_equal(packet.kind, FARSPAN_NONE);
	assert_true(packet.more_fragments);
	assert_int_equal(packet.fragment_offset, 0);
	assert_int_equal(packet.ip_id, 0x1234);
	assert_int_equal(packet.ip_protocol, 47);
	assert_int_equal(packet.ip_payload_off, 34);
	assert_int_equal(packet.ip_payload_len, TYPE2_LEN + INNER_LEN);

	put_u16(&frame, 20, 0x1fff); /* last */
	assert_int_equal(decode_frame(&frame, &packet), FARSPAN_REASON_fragment);
	assert_false(packet.more_fragments);
	assert_int_equal(packet.fragment_offset, 65528);
}

static void fragments_ipv6(void **state)
{
	(void)state;
	frame.len = 0;
	add(&frame, ETHERNET "86dd");
	add_ipv6(&frame, 60);
	add(&frame, "2c00 0104 00000000 2f00 05a9 89abcdef" TYPE2 INNER);
	end_ip(&frame);
	assert_int_equal(decode_frame(&frame, &packet), FARSPAN_REASON_fragment);
	assert_true(packet.more_fragments);
	assert_int_equal(packet.fragment_offset, 0x5a8);
	assert_int_equal(packet.ip_id, 0x89abcdef);
	assert_int_equal(packet.ip_protocol, 47);
	assert_int_equal(packet.ip_off, 14);
	assert_int_equal(packet.ip_payload_off, 14 + 40 + 16);
	assert_int_equal(packet.ip_payload_len, TYPE2_LEN + INNER_LEN);

	put_u16(&frame, 14 + 40 + 10, 0xfff8);
	assert_int_equal(decode_frame(&frame, &packet), FARSPAN_REASON_fragment);
	assert_false(packet.more_fragments);
	assert_int_equal(packet.fragment_offset, 65528);
}

static void not_tunnels(void **state)
{
	static const char *const frames[] = {
		ETHERNET "0806 0001 0800 0604 0001",
		ETHERNET "0026 424203",
		ETHERNET "0800 4500 0014 0000 4000 4006 0000 0a000001 0a000002",
		ETHERNET "0800 4500 001c 0000 4000 4011 0000 0a000001 0a000002 0035 0035 0008 0000",
		ETHERNET "86dd 60000000 0000 3b 40 fd000000000000000000000000000001 fd000000000000000000000000000002",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		frame.len = 0;
		add(&frame, frames[i]);
		assert_int_equal(decode_frame(&frame, &packet), FARSPAN_OK);
		assert_int_equal(packet.kind, FARSPAN_NONE);
		assert_int_equal(packet.depth, 0);
		assert_false(packet.has_inner_ethernet);
	}
}

/* One row for each way to be refused, and what is known of the packet by then. */
static void reasons(void **state)
{
	static const struct {
		enum farspan_reason reason;
		uint8_t protocol;
		enum farspan_kind kind;
		const char *behind;
	} rows[] = {
		{FARSPAN_REASON_short_udp, 17, FARSPAN_NONE, "c000 12b5 0010"},
		{FARSPAN_REASON_short_gre, 47, FARSPAN_NONE, "0000 88"},
		{FARSPAN_REASON_short_gre, 47, FARSPAN_NONE, "1000 88be 000001"},
		{FARSPAN_REASON_gre_version, 47, FARSPAN_NONE, "0001 88be" INNER},
		{FARSPAN_REASON_gre_version, 47, FARSPAN_NONE, "3081 880b 00000000 00000000"},
		{FARSPAN_REASON_gre_routing, 47, FARSPAN_NONE, "4000 88be" INNER},
		{FARSPAN_REASON_gre_checksum, 47, FARSPAN_GRE, "8000 6558 0001 0000" INNER},
		{FARSPAN_REASON_gre_checksum, 47, FARSPAN_ERSPAN2, "9000 88be 0001 0000 00000001 10000064 00000000" INNER},
		{FARSPAN_REASON_short_erspan, 47, FARSPAN_NONE, "1000 88be 00000001"},
		{FARSPAN_REASON_short_erspan, 47, FARSPAN_ERSPAN2, "1000 88be 00000001 10000064 000000"},
		{FARSPAN_REASON_short_erspan, 47, FARSPAN_ERSPAN3, "1000 22eb 00000001 20000064 00000000 000000"},
		{FARSPAN_REASON_bad_version, 47, FARSPAN_NONE, "1000 88be 00000001 00000064 00000000" INNER},
		{FARSPAN_REASON_bad_version, 47, FARSPAN_NONE, "1000 22eb 00000001 30000064 00000000 00000000" INNER},
		{FARSPAN_REASON_bad_version, 47, FARSPAN_NONE, "0000 22eb f0"},
		{FARSPAN_REASON_short_subheader, 47, FARSPAN_ERSPAN3, "1000 22eb 00000001 20000064 00000000 00000001 0c000000 000000"},
		{FARSPAN_REASON_short_vxlan, 17, FARSPAN_VXLAN, "c000 12b5 000f 0000 08000000 000064"},
		{FARSPAN_REASON_vxlan_flags, 17, FARSPAN_VXLAN, "c000 12b5 004c 0000 f7000000 00006400" INNER},
		{FARSPAN_REASON_short_geneve, 17, FARSPAN_GENEVE, "c000 17c1 000f 0000 00006558 000064"},
		{FARSPAN_REASON_short_geneve, 17, FARSPAN_GENEVE, "c000 17c1 0017 0000 02006558 00006400 01020301 000000"},
		{FARSPAN_REASON_geneve_version, 17, FARSPAN_GENEVE, "c000 17c1 004c 0000 40006558 00006400" INNER},
		{FARSPAN_REASON_short_tzsp, 17, FARSPAN_TZSP, "c000 9090 000b 0000 010000"},
		{FARSPAN_REASON_short_tzsp, 17, FARSPAN_TZSP, "c000 9090 000c 0000 01000001"},
		{FARSPAN_REASON_short_tzsp, 17, FARSPAN_TZSP, "c000 9090 000f 0000 01000001 0a02ff"},
		{FARSPAN_REASON_tzsp_version, 17, FARSPAN_TZSP, "c000 9090 0049 0000 02000001 01" INNER},
		{FARSPAN_REASON_short_inner, 47, FARSPAN_ERSPAN1, "0000 88be 02000000000c 02000000000d 08"},
		{FARSPAN_REASON_short_inner, 47, FARSPAN_GRE, "0000 6558"},
		{FARSPAN_REASON_short_inner, 47, FARSPAN_ERSPAN2, "1000 88be 00000001 10000064 00000000"},
		{FARSPAN_REASON_short_inner, 17, FARSPAN_VXLAN, "c000 12b5 001d 0000 08000000 00006400 02000000000c 02000000000d 08"},
		{FARSPAN_REASON_short_inner, 17, FARSPAN_GENEVE, "c000 17c1 0010 0000 00006558 00006400"},
		{FARSPAN_REASON_short_inner, 17, FARSPAN_TZSP, "c000 9090 000d 0000 01000001 01"},
	};
	bool seen[FARSPAN_REASON_COUNT] = {[FARSPAN_OK] = true};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		make_ipv4(&frame, rows[i].protocol, rows[i].behind);
		assert_string_equal(farspan_reason_name(decode_frame(&frame, &packet)), farspan_reason_name(rows[i].reason));
		assert_string_equal(farspan_kind_name(packet.kind), farspan_kind_name(rows[i].kind));
		assert_int_equal(packet.ip_version, 4);
		if (rows[i].kind == FARSPAN_VXLAN && rows[i].reason != FARSPAN_REASON_short_vxlan)
			assert_int_equal(packet.vni, 0x64);
		seen[rows[i].reason] = true;
	}
	/* The other tests of this file have these. */
	seen[FARSPAN_REASON_short_link] = seen[FARSPAN_REASON_short_ip] = seen[FARSPAN_REASON_bad_ip] = true;
	seen[FARSPAN_REASON_ext_headers] = seen[FARSPAN_REASON_fragment] = seen[FARSPAN_REASON_depth] = true;
	for (unsigned int reason = 0; reason < FARSPAN_REASON_COUNT; reason++)
		assert_true(seen[reason]);
}

static void bad_ip(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
	} rows[] = {{14, 0x44}, {14, 0x40}, {14, 0x65}, {14, 0x05}, {17, 19}, {17, 0}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		make_gre(&frame, TYPE2);
		frame.bytes[rows[i].at] = rows[i].value;
		assert_int_equal(decode_frame(&frame, &packet), FARSPAN_REASON_bad_ip);
		assert_int_equal(packet.kind, FARSPAN_NONE);
	}
	frame.len = 0;
	add(&frame, ETHERNET "86dd");
	add_ipv4(&frame, 47, "");
	assert_int_equal(decode_frame(&frame, &packet), FARSPAN_REASON_bad_ip);
}

/* One layer of each kind, from an IPv4 header whose length is filled later to the EtherType of the next. */
static const char *const layers[] = {
	"0000 88be" INNER_ETH "0800",
	"1000 88be 00000001 10000064 00000000" INNER_ETH "0800",
	"1000 22eb 00000001 20000064 00000000 00000000" INNER_ETH "0800",
	"2000 6558 00000001" INNER_ETH "0800",
	"c000 12b5 0000 0000 08000000 00006400" INNER_ETH "0800",
	"1000 22eb 00000001 20000064 00000000 00000800",
};

static void add_layer(const char *layer)
{
	add_ipv4(&frame, layer == layers[4] ? 17 : 47, "");
	add(&frame, layer);
}

/* count layers, all lengths right, around a frame that ends the chain. */
static void make_nested(unsigned int count, const char *end)
{
	size_t starts[64];

	frame.len = 0;
	add(&frame, ETHERNET "0800");
	for (unsigned int i = 0; i < count; i++) {
		starts[i] = frame.len;
		add_layer(layers[(i + count) % 6]);
	}
	add(&frame, end);
	for (unsigned int i = 0; i < count; i++)
		put_u16(&frame, starts[i] + 2, frame.len - starts[i]);
}

static void nested(void **state)
{
	static const char tcp[] = "4500 0014 0000 4000 4006 0000 0a000001 0a000002";

	(void)state;
	for (unsigned int count = 1; count <= 64; count++) {
		enum farspan_reason want = count > FARSPAN_TUNNELS_MAX ? FARSPAN_REASON_depth : FARSPAN_OK;

		make_nested(count, tcp);
		assert_int_equal(decode_frame(&frame, &packet), want);
		assert_int_equal(packet.depth, count > FARSPAN_TUNNELS_MAX ? FARSPAN_TUNNELS_MAX : count);
		/* The outermost is the one that is told about. */
		assert_int_equal(packet.ip_off, 14);
		assert_int_equal(packet.inner_len, frame.len - packet.inner_off);
		assert_true(packet.inner_off <= 14 + 20 + 20 + 14);
		assert_true(packet.kind != FARSPAN_NONE);
	}
	/* A ninth that is not whole is none. */
	make_nested(8, "4500 0018 0000 4000 402f 0000 0a000001 0a000002 0000 6558");
	assert_int_equal(decode_frame(&frame, &packet), FARSPAN_OK);
	assert_int_equal(packet.depth, 8);
}

/* Thousands of layers of one kind, each with the largest length there is. */
static void bombs(void **state)
{
	(void)state;
	for (size_t layer = 0; layer < 6; layer++) {
		size_t count = 0;

		frame.len = 0;
		add(&frame, ETHERNET "0800");
		while (frame.len < sizeof(frame.bytes) - 64 && count < 2700) {
			size_t at = frame.len;

			add_layer(layers[layer]);
			put_u16(&frame, at + 2, 0xffff);
			count++;
		}
		assert_true(count > 2000);
		assert_int_equal(decode_frame(&frame, &packet), FARSPAN_REASON_depth);
		assert_int_equal(packet.depth, FARSPAN_TUNNELS_MAX);
	}
	/* GRE in IP in GRE: not what this library is for, and over with the first. */
	frame.len = 0;
	add(&frame, ETHERNET "0800");
	for (size_t i = 0; i < 2700; i++) {
		add_ipv4(&frame, 47, "");
		put_u16(&frame, frame.ip_at + 2, 0xffff);
		add(&frame, "0000 0800");
	}
	assert_int_equal(decode_frame(&frame, &packet), FARSPAN_OK);
	assert_int_equal(packet.kind, FARSPAN_NONE);
}

static void names(void **state)
{
	unsigned int version[3];

	(void)state;
#define NAMED(name, text)                                                       \
	assert_string_equal(farspan_reason_name(FARSPAN_REASON_##name), #name); \
	assert_string_equal(farspan_reason_text(FARSPAN_REASON_##name), text);
	FARSPAN_REASONS(NAMED)
#undef NAMED
	assert_string_equal(farspan_reason_name(FARSPAN_REASON_COUNT), "unknown");
	assert_string_equal(farspan_reason_text((enum farspan_reason) - 1), "unknown");
	assert_string_equal(farspan_kind_name(FARSPAN_NONE), "none");
	assert_string_equal(farspan_kind_name(FARSPAN_ERSPAN1), "erspan1");
	assert_string_equal(farspan_kind_name(FARSPAN_ERSPAN2), "erspan2");
	assert_string_equal(farspan_kind_name(FARSPAN_ERSPAN3), "erspan3");
	assert_string_equal(farspan_kind_name(FARSPAN_GRE), "gre");
	assert_string_equal(farspan_kind_name(FARSPAN_VXLAN), "vxlan");
	assert_string_equal(farspan_kind_name(FARSPAN_GENEVE), "geneve");
	assert_string_equal(farspan_kind_name(FARSPAN_TZSP), "tzsp");
	assert_string_equal(farspan_kind_name(FARSPAN_KINDS), "unknown");
#define INNER_NAMED(name, bit, text) assert_string_equal(farspan_inner_name(FARSPAN_INNER_##name), #name);
	FARSPAN_INNER_PARTS(INNER_NAMED)
#undef INNER_NAMED
	assert_string_equal(farspan_inner_name((enum farspan_inner_part)0), "unknown");
	assert_string_equal(farspan_inner_name((enum farspan_inner_part)3), "unknown");
	assert_int_equal(sscanf(farspan_version(), "%u.%u.%u", &version[0], &version[1], &version[2]), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(links),
		cmocka_unit_test(raw_ip),
		cmocka_unit_test(ipv4_fields),
		cmocka_unit_test(ipv6_fields),
		cmocka_unit_test(ipv4_options),
		cmocka_unit_test(lengths),
		cmocka_unit_test(ipv6_length_zero),
		cmocka_unit_test(ipv6_extensions),
		cmocka_unit_test(ipv6_extensions_max),
		cmocka_unit_test(fragments_ipv4),
		cmocka_unit_test(fragments_ipv6),
		cmocka_unit_test(not_tunnels),
		cmocka_unit_test(reasons),
		cmocka_unit_test(bad_ip),
		cmocka_unit_test(nested),
		cmocka_unit_test(bombs),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
