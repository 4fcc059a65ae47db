/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/tunnel_device.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/hash.h"
#include "datapath/owner.h"
#include "datapath/tunnel_pair.h"
#include "engine/collect.h"
#include "engine/destination.h"
#include "engine/live.h"
#include "engine/mirror.h"
#include "engine/outlets.h"
#include "host/netlink.h"
#include "wire/fields.h"

struct tunnel_device {
	struct tunnel tunnel;
	struct netlink *netlink;
	struct tunnel_pair *pair;
	struct mirror *mirror; /* of what is sent to the device; NULL: there is no known other end */
	struct outlets *outlets;
	struct collect *collect;
	struct live *live; /* what arrives */
	unsigned int mtu;  /* as last set */
	int claim;         /* to what arrives for it */
	int epoll;
};

/* "erspan2 10.9.0.1 -> 10.9.0.2 id 100", as ip-link(8) shows it */
static void describe(const struct tunnel *tunnel, char *text, size_t size)
{
	char local[ADDRESS_TEXT_MAX] = "any", remote[ADDRESS_TEXT_MAX] = "any", number[DESTINATION_NUMBER_MAX] = "";

	if (tunnel->in.address.family)
		address_text(&tunnel->in.address, local);
	if (tunnel->sends)
		address_text(&tunnel->out.address, remote);
	if (tunnel->sends)
		destination_number(&tunnel->out, number);
	snprintf(text, size, "%s %s -> %s%s%s", tunnel->type, local, remote, number, tunnel->monitor ? ", monitor" : "");
}

/* Two that take the same packets would each get what came to it first. */
static int claim_packets(struct tunnel_device *d, const char *text, struct error *error)
{
	struct endpoint in = d->tunnel.in;

	in.in_order = 0; /* what it refuses of them it takes all the same */
	in.given &= ~(1ull << ENDPOINT_KEY_in_order);
	d->claim = owner_claim_number(hash64(HASH64_START, &in, sizeof in));
	if (d->claim == -EADDRINUSE)
		return fail(error, EADDRINUSE, "tunnel '%s': another one of %s takes the same packets", d->tunnel.name, text);
	return d->claim < 0 ? fail(error, -d->claim, "tunnel '%s': %s", d->tunnel.name, strerror(-d->claim)) : 0;
}

/* A session, the caller's, of what arrives somewhere; NULL without memory. */
static struct session *session_to(const struct endpoint *destination, struct error *error)
{
	struct session *session = session_new("");

	if (!session || session_append_destination(session, destination, error)) {
		session_free(session);
		fail(error, ENOMEM, "out of memory");
		return NULL;
	}
	session->directions[DIRECTION_TX] = false;
	return session;
}

static int open_sender(struct tunnel_device *d, enum attach_way way, struct error *error)
{
	struct session *session;
	int rc;

	if (!d->tunnel.sends)
		return 0;
	session = session_to(&d->tunnel.out, error);
	rc = session ? session_add_source(session, tunnel_pair_inner(d->pair), error) : -ENOMEM;
	if (!rc)
		rc = mirror_open(&d->mirror, session, way, error);
	session_free(session);
	return rc;
}

static int open_receiver(struct tunnel_device *d, enum attach_way way, struct error *error)
{
	struct endpoint inner = {.kinds = KIND_INTERFACE};
	struct session *delivery;
	struct live_config live = {.sources = &d->tunnel.in, .source_count = 1, .way = way, .narrow = true, .outlet_count = 1};
	struct collect_output output = {.deliver = outlets_deliver};
	const struct collect_config config = {.sources = &d->tunnel.in, .source_count = 1, .outputs = &output, .output_count = 1};
	int rc;

	snprintf(inner.dev, sizeof inner.dev, "%s", tunnel_pair_inner(d->pair));
	delivery = session_to(&inner, error);
	rc = delivery ? outlets_open(&d->outlets, delivery, error) : -ENOMEM;
	session_free(delivery);
	output.deliver_context = d->outlets;
	live.outlets = &d->outlets;
	if (rc || (rc = collect_open(&config, &d->collect, error)) || (rc = live_open(&d->live, &live, d->collect, error)))
		return rc;
	return live_listen(d->live, error);
}

