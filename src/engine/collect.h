/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The collector: outer packets in, mirrored frames out, every packet accounted for. Hides decoding, reassembly, matching against the
 * sources, the table of sessions and what the recording says about each frame. Where packets come from is the caller's business.
 */
#ifndef ENGINE_COLLECT_H
#define ENGINE_COLLECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <farspan.h>

#include "base/error.h"
#include "datapath/collector_times.h"
#include "model/endpoint.h"
#include "record/capture.h"
#include "record/listener.h"
#include "record/reassembly.h"
#include "record/recording.h"
#include "record/sequence.h"
#include "record/source_time.h"

/*
 * Every counter of a collector, in outer packets: X(name, class, text). Each packet ends in exactly one; a reassembled packet in that of
 * the fragment which completed it, its other fragments in "reassembled". So at any time
 *
 *   received = written + unrecorded + buffered + all merged + all refused + all dropped + pending
 *
 * where buffered waits to be written and pending are fragments that wait for others; both are 0 after collect_finish(). The reasons of
 * farspan_decode() follow as further counters of the class refused, at COLLECT_REASONS + reason.
 */
#define COLLECT_COUNTERS(X)                                                                          \
	X(received, received, "packets given to the collector")                                      \
	X(written, written, "mirrored frames in the file")                                           \
	X(unrecorded, written, "mirrored frames accepted when no recording was asked for")           \
	X(marker, merged, "packets by which senders tell the time")                                  \
	X(reassembled, merged, "fragments that became part of another packet")                       \
	X(not_tunnel, refused, "no tunnel")                                                          \
	X(not_wanted_type, refused, "a tunnel of a type that is not collected")                      \
	X(wrong_destination, refused, "sent to another address")                                     \
	X(sender_not_allowed, refused, "from a sender that is not allowed")                          \
	X(session_not_wanted, refused, "of a session that is not collected")                         \
	X(index_not_wanted, refused, "of an Index that is not collected, or without one")            \
	X(hwid_not_wanted, refused, "of a hardware id that is not collected, or without one")        \
	X(direction_not_wanted, refused, "of the direction that is not collected, or without one")   \
	X(vlan_not_wanted, refused, "of a VLAN that is not collected")                               \
	X(sequence_missing, refused, "without a sequence number where such are demanded")            \
	X(sequence_old, refused, "numbered no higher than what came before, where that is demanded") \
	X(link_type, refused, "of a link type that is not read")                                     \
	X(frame_type, refused, "what Type III says it carries is neither Ethernet nor IP")           \
	X(fragment_duplicate, refused, "fragments that brought nothing new")                         \
	X(fragment_overlap, refused, "fragments of packets refused because two fragments disagree")  \
	X(fragment_bad, refused, "fragments with an impossible offset or length")                    \
	X(fragment_cut, refused, "fragments whose end was not captured")                             \
	X(fragment_incomplete, refused, "fragments of packets of which others did not come in time") \
	X(fragment_evicted, refused, "fragments of incomplete packets that made room for others")    \
	X(session_table_full, dropped, "of one session too many")                                    \
	X(write_error, dropped, "could not be written")                                              \
	X(pipe_full, dropped, "not taken in time by the reader of the pipe")                         \
	X(receive_buffer, dropped, "lost by the kernel because the collector was too slow")

enum collect_counter {
#define COLLECT_ENUM(name, class, text) COLLECT_##name,
	COLLECT_COUNTERS(COLLECT_ENUM)
#undef COLLECT_ENUM
	COLLECT_REASONS,
	COLLECT_COUNTER_COUNT = COLLECT_REASONS + FARSPAN_REASON_COUNT,
};

enum collect_class {
	COLLECT_CLASS_received,
	COLLECT_CLASS_written,
	COLLECT_CLASS_merged,
	COLLECT_CLASS_refused,
	COLLECT_CLASS_dropped
};

/* A row of the table, reasons included: its name, class and English text. The row of "ok" is never counted. */
const char *collect_counter_name(enum collect_counter counter);
enum collect_class collect_counter_class(enum collect_counter counter);
const char *collect_counter_text(enum collect_counter counter);

/* Where frames go. All zero: nowhere. */
struct collect_output {
	/* What is recorded and how; path NULL: nothing. sessions, interfaces, describer and name_session are filled in here. */
	struct recording_config recording;
	/*
	 * Gets each accepted frame, valid during the call only; what has no Ethernet header gets one of zeros. cut: it is not whole. packet:
	 * what it came in, unless it was given to collect_plain(). NULL: nobody does.
	 */
	void (*deliver)(void *context, const void *frame, size_t len, bool cut, const struct farspan_packet *packet);
	void *deliver_context;
	unsigned int inner; /* what is undone in the frames: enum farspan_inner_part */
};

enum {
	COLLECT_OUTPUTS_MAX = 32
};

/* What a recording says about time. */
enum collect_time {
	COLLECT_TIME_ONE,     /* when the packet was received */
	COLLECT_TIME_RECEIVE, /* the same, and in a comment when the frame was seen */
	COLLECT_TIME_SOURCE,  /* when the frame was seen, as far as that is known, and in a comment when the packet was received */
};

