/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libfarspan: the formats of port mirroring, both directions.
 *
 * ERSPAN Type I, II and III (draft-foschiano-erspan-03), GRE with an Ethernet payload (RFC 2784, RFC 2890), VXLAN (RFC 7348), GENEVE
 * (RFC 8926) and TZSP, over IPv4 and IPv6; and what switches leave in the mirrored frames. The library never allocates, never does I/O,
 * keeps no state and needs nothing but memcpy, memset and memcmp. Every function may be called from any thread. Numbers in the structures
 * are in host byte order; addresses are bytes as on the wire.
 *
 * The byte layouts are drawn in docs/wire.md.
 */
#ifndef FARSPAN_H
#define FARSPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FARSPAN_VXLAN_PORT     4789u /* RFC 7348 section 5 */
#define FARSPAN_GENEVE_PORT    6081u /* RFC 8926 section 3.3 */
#define FARSPAN_TZSP_PORT      37008u
#define FARSPAN_TUNNELS_MAX    8u   /* nested tunnels followed; one more is refused as "depth" */
#define FARSPAN_EXTENSIONS_MAX 8u   /* IPv6 extension headers walked; one more is refused as "ext_headers" */
#define FARSPAN_OUTER_TAGS_MAX 2u   /* VLAN tags in front of the outer IP header */
#define FARSPAN_INNER_TAGS_MAX 4u   /* VLAN tags reported of the mirrored frame */
#define FARSPAN_HEADER_MAX     128u /* farspan_encode() never writes a longer header */

/* What the bytes given to farspan_decode() start with. */
enum farspan_link {
	FARSPAN_LINK_ETHERNET, /* an Ethernet header, with up to FARSPAN_OUTER_TAGS_MAX tags */
	FARSPAN_LINK_IP,       /* an IPv4 or IPv6 header, told apart by its version */
};

/* The mirror encapsulations. FARSPAN_GRE is GRE that carries Ethernet (protocol 0x6558); GENEVE and TZSP too count only with Ethernet. */
enum farspan_kind {
	FARSPAN_NONE,
	FARSPAN_ERSPAN1,
	FARSPAN_ERSPAN2,
	FARSPAN_ERSPAN3,
	FARSPAN_GRE,
	FARSPAN_VXLAN,
	FARSPAN_GENEVE,
	FARSPAN_TZSP,
	FARSPAN_KINDS,
};

/*
 * Why a packet was refused: X(name, text). FARSPAN_OK is not a refusal. A packet that simply is no tunnel is not refused either: it has
 * kind FARSPAN_NONE and reason FARSPAN_OK.
 */
#define FARSPAN_REASONS(X)                                                       \
	X(ok, "accepted")                                                        \
	X(short_link, "the link header is cut")                                  \
	X(short_ip, "the IP header is cut")                                      \
	X(bad_ip, "the IP version or a length in the IP header is impossible")   \
	X(ext_headers, "more than eight IPv6 extension headers, or one is cut")  \
	X(fragment, "a fragment of an IP packet")                                \
	X(short_udp, "the UDP header is cut")                                    \
	X(short_gre, "the GRE header is cut")                                    \
	X(gre_version, "the GRE version is not 0")                               \
	X(gre_routing, "GRE source routing")                                     \
	X(gre_checksum, "the GRE checksum is wrong")                             \
	X(short_erspan, "the ERSPAN header is cut")                              \
	X(bad_version, "the ERSPAN version is neither 1 nor 2")                  \
	X(short_subheader, "the ERSPAN platform subheader is cut")               \
	X(short_vxlan, "the VXLAN header is cut")                                \
	X(vxlan_flags, "the VXLAN header has no valid network identifier")       \
	X(short_geneve, "the GENEVE header or its options are cut")              \
	X(geneve_version, "the GENEVE version is not 0")                         \
	X(short_tzsp, "the TZSP header or its tagged fields are cut")            \
	X(tzsp_version, "the TZSP version is not 1")                             \
	X(short_inner, "the mirrored frame is shorter than its Ethernet header") \
	X(depth, "more than eight nested tunnels")

enum farspan_reason {
#define FARSPAN_REASON_ENUM(name, text) FARSPAN_REASON_##name,
	FARSPAN_REASONS(FARSPAN_REASON_ENUM)
#undef FARSPAN_REASON_ENUM
	FARSPAN_REASON_COUNT,
};
#define FARSPAN_OK FARSPAN_REASON_ok

/* A VLAN tag: its EtherType (0x8100, 0x88a8) and its 16 bits of priority, drop eligibility and VLAN id. */
struct farspan_tag {
	uint16_t tpid;
	uint16_t tci;
};

/*
 * One mirrored packet, as decoded or to be encoded. Fields that the kind does not have are 0 after decoding and ignored by encoding; which
 * fields a header has, with their bits, is one table per header in src/wire/fields.h.
 */
struct farspan_packet {
	enum farspan_kind kind;     /* the outermost mirror encapsulation */
	enum farspan_reason reason; /* decode only */

