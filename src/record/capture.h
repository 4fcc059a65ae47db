/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads capture files: pcap and pcapng of either byte order, also compressed with zstd, from a file or a pipe. Hides formats, time units,
 * interfaces and the link headers that stand for an Ethernet header; trusts no length in the file.
 */
#ifndef RECORD_CAPTURE_H
#define RECORD_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <farspan.h>

#include "base/error.h"

/* The longest packet taken, as in libpcap; longer ones are an error of the file. */
enum {
	CAPTURE_PACKET_MAX = 262144,
	CAPTURE_LINK_NAME_MAX = 24,
};

/* What data of a packet starts with. */
enum capture_link {
	CAPTURE_ETHERNET,
	CAPTURE_IP,      /* an IP header; link_len bytes of another link header were in front of it */
	CAPTURE_NOT_IP,  /* the link header is known, and announces something other than IP: no tunnel */
	CAPTURE_SHORT,   /* the link header is cut */
	CAPTURE_UNKNOWN, /* a link type that is not read: see link_type */
};

struct capture_packet {
	uint64_t time_ns; /* since 1970; 0 in blocks that have no time */
	const uint8_t *data;
	size_t captured; /* bytes at data */
	size_t original; /* bytes the packet had on the wire, without the link_len bytes; never less than captured */
	size_t link_len; /* bytes between the start of the packet in the file and data */
	enum capture_link link;
	uint16_t link_type; /* LINKTYPE_ number in the file */
};

struct capture;

/*
 * Opens path, "-" for the standard input, and reads as far as needed to know the format. 0, or -errno with *error naming the file and what
 * is wrong. *capture is the caller's, for capture_close().
 */
int capture_open(const char *path, struct capture **capture, struct error *error);

/*
 * The next packet: 1 with *packet filled, whose data is valid until the next call; 0 at the end; -errno with *error naming file and offset
 * if the file goes on with something impossible (EBADMSG), was cut (ENODATA; all whole packets were given before), or cannot be read.
 */
int capture_next(struct capture *capture, struct capture_packet *packet, struct error *error);

/* From now on a read that waits for the writer of a pipe is given up (ECANCELED) when this descriptor is readable. */
void capture_set_stop(struct capture *capture, int fd);

/* Whether capture_next() may have to wait for a writer: it is no regular file. */
bool capture_may_wait(const struct capture *capture);

/* "LINUX_SLL", as the registry of link types has it; "link type 147" for those that are not read. */
const char *capture_link_type_name(uint16_t link_type, char name[CAPTURE_LINK_NAME_MAX]);

/* Closes the file; NULL is allowed. */
void capture_close(struct capture *capture);

/* The enum farspan_link of a packet whose link is CAPTURE_ETHERNET or CAPTURE_IP. */
static inline enum farspan_link capture_decode_link(const struct capture_packet *packet)
{
	return packet->link == CAPTURE_ETHERNET ? FARSPAN_LINK_ETHERNET : FARSPAN_LINK_IP;
}

#endif
