/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The collector's reading of an outer packet. It only tells what it is sure of: a plain packet of a mirror session is one that libfarspan's
 * decoder accepts without a remark; all others are for user space to judge.
 */
#ifndef BPF_COLLECT_PARSE_H
#define BPF_COLLECT_PARSE_H

#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include <farspan.h>

#include "bpf/abi.h"
#include "wire/fields.h"

enum {
	PARSE_BYTES = 256, /* in which headers are looked for */
	INNER_TAGS_MAX = 2,
};

/* Where the program has got to in the packet, and what it knows of it. */
struct outer {
	void *data, *end; /* the part of the packet that can be read directly */
	__u32 ip_off;
	__u32 off;     /* behind the headers read so far */
	__u32 present; /* bytes from ip_off on */
	__u32 merged;  /* packets that the kernel has made one of; 0: it is one */
	__u32 len;     /* of them, those that the IP header calls its own */
	__u8 protocol;
	__u8 odd; /* its version or header length is wrong */
	__u8 truncated;
	__u8 transmitted;
	__u8 has_sequence;
	__u32 sequence;
	__be16 word; /* GRE protocol, UDP destination port */
	__u32 gre_flags;
	__u32 words[3]; /* of an ERSPAN header */
	struct collect_key key;
};

const volatile __u32 wanted_kinds; /* bits of enum farspan_kind; those over UDP go by udp_ports */
const volatile __be16 udp_ports[UDP_PORTS_MAX];
const volatile __u8 udp_kinds[UDP_PORTS_MAX]; /* enum farspan_kind, FARSPAN_NONE if it is not the same for all */
const volatile __u32 udp_port_count;
const volatile struct collect_scope scope;

/* What is there at off, if bytes of it can be read; NULL: it has to be got otherwise. */
static __always_inline void *at(const struct outer *outer, __u32 off, __u32 bytes)
{
	void *p = outer->data + (off & 0x3fff);

	return p + bytes > outer->end ? NULL : p;
}

/* Finds the IP header behind at most two tags; 4, 6, or 0 for anything else. */
static __always_inline int find_ip(struct outer *outer)
{
	__be16 *type = NULL;

	outer->ip_off = WIRE_ETHERNET_LEN;
	for (int tags = 0; tags < 3; tags++) {
		type = at(outer, outer->ip_off - sizeof *type, sizeof *type);
		if (!type)
			return 0;
		if (*type == bpf_htons(ETHERTYPE_IPV4))
			return 4;
		if (*type == bpf_htons(ETHERTYPE_IPV6))
			return 6;
		if (*type != bpf_htons(ETHERTYPE_VLAN) && *type != bpf_htons(ETHERTYPE_SERVICE_VLAN))
			return 0;
		outer->ip_off += WIRE_TAG_LEN;
	}
	return 0;
}

enum {
	FRAGMENTS_NOT = 0x3fff,   /* fragments are none of ours */
	FRAGMENTS_FIRST = 0x1fff, /* but the first, which has the headers, is */
};

/* 0, or -1 if the packet is none of ours to read: cut, or a fragment. */
static __always_inline int read_ipv4(struct outer *outer, const __u16 fragments)
{
	__u8 *header = at(outer, outer->ip_off, WIRE_IPV4_LEN);
	__u32 *words = (__u32 *)header;

	if (!header || ((__be16 *)header)[3] & bpf_htons(fragments))
		return -1;
	outer->off = outer->ip_off + (header[0] & 15) * 4;
	outer->odd = header[0] >> 4 != 4 || (header[0] & 15) * 4 < WIRE_IPV4_LEN;
	outer->len = bpf_ntohs(((__be16 *)header)[1]);
	outer->protocol = header[9];
	outer->key.version = 4;
	outer->key.source[0] = words[3];
	outer->key.destination[0] = words[4];
	return 0;
}

static __always_inline int is_extension(__u8 protocol)
{
	return protocol == IP_PROTOCOL_HOP_BY_HOP || protocol == IP_PROTOCOL_ROUTING || protocol == IP_PROTOCOL_DESTINATION;
}

static __always_inline int read_ipv6(struct outer *outer)
{
	__u8 *header = at(outer, outer->ip_off, WIRE_IPV6_LEN);

	if (!header)
		return -1;
	outer->odd = header[0] >> 4 != 6;
	outer->len = WIRE_IPV6_LEN + bpf_ntohs(((__be16 *)header)[2]);
	outer->protocol = header[6];
	outer->off = outer->ip_off + WIRE_IPV6_LEN;
	outer->key.version = 6;
	__builtin_memcpy(outer->key.source, header + 8, sizeof outer->key.source);
	__builtin_memcpy(outer->key.destination, header + 24, sizeof outer->key.destination);
	for (int i = 0; i < IPV6_EXTENSIONS_MAX && is_extension(outer->protocol); i++) {
		header = at(outer, outer->off, 2);
		if (!header)
			return -1;
		outer->protocol = header[0];
		outer->off += (header[1] + 1) * 8;
	}
	return 0;
}

