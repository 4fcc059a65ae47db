/* SPDX-License-Identifier: BSD-2-Clause */
/* A tunnel device as wanted: what is sent to it goes to the other end in a tunnel, what comes out of the tunnel arrives on it. */
#ifndef MODEL_TUNNEL_H
#define MODEL_TUNNEL_H

#include <net/if.h>
#include <stdbool.h>

#include "base/error.h"
#include "model/endpoint.h"

struct tunnel {
	char name[IFNAMSIZ];
	char type[16];
	bool sends;          /* there is a known other end */
	struct endpoint out; /* what sends: how */
	struct endpoint in;  /* what is received */
	bool monitor;        /* what arrives is for listeners only */
	unsigned int mtu;    /* bytes; 0: what fits the way to the other end */
};

enum {
	TUNNEL_MTU_MIN = 68,
	TUNNEL_MTU_MAX = 65535,
};

/*
 * Reads a tunnel from words as for ip-link(8): "type erspan2 local 10.9.0.1 remote 10.9.0.2 id 100 ttl 64 ...". Keys are those of
 * endpoints; besides them type, remote, mtu, and monitor, of which the value may be left out. 0, or -EINVAL with what is wrong and allowed
 * in *error.
 */
int tunnel_parse(const char *name, int count, char *const *words, struct tunnel *tunnel, struct error *error);

/* Reads an MTU, in bytes. 0, or -EINVAL with what is allowed of the key of that name. */
int tunnel_parse_mtu(const char *key, const char *text, unsigned int *mtu, struct error *error);

#endif