/* 0 in a member: its default. */
struct collect_config {
	const struct endpoint *sources; /* what to take, of ENDPOINT_SOURCE; copied */
	unsigned int source_count;      /* 0: everything from anyone */
	unsigned int sessions_max;      /* default 4096 */
	struct reassembly_config reassembly;
	/*
	 * The first output gets every frame, the others those of the sources that name them by the index in source_outputs (NULL: all 0). A
	 * frame is recorded once: if the first output records, it is there.
	 */
	const struct collect_output *outputs;
	unsigned int output_count; /* 0: none, and up to COLLECT_OUTPUTS_MAX */
	const unsigned int *source_outputs;
	const char *listen; /* "[ADDRESS:]PORT": pcap-over-IP there; NULL: none */
	enum collect_time time;
};

/* One sender's session. */
struct collect_session {
	enum farspan_kind kind;
	struct address sender;
	struct address destination;
	bool has_id;        /* not Type I, nor GRE without a key */
	uint32_t id;        /* session, VNI or key */
	uint8_t hwid;       /* Type III */
	char name[128];     /* of its interface in the recording: "erspan2 10.0.0.1 id 100" */
	uint64_t serial;    /* no two have the same, ended ones included; 0: there is none here */
	uint64_t namesake;  /* 1: none had the name before; else tells it from those in names of files */
	uint64_t packets;   /* accepted, whether or not the write succeeded */
	uint64_t bytes;     /* of mirrored frames in them, as they came */
	uint64_t truncated; /* packets with T set */
	uint64_t rx, tx;    /* packets of Type III, whose frame the switch received or sent */
	uint64_t cleaned;   /* packets whose frame was put right as the output's inner asks */
	uint64_t first_ns, last_ns;
	struct sequence sequence; /* all zero if the sender does not number */
	unsigned int counter;     /* index of what else may be numbered with it */
	uint64_t aged_packets;    /* packets when it was last looked whether it is silent, */
	uint64_t active_ns;       /* and the latest such time at which there were new ones */
	bool ending;
	struct source_time time; /* Type III */
};

/* Sessions of one sender that may share one counter for their numbers. */
struct collect_counter_group {
	unsigned int sessions;      /* that are in the table; 0: the group is free */
	struct sequence_loss ended; /* of those that were, taken one by one */
	struct address sender;
	struct address destination;
	bool gre; /* without ERSPAN, which other devices send */
	struct sequence_group numbers;
};

enum {
	COLLECT_REFUSED_MAX = 64
};

/* A sender of packets that no source takes. */
struct collect_refused {
	struct address sender;
	enum collect_counter counter; /* of the latest packet */
	uint64_t packets;             /* 0: nobody is here */
	uint64_t weight;
};

/* A few of them, above all those that send most: there may be any number. */
struct collect_refusals {
	struct collect_refused rows[COLLECT_REFUSED_MAX];
	uint64_t others; /* packets of those that are not among them */
};

/* What sessions that made room for others had counted. */
struct collect_ended {
	uint64_t sessions;
	uint64_t packets, bytes, truncated, cleaned;
	struct sequence_loss loss; /* without those of counters that sessions still count with */
};

struct collect_summary {
	uint64_t counters[COLLECT_COUNTER_COUNT];
	uint64_t buffered; /* packets not yet written */
	uint64_t pending;  /* fragments that wait for others */
	unsigned int sessions;
	unsigned int places; /* below which collect_session_at() has them */
	unsigned int counter_groups;
	struct collect_ended ended;
	/* Sums over the sessions, also those that have ended; of those that share a counter, what is of that. */
	uint64_t packets, bytes, truncated, cleaned;
	struct sequence_loss loss;
	bool asked_adapter; /* for times, and then: */
	struct collector_times times;
};

enum {
	COLLECT_SESSION_IDLE_S = 300, /* silent for so long it may have to make room, if there is hardly any */
	COLLECT_ENDING_MAX = 64,      /* sessions that end at a time */
};

struct collect;

/* Takes all the memory it will ever need. 0, or -errno. */
int collect_open(const struct collect_config *config, struct collect **collect, struct error *error);

/*
 * Takes one outer packet, of which captured bytes are at data. time_ns since 1970. 1: accepted, a frame was handed to the recording; 0:
 * refused, dropped or a fragment that waits, and counted as such; -errno: the recording failed, as collect_failed() says, and this packet,
 * which was acceptable, is counted as write_error.
 */
int collect_packet(struct collect *collect, uint64_t time_ns, enum farspan_link link, const void *data, size_t captured);

/*
 * What the kernel may take over of a session, now that collect_packet() has accepted a packet of it; valid until the next one. False: its
 * other packets have to be looked at too.
 */
struct collect_lesson {
	unsigned int session; /* as for collect_session_at() */
	uint16_t udp_dst;     /* 0: none */
	bool recorded;        /* somebody wants the frames besides those that they are delivered to */
	void *deliver;        /* the deliver_context of the only output that delivers; NULL: there is none, or several */
};
bool collect_learn(const struct collect *collect, struct collect_lesson *lesson);

