/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Payload is kept in chunks of one arena, with a bit per 8 bytes, the unit of fragment offsets: an overlap is a bit that is already set.
 *
 *   datagrams (table, oldest first) -> chunks[16] -> 4096 bytes + 512 bits
 *
 * When chunks or datagrams run out, the oldest datagram that is not the one at hand makes room.
 */
#include "record/reassembly.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/hash.h"
#include "wire/bytes.h"
#include "wire/fields.h"

enum {
	UNIT = 8,
	CHUNK = 4096,
	CHUNK_UNITS = CHUNK / UNIT,
	PAYLOAD_MAX = 65535,
	PACKET_CHUNKS = (PAYLOAD_MAX + CHUNK) / CHUNK,
	HEADER_LEN_MAX = 60,
	BUCKETS = 1024,

	MEMORY_DEFAULT = 4 << 20,
};

#define AGE_MAX_DEFAULT_NS 30000000000ull
#define LEN_UNKNOWN        UINT32_MAX

struct chunk {
	SLIST_ENTRY(chunk) free;
	uint64_t present[CHUNK_UNITS / 64];
	uint8_t bytes[CHUNK];
};

struct key {
	uint8_t version, protocol; /* protocol 0: IPv6, where only the first fragment's counts */
	uint8_t src[16], dst[16];
	uint32_t id;
};

struct datagram {
	TAILQ_ENTRY(datagram) age; /* also the list of free ones */
	LIST_ENTRY(datagram) bucket;
	struct key key;
	uint64_t first_ns;
	bool refused; /* holds nothing, and takes what still comes */
	uint8_t protocol;
	uint8_t header_len; /* 0: the first fragment is missing */
	uint8_t header[HEADER_LEN_MAX];
	uint32_t fragments;
	uint32_t len;     /* of the payload, once the last fragment is there */
	uint32_t reach;   /* highest end of a fragment */
	uint32_t present; /* bytes */
	struct chunk *chunks[PACKET_CHUNKS];
};

TAILQ_HEAD(datagram_list, datagram);
LIST_HEAD(datagram_bucket, datagram);

struct reassembly {
	uint64_t age_max_ns;
	uint64_t fates[REASSEMBLY_FATE_COUNT];
	uint64_t pending;
	SLIST_HEAD(, chunk) free_chunks;
	struct datagram_list oldest_first, free_datagrams;
	struct datagram_bucket buckets[BUCKETS];
	struct chunk *chunk_memory;
	struct datagram *datagram_memory;
	uint8_t whole[HEADER_LEN_MAX + PAYLOAD_MAX];
};

/* A fragment's payload and what the headers say of it. */
struct fragment {
	const uint8_t *data; /* the outer packet */
	const struct farspan_packet *packet;
	const uint8_t *payload;
	uint32_t offset;
	uint32_t end;
};

struct reassembly *reassembly_new(const struct reassembly_config *config)
{
	size_t count = (config->memory ? config->memory : (size_t)MEMORY_DEFAULT) / CHUNK;
	struct reassembly *reassembly = calloc(1, sizeof *reassembly);

	if (!reassembly)
		return NULL;
	if (count < PACKET_CHUNKS)
		count = PACKET_CHUNKS;
	reassembly->age_max_ns = config->age_max_ns ? config->age_max_ns : AGE_MAX_DEFAULT_NS;
	reassembly->chunk_memory = calloc(count, sizeof(struct chunk));
	reassembly->datagram_memory = calloc(count, sizeof(struct datagram));
	if (!reassembly->chunk_memory || !reassembly->datagram_memory) {
		reassembly_free(reassembly);
		return NULL;
	}
	TAILQ_INIT(&reassembly->oldest_first);
	TAILQ_INIT(&reassembly->free_datagrams);
	for (size_t i = 0; i < count; i++) {
		SLIST_INSERT_HEAD(&reassembly->free_chunks, &reassembly->chunk_memory[i], free);
		TAILQ_INSERT_TAIL(&reassembly->free_datagrams, &reassembly->datagram_memory[i], age);
	}
	return reassembly;
}

void reassembly_free(struct reassembly *reassembly)
{
	if (!reassembly)
		return;
	free(reassembly->chunk_memory);
	free(reassembly->datagram_memory);
	free(reassembly);
}

