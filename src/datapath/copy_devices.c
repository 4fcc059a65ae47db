/* SPDX-License-Identifier: BSD-2-Clause */
#include "datapath/copy_devices.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

#include "datapath/bpf_error.h"
#include "datapath/bpf_objects.h"
#include "datapath/offload.h"
#include "datapath/skb_layout.h"
#include "datapath/steering.h"
#include "encap.skel.h"
#include "hop.skel.h"

enum {
	PAIR_MTU = 65535, /* the largest a veth takes: the pair must never be what limits a copy */
};

static int make_pair(struct copy_devices *devices, struct error *error)
{
	char segmenter[IFNAMSIZ], encapsulator[IFNAMSIZ];
	int rc;

	owner_device_name(devices->owner, "seg", segmenter);
	owner_device_name(devices->owner, "enc", encapsulator);
	rc = netlink_add_pair(devices->netlink, segmenter, encapsulator, "farspan: private, copies on their way", PAIR_MTU, error);
	if (!rc)
		rc = offload_disable_tx(segmenter, error);
	if (!rc)
		rc = netlink_link_by_name(devices->netlink, segmenter, &devices->segmenter, error);
	if (!rc)
		rc = netlink_link_by_name(devices->netlink, encapsulator, &devices->encapsulator, error);
	return rc;
}

/*
 * The pair in front of the segmenter, with --cpus: whole copies pass it, and change over to the CPU of their flow on the way (receive
 * packet steering at its far end).
 */
static int make_hop(struct copy_devices *devices, struct error *error)
{
	char entry[IFNAMSIZ], exit[IFNAMSIZ];
	struct link far;
	int rc;

	devices->entry = devices->segmenter;
	if (!devices->cpus->some)
		return 0;
	owner_device_name(devices->owner, "hop", entry);
	owner_device_name(devices->owner, "cpu", exit);
	devices->hop = hop_bpf__open();
	if (!devices->hop)
		return fail_bpf(error, -errno, "steering program");
	memcpy((void *)&devices->hop->rodata->ways, &devices->ways, sizeof devices->ways);
	if ((rc = bpf_objects_share_maps(devices->hop->obj, devices->encap->bpf->obj)))
		return fail_bpf(error, rc, "steering program");
	if ((rc = hop_bpf__load(devices->hop)))
		return fail_bpf(error, rc, "steering program");
	if ((rc = netlink_add_pair(devices->netlink, entry, exit, "farspan: private, copies on their way", PAIR_MTU, error)) ||
	    (rc = netlink_link_by_name(devices->netlink, entry, &devices->entry, error)) ||
	    (rc = netlink_link_by_name(devices->netlink, exit, &far, error)) || (rc = steering_set(exit, devices->cpus, error)))
		return rc;
	return attach_program(bpf_program__fd(devices->hop->progs.farspan_hop), far.ifindex, DIRECTION_RX, ATTACH_BEST,
			      owner_filter_handle(devices->owner->id), &devices->hop_attachment, error);
}

/* Where frames come in from the segmenter, and where copies are sent to that need no segmenting. */
static int attach_encap(struct copy_devices *devices, struct error *error)
{
	int program = bpf_program__fd(devices->encap->bpf->progs.farspan_encap), ifindex = devices->encapsulator.ifindex;
	uint32_t handle = owner_filter_handle(devices->owner->id);
	int rc = attach_program(program, ifindex, DIRECTION_RX, ATTACH_BEST, handle, &devices->encap_attachment, error);

	return rc ? rc : attach_program(program, ifindex, DIRECTION_TX, ATTACH_BEST, handle, &devices->straight_attachment, error);
}

static void find_ways(struct copy_devices *devices)
{
	struct copy_ways *ways = &devices->ways;

	ways->segmenter = (__u32)devices->segmenter.ifindex;
	if (!skb_layout_find_ip_summed(&ways->ip_summed_off, &ways->ip_summed_shift, &devices->not_straight))
		ways->encapsulator = (__u32)devices->encapsulator.ifindex;
}

int copy_devices_make(struct copy_devices *devices, struct error *error)
{
	int rc = make_pair(devices, error);

	if (rc || (rc = attach_encap(devices, error)))
		return rc;
	find_ways(devices);
	return make_hop(devices, error);
}

void copy_devices_remove(struct copy_devices *devices)
{
	attach_remove(&devices->hop_attachment);
	hop_bpf__destroy(devices->hop);
	devices->hop = NULL;
	attach_remove(&devices->straight_attachment);
	attach_remove(&devices->encap_attachment);
	if (devices->entry.ifindex && devices->entry.ifindex != devices->segmenter.ifindex)
		netlink_delete_link(devices->netlink, devices->entry.ifindex, NULL);
	if (devices->segmenter.ifindex)
		netlink_delete_link(devices->netlink, devices->segmenter.ifindex, NULL);
}

static bool is_there(const struct copy_devices *devices, const struct link *made)
{
	struct link link;

	return !netlink_link_by_index(devices->netlink, made->ifindex, &link, NULL) && strcmp(link.name, made->name) == 0;
}

bool copy_devices_are_whole(const struct copy_devices *devices)
{
	return is_there(devices, &devices->segmenter) && is_there(devices, &devices->encapsulator) && is_there(devices, &devices->entry) &&
	       attach_is_there(&devices->encap_attachment) && attach_is_there(&devices->straight_attachment) &&
	       (!devices->hop || attach_is_there(&devices->hop_attachment));
}

void copy_devices_ways(const struct copy_devices *devices, struct copy_ways *ways)
{
	*ways = devices->ways;
	if (devices->hop)
		*ways = (struct copy_ways){.segmenter = (__u32)devices->entry.ifindex};
}
