/* SPDX-License-Identifier: BSD-2-Clause */
#include "datapath/source_path.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "datapath/bpf_error.h"
#include "datapath/bpf_objects.h"
#include "datapath/copy_devices.h"
#include "datapath/crossing.h"
#include "datapath/encap_object.h"
#include "datapath/owner.h"
#include "datapath/relay.h"
#include "datapath/whole_probe.h"
#include "encap.skel.h"
#include "host/statistics.h"
#include "source.skel.h"

enum {
	SETTLE_POLL_US = 5 * 1000,
	SETTLE_POLLS = 100, /* half a second */
};

struct source_path {
	struct netlink *netlink;
	struct owner owner;
	struct source_use use;
	struct kept kept;
	int notes;       /* map of what slots were given to; -1: none */
	bool taken_over; /* from another process */
	struct encap_object encap;
	struct copy_devices devices;
	struct source_taps *taps;
	struct insides *insides;
	struct relay *relays[SESSIONS_MAX]; /* by slot; NULL: none */
	unsigned int slots_used;            /* highest slot + 1 */
	int cpus;
	int statistics;           /* descriptor that keeps the kernel measuring; -1: it does not */
	struct counters *per_cpu; /* room for one element of the per-CPU map */
};

static int set_element(struct bpf_map *map, __u32 key, const void *value, const char *what, struct error *error)
{
	int rc = bpf_map_update_elem(bpf_map__fd(map), &key, value, BPF_ANY);

	return rc ? fail_bpf(error, rc, what) : 0;
}

struct source_taps *source_path_taps(struct source_path *path)
{
	return path->taps;
}

struct insides *source_path_insides(struct source_path *path)
{
	return path->insides;
}

bool source_path_is_whole(const struct source_path *path)
{
	return copy_devices_are_whole(&path->devices);
}

int source_path_mend(struct source_path *path, struct error *error)
{
	int rc;

	copy_devices_remove(&path->devices);
	rc = copy_devices_make(&path->devices, error);
	return rc ? rc : copy_devices_keep(&path->devices, &path->kept, error);
}

/* An interface that has just gone is not held, and nothing will be sent to its number. */
static void hold_uplink(struct source_path *path, const struct session_config *config)
{
	int uplinks = bpf_map__fd(path->encap.bpf->maps.uplinks);

	bpf_map_delete_elem(uplinks, &config->place);
	if (config->uplink)
		bpf_map_update_elem(uplinks, &config->place, &config->uplink, BPF_ANY);
}

int source_path_relay(struct source_path *path, __u32 slot, const char *netns, const char *name, struct link *uplink, bool *relayed,
		      struct error *error)
{
	struct relay **relay = &path->relays[slot];
	int rc;

	if (!*relay)
		*relay = relay_open(path->netlink, &path->owner, &path->encap, slot);
	rc = *relay ? relay_follow(*relay, netns, name, uplink, error) : fail(error, ENOMEM, "out of memory");
	*relayed = *relay && relay_has_pair(*relay);
	return rc;
}

void source_path_give_up_relay(struct source_path *path, __u32 slot)
{
	relay_close(path->relays[slot]);
	path->relays[slot] = NULL;
}

void source_path_add_lost(struct source_path *path, __u32 slot, struct link *uplink)
{
	if (path->relays[slot])
		relay_add_lost(path->relays[slot], uplink);
}

bool source_path_holds_uplink(struct source_path *path, __u32 slot)
{
	__u32 place, ifindex;

	return bpf_map_lookup_elem(bpf_map__fd(path->encap.bpf->maps.current), &slot, &place) == 0 &&
	       bpf_map_lookup_elem(bpf_map__fd(path->encap.bpf->maps.uplinks), &place, &ifindex) == 0;
}

const char *source_path_not_left(const struct source_path *path, const struct session_config *config)
{
	if (config->wrap != WRAP_TUNNEL)
		return "they are not wrapped";
	if (!path->devices.ways.whole || !(path->devices.whole_exact & whole_probe_bit(config->kind, config->ip_version)))
		return path->devices.not_whole.text;
	if (config->unfinished_max)
		return NULL;
	return config->truncate > TRUNCATE_BYTES ? "copies end with some header" : "the uplink would sum them up itself";
}

