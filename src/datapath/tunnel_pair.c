/* SPDX-License-Identifier: BSD-2-Clause */
#include "datapath/tunnel_pair.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "datapath/owner.h"
#include "model/tunnel.h"
#include "monitor.skel.h"

#define ALIAS_PREFIX "farspan tunnel: "

enum {
	FIRST_MTU = 1280, /* until the way to the other end of the tunnel is known; the least that IPv6 takes */
	ENDS = 3,         /* places where a frame may have to end: the inner end, and both directions of the user's */
	REMOVE_POLL_US = 10 * 1000,
	REMOVE_POLLS = 500, /* five seconds */
};

struct tunnel_pair {
	struct netlink *netlink;
	struct owner owner;
	enum attach_way way;
	struct link device; /* the user's end; ifindex 0: not made */
	char inner[IFNAMSIZ];
	struct monitor_bpf *ender;
	struct attachment ends[ENDS];
	unsigned int end_count;
};

static int end_frames(struct tunnel_pair *pair, int ifindex, enum direction direction, struct error *error)
{
	return attach_program(bpf_program__fd(pair->ender->progs.farspan_monitor), ifindex, direction, pair->way,
			      owner_filter_handle(pair->owner.id), &pair->ends[pair->end_count++], error);
}

static int attach_ends(struct tunnel_pair *pair, bool monitor, struct error *error)
{
	struct link inner;
	int rc = netlink_link_by_name(pair->netlink, pair->inner, &inner, error);

	if (rc)
		return rc;
	pair->ender = monitor_bpf__open_and_load();
	if (!pair->ender)
		return fail(error, errno, "%s: eBPF program: %s", pair->device.name, strerror(errno));
	/* A veth takes no frame that is longer than its other end's MTU: what the device may send must always fit. */
	rc = netlink_set_mtu(pair->netlink, inner.ifindex, TUNNEL_MTU_MAX, error);
	if (!rc)
		rc = end_frames(pair, inner.ifindex, DIRECTION_RX, error);
	for (enum direction d = 0; d < DIRECTIONS && monitor && !rc; d++)
		rc = end_frames(pair, pair->device.ifindex, d, error);
	return rc;
}

static int make_pair(struct tunnel_pair *pair, const char *name, const char *alias, struct error *error)
{
	char text[sizeof pair->device.alias];
	struct link other;
	int rc;

	if (netlink_link_by_name(pair->netlink, name, &other, error) == 0)
		return fail(error, EEXIST, "there is an interface '%s' already", name);
	if ((rc = owner_take(&pair->owner, OWNER_MORTAL, error)) || (rc = owner_start_janitor(&pair->owner, error)) ||
	    (rc = owner_sweep(pair->netlink, NULL, error)))
		return rc;
	owner_device_name(&pair->owner, "tun", pair->inner);
	snprintf(text, sizeof text, ALIAS_PREFIX "%s", alias);
	rc = netlink_add_pair(pair->netlink, name, pair->inner, text, FIRST_MTU, error);
	if (!rc && (rc = netlink_link_by_name(pair->netlink, name, &pair->device, error)))
		netlink_delete_named(pair->netlink, pair->inner);
	return rc;
}

static int open_parts(struct tunnel_pair *pair, const char *name, bool monitor, const char *alias, struct error *error)
{
	int rc = make_pair(pair, name, alias, error);

	if (!rc)
		rc = attach_ends(pair, monitor, error);
	/* Only now: nothing may be sent while there is nobody to end it. */
	return rc || monitor ? rc : netlink_make_usable(pair->netlink, name, error);
}

int tunnel_pair_open(struct tunnel_pair **opened, struct netlink *netlink, const char *name, bool monitor, const char *alias,
		     enum attach_way way, struct error *error)
{
	struct tunnel_pair *pair = calloc(1, sizeof *pair);
	int rc;

	if (!pair)
		return fail(error, ENOMEM, "tunnel: out of memory");
	pair->netlink = netlink;
	pair->owner = OWNER_NONE;
	pair->way = way;
	rc = open_parts(pair, name, monitor, alias, error);
	if (rc)
		tunnel_pair_close(pair);
	else
		*opened = pair;
	return rc;
}

void tunnel_pair_close(struct tunnel_pair *pair)
{
	if (!pair)
		return;
	while (pair->end_count)
		attach_remove(&pair->ends[--pair->end_count]);
	monitor_bpf__destroy(pair->ender);
	if (pair->device.ifindex && tunnel_pair_alive(pair))
		netlink_delete_link(pair->netlink, pair->device.ifindex, NULL);
	owner_release(&pair->owner);
	owner_dismiss_janitor(&pair->owner);
	free(pair);
}

const char *tunnel_pair_inner(const struct tunnel_pair *pair)
{
	return pair->inner;
}

bool tunnel_pair_alive(const struct tunnel_pair *pair)
{
	struct link link;

	/* The index may be another device's by now. */
	return netlink_link_by_index(pair->netlink, pair->device.ifindex, &link, NULL) == 0 && tunnel_pair_is_device(&link);
}

int tunnel_pair_set_mtu(struct tunnel_pair *pair, unsigned int mtu, struct error *error)
{
	return netlink_set_mtu(pair->netlink, pair->device.ifindex, mtu, error);
}

const char *tunnel_pair_text(const struct link *link)
{
	const size_t prefix = strlen(ALIAS_PREFIX);

	if (!owner_is_device(link) || strncmp(link->alias, ALIAS_PREFIX, prefix) != 0 || owner_names(link))
		return NULL;
	return link->alias + prefix;
}

bool tunnel_pair_is_device(const struct link *link)
{
	return tunnel_pair_text(link) != NULL;
}

int tunnel_pair_remove(struct netlink *netlink, const struct link *device, struct error *error)
{
	struct link inner;
	int rc = netlink_link_by_index(netlink, device->peer, &inner, error);

	if (!rc)
		rc = netlink_delete_link(netlink, device->ifindex, error);
	for (int i = 0; !rc && owner_lives(&inner); i++) {
		if (i == REMOVE_POLLS)
			return fail(error, ETIMEDOUT, "interface '%s' is removed, but its process has not ended", device->name);
		usleep(REMOVE_POLL_US);
	}
	return rc;
}
