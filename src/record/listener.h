/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pcap-over-IP: the recording for whoever connects by TCP, from then on. Hides clients: each gets a section of its own, a slow one loses
 * frames, none is waited for.
 */
#ifndef RECORD_LISTENER_H
#define RECORD_LISTENER_H

#include <stdint.h>

#include "base/error.h"
#include "record/section.h"

enum {
	LISTENER_CLIENTS_MAX = 8 /* at a time */
};

struct listener_counts {
	uint64_t clients; /* that have ever been served */
	uint64_t refused; /* connections that were one too many */
	/* Frames, each counted for each client that was there when it came. */
	uint64_t offered;
	uint64_t sent;
	uint64_t dropped; /* the client was too slow, or left before it got them */
};

struct listener;

/*
 * Listens on "[ADDRESS:]PORT", without an address on 127.0.0.1, port 0 being any. ids of interfaces are below interfaces. Nothing is
 * resolved. 0, or -errno.
 */
int listener_open(struct listener **listener, const char *address, unsigned int interfaces, const struct section_describer *describer,
		  struct error *error);
void listener_close(struct listener *listener);

/* A frame for every client. */
void listener_add(struct listener *listener, unsigned int id, const struct pcapng_packet *packet);

/* No more frames will come with this id but those of another interface. */
void listener_end_interface(struct listener *listener, unsigned int id);

/* Takes new clients and hands over what the clients take. To be called every few milliseconds. */
void listener_pump(struct listener *listener);

/* The statistics for every client, and the end. */
void listener_finish(struct listener *listener);

/* sent + dropped = offered once it is finished. */
void listener_count(const struct listener *listener, struct listener_counts *counts);

/* "127.0.0.1:57012" */
const char *listener_text(const struct listener *listener);

#endif
