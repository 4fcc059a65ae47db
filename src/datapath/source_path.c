/* SPDX-License-Identifier: BSD-2-Clause */
#include "datapath/source_path.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "datapath/attach_order.h"
#include "datapath/bpf_error.h"
#include "datapath/encap_object.h"
#include "datapath/filter.h"
#include "datapath/offload.h"
#include "datapath/owner.h"
#include "datapath/skb_layout.h"
#include "datapath/steering.h"
#include "encap.skel.h"
#include "hop.skel.h"
#include "source.skel.h"

enum {
	PAIR_MTU = 65535, /* the largest a veth takes: the pair must never be what limits a copy */
	SETTLE_POLL_US = 5 * 1000,
	SETTLE_POLLS = 100, /* half a second */
};

/* A loaded source program. Taps for which it would be the same share it: nothing in it tells interfaces apart. */
struct source_program {
	struct source_program *next;
	struct source_bpf *object;
	enum direction direction;     /* that it counts as */
	unsigned int filter_revision; /* of the filters in it */
	unsigned int taps;
	int known; /* see attach_make_known() */
};

/* Where a program is attached. */
struct tap_program {
	struct source_program *program;
	struct attachment attachment;
	enum direction direction; /* the program's; attachment.direction is where it stands */
};

struct source_path {
	struct netlink *netlink;
	struct owner owner;
	struct cpus on_cpus;
	struct link segmenter, encapsulator; /* the two ends of the pair */
	struct link entry;                   /* where the sources send copies: the segmenter, or a hop in front of it */
	struct hop_bpf *hop;                 /* NULL: no hop */
	struct attachment hop_attachment;
	struct encap_object encap;
	struct attachment encap_attachment, straight_attachment;
	struct copy_ways ways;                /* of copies from the CPU that wraps them up */
	struct error not_straight;            /* code 0: what is as on the wire goes straight to the encapsulation; else why not */
	struct filter_compiler *compiler;     /* NULL: nothing compiled so far */
	struct filter *filters[SESSIONS_MAX]; /* by first_slot; NULL: none */
	struct source_bpf *shared;            /* never attached: keeps the maps that all source programs share */
	struct source_program *programs;
	struct tap wanted;            /* constants of the program to be found or loaded */
	unsigned int filter_revision; /* changes with any of the filters */
	struct tap_program *taps;
	unsigned int tap_count, tap_room;
	unsigned int slots_used; /* highest slot + 1 */
	int cpus;
	int statistics;               /* descriptor that keeps the kernel measuring; -1: it does not */
	struct source_path_cost gone; /* of programs that are gone */
	struct counters *per_cpu;     /* room for one element of the per-CPU map */
};

static int set_element(struct bpf_map *map, __u32 key, const void *value, const char *what, struct error *error)
{
	int rc = bpf_map_update_elem(bpf_map__fd(map), &key, value, BPF_ANY);

	return rc ? fail_bpf(error, rc, what) : 0;
}

/* What the encapsulation has made all programs use, and what the first source program has made all others. */
static int share_maps(struct source_path *path, struct bpf_object *object)
{
	struct bpf_map *map, *made;

	bpf_object__for_each_map (map, object) {
		made = bpf_object__find_map_by_name(path->encap.bpf->obj, bpf_map__name(map));
		if (!made && path->shared)
			made = bpf_object__find_map_by_name(path->shared->obj, bpf_map__name(map));
		/* Every object has constants of its own. */
		if (made && !bpf_map__is_internal(map) && bpf_map__reuse_fd(map, bpf_map__fd(made)))
			return -errno;
	}
	return 0;
}

static int make_pair(struct source_path *path, struct error *error)
{
	char segmenter[IFNAMSIZ], encapsulator[IFNAMSIZ];
	int rc;

	owner_device_name(&path->owner, "seg", segmenter);
	owner_device_name(&path->owner, "enc", encapsulator);
	rc = netlink_add_pair(path->netlink, segmenter, encapsulator, "farspan: private, copies on their way", PAIR_MTU, error);
	if (!rc)
		rc = offload_disable_tx(segmenter, error);
	if (!rc)
		rc = netlink_link_by_name(path->netlink, segmenter, &path->segmenter, error);
	if (!rc)
		rc = netlink_link_by_name(path->netlink, encapsulator, &path->encapsulator, error);
	return rc;
}