bool reassembly_worthwhile(const struct farspan_packet *packet)
{
	return packet->ip_protocol == IP_PROTOCOL_GRE || packet->ip_protocol == IP_PROTOCOL_UDP ||
	       (packet->ip_version == 6 && packet->ip_protocol == IP_PROTOCOL_DESTINATION);
}

uint64_t reassembly_count(const struct reassembly *reassembly, enum reassembly_fate fate)
{
	return reassembly->fates[fate];
}

uint64_t reassembly_pending(const struct reassembly *reassembly)
{
	return reassembly->pending;
}

/* The fragments that a datagram holds meet their fate, and their memory is free. */
static void settle(struct reassembly *reassembly, struct datagram *datagram, enum reassembly_fate fate)
{
	reassembly->fates[fate] += datagram->fragments;
	reassembly->pending -= datagram->fragments;
	datagram->fragments = 0;
	for (unsigned int i = 0; i < PACKET_CHUNKS; i++) {
		if (datagram->chunks[i])
			SLIST_INSERT_HEAD(&reassembly->free_chunks, datagram->chunks[i], free);
		datagram->chunks[i] = NULL;
	}
}

static void forget(struct reassembly *reassembly, struct datagram *datagram, enum reassembly_fate fate)
{
	settle(reassembly, datagram, fate);
	TAILQ_REMOVE(&reassembly->oldest_first, datagram, age);
	LIST_REMOVE(datagram, bucket);
	TAILQ_INSERT_HEAD(&reassembly->free_datagrams, datagram, age);
}

void reassembly_flush(struct reassembly *reassembly)
{
	while (!TAILQ_EMPTY(&reassembly->oldest_first))
		forget(reassembly, TAILQ_FIRST(&reassembly->oldest_first), REASSEMBLY_incomplete);
}

static bool is_old(const struct reassembly *reassembly, const struct datagram *datagram, uint64_t time_ns)
{
	uint64_t age_ns = time_ns > datagram->first_ns ? time_ns - datagram->first_ns : datagram->first_ns - time_ns;

	return age_ns > reassembly->age_max_ns;
}

static void expire(struct reassembly *reassembly, uint64_t time_ns)
{
	struct datagram *oldest;

	while ((oldest = TAILQ_FIRST(&reassembly->oldest_first)) && is_old(reassembly, oldest, time_ns))
		forget(reassembly, oldest, REASSEMBLY_incomplete);
}

static void evict(struct reassembly *reassembly, const struct datagram *keep)
{
	struct datagram *oldest = TAILQ_FIRST(&reassembly->oldest_first);

	if (oldest == keep)
		oldest = TAILQ_NEXT(oldest, age);
	forget(reassembly, oldest, REASSEMBLY_evicted);
}

static void make_key(const struct farspan_packet *packet, struct key *key)
{
	memset(key, 0, sizeof *key);
	key->version = packet->ip_version;
	key->protocol = packet->ip_version == 4 ? packet->ip_protocol : 0;
	memcpy(key->src, packet->outer_src, sizeof key->src);
	memcpy(key->dst, packet->outer_dst, sizeof key->dst);
	key->id = packet->ip_id;
}

/* Somebody who aims at one bucket gains at most a walk over all datagrams, which are few. */
static struct datagram_bucket *find_bucket(struct reassembly *reassembly, const struct key *key)
{
	uint32_t hash = hash32(HASH32_START, key, sizeof *key);

	return &reassembly->buckets[(hash ^ hash >> 16) % BUCKETS];
}

static struct datagram *find_datagram(struct reassembly *reassembly, uint64_t time_ns, const struct farspan_packet *packet)
{
	struct datagram_bucket *bucket;
	struct datagram *datagram;
	struct key key;

	make_key(packet, &key);
	bucket = find_bucket(reassembly, &key);
	LIST_FOREACH(datagram, bucket, bucket)
	if (memcmp(&datagram->key, &key, sizeof key) == 0)
		break;
	if (datagram && is_old(reassembly, datagram, time_ns)) {
		forget(reassembly, datagram, REASSEMBLY_incomplete);
		datagram = NULL;
	}
	if (datagram)
		return datagram;
	if (TAILQ_EMPTY(&reassembly->free_datagrams))
		evict(reassembly, NULL);
	datagram = TAILQ_FIRST(&reassembly->free_datagrams);
	TAILQ_REMOVE(&reassembly->free_datagrams, datagram, age);
	*datagram = (struct datagram){.key = key, .first_ns = time_ns, .len = LEN_UNKNOWN};
	TAILQ_INSERT_TAIL(&reassembly->oldest_first, datagram, age);
	LIST_INSERT_HEAD(bucket, datagram, bucket);
	return datagram;
}

