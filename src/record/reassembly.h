/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Outer IP fragments into whole packets, in fixed memory. Hides storage, age and the strictness against overlaps.
 *
 * Strict: a fragment must bring only bytes that were not there, or only bytes that were there with the same values (a duplicate, ignored).
 * Anything else, and any disagreement about where the packet ends, refuses the whole packet, with what still comes of it.
 */
#ifndef RECORD_REASSEMBLY_H
#define RECORD_REASSEMBLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <farspan.h>

/*
 * What became of a fragment: X(name, text). Each fragment given to reassembly_add() ends in exactly one of these, and "complete" has one
 * per whole packet:
 *
 *   fragments given = complete + merged + duplicate + overlap + bad + cut + incomplete + evicted + pending
 */
#define REASSEMBLY_FATES(X)                                                        \
	X(complete, "fragments that completed a packet")                           \
	X(merged, "the other fragments of completed packets")                      \
	X(duplicate, "fragments that brought nothing new")                         \
	X(overlap, "fragments of packets refused because two fragments disagree")  \
	X(bad, "fragments with an impossible offset or length")                    \
	X(cut, "fragments whose end was not captured")                             \
	X(incomplete, "fragments of packets of which others did not come in time") \
	X(evicted, "fragments of incomplete packets that made room for later ones")

enum reassembly_fate {
#define REASSEMBLY_ENUM(name, text) REASSEMBLY_##name,
	REASSEMBLY_FATES(REASSEMBLY_ENUM)
#undef REASSEMBLY_ENUM
	REASSEMBLY_FATE_COUNT,
};

enum reassembly_result {
	REASSEMBLY_HELD,     /* kept until the others come */
	REASSEMBLY_WHOLE,    /* completed a packet */
	REASSEMBLY_IGNORED,  /* a duplicate */
	REASSEMBLY_REFUSED,  /* overlap */
	REASSEMBLY_UNUSABLE, /* bad */
	REASSEMBLY_CUT,      /* cut */
};

/* 0 in a member: its default. */
struct reassembly_config {
	size_t memory;       /* bytes of payload held at most; default 4 MiB, at least 64 KiB */
	uint64_t age_max_ns; /* of a packet's first fragment to arrive, by packet time; default 30 s */
};

struct reassembly;

/* All memory is taken here. NULL: no memory. */
struct reassembly *reassembly_new(const struct reassembly_config *config);
void reassembly_free(struct reassembly *reassembly);

/* Whether a packet that farspan_decode() refused as a fragment can be of a tunnel: GRE, UDP, or IPv6 options in front of one. */
bool reassembly_worthwhile(const struct farspan_packet *packet);

/*
 * Takes one fragment: the bytes that were given to farspan_decode(), and *packet as it filled it. In case of REASSEMBLY_WHOLE *whole is the
 * packet, for FARSPAN_LINK_IP, valid until the next call: the IP header of the first fragment with its options but without IPv6 extension
 * headers, lengths and checksum made right.
 */
enum reassembly_result reassembly_add(struct reassembly *reassembly, uint64_t time_ns, const void *data,
				      const struct farspan_packet *packet, const void **whole, size_t *len);

/* Gives up all packets that are not complete: pending becomes 0. */
void reassembly_flush(struct reassembly *reassembly);

/* Fragments that met this fate so far, and fragments held. */
uint64_t reassembly_count(const struct reassembly *reassembly, enum reassembly_fate fate);
uint64_t reassembly_pending(const struct reassembly *reassembly);

#endif
