/* SPDX-License-Identifier: BSD-2-Clause */
/* What the switch left in the mirrored frame, or took out of it. */
#include <farspan.h>

#ifdef __x86_64__
#include <wmmintrin.h>
#endif

#include "wire/bytes.h"
#include "wire/fields.h"
#include "wire/headers.h"

enum {
	ADDRESSES_LEN = 12,
	TYPE_LEN = 2,
	FABRICPATH_LEN = 16,
	VNTAG_LEN = 6,
	TTAG_LEN = 8,
	CMD_LEN = 8,
};

/* The headers between the addresses and the payload: each begins with its EtherType and ends where the next one's stands. */
static const struct link_header {
	uint16_t type;
	uint8_t len;
	uint8_t part; /* 0: belongs to the frame */
} link_headers[] = {
	{ETHERTYPE_VLAN, WIRE_TAG_LEN, 0},
	{ETHERTYPE_SERVICE_VLAN, WIRE_TAG_LEN, 0},
	{ETHERTYPE_OLD_VLAN, WIRE_TAG_LEN, 0},
	{ETHERTYPE_VNTAG, VNTAG_LEN, FARSPAN_INNER_vntag},
	{ETHERTYPE_TTAG, TTAG_LEN, FARSPAN_INNER_ttag},
	{ETHERTYPE_CMD, CMD_LEN, FARSPAN_INNER_cmd},
};

/* The headers of one frame, in order. */
struct chain {
	const struct link_header *headers[FARSPAN_INNER_HEADERS_MAX];
	unsigned int count;
	size_t addresses_off;
	bool tagged;
};

/* ---- frame check sequence ---- */

/* Row k: what the four bits i become after k more zero groups of four, by the polynomial of IEEE 802.3, lowest bit first. */
static const uint32_t crc_table[8][16] = {
	{0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8,
	 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c},
	{0x00000000, 0x77073096, 0xee0e612c, 0x990951ba, 0x076dc419, 0x706af48f, 0xe963a535, 0x9e6495a3, 0x0edb8832, 0x79dcb8a4, 0xe0d5e91e,
	 0x97d2d988, 0x09b64c2b, 0x7eb17cbd, 0xe7b82d07, 0x90bf1d91},
	{0x00000000, 0x4ac21251, 0x958424a2, 0xdf4636f3, 0xf0794f05, 0xbabb5d54, 0x65fd6ba7, 0x2f3f79f6, 0x3b83984b, 0x71418a1a, 0xae07bce9,
	 0xe4c5aeb8, 0xcbfad74e, 0x8138c51f, 0x5e7ef3ec, 0x14bce1bd},
	{0x00000000, 0x191b3141, 0x32366282, 0x2b2d53c3, 0x646cc504, 0x7d77f445, 0x565aa786, 0x4f4196c7, 0xc8d98a08, 0xd1c2bb49, 0xfaefe88a,
	 0xe3f4d9cb, 0xacb54f0c, 0xb5ae7e4d, 0x9e832d8e, 0x87981ccf},
	{0x00000000, 0x1c26a370, 0x384d46e0, 0x246be590, 0x709a8dc0, 0x6cbc2eb0, 0x48d7cb20, 0x54f16850, 0xe1351b80, 0xfd13b8f0, 0xd9785d60,
	 0xc55efe10, 0x91af9640, 0x8d893530, 0xa9e2d0a0, 0xb5c473d0},
	{0x00000000, 0x01c26a37, 0x0384d46e, 0x0246be59, 0x0709a8dc, 0x06cbc2eb, 0x048d7cb2, 0x054f1685, 0x0e1351b8, 0x0fd13b8f, 0x0d9785d6,
	 0x0c55efe1, 0x091af964, 0x08d89353, 0x0a9e2d0a, 0x0b5c473d},
	{0x00000000, 0x5019579f, 0xa032af3e, 0xf02bf8a1, 0x9b14583d, 0xcb0d0fa2, 0x3b26f703, 0x6b3fa09c, 0xed59b63b, 0xbd40e1a4, 0x4d6b1905,
	 0x1d724e9a, 0x764dee06, 0x2654b999, 0xd67f4138, 0x866616a7},
	{0x00000000, 0xb8bc6765, 0xaa09c88b, 0x12b5afee, 0x8f629757, 0x37def032, 0x256b5fdc, 0x9dd738b9, 0xc5b428ef, 0x7d084f8a, 0x6fbde064,
	 0xd7018701, 0x4ad6bfb8, 0xf26ad8dd, 0xe0df7733, 0x58631056},
};