/* Reads the IP header of a whole packet: 4, 6, or 0 if it is none of ours to read. */
static __always_inline int read_ip(struct outer *outer)
{
	const int version = find_ip(outer);

	if (!version || (version == 4 ? read_ipv4(outer, FRAGMENTS_NOT) : read_ipv6(outer)))
		return 0;
	return version;
}

/* GRE of a kind that is wanted; also what is too short to tell, so that it is counted and not answered. */
static __always_inline int is_wanted_gre(struct outer *outer)
{
	__be16 *words = at(outer, outer->off, 4);

	if (!words)
		return 1;
	outer->gre_flags = bpf_ntohs(words[0]);
	outer->word = words[1];
	if (outer->word == bpf_htons(GRE_PROTOCOL_ETHERNET))
		return wanted_kinds >> FARSPAN_GRE & 1;
	if (outer->word == bpf_htons(GRE_PROTOCOL_ERSPAN2) || outer->word == bpf_htons(GRE_PROTOCOL_ERSPAN3))
		return (wanted_kinds & (1u << FARSPAN_ERSPAN1 | 1u << FARSPAN_ERSPAN2 | 1u << FARSPAN_ERSPAN3)) != 0;
	return 0;
}

/* The kind is FARSPAN_NONE if only user space can tell. */
static __always_inline int is_wanted_udp(struct outer *outer)
{
	__be16 *words = at(outer, outer->off, WIRE_UDP_LEN);

	if (!words)
		words = at(outer, outer->off, 4);
	if (!words)
		return 0;
	for (__u32 i = 0; i < UDP_PORTS_MAX && i < udp_port_count; i++) {
		if (words[1] != udp_ports[i])
			continue;
		outer->key.kind = udp_kinds[i];
		outer->key.port = words[1];
		return 1;
	}
	return 0;
}

/* 0 unless the packet is of a kind that is wanted. */
static __always_inline int is_wanted(struct outer *outer)
{
	if (outer->protocol == IP_PROTOCOL_GRE)
		return is_wanted_gre(outer);
	return outer->protocol == IP_PROTOCOL_UDP && is_wanted_udp(outer);
}

static __always_inline int same_address(const __u32 *a, const volatile __u32 *b)
{
	return a[0] == b[0] && a[1] == b[1] && a[2] == b[2] && a[3] == b[3];
}

/* Whether a packet whose key is known is for this collector. */
static __always_inline int is_in_scope(const struct outer *outer)
{
	if (!scope.narrow)
		return 1;
	if (!(wanted_kinds >> outer->key.kind & 1) || (!scope.any_id && scope.id != outer->key.id))
		return 0;
	return scope.from_anyone || same_address(outer->key.source, scope.source);
}

/* ---- plain packets: each step returns 0 if it is one so far ---- */

static __always_inline int read_erspan(struct outer *outer)
{
	__u32 *words = at(outer, outer->off, WIRE_ERSPAN2_LEN), first, third;

	if (!words)
		return -1;
	first = bpf_ntohl(words[0]);
	outer->words[0] = first;
	outer->words[1] = bpf_ntohl(words[1]);
	outer->key.id = first & 0x3ff;
	outer->truncated = first >> 10 & 1;
	outer->off += WIRE_ERSPAN2_LEN;
	if (first >> 28 == ERSPAN2_VERSION) {
		outer->key.kind = FARSPAN_ERSPAN2;
		return 0;
	}
	words = at(outer, outer->off, 4);
	if (!words || first >> 28 != ERSPAN3_VERSION)
		return -1;
	third = bpf_ntohl(words[0]);
	outer->words[2] = third;
	outer->key.kind = FARSPAN_ERSPAN3;
	outer->key.hwid = third >> 4 & 0x3f;
	outer->transmitted = third >> 3 & 1;
	outer->off += WIRE_ERSPAN3_LEN - WIRE_ERSPAN2_LEN + (third & 1 ? WIRE_PLATF_LEN : 0);
	return (third >> 10 & 0x1f) != ERSPAN_FT_ETHERNET;
}

