/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parts of the collector share: matching in collect_match.c, sessions and their recording in collect_session.c. */
#ifndef ENGINE_COLLECT_PARTS_H
#define ENGINE_COLLECT_PARTS_H

#include "engine/collect.h"
#include "record/section.h"

/* ---- sources ---- */

struct collect_sources {
	struct endpoint *endpoints; /* at least one */
	unsigned int count;
};

/* Copies the sources; none means one that takes everything. 0 or -ENOMEM. */
int collect_sources_copy(struct collect_sources *sources, const struct endpoint *endpoints, unsigned int count);

/* What the sources take packets to this UDP port for: the first that names it says so. FARSPAN_NONE if none does. */
enum farspan_kind collect_sources_udp_kind(const struct collect_sources *sources, uint16_t port);

/*
 * COLLECT_received if some source takes the packet, else the counter it is refused under: of the first thing that does not match, in the
 * source that matches furthest. Of several that take it *source is the most specific, by: length of the prefix that has the sender; local
 * address; session, one before several; number of other fields; one type before any; the first. A fragment is looked at as far as its IP
 * header goes.
 */
enum collect_counter collect_match(const struct collect_sources *sources, const struct farspan_packet *packet, unsigned int *source);

/* Whether the packet, which is no tunnel, goes to the marker port of a source that takes its sender. */
bool collect_match_marker(const struct collect_sources *sources, const struct farspan_packet *packet);

struct address collect_sender(const struct farspan_packet *packet);

/* Of the mirrored frame's outermost tag, else as the ERSPAN header says; 0: none. */
uint16_t collect_frame_vlan(const struct farspan_packet *packet);

/* Notes a refused packet; takes no memory. */
void collect_refusals_add(struct collect_refusals *refusals, const struct address *sender, enum collect_counter counter);

/* ---- sessions ---- */

struct collect_sessions;

struct collect_sessions *collect_sessions_new(unsigned int max, enum collect_time time);
void collect_sessions_free(struct collect_sessions *sessions);
/* How many there are; and below which index. */
unsigned int collect_sessions_count(const struct collect_sessions *sessions);
unsigned int collect_sessions_places(const struct collect_sessions *sessions);
/* NULL: there is none with this index. */
const struct collect_session *collect_sessions_at(const struct collect_sessions *sessions, unsigned int index);

unsigned int collect_sessions_groups(const struct collect_sessions *sessions);
const struct collect_counter_group *collect_sessions_group(const struct collect_sessions *sessions, unsigned int index);

const struct collect_ended *collect_sessions_ended(const struct collect_sessions *sessions);

/* Chooses what is to end, see collect_age(); those chosen before are to be gone or kept by then. */
void collect_sessions_choose(struct collect_sessions *sessions, uint64_t now_ns);
unsigned int collect_sessions_ending(const struct collect_sessions *sessions, unsigned int indexes[COLLECT_ENDING_MAX]);

/* Whether a packet has come since it was chosen: then it is kept. */
bool collect_sessions_keep(struct collect_sessions *sessions, unsigned int index);

/* Takes it out of the table. */
void collect_sessions_end(struct collect_sessions *sessions, unsigned int index);

/* The sender's last word on its clock, said at time_ns. */
void collect_sessions_mark(struct collect_sessions *sessions, const struct address *sender, const struct source_marker *marker,
			   uint64_t time_ns);

/* A decoded packet that was accepted, and where its bytes are. */
struct collect_frame {
	const struct farspan_packet *packet;
	const void *data; /* what packet's offsets count from */
	uint64_t time_ns;
	size_t missing; /* bytes of the outer packet that were not captured */
	/* The mirrored frame, as it is to be handed on. */
	const void *inner;
	size_t inner_len;
	bool in_order; /* what is late, or came before, is refused */
	bool cleaned;  /* it differs from the one that was sent */
};

/* Puts right what the bits of enum farspan_inner_part ask for; fills inner, inner_len and cleaned. buffer has room for any frame. */
void collect_frame_clean(struct collect_frame *frame, unsigned int what, uint8_t *buffer);

enum {
	COLLECT_FRAME_MAX = 65536 + FARSPAN_INNER_HEADER_MAX,
};

/* Whether the recording has a link type for what the packet carries. */
bool collect_frame_is_known(const struct farspan_packet *packet);

/* A session has an interface in the recording for each kind of frame that it was seen to carry. */
enum collect_carried {
	COLLECT_ETHERNET,
	COLLECT_IP,
	COLLECT_CARRIED_COUNT
};

/*
 * Accounts the frame to its session, which is made if it is new. *packet is what to record of it, with pointers into the frame and, until
 * the next call, into sessions; on the interface *id: COLLECT_CARRIED_COUNT * the session's index + carried. COLLECT_received, or what
 * it is refused under: there are too many sessions, and nothing was done; or its number is too old, and only that was noted.
 */
enum collect_counter collect_sessions_add(struct collect_sessions *sessions, const struct collect_frame *frame, unsigned int *id,
					  struct pcapng_packet *packet);

/* The same for a plain packet of the session, of Ethernet. */
void collect_sessions_add_plain(struct collect_sessions *sessions, const struct collect_plain *plain, struct pcapng_packet *packet);

/* Accounts packets that nobody here has seen, and sequence numbers of such. */
void collect_sessions_add_direct(struct collect_sessions *sessions, unsigned int index, const struct collect_direct *more);
void collect_sessions_add_numbers(struct collect_sessions *sessions, unsigned int index, uint32_t first, uint64_t count);

/* Follows the clock of the session's sender by a packet of it that is accounted otherwise. */
void collect_sessions_follow(struct collect_sessions *sessions, unsigned int index, const struct farspan_packet *packet, uint64_t time_ns);

/* What a recording says about an interface; a section_describer. */
void collect_sessions_describe(void *sessions, unsigned int id, struct section_about *about);

/* What the session is called in file names: no two are called the same. */
void collect_sessions_name(void *sessions, unsigned int index, char *text, size_t size);

#endif
