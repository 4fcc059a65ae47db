/* SPDX-License-Identifier: BSD-2-Clause */
#include "model/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int address_parse(const char *text, struct address *address)
{
	memset(address, 0, sizeof *address);
	if (inet_pton(AF_INET, text, address->bytes) == 1) {
		address->family = 4;
		return 0;
	}
	memset(address, 0, sizeof *address);
	if (inet_pton(AF_INET6, text, address->bytes) == 1) {
		address->family = 6;
		return 0;
	}
	return -EINVAL;
}

static unsigned int family_bits(const struct address *address)
{
	return address->family == 4 ? 32 : 128;
}

/* The first length bits of a are those of b. */
static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned int length)
{
	unsigned int whole = length / 8, rest = length % 8;

	if (memcmp(a, b, whole) != 0)
		return false;
	return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

static bool host_bits_clear(const struct prefix *prefix)
{
	for (unsigned int bit = prefix->length; bit < family_bits(&prefix->address); bit++)
		if (prefix->address.bytes[bit / 8] & 0x80 >> bit % 8)
			return false;
	return true;
}

int prefix_parse(const char *text, struct prefix *prefix)
{
	char address[ADDRESS_TEXT_MAX];
	const char *slash = strchr(text, '/');
	size_t address_len = slash ? (size_t)(slash - text) : strlen(text);
	char *end;
	unsigned long length;

	if (address_len >= sizeof address)
		return -EINVAL;
	memcpy(address, text, address_len);
	address[address_len] = '\0';
	if (address_parse(address, &prefix->address))
		return -EINVAL;
	prefix->length = (uint8_t)family_bits(&prefix->address);
	if (!slash)
		return 0;
	if (slash[1] < '0' || slash[1] > '9')
		return -EINVAL;
	length = strtoul(slash + 1, &end, 10);
	if (*end || length > prefix->length)
		return -EINVAL;
	prefix->length = (uint8_t)length;
	return host_bits_clear(prefix) ? 0 : -EINVAL;
}

bool address_is_multicast(const struct address *address)
{
	return address->family == 4 ? address->bytes[0] >> 4 == 14 : address->family == 6 && address->bytes[0] == 0xff;
}

bool address_is_unspecified(const struct address *address)
{
	static const uint8_t zeros[sizeof address->bytes];

	return address->family && memcmp(address->bytes, zeros, sizeof zeros) == 0;
}

bool address_is_link_local(const struct address *address)
{
	const uint8_t *bytes = address->bytes;

	return address->family == 6 && ((bytes[0] == 0xfe && bytes[1] >> 6 == 2) || (bytes[0] == 0xff && (bytes[1] & 0x0f) == 2));
}

bool address_equal(const struct address *a, const struct address *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

bool prefix_contains(const struct prefix *prefix, const struct address *address)
{
	return prefix->address.family == address->family && same_bits(prefix->address.bytes, address->bytes, prefix->length);
}

const char *address_text(const struct address *address, char buffer[ADDRESS_TEXT_MAX])
{
	if (!address->family)
		snprintf(buffer, ADDRESS_TEXT_MAX, "any");
	else
		inet_ntop(address->family == 4 ? AF_INET : AF_INET6, address->bytes, buffer, ADDRESS_TEXT_MAX);
	return buffer;
}

socklen_t address_sockaddr(const struct address *address, uint16_t port, struct sockaddr_storage *to)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)to;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)to;

	memset(to, 0, sizeof *to);
	if (address->family == 4) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		memcpy(&v4->sin_addr, address->bytes, sizeof v4->sin_addr);
		return sizeof *v4;
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	memcpy(&v6->sin6_addr, address->bytes, sizeof v6->sin6_addr);
	return sizeof *v6;
}
