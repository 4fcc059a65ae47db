/* SPDX-License-Identifier: BSD-2-Clause */
/* Turns the tables of fields.h into functions: per header one that reads it, one that writes it, one that tells whether values fit. */
#ifndef WIRE_HEADERS_H
#define WIRE_HEADERS_H

#include <farspan.h>

#include "wire/bytes.h"
#include "wire/fields.h"

#define WIRE_MEMBER(field, word, shift, width) uint32_t field;
#define WIRE_GET(field, word, shift, width)    to->field = (__typeof__(to->field))(words[word] >> (shift)&WIRE_MASK(width));
#define WIRE_PUT(field, word, shift, width)    words[word] |= ((uint32_t)from->field & WIRE_MASK(width)) << (shift);
#define WIRE_EXCESS(field, word, shift, width) excess |= (uint32_t)from->field & ~WIRE_MASK(width);

/*
 *   NAME_read(reader, to)    fills the members that the table names; leaves *to alone if the header is cut, which sticks in the reader
 *   NAME_write(writer, from) appends the header, bits without a name 0
 *   NAME_fits(from)          whether every value fits its bits
 */
#define WIRE_HEADER(name, type, FIELDS, len)                                     \
	static inline void name##_read(struct reader *reader, type *to)          \
	{                                                                        \
		uint32_t words[(len) / 4];                                       \
                                                                                 \
		reader_words(reader, words, (len) / 4);                          \
		if (reader->failed)                                              \
			return;                                                  \
		FIELDS(WIRE_GET)                                                 \
	}                                                                        \
                                                                                 \
	static inline void name##_write(struct writer *writer, const type *from) \
	{                                                                        \
		uint32_t words[(len) / 4] = {0};                                 \
                                                                                 \
		FIELDS(WIRE_PUT)                                                 \
		writer_words(writer, words, (len) / 4);                          \
	}                                                                        \
                                                                                 \
	static inline bool name##_fits(const type *from)                         \
	{                                                                        \
		uint32_t excess = 0;                                             \
                                                                                 \
		FIELDS(WIRE_EXCESS)                                              \
		return excess == 0;                                              \
	}

/* Of these headers the packet holds only some fields, or under other names. */
struct ipv4_header {
	IPV4_FIELDS(WIRE_MEMBER)
};
struct ipv6_header {
	IPV6_FIELDS(WIRE_MEMBER)
};
struct ipv6_fragment_header {
	IPV6_FRAGMENT_FIELDS(WIRE_MEMBER)
};
struct ipv6_limit_header {
	IPV6_LIMIT_FIELDS(WIRE_MEMBER)
};
struct udp_header {
	UDP_FIELDS(WIRE_MEMBER)
};
struct gre_header {
	GRE_FIELDS(WIRE_MEMBER)
};
struct vxlan_header {
	VXLAN_FIELDS(WIRE_MEMBER)
};
struct geneve_header {
	GENEVE_FIELDS(WIRE_MEMBER)
};
struct tzsp_header {
	TZSP_FIELDS(WIRE_MEMBER)
};
struct cmd_header {
	CMD_FIELDS(WIRE_MEMBER)
};

/* The IP headers without their addresses. */
WIRE_HEADER(ipv4, struct ipv4_header, IPV4_FIELDS, 12)
WIRE_HEADER(ipv6, struct ipv6_header, IPV6_FIELDS, 8)
WIRE_HEADER(ipv6_fragment, struct ipv6_fragment_header, IPV6_FRAGMENT_FIELDS, WIRE_IPV6_FRAGMENT_LEN)
WIRE_HEADER(ipv6_limit, struct ipv6_limit_header, IPV6_LIMIT_FIELDS, WIRE_IPV6_LIMIT_LEN)
WIRE_HEADER(udp, struct udp_header, UDP_FIELDS, WIRE_UDP_LEN)
WIRE_HEADER(gre, struct gre_header, GRE_FIELDS, WIRE_GRE_LEN)
WIRE_HEADER(vxlan, struct vxlan_header, VXLAN_FIELDS, WIRE_VXLAN_LEN)
WIRE_HEADER(geneve, struct geneve_header, GENEVE_FIELDS, WIRE_GENEVE_LEN)
WIRE_HEADER(tzsp, struct tzsp_header, TZSP_FIELDS, WIRE_TZSP_LEN)
WIRE_HEADER(cmd, struct cmd_header, CMD_FIELDS, WIRE_CMD_LEN)

/* Members of the packet carry the names of the fields. */
WIRE_HEADER(erspan2, struct farspan_packet, ERSPAN2_FIELDS, WIRE_ERSPAN2_LEN)
WIRE_HEADER(erspan3, struct farspan_packet, ERSPAN3_FIELDS, WIRE_ERSPAN3_LEN)
WIRE_HEADER(platf, struct farspan_packet, PLATF_FIELDS, WIRE_PLATF_LEN)
WIRE_HEADER(platf1, struct farspan_packet, PLATF1_FIELDS, WIRE_PLATF_LEN)
WIRE_HEADER(platf3, struct farspan_packet, PLATF3_FIELDS, WIRE_PLATF_LEN)
WIRE_HEADER(platf5, struct farspan_packet, PLATF5_FIELDS, WIRE_PLATF_LEN)
WIRE_HEADER(platf7, struct farspan_packet, PLATF7_FIELDS, WIRE_PLATF_LEN)

/* The platform subheaders that have more than their id: X(id, header). */
#define WIRE_PLATFS(X) X(1, platf1) X(3, platf3) X(5, platf5) X(6, platf5) X(7, platf7)

static inline bool wire_is_vlan(uint16_t type)
{
	return type == ETHERTYPE_VLAN || type == ETHERTYPE_SERVICE_VLAN || type == ETHERTYPE_OLD_VLAN;
}

/* The registered UDP port of a kind; 0 for kinds that are not in UDP, and for no kinds. */
static inline uint16_t wire_udp_port(enum farspan_kind kind)
{
	static const uint16_t ports[FARSPAN_KINDS] = {
		[FARSPAN_VXLAN] = FARSPAN_VXLAN_PORT,
		[FARSPAN_GENEVE] = FARSPAN_GENEVE_PORT,
		[FARSPAN_TZSP] = FARSPAN_TZSP_PORT,
	};

	return (unsigned int)kind < FARSPAN_KINDS ? ports[kind] : 0;
}

#endif
