/* SPDX-License-Identifier: BSD-2-Clause */
/* Endpoints, where a session takes frames from and where it sends them, and their text: type:address,key=value,... */
#ifndef MODEL_ENDPOINT_H
#define MODEL_ENDPOINT_H

#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>

#include <farspan.h>

#include "base/error.h"
#include "model/address.h"
#include "model/ranges.h"

enum endpoint_side {
	ENDPOINT_DESTINATION,
	ENDPOINT_SOURCE
};

enum {
	ENDPOINT_REMOTES_MAX = 16,
	NETNS_TEXT_MAX = 256, /* a name of ip-netns(8), a process id, or a path */
};

/* What becomes of a frame that is too long for the path. */
enum mtu_policy {
	MTU_TRUNCATE,
	MTU_FRAGMENT, /* the outer packet goes in several */
	MTU_DROP,
};

/* One bit per enum farspan_kind, and for destinations that are none of them. */
#define KIND_BIT(kind) (1u << (kind))
#define KIND_INTERFACE KIND_BIT(FARSPAN_KINDS)
#define KIND_VLAN      KIND_BIT(FARSPAN_KINDS + 1)
#define KIND_MATCH     KIND_BIT(FARSPAN_KINDS + 2) /* a half of a rule, see match.h */
#define KINDS_ERSPAN   (KIND_BIT(FARSPAN_ERSPAN1) | KIND_BIT(FARSPAN_ERSPAN2) | KIND_BIT(FARSPAN_ERSPAN3))
#define KINDS_UDP      (KIND_BIT(FARSPAN_VXLAN) | KIND_BIT(FARSPAN_GENEVE) | KIND_BIT(FARSPAN_TZSP))
#define KINDS_ALL      (KINDS_ERSPAN | KIND_BIT(FARSPAN_GRE) | KINDS_UDP)

/* Values of side, as in Type III's bit D. */
enum endpoint_direction {
	ENDPOINT_RX,
	ENDPOINT_TX
};

/* Keys, as bits of endpoint.given. */
enum endpoint_key {
#define KEY(ident, ...) ENDPOINT_KEY_##ident,
#include "model/keys.def"
#undef KEY
	ENDPOINT_KEY_COUNT,
};

/*
 * address is the collector of a destination, and the local address (family 0: any) of a source. Destinations that are an interface, or a
 * VLAN on one, have its name in dev instead. A field counts only if its key is in given; the others hold the defaults.
 */
struct endpoint {
	unsigned int kinds; /* KIND_BIT()s: exactly one for a destination */
	struct address address;
	uint64_t given;
	uint32_t session;
	uint32_t index;
	uint32_t hwid;
	uint32_t sgt;
	uint32_t granularity; /* as in the Gra field */
	uint32_t platform;    /* as in the Platf ID field; 0: no subheader */
	uint32_t port_id;
	uint32_t switch_id;
	uint32_t domain_id;
	uint32_t sequence;
	uint32_t vni;
	uint32_t port; /* 0: the registered one of each kind */
	uint32_t key;
	uint32_t checksum;
	enum mtu_policy mtu_policy;
	uint32_t df;
	uint32_t mark;
	uint32_t ttl;
	uint32_t tos;
	bool inherit_tos;
	uint32_t flow_label;
	uint32_t encap_limit; /* 1 + the number; 0: none */
	uint32_t vlan_id;
	uint32_t tpid;
	uint32_t priority;
	struct address local;
	char dev[IFNAMSIZ];
	char vrf[IFNAMSIZ];
	char netns[NETNS_TEXT_MAX]; /* of the interface; empty: ours */
	/* Of sources only, each any unless given. */
	struct prefix remotes[ENDPOINT_REMOTES_MAX];
	unsigned int remote_count;
	uint32_t in_order;
	struct number_set ids; /* session numbers, VNIs or keys, as the type has them */
	struct number_set indexes;
	struct number_set hwids;
	struct number_set vlans;
	uint32_t side;   /* enum endpoint_direction */
	uint32_t marker; /* UDP port; 0: none */
	/* Of relays and the rules of such. */
	uint32_t keep; /* bits of enum relay_field: what copies have as it was received */
	uint32_t cos, vlan;
	struct number_set coses, sgts;
	uint32_t to; /* bits of destinations */
};

