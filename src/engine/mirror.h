/* SPDX-License-Identifier: BSD-2-Clause */
/* A running mirror: takes one interface to one destination and follows the routes there. Joins model and datapath. */
#ifndef ENGINE_MIRROR_H
#define ENGINE_MIRROR_H

#include <net/if.h>

#include "base/error.h"
#include "bpf/abi.h"
#include "datapath/attach.h"
#include "model/endpoint.h"

struct mirror_config {
	char interface[IFNAMSIZ];
	bool directions[DIRECTIONS];
	struct endpoint destination;
	uint64_t count; /* copies to send; 0: no limit */
	enum attach_way way;
};

struct mirror;

/* Starts to mirror. Whatever fails, nothing is left behind. *mirror is the caller's, to be closed. */
int mirror_open(struct mirror **mirror, const struct mirror_config *config, struct error *error);
void mirror_close(struct mirror *mirror);

/* Becomes readable when links or routes changed: call mirror_follow() then. */
int mirror_fd(const struct mirror *mirror);

/* Brings next hop, path MTU and local address up to date, and the programs' clock. To be called every few seconds besides. */
void mirror_follow(struct mirror *mirror);

/* Ends copying and settles the counters. */
void mirror_stop(struct mirror *mirror);

int mirror_counters(struct mirror *mirror, enum direction direction, struct counters *counters, struct error *error);

/* What the copies wait for ("no route to 10.9.0.2"), or an empty text while they are sent. */
const char *mirror_waits_for(const struct mirror *mirror);

/* "erspan2 10.9.0.1 -> 10.9.0.2 via eth1, frames up to 1464 bytes, tcx" */
const char *mirror_path_text(const struct mirror *mirror);

#endif
