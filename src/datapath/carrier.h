/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a relay's programs are told besides the frames: the rules, and what was received around each frame. Hides the maps, and that their
 * elements are used in turn.
 */
#ifndef DATAPATH_CARRIER_H
#define DATAPATH_CARRIER_H

#include <stdbool.h>

#include "base/error.h"
#include "bpf/abi.h"

struct carrier;

/* With these rules, up to MATCH_RULES_MAX. *carrier is the caller's, to be closed. */
int carrier_open(struct carrier **carrier, const struct match_rule *rules, unsigned int count, struct error *error);
void carrier_close(struct carrier *carrier);

/* Descriptors of the maps "carried" and "match_rules". */
int carrier_carried(const struct carrier *carrier);
int carrier_rules(const struct carrier *carrier);

/* Keeps what was received around a frame that is about to be put on the private interface; the mark that it needs there. */
__u32 carrier_put(struct carrier *carrier, const struct carried *received, bool cut);

#endif