static inline bool endpoint_has(const struct endpoint *endpoint, enum endpoint_key key)
{
	return endpoint->given >> key & 1;
}

/* Whether a destination is a tunnel, not an interface or VLAN. */
static inline bool endpoint_is_tunnel(const struct endpoint *endpoint)
{
	return endpoint->kinds & KINDS_ALL;
}

/* The kind of a destination that is a tunnel. */
enum farspan_kind endpoint_kind(const struct endpoint *endpoint);

/* The name of a destination's type, as on the command line. */
const char *endpoint_type_name(const struct endpoint *endpoint);

/* Reads text as an endpoint of that side. 0 or -EINVAL with the key, its value and what is allowed in *error. */
int endpoint_parse(const char *text, enum endpoint_side side, struct endpoint *endpoint, struct error *error);

/* Whether an endpoint of that type and side has a key; NULL and unknown names: no. */
bool endpoint_takes(const char *type, enum endpoint_side side, const char *key);

/*
 * Endpoints key by key, for files and JSON. Key number ENDPOINT_KEY_COUNT is the one without a row: the address of a tunnel's other end
 * (destination) or of this one (source), or the interface.
 */
enum key_names {
	KEY_NAMES_SHORT, /* of the command line and JSON */
	KEY_NAMES_FILE
};

/* How JSON writes a value. */
enum endpoint_value {
	ENDPOINT_VALUE_TEXT,
	ENDPOINT_VALUE_NUMBER,
	ENDPOINT_VALUE_FLAG
};

/* Begins an endpoint of a type, with the defaults of its keys; -EINVAL with the types there are. */
int endpoint_begin(const char *type_name, enum endpoint_side side, struct endpoint *endpoint, struct error *error);

/* Gives it a key. -ENOENT, without a text, if its type has none of that name; -EINVAL with what is allowed. */
int endpoint_take(struct endpoint *endpoint, enum endpoint_side side, enum key_names names, const char *key, const char *value,
		  struct error *error);

/* Gives it key i, as endpoint_key_name() counts them, whether its type has that or not; errors call it name. */
int endpoint_take_key(struct endpoint *endpoint, enum endpoint_side side, unsigned int i, const char *name, const char *value,
		      struct error *error);

/* Whether it says where it is; a source may be anywhere. */
bool endpoint_has_place(const struct endpoint *endpoint, enum endpoint_side side);

/* Whether the kernel takes it for the name of an interface. */
bool endpoint_is_interface_name(const char *text);

/* What no single key can say: 0 or -EINVAL. */
int endpoint_check(const struct endpoint *endpoint, enum endpoint_side side, enum key_names names, struct error *error);

/* The name of key i, up to ENDPOINT_KEY_COUNT included; NULL if the kinds have no such key on that side. */
const char *endpoint_key_name(unsigned int kinds, enum endpoint_side side, enum key_names names, unsigned int i);

/* Writes the value of key i as endpoint_take() reads it; false, and nothing, if it was not given. */
bool endpoint_print_key(const struct endpoint *endpoint, unsigned int i, FILE *out);
enum endpoint_value endpoint_key_value(unsigned int i);

/* The i-th type of a side; NULL behind the last. */
const char *endpoint_type_at(unsigned int i, enum endpoint_side side);

/* Every packet of the formats, from anyone: what "farspan collect" takes when it is told nothing. */
void endpoint_any_source(struct endpoint *endpoint);

/* Writes the table of types and keys of that side, as --help shows it. */
void endpoint_print_help(FILE *out, enum endpoint_side side);

#endif