	/* Outer link header. */
	bool has_link;
	uint8_t link_dst[6];
	uint8_t link_src[6];
	uint8_t outer_tag_count;
	struct farspan_tag outer_tags[FARSPAN_OUTER_TAGS_MAX]; /* outermost first */

	/* Outer IP header. IPv4 addresses take the first 4 bytes. */
	uint8_t ip_version; /* 4, 6, or 0 if no IP header was read */
	uint8_t outer_src[16];
	uint8_t outer_dst[16];
	uint8_t ttl;          /* hop limit */
	uint8_t tos;          /* traffic class */
	uint8_t ip_protocol;  /* behind extension headers; decode only */
	bool df;              /* IPv4 */
	uint32_t ip_id;       /* IPv4: 16 bits; IPv6: of the fragment header, decode only */
	uint32_t flow_label;  /* IPv6, 20 bits */
	bool has_encap_limit; /* IPv6: destination options say how many more tunnels may be entered (RFC 2473 section 4.1.1) */
	uint8_t encap_limit;

	/* Fragment of an outer packet (reason "fragment"), decode only. ip_payload_off is set for every packet with a whole IP header. */
	bool more_fragments;
	uint16_t fragment_offset; /* bytes */
	size_t ip_off;            /* where the IP header starts */
	size_t ip_payload_off;    /* what ip_protocol names starts here */
	size_t ip_payload_len;    /* bytes present, never more than the IP header allows */
	bool cut;                 /* the IP header promises more bytes than were given */

	/* UDP, under VXLAN, GENEVE and TZSP. */
	uint16_t udp_src;
	uint16_t udp_dst; /* encode: 0 is the registered port of the kind */

	/* GRE (RFC 2784, RFC 2890). */
	uint16_t gre_protocol; /* decode only; encode derives it from the kind */
	bool has_checksum;
	bool has_key;
	bool has_seq; /* encode: always true for Types II and III, never for Type I */
	uint32_t key;
	uint32_t seq;

	/* ERSPAN Types II and III (draft sections 4.2 and 4.3). */
	uint8_t version; /* 1: Type II, 2: Type III; encode derives it from the kind */
	uint16_t vlan;
	uint8_t cos;
	bool truncated; /* T */
	uint16_t session;
	/* Type II only. */
	uint8_t en;
	uint32_t index;
	/* Type III only. */
	uint8_t bso;
	uint32_t timestamp;
	uint16_t sgt;
	uint8_t p;
	uint8_t ft;
	uint8_t hwid;
	uint8_t direction; /* D: 0 ingress, 1 egress */
	uint8_t gra;
	uint8_t o; /* a platform subheader follows */
	/* Type III platform subheader. Which of the fields exist depends on platf_id. */
	uint8_t platf_id;
	uint16_t domain_id;       /* 0x1: VSM domain */
	uint32_t port_id;         /* 0x1, 0x3, 0x5, 0x6: port or index; 0x7: source index */
	uint16_t switch_id;       /* 0x5, 0x6 */
	uint32_t timestamp_upper; /* 0x3, 0x7: upper half; 0x5, 0x6: seconds */

	/* VXLAN (RFC 7348), GENEVE (RFC 8926). */
	uint32_t vni;
	/* GENEVE only. */
	bool oam;      /* O: a control packet of the tunnel, not a mirrored frame */
	bool critical; /* C: one of the options is not to be ignored; decode only */
	/* GENEVE and TZSP: bytes of options or tagged fields, which are skipped; decode only, encode writes none. */
	uint32_t options_len;

	/*
	 * The payload of the outermost tunnel, decode only: inner_len bytes at inner_off, padding of the outer frame excluded. The Ethernet
	 * fields below are set if has_inner_ethernet: not for Type III frames with ft other than 0.
	 */
	size_t inner_off;
	size_t inner_len;
	bool has_inner_ethernet;
	uint8_t inner_dst[6];
	uint8_t inner_src[6];
	uint8_t inner_tag_count;
	struct farspan_tag inner_tags[FARSPAN_INNER_TAGS_MAX]; /* outermost first */
	uint16_t inner_type;                                   /* EtherType, or a length below 0x600 */
	uint8_t depth;                                         /* tunnels followed one inside the other, the outermost included */
};

/*
 * How to read a packet. All zero is a good start: Ethernet, and the registered UDP destination ports. A port that is given counts before
 * one that is registered, so that VXLAN may be had on the port of GENEVE; among several given it is the first that counts.
 */
struct farspan_context {
	enum farspan_link link;
	uint16_t vxlan_port;  /* 0: FARSPAN_VXLAN_PORT */
	uint16_t geneve_port; /* 0: FARSPAN_GENEVE_PORT */
	uint16_t tzsp_port;   /* 0: FARSPAN_TZSP_PORT */
};