/* Without checksum, routing or another version. */
static __always_inline int read_gre(struct outer *outer)
{
	const __u32 flags = outer->gre_flags;
	__u32 *word;

	if (flags & 0xc007)
		return -1;
	outer->off += WIRE_GRE_LEN;
	if (flags & 0x2000) {
		word = at(outer, outer->off, sizeof *word);
		if (!word)
			return -1;
		outer->key.id = bpf_ntohl(*word);
		outer->key.has_key = 1;
		outer->off += WIRE_GRE_OPTION_LEN;
	}
	if (flags & 0x1000) {
		word = at(outer, outer->off, sizeof *word);
		if (!word)
			return -1;
		outer->sequence = bpf_ntohl(*word);
		outer->has_sequence = 1;
		outer->off += WIRE_GRE_OPTION_LEN;
	}
	if (outer->word == bpf_htons(GRE_PROTOCOL_ETHERNET)) {
		outer->key.kind = FARSPAN_GRE;
		return 0;
	}
	outer->key.has_key = 0;
	outer->key.id = 0;
	if (outer->word == bpf_htons(GRE_PROTOCOL_ERSPAN2) && !outer->has_sequence) {
		outer->key.kind = FARSPAN_ERSPAN1;
		return 0;
	}
	return read_erspan(outer);
}

static __always_inline int read_udp(struct outer *outer)
{
	__be16 *udp = at(outer, outer->off, WIRE_UDP_LEN + WIRE_VXLAN_LEN);
	__u32 first;

	if (!udp || bpf_ntohs(udp[2]) != outer->len - (outer->off - outer->ip_off))
		return -1;
	first = bpf_ntohl(((__u32 *)udp)[2]);
	outer->key.id = bpf_ntohl(((__u32 *)udp)[3]) >> 8;
	outer->off += WIRE_UDP_LEN + WIRE_VXLAN_LEN;
	if (outer->key.kind == FARSPAN_VXLAN)
		return !(first >> 27 & 1);
	if (outer->key.kind != FARSPAN_GENEVE || first >> 30 != GENEVE_VERSION || (first & 0xffff) != GRE_PROTOCOL_ETHERNET)
		return -1;
	outer->off += (first >> 24 & 0x3f) * 4;
	return 0;
}

static __always_inline int is_tunnel_port(__be16 port)
{
	for (__u32 i = 0; i < UDP_PORTS_MAX && i < udp_port_count; i++)
		if (port == udp_ports[i])
			return 1;
	return port == bpf_htons(4789) || port == bpf_htons(6081) || port == bpf_htons(37008);
}

/* Behind an inner IP header. A fragment's bytes may look like a port; then user space has one packet more to judge, no more. */
static __always_inline int is_nested(struct outer *outer, __u32 off, __u8 protocol)
{
	__be16 *ports;

	if (protocol == IP_PROTOCOL_GRE)
		return 1;
	if (protocol != IP_PROTOCOL_UDP)
		return 0;
	ports = at(outer, off, 4);
	return !ports || is_tunnel_port(ports[1]);
}

/* The mirrored frame is an Ethernet frame without a tunnel in it, of which user space would have to count the depth. */
static __always_inline int read_inner(struct outer *outer)
{
	__u32 off = outer->off + WIRE_ETHERNET_LEN;
	__u8 *ip;
	__be16 *type;

	if (outer->off - outer->ip_off + WIRE_ETHERNET_LEN > outer->len)
		return -1;
	for (int tags = 0; tags <= INNER_TAGS_MAX; tags++) {
		type = at(outer, off - sizeof *type, sizeof *type);
		if (!type)
			return -1;
		if (*type != bpf_htons(ETHERTYPE_VLAN) && *type != bpf_htons(ETHERTYPE_SERVICE_VLAN) &&
		    *type != bpf_htons(ETHERTYPE_OLD_VLAN))
			break;
		if (tags == INNER_TAGS_MAX)
			return -1;
		off += WIRE_TAG_LEN;
	}
	if (*type != bpf_htons(ETHERTYPE_IPV4) && *type != bpf_htons(ETHERTYPE_IPV6))
		return 0;
	ip = at(outer, off, WIRE_IPV4_LEN);
	if (!ip)
		return -1;
	if (*type == bpf_htons(ETHERTYPE_IPV4))
		return is_nested(outer, off + (ip[0] & 15) * 4, ip[9]);
	if (is_extension(ip[6]) || ip[6] == IP_PROTOCOL_FRAGMENT)
		return -1;
	return is_nested(outer, off + WIRE_IPV6_LEN, ip[6]);
}

/*
 * To be called when is_wanted() said yes. 0: the key is a session's, and off that of the mirrored frame; 1: the same, but the frame is odd;
 * -1: neither.
 */
static __always_inline int read_plain(struct outer *outer)
{
	if (outer->odd || outer->len > outer->present)
		return -1;
	if (outer->protocol == IP_PROTOCOL_GRE ? read_gre(outer) : read_udp(outer))
		return -1;
	return read_inner(outer) ? 1 : 0;
}

#endif
