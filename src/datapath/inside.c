/* SPDX-License-Identifier: BSD-2-Clause */
#include "datapath/inside.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "datapath/bpf_error.h"
#include "datapath/crossing.h"
#include "host/netns.h"
#include "inside.skel.h"

struct inside {
	struct inside *next;
	unsigned int number;
	int host_end; /* ifindex */
	struct stat netns;
	int ifindex; /* of the container's interface, in there */
	struct crossing pair;
	struct inside_bpf *object;      /* NULL: there is nothing */
	struct attachment program, end; /* in there; at our end of the pair */
	bool used;
};

struct insides {
	struct netlink *netlink;
	const struct owner *owner;
	struct inside *first;
};

uint64_t inside_passed(const struct link *inner, const struct link *host_end)
{
	return inner->arrived > host_end->sent ? inner->arrived - host_end->sent : 0;
}

struct insides *insides_open(struct netlink *netlink, const struct owner *owner)
{
	struct insides *insides = calloc(1, sizeof *insides);

	if (insides)
		*insides = (struct insides){.netlink = netlink, .owner = owner};
	return insides;
}

/* The link is what holds the program: it may be closed from here. */
static void take_out(struct insides *insides, struct inside *inside)
{
	attach_remove(&inside->program);
	attach_remove(&inside->end);
	crossing_remove(&inside->pair, insides->netlink);
	inside_bpf__destroy(inside->object);
	inside->object = NULL;
}

void insides_end_unused(struct insides *insides)
{
	struct inside **link = &insides->first;

	while (*link) {
		struct inside *inside = *link;

		if (inside->used) {
			inside->used = false;
			link = &inside->next;
		} else {
			*link = inside->next;
			take_out(insides, inside);
			free(inside);
		}
	}
}

void insides_close(struct insides *insides)
{
	if (!insides)
		return;
	for (struct inside *inside = insides->first; inside; inside = inside->next)
		inside->used = false;
	insides_end_unused(insides);
	free(insides);
}

static struct inside *find(struct insides *insides, int host_end)
{
	struct inside *inside = insides->first;

	while (inside && inside->host_end != host_end)
		inside = inside->next;
	return inside;
}

static bool has_number(const struct insides *insides, unsigned int number)
{
	for (const struct inside *inside = insides->first; inside; inside = inside->next)
		if (inside->number == number)
			return true;
	return false;
}

static struct inside *find_or_add(struct insides *insides, int host_end)
{
	struct inside *inside = find(insides, host_end);

	if (inside || !(inside = calloc(1, sizeof *inside)))
		return inside;
	inside->host_end = host_end;
	while (has_number(insides, inside->number))
		inside->number++;
	inside->next = insides->first;
	insides->first = inside;
	return inside;
}

static int load(struct inside *inside, struct error *error)
{
	int rc;

	inside->object = inside_bpf__open();
	if (!inside->object)
		return fail_bpf(error, -errno, "program for a container");
	inside->object->rodata->inner = (__u32)inside->pair.inner.ifindex;
	rc = inside_bpf__load(inside->object);
	return rc ? fail_bpf(error, rc, "program for a container") : 0;
}

/*
 * Called inside of the namespace. Only what goes with this process is left in there: a filter at clsact would not, and no janitor could
 * look for it.
 */
static int attach_there(struct inside *inside, struct error *error)
{
	return attach_program(bpf_program__fd(inside->object->progs.farspan_inside), inside->ifindex, DIRECTION_RX, ATTACH_LINK, 0,
			      &inside->program, error);
}

/* Called inside of the namespace. */
static int put_in(struct insides *insides, struct inside *inside, const char *name, int netns, struct error *error)
{
	struct netlink *there;
	struct link link;
	int rc = netlink_open(&there, error);

	if (rc)
		return rc;
	rc = netlink_link_by_name(there, name, &link, error);
	if (!rc && inside->object && (link.ifindex != inside->ifindex || !attach_is_there(&inside->program)))
		take_out(insides, inside);
	if (!rc && !inside->object) {
		inside->ifindex = link.ifindex;
		if (!(rc = crossing_make(&inside->pair, insides->owner, INSIDE_PAIR, inside->number, insides->netlink, there, netns,
					 error)) &&
		    !(rc = load(inside, error)))
			rc = attach_there(inside, error);
	} else if (!rc) {
		rc = netlink_link_by_index(there, inside->pair.inner.ifindex, &inside->pair.inner, error);
	}
	netlink_close(there);
	return rc;
}

/* Nothing comes out before the pair is up: the end must be there by then. */
static int open_exit(struct insides *insides, struct inside *inside, struct error *error)
{
	int rc = attach_program(bpf_program__fd(inside->object->progs.farspan_end), inside->pair.entry.ifindex, DIRECTION_RX, ATTACH_BEST,
				owner_filter_handle(insides->owner->id), &inside->end, error);

	return rc ? rc : crossing_bring_up(&inside->pair, insides->netlink, error);
}

static int enter(struct insides *insides, struct inside *inside, const char *name, int netns, struct error *error)
{
	int home, rc;

	if (inside->object && (!crossing_is_there(&inside->pair, insides->netlink) || !attach_is_there(&inside->end)))
		take_out(insides, inside);
	home = netns_enter(netns, error);
	if (home < 0)
		return home;
	rc = put_in(insides, inside, name, netns, error);
	netns_leave(home);
	if (!rc && !inside->end.ifindex)
		rc = open_exit(insides, inside, error);
	if (rc)
		take_out(insides, inside);
	return rc;
}

int insides_follow(struct insides *insides, const struct link *host_end, const char *netns, const char *name, enum attach_way way,
		   struct link *exit, struct error *error)
{
	struct inside *inside = way == ATTACH_CLSACT ? NULL : find_or_add(insides, host_end->ifindex);
	struct stat now;
	int fd, rc;

	if (!inside)
		return way == ATTACH_CLSACT ? fail(error, EOPNOTSUPP, "that takes tcx") : fail(error, ENOMEM, "out of memory");
	fd = netns_open(netns, error);
	if (fd < 0)
		return fd;
	rc = fstat(fd, &now) ? fail(error, errno, "network namespace '%s': %s", netns, strerror(errno)) : 0;
	if (!rc && (now.st_ino != inside->netns.st_ino || now.st_dev != inside->netns.st_dev))
		take_out(insides, inside);
	inside->netns = now;
	if (!rc)
		rc = enter(insides, inside, name, fd, error);
	close(fd);
	if (!rc)
		rc = netlink_link_by_index(insides->netlink, inside->pair.entry.ifindex, exit, error);
	if (rc)
		return rc;
	inside->used = true;
	exit->lost = inside->pair.inner.lost + inside->object->bss->lost;
	return 0;
}
