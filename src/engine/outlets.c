/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/outlets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "datapath/flow.h"
#include "datapath/netlink.h"
#include "datapath/owner.h"
#include "engine/mirror.h"

/* What the kernel put somewhere by itself. */
struct direct_count {
	uint64_t sent, lost;
};

struct outlets {
	struct netlink *netlink;
	struct injector *interfaces[SESSION_DESTINATIONS_MAX];
	unsigned int interface_count;
	struct injector *entry; /* of the relay; NULL: no relay */
	struct mirror *relay;
	struct session session;                                /* of the relay */
	struct direct_count directs[SESSION_DESTINATIONS_MAX]; /* of the interfaces; of the relay, the first */
};

enum {
	SETTLE_MS = 200, /* in which frames that were sent arrive at the other end of a pair */
};

/* Tunnels, VLANs and other namespaces are the relay's; interfaces are fed directly. */
static int open_destination(struct outlets *o, const struct endpoint *destination, struct error *error)
{
	int rc;

	if (destination->kinds != KIND_INTERFACE || endpoint_has(destination, ENDPOINT_KEY_netns)) {
		o->session.destinations[o->session.destination_count++] = *destination;
		return 0;
	}
	rc = injector_open(&o->interfaces[o->interface_count], o->netlink, destination->dev, error);
	o->interface_count += rc == 0;
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

	if (o) {
		o->session = *relay;
		o->session.destination_count = o->session.source_count = 0;
	}
	for (unsigned int i = 0; i < relay->destination_count && !rc; i++)
		rc = open_destination(o, &relay->destinations[i], error);
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
	netlink_close(o->netlink);
	free(o);
}

void outlets_deliver(void *outlets, const void *frame, size_t len, bool cut)
{
	struct outlets *o = outlets;

	if (o->session.spread && o->interface_count)
		injector_send(o->interfaces[flow_share_of(frame, len, o->interface_count)], frame, len, false);
	for (unsigned int i = 0; i < o->interface_count && !o->session.spread; i++)
		injector_send(o->interfaces[i], frame, len, false);
	if (o->entry)
		injector_send(o->entry, frame, len, cut);
}

void outlets_flush(struct outlets *o)
{
	for (unsigned int i = 0; i < o->interface_count; i++)
		injector_flush(o->interfaces[i]);
	if (o->entry)
		injector_flush(o->entry);
}

void outlets_follow(struct outlets *o)
{
	if (o->relay)
		mirror_follow(o->relay);
}

void outlets_leave(struct outlets *o)
{
	(void)o;
	owner_leave_to_janitors();
}

unsigned int outlets_direct(const struct outlets *o, struct injector_entry *entries)
{
	if (o->entry && !o->interface_count) {
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

/* What was put on the interface, and, if that can be told, what of it arrived. */
static void count_frames(const struct outlets *o, unsigned int interface, uint64_t *sent, uint64_t *lost)
{
	struct injector *injector = o->interfaces[interface];
	uint64_t arrived, given = injector_sent(injector) + o->directs[interface].sent;

	*sent = injector_arrived(injector, &arrived) && arrived < given ? arrived : given;
	*lost = injector_lost(injector) + o->directs[interface].lost + given - *sent;
}

static bool have_settled(const struct outlets *o)
{
	uint64_t sent, lost;

	for (unsigned int i = 0; i < o->interface_count; i++) {
		count_frames(o, i, &sent, &lost);
		if (sent != injector_sent(o->interfaces[i]) + o->directs[i].sent)
			return false;
	}
	return true;
}

void outlets_stop(struct outlets *o)
{
	const struct timespec millisecond = {.tv_nsec = 1000000};

	outlets_flush(o);
	for (unsigned int i = 0; i < SETTLE_MS && !have_settled(o); i++)
		nanosleep(&millisecond, NULL);
	if (o->relay)
		mirror_stop(o->relay);
}

void outlets_each(struct outlets *o, void (*visit)(void *context, const char *name, uint64_t sent, uint64_t lost), void *context)
{
	uint64_t sent, lost;
	char name[64];

	for (unsigned int i = 0; i < o->interface_count; i++) {
		snprintf(name, sizeof name, "interface %s", injector_interface(o->interfaces[i]));
		count_frames(o, i, &sent, &lost);
		visit(context, name, sent, lost);
	}
	for (unsigned int i = 0; i < o->session.destination_count; i++) {
		struct counters c = {0};

		mirror_counters(o->relay, i, DIRECTION_RX, &c, NULL);
		visit(context, mirror_destination_text(o->relay, i), c.value[COUNTER_sent],
		      c.value[COUNTER_attempted] - c.value[COUNTER_sent] + injector_lost(o->entry) + o->directs[0].lost);
	}
}

static void report_one(void *context, const char *name, uint64_t sent, uint64_t lost)
{
	fprintf(context, "  %s: %llu frames, %llu lost\n", name, (unsigned long long)sent, (unsigned long long)lost);
}

void outlets_report(FILE *out, struct outlets *o)
{
	outlets_each(o, report_one, out);
}
