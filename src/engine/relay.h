/* SPDX-License-Identifier: BSD-2-Clause */
/* The rules of a relay as its programs want them. Hides that a destination which gets frames as another type is one of its own. */
#ifndef ENGINE_RELAY_H
#define ENGINE_RELAY_H

#include <farspan.h>

#include "bpf/abi.h"
#include "model/session.h"

/* Whether a relay with these destinations, rules or hook has to know what was received around each frame. */
bool relay_carries(const struct session *session);

/*
 * The rules of session->matches; destinations that they need besides are added behind its own. A last rule gives what
 * no other takes to its own ones. 0, or -EINVAL.
 */
int relay_rules(struct session *session, struct match_rule rules[MATCH_RULES_MAX], unsigned int *count, struct error *error);

/* What the programs are told of a packet that user space hands on. */
void relay_describe(const struct farspan_packet *packet, struct carried *carried);

#endif