/*
 * The pair in front of the segmenter, with --cpus: whole copies pass it, and change over to the CPU of their flow on the way (receive
 * packet steering at its far end).
 */
static int make_hop(struct source_path *path, struct error *error)
{
	char entry[IFNAMSIZ], exit[IFNAMSIZ];
	struct link far;
	int rc;

	path->entry = path->segmenter;
	if (!path->on_cpus.some)
		return 0;
	owner_device_name(&path->owner, "hop", entry);
	owner_device_name(&path->owner, "cpu", exit);
	path->hop = hop_bpf__open();
	if (!path->hop)
		return fail_bpf(error, -errno, "steering program");
	memcpy((void *)&path->hop->rodata->ways, &path->ways, sizeof path->ways);
	if ((rc = share_maps(path, path->hop->obj)))
		return fail_bpf(error, rc, "steering program");
	if ((rc = hop_bpf__load(path->hop)))
		return fail_bpf(error, rc, "steering program");
	if ((rc = netlink_add_pair(path->netlink, entry, exit, "farspan: private, copies on their way", PAIR_MTU, error)) ||
	    (rc = netlink_link_by_name(path->netlink, entry, &path->entry, error)) ||
	    (rc = netlink_link_by_name(path->netlink, exit, &far, error)) || (rc = steering_set(exit, &path->on_cpus, error)))
		return rc;
	return attach_program(bpf_program__fd(path->hop->progs.farspan_hop), far.ifindex, DIRECTION_RX, ATTACH_BEST,
			      owner_filter_handle(path->owner.id), &path->hop_attachment, error);
}

/* Where frames come in from the segmenter, and where copies are sent to that need no segmenting. */
static int attach_encap(struct source_path *path, struct error *error)
{
	int program = bpf_program__fd(path->encap.bpf->progs.farspan_encap), ifindex = path->encapsulator.ifindex;
	uint32_t handle = owner_filter_handle(path->owner.id);
	int rc = attach_program(program, ifindex, DIRECTION_RX, ATTACH_BEST, handle, &path->encap_attachment, error);

	return rc ? rc : attach_program(program, ifindex, DIRECTION_TX, ATTACH_BEST, handle, &path->straight_attachment, error);
}

static void find_ways(struct source_path *path)
{
	struct copy_ways *ways = &path->ways;

	ways->segmenter = (__u32)path->segmenter.ifindex;
	if (!skb_layout_find_ip_summed(&ways->ip_summed_off, &ways->ip_summed_shift, &path->not_straight))
		ways->encapsulator = (__u32)path->encapsulator.ifindex;
}

static int make_devices(struct source_path *path, struct error *error)
{
	int rc = make_pair(path, error);

	if (rc || (rc = attach_encap(path, error)))
		return rc;
	find_ways(path);
	return make_hop(path, error);
}

static void remove_devices(struct source_path *path)
{
	attach_remove(&path->hop_attachment);
	hop_bpf__destroy(path->hop);
	path->hop = NULL;
	attach_remove(&path->straight_attachment);
	attach_remove(&path->encap_attachment);
	if (path->entry.ifindex && path->entry.ifindex != path->segmenter.ifindex)
		netlink_delete_link(path->netlink, path->entry.ifindex, NULL);
	if (path->segmenter.ifindex)
		netlink_delete_link(path->netlink, path->segmenter.ifindex, NULL);
}

static bool is_there(struct source_path *path, const struct link *made)
{
	struct link link;

	return !netlink_link_by_index(path->netlink, made->ifindex, &link, NULL) && strcmp(link.name, made->name) == 0;
}

bool source_path_is_whole(struct source_path *path)
{
	return is_there(path, &path->segmenter) && is_there(path, &path->encapsulator) && is_there(path, &path->entry) &&
	       attach_is_there(&path->encap_attachment) && attach_is_there(&path->straight_attachment) &&
	       (!path->hop || attach_is_there(&path->hop_attachment));
}

int source_path_mend(struct source_path *path, struct error *error)
{
	remove_devices(path);
	return make_devices(path, error);
}

/* An interface that has just gone is not held, and nothing will be sent to its number. */
static void hold_uplink(struct source_path *path, const struct session_config *config)
{
	int uplinks = bpf_map__fd(path->encap.bpf->maps.uplinks);

	bpf_map_delete_elem(uplinks, &config->place);
	if (config->uplink)
		bpf_map_update_elem(uplinks, &config->place, &config->uplink, BPF_ANY);
}

