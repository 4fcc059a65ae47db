/* SPDX-License-Identifier: BSD-2-Clause */
/* The HTTP server on a Unix socket and, for metrics and the page alone, on a TCP address. Hides libmicrohttpd and who may do what. */
#ifndef API_SERVER_H
#define API_SERVER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct api_request {
	const char *method; /* "GET", "PUT", ... */
	const char *path;   /* decoded, without the query */
	const char *body;   /* with a NUL behind it */
	size_t body_len;
};

struct api_response {
	unsigned int status;
	const char *type; /* static */
	char allow[64];   /* methods that there are, of a path asked for by another; empty: nothing is said of them */
	char *body;       /* malloc()ed; NULL: none */
	bool stream;      /* the body is a line, and what api_server_tell() has to say follows */
};

/* Answers a request that its sender may make. */
typedef void (*api_handler)(void *context, const struct api_request *request, struct api_response *response);

struct api_config {
	const char *socket;   /* path; what is in the way of it there is removed */
	int passed;           /* a socket that listens already, and is somebody else's to remove; -1: none */
	const char *group;    /* whose members may change things, besides root; NULL: none */
	bool others_may_read; /* everybody else may GET */
	const char *metrics;  /* "ADDRESS:PORT" where anybody may GET /metrics, and nothing else but perhaps the page; NULL: nowhere */
	bool page;            /* the page, /, there too */
	api_handler handle;
	void *context;
};

struct api_server;

/* *server is the caller's, to be closed. */
int api_server_open(struct api_server **server, const struct api_config *config, struct error *error);
void api_server_close(struct api_server *server);

/* Becomes readable when api_server_run() has something to do, which is to be called every second besides. */
int api_server_fd(const struct api_server *server);
void api_server_run(struct api_server *server);

/* A line, with its '\n', for all who were answered with a stream; and whether anybody was. */
void api_server_tell(struct api_server *server, const char *line);
bool api_server_is_followed(const struct api_server *server);

#endif
