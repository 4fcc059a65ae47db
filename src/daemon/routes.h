/* SPDX-License-Identifier: BSD-2-Clause */
/* What the daemon answers to each request: docs/openapi.json describes it. */
#ifndef DAEMON_ROUTES_H
#define DAEMON_ROUTES_H

#include "api/server.h"

/* An api_handler; context is the struct runner. */
void routes_handle(void *context, const struct api_request *request, struct api_response *response);

#endif