bool source_path_holds_uplink(struct source_path *path, __u32 slot)
{
	__u32 place, ifindex;

	return bpf_map_lookup_elem(bpf_map__fd(path->encap.bpf->maps.current), &slot, &place) == 0 &&
	       bpf_map_lookup_elem(bpf_map__fd(path->encap.bpf->maps.uplinks), &place, &ifindex) == 0;
}

int source_path_set_session(struct source_path *path, __u32 slot, const struct session_config *config, struct error *error)
{
	int sessions = bpf_map__fd(path->encap.bpf->maps.sessions), current = bpf_map__fd(path->encap.bpf->maps.current);
	int unfinished = bpf_map__fd(path->encap.bpf->maps.unfinished_max);
	__u32 used = 0, other, none = 0;
	/* A hook sees the frame as it is on the wire. */
	const __u32 *max = path->encap.hooked ? &none : &config->unfinished_max;
	struct session_config placed = *config;
	int rc;

	if (slot >= SESSIONS_MAX)
		return fail(error, ENOSPC, "more than %d sessions", SESSIONS_MAX);
	rc = bpf_map_lookup_elem(current, &slot, &used);
	other = used == slot * 2 ? slot * 2 + 1 : slot * 2;
	/* No copy comes unfinished to a session that cannot have it finished. */
	if (!rc)
		rc = bpf_map_update_elem(unfinished, &slot, &none, BPF_ANY);
	placed.place = other;
	hold_uplink(path, &placed);
	if (!rc)
		rc = bpf_map_update_elem(sessions, &other, &placed, BPF_ANY);
	if (!rc)
		rc = bpf_map_update_elem(current, &slot, &other, BPF_ANY);
	if (!rc)
		rc = bpf_map_update_elem(unfinished, &slot, max, BPF_ANY);
	if (slot >= path->slots_used)
		path->slots_used = slot + 1;
	return rc ? fail_bpf(error, rc, "session") : 0;
}

int source_path_guard(struct source_path *path, const struct tunnel_key *tunnel, struct error *error)
{
	__u32 present = 1;
	int rc = bpf_map_update_elem(bpf_map__fd(path->encap.bpf->maps.own_tunnels), tunnel, &present, BPF_ANY);

	return rc ? fail_bpf(error, rc, "loop guard") : 0;
}

void source_path_unguard(struct source_path *path, const struct tunnel_key *tunnel)
{
	bpf_map_delete_elem(bpf_map__fd(path->encap.bpf->maps.own_tunnels), tunnel);
}

int source_path_set_bucket(struct source_path *path, __u32 first_slot, __u64 cost_scale, __u64 burst_ns, bool count_bits,
			   struct error *error)
{
	struct bucket bucket = {0};
	struct bpf_map *map = path->shared->maps.buckets;

	bpf_map_lookup_elem(bpf_map__fd(map), &first_slot, &bucket);
	bucket.cost_scale = cost_scale;
	bucket.burst_ns = burst_ns;
	bucket.count_bits = count_bits;
	return set_element(map, first_slot, &bucket, "rate", error);
}

int source_path_set_vlans(struct source_path *path, __u32 first_slot, const struct vlan_set *vlans, struct error *error)
{
	return set_element(path->shared->maps.vlan_sets, first_slot, vlans, "VLANs", error);
}

int source_path_set_filter(struct source_path *path, __u32 first_slot, const char *expression, struct error *error)
{
	struct filter *filter = NULL;
	int rc = 0;

	if (first_slot >= SESSIONS_MAX)
		return fail(error, ENOSPC, "more than %d sessions", SESSIONS_MAX);
	if (expression && *expression && !path->compiler)
		rc = filter_compiler_open(&path->compiler, path->segmenter.name, error);
	if (!rc && path->compiler && expression)
		rc = filter_compile(path->compiler, expression, &filter, error);
	if (rc)
		return rc;
	path->filter_revision += path->filters[first_slot] || filter;
	filter_free(path->filters[first_slot]);
	path->filters[first_slot] = filter;
	return 0;
}

int source_path_check_filter(struct source_path *path, const char *expression, struct error *error)
{
	struct filter *filter = NULL;
	int rc = 0;

	if (!path->compiler)
		rc = filter_compiler_open(&path->compiler, path->segmenter.name, error);
	if (!rc)
		rc = filter_compile(path->compiler, expression, &filter, error);
	filter_free(filter);
	return rc;
}

