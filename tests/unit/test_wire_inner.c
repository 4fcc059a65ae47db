/* SPDX-License-Identifier: BSD-2-Clause */
/* What switches leave in mirrored frames and take out of them: byte vectors, and random chains of headers against a model of their own. */
#include <stdio.h>

#include "wire_frame.h"

#define ADDRESSES   "02000000000c 02000000000d "
#define PAYLOAD     "88b5 00010203"
#define PAYLOAD_LEN 6
#define ALL         0x7fu
#define ROUNDS      100000u

static struct frame in, want, got;
static struct farspan_inner inner;

/* A packet whose payload is Ethernet, of a kind without fields that matter here. */
static const struct farspan_packet plain = {.kind = FARSPAN_VXLAN, .has_inner_ethernet = true, .vlan = 7, .en = 2, .cos = 1};

/* Cleans from a heap block of exact size, and puts the result together in got. */
static void clean(const struct farspan_packet *packet, unsigned int what)
{
	uint8_t *block = malloc(in.len ? in.len : 1);
	uint8_t *exact = block + (in.len ? 0 : 1);

	assert_non_null(block);
	memcpy(exact, in.bytes, in.len);
	memset(&inner, 0xa5, sizeof(inner));
	farspan_inner_clean(packet, exact, in.len, what, &inner);
	assert_true(inner.header_len <= sizeof(inner.header));
	assert_true(inner.off <= in.len && inner.len <= in.len - inner.off);
	assert_true(inner.payload_off <= in.len);
	assert_int_equal(inner.changed & ~(inner.found & what), 0);
	got.len = 0;
	add_bytes(&got, inner.header, inner.header_len);
	add_bytes(&got, exact + inner.off, inner.len);
	free(block);
}

static void set(struct frame *frame, const char *hex)
{
	frame->len = 0;
	add(frame, hex);
}

/* What becomes of a frame, both in hex. */
static void expect(const struct farspan_packet *packet, const char *frame, unsigned int what, unsigned int found, const char *result)
{
	set(&in, frame);
	set(&want, result);
	clean(packet, what);
	assert_int_equal(inner.found, found);
	assert_int_equal(inner.changed, found & what);
	assert_int_equal(got.len, want.len);
	assert_memory_equal(got.bytes, want.bytes, want.len);
}

static void expect_behind(uint16_t type, size_t payload_off)
{
	assert_int_equal(inner.type, type);
	assert_int_equal(inner.payload_off, payload_off);
}

static void nothing(void **state)
{
	struct farspan_packet raw = {.kind = FARSPAN_ERSPAN3, .ft = 2, .inner_type = 0x0800, .vlan = 7};

	(void)state;
	expect(&plain, ADDRESSES PAYLOAD, ALL, 0, ADDRESSES PAYLOAD);
	expect_behind(0x88b5, 14);
	assert_int_equal(inner.header_len, 0);
	expect(&plain, ADDRESSES "8100a005" PAYLOAD, ALL, 0, ADDRESSES "8100a005" PAYLOAD);
	expect_behind(0x88b5, 18);
	assert_int_equal(inner.header_len, 0);
	/* An 802.3 length is no type. */
	expect(&plain, ADDRESSES "0003 424203", ALL, 0, ADDRESSES "0003 424203");
	expect_behind(3, 14);
	/* Not Ethernet, whatever it looks like. */
	expect(&raw, ADDRESSES "892600010002" PAYLOAD, ALL, 0, ADDRESSES "892600010002" PAYLOAD);
	expect_behind(0x0800, 0);
	/* Too short for a header, and nothing at all. */
	expect(&plain, "02000000000c 02000000000d 89", ALL, 0, "02000000000c 02000000000d 89");
	expect(&plain, "", ALL, 0, "");
	expect_behind(0, 0);
}