/* The remainder after the next len bytes, which must be there; four bytes a step, whose eight look-ups do not wait for each other. */
static uint32_t divide(uint32_t crc, struct reader *reader, size_t len)
{
	for (; len >= 4; len -= 4) {
		uint32_t word = crc ^ __builtin_bswap32(reader_u32(reader));

		crc = crc_table[7][word & 15] ^ crc_table[6][word >> 4 & 15] ^ crc_table[5][word >> 8 & 15] ^
		      crc_table[4][word >> 12 & 15] ^ crc_table[3][word >> 16 & 15] ^ crc_table[2][word >> 20 & 15] ^
		      crc_table[1][word >> 24 & 15] ^ crc_table[0][word >> 28];
	}
	for (; len; len--) {
		crc ^= reader_u8(reader);
		crc = crc >> 4 ^ crc_table[0][crc & 15];
		crc = crc >> 4 ^ crc_table[0][crc & 15];
	}
	return crc;
}

#ifdef __x86_64__
enum {
	FOLD = 16
};

/* sum, multiplied by the power of x that the two constants make for its halves, added to the block at next. */
__attribute__((target("pclmul"))) static inline __m128i fold_onto(__m128i sum, __m128i power, const __m128i *next)
{
	const __m128i product = _mm_xor_si128(_mm_clmulepi64_si128(sum, power, 0x00), _mm_clmulepi64_si128(sum, power, 0x11));

	return _mm_xor_si128(product, _mm_loadu_si128(next));
}

/*
 * Makes of the next len bytes, at least as many as FOLD, and of the remainder of what was before them, FOLD bytes that leave the same
 * remainder; takes a multiple of FOLD and returns how many. Each block is folded onto the one that is four behind it, as long as there is
 * one, as four multiplications do not wait for each other. The constants are modulo the polynomial and lowest bit first (Gopal and others,
 * "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ").
 */
__attribute__((target("pclmul"))) static size_t fold(uint32_t crc, struct reader *reader, size_t len, uint8_t *folded)
{
	const __m128i by_one = _mm_set_epi64x(0x0ccaa009e, 0x1751997d0), by_four = _mm_set_epi64x(0x1c6e41596, 0x154442bd4);
	const size_t blocks = len / FOLD;
	const __m128i *at = (const __m128i *)reader_take(reader, blocks * FOLD);
	__m128i sum = _mm_xor_si128(_mm_loadu_si128(at), _mm_cvtsi32_si128((int)crc));
	size_t i = 1;

	if (blocks >= 8) {
		__m128i second = _mm_loadu_si128(at + 1), third = _mm_loadu_si128(at + 2), fourth = _mm_loadu_si128(at + 3);

		for (i = 4; i + 4 <= blocks; i += 4) {
			sum = fold_onto(sum, by_four, at + i);
			second = fold_onto(second, by_four, at + i + 1);
			third = fold_onto(third, by_four, at + i + 2);
			fourth = fold_onto(fourth, by_four, at + i + 3);
		}
		sum = fold_onto(sum, by_one, &second);
		sum = fold_onto(sum, by_one, &third);
		sum = fold_onto(sum, by_one, &fourth);
	}
	for (; i < blocks; i++)
		sum = fold_onto(sum, by_one, at + i);
	_mm_storeu_si128((__m128i *)folded, sum);
	return blocks * FOLD;
}
#endif

/* CRC-32 of IEEE 802.3 over the next len bytes, which must be there. */
static uint32_t read_crc32(struct reader *reader, size_t len)
{
	uint32_t crc = 0xffffffffu;

#ifdef __x86_64__
	if (len >= 2 * FOLD && __builtin_cpu_supports("pclmul")) {
		uint8_t folded[FOLD];
		struct reader rest = reader_of(folded, FOLD);

		len -= fold(crc, reader, len, folded);
		crc = divide(0, &rest, FOLD);
	}
#endif
	return ~divide(crc, reader, len);
}

/* Sent lowest byte first. */
static bool ends_with_fcs(const void *frame, size_t len)
{
	struct reader reader = reader_of(frame, len);
	uint32_t crc;

	if (len < WIRE_ETHERNET_LEN + WIRE_FCS_LEN)
		return false;
	crc = read_crc32(&reader, len - WIRE_FCS_LEN);
	return __builtin_bswap32(reader_u32(&reader)) == crc;
}

/* ---- headers ---- */

/* A FabricPath header has the form of an Ethernet header, with the tag in front of the frame. */
static bool skip_fabricpath(struct reader *reader)
{
	struct reader ahead = *reader;

	reader_skip(&ahead, ADDRESSES_LEN);
	if (reader_u16(&ahead) != ETHERTYPE_FABRICPATH || reader_left(reader) < FABRICPATH_LEN + WIRE_ETHERNET_LEN)
		return false;
	reader_skip(reader, FABRICPATH_LEN);
	return true;
}

/* Other versions and options of Cisco metadata are of unknown length. */
static bool is_known_cmd(const struct reader *reader)
{
	struct reader ahead = *reader;
	struct cmd_header cmd = {0};

	cmd_read(&ahead, &cmd);
	return cmd.version == CMD_VERSION && cmd.length == CMD_LENGTH;
}

