/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "engine/collect_parts.h"
#include "wire/headers.h"

enum {
	MARKERS_MAX = 64
};

/* The last marker of a sender. */
struct marked {
	struct address sender;
	struct source_marker marker;
	uint64_t time_ns;
};

struct collect_sessions {
	struct collect_session *entries; /* in order of appearance, as long as none has ended */
	unsigned int count, places, max; /* places: entries below may be in use */
	uint64_t made;
	struct collect_ended ended;
	unsigned int ending[COLLECT_ENDING_MAX];
	unsigned int ending_count;
	struct collect_counter_group *groups; /* no more than entries */
	unsigned int group_count;
	enum collect_time time;
	char comment[160]; /* of the packet last added */
	struct marked markers[MARKERS_MAX];
	unsigned int marker_count;
	uint32_t *slots; /* open addressing: index of an entry + 1, or 0 */
	unsigned int slot_mask;
};

struct collect_sessions *collect_sessions_new(unsigned int max, enum collect_time time)
{
	struct collect_sessions *sessions = calloc(1, sizeof *sessions);
	unsigned int slots = 2;

	if (!sessions)
		return NULL;
	while (slots < max * 2)
		slots *= 2;
	sessions->max = max;
	sessions->time = time;
	sessions->slot_mask = slots - 1;
	sessions->entries = calloc(max, sizeof *sessions->entries);
	sessions->slots = calloc(slots, sizeof *sessions->slots);
	sessions->groups = calloc(max, sizeof *sessions->groups);
	if (sessions->entries && sessions->slots && sessions->groups)
		return sessions;
	collect_sessions_free(sessions);
	return NULL;
}

void collect_sessions_free(struct collect_sessions *sessions)
{
	if (!sessions)
		return;
	free(sessions->entries);
	free(sessions->slots);
	free(sessions->groups);
	free(sessions);
}

unsigned int collect_sessions_count(const struct collect_sessions *sessions)
{
	return sessions->count;
}

unsigned int collect_sessions_places(const struct collect_sessions *sessions)
{
	return sessions->places;
}

const struct collect_session *collect_sessions_at(const struct collect_sessions *sessions, unsigned int index)
{
	return sessions->entries[index].serial ? &sessions->entries[index] : NULL;
}

unsigned int collect_sessions_groups(const struct collect_sessions *sessions)
{
	return sessions->group_count;
}

const struct collect_counter_group *collect_sessions_group(const struct collect_sessions *sessions, unsigned int index)
{
	return &sessions->groups[index];
}

/* ---- the table ---- */

/* What tells a session from others; the rest of *session is left alone. */
static void set_identity(struct collect_session *session, const struct farspan_packet *packet)
{
	session->kind = packet->kind;
	session->sender.family = session->destination.family = packet->ip_version;
	memcpy(session->sender.bytes, packet->outer_src, sizeof session->sender.bytes);
	memcpy(session->destination.bytes, packet->outer_dst, sizeof session->destination.bytes);
	session->has_id = packet->kind == FARSPAN_GRE ? packet->has_key : packet->kind != FARSPAN_ERSPAN1 && packet->kind != FARSPAN_TZSP;
	if (packet->kind == FARSPAN_VXLAN || packet->kind == FARSPAN_GENEVE)
		session->id = packet->vni;
	else if (packet->kind == FARSPAN_GRE)
		session->id = packet->key;
	else
		session->id = packet->session;
	session->hwid = packet->kind == FARSPAN_ERSPAN3 ? packet->hwid : 0;
}

static bool same_identity(const struct collect_session *a, const struct collect_session *b)
{
	return a->kind == b->kind && a->id == b->id && a->has_id == b->has_id && a->hwid == b->hwid &&
	       address_equal(&a->sender, &b->sender) && address_equal(&a->destination, &b->destination);
}

static uint32_t hash_identity(const struct collect_session *session)
{
	const uint32_t numbers[] = {(uint32_t)session->kind, session->id, session->hwid};
	uint32_t hash = hash32(HASH32_START, numbers, sizeof numbers);

	hash = hash32(hash, session->sender.bytes, sizeof session->sender.bytes);
	hash = hash32(hash, session->destination.bytes, sizeof session->destination.bytes);
	return hash ^ hash >> 16;
}