int source_path_set_seed(struct source_path *path, __u32 slot, const struct spread_seed *seed, struct error *error)
{
	return set_element(path->shared->maps.spread_seeds, slot, seed, "spread", error);
}

static int clear_counters(struct source_path *path, __u32 slot, struct error *error)
{
	int rc = 0;

	memset(path->per_cpu, 0, (size_t)path->cpus * sizeof *path->per_cpu);
	for (__u32 d = 0; d < DIRECTIONS && !rc; d++) {
		__u32 key = slot * DIRECTIONS + d;

		rc = bpf_map_update_elem(bpf_map__fd(path->encap.bpf->maps.counters), &key, path->per_cpu, BPF_ANY);
	}
	return rc ? fail_bpf(error, rc, "counters") : 0;
}

int source_path_clear_slot(struct source_path *path, __u32 slot, struct error *error)
{
	static const struct session_state state;
	static const struct bucket bucket;
	static const __u64 samples;
	int rc = clear_counters(path, slot, error);

	if (!rc)
		rc = set_element(path->encap.bpf->maps.states, slot, &state, "session", error);
	if (!rc)
		rc = set_element(path->shared->maps.sample_counts, slot, &samples, "sample", error);
	return rc ? rc : set_element(path->shared->maps.buckets, slot, &bucket, "rate", error);
}

/* ---- taps ---- */

static void set_constants(struct source_path *path, struct tap *tap, const struct leg *legs, unsigned int count)
{
	if (path->hop)
		tap->ways.segmenter = (__u32)path->entry.ifindex;
	else
		tap->ways = path->ways;
	tap->count = count;
	for (unsigned int i = 0; i < count; i++) {
		tap->legs[i] = legs[i];
		tap->wants_flow |= legs[i].slot_count > 1 || legs[i].sample == SAMPLE_FLOW;
		tap->wants_vlan |= legs[i].some_vlans;
		tap->udp_copies |= legs[i].udp_copies;
	}
}

/* Numbers the filters of the tap's legs. What several legs share is run once. */
static void number_filters(struct source_path *path, struct tap *tap, const struct filter *filters[FILTERS_MAX])
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < tap->count; i++) {
		const struct filter *filter = path->filters[tap->legs[i].first_slot % SESSIONS_MAX];
		unsigned int number = 0;

		tap->legs[i].filter = 0;
		if (!filter)
			continue;
		while (number < count && !filter_equal(filters[number], filter))
			number++;
		if (number == count)
			filters[count++] = filter;
		tap->legs[i].filter = number + 1;
	}
	tap->filter_count = count;
}

/* Loads a program with these constants. */
static int load_source(struct source_path *path, enum direction direction, const struct tap *tap, const struct filter *const *filters,
		       struct source_bpf **loaded, struct error *error)
{
	struct source_bpf *object = source_bpf__open();
	struct error detail = {0};
	int rc;

	if (!object)
		return fail_bpf(error, -errno, "source program");
	memcpy((void *)&object->rodata->taps[direction], tap, sizeof *tap);
	bpf_program__set_autoload(object->progs.farspan_rx, direction == DIRECTION_RX);
	bpf_program__set_autoload(object->progs.farspan_tx, direction == DIRECTION_TX);
	rc = share_maps(path, object->obj);
	if (!rc)
		rc = filter_load(object->skeleton, filters, tap->filter_count, direction, &detail);
	if (!rc) {
		*loaded = object;
		return 0;
	}
	source_bpf__destroy(object);
	return detail.code && detail.code != EPERM ? fail(error, detail.code, "source program: %s", detail.text)
						   : fail_bpf(error, rc, "source program");
}

static int load_shared(struct source_path *path, struct error *error)
{
	static const struct tap none;

	return load_source(path, DIRECTION_RX, &none, NULL, &path->shared, error);
}

static int program_fd(const struct source_program *program)
{
	const struct source_bpf *object = program->object;

	return bpf_program__fd(program->direction == DIRECTION_RX ? object->progs.farspan_rx : object->progs.farspan_tx);
}

