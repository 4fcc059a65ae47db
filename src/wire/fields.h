/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Every header as a table of fields: X(field, word, shift, width). A word is 32 bits in network order, counted from the start of the
 * header; the field is (word >> shift) & mask(width). Decoder, encoder, the eBPF programs and the property tests are generated from these
 * rows. Drawn in docs/wire.md.
 */
#ifndef FARSPAN_WIRE_FIELDS_H
#define FARSPAN_WIRE_FIELDS_H

/* RFC 791. Addresses are words 3 and 4. */
#define IPV4_FIELDS(X)            \
	X(version, 0, 28, 4)      \
	X(ihl, 0, 24, 4)          \
	X(tos, 0, 16, 8)          \
	X(total_length, 0, 0, 16) \
	X(id, 1, 16, 16)          \
	X(df, 1, 14, 1)           \
	X(mf, 1, 13, 1)           \
	X(fragment, 1, 0, 13)     \
	X(ttl, 2, 24, 8)          \
	X(protocol, 2, 16, 8)     \
	X(checksum, 2, 0, 16)

/* RFC 8200. Addresses are words 2 to 9. */
#define IPV6_FIELDS(X)               \
	X(version, 0, 28, 4)         \
	X(tos, 0, 20, 8)             \
	X(flow_label, 0, 0, 20)      \
	X(payload_length, 1, 16, 16) \
	X(next_header, 1, 8, 8)      \
	X(ttl, 1, 0, 8)

/* RFC 8200 section 4.5. */
#define IPV6_FRAGMENT_FIELDS(X)  \
	X(next_header, 0, 24, 8) \
	X(fragment, 0, 3, 13)    \
	X(mf, 0, 0, 1)           \
	X(id, 1, 0, 32)

/* Destination options that hold nothing but an encapsulation limit (RFC 2473 section 4.1.1), and one option that fills them up. */
#define IPV6_LIMIT_FIELDS(X)     \
	X(next_header, 0, 24, 8) \
	X(option, 0, 8, 8)       \
	X(option_len, 0, 0, 8)   \
	X(limit, 1, 24, 8)       \
	X(padding, 1, 16, 8)     \
	X(padding_len, 1, 8, 8)

/* RFC 768. */
#define UDP_FIELDS(X)            \
	X(source, 0, 16, 16)     \
	X(destination, 0, 0, 16) \
	X(length, 1, 16, 16)     \
	X(checksum, 1, 0, 16)

/* RFC 2784 and 2890; routing is a bit of RFC 1701. Optional words follow in this order: checksum, key, sequence. */
#define GRE_FIELDS(X)             \
	X(has_checksum, 0, 31, 1) \
	X(has_routing, 0, 30, 1)  \
	X(has_key, 0, 29, 1)      \
	X(has_seq, 0, 28, 1)      \
	X(gre_version, 0, 16, 3)  \
	X(gre_protocol, 0, 0, 16)

/* draft-foschiano-erspan-03 section 4.2 */
#define ERSPAN2_FIELDS(X)      \
	X(version, 0, 28, 4)   \
	X(vlan, 0, 16, 12)     \
	X(cos, 0, 13, 3)       \
	X(en, 0, 11, 2)        \
	X(truncated, 0, 10, 1) \
	X(session, 0, 0, 10)   \
	X(index, 1, 0, 20)

/* draft-foschiano-erspan-03 section 4.3 */
#define ERSPAN3_FIELDS(X)      \
	X(version, 0, 28, 4)   \
	X(vlan, 0, 16, 12)     \
	X(cos, 0, 13, 3)       \
	X(bso, 0, 11, 2)       \
	X(truncated, 0, 10, 1) \
	X(session, 0, 0, 10)   \
	X(timestamp, 1, 0, 32) \
	X(sgt, 2, 16, 16)      \
	X(p, 2, 15, 1)         \
	X(ft, 2, 10, 5)        \
	X(hwid, 2, 4, 6)       \
	X(direction, 2, 3, 1)  \
	X(gra, 2, 1, 2)        \
	X(o, 2, 0, 1)

/* Platform subheaders, 8 bytes; platf_id is the first field of each. 0x4 has no further field. 0x5 and 0x6 are alike. */
#define PLATF_FIELDS(X) X(platf_id, 0, 26, 6)
#define PLATF1_FIELDS(X)       \
	X(platf_id, 0, 26, 6)  \
	X(domain_id, 0, 0, 12) \
	X(port_id, 1, 0, 32)
#define PLATF3_FIELDS(X)      \
	X(platf_id, 0, 26, 6) \
	X(port_id, 0, 0, 14)  \
	X(timestamp_upper, 1, 0, 32)
#define PLATF5_FIELDS(X)        \
	X(platf_id, 0, 26, 6)   \
	X(switch_id, 0, 16, 10) \
	X(port_id, 0, 0, 16)    \
	X(timestamp_upper, 1, 0, 32)
#define PLATF7_FIELDS(X)      \
	X(platf_id, 0, 26, 6) \
	X(port_id, 0, 0, 20)  \
	X(timestamp_upper, 1, 0, 32)

