/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any series of numbers and timestamps through the trackers: after every packet each number is in exactly one count, each packet has one
 * quality of time, and nothing overflows. An input is a row of
 *
 *     flags (1): session 0..3, seconds backwards, marker, nearby    number (4)    timestamp (4), upper (4)
 *     platform and granularity (1)    receive time (4): since the last one, in units that grow
 */
#include "record/sequence.h"
#include "record/source_time.h"

#include "fuzz.h"

enum {
	SESSIONS = 4,
	ROW = 18,
	BACKWARDS = 4,
	MARKED = 8,
	NEARBY = 16,
};

struct state {
	struct sequence_group group;
	struct sequence sessions[SESSIONS];
	struct source_time times[SESSIONS];
	uint64_t packets[SESSIONS];
	uint64_t total, receive_ns;
	uint32_t number;
	struct source_marker marker;
};

static uint32_t take(const uint8_t *data)
{
	return (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 | data[3];
}

static void check_sequence(const struct sequence *sequence, uint64_t received)
{
	MUST(sequence->received == received);
	MUST(sequence->received - sequence->loss.duplicate + sequence->loss.lost == sequence->covered);
	MUST(sequence->loss.late + sequence->loss.duplicate + sequence->loss.restarted <= sequence->received);
	MUST(sequence->run <= sequence->covered);
}

static void check_time(const struct source_time *time, uint64_t packets)
{
	uint64_t sum = 0, delays = 0;

	for (enum source_quality quality = 0; quality < SOURCE_QUALITY_COUNT; quality++) {
		sum += time->counts[quality];
		delays += quality >= SOURCE_wrap ? time->counts[quality] : 0;
	}
	MUST(sum == packets);
	MUST(time->delays == delays);
	MUST(!delays || time->delay_min_ns <= time->delay_max_ns);
	MUST(time->drift_ppb >= -500000 && time->drift_ppb <= 500000);
	MUST(time->jitter_ns >= 0);
}

static void give(struct state *state, const uint8_t *row)
{
	const unsigned int session = row[0] % SESSIONS, shift = row[17] % 40;
	const uint64_t passed = (uint64_t)take(row + 14) << shift;
	struct farspan_packet packet = {.timestamp = take(row + 5),
					.timestamp_upper = take(row + 9),
					.o = row[13] >> 7,
					.gra = row[13] >> 5 & 3,
					.platf_id = row[13] & 31};
	enum source_quality quality;
	uint64_t source_ns;
	uint32_t skipped;

	state->number = row[0] & NEARBY ? state->number + 1 + (row[4] & 3) - (row[3] & 3) : take(row + 1);
	sequence_group_add(&state->group, &state->sessions[session], state->number, &skipped);
	state->receive_ns += row[0] & BACKWARDS ? 0 - passed : passed;
	state->marker = (struct source_marker){.ticks = (uint64_t)take(row + 1) << 8, .utc_ns = state->receive_ns ^ take(row + 9)};
	quality = source_time_add(&state->times[session], &packet, state->receive_ns, row[0] & MARKED ? &state->marker : NULL,
				  state->receive_ns - take(row + 1), &source_ns);
	MUST(quality != SOURCE_none || source_ns == state->receive_ns);
	state->packets[session]++;
	state->total++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct state state = {0};

	for (; len >= ROW; data += ROW, len -= ROW) {
		give(&state, data);
		check_sequence(&state.group.all, state.total);
		for (unsigned int i = 0; i < SESSIONS; i++) {
			check_sequence(&state.sessions[i], state.packets[i]);
			check_time(&state.times[i], state.packets[i]);
		}
	}
	return 0;
}