static struct source_program *find_program(struct source_path *path, enum direction direction, const struct tap *tap)
{
	for (struct source_program *p = path->programs; p; p = p->next)
		if (p->direction == direction && p->filter_revision == path->filter_revision &&
		    memcmp((const void *)&p->object->rodata->taps[direction], tap, sizeof *tap) == 0)
			return p;
	return NULL;
}

/* A program for one more tap: one that is there, or a new one. To be given back by drop_program(). */
static int take_program(struct source_path *path, enum direction direction, enum direction at, const struct leg *legs, unsigned int count,
			struct source_program **taken, struct error *error)
{
	const struct filter *filters[FILTERS_MAX];
	struct tap *tap = &path->wanted;
	struct source_program *program;
	int rc;

	memset(tap, 0, sizeof *tap);
	set_constants(path, tap, legs, count);
	tap->at_egress = at == DIRECTION_TX;
	number_filters(path, tap, filters);
	program = find_program(path, direction, tap);
	if (!program) {
		program = calloc(1, sizeof *program);
		if (!program)
			return fail(error, ENOMEM, "out of memory");
		*program = (struct source_program){path->programs, NULL, direction, path->filter_revision, 0, -1};
		if ((rc = load_source(path, direction, tap, filters, &program->object, error))) {
			free(program);
			return rc;
		}
		program->known = attach_make_known(program_fd(program));
		path->programs = program;
	}
	program->taps++;
	*taken = program;
	return 0;
}

/* Where a program stands, which is not the direction it counts as if that is swapped. */
static enum direction place(enum direction direction, bool swapped)
{
	return swapped == (direction == DIRECTION_RX) ? DIRECTION_TX : DIRECTION_RX;
}

static struct tap_program *find_tap(struct source_path *path, int ifindex, enum direction direction, bool swapped)
{
	for (unsigned int i = 0; i < path->tap_count; i++) {
		struct tap_program *tap = &path->taps[i];

		if (tap->attachment.ifindex == ifindex && tap->direction == direction &&
		    tap->attachment.direction == place(direction, swapped))
			return tap;
	}
	return NULL;
}

static struct tap_program *add_tap(struct source_path *path)
{
	unsigned int room = path->tap_room ? path->tap_room * 2 : 8;
	struct tap_program *taps;

	if (path->tap_count < path->tap_room)
		return &path->taps[path->tap_count];
	taps = realloc(path->taps, room * sizeof *taps);
	if (!taps)
		return NULL;
	path->taps = taps;
	path->tap_room = room;
	return &taps[path->tap_count];
}

static int attach_tap(struct source_path *path, struct source_program *program, int ifindex, bool swapped, enum attach_way way,
		      struct error *error)
{
	struct tap_program *tap = add_tap(path);
	int rc;

	if (!tap)
		return fail(error, ENOMEM, "out of memory");
	rc = attach_program(program_fd(program), ifindex, place(program->direction, swapped), way, owner_filter_handle(path->owner.id),
			    &tap->attachment, error);
	if (rc)
		return rc;
	if (tap->attachment.made_qdisc)
		owner_made_clsact(&path->owner, ifindex);
	tap->program = program;
	tap->direction = program->direction;
	path->tap_count++;
	return 0;
}

/* ---- cost ---- */

static int add_cost(int program, __u64 *ns, __u64 *runs)
{
	struct bpf_prog_info info = {0};
	__u32 len = sizeof info;
	int rc = bpf_obj_get_info_by_fd(program, &info, &len);

	*ns += info.run_time_ns;
	*runs += info.run_cnt;
	return rc;
}

static void drop_program(struct source_path *path, struct source_program *program)
{
	struct source_program **link = &path->programs;

	if (--program->taps)
		return;
	for (; *link != program; link = &(*link)->next)
		;
	*link = program->next;
	add_cost(program_fd(program), &path->gone.source_ns, &path->gone.source_runs);
	if (program->known >= 0)
		close(program->known);
	source_bpf__destroy(program->object);
	free(program);
}

int source_path_measure(struct source_path *path, struct error *error)
{
	path->statistics = bpf_enable_stats(BPF_STATS_RUN_TIME);
	if (path->statistics < 0)
		return fail(error, -path->statistics, "run-time statistics of the kernel: %s", strerror(-path->statistics));
	return 0;
}