/* "erspan3 10.0.0.1 id 100 hwid 3" */
static void set_name(struct collect_session *session)
{
	static const char *const id_names[FARSPAN_KINDS] = {
		[FARSPAN_ERSPAN2] = "id", [FARSPAN_ERSPAN3] = "id", [FARSPAN_GRE] = "key",
		[FARSPAN_VXLAN] = "vni",  [FARSPAN_GENEVE] = "vni",
	};
	char sender[ADDRESS_TEXT_MAX], id[24] = "", hwid[16] = "";

	if (session->has_id)
		snprintf(id, sizeof id, " %s %u", id_names[session->kind], session->id);
	if (session->kind == FARSPAN_ERSPAN3)
		snprintf(hwid, sizeof hwid, " hwid %u", session->hwid);
	snprintf(session->name, sizeof session->name, "%s %s%s%s", farspan_kind_name(session->kind), address_text(&session->sender, sender),
		 id, hwid);
}

/* Those of one sender to one address may share a counter, if they are of one family of formats. */
static unsigned int find_group(struct collect_sessions *sessions, const struct collect_session *session)
{
	const bool gre = session->kind == FARSPAN_GRE;
	unsigned int unused = sessions->group_count;

	for (unsigned int i = 0; i < sessions->group_count; i++) {
		struct collect_counter_group *group = &sessions->groups[i];

		if (!group->sessions) {
			unused = i < unused ? i : unused;
		} else if (group->gre == gre && address_equal(&group->sender, &session->sender) &&
			   address_equal(&group->destination, &session->destination)) {
			group->sessions++;
			return i;
		}
	}
	sessions->group_count += unused == sessions->group_count;
	sessions->groups[unused] =
		(struct collect_counter_group){.sessions = 1, .sender = session->sender, .destination = session->destination, .gre = gre};
	return unused;
}

/* Those of one name are counted. When some have ended, nobody knows any more how many there were; a serial number is higher than any. */
static uint64_t namesake_of(const struct collect_sessions *sessions, const struct collect_session *session)
{
	uint64_t same = 1;

	if (sessions->ended.sessions)
		return session->serial;
	for (unsigned int i = 0; i < sessions->places; i++)
		same += strcmp(sessions->entries[i].name, session->name) == 0;
	return same;
}

/* Where a session fits in. There is such a place. */
static struct collect_session *free_entry(struct collect_sessions *sessions)
{
	unsigned int i = 0;

	if (sessions->places < sessions->max)
		return &sessions->entries[sessions->places++];
	while (sessions->entries[i].serial)
		i++;
	return &sessions->entries[i];
}

/* The packet's session, new if need be; NULL if there are too many. */
static struct collect_session *find_session(struct collect_sessions *sessions, const struct farspan_packet *packet)
{
	struct collect_session wanted = {0}, *entry;
	uint32_t slot;

	set_identity(&wanted, packet);
	for (slot = hash_identity(&wanted);; slot++) {
		uint32_t index = sessions->slots[slot & sessions->slot_mask];

		if (index == 0)
			break;
		if (same_identity(&sessions->entries[index - 1], &wanted))
			return &sessions->entries[index - 1];
	}
	if (sessions->count == sessions->max)
		return NULL;
	set_name(&wanted);
	wanted.counter = find_group(sessions, &wanted);
	wanted.serial = ++sessions->made;
	wanted.namesake = namesake_of(sessions, &wanted);
	entry = free_entry(sessions);
	*entry = wanted;
	sessions->slots[slot & sessions->slot_mask] = (uint32_t)(entry - sessions->entries) + 1;
	sessions->count++;
	return entry;
}

/* ---- sessions that end ---- */

const struct collect_ended *collect_sessions_ended(const struct collect_sessions *sessions)
{
	return &sessions->ended;
}

