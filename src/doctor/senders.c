/* SPDX-License-Identifier: BSD-2-Clause */
/* Senders whose packets arrive now and are not taken, and sources from which nothing comes. */
#include "doctor/doctor.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/plural.h"
#include "engine/collect.h"
#include "host/sniffer.h"

enum {
	SENDERS_MAX = 64,
	SOURCES_MAX = 256,
};

/* Packets of one sender that are refused for one reason. */
struct refused {
	enum collect_counter reason;
	struct address sender, to;
	uint64_t packets;
};

struct listening {
	struct collect *collect;
	struct collect_summary before;
	struct refused refused[SENDERS_MAX];
	unsigned int count;
};

static void read_address(unsigned int ip_version, const uint8_t *bytes, struct address *address)
{
	*address = (struct address){.family = (uint8_t)ip_version};
	memcpy(address->bytes, bytes, ip_version == 4 ? 4 : 16);
}

static void take_refused(struct listening *listening, enum collect_counter reason, const void *frame, size_t len)
{
	const struct farspan_context context = {.link = FARSPAN_LINK_ETHERNET};
	struct refused new = {.reason = reason, .packets = 1};
	struct farspan_packet packet;

	farspan_decode(&context, frame, len, &packet);
	if (!packet.ip_version)
		return;
	read_address(packet.ip_version, packet.outer_src, &new.sender);
	read_address(packet.ip_version, packet.outer_dst, &new.to);
	for (unsigned int i = 0; i < listening->count; i++) {
		struct refused *old = &listening->refused[i];

		if (old->reason == reason && address_equal(&old->sender, &new.sender) && address_equal(&old->to, &new.to)) {
			old->packets++;
			return;
		}
	}
	if (listening->count < SENDERS_MAX)
		listening->refused[listening->count++] = new;
}

/* Which counter a packet ended in is seen by its change. What is no tunnel is others' business. */
static void take_frame(void *context, const void *frame, size_t len)
{
	struct listening *listening = context;
	struct collect_summary now;

	(void)collect_packet(listening->collect, clock_wall_ns(), FARSPAN_LINK_ETHERNET, frame, len);
	collect_summarize(listening->collect, &now);
	for (unsigned int i = 0; i < COLLECT_COUNTER_COUNT; i++)
		if (now.counters[i] != listening->before.counters[i] && collect_counter_class(i) == COLLECT_CLASS_refused &&
		    i != COLLECT_not_tunnel)
			take_refused(listening, i, frame, len);
	listening->before = now;
}

static unsigned int gather(const struct session_list *list, struct endpoint sources[SOURCES_MAX])
{
	unsigned int count = 0;

	for (size_t i = 0; i < list->count; i++)
		for (unsigned int t = 0; !list->sessions[i]->disabled && t < list->sessions[i]->tunnel_count && count < SOURCES_MAX; t++)
			sources[count++] = list->sessions[i]->tunnels[t];
	return count;
}

static void report(const struct listening *listening, unsigned int milliseconds, struct findings *findings)
{
	char sender[ADDRESS_TEXT_MAX], to[ADDRESS_TEXT_MAX];

	for (unsigned int i = 0; i < listening->count; i++) {
		const struct refused *refused = &listening->refused[i];

		findings_add(findings, SEVERITY_warning, "senders", address_text(&refused->sender, sender),
			     "compare with what the sender is set to; add it to a source, or stop the sender",
			     "sent %llu packet%s to %s within %u ms that are refused: %s", (unsigned long long)refused->packets,
			     plural(refused->packets), address_text(&refused->to, to), milliseconds, collect_counter_text(refused->reason));
	}
	if (listening->before.packets)
		findings_add(findings, SEVERITY_fine, "senders", "", "", "%llu mirrored frame%s came within %u ms, of %u session%s",
			     (unsigned long long)listening->before.packets, plural(listening->before.packets), milliseconds,
			     listening->before.sessions, plural(listening->before.sessions));
	else
		findings_add(findings, SEVERITY_note, "senders", "", "see on the sender whether it mirrors anything now",
			     "no mirrored frame that would be taken came within %u ms", milliseconds);
}

void doctor_listen(const struct session_list *list, unsigned int milliseconds, struct findings *findings)
{
	struct endpoint *sources = calloc(SOURCES_MAX, sizeof *sources);
	struct collect_config config = {.sources = sources, .sessions_max = SENDERS_MAX};
	struct listening *listening = calloc(1, sizeof *listening);
	struct error error = {0};

	config.source_count = sources ? gather(list, sources) : 0;
	if (listening && config.source_count) {
		if (collect_open(&config, &listening->collect, &error) == 0 &&
		    sniffer_run(NULL, milliseconds, take_frame, listening, &error) == 0)
			report(listening, milliseconds, findings);
		collect_close(listening->collect);
		if (error.code)
			findings_add(findings, SEVERITY_note, "senders", "", "run it as root", "%s", error.text);
	}
	free(listening);
	free(sources);
}
