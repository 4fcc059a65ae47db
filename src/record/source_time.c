/* SPDX-License-Identifier: BSD-2-Clause */
#include "record/source_time.h"

#include "base/clock.h"
#include "wire/bytes.h"
#include "wire/fields.h"

#define DAY_NS (86400 * NS_PER_S)

enum {
	MARKER_LEN = 58,
	MARKER_CLOCK_OFF = 25, /* behind what is not documented */
	MARKER_TAIL_SKIP = 8,
	FOLLOWS_PART = 64, /* a clock within this part of its period follows the wall clock */
	DRIFT_MAX_PPB = 500000,
	DRIFT_WEIGHT = 4,
	JITTER_WEIGHT = 16,
};

#define MARKER_TAIL 0xa5a5a5a5u

static const uint64_t row_ns = 10 * NS_PER_S;
static const int64_t step_ns = 10 * NS_PER_S; /* no packet is that late */

const char *source_quality_name(enum source_quality quality)
{
	static const char *const names[] = {
#define SOURCE_NAME(name, text) #name,
		SOURCE_QUALITIES(SOURCE_NAME)
#undef SOURCE_NAME
	};

	return names[quality];
}

/* ---- timestamps ---- */

/* What a packet says of the sender's clock. */
struct stamp {
	uint64_t ns;
	uint64_t period_ns; /* 0: whole */
	uint64_t unit_ns;   /* 0: it says nothing */
	uint32_t ticks;
};

/* Platforms with a unit of their own count nanoseconds, as far as they are known. */
static uint64_t unit_of(const struct farspan_packet *packet)
{
	static const uint64_t units[] = {
		[ERSPAN_GRA_100US] = 100 * NS_PER_US, [ERSPAN_GRA_100NS] = 100, [ERSPAN_GRA_IEEE1588] = 1, [ERSPAN_GRA_PLATFORM] = 1};

	return units[packet->gra & 3];
}

/* Whether a subheader carries the rest of the time; then *ns is all of it. */
static bool whole_time(const struct farspan_packet *packet, uint64_t *ns)
{
	const uint64_t both = (uint64_t)packet->timestamp_upper << 32 | packet->timestamp;

	if (!packet->o || !packet->timestamp_upper)
		return false;
	switch (packet->platf_id) {
	case 3:
		return !__builtin_mul_overflow(both, unit_of(packet), ns);
	case 5:
	case 6:
		*ns = packet->timestamp_upper * NS_PER_S + packet->timestamp;
		return packet->timestamp < NS_PER_S;
	case 7:
		*ns = both;
		return true;
	default:
		return false;
	}
}

static struct stamp stamp_of(struct source_time *time, const struct farspan_packet *packet)
{
	struct stamp stamp = {.unit_ns = unit_of(packet), .ticks = packet->timestamp};

	if (whole_time(packet, &stamp.ns))
		return stamp;
	stamp.ns = packet->timestamp * stamp.unit_ns;
	stamp.period_ns = stamp.unit_ns << 32;
	if (packet->gra == ERSPAN_GRA_IEEE1588) {
		time->wide = time->wide || packet->timestamp >= NS_PER_S;
		stamp.period_ns = time->wide ? stamp.period_ns : NS_PER_S;
	}
	time->runs = time->runs || packet->timestamp;
	/* Senders without a clock send 0; what a platform counts in its own way, without a subheader, is unknown. */
	if (!time->runs || packet->gra == ERSPAN_GRA_PLATFORM)
		stamp.unit_ns = 0;
	return stamp;
}

/* The difference modulo the period that is nearest to 0. */
static int64_t nearest(uint64_t difference, uint64_t period_ns)
{
	uint64_t rest;

	if (!period_ns)
		return (int64_t)difference;
	if ((int64_t)difference >= 0) {
		rest = difference % period_ns;
		return rest > period_ns / 2 ? (int64_t)rest - (int64_t)period_ns : (int64_t)rest;
	}
	rest = (0 - difference) % period_ns;
	return rest > period_ns / 2 ? (int64_t)(period_ns - rest) : -(int64_t)rest;
}