const char *source_path_not_whole(const struct source_path *path, const struct session_config *config)
{
	if (!source_path_not_left(path, config))
		return NULL;
	if (config->wrap != WRAP_TUNNEL)
		return "they are not wrapped";
	if (!(path->devices.summed_exact & whole_probe_bit(config->kind, config->ip_version)))
		return path->devices.not_summed.text;
	return config->summed_max ? NULL : "the headers hold a checksum";
}

static int set_max(struct bpf_map *map, __u32 slot, __u32 max)
{
	return bpf_map_update_elem(bpf_map__fd(map), &slot, &max, BPF_ANY);
}

/*
 * The longest frames of which copies may come otherwise than finished and alone: unfinished, and in super-packets that are wrapped whole.
 * None may while the session is changed.
 */
static int let_through(struct source_path *path, __u32 slot, const struct session_config *config)
{
	__u32 unfinished = config && !path->encap.hooked ? config->unfinished_max : 0; /* a hook sees the frame as it is on the wire */
	__u32 whole = config && !source_path_not_left(path, config) ? unfinished : 0;
	__u32 summed = config && !source_path_not_whole(path, config) ? config->summed_max : 0;
	int rc = set_max(path->encap.bpf->maps.unfinished_max, slot, unfinished);

	if (!rc)
		rc = set_max(path->encap.bpf->maps.whole_max, slot, whole);
	return rc ? rc : set_max(path->encap.bpf->maps.summed_max, slot, summed);
}

int source_path_set_session(struct source_path *path, __u32 slot, const struct session_config *config, struct error *error)
{
	int sessions = bpf_map__fd(path->encap.bpf->maps.sessions), current = bpf_map__fd(path->encap.bpf->maps.current);
	__u32 used = 0, other;
	struct session_config placed = *config;
	int rc;

	if (slot >= SESSIONS_MAX)
		return fail(error, ENOSPC, "more than %d sessions", SESSIONS_MAX);
	rc = bpf_map_lookup_elem(current, &slot, &used);
	other = used == slot * 2 ? slot * 2 + 1 : slot * 2;
	/* No copy comes unfinished to a session that cannot have it finished. */
	if (!rc)
		rc = let_through(path, slot, NULL);
	placed.place = other;
	hold_uplink(path, &placed);
	if (!rc)
		rc = bpf_map_update_elem(sessions, &other, &placed, BPF_ANY);
	if (!rc)
		rc = bpf_map_update_elem(current, &slot, &other, BPF_ANY);
	if (!rc)
		rc = let_through(path, slot, config);
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
	struct bpf_map *map = source_taps_shared(path->taps)->maps.buckets;

	bpf_map_lookup_elem(bpf_map__fd(map), &first_slot, &bucket);
	bucket.cost_scale = cost_scale;
	bucket.burst_ns = burst_ns;
	bucket.count_bits = count_bits;
	return set_element(map, first_slot, &bucket, "rate", error);
}

int source_path_set_vlans(struct source_path *path, __u32 first_slot, const struct vlan_set *vlans, struct error *error)
{
	return set_element(source_taps_shared(path->taps)->maps.vlan_sets, first_slot, vlans, "VLANs", error);
}

int source_path_set_seed(struct source_path *path, __u32 slot, const struct spread_seed *seed, struct error *error)
{
	return set_element(source_taps_shared(path->taps)->maps.spread_seeds, slot, seed, "spread", error);
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
		rc = set_element(source_taps_shared(path->taps)->maps.sample_counts, slot, &samples, "sample", error);
	return rc ? rc : set_element(source_taps_shared(path->taps)->maps.buckets, slot, &bucket, "rate", error);
}

/* ---- cost ---- */