/* The header that type begins, if it is one of the table and there as a whole, with the type behind it. */
static const struct link_header *find_header(uint16_t type, const struct reader *reader)
{
	for (size_t i = 0; i < sizeof(link_headers) / sizeof(link_headers[0]); i++) {
		const struct link_header *header = &link_headers[i];

		if (header->type != type)
			continue;
		if (reader_left(reader) < header->len || (type == ETHERTYPE_CMD && !is_known_cmd(reader)))
			return NULL;
		return header;
	}
	return NULL;
}

/* Follows the headers from the addresses on. */
static void follow(struct reader *reader, struct chain *chain, struct farspan_inner *inner)
{
	const struct link_header *header;

	chain->addresses_off = reader->off;
	reader_skip(reader, ADDRESSES_LEN);
	inner->type = reader_u16(reader);
	while (chain->count < FARSPAN_INNER_HEADERS_MAX && (header = find_header(inner->type, reader))) {
		chain->headers[chain->count++] = header;
		chain->tagged = chain->tagged || header->part == 0;
		inner->found |= header->part;
		reader_skip(reader, (size_t)header->len - TYPE_LEN);
		inner->type = reader_u16(reader);
	}
	inner->payload_off = reader->off;
}

/* Whether the tag that the ERSPAN header tells of is missing in the frame, or may be. */
static unsigned int missing_tag(const struct farspan_packet *packet, const struct chain *chain)
{
	if (packet->kind == FARSPAN_ERSPAN2 && (packet->en == ERSPAN_EN_ISL || packet->en == ERSPAN_EN_8021Q))
		return FARSPAN_INNER_tag;
	if (packet->kind == FARSPAN_ERSPAN2 && packet->en == ERSPAN_EN_PRESERVED)
		return 0;
	if (packet->kind != FARSPAN_ERSPAN2 && packet->kind != FARSPAN_ERSPAN3)
		return 0;
	return packet->vlan && !chain->tagged ? FARSPAN_INNER_tag_likely : 0;
}

/*
 * Collects in inner->header the addresses, the tag, and the headers that stay in front of the last that goes; what is behind that one is
 * left in its place.
 */
static void rebuild(const struct farspan_packet *packet, const uint8_t *frame, const struct chain *chain, struct farspan_inner *inner)
{
	struct reader reader = reader_of(frame, inner->payload_off);
	struct writer writer = writer_of(inner->header, sizeof(inner->header));
	size_t kept;
	const unsigned int tag = inner->changed & (FARSPAN_INNER_tag | FARSPAN_INNER_tag_likely);
	unsigned int end = 0;

	if (inner->changed & FARSPAN_INNER_fabricpath)
		inner->off = chain->addresses_off;
	for (unsigned int i = 0; i < chain->count; i++)
		if (chain->headers[i]->part & inner->changed)
			end = i + 1;
	if (end == 0 && !tag)
		return;
	kept = chain->addresses_off + ADDRESSES_LEN - inner->off;
	reader_skip(&reader, inner->off);
	writer_bytes(&writer, reader_take(&reader, kept), kept);
	if (tag) {
		writer_u16(&writer, ETHERTYPE_VLAN);
		writer_u16(&writer, (uint16_t)((packet->cos & 7) << VLAN_PRIORITY_SHIFT | (packet->vlan & VLAN_ID_MASK)));
	}
	for (unsigned int i = 0; i < end; i++) {
		const uint8_t *header = reader_take(&reader, chain->headers[i]->len);

		if (!(chain->headers[i]->part & inner->changed))
			writer_bytes(&writer, header, chain->headers[i]->len);
	}
	inner->header_len = writer.len;
	inner->off = reader.off;
}

void farspan_inner_clean(const struct farspan_packet *packet, const void *frame, size_t len, unsigned int what, struct farspan_inner *inner)
{
	struct chain chain = {0};
	struct reader reader;

	memset(inner, 0, sizeof(*inner));
	inner->len = len;
	inner->type = packet->inner_type;
	if (!packet->has_inner_ethernet || len < WIRE_ETHERNET_LEN)
		return;
	if (what & FARSPAN_INNER_fcs && !packet->cut && ends_with_fcs(frame, len)) {
		inner->found |= FARSPAN_INNER_fcs;
		len -= WIRE_FCS_LEN;
	}
	reader = reader_of(frame, len);
	if (skip_fabricpath(&reader))
		inner->found |= FARSPAN_INNER_fabricpath;
	follow(&reader, &chain, inner);
	inner->found |= missing_tag(packet, &chain);
	inner->changed = inner->found & what;
	rebuild(packet, frame, &chain, inner);
	inner->len = len - inner->off;
}