/*
 * Decodes the outermost tunnel of the packet of len bytes at data, reading nothing outside of them. Always fills *packet: what was read
 * before a refusal stays in it. Returns packet->reason.
 *
 * Type I is told from Type II by the S bit of GRE, Type II from Type III by the version in the ERSPAN header, whichever of the two GRE
 * protocols (0x88be, 0x22eb) the sender chose. IP and UDP checksums are not looked at; a GRE checksum is, if the packet is whole.
 *
 * Every fragment is refused as such, whatever it carries; the fragment fields suffice to reassemble. A payload length of 0 in an IPv6
 * header means an empty payload, unless a jumbo option gives a length.
 */
enum farspan_reason farspan_decode(const struct farspan_context *context, const void *data, size_t len, struct farspan_packet *packet);

/*
 * Writes the headers of packet, for a payload of inner_len bytes, and the payload behind them unless inner is NULL. inner must not overlap
 * buffer. Lengths and the checksum of the IPv4 header are filled; a GRE checksum needs the payload; UDP gets none. Returns the length of
 * the headers, or
 *   -EINVAL  a field does not fit its bits, or the combination does not exist (ip_version, kind, tags, a checksum without payload)
 *   -EMSGSIZE  the payload is too long for the IP header's length field
 *   -ENOSPC  size is too small
 * Nothing is written in case of an error.
 */
int farspan_encode(const struct farspan_packet *packet, const void *inner, size_t inner_len, void *buffer, size_t size);

/*
 * In what a mirrored frame may differ from the frame on the wire: X(name, bit, text). The first five are what a switch left in, the others
 * what it took out.
 */
#define FARSPAN_INNER_PARTS(X)                                                     \
	X(fabricpath, 0, "Cisco FabricPath, 16 bytes in front (EtherType 0x8903)") \
	X(vntag, 1, "VN-Tag, 6 bytes (0x8926)")                                    \
	X(ttag, 2, "Cisco timestamp tag, 8 bytes (0x8988)")                        \
	X(cmd, 3, "Cisco metadata with a security group tag, 8 bytes (0x8909)")    \
	X(fcs, 4, "the frame check sequence, 4 bytes behind")                      \
	X(tag, 5, "a VLAN tag, of which the sender says that it took it off")      \
	X(tag_likely, 6, "a VLAN tag, of which only the VLAN is told and nothing else")

enum farspan_inner_part {
#define FARSPAN_INNER_ENUM(name, bit, text) FARSPAN_INNER_##name = 1 << bit,
	FARSPAN_INNER_PARTS(FARSPAN_INNER_ENUM)
#undef FARSPAN_INNER_ENUM
};
#define FARSPAN_INNER_EXTRA       0x1fu /* what a switch left in */
#define FARSPAN_INNER_HEADERS_MAX 8u  /* headers followed between the addresses and the payload: those above and VLAN tags, in any order */
#define FARSPAN_INNER_HEADER_MAX  96u /* bytes */

/*
 * A mirrored frame as it was on the wire: header_len bytes of header, then len bytes at off of the frame as it was given. It holds no
 * pointers. header_len is 0 if what is left stands in the frame in one piece.
 */
struct farspan_inner {
	unsigned int found;   /* enum farspan_inner_part, asked for or not, but FARSPAN_INNER_fcs only if asked for */
	unsigned int changed; /* those of them that were asked for: taken out, or put back */
	size_t header_len;
	size_t off;
	size_t len;
	/* Behind the headers that were followed, whether they are taken out or not. */
	uint16_t type;      /* EtherType, or a length below 0x600; packet's if the frame has no Ethernet header */
	size_t payload_off; /* where in the frame as given begins what type names */
	uint8_t header[FARSPAN_INNER_HEADER_MAX];
};

/*
 * Undoes what the bits of enum farspan_inner_part in what ask for, in the frame of len bytes at frame that packet carried: data +
 * packet->inner_off and packet->inner_len, as farspan_decode() gave them. Copies no more than link headers, reads nothing outside of the
 * frame and always fills *inner. A payload that is not Ethernet is left as it is.
 *
 * fcs is a CRC-32 over all bytes in front of it; it is not found if packet->cut. tag is known from Type II's En 1 and 2. tag_likely stands
 * for the rest: Type III, and Type II with En 0, tell a VLAN for a frame that has no tag. Asked for, it puts a tag also into frames that
 * never had one, from access ports: only who knows the sender can say.
 */
void farspan_inner_clean(const struct farspan_packet *packet, const void *frame, size_t len, unsigned int what,
			 struct farspan_inner *inner);

/* Names as in the output of farspan decode: "erspan2", "short_gre", "vntag". Never NULL, static; "unknown" outside of the enumeration. */
const char *farspan_kind_name(enum farspan_kind kind);
const char *farspan_reason_name(enum farspan_reason reason);
const char *farspan_inner_name(enum farspan_inner_part part);
/* One line of English for a reason. */
const char *farspan_reason_text(enum farspan_reason reason);

/* The version of the library, as "0.1.0". */
const char *farspan_version(void);

#ifdef __cplusplus
}
#endif

#endif