/* What fits the way, unless the user said. */
static int follow_mtu(struct tunnel_device *d, struct error *error)
{
	unsigned int fits = d->mirror ? mirror_destination_frame_max(d->mirror, 0) : 0;
	unsigned int mtu = d->tunnel.mtu ? d->tunnel.mtu : fits > WIRE_ETHERNET_LEN ? fits - WIRE_ETHERNET_LEN : d->mtu;
	int rc = mtu && mtu != d->mtu ? tunnel_pair_set_mtu(d->pair, mtu, error) : 0;

	if (!rc)
		d->mtu = mtu;
	return rc;
}

static int watch(struct tunnel_device *d, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	return epoll_ctl(d->epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

static int open_events(struct tunnel_device *d, struct error *error)
{
	int rc;

	d->epoll = epoll_create1(EPOLL_CLOEXEC);
	rc = d->epoll < 0 ? -errno : watch(d, live_fd(d->live));
	if (!rc && d->mirror)
		rc = watch(d, mirror_fd(d->mirror));
	return rc ? fail(error, -rc, "tunnel: %s", strerror(-rc)) : 0;
}

static int open_parts(struct tunnel_device *d, enum attach_way way, struct error *error)
{
	char text[128];
	int rc;

	describe(&d->tunnel, text, sizeof text);
	if ((rc = claim_packets(d, text, error)) || (rc = netlink_open(&d->netlink, error)) ||
	    (rc = tunnel_pair_open(&d->pair, d->netlink, d->tunnel.name, d->tunnel.monitor, text, way, error)) ||
	    (rc = open_receiver(d, way, error)) || (rc = open_sender(d, way, error)) || (rc = follow_mtu(d, error)))
		return rc;
	return open_events(d, error);
}

int tunnel_device_open(struct tunnel_device **opened, const struct tunnel *tunnel, enum attach_way way, struct error *error)
{
	struct tunnel_device *d = calloc(1, sizeof *d);
	int rc;

	if (!d)
		return fail(error, ENOMEM, "tunnel: out of memory");
	d->tunnel = *tunnel;
	d->epoll = d->claim = -1;
	rc = open_parts(d, way, error);
	if (rc)
		tunnel_device_close(d);
	else
		*opened = d;
	return rc;
}

void tunnel_device_close(struct tunnel_device *d)
{
	if (!d)
		return;
	if (d->epoll >= 0)
		close(d->epoll);
	live_close(d->live);
	collect_close(d->collect);
	outlets_close(d->outlets);
	mirror_close(d->mirror);
	tunnel_pair_close(d->pair);
	netlink_close(d->netlink);
	if (d->claim >= 0)
		close(d->claim);
	free(d);
}

int tunnel_device_fd(const struct tunnel_device *d)
{
	return d->epoll;
}

void tunnel_device_serve(struct tunnel_device *d)
{
	struct epoll_event events[2];
	int count = epoll_wait(d->epoll, events, 2, 0);

	live_drain(d->live);
	outlets_flush(d->outlets);
	live_handed_on(d->live);
	for (int i = 0; i < count && d->mirror; i++)
		if (events[i].data.fd == mirror_fd(d->mirror))
			mirror_follow(d->mirror);
}

int tunnel_device_follow(struct tunnel_device *d, struct error *error)
{
	if (!tunnel_pair_alive(d->pair))
		return fail(error, ENODEV, "tunnel '%s': somebody removed the interface", d->tunnel.name);
	live_follow(d->live, NULL);
	if (d->mirror)
		mirror_follow(d->mirror);
	return follow_mtu(d, error);
}

unsigned int tunnel_device_mtu(const struct tunnel_device *d)
{
	return d->mtu;
}

const char *tunnel_device_waits_for(const struct tunnel_device *d)
{
	return d->mirror ? mirror_destination_waits_for(d->mirror, 0) : "";
}
