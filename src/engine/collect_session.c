/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/collect_parts.h"
#include "wire/headers.h"

/* A session has an interface in the recording for each kind of frame that it was seen to carry. */
enum carried {
	CARRIED_ETHERNET,
	CARRIED_IP,
	CARRIED_COUNT
};

struct interface {
	bool made;
	uint32_t number;
	uint64_t packets;
	uint64_t first_ns, last_ns;
};

struct entry {
	struct collect_session session;
	struct interface interfaces[CARRIED_COUNT];
};

struct collect_sessions {
	struct entry *entries; /* in order of appearance */
	unsigned int count, max;
	uint32_t *slots; /* open addressing: index of an entry + 1, or 0 */
	unsigned int slot_mask;
};

struct collect_sessions *collect_sessions_new(unsigned int max)
{
	struct collect_sessions *sessions = calloc(1, sizeof *sessions);
	unsigned int slots = 2;

	if (!sessions)
		return NULL;
	while (slots < max * 2)
		slots *= 2;
	sessions->max = max;
	sessions->slot_mask = slots - 1;
	sessions->entries = calloc(max, sizeof *sessions->entries);
	sessions->slots = calloc(slots, sizeof *sessions->slots);
	if (sessions->entries && sessions->slots)
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
	free(sessions);
}

unsigned int collect_sessions_count(const struct collect_sessions *sessions)
{
	return sessions->count;
}