/*
 * Takes a packet of such a session: where the frame is was seen by others. Only what is not of Type III, and whole; else use
 * collect_packet(). As that one's result.
 */
struct collect_plain {
	unsigned int session;
	uint64_t time_ns;
	const void *frame;
	size_t len;
	bool has_sequence;
	uint32_t sequence;
	bool delivered;
};
int collect_plain(struct collect *collect, const struct collect_plain *plain);

/* Whether the frames of the next packets have been delivered already. */
void collect_delivered(struct collect *collect, bool delivered);

/* What the kernel delivered of a session without telling about each packet. */
struct collect_direct {
	uint64_t packets, bytes, truncated;
	uint64_t transmitted;       /* Type III: those whose frame the switch sent */
	uint64_t first_ns, last_ns; /* since 1970 */
};
void collect_direct(struct collect *collect, unsigned int session, const struct collect_direct *more);

/* What such a packet of Type III began with, received at time_ns since 1970: for the clock of its sender. */
void collect_clock(struct collect *collect, unsigned int session, uint64_t time_ns, const void *data, size_t len);

/* Sequence numbers that such packets had: count of them from first on. */
void collect_numbers(struct collect *collect, unsigned int session, uint32_t first, uint64_t count);

/* The same for a packet of a capture file. */
int collect_captured(struct collect *collect, const struct capture_packet *packet);

/* Counts packets that were lost before the collector could see them, as received and receive_buffer. */
void collect_missed(struct collect *collect, uint64_t packets);

/* Whose clock the times of all packets so far were of, if network cards are asked. */
void collect_set_times(struct collect *collect, const struct collector_times *times);

/* Whether a packet of this time would come after the last file that was asked for. */
bool collect_ended(const struct collect *collect, uint64_t time_ns);

/* Writes what is buffered. 0, or -errno. */
int collect_flush(struct collect *collect, struct error *error);

/* Hands over what readers of the recording take. To be called every few milliseconds. 0, or -errno as collect_failed(). */
int collect_pump(struct collect *collect, struct error *error);

/* To be called about every second; time_ns since 1970. */
void collect_tick(struct collect *collect, uint64_t time_ns);

/*
 * Ends sessions that have been silent for COLLECT_SESSION_IDLE_S, those for longest first, but only as many as are missing for a 64th of
 * the table to be free: those that the last call chose, as collect_ending() says, and of which no packet has come since. What they have
 * counted stays in all sums. To be called about every second; now_ns is of any clock that runs evenly.
 */
void collect_age(struct collect *collect, uint64_t now_ns);

/* The sessions that the next collect_age() may end; the kernel is to know nothing of them until then. Returns how many. */
unsigned int collect_ending(const struct collect *collect, unsigned int sessions[COLLECT_ENDING_MAX]);

/* Where clients can connect: "127.0.0.1:57012"; NULL: nowhere. And what they got, all 0 then. */
const char *collect_listening(const struct collect *collect);
void collect_count_clients(const struct collect *collect, struct listener_counts *counts);

/* The directories in which files are created while it runs; returns how many, up to COLLECT_OUTPUTS_MAX. */
unsigned int collect_directories(const struct collect *collect, int directories[COLLECT_OUTPUTS_MAX]);

/* The recordings, from 0 on, with the path as configured; false: there is none with this index. */
bool collect_recording_at(const struct collect *collect, unsigned int index, const char **path, struct recording_counts *counts);

/* A line about a recording for the user, as recording_news(). */
const char *collect_news(struct collect *collect);

/* What cannot be recorded now, as recording_trouble(). */
const char *collect_trouble(const struct collect *collect);

/* Gives up what is pending, completes the recording. Nothing may be added after it. 0, or -errno: something could not be recorded. */
int collect_finish(struct collect *collect, struct error *error);

/* 0, or -errno: nothing can be recorded any more, and then *error (may be NULL) says why. */
int collect_failed(const struct collect *collect, struct error *error);

/* The counters as they are now; exact, and the sums hold, after every packet. */
void collect_summarize(const struct collect *collect, struct collect_summary *summary);

/* The session with this index, below summary.places, in order of appearance unless some have ended. NULL: there is none, but there was. */
const struct collect_session *collect_session_at(const struct collect *collect, unsigned int index);

/* The group with this index, below summary.counter_groups. If it is shared, gaps and loss of its sessions are none, but its own are. */
const struct collect_counter_group *collect_counter_group_at(const struct collect *collect, unsigned int index);

/* Whether the session's numbers are those of a counter that others share. */
bool collect_session_shares(const struct collect *collect, const struct collect_session *session);

/* Packets that sources did not take; together as many as the counters from not_wanted_type to sequence_missing. */
const struct collect_refusals *collect_refusals(const struct collect *collect);

/* NULL is allowed. Does not flush. */
void collect_close(struct collect *collect);

#endif