/* Takes the session with this index out of the slots: those behind it move up as far as they may. */
static void remove_slot(struct collect_sessions *sessions, unsigned int index)
{
	const uint32_t mask = sessions->slot_mask;
	uint32_t hole = hash_identity(&sessions->entries[index]);

	while (sessions->slots[hole & mask] != index + 1)
		hole++;
	for (uint32_t at = hole + 1; sessions->slots[at & mask]; at++) {
		const uint32_t home = hash_identity(&sessions->entries[sessions->slots[at & mask] - 1]);

		if (((at - home) & mask) < ((at - hole) & mask))
			continue;
		sessions->slots[hole & mask] = sessions->slots[at & mask];
		hole = at;
	}
	sessions->slots[hole & mask] = 0;
}

/* What numbers say is kept with the group, which may yet turn out to have one counter. */
static void leave_group(struct collect_sessions *sessions, const struct collect_session *session)
{
	struct collect_counter_group *group = &sessions->groups[session->counter];

	sequence_loss_add(&group->ended, &session->sequence.loss);
	if (--group->sessions)
		return;
	if (sequence_group_is_shared(&group->numbers))
		sequence_loss_add(&sessions->ended.loss, &group->numbers.all.loss);
	else
		sequence_loss_add(&sessions->ended.loss, &group->ended);
	*group = (struct collect_counter_group){0};
}

void collect_sessions_end(struct collect_sessions *sessions, unsigned int index)
{
	struct collect_session *session = &sessions->entries[index];

	sessions->ended.sessions++;
	sessions->ended.packets += session->packets;
	sessions->ended.bytes += session->bytes;
	sessions->ended.truncated += session->truncated;
	sessions->ended.cleaned += session->cleaned;
	leave_group(sessions, session);
	remove_slot(sessions, index);
	*session = (struct collect_session){0};
	sessions->count--;
}

bool collect_sessions_keep(struct collect_sessions *sessions, unsigned int index)
{
	struct collect_session *session = &sessions->entries[index];

	session->ending = false;
	return session->packets != session->aged_packets;
}

/* Sorts it in among those chosen so far, of which only so many are wanted: silent for longest first. */
static void choose(struct collect_sessions *sessions, unsigned int index, unsigned int wanted)
{
	unsigned int at = sessions->ending_count;

	while (at && sessions->entries[sessions->ending[at - 1]].active_ns > sessions->entries[index].active_ns)
		at--;
	if (at == wanted)
		return;
	sessions->ending_count += sessions->ending_count < wanted;
	for (unsigned int i = sessions->ending_count - 1; i > at; i--)
		sessions->ending[i] = sessions->ending[i - 1];
	sessions->ending[at] = index;
}

void collect_sessions_choose(struct collect_sessions *sessions, uint64_t now_ns)
{
	const unsigned int spare = sessions->max / COLLECT_ENDING_MAX + (sessions->max < COLLECT_ENDING_MAX);
	const unsigned int unused = sessions->max - sessions->count;
	unsigned int wanted = unused < spare ? spare - unused : 0;

	if (wanted > COLLECT_ENDING_MAX)
		wanted = COLLECT_ENDING_MAX;
	sessions->ending_count = 0;
	for (unsigned int i = 0; i < sessions->places; i++) {
		struct collect_session *session = &sessions->entries[i];

		if (session->packets != session->aged_packets || now_ns < session->active_ns)
			session->active_ns = now_ns;
		session->aged_packets = session->packets;
		if (session->serial && wanted && now_ns - session->active_ns >= COLLECT_SESSION_IDLE_S * NS_PER_S)
			choose(sessions, i, wanted);
	}
	for (unsigned int i = 0; i < sessions->ending_count; i++)
		sessions->entries[sessions->ending[i]].ending = true;
}

unsigned int collect_sessions_ending(const struct collect_sessions *sessions, unsigned int indexes[COLLECT_ENDING_MAX])
{
	memcpy(indexes, sessions->ending, sessions->ending_count * sizeof *indexes);
	return sessions->ending_count;
}

/* ---- the recording ---- */

bool collect_frame_is_known(const struct farspan_packet *packet)
{
	return packet->ft == ERSPAN_FT_ETHERNET || packet->ft == ERSPAN_FT_IP;
}