static __u64 count_straight(struct source_path *path)
{
	struct copy_queue *queues = calloc((size_t)path->cpus, sizeof *queues);
	__u32 key = 0;
	__u64 count = 0;

	if (queues && !bpf_map_lookup_elem(bpf_map__fd(path->encap.bpf->maps.copy_queues), &key, queues))
		for (int cpu = 0; cpu < path->cpus; cpu++)
			count += queues[cpu].straight;
	free(queues);
	return count;
}

int source_path_cost(struct source_path *path, struct source_path_cost *cost, struct error *error)
{
	int rc = 0;

	*cost = path->gone;
	for (const struct source_program *program = path->programs; program && !rc; program = program->next)
		rc = add_cost(program_fd(program), &cost->source_ns, &cost->source_runs);
	if (!rc)
		rc = add_cost(bpf_program__fd(path->encap.bpf->progs.farspan_encap), &cost->encap_ns, &cost->encap_runs);
	/* Where no queue is between the two, the time of the encapsulation is part of the time of the source program. */
	if (!rc && cost->encap_runs && !path->hop)
		cost->encap_ns -= (__u64)((double)cost->encap_ns * (double)count_straight(path) / (double)cost->encap_runs);
	return rc ? fail_bpf(error, rc, "run-time statistics") : 0;
}

/* ---- taps come and go ---- */

int source_path_tap(struct source_path *path, int ifindex, enum direction direction, bool swapped, const struct leg *legs,
		    unsigned int count, enum attach_way way, struct error *error)
{
	struct tap_program *old = find_tap(path, ifindex, direction, swapped);
	struct source_program *program;
	int rc;

	if (count > TAP_LEGS_MAX)
		return fail(error, ENOSPC, "more than %d sessions and destinations for one interface", TAP_LEGS_MAX);
	rc = take_program(path, direction, place(direction, swapped), legs, count, &program, error);
	if (rc)
		return rc;
	if (!old) {
		rc = attach_tap(path, program, ifindex, swapped, way, error);
	} else if (!(rc = attach_replace(&old->attachment, program_fd(program), error))) {
		drop_program(path, old->program);
		old->program = program;
	}
	if (rc)
		drop_program(path, program);
	return rc;
}

/* A clsact that we made goes with the last program on it. */
static void bequeath_clsact(struct source_path *path, struct tap_program *from)
{
	for (unsigned int i = 0; i < path->tap_count && from->attachment.made_qdisc; i++) {
		struct tap_program *heir = &path->taps[i];

		if (heir == from || heir->attachment.ifindex != from->attachment.ifindex)
			continue;
		heir->attachment.made_qdisc = true;
		from->attachment.made_qdisc = false;
	}
}

static void remove_tap(struct source_path *path, unsigned int index)
{
	struct tap_program *tap = &path->taps[index];

	bequeath_clsact(path, tap);
	attach_remove(&tap->attachment);
	drop_program(path, tap->program);
	memmove(tap, tap + 1, (--path->tap_count - index) * sizeof *tap);
}

bool source_path_is_tapped(struct source_path *path, int ifindex, enum direction direction, bool swapped)
{
	const struct tap_program *tap = find_tap(path, ifindex, direction, swapped);

	return tap && attach_is_there(&tap->attachment);
}

bool source_path_stands_behind(struct source_path *path, int ifindex, enum direction direction, bool swapped,
			       struct source_path_order *order)
{
	struct tap_program *tap = find_tap(path, ifindex, direction, swapped);

	return tap && attach_stands_behind(&tap->attachment, program_fd(tap->program), order->stranger, &order->moved);
}

void source_path_untap(struct source_path *path, int ifindex, enum direction direction, bool swapped)
{
	struct tap_program *tap = find_tap(path, ifindex, direction, swapped);

	if (tap)
		remove_tap(path, (unsigned int)(tap - path->taps));
}

static void remove_taps(struct source_path *path)
{
	while (path->tap_count)
		remove_tap(path, path->tap_count - 1);
}

const char *source_path_attach_name(const struct source_path *path)
{
	return path->tap_count && path->taps[0].attachment.link < 0 ? "clsact" : "tcx";
}

const char *source_path_not_straight(const struct source_path *path)
{
	return path->not_straight.code ? path->not_straight.text : NULL;
}

/* ---- counters ---- */