static void headers(void **state)
{
	static const struct {
		unsigned int part;
		const char *header;
	} rows[] = {
		{FARSPAN_INNER_vntag, "8926 80010002"},     {FARSPAN_INNER_vntag, "8926 ffffffff"},
		{FARSPAN_INNER_ttag, "8988 112233445566"},  {FARSPAN_INNER_cmd, "8909 0101 0001 1234"},
		{FARSPAN_INNER_cmd, "8909 0101 ffff ffff"},
	};
	char frame[256], result[256];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		/* alone, in front of a tag, behind one, between two */
		static const char *const tags[][2] = {{"", ""}, {"", "8100a005"}, {"8100a005", ""}, {"88a80001", "91000002"}};

		for (size_t t = 0; t < 4; t++) {
			snprintf(frame, sizeof(frame), ADDRESSES "%s%s%s" PAYLOAD, tags[t][0], rows[i].header, tags[t][1]);
			snprintf(result, sizeof(result), ADDRESSES "%s%s" PAYLOAD, tags[t][0], tags[t][1]);
			expect(&plain, frame, rows[i].part, rows[i].part, result);
			expect_behind(0x88b5, in.len - PAYLOAD_LEN + 2);
			expect(&plain, frame, ALL & ~rows[i].part, rows[i].part, frame);
			expect_behind(0x88b5, in.len - PAYLOAD_LEN + 2);
			assert_int_equal(inner.header_len, 0);
		}
	}
}

static void fabricpath(void **state)
{
#define FABRICPATH "01bb cc dd 0001 02 00 00 10 00 00 8903 0060 "
	(void)state;
	expect(&plain, FABRICPATH ADDRESSES PAYLOAD, FARSPAN_INNER_fabricpath, FARSPAN_INNER_fabricpath, ADDRESSES PAYLOAD);
	assert_int_equal(inner.header_len, 0);
	assert_int_equal(inner.off, 16);
	expect_behind(0x88b5, 30);
	expect(&plain, FABRICPATH ADDRESSES PAYLOAD, 0, FARSPAN_INNER_fabricpath, FABRICPATH ADDRESSES PAYLOAD);
	expect_behind(0x88b5, 30);
	/* It stays, and what is inside goes. */
	expect(&plain, FABRICPATH ADDRESSES "892600010002 8100a005" PAYLOAD, FARSPAN_INNER_vntag,
	       FARSPAN_INNER_fabricpath | FARSPAN_INNER_vntag, FABRICPATH ADDRESSES "8100a005" PAYLOAD);
	expect(&plain, FABRICPATH ADDRESSES "892600010002 8100a005" PAYLOAD, ALL, FARSPAN_INNER_fabricpath | FARSPAN_INNER_vntag,
	       ADDRESSES "8100a005" PAYLOAD);
	/* A frame of which nothing is left but the header is none. */
	expect(&plain, FABRICPATH "02000000000c 02000000000d 88b5", ALL, FARSPAN_INNER_fabricpath, "02000000000c 02000000000d 88b5");
	expect(&plain, FABRICPATH "02000000000c 02000000000d 88", ALL, 0, FABRICPATH "02000000000c 02000000000d 88");
	expect_behind(0x8903, 14);
}

/* Cut in the middle, or of a form that is not known: no header, and nothing behind it is looked at. */
static void unknown(void **state)
{
	static const char *const frames[] = {
		ADDRESSES "8926 00010002",
		ADDRESSES "8926 00010002 88",
		ADDRESSES "8926",
		ADDRESSES "8988 112233445566",
		ADDRESSES "8988 112233445566 88",
		ADDRESSES "8909 0101 0001 1234 88",
		ADDRESSES "8909 0101",
		ADDRESSES "8909 0201 0001 1234" PAYLOAD,
		ADDRESSES "8909 0102 0001 1234" PAYLOAD,
		ADDRESSES "8909 0100 0001 1234" PAYLOAD,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		expect(&plain, frames[i], ALL, 0, frames[i]);
		expect_behind((uint16_t)(in.bytes[12] << 8 | in.bytes[13]), 14);
	}
	expect(&plain, ADDRESSES "8100", ALL, 0, ADDRESSES "8100");
	expect(&plain, ADDRESSES "8100 0001 88", ALL, 0, ADDRESSES "8100 0001 88");
	expect(&plain, ADDRESSES "892600010002 8909 0202 0001 1234 892600010002" PAYLOAD, ALL, FARSPAN_INNER_vntag,
	       ADDRESSES "8909 0202 0001 1234 892600010002" PAYLOAD);
	expect_behind(0x8909, 20);
}

