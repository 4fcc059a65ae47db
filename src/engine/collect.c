/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/collect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/collect_parts.h"
#include "wire/headers.h"

enum {
	SESSIONS_DEFAULT = 4096
};

struct output {
	struct recording *recording; /* NULL: none */
	void (*deliver)(void *context, const void *frame, size_t len, bool cut, const struct farspan_packet *packet);
	void *deliver_context;
	unsigned int inner;
};

struct collect {
	struct collect_sources sources;
	struct collect_sessions *sessions;
	unsigned int sessions_max;
	struct reassembly *reassembly;
	struct output outputs[COLLECT_OUTPUTS_MAX];        /* the first one has what is for all frames */
	struct recording *recordings[COLLECT_OUTPUTS_MAX]; /* those of the outputs */
	const char *paths[COLLECT_OUTPUTS_MAX];            /* theirs; the caller's */
	unsigned int recording_count;
	unsigned int *source_outputs;
	struct listener *listener; /* NULL: none */
	uint8_t frame[COLLECT_FRAME_MAX];
	bool asked_adapter;
	struct collector_times times;
	bool by_session;               /* no source looks at more of a packet than what its session is */
	bool delivered;                /* what comes next is where it is to be delivered */
	unsigned int *session_sources; /* of each session, the source that took its latest packet */
	struct collect_lesson lesson;  /* of the latest packet */
	bool has_lesson;
	struct collect_refusals refusals;
	uint64_t counters[COLLECT_COUNTER_COUNT]; /* without those that reassembly and recording keep */
};

struct counter_row {
	const char *name;
	enum collect_class class;
	const char *text;
};

static const struct counter_row counter_rows[] = {
#define COLLECT_ROW(name, class, text) {#name, COLLECT_CLASS_##class, text},
	COLLECT_COUNTERS(COLLECT_ROW)
#undef COLLECT_ROW
};

/* The counters that are fates of fragments. Completed packets are counted by what becomes of them. */
static const enum collect_counter fate_counters[REASSEMBLY_FATE_COUNT] = {
	[REASSEMBLY_merged] = COLLECT_reassembled,       [REASSEMBLY_duplicate] = COLLECT_fragment_duplicate,
	[REASSEMBLY_overlap] = COLLECT_fragment_overlap, [REASSEMBLY_bad] = COLLECT_fragment_bad,
	[REASSEMBLY_cut] = COLLECT_fragment_cut,         [REASSEMBLY_incomplete] = COLLECT_fragment_incomplete,
	[REASSEMBLY_evicted] = COLLECT_fragment_evicted,
};

const char *collect_counter_name(enum collect_counter counter)
{
	if (counter < COLLECT_REASONS)
		return counter_rows[counter].name;
	return farspan_reason_name((enum farspan_reason)(counter - COLLECT_REASONS));
}

enum collect_class collect_counter_class(enum collect_counter counter)
{
	return counter < COLLECT_REASONS ? counter_rows[counter].class : COLLECT_CLASS_refused;
}

const char *collect_counter_text(enum collect_counter counter)
{
	if (counter < COLLECT_REASONS)
		return counter_rows[counter].text;
	return farspan_reason_text((enum farspan_reason)(counter - COLLECT_REASONS));
}

static int open_output(struct collect *collect, struct output *output, const struct collect_output *config, struct error *error)
{
	const struct section_describer describer = {collect_sessions_describe, collect->sessions};
	struct recording_config recording = config->recording;
	int rc;

	output->deliver = config->deliver;
	output->deliver_context = config->deliver_context;
	output->inner = config->inner;
	if (!recording.path)
		return 0;
	recording.sessions = collect->sessions_max;
	recording.interfaces = COLLECT_CARRIED_COUNT;
	recording.describer = describer;
	recording.name_session = collect_sessions_name;
	rc = recording_open(&recording, &output->recording, error);
	if (rc)
		return rc;
	collect->paths[collect->recording_count] = recording.path;
	collect->recordings[collect->recording_count++] = output->recording;
	return 0;
}

