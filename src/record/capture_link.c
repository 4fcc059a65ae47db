/* SPDX-License-Identifier: BSD-2-Clause */
/* Link types: which of them start with Ethernet, with IP, or with a header in front of IP that only says so. */
#include <stddef.h>
#include <stdio.h>

#include "record/capture_format.h"
#include "wire/fields.h"

enum link_form {
	LINK_ETHERNET,
	LINK_IP,
	LINK_FAMILY,
	LINK_COOKED
};

struct link_row {
	uint16_t link_type; /* LINKTYPE_ numbers, with the DLT_ numbers of RAW that some programs write instead */
	enum link_form form;
	uint8_t len;
	uint8_t protocol_off; /* LINK_COOKED: of the EtherType */
	const char *name;
};

static const struct link_row links[] = {
	{1, LINK_ETHERNET, 0, 0, "ETHERNET"},
	{101, LINK_IP, 0, 0, "RAW"},
	{12, LINK_IP, 0, 0, "RAW"}, /* DLT_RAW */
	{14, LINK_IP, 0, 0, "RAW"}, /* DLT_RAW of OpenBSD */
	{228, LINK_IP, 0, 0, "IPV4"},
	{229, LINK_IP, 0, 0, "IPV6"},
	{0, LINK_FAMILY, 4, 0, "NULL"},
	{108, LINK_FAMILY, 4, 0, "LOOP"},
	{113, LINK_COOKED, 16, 14, "LINUX_SLL"},
	{276, LINK_COOKED, 20, 0, "LINUX_SLL2"},
};

/* The address family of NULL is in the byte order of the machine that captured, and its number for IPv6 in the words of that system. */
static enum capture_link family_link(struct reader *reader)
{
	uint32_t family = reader_u32(reader);

	if (family > 0xffff)
		family = __builtin_bswap32(family);
	switch (family) {
	case 2:  /* everywhere */
	case 10: /* Linux */
	case 24: /* NetBSD, OpenBSD */
	case 28: /* FreeBSD */
	case 30: /* Darwin */
		return CAPTURE_IP;
	default:
		return CAPTURE_NOT_IP;
	}
}

/* Reads the header and the VLAN tags behind it, which cooked captures keep there. */
static enum capture_link cooked_link(struct reader *reader, const struct link_row *row)
{
	struct reader header = *reader;
	uint16_t protocol;

	reader_skip(&header, row->protocol_off);
	protocol = reader_u16(&header);
	reader_skip(reader, row->len);
	for (unsigned int tags = 0; protocol == ETHERTYPE_VLAN || protocol == ETHERTYPE_SERVICE_VLAN; tags++) {
		if (tags == FARSPAN_OUTER_TAGS_MAX)
			break;
		reader_skip(reader, 2);
		protocol = reader_u16(reader);
	}
	return protocol == ETHERTYPE_IPV4 || protocol == ETHERTYPE_IPV6 ? CAPTURE_IP : CAPTURE_NOT_IP;
}

static const struct link_row *find_link(uint16_t link_type)
{
	for (size_t i = 0; i < sizeof links / sizeof links[0]; i++)
		if (links[i].link_type == link_type)
			return &links[i];
	return NULL;
}

const char *capture_link_type_name(uint16_t link_type, char name[CAPTURE_LINK_NAME_MAX])
{
	const struct link_row *row = find_link(link_type);

	if (row)
		snprintf(name, CAPTURE_LINK_NAME_MAX, "%s", row->name);
	else
		snprintf(name, CAPTURE_LINK_NAME_MAX, "link type %u", link_type);
	return name;
}

void capture_set_link(struct capture_packet *packet, uint16_t link_type, const uint8_t *data, size_t captured, size_t original)
{
	const struct link_row *row = find_link(link_type);
	struct reader reader = reader_of(data, captured);

	packet->link_type = link_type;
	if (!row)
		packet->link = CAPTURE_UNKNOWN;
	else if (row->form == LINK_ETHERNET)
		packet->link = CAPTURE_ETHERNET;
	else if (row->form == LINK_IP)
		packet->link = CAPTURE_IP;
	else
		packet->link = row->form == LINK_FAMILY ? family_link(&reader) : cooked_link(&reader, row);
	if (reader.failed)
		packet->link = CAPTURE_SHORT;
	packet->link_len = packet->link == CAPTURE_IP ? reader.off : 0;
	packet->data = data + packet->link_len;
	packet->captured = captured - packet->link_len;
	packet->original = (original < captured ? captured : original) - packet->link_len;
}