static int64_t distance(uint64_t a, uint64_t b)
{
	return (int64_t)(a - b);
}

static uint64_t magnitude(int64_t number)
{
	return number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
}

/* ---- the envelope ---- */

static void begin(struct source_time *time, int64_t d, uint64_t receive_ns)
{
	time->has_base = true;
	time->base_ns = d;
	time->base_at_ns = time->row_at_ns = receive_ns;
	time->has_row = time->has_lowest = time->has_odd = time->has_last = false;
}

/* Where the line through base, as steep as the drift, is at that time, above base. */
static int64_t expected(const struct source_time *time, uint64_t receive_ns)
{
	return (int64_t)((double)distance(receive_ns, time->base_at_ns) * (double)time->drift_ppb / 1e9);
}

/* How far from the line its lowest packet was, for how long. Where the first row began was just some packet. */
static void learn_drift(struct source_time *time)
{
	const int64_t passed = distance(time->lowest_at_ns, time->base_at_ns);
	double ppb;

	if (!time->has_row || passed < (int64_t)row_ns / 2)
		return;
	ppb = (double)time->lowest_ns * 1e9 / (double)passed;
	ppb = (double)time->drift_ppb + (time->has_drift ? ppb / DRIFT_WEIGHT : ppb);
	time->drift_ppb = (int64_t)(ppb > DRIFT_MAX_PPB ? DRIFT_MAX_PPB : ppb < -DRIFT_MAX_PPB ? -DRIFT_MAX_PPB : ppb);
	time->has_drift = true;
}

/* The row is over: its lowest packet is the next point of the envelope. */
static void end_row(struct source_time *time, uint64_t receive_ns)
{
	learn_drift(time);
	time->base_ns = nearest((uint64_t)time->base_ns + (uint64_t)time->lowest_above_ns, time->period_ns);
	time->base_at_ns = time->lowest_at_ns;
	time->last_ns -= time->lowest_above_ns;
	time->row_at_ns = receive_ns;
	time->has_row = true;
	time->has_lowest = false;
}

/* Whether d is so far away that a clock must have been set; not yet if it is the only one. */
static bool is_odd(struct source_time *time, int64_t d, int64_t above, uint64_t receive_ns)
{
	const uint64_t limit = time->period_ns && time->period_ns / 4 < (uint64_t)step_ns ? time->period_ns / 4 : (uint64_t)step_ns;

	if (magnitude(above) <= limit) {
		time->has_odd = false;
		return false;
	}
	if (time->has_odd && magnitude(nearest((uint64_t)d - (uint64_t)time->odd_ns, time->period_ns)) <= limit) {
		time->steps++;
		begin(time, d, receive_ns);
		return false;
	}
	time->has_odd = true;
	time->odd_ns = d;
	return true;
}

static void note_jitter(struct source_time *time, int64_t above)
{
	if (time->has_last)
		time->jitter_ns += ((int64_t)magnitude(above - time->last_ns) - time->jitter_ns) / JITTER_WEIGHT;
	time->has_last = true;
	time->last_ns = above;
}

/* Above the envelope, at least 0; -1: the packet fits nowhere. */
static int64_t above_envelope(struct source_time *time, int64_t d, uint64_t receive_ns)
{
	int64_t above;

	if (!time->has_base)
		begin(time, d, receive_ns);
	if (time->has_lowest && magnitude(distance(receive_ns, time->row_at_ns)) >= row_ns)
		end_row(time, receive_ns);
	if (is_odd(time, d, nearest((uint64_t)d - (uint64_t)time->base_ns, time->period_ns), receive_ns))
		return -1;
	above = nearest((uint64_t)d - (uint64_t)time->base_ns, time->period_ns);
	note_jitter(time, above);
	d = above - expected(time, receive_ns);
	if (!time->has_lowest || d <= time->lowest_ns) {
		time->has_lowest = true;
		time->lowest_ns = d;
		time->lowest_above_ns = above;
		time->lowest_at_ns = receive_ns;
	}
	/* Below the line is where the envelope has been all the while. */
	return time->lowest_ns < 0 ? d - time->lowest_ns : d;
}

/* ---- packets ---- */

