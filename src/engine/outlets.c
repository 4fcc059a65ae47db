/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/outlets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/plural.h"
#include "datapath/carrier.h"
#include "datapath/flow.h"
#include "datapath/owner.h"
#include "engine/mirror.h"
#include "engine/relay.h"
#include "host/netlink.h"

/* What the kernel put somewhere by itself. */
struct direct_count {
	uint64_t sent, lost;
};

struct outlets {
	struct netlink *netlink;
	struct netlink *follower;                              /* of the process that follows */
	struct injector *interfaces[SESSION_DESTINATIONS_MAX]; /* fed from here; those of a relay that is told more are only made here */
	unsigned int interface_count;
	struct injector *entry; /* of the relay; NULL: no relay */
	struct mirror *relay;
	struct session session;                                /* of the relay */
	struct direct_count directs[SESSION_DESTINATIONS_MAX]; /* of the interfaces; of the relay, the first */
	struct carrier *carrier;                         /* by which it is told what was received; NULL: it is told of the frames alone */
	struct injector *made[SESSION_DESTINATIONS_MAX]; /* of its destinations, interfaces that are made; NULL: others */
	bool gone[SESSION_DESTINATIONS_MAX];             /* of the interfaces */
	bool entry_gone;
	char trouble[64], news[64];
	bool told; /* the news */
};

enum {
	SETTLE_MS = 200, /* in which frames that were sent arrive at the other end of a pair */
};

/* Tunnels, VLANs and other namespaces are the relay's; interfaces are fed directly. */
static int open_destination(struct outlets *o, const struct endpoint *destination, struct error *error)
{
	int rc;

	if (destination->kinds != KIND_INTERFACE || endpoint_has(destination, ENDPOINT_KEY_netns))
		return session_append_destination(&o->session, destination, error);
	rc = injector_open(&o->interfaces[o->interface_count], o->netlink, destination->dev, error);
	o->interface_count += rc == 0;
	return rc;
}

/* The relay itself sends to an interface: one that is made, by its other end. */
static int open_relayed(struct outlets *o, unsigned int index, struct error *error)
{
	struct endpoint *destination = &o->session.destinations[index];
	struct injector **made = &o->interfaces[o->interface_count];
	struct link link;
	int rc;

	if (destination->kinds != KIND_INTERFACE || !netlink_link_by_name(o->netlink, destination->dev, &link, NULL))
		return 0;
	rc = injector_open(made, o->netlink, destination->dev, error);
	if (rc)
		return rc;
	o->interface_count++;
	o->made[index] = *made;
	snprintf(destination->dev, sizeof destination->dev, "%s", injector_sender(*made));
	return 0;
}

/* All is the relay's: it asks rules and hook, and knows what was received. */
static int open_carrier(struct outlets *o, struct error *error)
{
	struct match_rule *rules = calloc(MATCH_RULES_MAX, sizeof *rules);
	unsigned int count;
	int rc = rules ? relay_rules(&o->session, rules, &count, error) : fail(error, ENOMEM, "out of memory");

	if (!rc)
		rc = carrier_open(&o->carrier, rules, count, error);
	for (unsigned int i = 0; i < o->session.destination_count && !rc; i++)
		rc = open_relayed(o, i, error);
	o->session.carrier = o->carrier;
	free(rules);
	return rc;
}

static int open_destinations(struct outlets *o, const struct session *relay, struct error *error)
{
	int rc = session_copy(&o->session, relay);

	if (rc)
		return fail(error, ENOMEM, "out of memory");
	o->session.source_count = o->session.tunnel_count = 0;
	o->session.continues = false; /* without this process it ends; which may itself go on when its master is killed */
	if (relay_carries(relay))
		return open_carrier(o, error);
	o->session.destination_count = 0;
	for (unsigned int i = 0; i < relay->destination_count && !rc; i++)
		rc = open_destination(o, &relay->destinations[i], error);
	return rc;
}

static int open_relay(struct outlets *o, struct error *error)
{
	int rc;

	if (!o->session.destination_count)
		return 0;
	rc = injector_open_private(&o->entry, o->netlink, ATTACH_BEST, error);
	if (rc)
		return rc;
	o->session.directions[DIRECTION_RX] = true;
	rc = session_add_source(&o->session, injector_interface(o->entry), error);
	return rc ? rc : mirror_open(&o->relay, &o->session, ATTACH_BEST, error);
}