static int open_outputs(struct collect *collect, const struct collect_config *config, struct error *error)
{
	const struct section_describer describer = {collect_sessions_describe, collect->sessions};
	int rc = 0;

	if (config->output_count > COLLECT_OUTPUTS_MAX)
		return fail(error, EINVAL, "at most %d outputs are possible", COLLECT_OUTPUTS_MAX);
	if (config->listen)
		rc = listener_open(&collect->listener, config->listen, collect->sessions_max * COLLECT_CARRIED_COUNT, &describer, error);
	for (unsigned int i = 0; i < config->output_count && !rc; i++)
		rc = open_output(collect, &collect->outputs[i], &config->outputs[i], error);
	return rc;
}

/* Others tell packets of one session apart, or look at each number before the frame is handed on. */
static bool go_by_session(const struct collect_sources *sources)
{
	for (unsigned int i = 0; i < sources->count; i++) {
		const struct endpoint *source = &sources->endpoints[i];

		if (source->indexes.count || source->vlans.count || source->in_order || endpoint_has(source, ENDPOINT_KEY_side))
			return false;
	}
	return true;
}

static int prepare(struct collect *collect, const struct collect_config *config, struct error *error)
{
	collect->sessions_max = config->sessions_max ? config->sessions_max : SESSIONS_DEFAULT;
	collect->sessions = collect_sessions_new(collect->sessions_max, config->time);
	collect->reassembly = reassembly_new(&config->reassembly);
	collect->source_outputs = calloc(config->source_count + 1, sizeof *collect->source_outputs);
	collect->session_sources = calloc(collect->sessions_max, sizeof *collect->session_sources);
	if (!collect->sessions || !collect->reassembly || !collect->source_outputs || !collect->session_sources ||
	    collect_sources_copy(&collect->sources, config->sources, config->source_count))
		return fail(error, ENOMEM, "no memory for the collector's tables");
	collect->by_session = go_by_session(&collect->sources);
	if (config->source_outputs)
		memcpy(collect->source_outputs, config->source_outputs, config->source_count * sizeof *collect->source_outputs);
	return open_outputs(collect, config, error);
}

int collect_open(const struct collect_config *config, struct collect **collect, struct error *error)
{
	struct collect *made = calloc(1, sizeof *made);
	int rc;

	if (!made)
		return fail(error, ENOMEM, "no memory for the collector");
	rc = prepare(made, config, error);
	if (rc)
		collect_close(made);
	else
		*collect = made;
	return rc;
}

void collect_close(struct collect *collect)
{
	if (!collect)
		return;
	for (unsigned int i = 0; i < collect->recording_count; i++)
		recording_close(collect->recordings[i]);
	listener_close(collect->listener);
	reassembly_free(collect->reassembly);
	collect_sessions_free(collect->sessions);
	free(collect->sources.endpoints);
	free(collect->source_outputs);
	free(collect->session_sources);
	free(collect);
}

static int refuse(struct collect *collect, enum collect_counter counter)
{
	collect->counters[counter]++;
	return 0;
}

/* No source takes it. */
static int refuse_sender(struct collect *collect, enum collect_counter counter, const struct farspan_packet *packet)
{
	const struct address sender = collect_sender(packet);

	collect_refusals_add(&collect->refusals, &sender, counter);
	return refuse(collect, counter);
}

/* As farspan_decode(), with every UDP port that a source names, as what the source says. */
static void decode(const struct collect *collect, enum farspan_link link, const void *data, size_t len, struct farspan_packet *packet)
{
	struct farspan_context context = {.link = link};
	enum farspan_kind kind;

	farspan_decode(&context, data, len, packet);
	if (packet->ip_protocol != IP_PROTOCOL_UDP)
		return;
	kind = collect_sources_udp_kind(&collect->sources, packet->udp_dst);
	if (kind == FARSPAN_NONE || packet->udp_dst == wire_udp_port(kind))
		return;
	if (kind == FARSPAN_VXLAN)
		context.vxlan_port = packet->udp_dst;
	else if (kind == FARSPAN_GENEVE)
		context.geneve_port = packet->udp_dst;
	else
		context.tzsp_port = packet->udp_dst;
	farspan_decode(&context, data, len, packet);
}

/* By the sender, or because of the outer packet only the start was captured. */
static bool is_cut(const struct collect_frame *frame)
{
	return frame->packet->truncated || frame->missing;
}

