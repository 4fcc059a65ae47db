/* SPDX-License-Identifier: BSD-2-Clause */
/* Endpoints, where a session takes frames from and where it sends them, and their text: type:address,key=value,... */
#ifndef MODEL_ENDPOINT_H
#define MODEL_ENDPOINT_H

#include <net/if.h>
#include <stdio.h>

#include <farspan.h>

#include "base/error.h"
#include "model/address.h"

enum endpoint_side {
	ENDPOINT_DESTINATION,
	ENDPOINT_SOURCE
};

enum {
	ENDPOINT_REMOTES_MAX = 16
};

/* One bit per enum farspan_kind. */
#define KIND_BIT(kind) (1u << (kind))
#define KINDS_ERSPAN   (KIND_BIT(FARSPAN_ERSPAN1) | KIND_BIT(FARSPAN_ERSPAN2) | KIND_BIT(FARSPAN_ERSPAN3))
#define KINDS_ALL      (KINDS_ERSPAN | KIND_BIT(FARSPAN_GRE) | KIND_BIT(FARSPAN_VXLAN))

/* Keys, as bits of endpoint.given. */
enum endpoint_key {
#define KEY(name, ...) ENDPOINT_KEY_##name,
#include "model/keys.def"
#undef KEY
	ENDPOINT_KEY_COUNT,
};

/*
 * A tunnel endpoint. address is the collector of a destination, and the local address (family 0: any) of a source. A field counts only if
 * its key is in given; the others hold the defaults.
 */
struct endpoint {
	unsigned int kinds; /* KIND_BIT()s: exactly one for a destination */
	struct address address;
	unsigned int given;
	uint32_t session;
	uint32_t index;
	uint32_t hwid;
	uint32_t sgt;
	uint32_t granularity; /* as in the Gra field */
	uint32_t vni;
	uint32_t port;
	uint32_t key;
	uint32_t ttl;
	uint32_t tos;
	struct address local;
	char dev[IFNAMSIZ];
	struct prefix remotes[ENDPOINT_REMOTES_MAX];
	unsigned int remote_count;
};

static inline bool endpoint_has(const struct endpoint *endpoint, enum endpoint_key key)
{
	return endpoint->given & 1u << key;
}

/* The kind of a destination. */
enum farspan_kind endpoint_kind(const struct endpoint *endpoint);

/* Reads text as an endpoint of that side. 0 or -EINVAL with the key, its value and what is allowed in *error. */
int endpoint_parse(const char *text, enum endpoint_side side, struct endpoint *endpoint, struct error *error);

/* Every packet of the formats, from anyone: what "farspan collect" takes when it is told nothing. */
void endpoint_any_source(struct endpoint *endpoint);

/* Writes the table of types and keys of that side, as --help shows it. */
void endpoint_print_help(FILE *out, enum endpoint_side side);

#endif
