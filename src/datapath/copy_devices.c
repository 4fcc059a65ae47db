/* SPDX-License-Identifier: BSD-2-Clause */
#include "datapath/copy_devices.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "datapath/bpf_error.h"
#include "datapath/bpf_objects.h"
#include "datapath/whole_probe.h"
#include "encap.skel.h"
#include "hop.skel.h"
#include "host/offload.h"
#include "host/skb_layout.h"
#include "host/steering.h"

#define COPIES_ALIAS "farspan: private, copies on their way"

enum {
	PAIR_MTU = 65535, /* the largest a veth takes: the pair must never be what limits a copy */
};

static const char kept_encap[] = "attached_encap", kept_straight[] = "attached_straight", kept_hop[] = "attached_hop",
		  kept_whole[] = "attached_whole", kept_segmenter[] = "attached_segmenter", whole_way[] = "whole", summed_way[] = "summed";

/* What the kernel was found to do with super-packets that are wrapped whole. It stays the same, so it is found out once. */
static struct verdict {
	bool known;
	unsigned int exact;
	struct error why_not;
} verdict_whole, verdict_summed;

static int make_pair(struct copy_devices *devices, struct error *error)
{
	char segmenter[IFNAMSIZ], encapsulator[IFNAMSIZ];
	int rc;

	owner_device_name(devices->owner, "seg", segmenter);
	owner_device_name(devices->owner, "enc", encapsulator);
	rc = netlink_add_pair(devices->netlink, segmenter, encapsulator, COPIES_ALIAS, PAIR_MTU, error);
	if (!rc)
		rc = offload_disable_tx(segmenter, error);
	if (!rc)
		rc = netlink_link_by_name(devices->netlink, segmenter, &devices->segmenter, error);
	if (!rc)
		rc = netlink_link_by_name(devices->netlink, encapsulator, &devices->encapsulator, error);
	return rc;
}

static int load_hop(struct copy_devices *devices, struct error *error)
{
	int rc;

	devices->hop = hop_bpf__open();
	if (!devices->hop)
		return fail_bpf(error, -errno, "steering program");
	memcpy((void *)&devices->hop->rodata->ways, &devices->ways, sizeof devices->ways);
	rc = bpf_objects_share_maps(devices->hop->obj, devices->encap->bpf->obj);
	if (!rc)
		rc = hop_bpf__load(devices->hop);
	return rc ? fail_bpf(error, rc, "steering program") : 0;
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
	if ((rc = load_hop(devices, error)) || (rc = netlink_add_pair(devices->netlink, entry, exit, COPIES_ALIAS, PAIR_MTU, error)) ||
	    (rc = netlink_link_by_name(devices->netlink, entry, &devices->entry, error)) ||
	    (rc = netlink_link_by_name(devices->netlink, exit, &far, error)) || (rc = steering_set(exit, devices->cpus, error)))
		return rc;
	return attach_program(bpf_program__fd(devices->hop->progs.farspan_hop), far.ifindex, DIRECTION_RX, ATTACH_BEST,
			      owner_filter_handle(devices->owner->id), &devices->hop_attachment, error);
}

static int attach_encap(struct copy_devices *devices, enum direction direction, struct attachment *attachment, struct error *error)
{
	return attach_program(bpf_program__fd(devices->encap->bpf->progs.farspan_encap), devices->encapsulator.ifindex, direction,
			      ATTACH_BEST, owner_filter_handle(devices->owner->id), attachment, error);
}

static void find_ways(struct copy_devices *devices)
{
	struct copy_ways *ways = &devices->ways;

	ways->segmenter = (__u32)devices->segmenter.ifindex;
	if (!skb_layout_find_ip_summed(&ways->ip_summed_off, &ways->ip_summed_shift, &devices->not_straight))
		ways->encapsulator = (__u32)devices->encapsulator.ifindex;
}

static int make_whole_way(struct copy_devices *devices, struct error *error)
{
	char name[IFNAMSIZ];
	int rc;

	owner_device_name(devices->owner, "mac", name);
	if ((rc = netlink_add_macvlan(devices->netlink, name, devices->encapsulator.ifindex, COPIES_ALIAS, PAIR_MTU, error)) ||
	    (rc = netlink_link_by_name(devices->netlink, name, &devices->whole, error)))
		return rc;
	return attach_program(bpf_program__fd(devices->encap->bpf->progs.farspan_whole), devices->whole.ifindex, DIRECTION_TX, ATTACH_BEST,
			      owner_filter_handle(devices->owner->id), &devices->whole_attachment, error);
}

static void remove_whole_way(struct copy_devices *devices)
{
	attach_remove(&devices->whole_attachment);
	if (devices->whole.ifindex)
		netlink_delete_link(devices->netlink, devices->whole.ifindex, NULL);
	devices->whole.ifindex = 0;
}