int source_path_measure(struct source_path *path, struct error *error)
{
	return statistics_start(&path->statistics, error);
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
	int rc;

	memset(cost, 0, sizeof *cost);
	rc = source_taps_run_time(path->taps, &cost->source);
	if (!rc)
		rc = run_time_add(&cost->encap, bpf_program__fd(path->encap.bpf->progs.farspan_encap));
	if (!rc && !path->devices.hop)
		cost->straight = count_straight(path);
	return rc ? fail_bpf(error, rc, "run-time statistics") : 0;
}

const char *source_path_not_straight(const struct source_path *path)
{
	return path->devices.not_straight.code ? path->devices.not_straight.text : NULL;
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
	if (!rc && !source_taps_some(path->taps))
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
	source_taps_untap_all(path->taps);
	for (int i = 0; i < SETTLE_POLLS && source_path_under_way(path); i++)
		usleep(SETTLE_POLL_US);
}

void source_path_set_clock(struct source_path *path)
{
	struct clock_config clock = {.realtime_offset_ns = clock_wall_offset_ns()};
	__u32 key = 0;

	bpf_map_update_elem(bpf_map__fd(path->encap.bpf->maps.clock), &key, &clock, BPF_ANY);
}

/* ---- what outlives the process ---- */

bool source_path_was_taken_over(const struct source_path *path)
{
	return path->taken_over;
}

void source_path_note_slot(struct source_path *path, __u32 slot, const struct slot_note *note)
{
	if (path->notes >= 0)
		bpf_map_update_elem(path->notes, &slot, note, BPF_ANY);
}

bool source_path_slot_note(const struct source_path *path, __u32 slot, struct slot_note *note)
{
	return path->taken_over && bpf_map_lookup_elem(path->notes, &slot, note) == 0 && note->session[0];
}

void source_path_restrict_guards(struct source_path *path, bool (*is_used)(const struct tunnel_key *tunnel, const void *context),
				 const void *context)
{
	int own = bpf_map__fd(path->encap.bpf->maps.own_tunnels);
	struct tunnel_key key, next;
	bool more = bpf_map_get_next_key(own, NULL, &next) == 0;

	while (more) {
		key = next;
		more = bpf_map_get_next_key(own, &key, &next) == 0;
		if (!is_used(&key, context))
			source_path_unguard(path, &key);
	}
}

/* Last comes the word by which the next process finds it all. */
static int keep(struct source_path *path, int lock, struct error *error)
{
	int rc = bpf_objects_keep_maps(path->encap.bpf->obj, &path->kept, error);

	if (!rc)
		rc = copy_devices_keep(&path->devices, &path->kept, error);
	if (!rc)
		rc = source_taps_keep(path->taps, error);
	if (!rc && path->notes < 0) {
		path->notes = source_left_notes(&path->kept, error);
		rc = path->notes < 0 ? path->notes : 0;
	}
	return rc ? rc : source_left_tell(&path->kept, &path->use, lock, error);
}

int source_path_hand_over(struct source_path *path, struct error *error)
{
	int rc = kept_begin(&path->kept, path->owner.id, error);

	if (!rc && !path->use.lasting && path->notes >= 0) {
		close(path->notes); /* of the process before */
		path->notes = -1;
	}
	return rc ? rc : keep(path, owner_bequeath(&path->owner, true), error);
}

void source_path_stay(struct source_path *path)
{
	owner_bequeath(&path->owner, false);
	if (!path->use.lasting)
		kept_end(&path->kept, false);
}

void source_path_leave(struct source_path *path)
{
	owner_dismiss_janitor(&path->owner);
}

/* ---- opening and closing ---- */

static int take_owner(struct source_path *path, const struct source_find *find, struct error *error)
{
	enum owner_kind kind = path->use.lasting ? OWNER_LASTING : OWNER_MORTAL;
	int rc = find ? owner_take_again(&path->owner, find->owner, find->lock, error) : owner_take(&path->owner, kind, error);

	if (find)
		path->kept = find->kept;
	if (!rc && !path->use.lasting)
		return owner_start_janitor(&path->owner, error);
	return rc || find ? rc : kept_begin(&path->kept, path->owner.id, error);
}