static const char *kind_text(enum farspan_kind kind)
{
	static const char *const texts[FARSPAN_KINDS] = {
		[FARSPAN_ERSPAN1] = "ERSPAN Type I",
		[FARSPAN_ERSPAN2] = "ERSPAN Type II",
		[FARSPAN_ERSPAN3] = "ERSPAN Type III",
		[FARSPAN_GRE] = "Ethernet in GRE",
		[FARSPAN_VXLAN] = "VXLAN",
		[FARSPAN_GENEVE] = "GENEVE",
		[FARSPAN_TZSP] = "TZSP",
	};

	return texts[kind] ? texts[kind] : "";
}

void collect_sessions_describe(void *context, unsigned int id, struct section_about *about)
{
	const struct collect_sessions *sessions = context;
	const struct collect_session *session = &sessions->entries[id / COLLECT_CARRIED_COUNT];
	const struct sequence_group *group = &sessions->groups[session->counter].numbers;
	const bool shared = session->sequence.received && sequence_group_is_shared(group);
	const struct sequence *sequence = shared ? &group->all : &session->sequence;
	const bool ip = id % COLLECT_CARRIED_COUNT == COLLECT_IP;
	char sender[ADDRESS_TEXT_MAX], destination[ADDRESS_TEXT_MAX];

	snprintf(about->name, sizeof about->name, "%s%s", session->name, ip ? " ip" : "");
	snprintf(about->description, sizeof about->description, "%s from %s to %s%s", kind_text(session->kind),
		 address_text(&session->sender, sender), address_text(&session->destination, destination),
		 ip ? ", IP packets without a link header" : "");
	snprintf(about->comment, sizeof about->comment,
		 "of the session so far: packets %llu, bytes %llu, truncated %llu%s, lost %llu, late %llu, duplicate %llu, restarted %llu",
		 (unsigned long long)session->packets, (unsigned long long)session->bytes, (unsigned long long)session->truncated,
		 shared ? "; of all with its counter" : "", (unsigned long long)sequence->loss.lost,
		 (unsigned long long)sequence->loss.late, (unsigned long long)sequence->loss.duplicate,
		 (unsigned long long)sequence->loss.restarted);
	about->link = ip ? PCAPNG_LINK_RAW : PCAPNG_LINK_ETHERNET;
	about->sender.family = session->sender.family;
	memcpy(about->sender.address, session->sender.bytes, sizeof about->sender.address);
	snprintf(about->sender.name, sizeof about->sender.name, "sender-%s", sender);
}

/* Sessions that differ by their destination alone have the same name, and so has one that comes back. */
void collect_sessions_name(void *context, unsigned int index, char *text, size_t size)
{
	const struct collect_sessions *sessions = context;
	const struct collect_session *session = &sessions->entries[index];

	if (session->namesake == 1)
		snprintf(text, size, "%s", session->name);
	else
		snprintf(text, size, "%s-%llu", session->name, (unsigned long long)session->namesake);
}

/* How long the IP header in the frame says that the frame was; 0 if there is none. */
static size_t length_by_ip(const struct collect_frame *frame)
{
	const struct farspan_packet *packet = frame->packet;
	struct reader reader = reader_of(frame->data, packet->inner_off + packet->inner_len);
	size_t link_len = packet->has_inner_ethernet ? WIRE_ETHERNET_LEN + (size_t)packet->inner_tag_count * WIRE_TAG_LEN : 0;
	struct ipv4_header ipv4 = {0};
	struct ipv6_header ipv6 = {0};

	reader_skip(&reader, packet->inner_off + link_len);
	if (packet->inner_type == ETHERTYPE_IPV4)
		ipv4_read(&reader, &ipv4);
	else if (packet->inner_type == ETHERTYPE_IPV6)
		ipv6_read(&reader, &ipv6);
	if (ipv4.version == 4)
		return link_len + ipv4.total_length;
	return ipv6.version == 6 ? link_len + WIRE_IPV6_LEN + ipv6.payload_length : 0;
}

static size_t original_length(const struct collect_frame *frame)
{
	size_t len = frame->packet->inner_len + frame->missing;
	size_t by_ip = frame->packet->truncated ? length_by_ip(frame) : 0;

	return (by_ip > len ? by_ip : len) - frame->packet->inner_len + frame->inner_len;
}

