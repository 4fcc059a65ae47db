/* SPDX-License-Identifier: BSD-2-Clause */
/* Asking the daemon. Hides HTTP and the form of errors. */
#ifndef API_CLIENT_H
#define API_CLIENT_H

#include <jansson.h>

#include "base/error.h"

#define API_SOCKET "/run/farspan/farspan.sock"

/*
 * Sends a request to the daemon behind a socket, which is a path; body, an object or array, may be NULL, and stays the caller's. *answer,
 * if wanted, is a new reference, or NULL; it is there after an error of the daemon's too. 0, or -errno with what is wrong.
 */
int api_call(const char *socket_path, const char *method, const char *path, const json_t *body, json_t **answer, struct error *error);

#endif