int outlets_open(struct outlets **opened, const struct session *relay, struct error *error)
{
	struct outlets *o = calloc(1, sizeof *o);
	int rc = o ? netlink_open(&o->netlink, error) : fail(error, ENOMEM, "out of memory");

	if (!rc)
		rc = open_destinations(o, relay, error);
	if (!rc)
		rc = open_relay(o, error);
	if (rc)
		outlets_close(o);
	else
		*opened = o;
	return rc;
}

void outlets_close(struct outlets *o)
{
	if (!o)
		return;
	mirror_close(o->relay);
	injector_close(o->entry);
	while (o->interface_count)
		injector_close(o->interfaces[--o->interface_count]);
	carrier_close(o->carrier);
	netlink_close(o->follower);
	netlink_close(o->netlink);
	session_clear(&o->session);
	free(o);
}

void outlets_deliver(void *outlets, const void *frame, size_t len, bool cut, const struct farspan_packet *packet)
{
	struct outlets *o = outlets;
	struct carried carried;

	if (o->carrier) {
		relay_describe(packet, &carried);
		injector_send(o->entry, frame, len, carrier_put(o->carrier, &carried, cut));
		return;
	}
	if (o->session.spread && o->interface_count)
		injector_send(o->interfaces[flow_share_of(frame, len, o->interface_count)], frame, len, 0);
	for (unsigned int i = 0; i < o->interface_count && !o->session.spread; i++)
		injector_send(o->interfaces[i], frame, len, 0);
	if (o->entry)
		injector_send(o->entry, frame, len, cut ? MARK_CUT_FRAME : 0);
}

void outlets_flush(struct outlets *o)
{
	for (unsigned int i = 0; i < o->interface_count; i++)
		injector_flush(o->interfaces[i]);
	if (o->entry)
		injector_flush(o->entry);
}

/* Who hands frames on may be another process by now, with which no netlink connection can be shared. */
static void restore_interfaces(struct outlets *o)
{
	if (!o->follower && netlink_open(&o->follower, NULL))
		return;
	for (unsigned int i = 0; i < o->interface_count; i++)
		injector_restore(o->interfaces[i], o->follower);
	if (o->entry)
		injector_restore(o->entry, o->follower);
}

void outlets_follow(struct outlets *o)
{
	restore_interfaces(o);
	if (o->relay)
		mirror_follow(o->relay);
}

static void find_interface(struct outlets *o, struct injector *injector, bool *was_gone)
{
	const char *name = injector_interface(injector);
	bool anew, gone = !injector_find(injector, &anew);

	if (gone)
		snprintf(o->trouble, sizeof o->trouble, "interface %s is gone, and what is for it is lost", name);
	if (gone == *was_gone && !anew)
		return;
	*was_gone = gone;
	if (gone)
		memcpy(o->news, o->trouble, sizeof o->news);
	else
		snprintf(o->news, sizeof o->news, "interface %s is there again", name);
	o->told = false;
}

void outlets_find(struct outlets *o)
{
	*o->trouble = '\0';
	for (unsigned int i = 0; i < o->interface_count; i++)
		find_interface(o, o->interfaces[i], &o->gone[i]);
	if (o->entry)
		find_interface(o, o->entry, &o->entry_gone);
}

const char *outlets_trouble(const struct outlets *o)
{
	return *o->trouble ? o->trouble : NULL;
}

const char *outlets_news(struct outlets *o)
{
	if (o->told || !*o->news)
		return NULL;
	o->told = true;
	return o->news;
}

void outlets_leave(struct outlets *o)
{
	(void)o;
	owner_leave_to_janitors();
}

unsigned int outlets_direct(const struct outlets *o, struct injector_entry *entries)
{
	if (o->entry && (o->carrier || !o->interface_count)) {
		injector_entry(o->entry, entries);
		return 1;
	}
	if (o->entry || (o->interface_count > 1 && !o->session.spread))
		return 0;
	for (unsigned int i = 0; i < o->interface_count; i++)
		injector_entry(o->interfaces[i], &entries[i]);
	return o->interface_count;
}

void outlets_count_direct(struct outlets *o, unsigned int place, uint64_t sent, uint64_t lost)
{
	o->directs[place] = (struct direct_count){sent, lost};
}