void collect_frame_clean(struct collect_frame *frame, unsigned int what, uint8_t *buffer)
{
	const struct farspan_packet *packet = frame->packet;
	const uint8_t *sent = (const uint8_t *)frame->data + packet->inner_off;
	struct farspan_inner inner;

	frame->inner = sent;
	frame->inner_len = packet->inner_len;
	frame->cleaned = false;
	if (!what)
		return;
	farspan_inner_clean(packet, sent, packet->inner_len, what, &inner);
	frame->cleaned = inner.changed != 0;
	frame->inner = sent + inner.off;
	frame->inner_len = inner.header_len + inner.len;
	if (!inner.header_len)
		return;
	memcpy(buffer, inner.header, inner.header_len);
	memcpy(buffer + inner.header_len, sent + inner.off, inner.len);
	frame->inner = buffer;
}

static enum pcapng_direction direction_of(const struct farspan_packet *packet)
{
	if (packet->kind != FARSPAN_ERSPAN3)
		return PCAPNG_UNKNOWN;
	return packet->direction ? PCAPNG_OUTBOUND : PCAPNG_INBOUND;
}

/* ---- time ---- */

static struct marked *find_marker(struct collect_sessions *sessions, const struct address *sender)
{
	for (unsigned int i = 0; i < sessions->marker_count; i++)
		if (address_equal(&sessions->markers[i].sender, sender))
			return &sessions->markers[i];
	return NULL;
}

void collect_sessions_mark(struct collect_sessions *sessions, const struct address *sender, const struct source_marker *marker,
			   uint64_t time_ns)
{
	struct marked *marked = find_marker(sessions, sender);

	if (!marked && sessions->marker_count < MARKERS_MAX)
		marked = &sessions->markers[sessions->marker_count++];
	if (marked)
		*marked = (struct marked){.sender = *sender, .marker = *marker, .time_ns = time_ns};
}

/* Appends to the comment: "; sent 1763700000.123456789, clock wrap". */
static void comment_time(struct collect_sessions *sessions, const char *what, uint64_t time_ns, enum source_quality quality)
{
	const size_t used = strlen(sessions->comment);

	snprintf(sessions->comment + used, sizeof sessions->comment - used, "%s%s %llu.%09llu, clock %s", used ? "; " : "", what,
		 (unsigned long long)(time_ns / NS_PER_S), (unsigned long long)(time_ns % NS_PER_S), source_quality_name(quality));
}

static enum source_quality follow(struct collect_sessions *sessions, struct collect_session *session, const struct farspan_packet *packet,
				  uint64_t time_ns, uint64_t *source_ns)
{
	const struct marked *marked = sessions->marker_count ? find_marker(sessions, &session->sender) : NULL;

	return source_time_add(&session->time, packet, time_ns, marked ? &marked->marker : NULL, marked ? marked->time_ns : 0, source_ns);
}

void collect_sessions_follow(struct collect_sessions *sessions, unsigned int index, const struct farspan_packet *packet, uint64_t time_ns)
{
	struct collect_session *session = &sessions->entries[index];
	uint64_t source_ns;

	if (packet->kind == FARSPAN_ERSPAN3 && session->kind == FARSPAN_ERSPAN3)
		follow(sessions, session, packet, time_ns, &source_ns);
}

/* Follows the sender's clock, and says in the record what is wanted of it. */
static void account_time(struct collect_sessions *sessions, struct collect_session *session, const struct collect_frame *frame,
			 struct pcapng_packet *record)
{
	uint64_t source_ns;
	const enum source_quality quality = follow(sessions, session, frame->packet, frame->time_ns, &source_ns);

	if (quality == SOURCE_none || sessions->time == COLLECT_TIME_ONE)
		return;
	if (sessions->time == COLLECT_TIME_SOURCE) {
		record->source_ns = source_ns;
		comment_time(sessions, "received", frame->time_ns, quality);
	} else {
		comment_time(sessions, "sent", source_ns, quality);
	}
	record->comment = sessions->comment;
}

