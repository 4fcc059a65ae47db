/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter_frames.h"

#include <stdbool.h>
#include <string.h>

static uint32_t state;

static uint32_t draw(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state % below;
}

static bool one_in(uint32_t n)
{
	return draw(n) == 0;
}

#define PICK(table) ((table)[draw(sizeof(table) / sizeof *(table))])

static void put8(struct frame *f, unsigned int value)
{
	if (f->len < FRAME_ROOM)
		f->bytes[f->len++] = (uint8_t)value;
}

static void put16(struct frame *f, unsigned int value)
{
	put8(f, value >> 8);
	put8(f, value & 255);
}

static void put_noise(struct frame *f, unsigned int count)
{
	while (count--)
		put8(f, draw(256));
}

static void put_zeros(struct frame *f, unsigned int count)
{
	while (count--)
		put8(f, 0);
}

/* What the expressions ask for comes up often. */
static const uint16_t ports[] = {443, 80, 53, 4789, 22, 50000, 8080, 179, 123, 0};
static const uint8_t networks[][4] = {{10, 1, 0, 1}, {10, 2, 0, 1}, {192, 168, 1, 7},    {224, 0, 0, 5},
				      {8, 8, 8, 8},  {10, 1, 0, 2}, {255, 255, 255, 255}};
static const uint16_t tag_tcis[] = {100, 101, 1, 4095, 0, 999, 0x2064, 0xe064, 0x1065};