/* What has no Ethernet header gets one, of zeros, for the interfaces it is handed to. */
static void deliver_ip(struct collect *collect, const struct output *output, const struct collect_frame *frame)
{
	static const uint8_t no_addresses[WIRE_ETHERNET_LEN - 2];
	struct writer writer = writer_of(collect->frame, sizeof collect->frame);

	writer_bytes(&writer, no_addresses, sizeof no_addresses);
	writer_u16(&writer, frame->packet->inner_type);
	writer_bytes(&writer, frame->inner, frame->inner_len);
	output->deliver(output->deliver_context, collect->frame, WIRE_ETHERNET_LEN + frame->inner_len, is_cut(frame), frame->packet);
}

static void deliver(struct collect *collect, const struct output *output, const struct collect_frame *frame)
{
	if (!output->deliver || collect->delivered)
		return;
	if (frame->packet->has_inner_ethernet)
		output->deliver(output->deliver_context, frame->inner, frame->inner_len, is_cut(frame), frame->packet);
	else
		deliver_ip(collect, output, frame);
}

/* To all that want it; own is of the source that took it. */
static int hand_out(struct collect *collect, const struct output *own, const struct collect_frame *frame, unsigned int id,
		    const struct pcapng_packet *record)
{
	const struct output *all = &collect->outputs[0];
	struct recording *recording = all->recording ? all->recording : own->recording;
	int rc = 0;

	if (collect->listener)
		listener_add(collect->listener, id, record);
	if (recording)
		rc = recording_add(recording, id, record);
	else
		collect->counters[COLLECT_unrecorded]++;
	deliver(collect, all, frame);
	if (own != all)
		deliver(collect, own, frame);
	return rc ? rc : 1;
}

/* What is no tunnel may tell the time. */
static int take_marker(struct collect *collect, const struct collect_frame *frame)
{
	const struct farspan_packet *packet = frame->packet;
	const struct address sender = collect_sender(packet);
	struct reader reader = reader_of(frame->data, packet->ip_payload_off + packet->ip_payload_len);
	struct source_marker marker;
	size_t len;

	if (packet->ip_protocol != IP_PROTOCOL_UDP || !collect_match_marker(&collect->sources, packet))
		return refuse(collect, COLLECT_not_tunnel);
	reader_skip(&reader, packet->ip_payload_off + WIRE_UDP_LEN);
	len = reader_left(&reader);
	if (!source_marker_read(reader_take(&reader, len), len, &marker))
		return refuse(collect, COLLECT_not_tunnel);
	collect_sessions_mark(collect->sessions, &sender, &marker, frame->time_ns);
	return refuse(collect, COLLECT_marker);
}

/* Notes what the session's other packets have in common with this one. */
static void note_lesson(struct collect *collect, const struct collect_frame *frame, const struct output *own, unsigned int session)
{
	const struct output *all = &collect->outputs[0];
	const struct farspan_packet *packet = frame->packet;

	collect->has_lesson = collect->by_session && packet->has_inner_ethernet && !all->inner && !own->inner &&
			      !collect_sessions_at(collect->sessions, session)->ending;
	collect->lesson = (struct collect_lesson){
		.session = session,
		.udp_dst = packet->ip_protocol == IP_PROTOCOL_UDP ? packet->udp_dst : 0,
		.recorded = all->recording || own->recording || collect->listener,
	};
	if (!all->deliver || !own->deliver || own == all)
		collect->lesson.deliver = all->deliver ? all->deliver_context : own->deliver ? own->deliver_context : NULL;
	else
		collect->lesson.recorded = true;
}

static int take_whole(struct collect *collect, struct collect_frame *frame)
{
	const struct farspan_packet *packet = frame->packet;
	enum collect_counter match;
	const struct output *own;
	struct pcapng_packet record;
	unsigned int source, id;

	if (packet->reason != FARSPAN_OK)
		return refuse(collect, COLLECT_REASONS + (enum collect_counter)packet->reason);
	if (packet->kind == FARSPAN_NONE)
		return take_marker(collect, frame);
	match = collect_match(&collect->sources, packet, &source);
	if (match != COLLECT_received)
		return refuse_sender(collect, match, packet);
	if (!collect_frame_is_known(packet))
		return refuse(collect, COLLECT_frame_type);
	own = &collect->outputs[collect->source_outputs[source]];
	collect_frame_clean(frame, collect->outputs[0].inner | own->inner, collect->frame);
	frame->in_order = collect->sources.endpoints[source].in_order;
	match = collect_sessions_add(collect->sessions, frame, &id, &record);
	if (match != COLLECT_received)
		return refuse(collect, match);
	note_lesson(collect, frame, own, id / COLLECT_CARRIED_COUNT);
	collect->session_sources[id / COLLECT_CARRIED_COUNT] = source;
	return hand_out(collect, own, frame, id, &record);
}