static int read_counters(struct source_path *path, __u32 slot, enum direction direction, struct counters *counters, struct error *error)
{
	__u32 key = slot * DIRECTIONS + direction;
	int rc = bpf_map_lookup_elem(bpf_map__fd(path->encap.bpf->maps.counters), &key, path->per_cpu);

	memset(counters, 0, sizeof *counters);
	if (rc)
		return fail_bpf(error, rc, "counters");
	for (int cpu = 0; cpu < path->cpus; cpu++)
		for (unsigned int row = 0; row < COUNTER_COUNT; row++)
			counters->value[row] += path->per_cpu[cpu].value[row];
	return 0;
}

/* Copies that have left the source and not reached the encapsulation: under way, or lost. */
static __u64 missing(const struct counters *c)
{
	__u64 expected = c->value[COUNTER_attempted] - c->value[COUNTER_rate] - c->value[COUNTER_clone_failed];

	/* The CPUs are read one after the other: a copy may be seen to arrive before it is seen to leave. */
	return expected > c->value[COUNTER_arrived] ? expected - c->value[COUNTER_arrived] : 0;
}

int source_path_counters(struct source_path *path, __u32 slot, enum direction direction, struct counters *counters, struct error *error)
{
	int rc = read_counters(path, slot, direction, counters, error);

	/* While copies are made, those that are under way are no loss. */
	if (!rc && path->tap_count == 0)
		counters->value[COUNTER_hop] = missing(counters);
	return rc;
}

__u64 source_path_under_way(struct source_path *path)
{
	__u64 sum = 0;

	for (__u32 slot = 0; slot < path->slots_used; slot++) {
		for (enum direction d = 0; d < DIRECTIONS; d++) {
			struct counters counters;

			if (!read_counters(path, slot, d, &counters, NULL))
				sum += missing(&counters);
		}
	}
	return sum;
}

void source_path_stop(struct source_path *path)
{
	remove_taps(path);
	for (int i = 0; i < SETTLE_POLLS && source_path_under_way(path); i++)
		usleep(SETTLE_POLL_US);
}

void source_path_set_clock(struct source_path *path)
{
	struct clock_config clock = {.realtime_offset_ns = clock_wall_offset_ns()};
	__u32 key = 0;

	bpf_map_update_elem(bpf_map__fd(path->encap.bpf->maps.clock), &key, &clock, BPF_ANY);
}

/* ---- opening and closing ---- */

static int open_parts(struct source_path *path, const struct cpus *cpus, const char *hook, struct error *error)
{
	int rc = owner_take(&path->owner, error);

	if (rc)
		return rc;
	if ((rc = owner_start_janitor(&path->owner, error)) || (rc = encap_object_load(&path->encap, hook, error)) ||
	    (rc = owner_sweep(path->netlink, error)))
		return rc;
	path->on_cpus = *cpus;
	if ((rc = make_devices(path, error)) || (rc = filter_setup(error)) || (rc = load_shared(path, error)))
		return rc;
	source_path_set_clock(path);
	return 0;
}

int source_path_open(struct source_path **opened, struct netlink *netlink, const struct cpus *cpus, const char *hook, struct error *error)
{
	struct source_path *path = calloc(1, sizeof *path);
	int rc;

	if (!path)
		return fail(error, ENOMEM, "source path: out of memory");
	attach_allow_many();
	path->netlink = netlink;
	path->owner = OWNER_NONE;
	path->statistics = -1;
	path->cpus = libbpf_num_possible_cpus();
	path->per_cpu = path->cpus > 0 ? calloc((size_t)path->cpus, sizeof *path->per_cpu) : NULL;
	rc = path->per_cpu ? open_parts(path, cpus, hook, error) : fail(error, ENOMEM, "source path: out of memory");
	if (rc)
		source_path_close(path);
	else
		*opened = path;
	return rc;
}

void source_path_close(struct source_path *path)
{
	if (!path)
		return;
	remove_taps(path);
	free(path->taps);
	source_bpf__destroy(path->shared);
	remove_devices(path);
	encap_object_close(&path->encap);
	owner_release(&path->owner);
	/* What is left after a failure half way is found by the sweep, now that the owner is gone. */
	owner_sweep(path->netlink, NULL);
	owner_dismiss_janitor(&path->owner);
	if (path->statistics >= 0)
		close(path->statistics);
	filter_compiler_close(path->compiler);
	for (unsigned int i = 0; i < SESSIONS_MAX; i++)
		filter_free(path->filters[i]);
	free(path->per_cpu);
	free(path);
}