/* Several, all of one kind among them, and no more than the bound. */
static void chains(void **state)
{
#define VNTAG "892600010002 "
	(void)state;
	expect(&plain, ADDRESSES VNTAG "8100a005 8909 01010001 1234 8988 112233445566 88a80001" PAYLOAD, ALL,
	       FARSPAN_INNER_vntag | FARSPAN_INNER_cmd | FARSPAN_INNER_ttag, ADDRESSES "8100a005 88a80001" PAYLOAD);
	assert_int_equal(inner.header_len, 16);
	expect(&plain, ADDRESSES VNTAG "8100a005 8909 01010001 1234 8988 112233445566 88a80001" PAYLOAD, FARSPAN_INNER_cmd,
	       FARSPAN_INNER_vntag | FARSPAN_INNER_cmd | FARSPAN_INNER_ttag, ADDRESSES VNTAG "8100a005 8988 112233445566 88a80001" PAYLOAD);
	expect(&plain, ADDRESSES VNTAG VNTAG VNTAG VNTAG VNTAG VNTAG VNTAG VNTAG PAYLOAD, ALL, FARSPAN_INNER_vntag, ADDRESSES PAYLOAD);
	expect(&plain, ADDRESSES VNTAG VNTAG VNTAG VNTAG VNTAG VNTAG VNTAG VNTAG VNTAG PAYLOAD, ALL, FARSPAN_INNER_vntag,
	       ADDRESSES VNTAG PAYLOAD);
	expect_behind(0x8926, 14 + 8 * 6);
}

/* CRC-32, a bit at a time. */
static uint32_t crc32_of(const uint8_t *bytes, size_t len)
{
	uint32_t crc = ~0u;

	while (len--) {
		crc ^= *bytes++;
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
	}
	return ~crc;
}

static void add_fcs(struct frame *frame)
{
	uint32_t crc = crc32_of(frame->bytes, frame->len);

	for (unsigned int shift = 0; shift < 32; shift += 8)
		add_bytes(frame, &(uint8_t){(uint8_t)(crc >> shift)}, 1);
}

