/* SPDX-License-Identifier: BSD-2-Clause */
#include "datapath/relay.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "datapath/attach.h"
#include "datapath/bpf_error.h"
#include "datapath/bpf_objects.h"
#include "datapath/crossing.h"
#include "encap.skel.h"
#include "host/netns.h"
#include "relay.skel.h"

struct relay {
	struct netlink *netlink;
	const struct owner *owner;
	const struct encap_object *encap;
	uint32_t slot;
	struct stat netns;  /* where it leads to */
	struct link target; /* as it was there when last looked at */
	struct crossing pair;
	struct relay_bpf *object;     /* NULL: no pair */
	struct attachment attachment; /* in the other namespace */
};

struct relay *relay_open(struct netlink *netlink, const struct owner *owner, const struct encap_object *encap, uint32_t slot)
{
	struct relay *relay = calloc(1, sizeof *relay);

	if (relay)
		*relay = (struct relay){.netlink = netlink, .owner = owner, .encap = encap, .slot = slot, .attachment = {.link = -1}};
	return relay;
}

/* What is attached goes with the pair: nothing needs to be done inside. */
static void remove_pair(struct relay *relay)
{
	bpf_map_delete_elem(bpf_map__fd(relay->encap->bpf->maps.relays), &relay->slot);
	crossing_remove(&relay->pair, relay->netlink);
	if (relay->attachment.link >= 0)
		close(relay->attachment.link);
	relay_bpf__destroy(relay->object);
	relay->object = NULL;
	relay->attachment = (struct attachment){.link = -1};
}

void relay_close(struct relay *relay)
{
	if (!relay)
		return;
	remove_pair(relay);
	free(relay);
}

bool relay_has_pair(const struct relay *relay)
{
	return relay->object != NULL;
}

static int load_program(struct relay *relay, struct error *error)
{
	int rc;

	relay->object = relay_bpf__open();
	if (!relay->object)
		return fail_bpf(error, -errno, "relay program");
	relay->object->rodata->slot = relay->slot;
	rc = bpf_objects_share_maps(relay->object->obj, relay->encap->bpf->obj);
	if (!rc)
		rc = relay_bpf__load(relay->object);
	return rc ? fail_bpf(error, rc, "relay program") : 0;
}

/* Called inside of the namespace. */
static int make_pair(struct relay *relay, struct netlink *inside, int netns, struct error *error)
{
	int rc;

	if ((rc = load_program(relay, error)) ||
	    (rc = crossing_make(&relay->pair, relay->owner, RELAY_PAIR, relay->slot, relay->netlink, inside, netns, error)))
		return rc;
	return attach_program(bpf_program__fd(relay->object->progs.farspan_relay), relay->pair.inner.ifindex, DIRECTION_RX, ATTACH_BEST,
			      owner_filter_handle(relay->owner->id), &relay->attachment, error);
}

/* Called inside of the namespace, as the map takes the number of an interface for that of the caller's namespace. */
static int hold_target(struct relay *relay, struct error *error)
{
	int relays = bpf_map__fd(relay->encap->bpf->maps.relays);
	__u32 ifindex = (__u32)relay->target.ifindex, held = 0;

	if (bpf_map_lookup_elem(relays, &relay->slot, &held) == 0 && held == ifindex)
		return 0;
	return bpf_map_update_elem(relays, &relay->slot, &ifindex, BPF_ANY)
		       ? fail(error, ENODEV, "interface %s has just gone", relay->target.name)
		       : 0;
}

/* Called inside of the namespace. */
static int follow_inside(struct relay *relay, int netns, const char *name, struct netlink *inside, struct link *outer, bool *made,
			 struct error *error)
{
	int rc = netlink_link_by_name(inside, name, &relay->target, error);

	if (rc)
		return rc;
	if (!relay->target.ethernet)
		return fail(error, EINVAL, "interface '%s' does not take Ethernet frames", name);
	if (netns_outer(relay->netlink, netns, &relay->target, outer)) {
		remove_pair(relay);
		return 0;
	}
	if (!crossing_is_there(&relay->pair, relay->netlink) || !attach_is_there(&relay->attachment)) {
		remove_pair(relay);
		*made = true;
		rc = make_pair(relay, inside, netns, error);
	}
	return rc ? rc : hold_target(relay, error);
}

static int enter_and_follow(struct relay *relay, int netns, const char *name, struct link *outer, struct error *error)
{
	struct netlink *inside;
	bool made = false;
	int home = netns_enter(netns, error), rc;

	if (home < 0)
		return home;
	rc = netlink_open(&inside, error);
	if (!rc) {
		rc = follow_inside(relay, netns, name, inside, outer, &made, error);
		netlink_close(inside);
	}
	netns_leave(home);
	if (!rc && made)
		rc = crossing_bring_up(&relay->pair, relay->netlink, error);
	if (rc && made)
		remove_pair(relay);
	return rc;
}

void relay_add_lost(const struct relay *relay, struct link *uplink)
{
	if (relay->object)
		uplink->lost += relay->object->bss->lost;
}

int relay_follow(struct relay *relay, const char *netns, const char *name, struct link *uplink, struct error *error)
{
	int fd = netns_open(netns, error), rc;
	struct stat now;

	if (fd < 0) {
		remove_pair(relay);
		return fd;
	}
	rc = fstat(fd, &now) ? fail(error, errno, "network namespace '%s': %s", netns, strerror(errno)) : 0;
	if (!rc && (now.st_ino != relay->netns.st_ino || now.st_dev != relay->netns.st_dev))
		remove_pair(relay);
	relay->netns = now;
	if (!rc)
		rc = enter_and_follow(relay, fd, name, uplink, error);
	close(fd);
	if (rc == -ENODEV)
		return fail(error, ENODEV, "interface '%s' of network namespace '%s': no such interface", name, netns);
	if (!rc && relay->object && (rc = netlink_link_by_index(relay->netlink, relay->pair.entry.ifindex, uplink, error)))
		return rc == -ENODEV ? fail(error, ENODEV, "the way to interface '%s' has just gone", name) : rc;
	if (rc)
		return rc;
	uplink->up = uplink->up && relay->target.up;
	uplink->mtu = uplink->mtu < relay->target.mtu ? uplink->mtu : relay->target.mtu;
	relay_add_lost(relay, uplink);
	return 0;
}