static void put_macs(struct frame *f)
{
	static const uint8_t macs[][6] = {
		{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, {0x01, 0x80, 0xc2, 0, 0, 0}, {0x01, 0x00, 0x5e, 0, 0, 5}, {0x33, 0x33, 0, 0, 0, 1},
		{0x02, 0, 0, 0, 0x0a, 0x01},          {0x02, 0, 0, 0, 0x0b, 0x01},
	};

	for (int i = 0; i < 2; i++) {
		const uint8_t *mac = i ? macs[4 + draw(2)] : PICK(macs);

		for (int byte = 0; byte < 6; byte++)
			put8(f, mac[byte]);
	}
}

static void put_ports(struct frame *f)
{
	put16(f, PICK(ports));
	put16(f, PICK(ports));
}

static void put_transport(struct frame *f, unsigned int protocol)
{
	static const char *const words[] = {"GET / HTTP/1.1\r\n", "\x16\x03\x01", "SSH-2.0-x", "\x12\x34\x01\x03"};
	static const uint8_t icmps[] = {0, 3, 8, 11, 13, 128, 129, 133, 135, 136};
	const char *word = PICK(words);

	switch (protocol) {
	case 6:
		put_ports(f);
		put_noise(f, 8);
		put8(f, (5 + draw(4)) << 4);
		put8(f, one_in(4) ? 2 : draw(64));
		put_noise(f, 6);
		break;
	case 17:
		put_ports(f);
		put16(f, draw(100));
		put_noise(f, 2);
		break;
	case 132:
		put_ports(f);
		put_noise(f, 8);
		break;
	case 1:
	case 58:
		put8(f, PICK(icmps));
		put8(f, draw(4));
		break;
	}
	while (*word)
		put8(f, (unsigned char)*word++);
	put_noise(f, draw(60));
}

static void put_ipv4(struct frame *f)
{
	static const uint8_t protocols[] = {6, 6, 6, 17, 17, 1, 1, 2, 47, 132, 50, 51, 89, 103, 112};
	static const uint16_t fragments[] = {0, 0, 0, 0, 0x4000, 0x4000, 0x2000, 0x2005, 0x0007};
	unsigned int protocol = PICK(protocols), options = one_in(4) ? draw(11) : 0;
	const uint8_t *addresses[2] = {PICK(networks), PICK(networks)};

	put8(f, 0x45 + options);
	put8(f, draw(3) * draw(64));
	put16(f, 20 + draw(200));
	put_noise(f, 2);
	put16(f, PICK(fragments));
	put8(f, draw(4) * 64 + 1);
	put8(f, protocol);
	put_noise(f, 2);
	for (int end = 0; end < 2; end++)
		for (int byte = 0; byte < 4; byte++)
			put8(f, addresses[end][byte]);
	put_noise(f, options * 4);
	put_transport(f, protocol);
}

static void put_ipv6_address(struct frame *f)
{
	put16(f, one_in(4) ? 0xff02 : 0xfd01);
	put_zeros(f, 12);
	put16(f, draw(4));
}

static void put_ipv6(struct frame *f)
{
	static const uint8_t protocols[] = {6, 6, 17, 17, 58, 132, 47, 59};
	static const uint8_t extensions[] = {0, 43, 44, 60};
	unsigned int protocol = PICK(protocols), count = one_in(3) ? 1 + draw(3) : 0, extension = PICK(extensions);

	put8(f, 0x60);
	put_noise(f, 3);
	put16(f, draw(200));
	put8(f, count ? extension : protocol);
	put8(f, 64);
	put_ipv6_address(f);
	put_ipv6_address(f);
	for (unsigned int i = 0; i < count; i++) {
		unsigned int next = i + 1 < count ? PICK(extensions) : protocol;

		put8(f, next);
		put8(f, 0);
		put_noise(f, 6);
	}
	put_transport(f, protocol);
}

static void put_arp(struct frame *f)
{
	put16(f, 1);
	put16(f, 0x0800);
	put16(f, 0x0604);
	put16(f, 1 + draw(2));
	for (int end = 0; end < 2; end++) {
		const uint8_t *address = PICK(networks);

		put_noise(f, 6);
		for (int byte = 0; byte < 4; byte++)
			put8(f, address[byte]);
	}
}

static void put_mpls(struct frame *f)
{
	static const uint32_t labels[] = {100, 1000, 1024, 16};
	unsigned int depth = 1 + draw(3);

	for (unsigned int i = 0; i < depth; i++) {
		uint32_t word = PICK(labels) << 12 | (i == depth - 1 ? 1u << 8 : 0) | 64;

		put16(f, word >> 16);
		put16(f, word & 0xffff);
	}
	if (one_in(4))
		put_ipv6(f);
	else
		put_ipv4(f);
}

static void put_pppoe(struct frame *f)
{
	bool ipv6 = one_in(3);

	put16(f, 0x1100);
	put16(f, draw(3));
	put16(f, draw(200));
	put16(f, ipv6 ? 0x0057 : 0x0021);
	if (ipv6)
		put_ipv6(f);
	else
		put_ipv4(f);
}

/* Behind an 802.3 length: spanning tree, IS-IS, SNAP, NetBEUI, IPX. */
static void put_llc(struct frame *f)
{
	static const uint8_t saps[][3] = {{0x42, 0x42, 3}, {0xfe, 0xfe, 3}, {0xaa, 0xaa, 3},
					  {0xf0, 0xf0, 3}, {0xe0, 0xe0, 3}, {0xff, 0xff, 0}};
	const uint8_t *sap = PICK(saps);

	for (int i = 0; i < 3; i++)
		put8(f, sap[i]);
	if (sap[0] == 0xaa) {
		put_zeros(f, 3);
		put16(f, one_in(2) ? 0x0800 : one_in(2) ? 0x809b : 0x80f3);
		put_ipv4(f);
	} else {
		put8(f, sap[0] == 0xfe ? 0x83 : draw(16));
		put_noise(f, 40);
	}
}

static void put_other(struct frame *f)
{
	put_noise(f, 40 + draw(60));
}

/* How often, by weight, and what. */
static const struct kind {
	uint16_t type;
	uint8_t weight;
	void (*put)(struct frame *f);
} kinds[] = {
	{0x0800, 30, put_ipv4}, {0x86dd, 20, put_ipv6}, {0x0806, 5, put_arp},   {0x8035, 1, put_arp},
	{0x8847, 5, put_mpls},  {0x8848, 1, put_mpls},  {0x8864, 4, put_pppoe}, {0x8863, 1, put_pppoe},
	{0x0050, 8, put_llc},   {0x88cc, 2, put_other}, {0x88f7, 1, put_other}, {0x6003, 1, put_other},
	{0x8137, 1, put_llc},   {0x809b, 1, put_other}, {0x9000, 1, put_other}, {0x80f3, 1, put_other},
};

static const struct kind *pick_kind(void)
{
	uint32_t sum = 0, drawn;

	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		sum += kinds[i].weight;
	drawn = draw(sum);
	for (const struct kind *kind = kinds;; kind++) {
		if (drawn < kind->weight)
			return kind;
		drawn -= kind->weight;
	}
}

static void put_inline_tags(struct frame *f)
{
	static const uint16_t types[] = {0x8100, 0x8100, 0x88a8, 0x9100};
	unsigned int count = one_in(3) ? 1 + draw(3) : 0;

	for (unsigned int i = 0; i < count; i++) {
		put16(f, PICK(types));
		put16(f, PICK(tag_tcis));
	}
}

static void make_frame(struct frame *f)
{
	const struct kind *kind = pick_kind();

	memset(f, 0, sizeof *f);
	put_macs(f);
	put_inline_tags(f);
	put16(f, kind->type);
	kind->put(f);
	if (one_in(3)) {
		f->tag_type = one_in(3) ? 0x88a8 : 0x8100;
		f->tag_tci = PICK(tag_tcis);
	}
	if (one_in(4) && f->len > 14)
		f->len = 14 + draw(f->len - 14);
}

void make_frames(struct frame frames[FRAMES])
{
	state = 20240607;
	for (unsigned int i = 0; i < FRAMES; i++)
		make_frame(&frames[i]);
	frames[0].len = 14; /* the shortest there is, surely */
}