static void fcs(void **state)
{
	struct farspan_packet cut = plain;

	(void)state;
	/* As zlib has it. */
	expect(&plain, INNER "b2a5fe42", ALL, FARSPAN_INNER_fcs, INNER);
	assert_int_equal(inner.header_len, 0);
	expect(&plain, "02000000000c 02000000000d 88b5 108f4dd4", FARSPAN_INNER_fcs, FARSPAN_INNER_fcs, "02000000000c 02000000000d 88b5");
	expect_behind(0x88b5, 14);
	/* Only if asked for, and not of a frame that was cut. */
	expect(&plain, INNER "b2a5fe42", ALL ^ FARSPAN_INNER_fcs, 0, INNER "b2a5fe42");
	cut.cut = true;
	expect(&cut, INNER "b2a5fe42", ALL, 0, INNER "b2a5fe42");
	/* Its bytes are not taken for a header's. */
	set(&in, ADDRESSES "8926 0001");
	add_fcs(&in);
	clean(&plain, ALL);
	assert_int_equal(inner.found, FARSPAN_INNER_fcs);
	assert_int_equal(inner.len, 16);
	clean(&plain, ALL ^ FARSPAN_INNER_fcs);
	assert_int_equal(inner.found, FARSPAN_INNER_vntag);
	/* Every length, and every bit of one frame. */
	for (size_t len = 14; len < 300; len++) {
		for (in.len = 0; in.len < len; in.len++)
			in.bytes[in.len] = (uint8_t)(in.len * 7 + len);
		add_fcs(&in);
		clean(&plain, FARSPAN_INNER_fcs);
		assert_int_equal(inner.changed, FARSPAN_INNER_fcs);
		assert_int_equal(inner.len, len);
	}
	set(&in, INNER "b2a5fe42");
	for (size_t bit = 0; bit < in.len * 8; bit++) {
		in.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		clean(&plain, FARSPAN_INNER_fcs);
		assert_int_equal(inner.found & FARSPAN_INNER_fcs, 0);
		in.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

/* Which frames have lost a tag: by kind, En, VLAN, and whether one is in the frame. */
static void tags(void **state)
{
	static const struct {
		enum farspan_kind kind;
		uint8_t en;
		uint16_t vlan;
		bool tagged;
		unsigned int missing;
	} rows[] = {
		{FARSPAN_ERSPAN2, 1, 0x123, false, FARSPAN_INNER_tag},
		{FARSPAN_ERSPAN2, 2, 0x123, false, FARSPAN_INNER_tag},
		{FARSPAN_ERSPAN2, 2, 0x123, true, FARSPAN_INNER_tag}, /* the outer one of two */
		{FARSPAN_ERSPAN2, 2, 0, false, FARSPAN_INNER_tag},    /* only a priority */
		{FARSPAN_ERSPAN2, 3, 0x123, false, 0},
		{FARSPAN_ERSPAN2, 3, 0x123, true, 0},
		{FARSPAN_ERSPAN2, 0, 0x123, false, FARSPAN_INNER_tag_likely},
		{FARSPAN_ERSPAN2, 0, 0x123, true, 0},
		{FARSPAN_ERSPAN2, 0, 0, false, 0},
		{FARSPAN_ERSPAN3, 0, 0x123, false, FARSPAN_INNER_tag_likely},
		{FARSPAN_ERSPAN3, 2, 0x123, false, FARSPAN_INNER_tag_likely}, /* En is no field of Type III */
		{FARSPAN_ERSPAN3, 0, 0x123, true, 0},
		{FARSPAN_ERSPAN3, 0, 0, false, 0},
		{FARSPAN_ERSPAN1, 2, 0x123, false, 0},
		{FARSPAN_GRE, 2, 0x123, false, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct farspan_packet packet = {
			.kind = rows[i].kind, .has_inner_ethernet = true, .en = rows[i].en, .vlan = rows[i].vlan, .cos = 5};
		const char *frame = rows[i].tagged ? ADDRESSES "88a80001" PAYLOAD : ADDRESSES PAYLOAD;
		const char *put_back = rows[i].tagged ? ADDRESSES "8100a123 88a80001" PAYLOAD
				       : rows[i].vlan ? ADDRESSES "8100a123" PAYLOAD
						      : ADDRESSES "8100a000" PAYLOAD;

		expect(&packet, frame, ALL, rows[i].missing, rows[i].missing ? put_back : frame);
		expect(&packet, frame, ALL & ~rows[i].missing, rows[i].missing, frame);
	}
}

/* The tag stands directly behind the addresses of the mirrored frame. */
static void tag_among_headers(void **state)
{
	const struct farspan_packet packet = {.kind = FARSPAN_ERSPAN2, .has_inner_ethernet = true, .en = 2, .vlan = 0xfff, .cos = 7};

	(void)state;
	expect(&packet, ADDRESSES VNTAG PAYLOAD, FARSPAN_INNER_tag, FARSPAN_INNER_tag | FARSPAN_INNER_vntag,
	       ADDRESSES "8100efff" VNTAG PAYLOAD);
	expect(&packet, ADDRESSES VNTAG PAYLOAD, ALL, FARSPAN_INNER_tag | FARSPAN_INNER_vntag, ADDRESSES "8100efff" PAYLOAD);
	expect(&packet, FABRICPATH ADDRESSES PAYLOAD, FARSPAN_INNER_tag, FARSPAN_INNER_tag | FARSPAN_INNER_fabricpath,
	       FABRICPATH ADDRESSES "8100efff" PAYLOAD);
	expect(&packet, FABRICPATH ADDRESSES PAYLOAD, ALL, FARSPAN_INNER_tag | FARSPAN_INNER_fabricpath, ADDRESSES "8100efff" PAYLOAD);
	/* The longest header there can be. */
	expect(&packet,
	       FABRICPATH ADDRESSES "8988112233445566 8988112233445566 8988112233445566 8988112233445566 8988112233445566"
				    "8988112233445566 8988112233445566" VNTAG PAYLOAD,
	       FARSPAN_INNER_tag | FARSPAN_INNER_vntag,
	       FARSPAN_INNER_tag | FARSPAN_INNER_vntag | FARSPAN_INNER_ttag | FARSPAN_INNER_fabricpath,
	       FABRICPATH ADDRESSES "8100efff 8988112233445566 8988112233445566 8988112233445566 8988112233445566 8988112233445566"
				    "8988112233445566 8988112233445566" PAYLOAD);
	assert_int_equal(inner.header_len, 16 + 12 + 4 + 7 * 8);
}

static uint32_t random_below(uint32_t end)
{
	static uint64_t random_state = 0x9e3779b97f4a7c15u;

	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (uint32_t)(random_state * 0x2545f4914f6cdd1du >> 32) % end;
}

/* A frame put together piece by piece, and beside it what cleaning must make of it. */
struct model {
	unsigned int what;
	unsigned int found;
	bool tagged;
	size_t payload_off;
};

static void add_piece(struct model *model, unsigned int part, const char *hex)
{
	model->found |= part;
	model->tagged = model->tagged || part == 0;
	add(&in, hex);
	if (!(part & model->what))
		add(&want, hex);
}

/* Inserts the tag that is missing, at an offset of the result. */
static void insert_tag(struct model *model, unsigned int part, size_t at)
{
	model->found |= part;
	if (!(part & model->what))
		return;
	memmove(want.bytes + at + 4, want.bytes + at, want.len - at);
	memcpy(want.bytes + at, "\x81\0\0\x05", 4);
	want.len += 4;
}

static void random_model(struct model *model, struct farspan_packet *packet)
{
	static const struct {
		unsigned int part;
		const char *hex;
	} pieces[] = {{FARSPAN_INNER_vntag, VNTAG},
		      {FARSPAN_INNER_ttag, "8988 1122334455aa"},
		      {FARSPAN_INNER_cmd, "8909 01010001 1234"},
		      {0, "8100a005"},
		      {0, "88a80fff"}};
	const uint32_t kinds = random_below(2) ? 5 : 3; /* without a tag half of the time */
	size_t behind_addresses;

	*model = (struct model){.what = random_below(128)};
	*packet = (struct farspan_packet){.kind = FARSPAN_ERSPAN2, .has_inner_ethernet = true, .vlan = 5, .en = (uint8_t)random_below(4)};
	in.len = want.len = 0;
	if (random_below(2))
		add_piece(model, FARSPAN_INNER_fabricpath, FABRICPATH);
	add(&in, ADDRESSES);
	add(&want, ADDRESSES);
	behind_addresses = want.len;
	for (uint32_t count = random_below(9); count; count--) {
		uint32_t piece = random_below(kinds);

		add_piece(model, pieces[piece].part, pieces[piece].hex);
	}
	if (packet->en == 1 || packet->en == 2)
		insert_tag(model, FARSPAN_INNER_tag, behind_addresses);
	else if (packet->en == 0 && !model->tagged)
		insert_tag(model, FARSPAN_INNER_tag_likely, behind_addresses);
	model->payload_off = in.len + 2;
	add(&in, PAYLOAD);
	add(&want, PAYLOAD);
	if (random_below(2))
		return;
	add_fcs(&in);
	if (model->what & FARSPAN_INNER_fcs)
		model->found |= FARSPAN_INNER_fcs;
	else
		add_bytes(&want, in.bytes + in.len - 4, 4);
}

/* Every choice of what to undo, on random chains. */
static void any_chain(void **state)
{
	unsigned int seen[128] = {0};
	struct farspan_packet packet;
	struct model model;

	(void)state;
	for (unsigned int round = 0; round < ROUNDS; round++) {
		random_model(&model, &packet);
		clean(&packet, model.what);
		assert_int_equal(inner.found, model.found);
		assert_int_equal(inner.changed, model.found & model.what);
		assert_int_equal(got.len, want.len);
		assert_memory_equal(got.bytes, want.bytes, want.len);
		expect_behind(0x88b5, model.payload_off);
		seen[inner.changed]++;
	}
	/* No two tags are missing at once: 96 combinations, each of them met. */
	for (unsigned int changed = 0; changed < 96; changed++)
		assert_true(seen[changed] > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing),   cmocka_unit_test(headers), cmocka_unit_test(fabricpath), cmocka_unit_test(unknown),
		cmocka_unit_test(chains),    cmocka_unit_test(fcs),     cmocka_unit_test(tags),       cmocka_unit_test(tag_among_headers),
		cmocka_unit_test(any_chain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