static void note_delay(struct source_time *time, int64_t delay_ns)
{
	if (!time->delays || delay_ns < time->delay_min_ns)
		time->delay_min_ns = delay_ns;
	if (!time->delays || delay_ns > time->delay_max_ns)
		time->delay_max_ns = delay_ns;
	time->delay_mean_ns += ((double)delay_ns - time->delay_mean_ns) / (double)++time->delays;
}

/* Markers tell the time of ticks that are less than half a period away. */
static bool by_marker(const struct farspan_packet *packet, const struct source_marker *marker, uint64_t age_ns, uint64_t *source_ns)
{
	const uint64_t unit_ns = unit_of(packet);

	if (!marker || age_ns >= unit_ns << 31)
		return false;
	*source_ns = marker->utc_ns + (uint64_t)((int64_t)(int32_t)(packet->timestamp - (uint32_t)marker->ticks) * (int64_t)unit_ns);
	return true;
}

static enum source_quality by_stamp(struct source_time *time, const struct stamp *stamp, uint64_t receive_ns, uint64_t *source_ns)
{
	const int64_t d = nearest(receive_ns - stamp->ns, stamp->period_ns);
	int64_t above;

	if (stamp->period_ns != time->period_ns) {
		time->period_ns = stamp->period_ns;
		time->has_base = false;
	}
	above = above_envelope(time, d, receive_ns);
	if (!stamp->period_ns && magnitude(d) <= DAY_NS) {
		*source_ns = stamp->ns;
		return SOURCE_exact;
	}
	if (above < 0)
		return SOURCE_none;
	if (stamp->period_ns && magnitude(time->base_ns) <= stamp->period_ns / FOLLOWS_PART) {
		*source_ns = receive_ns - (uint64_t)d;
		return SOURCE_wrap;
	}
	*source_ns = receive_ns - (uint64_t)above;
	return SOURCE_fit;
}

enum source_quality source_time_add(struct source_time *time, const struct farspan_packet *packet, uint64_t receive_ns,
				    const struct source_marker *marker, uint64_t marker_receive_ns, uint64_t *source_ns)
{
	const struct stamp stamp = stamp_of(time, packet);
	enum source_quality quality = SOURCE_none;

	*source_ns = receive_ns;
	if (stamp.unit_ns)
		quality = by_stamp(time, &stamp, receive_ns, source_ns);
	if (quality < SOURCE_marker && time->runs &&
	    by_marker(packet, marker, magnitude(distance(receive_ns, marker_receive_ns)), source_ns))
		quality = SOURCE_marker;
	time->counts[quality]++;
	if (quality >= SOURCE_wrap)
		note_delay(time, distance(receive_ns, *source_ns));
	return quality;
}

/*
 *  0                                20     22     24    25    26         34     38     42      46      50        58
 * +-------------------------------+------+------+-----+-----+----------+------+------+-------+-------+---------+
 * | Cisco's own                   | info | ssid | gra | UTC | clock    | UTC  | UTC  | seq   |       | tail    |
 * |                               |      |      |     | off | (48 bits)| s    | us   | (LE)  |       | a5a5a5a5|
 * +-------------------------------+------+------+-----+-----+----------+------+------+-------+-------+---------+
 */
bool source_marker_read(const void *data, size_t len, struct source_marker *marker)
{
	struct reader reader = reader_of(data, len);
	uint64_t seconds, offset, micros;

	reader_skip(&reader, MARKER_CLOCK_OFF);
	offset = reader_u8(&reader);
	marker->ticks = (uint64_t)reader_u32(&reader) << 32;
	marker->ticks |= reader_u32(&reader);
	seconds = reader_u32(&reader);
	micros = reader_u32(&reader);
	marker->sequence = __builtin_bswap32(reader_u32(&reader));
	reader_skip(&reader, MARKER_TAIL_SKIP);
	if (reader_u32(&reader) != MARKER_TAIL || reader.failed || reader_left(&reader) || seconds < offset || micros >= 1000000)
		return false;
	marker->utc_ns = (seconds - offset) * NS_PER_S + micros * NS_PER_US;
	return len == MARKER_LEN;
}