const struct collect_session *collect_sessions_at(const struct collect_sessions *sessions, unsigned int index)
{
	return &sessions->entries[index].session;
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

static uint32_t hash_bytes(uint32_t hash, const void *data, size_t len)
{
	const uint8_t *bytes = data;

	while (len--)
		hash = (hash ^ *bytes++) * 16777619u;
	return hash;
}

/* FNV-1a */
static uint32_t hash_identity(const struct collect_session *session)
{
	const uint32_t numbers[] = {(uint32_t)session->kind, session->id, session->hwid};
	uint32_t hash = hash_bytes(2166136261u, numbers, sizeof numbers);

	hash = hash_bytes(hash, session->sender.bytes, sizeof session->sender.bytes);
	hash = hash_bytes(hash, session->destination.bytes, sizeof session->destination.bytes);
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

/* The session's entry, new if need be; NULL if there are too many. */
static struct entry *find_entry(struct collect_sessions *sessions, const struct farspan_packet *packet)
{
	struct collect_session wanted = {0};
	uint32_t slot;

	set_identity(&wanted, packet);
	for (slot = hash_identity(&wanted);; slot++) {
		uint32_t index = sessions->slots[slot & sessions->slot_mask];

		if (index == 0)
			break;
		if (same_identity(&sessions->entries[index - 1].session, &wanted))
			return &sessions->entries[index - 1];
	}
	if (sessions->count == sessions->max)
		return NULL;
	set_name(&wanted);
	sessions->entries[sessions->count].session = wanted;
	sessions->slots[slot & sessions->slot_mask] = ++sessions->count;
	return &sessions->entries[sessions->count - 1];
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

static int make_interface(struct entry *entry, enum carried carried, struct pcapng *pcapng)
{
	const struct collect_session *session = &entry->session;
	char name[sizeof session->name + 4], description[256], sender[ADDRESS_TEXT_MAX], destination[ADDRESS_TEXT_MAX];
	int64_t number;

	snprintf(name, sizeof name, "%s%s", session->name, carried == CARRIED_IP ? " ip" : "");
	snprintf(description, sizeof description, "%s from %s to %s%s", kind_text(session->kind), address_text(&session->sender, sender),
		 address_text(&session->destination, destination), carried == CARRIED_IP ? ", IP packets without a link header" : "");
	number = pcapng_add_interface(pcapng, &(struct pcapng_interface){
						      .name = name,
						      .description = description,
						      .link = carried == CARRIED_IP ? PCAPNG_LINK_RAW : PCAPNG_LINK_ETHERNET,
					      });
	if (number < 0)
		return (int)number;
	entry->interfaces[carried].number = (uint32_t)number;
	entry->interfaces[carried].made = true;
	return 0;
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

	return by_ip > len ? by_ip : len;
}

static enum pcapng_direction direction_of(const struct farspan_packet *packet)
{
	if (packet->kind != FARSPAN_ERSPAN3)
		return PCAPNG_UNKNOWN;
	return packet->direction ? PCAPNG_OUTBOUND : PCAPNG_INBOUND;
}

/* Returns how many numbers are missing directly before the packet's. */
static uint32_t account(struct collect_session *session, const struct collect_frame *frame)
{
	uint32_t skipped = 0;

	if (session->packets++ == 0)
		session->first_ns = frame->time_ns;
	session->last_ns = frame->time_ns;
	session->bytes += frame->packet->inner_len;
	session->truncated += frame->packet->truncated;
	if (frame->packet->has_seq)
		sequence_add(&session->sequence, frame->packet->seq, &skipped);
	return skipped;
}

int collect_sessions_add(struct collect_sessions *sessions, struct pcapng *pcapng, const struct collect_frame *frame)
{
	const struct farspan_packet *packet = frame->packet;
	enum carried carried = packet->ft == ERSPAN_FT_IP ? CARRIED_IP : CARRIED_ETHERNET;
	struct entry *entry = find_entry(sessions, packet);
	struct interface *interface;
	uint32_t skipped;

	if (!entry)
		return 1;
	skipped = account(&entry->session, frame);
	if (!pcapng)
		return 0;
	interface = &entry->interfaces[carried];
	/* If this fails, so does adding the packet, which is then counted. */
	if (!interface->made && !make_interface(entry, carried, pcapng))
		interface->first_ns = frame->time_ns;
	interface->last_ns = frame->time_ns;
	interface->packets++;
	return pcapng_add_packet(pcapng, &(struct pcapng_packet){
						 .interface = interface->number,
						 .time_ns = frame->time_ns,
						 .data = (const uint8_t *)frame->data + packet->inner_off,
						 .captured = packet->inner_len,
						 .original = original_length(frame),
						 .direction = direction_of(packet),
						 .has_id = packet->has_seq,
						 .id = packet->seq,
						 .dropped = skipped,
						 .comment = packet->truncated ? "truncated by the sender" : NULL,
					 });
}

/* What is lost cannot be told to be of one kind of frame: it goes to the interface of the first. */
static int add_statistics(const struct entry *entry, enum carried carried, bool first, struct pcapng *pcapng)
{
	const struct interface *interface = &entry->interfaces[carried];
	const struct sequence *sequence = &entry->session.sequence;
	char comment[256];

	snprintf(comment, sizeof comment, "packets %llu, bytes %llu, truncated %llu, lost %llu, late %llu, duplicate %llu, restarted %llu",
		 (unsigned long long)entry->session.packets, (unsigned long long)entry->session.bytes,
		 (unsigned long long)entry->session.truncated, (unsigned long long)sequence->lost, (unsigned long long)sequence->late,
		 (unsigned long long)sequence->duplicate, (unsigned long long)sequence->restarted);
	return pcapng_add_statistics(pcapng, &(struct pcapng_statistics){
						     .interface = interface->number,
						     .time_ns = interface->last_ns,
						     .start_ns = interface->first_ns,
						     .end_ns = interface->last_ns,
						     .received = interface->packets,
						     .dropped = first ? sequence->lost : 0,
						     .comment = first ? comment : NULL,
					     });
}

int collect_sessions_finish(const struct collect_sessions *sessions, struct pcapng *pcapng)
{
	int rc = 0;

	for (unsigned int i = 0; i < sessions->count && !rc; i++) {
		const struct entry *entry = &sessions->entries[i];
		bool first = true;

		for (enum carried carried = 0; carried < CARRIED_COUNT && !rc; carried++) {
			if (!entry->interfaces[carried].made)
				continue;
			rc = add_statistics(entry, carried, first, pcapng);
			first = false;
		}
	}
	return rc;
}