static bool is_usable(const struct farspan_packet *packet)
{
	if (packet->ip_payload_len == 0 || packet->fragment_offset + packet->ip_payload_len > PAYLOAD_MAX)
		return false;
	return !packet->more_fragments || packet->ip_payload_len % UNIT == 0;
}

enum comparison {
	NEW,
	DUPLICATE,
	CONFLICT
};

/* Whether a fragment's idea of where the packet ends contradicts that of those before it. */
static bool ends_elsewhere(const struct datagram *datagram, const struct fragment *fragment)
{
	if (fragment->packet->more_fragments)
		return datagram->len != LEN_UNKNOWN && fragment->end >= datagram->len;
	return datagram->len != LEN_UNKNOWN ? fragment->end != datagram->len : datagram->reach >= fragment->end;
}

static enum comparison compare(const struct datagram *datagram, const struct fragment *fragment)
{
	uint32_t units = 0, present = 0;

	if (ends_elsewhere(datagram, fragment))
		return CONFLICT;
	for (uint32_t at = fragment->offset; at < fragment->end; at += UNIT, units++) {
		const struct chunk *chunk = datagram->chunks[at / CHUNK];
		uint32_t unit = at % CHUNK / UNIT;
		uint32_t len = fragment->end - at < UNIT ? fragment->end - at : UNIT;

		if (!chunk || !(chunk->present[unit / 64] >> unit % 64 & 1))
			continue;
		if (memcmp(chunk->bytes + at % CHUNK, fragment->payload + (at - fragment->offset), len) != 0)
			return CONFLICT;
		present++;
	}
	if (present == 0)
		return NEW;
	return present == units ? DUPLICATE : CONFLICT;
}

static struct chunk *get_chunk(struct reassembly *reassembly, struct datagram *datagram, uint32_t index)
{
	struct chunk *chunk = datagram->chunks[index];

	if (chunk)
		return chunk;
	while (SLIST_EMPTY(&reassembly->free_chunks))
		evict(reassembly, datagram);
	chunk = SLIST_FIRST(&reassembly->free_chunks);
	SLIST_REMOVE_HEAD(&reassembly->free_chunks, free);
	memset(chunk->present, 0, sizeof chunk->present);
	datagram->chunks[index] = chunk;
	return chunk;
}

static void store_payload(struct reassembly *reassembly, struct datagram *datagram, const struct fragment *fragment)
{
	for (uint32_t at = fragment->offset; at < fragment->end; at += UNIT) {
		struct chunk *chunk = get_chunk(reassembly, datagram, at / CHUNK);
		uint32_t unit = at % CHUNK / UNIT;
		uint32_t len = fragment->end - at < UNIT ? fragment->end - at : UNIT;

		memcpy(chunk->bytes + at % CHUNK, fragment->payload + (at - fragment->offset), len);
		chunk->present[unit / 64] |= 1ull << unit % 64;
	}
}

/* IPv4 with its options, IPv6 without extension headers. */
static void store_header(struct datagram *datagram, const struct fragment *fragment)
{
	const struct farspan_packet *packet = fragment->packet;
	struct reader reader = reader_of(fragment->data, packet->ip_payload_off);
	size_t len = packet->ip_version == 4 ? packet->ip_payload_off - packet->ip_off : WIRE_IPV6_LEN;

	reader_skip(&reader, packet->ip_off);
	reader_bytes(&reader, datagram->header, len);
	datagram->header_len = (uint8_t)len;
	datagram->protocol = packet->ip_protocol;
}

static void store(struct reassembly *reassembly, struct datagram *datagram, const struct fragment *fragment)
{
	store_payload(reassembly, datagram, fragment);
	if (fragment->offset == 0)
		store_header(datagram, fragment);
	if (!fragment->packet->more_fragments)
		datagram->len = fragment->end;
	if (datagram->reach < fragment->end)
		datagram->reach = fragment->end;
	datagram->present += fragment->end - fragment->offset;
	datagram->fragments++;
	reassembly->pending++;
}

