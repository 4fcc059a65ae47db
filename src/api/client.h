/* SPDX-License-Identifier: BSD-2-Clause */
/* Asking the daemon. Hides libcurl and the form of errors. */
#ifndef API_CLIENT_H
#define API_CLIENT_H

#include <jansson.h>

#include "base/error.h"

#define API_SOCKET "/run/farspan/farspan.sock"

/*
 * Sends a request to the daemon behind a socket; body may be NULL, and stays the caller's. *answer, if wanted, is a new reference, or
 * NULL; it is there after an error too. 0, or -errno with what the daemon says is wrong.
 */
int api_call(const char *socket, const char *method, const char *path, const json_t *body, json_t **answer, struct error *error);

#endif