/* Ways into other namespaces, and out of them, ended inside of those with the process before, and are made anew. */
static void remove_crossing(const struct link *link, void *context)
{
	struct source_path *path = context;

	if (crossing_is(link, &path->owner, RELAY_PAIR) || crossing_is(link, &path->owner, INSIDE_PAIR))
		netlink_delete_link(path->netlink, link->ifindex, NULL);
}

static int take_over(struct source_path *path, struct error *error)
{
	int rc = netlink_each_link(path->netlink, remove_crossing, path, error);

	if (!rc)
		rc = source_taps_take_over(path->taps, error);

	path->taken_over = true;
	path->slots_used = SESSIONS_MAX;
	path->notes = source_left_notes(&path->kept, error);
	return rc ? rc : path->notes < 0 ? path->notes : 0;
}

static int open_parts(struct source_path *path, const struct source_find *find, struct error *error)
{
	int rc = take_owner(path, find, error);

	if (rc || (rc = encap_object_load(&path->encap, path->use.hook, path->use.carrier, &path->kept, error)) ||
	    (rc = owner_sweep(path->netlink, NULL, error)))
		return rc;
	path->devices =
		(struct copy_devices){.netlink = path->netlink, .owner = &path->owner, .cpus = &path->use.cpus, .encap = &path->encap};
	rc = find ? copy_devices_take_over(&path->devices, &path->kept, error) : copy_devices_make(&path->devices, error);
	if (rc || (rc = source_taps_open(&path->taps, &path->owner, &path->devices, &path->kept, error)) ||
	    (find && (rc = take_over(path, error))))
		return rc;
	if (path->use.lasting)
		rc = keep(path, -1, error);
	else
		kept_end(&path->kept, false);
	source_path_set_clock(path);
	return rc;
}

static int open_path(struct source_path **opened, struct netlink *netlink, const struct source_use *use, const struct source_find *find,
		     struct error *error)
{
	struct source_path *path = calloc(1, sizeof *path);
	int rc;

	if (!path)
		return fail(error, ENOMEM, "source path: out of memory");
	path->netlink = netlink;
	path->use = *use;
	path->owner = OWNER_NONE;
	path->notes = path->statistics = -1;
	path->cpus = libbpf_num_possible_cpus();
	path->insides = insides_open(netlink, &path->owner);
	path->per_cpu = path->cpus > 0 ? calloc((size_t)path->cpus, sizeof *path->per_cpu) : NULL;
	rc = path->per_cpu && path->insides ? open_parts(path, find, error) : fail(error, ENOMEM, "source path: out of memory");
	if (rc)
		source_path_close(path);
	else
		*opened = path;
	return rc;
}

int source_path_open(struct source_path **opened, struct netlink *netlink, const struct source_use *use, struct source_left *left,
		     struct error *error)
{
	struct source_find find;

	attach_allow_many();
	/* What cannot be taken over is removed in the attempt. */
	while (source_left_take(left, use, &find))
		if (!open_path(opened, netlink, use, &find, NULL))
			return 0;
	return open_path(opened, netlink, use, NULL, error);
}

void source_path_close(struct source_path *path)
{
	if (!path)
		return;
	source_taps_close(path->taps);
	insides_close(path->insides);
	copy_devices_remove(&path->devices);
	for (unsigned int i = 0; i < SESSIONS_MAX; i++)
		source_path_give_up_relay(path, i);
	encap_object_close(&path->encap);
	kept_end(&path->kept, true);
	owner_release(&path->owner);
	/* What is left after a failure half way is found by the sweep, now that the owner is gone. */
	owner_sweep(path->netlink, path->use.lasting ? kept_exists : NULL, NULL);
	owner_dismiss_janitor(&path->owner);
	if (path->statistics >= 0)
		close(path->statistics);
	if (path->notes >= 0)
		close(path->notes);
	free(path->per_cpu);
	free(path);
}