static bool may_wrap_whole(const struct copy_devices *devices, const struct verdict *verdict, struct error *error)
{
	*error = (struct error){0};
	if (devices->encap->hooked)
		fail(error, EOPNOTSUPP, "the hook sees every frame");
	else if (devices->encap->bpf->rodata->has_carrier)
		fail(error, EOPNOTSUPP, "what a relay keeps of a frame goes with that frame alone");
	else if (devices->in_use && !verdict->known)
		fail(error, EBUSY, "this was not tried out before the mirrors that go on were begun");
	return !error->code;
}

static unsigned int find_verdict(struct verdict *verdict, const struct whole_probe *probe, struct error *error)
{
	if (!verdict->known)
		whole_probe(probe, &verdict->exact, &verdict->why_not);
	verdict->known = true;
	*error = verdict->why_not;
	return verdict->exact;
}

/* Whatever is missing here is no failure: everything goes as it would otherwise. */
static void find_whole_way(struct copy_devices *devices)
{
	struct whole_probe probe = {devices->encap, &devices->whole, &devices->segmenter, &devices->encapsulator};

	devices->ways.whole = devices->whole_exact = 0;
	if (!devices->ways.encapsulator) {
		devices->not_whole = devices->not_straight;
		return;
	}
	if (may_wrap_whole(devices, &verdict_whole, &devices->not_whole) && !make_whole_way(devices, &devices->not_whole))
		devices->whole_exact = find_verdict(&verdict_whole, &probe, &devices->not_whole);
	if (devices->whole_exact)
		devices->ways.whole = (__u32)devices->whole.ifindex;
	else
		remove_whole_way(devices);
}

static void find_summed_way(struct copy_devices *devices)
{
	struct whole_probe probe = {devices->encap, &devices->segmenter, NULL, &devices->encapsulator};
	int program = bpf_program__fd(devices->encap->bpf->progs.farspan_segment);

	devices->summed_exact = 0;
	if (may_wrap_whole(devices, &verdict_summed, &devices->not_summed) &&
	    !attach_program(program, devices->segmenter.ifindex, DIRECTION_TX, ATTACH_BEST, owner_filter_handle(devices->owner->id),
			    &devices->segmenter_attachment, &devices->not_summed))
		devices->summed_exact = find_verdict(&verdict_summed, &probe, &devices->not_summed);
	if (!devices->summed_exact)
		attach_remove(&devices->segmenter_attachment);
}

/* Where copies are sent to that need no segmenting; and, once the whole way is tried out, where frames come in from the segmenter. */
int copy_devices_make(struct copy_devices *devices, struct error *error)
{
	int rc = make_pair(devices, error);

	if (rc || (rc = attach_encap(devices, DIRECTION_TX, &devices->straight_attachment, error)))
		return rc;
	find_ways(devices);
	find_whole_way(devices);
	find_summed_way(devices);
	rc = attach_encap(devices, DIRECTION_RX, &devices->encap_attachment, error);
	return rc ? rc : make_hop(devices, error);
}

/* ---- taking over ---- */

static int find_device(const struct copy_devices *devices, const char *role, struct link *link)
{
	char name[IFNAMSIZ];

	owner_device_name(devices->owner, role, name);
	return netlink_link_by_name(devices->netlink, name, link, NULL);
}

static int take_attachment(const struct copy_devices *devices, const struct kept *kept, const char *name, int ifindex,
			   enum direction direction, struct attachment *attachment)
{
	return attach_find(kept_get(kept, name), ifindex, direction, owner_filter_handle(devices->owner->id), attachment);
}

static int take_pair(struct copy_devices *devices, const struct kept *kept)
{
	int program = bpf_program__fd(devices->encap->bpf->progs.farspan_encap), rc;

	if ((rc = find_device(devices, "seg", &devices->segmenter)) || (rc = find_device(devices, "enc", &devices->encapsulator)) ||
	    (rc = take_attachment(devices, kept, kept_encap, devices->encapsulator.ifindex, DIRECTION_RX, &devices->encap_attachment)) ||
	    (rc = take_attachment(devices, kept, kept_straight, devices->encapsulator.ifindex, DIRECTION_TX,
				  &devices->straight_attachment)) ||
	    (rc = attach_replace(&devices->encap_attachment, program, NULL)))
		return rc;
	return attach_replace(&devices->straight_attachment, program, NULL);
}

static int take_hop(struct copy_devices *devices, const struct kept *kept)
{
	struct link far;
	int rc;

	devices->entry = devices->segmenter;
	if (!devices->cpus->some)
		return 0;
	if ((rc = find_device(devices, "hop", &devices->entry)) || (rc = find_device(devices, "cpu", &far)) ||
	    (rc = load_hop(devices, NULL)) ||
	    (rc = take_attachment(devices, kept, kept_hop, far.ifindex, DIRECTION_RX, &devices->hop_attachment)))
		return rc;
	return attach_replace(&devices->hop_attachment, bpf_program__fd(devices->hop->progs.farspan_hop), NULL);
}