/* RFC 7348 section 5 */
#define VXLAN_FIELDS(X)        \
	X(vni_valid, 0, 27, 1) \
	X(vni, 1, 8, 24)

/* RFC 8926 section 3.4. Options follow, options_words of 4 bytes. */
#define GENEVE_FIELDS(X)           \
	X(version, 0, 30, 2)       \
	X(options_words, 0, 24, 6) \
	X(oam, 0, 23, 1)           \
	X(critical, 0, 22, 1)      \
	X(protocol, 0, 0, 16)      \
	X(vni, 1, 8, 24)

/* TaZmen Sniffer Protocol. Tagged fields follow, up to an end tag. */
#define TZSP_FIELDS(X)       \
	X(version, 0, 24, 8) \
	X(type, 0, 16, 8)    \
	X(protocol, 0, 0, 16)

/* Cisco metadata, behind its EtherType. The option here is the security group tag, the only one known. */
#define CMD_FIELDS(X)        \
	X(version, 0, 24, 8) \
	X(length, 0, 16, 8)  \
	X(option, 0, 0, 16)

#define WIRE_MASK(width) ((width) >= 32 ? 0xffffffffu : (1u << ((width)&31)) - 1u)

enum {
	WIRE_ETHERNET_LEN = 14,
	WIRE_TAG_LEN = 4,
	WIRE_IPV4_LEN = 20,
	WIRE_IPV6_LEN = 40,
	WIRE_IPV6_FRAGMENT_LEN = 8,
	WIRE_IPV6_LIMIT_LEN = 8,
	WIRE_UDP_LEN = 8,
	WIRE_GRE_LEN = 4,
	WIRE_GRE_OPTION_LEN = 4,
	WIRE_ERSPAN2_LEN = 8,
	WIRE_ERSPAN3_LEN = 12,
	WIRE_PLATF_LEN = 8,
	WIRE_VXLAN_LEN = 8,
	WIRE_GENEVE_LEN = 8,
	WIRE_TZSP_LEN = 4,
	WIRE_TZSP_TAG_LEN = 1, /* of a tag without value: padding, end */
	WIRE_CMD_LEN = 4,
	WIRE_FCS_LEN = 4,
};

enum {
	ETHERTYPE_IPV4 = 0x0800,
	ETHERTYPE_IPV6 = 0x86dd,
	ETHERTYPE_VLAN = 0x8100,         /* 802.1Q */
	ETHERTYPE_SERVICE_VLAN = 0x88a8, /* 802.1ad */
	ETHERTYPE_OLD_VLAN = 0x9100,     /* outer tags from before 802.1ad; only read */
	ETHERTYPE_MIN = 0x0600,          /* below: an 802.3 length */
	ETHERTYPE_FABRICPATH = 0x8903,
	ETHERTYPE_CMD = 0x8909, /* Cisco metadata */
	ETHERTYPE_VNTAG = 0x8926,
	ETHERTYPE_TTAG = 0x8988, /* Cisco timestamp tag */

	GRE_PROTOCOL_ETHERNET = 0x6558,
	GRE_PROTOCOL_ERSPAN2 = 0x88be, /* Types I and II */
	GRE_PROTOCOL_ERSPAN3 = 0x22eb,

	IP_PROTOCOL_HOP_BY_HOP = 0,
	IP_PROTOCOL_UDP = 17,
	IP_PROTOCOL_ROUTING = 43,
	IP_PROTOCOL_FRAGMENT = 44,
	IP_PROTOCOL_GRE = 47,
	IP_PROTOCOL_AUTHENTICATION = 51,
	IP_PROTOCOL_DESTINATION = 60,

	IPV6_OPTION_PAD1 = 0, /* one byte, without a length */
	IPV6_OPTION_PADN = 1,
	IPV6_OPTION_LIMIT = 4,

	ERSPAN2_VERSION = 1,
	ERSPAN3_VERSION = 2,
	ERSPAN_EN_ISL = 1, /* the tag was taken off, as in 2 */
	ERSPAN_EN_8021Q = 2,
	ERSPAN_EN_PRESERVED = 3, /* the tag is still in the frame */
	ERSPAN_FT_ETHERNET = 0,
	ERSPAN_FT_IP = 2,
	ERSPAN_GRA_100US = 0,
	ERSPAN_GRA_100NS = 1,
	ERSPAN_GRA_IEEE1588 = 2,
	ERSPAN_GRA_PLATFORM = 3,
	GENEVE_VERSION = 0,
	TZSP_VERSION = 1,
	TZSP_TYPE_RECEIVED = 0,
	TZSP_PROTOCOL_ETHERNET = 1,
	TZSP_TAG_PADDING = 0,
	TZSP_TAG_END = 1,
	CMD_VERSION = 1,
	CMD_LENGTH = 1, /* of one option */
	VLAN_ID_MASK = 0xfff,
	VLAN_PRIORITY_SHIFT = 13,
};

#endif