int outlets_carried(const struct outlets *o)
{
	return o->carrier ? carrier_carried(o->carrier) : -1;
}

/* What was put on an interface, and, if that can be told, what of it arrived. */
static void count_arrived(struct injector *injector, uint64_t given, struct outlet_counts *counts)
{
	uint64_t arrived;

	counts->sent = injector_arrived(injector, &arrived) && arrived < given ? arrived : given;
	counts->lost += given - counts->sent;
}

static void count_interface(const struct outlets *o, unsigned int index, struct outlet_counts *counts)
{
	struct injector *injector = o->interfaces[index];

	*counts = (struct outlet_counts){.lost = injector_lost(injector) + o->directs[index].lost};
	count_arrived(injector, injector_sent(injector) + o->directs[index].sent, counts);
}

static void count_relayed(const struct outlets *o, unsigned int index, struct outlet_counts *counts)
{
	struct counters c = {0};

	mirror_counters(o->relay, index, DIRECTION_RX, &c, NULL);
	*counts = (struct outlet_counts){
		.sent = c.value[COUNTER_sent],
		.refused = c.value[COUNTER_hook],
		.elsewhere = c.value[COUNTER_match],
		.lost = c.value[COUNTER_attempted] - c.value[COUNTER_sent] - c.value[COUNTER_hook] + injector_lost(o->entry) +
			o->directs[0].lost,
	};
	if (o->made[index])
		count_arrived(o->made[index], c.value[COUNTER_sent], counts);
}

static bool has_arrived(const struct outlets *o, unsigned int index)
{
	struct counters c = {0};
	uint64_t arrived;

	mirror_counters(o->relay, index, DIRECTION_RX, &c, NULL);
	return !o->made[index] || !injector_arrived(o->made[index], &arrived) || arrived >= c.value[COUNTER_sent];
}

static bool have_settled(const struct outlets *o)
{
	struct outlet_counts counts;
	bool settled = true;

	for (unsigned int i = 0; o->carrier && i < o->session.destination_count; i++)
		settled = settled && has_arrived(o, i);
	for (unsigned int i = 0; !o->carrier && i < o->interface_count; i++) {
		count_interface(o, i, &counts);
		settled = settled && counts.sent == injector_sent(o->interfaces[i]) + o->directs[i].sent;
	}
	return settled;
}

static void settle(const struct outlets *o)
{
	const struct timespec millisecond = {.tv_nsec = 1000000};

	for (unsigned int i = 0; i < SETTLE_MS && !have_settled(o); i++)
		nanosleep(&millisecond, NULL);
}

void outlets_stop(struct outlets *o)
{
	outlets_flush(o);
	if (!o->carrier)
		settle(o);
	if (o->relay)
		mirror_stop(o->relay);
	if (o->carrier)
		settle(o);
}

static const char *relayed_name(const struct outlets *o, unsigned int index, char name[64])
{
	if (!o->made[index])
		return mirror_destination_text(o->relay, index);
	snprintf(name, 64, "interface %s", injector_interface(o->made[index]));
	return name;
}

void outlets_each(struct outlets *o, void (*visit)(void *context, const char *name, const struct outlet_counts *counts), void *context)
{
	struct outlet_counts counts;
	char name[64];

	for (unsigned int i = 0; i < o->interface_count && !o->carrier; i++) {
		snprintf(name, sizeof name, "interface %s", injector_interface(o->interfaces[i]));
		count_interface(o, i, &counts);
		visit(context, name, &counts);
	}
	for (unsigned int i = 0; i < o->session.destination_count; i++) {
		count_relayed(o, i, &counts);
		visit(context, relayed_name(o, i, name), &counts);
	}
}

static void report_one(void *context, const char *name, const struct outlet_counts *counts)
{
	fprintf(context, "  %s: %llu frame%s, %llu lost", name, (unsigned long long)counts->sent, plural(counts->sent),
		(unsigned long long)counts->lost);
	if (counts->refused)
		fprintf(context, ", %llu refused by the hook", (unsigned long long)counts->refused);
	if (counts->elsewhere)
		fprintf(context, ", %llu for others by the rules", (unsigned long long)counts->elsewhere);
	fputc('\n', context);
}

void outlets_report(FILE *out, struct outlets *o)
{
	outlets_each(o, report_one, out);
}