/* What is not wanted takes no memory. */
static int take_fragment(struct collect *collect, const struct collect_frame *frame)
{
	struct collect_frame whole = {.time_ns = frame->time_ns};
	enum collect_counter match;
	struct farspan_packet packet;
	unsigned int source;
	size_t len;

	if (!reassembly_worthwhile(frame->packet))
		return refuse(collect, COLLECT_not_tunnel);
	match = collect_match(&collect->sources, frame->packet, &source);
	if (match != COLLECT_received)
		return refuse_sender(collect, match, frame->packet);
	if (reassembly_add(collect->reassembly, frame->time_ns, frame->data, frame->packet, &whole.data, &len) != REASSEMBLY_WHOLE)
		return 0;
	decode(collect, FARSPAN_LINK_IP, whole.data, len, &packet);
	whole.packet = &packet;
	return take_whole(collect, &whole);
}

/* How many bytes more the outer IP header promises than are there. */
static size_t missing_bytes(const struct farspan_packet *packet, const void *data, size_t captured)
{
	struct reader reader = reader_of(data, captured);
	struct ipv4_header ipv4 = {0};
	struct ipv6_header ipv6 = {0};
	size_t end;

	reader_skip(&reader, packet->ip_off);
	if (packet->ip_version == 4)
		ipv4_read(&reader, &ipv4);
	else
		ipv6_read(&reader, &ipv6);
	end = packet->ip_off + (packet->ip_version == 4 ? ipv4.total_length : WIRE_IPV6_LEN + ipv6.payload_length);
	return end > captured ? end - captured : 0;
}

int collect_packet(struct collect *collect, uint64_t time_ns, enum farspan_link link, const void *data, size_t captured)
{
	struct farspan_packet packet;
	struct collect_frame frame = {.packet = &packet, .data = data, .time_ns = time_ns};

	collect->counters[COLLECT_received]++;
	collect->has_lesson = false;
	decode(collect, link, data, captured, &packet);
	if (packet.reason == FARSPAN_REASON_fragment)
		return take_fragment(collect, &frame);
	if (packet.cut)
		frame.missing = missing_bytes(&packet, data, captured);
	return take_whole(collect, &frame);
}

bool collect_learn(const struct collect *collect, struct collect_lesson *lesson)
{
	*lesson = collect->lesson;
	return collect->has_lesson;
}

int collect_plain(struct collect *collect, const struct collect_plain *plain)
{
	static const struct farspan_packet ethernet = {.has_inner_ethernet = true};
	const struct output *own = &collect->outputs[collect->source_outputs[collect->session_sources[plain->session]]];
	struct collect_frame frame = {.packet = &ethernet, .time_ns = plain->time_ns, .inner = plain->frame, .inner_len = plain->len};
	struct pcapng_packet record;
	int rc;

	collect->counters[COLLECT_received]++;
	collect_sessions_add_plain(collect->sessions, plain, &record);
	collect->delivered = plain->delivered;
	rc = hand_out(collect, own, &frame, plain->session * COLLECT_CARRIED_COUNT, &record);
	collect->delivered = false;
	return rc;
}

void collect_delivered(struct collect *collect, bool delivered)
{
	collect->delivered = delivered;
}

void collect_direct(struct collect *collect, unsigned int session, const struct collect_direct *more)
{
	collect->counters[COLLECT_received] += more->packets;
	collect->counters[COLLECT_unrecorded] += more->packets;
	collect_sessions_add_direct(collect->sessions, session, more);
}

void collect_clock(struct collect *collect, unsigned int session, uint64_t time_ns, const void *data, size_t len)
{
	struct farspan_packet packet;

	decode(collect, FARSPAN_LINK_IP, data, len, &packet);
	if (packet.reason == FARSPAN_OK)
		collect_sessions_follow(collect->sessions, session, &packet, time_ns);
}