/* The headers' fields that a fragment has differently from the whole packet. */
static void fix_header(const struct datagram *datagram, uint8_t *header)
{
	const uint32_t total = datagram->header_len + datagram->len;
	struct writer writer = writer_of(header, datagram->header_len);

	if (datagram->key.version == 6) {
		writer.len = 4;
		writer_u16(&writer, (uint16_t)datagram->len);
		writer_bytes(&writer, &datagram->protocol, 1);
		return;
	}
	writer.len = 2;
	writer_u16(&writer, (uint16_t)total);
	writer.len = 6;
	writer_u16(&writer, 0); /* flags and offset */
	writer.len = 10;
	writer_u16(&writer, 0);
	writer.len = 10;
	writer_u16(&writer, checksum_fold(checksum_add(0, header, datagram->header_len)));
}

static size_t build_whole(struct reassembly *reassembly, const struct datagram *datagram)
{
	struct writer writer = writer_of(reassembly->whole, sizeof reassembly->whole);

	writer_bytes(&writer, datagram->header, datagram->header_len);
	for (uint32_t at = 0; at < datagram->len; at += CHUNK)
		writer_bytes(&writer, datagram->chunks[at / CHUNK]->bytes, datagram->len - at < CHUNK ? datagram->len - at : CHUNK);
	fix_header(datagram, reassembly->whole);
	return writer.len;
}

static enum reassembly_result finish(struct reassembly *reassembly, struct datagram *datagram, const void **whole, size_t *len)
{
	/* Only now the length of the first header is sure to be known. */
	if (datagram->key.version == 4 && datagram->header_len + datagram->len > PAYLOAD_MAX) {
		forget(reassembly, datagram, REASSEMBLY_bad);
		return REASSEMBLY_UNUSABLE;
	}
	*len = build_whole(reassembly, datagram);
	*whole = reassembly->whole;
	forget(reassembly, datagram, REASSEMBLY_merged);
	reassembly->fates[REASSEMBLY_merged]--;
	reassembly->fates[REASSEMBLY_complete]++;
	return REASSEMBLY_WHOLE;
}

static enum reassembly_result refuse(struct reassembly *reassembly, struct datagram *datagram)
{
	settle(reassembly, datagram, REASSEMBLY_overlap);
	reassembly->fates[REASSEMBLY_overlap]++;
	datagram->refused = true;
	return REASSEMBLY_REFUSED;
}

static enum reassembly_result add(struct reassembly *reassembly, struct datagram *datagram, const struct fragment *fragment,
				  const void **whole, size_t *len)
{
	enum comparison comparison = datagram->refused ? CONFLICT : compare(datagram, fragment);

	if (comparison == CONFLICT)
		return refuse(reassembly, datagram);
	if (comparison == DUPLICATE) {
		reassembly->fates[REASSEMBLY_duplicate]++;
		return REASSEMBLY_IGNORED;
	}
	store(reassembly, datagram, fragment);
	if (!datagram->header_len || datagram->present != datagram->len)
		return REASSEMBLY_HELD;
	return finish(reassembly, datagram, whole, len);
}

enum reassembly_result reassembly_add(struct reassembly *reassembly, uint64_t time_ns, const void *data,
				      const struct farspan_packet *packet, const void **whole, size_t *len)
{
	struct reader reader = reader_of(data, packet->ip_payload_off + packet->ip_payload_len);
	struct fragment fragment = {.data = data, .packet = packet, .offset = packet->fragment_offset};

	expire(reassembly, time_ns);
	if (packet->cut) {
		reassembly->fates[REASSEMBLY_cut]++;
		return REASSEMBLY_CUT;
	}
	if (!is_usable(packet)) {
		reassembly->fates[REASSEMBLY_bad]++;
		return REASSEMBLY_UNUSABLE;
	}
	reader_skip(&reader, packet->ip_payload_off);
	fragment.payload = reader_take(&reader, packet->ip_payload_len);
	fragment.end = fragment.offset + (uint32_t)packet->ip_payload_len;
	return add(reassembly, find_datagram(reassembly, time_ns, packet), &fragment, whole, len);
}