static void exact_note(const char *way, unsigned int exact, char name[KEPT_NAME_MAX])
{
	snprintf(name, KEPT_NAME_MAX, "%s_exact_%u", way, exact);
}

/* What the process before found out. */
static void take_verdict(struct verdict *verdict, const struct kept *kept, const char *way)
{
	char name[KEPT_NAME_MAX];

	for (unsigned int exact = 1; exact <= WHOLE_EXACT_ALL; exact++) {
		exact_note(way, exact, name);
		if (kept_is_noted(kept, name))
			*verdict = (struct verdict){.known = true, .exact = exact};
	}
}

static int take_whole_way(struct copy_devices *devices, const struct kept *kept)
{
	int program = bpf_program__fd(devices->encap->bpf->progs.farspan_whole), rc;

	take_verdict(&verdict_whole, kept, whole_way);
	if (find_device(devices, "mac", &devices->whole)) {
		find_whole_way(devices); /* says why not */
		return 0;
	}
	if ((rc = take_attachment(devices, kept, kept_whole, devices->whole.ifindex, DIRECTION_TX, &devices->whole_attachment)) ||
	    (rc = attach_replace(&devices->whole_attachment, program, NULL)))
		return rc;
	devices->whole_exact = verdict_whole.exact;
	devices->ways.whole = (__u32)devices->whole.ifindex;
	return 0;
}

static int take_summed_way(struct copy_devices *devices, const struct kept *kept)
{
	int program = bpf_program__fd(devices->encap->bpf->progs.farspan_segment);

	take_verdict(&verdict_summed, kept, summed_way);
	if (take_attachment(devices, kept, kept_segmenter, devices->segmenter.ifindex, DIRECTION_TX, &devices->segmenter_attachment)) {
		find_summed_way(devices);
		return 0;
	}
	devices->summed_exact = verdict_summed.exact;
	return attach_replace(&devices->segmenter_attachment, program, NULL);
}

int copy_devices_take_over(struct copy_devices *devices, const struct kept *kept, struct error *error)
{
	int rc;

	devices->in_use = true;
	rc = take_pair(devices, kept);
	if (!rc) {
		find_ways(devices);
		rc = take_whole_way(devices, kept);
	}
	if (!rc)
		rc = take_summed_way(devices, kept);
	if (!rc)
		rc = take_hop(devices, kept);
	if (!rc)
		return 0;
	find_device(devices, "seg", &devices->segmenter);
	find_device(devices, "hop", &devices->entry);
	copy_devices_remove(devices);
	return copy_devices_make(devices, error);
}

static int keep(const struct attachment *attachment, const struct kept *kept, const char *name, struct error *error)
{
	return attachment->ifindex && attachment->link >= 0 ? kept_hold(kept, name, attachment->link, error) : 0;
}

/* With what was found out of a way. */
static int keep_exact(const struct attachment *attachment, const struct kept *kept, const char *name, const char *way, unsigned int exact,
		      struct error *error)
{
	char note[KEPT_NAME_MAX];
	int rc = exact ? keep(attachment, kept, name, error) : 0;

	exact_note(way, exact, note);
	return rc || !exact ? rc : kept_note(kept, note, error);
}

int copy_devices_keep(const struct copy_devices *devices, const struct kept *kept, struct error *error)
{
	int rc = keep(&devices->encap_attachment, kept, kept_encap, error);

	if (!rc)
		rc = keep(&devices->straight_attachment, kept, kept_straight, error);
	if (!rc)
		rc = keep(&devices->hop_attachment, kept, kept_hop, error);
	if (!rc)
		rc = keep_exact(&devices->whole_attachment, kept, kept_whole, whole_way, devices->whole_exact, error);
	return rc ? rc : keep_exact(&devices->segmenter_attachment, kept, kept_segmenter, summed_way, devices->summed_exact, error);
}

void copy_devices_remove(struct copy_devices *devices)
{
	devices->in_use = true;
	attach_remove(&devices->hop_attachment);
	hop_bpf__destroy(devices->hop);
	devices->hop = NULL;
	attach_remove(&devices->segmenter_attachment);
	attach_remove(&devices->whole_attachment); /* its device goes with the one that it is on */
	devices->whole.ifindex = 0;
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
	       (!devices->ways.whole || (is_there(devices, &devices->whole) && attach_is_there(&devices->whole_attachment))) &&
	       (!devices->summed_exact || attach_is_there(&devices->segmenter_attachment)) &&
	       (!devices->hop || attach_is_there(&devices->hop_attachment));
}

void copy_devices_ways(const struct copy_devices *devices, struct copy_ways *ways)
{
	*ways = devices->ways;
	if (devices->hop)
		*ways = (struct copy_ways){.segmenter = (__u32)devices->entry.ifindex};
}