void collect_numbers(struct collect *collect, unsigned int session, uint32_t first, uint64_t count)
{
	collect_sessions_add_numbers(collect->sessions, session, first, count);
}

int collect_captured(struct collect *collect, const struct capture_packet *packet)
{
	switch (packet->link) {
	case CAPTURE_ETHERNET:
	case CAPTURE_IP:
		return collect_packet(collect, packet->time_ns, capture_decode_link(packet), packet->data, packet->captured);
	case CAPTURE_NOT_IP:
		collect->counters[COLLECT_received]++;
		return refuse(collect, COLLECT_not_tunnel);
	case CAPTURE_SHORT:
		collect->counters[COLLECT_received]++;
		return refuse(collect, COLLECT_REASONS + (enum collect_counter)FARSPAN_REASON_short_link);
	default:
		collect->counters[COLLECT_received]++;
		return refuse(collect, COLLECT_link_type);
	}
}

void collect_missed(struct collect *collect, uint64_t packets)
{
	collect->counters[COLLECT_received] += packets;
	collect->counters[COLLECT_receive_buffer] += packets;
}

void collect_set_times(struct collect *collect, const struct collector_times *times)
{
	collect->asked_adapter = true;
	collect->times = *times;
}

bool collect_ended(const struct collect *collect, uint64_t time_ns)
{
	for (unsigned int i = 0; i < collect->recording_count; i++)
		if (recording_ended(collect->recordings[i], time_ns))
			return true;
	return false;
}

int collect_pump(struct collect *collect, struct error *error)
{
	if (collect->listener)
		listener_pump(collect->listener);
	for (unsigned int i = 0; i < collect->recording_count; i++)
		recording_pump(collect->recordings[i]);
	return collect_failed(collect, error);
}

int collect_flush(struct collect *collect, struct error *error)
{
	int rc = collect_pump(collect, error);

	for (unsigned int i = 0; i < collect->recording_count; i++)
		if (!rc)
			rc = recording_flush(collect->recordings[i], error);
	return rc;
}

void collect_tick(struct collect *collect, uint64_t time_ns)
{
	for (unsigned int i = 0; i < collect->recording_count; i++)
		recording_tick(collect->recordings[i], time_ns);
}

static void end_session(struct collect *collect, unsigned int session)
{
	for (unsigned int i = 0; i < collect->recording_count; i++)
		recording_end_session(collect->recordings[i], session);
	for (unsigned int carried = 0; collect->listener && carried < COLLECT_CARRIED_COUNT; carried++)
		listener_end_interface(collect->listener, session * COLLECT_CARRIED_COUNT + carried);
	collect_sessions_end(collect->sessions, session);
}

void collect_age(struct collect *collect, uint64_t now_ns)
{
	unsigned int ending[COLLECT_ENDING_MAX];
	const unsigned int count = collect_sessions_ending(collect->sessions, ending);

	collect->has_lesson = false;
	for (unsigned int i = 0; i < count; i++)
		if (!collect_sessions_keep(collect->sessions, ending[i]))
			end_session(collect, ending[i]);
	collect_sessions_choose(collect->sessions, now_ns);
}

unsigned int collect_ending(const struct collect *collect, unsigned int sessions[COLLECT_ENDING_MAX])
{
	return collect_sessions_ending(collect->sessions, sessions);
}

const char *collect_listening(const struct collect *collect)
{
	return collect->listener ? listener_text(collect->listener) : NULL;
}

void collect_count_clients(const struct collect *collect, struct listener_counts *counts)
{
	*counts = (struct listener_counts){0};
	if (collect->listener)
		listener_count(collect->listener, counts);
}

unsigned int collect_directories(const struct collect *collect, int directories[COLLECT_OUTPUTS_MAX])
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < collect->recording_count; i++)
		if (recording_directory(collect->recordings[i]) >= 0)
			directories[count++] = recording_directory(collect->recordings[i]);
	return count;
}

bool collect_recording_at(const struct collect *collect, unsigned int index, const char **path, struct recording_counts *counts)
{
	if (index >= collect->recording_count)
		return false;
	*path = collect->paths[index];
	recording_count(collect->recordings[index], counts);
	return true;
}

const char *collect_news(struct collect *collect)
{
	const char *news = NULL;

	for (unsigned int i = 0; i < collect->recording_count; i++)
		if (!news)
			news = recording_news(collect->recordings[i]);
	return news;
}

