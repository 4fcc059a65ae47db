/* SPDX-License-Identifier: BSD-2-Clause */
/* The [Tunnel] of a session, a tunnel device: hides that its keys are words of "farspan tunnel add", and how those are kept. */
#ifndef MODEL_SESSION_TUNNEL_H
#define MODEL_SESSION_TUNNEL_H

#include "model/session_text.h"
#include "model/tunnel.h"

/* Takes the section; every error is in *errors. */
void session_tunnel_build(const struct text_section *section, enum key_names names, struct session *session, struct error_list *errors);

/* Calls visit with each key as it is written; 0, or the first other thing that visit returned. */
int session_tunnel_each(const struct session *session, enum key_names names,
			int (*visit)(void *context, const char *name, const char *value, enum endpoint_value kind), void *context);

/* The tunnel of a session that has one. */
int session_tunnel_parse(const struct session *session, struct tunnel *tunnel, struct error *error);

#endif
