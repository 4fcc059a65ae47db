/* SPDX-License-Identifier: BSD-2-Clause */
/* IP addresses and prefixes of either family, and their text. */
#ifndef MODEL_ADDRESS_H
#define MODEL_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
	ADDRESS_TEXT_MAX = 64
};

/* family 4 or 6; 0: none, or any. IPv4 takes the first 4 bytes, the others are 0. */
struct address {
	uint8_t family;
	uint8_t bytes[16];
};

struct prefix {
	struct address address;
	uint8_t length; /* bits */
};

/* Reads a numeric address; 0 or -EINVAL. Nothing is looked up in the DNS: a mirror must start without it. */
int address_parse(const char *text, struct address *address);

/* Reads ADDRESS or ADDRESS/LENGTH; bits behind the length must be 0. 0 or -EINVAL. */
int prefix_parse(const char *text, struct prefix *prefix);

bool address_is_multicast(const struct address *address);
bool address_is_unspecified(const struct address *address); /* 0.0.0.0 or :: */
bool address_is_link_local(const struct address *address);  /* fe80::/10 or ff02::/16: another host, or group, on each link */
bool address_equal(const struct address *a, const struct address *b);
bool prefix_contains(const struct prefix *prefix, const struct address *address);

/* As the calls of sockets want it; its length is returned. */
socklen_t address_sockaddr(const struct address *address, uint16_t port, struct sockaddr_storage *to);

/* The usual text, in buffer, which is returned. */
const char *address_text(const struct address *address, char buffer[ADDRESS_TEXT_MAX]);

#endif