const char *collect_trouble(const struct collect *collect)
{
	const char *trouble = NULL;

	for (unsigned int i = 0; i < collect->recording_count; i++)
		if (!trouble)
			trouble = recording_trouble(collect->recordings[i]);
	return trouble;
}

int collect_failed(const struct collect *collect, struct error *error)
{
	int rc = 0;

	for (unsigned int i = 0; i < collect->recording_count; i++)
		if (!rc)
			rc = recording_failed(collect->recordings[i], error);
	return rc;
}

int collect_finish(struct collect *collect, struct error *error)
{
	int rc = 0;

	reassembly_flush(collect->reassembly);
	if (collect->listener)
		listener_finish(collect->listener);
	for (unsigned int i = 0; i < collect->recording_count; i++) {
		int finished = recording_finish(collect->recordings[i], rc ? NULL : error);

		rc = rc ? rc : finished;
	}
	return rc;
}

static void sum_session(const struct collect_sessions *sessions, const struct collect_session *session, struct collect_summary *summary)
{
	summary->packets += session->packets;
	summary->bytes += session->bytes;
	summary->truncated += session->truncated;
	summary->cleaned += session->cleaned;
	if (!sequence_group_is_shared(&collect_sessions_group(sessions, session->counter)->numbers))
		sequence_loss_add(&summary->loss, &session->sequence.loss);
}

static void sum_ended(const struct collect_ended *ended, struct collect_summary *summary)
{
	summary->ended = *ended;
	summary->packets = ended->packets;
	summary->bytes = ended->bytes;
	summary->truncated = ended->truncated;
	summary->cleaned = ended->cleaned;
	summary->loss = ended->loss;
}

static void sum_sessions(const struct collect_sessions *sessions, struct collect_summary *summary)
{
	sum_ended(collect_sessions_ended(sessions), summary);
	summary->sessions = collect_sessions_count(sessions);
	summary->places = collect_sessions_places(sessions);
	for (unsigned int i = 0; i < summary->places; i++)
		if (collect_sessions_at(sessions, i))
			sum_session(sessions, collect_sessions_at(sessions, i), summary);
	summary->counter_groups = collect_sessions_groups(sessions);
	for (unsigned int i = 0; i < summary->counter_groups; i++) {
		const struct collect_counter_group *group = collect_sessions_group(sessions, i);

		if (sequence_group_is_shared(&group->numbers))
			sequence_loss_add(&summary->loss, &group->numbers.all.loss);
		else
			sequence_loss_add(&summary->loss, &group->ended);
	}
}

void collect_summarize(const struct collect *collect, struct collect_summary *summary)
{
	*summary = (struct collect_summary){0};
	memcpy(summary->counters, collect->counters, sizeof summary->counters);
	for (unsigned int i = 0; i < collect->recording_count; i++) {
		struct recording_counts counts;

		recording_count(collect->recordings[i], &counts);
		summary->counters[COLLECT_written] += counts.written;
		summary->counters[COLLECT_write_error] += counts.write_error;
		summary->counters[COLLECT_pipe_full] += counts.pipe_full;
		summary->buffered += counts.offered - counts.written - counts.write_error - counts.pipe_full;
	}
	for (enum reassembly_fate fate = 0; fate < REASSEMBLY_FATE_COUNT; fate++)
		if (fate != REASSEMBLY_complete)
			summary->counters[fate_counters[fate]] = reassembly_count(collect->reassembly, fate);
	summary->pending = reassembly_pending(collect->reassembly);
	sum_sessions(collect->sessions, summary);
	summary->asked_adapter = collect->asked_adapter;
	summary->times = collect->times;
}

const struct collect_session *collect_session_at(const struct collect *collect, unsigned int index)
{
	return collect_sessions_at(collect->sessions, index);
}

const struct collect_counter_group *collect_counter_group_at(const struct collect *collect, unsigned int index)
{
	return collect_sessions_group(collect->sessions, index);
}

bool collect_session_shares(const struct collect *collect, const struct collect_session *session)
{
	return session->sequence.received &&
	       sequence_group_is_shared(&collect_sessions_group(collect->sessions, session->counter)->numbers);
}

const struct collect_refusals *collect_refusals(const struct collect *collect)
{
	return &collect->refusals;
}