/* Follows the packet's number; *skipped becomes how many are missing directly before it. False: it is refused for its number. */
static bool account_number(struct collect_sessions *sessions, struct collect_session *session, const struct collect_frame *frame,
			   uint32_t *skipped)
{
	enum sequence_verdict verdict;

	*skipped = 0;
	if (!frame->packet->has_seq)
		return true;
	verdict = sequence_group_add(&sessions->groups[session->counter].numbers, &session->sequence, frame->packet->seq, skipped);
	return !frame->in_order || (verdict != SEQUENCE_LATE && verdict != SEQUENCE_DUPLICATE);
}

static void account(struct collect_session *session, const struct collect_frame *frame)
{
	if (session->packets++ == 0)
		session->first_ns = frame->time_ns;
	session->last_ns = frame->time_ns;
	session->bytes += frame->packet->inner_len;
	session->truncated += frame->packet->truncated;
	session->cleaned += frame->cleaned;
	session->rx += direction_of(frame->packet) == PCAPNG_INBOUND;
	session->tx += direction_of(frame->packet) == PCAPNG_OUTBOUND;
}

enum collect_counter collect_sessions_add(struct collect_sessions *sessions, const struct collect_frame *frame, unsigned int *id,
					  struct pcapng_packet *packet)
{
	const struct farspan_packet *outer = frame->packet;
	struct collect_session *session = find_session(sessions, outer);
	const char *truncated = "truncated by the sender";
	uint32_t skipped;

	if (!session)
		return COLLECT_session_table_full;
	if (!account_number(sessions, session, frame, &skipped))
		return COLLECT_sequence_old;
	account(session, frame);
	*id = (unsigned int)(session - sessions->entries) * COLLECT_CARRIED_COUNT +
	      (outer->ft == ERSPAN_FT_IP ? COLLECT_IP : COLLECT_ETHERNET);
	*packet = (struct pcapng_packet){
		.time_ns = frame->time_ns,
		.data = frame->inner,
		.captured = frame->inner_len,
		.original = original_length(frame),
		.direction = direction_of(outer),
		.has_id = outer->has_seq,
		.id = outer->seq,
		.dropped = skipped,
		.comment = outer->truncated ? truncated : NULL,
	};
	if (outer->kind != FARSPAN_ERSPAN3)
		return COLLECT_received;
	snprintf(sessions->comment, sizeof sessions->comment, "%s", outer->truncated ? truncated : "");
	account_time(sessions, session, frame, packet);
	return COLLECT_received;
}

void collect_sessions_add_plain(struct collect_sessions *sessions, const struct collect_plain *plain, struct pcapng_packet *packet)
{
	struct collect_session *session = &sessions->entries[plain->session];
	uint32_t skipped = 0;

	session->packets++;
	session->last_ns = plain->time_ns;
	session->bytes += plain->len;
	if (plain->has_sequence)
		sequence_group_add(&sessions->groups[session->counter].numbers, &session->sequence, plain->sequence, &skipped);
	*packet = (struct pcapng_packet){
		.time_ns = plain->time_ns,
		.data = plain->frame,
		.captured = plain->len,
		.original = plain->len,
		.direction = PCAPNG_UNKNOWN,
		.has_id = plain->has_sequence,
		.id = plain->sequence,
		.dropped = skipped,
	};
}

void collect_sessions_add_direct(struct collect_sessions *sessions, unsigned int index, const struct collect_direct *more)
{
	struct collect_session *session = &sessions->entries[index];

	session->packets += more->packets;
	session->bytes += more->bytes;
	session->truncated += more->truncated;
	if (session->kind == FARSPAN_ERSPAN3) {
		session->tx += more->transmitted;
		session->rx += more->packets - more->transmitted;
	}
	if (more->first_ns < session->first_ns)
		session->first_ns = more->first_ns;
	if (more->last_ns > session->last_ns)
		session->last_ns = more->last_ns;
}

void collect_sessions_add_numbers(struct collect_sessions *sessions, unsigned int index, uint32_t first, uint64_t count)
{
	struct collect_session *session = &sessions->entries[index];
	struct sequence_group *group = &sessions->groups[session->counter].numbers;
	uint32_t skipped;

	for (uint64_t i = 0; i < count; i++)
		sequence_group_add(group, &session->sequence, first + (uint32_t)i, &skipped);
}
