/* SPDX-License-Identifier: BSD-2-Clause */
#include "datapath/collector_path.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <farspan.h>

#include "base/clock.h"
#include "collect.skel.h"
#include "datapath/attach_order.h"
#include "datapath/owner.h"
#include "datapath/ring.h"
#include "host/tunnel_sockets.h"

#define ADAPTER_OFF_NS (5 * (int64_t)NS_PER_S) /* what is further off is not in step with this host's clock */

enum {
	RING_BYTES_MAX = 64 << 20,
	RING_BYTES_MIN = 1 << 20,
	INTERFACES_MAX = 256,
	LOCALS_MAX = 1024,
	GRE_KINDS = 1 << FARSPAN_ERSPAN1 | 1 << FARSPAN_ERSPAN2 | 1 << FARSPAN_ERSPAN3 | 1 << FARSPAN_GRE,
};

/* What stands on an interface that is listened on. */
struct door {
	struct attachment in;
	struct attachment out; /* keeps what the kernel would answer; ifindex 0: it could not be put there */
};

struct collector_path {
	struct netlink *netlink;
	struct owner owner;
	struct collector_path_config config;
	struct address *locals; /* copy of the configuration's */
	struct collect_bpf *object;
	struct ring ring;
	struct collector_load load; /* the most since it was last asked for */
	struct tunnel_sockets *sockets;
	struct collector_sessions sessions;
	struct target *targets; /* those of the map */
	unsigned int target_count;
	struct door doors[INTERFACES_MAX];
	bool minded;               /* by collector_path_mind() */
	int known_hush, known_xdp; /* the sockets by which others know the programs on the way out and in XDP; -1: none */
	int known_rank;            /* and by which they know how much the one at tc takes */
	unsigned int held;         /* interfaces that had an XDP program */
	int vrf;                   /* that the sockets are bound to, by its ifindex */
	unsigned int interface_count;
	struct local_key known[LOCALS_MAX]; /* what is in the program's set */
	unsigned int known_count;
	__u32 addresses_revision;
	uint64_t wall_offset_ns;
	struct collector_times times;
	/* Of the drain under way. */
	const struct collector_handler *handler;
	uint64_t drain_ns; /* when it began, of the monotonic clock; 0: its first packet has been seen */
};

/* The ring has its packets in order: none has waited longer than the first. */
static void note_delay(struct collector_path *path, uint64_t packet_ns)
{
	if (path->drain_ns > packet_ns && path->drain_ns - packet_ns > path->load.delay_ns)
		path->load.delay_ns = path->drain_ns - packet_ns;
	path->drain_ns = 0;
}

/*
 * When it came, of the wall clock. The card's clock may be anything, as the time since it was switched on; or of a time scale without
 * leap seconds. What says something beside other times is one that is kept in step with this host's.
 */
static uint64_t received_ns(const struct collector_path *path, const struct record *record, struct collector_times *times)
{
	const uint64_t host_ns = record->monotonic_ns + path->wall_offset_ns;
	const int64_t off_ns = (int64_t)(record->adapter_ns - host_ns);

	if (!record->adapter_ns) {
		times->host++;
		return host_ns;
	}
	if (off_ns > ADAPTER_OFF_NS || off_ns < -ADAPTER_OFF_NS) {
		times->out_of_step++;
		times->off_ns = off_ns;
		return host_ns;
	}
	times->adapter++;
	return record->adapter_ns;
}

static void hand_over_packet(struct collector_path *path, const struct record *record)
{
	const struct collector_handler *handler = path->handler;
	struct collector_packet packet = {
		.time_ns = received_ns(path, record, &path->times),
		.data = record->data,
		.len = record->len,
		.slot = record->slot - 1,
		.inner_off = record->inner_off,
		.has_sequence = record->has_sequence,
		.sequence = record->sequence,
		.transmitted = record->transmitted,
		.truncated = record->truncated,
		.delivered = record->delivered,
		.odd = record->odd,
		.expected = record->expected,
		.jumps = record->jumps,
	};

	if (path->drain_ns)
		note_delay(path, record->monotonic_ns);
	handler->packet(handler->context, &packet);
}

/* It stands for packets of which nothing is counted here. */
static void hand_over_clock(const struct collector_path *path, const struct record *record)
{
	const struct collector_handler *handler = path->handler;
	struct collector_times uncounted = {0};

	handler->clock(handler->context, record->slot - 1, received_ns(path, record, &uncounted), record->data, record->len);
}

static void hand_over(void *context, const void *data)
{
	struct collector_path *path = context;
	const struct collector_handler *handler = path->handler;
	const struct record *record = data;

	if (record->kind == RECORD_JUMP)
		handler->jump(handler->context, record->slot - 1, record->jumps, record->expected, record->sequence);
	else if (record->kind == RECORD_CLOCK)
		hand_over_clock(path, record);
	else
		hand_over_packet(path, record);
}

/* A packet of a socket. */
static void hand_over_whole(void *context, uint64_t time_ns, const void *data, size_t len)
{
	struct collector_path *path = context;
	const struct collector_packet packet = {.time_ns = time_ns, .data = data, .len = len, .slot = COLLECTOR_NO_SLOT};

	path->times.host++;
	path->handler->packet(path->handler->context, &packet);
}

/* Descriptors may be few. What the programs say of their types was for loading them. */
static void close_types(struct collect_bpf *object)
{
	struct btf *types = bpf_object__btf(object->obj);

	if (!types || btf__fd(types) < 0)
		return;
	close(btf__fd(types));
	btf__set_fd(types, -1);
}

/* Nor is that of their constants needed any more: its number is the ring's, and libbpf closes it with the object. */
static void close_constants(struct collector_path *path)
{
	const int constants = bpf_map__fd(path->object->maps.rodata);

	if (dup3(path->ring.epoll, constants, O_CLOEXEC) < 0)
		return;
	close(path->ring.epoll);
	path->ring.epoll = constants;
}

static void close_ring(struct collector_path *path)
{
	if (path->object && path->ring.epoll == bpf_map__fd(path->object->maps.rodata))
		path->ring.epoll = -1;
	ring_close(&path->ring);
}

static void note_fill(struct collector_path *path)
{
	const uint64_t waiting = ring_waiting(&path->ring);

	if (waiting > path->load.ring_bytes)
		path->load.ring_bytes = waiting;
}

static int map_targets(struct collector_path *path, struct error *error)
{
	path->targets = mmap(NULL, sizeof *path->targets * TARGETS_MAX, PROT_READ | PROT_WRITE, MAP_SHARED,
			     bpf_map__fd(path->object->maps.targets), 0);
	if (path->targets != MAP_FAILED)
		return 0;
	path->targets = NULL;
	return fail(error, errno, "interfaces to hand frames on to: %s", strerror(errno));
}

static void unmap_targets(struct collector_path *path)
{
	if (path->targets)
		munmap(path->targets, sizeof *path->targets * TARGETS_MAX);
	path->targets = NULL;
}

/* With a ring of that many bytes. */
static int load_with(struct collector_path *path, __u32 ring_bytes, struct error *error)
{
	struct collect_bpf *object = collect_bpf__open();
	int rc;

	path->object = object;
	if (!object)
		return fail(error, errno, "collector program: %s", strerror(errno));
	object->rodata->wanted_kinds = path->config.kinds;
	object->rodata->udp_port_count = path->config.udp_port_count;
	memcpy((void *)&object->rodata->scope, &path->config.scope, sizeof path->config.scope);
	for (unsigned int i = 0; i < path->config.udp_port_count; i++) {
		object->rodata->udp_ports[i] = htons(path->config.udp_ports[i]);
		object->rodata->udp_kinds[i] = path->config.udp_kinds[i];
	}
	bpf_map__set_max_entries(object->maps.ring, ring_bytes);
	object->rodata->asks_adapter = path->config.adapter_times;
	object->rodata->delivers = path->config.delivers;
	bpf_map__set_autocreate(object->maps.ways, path->config.delivers);
	bpf_map__set_autocreate(object->maps.accounts, path->config.delivers);
	bpf_map__set_autocreate(object->maps.targets, path->config.delivers);
	bpf_map__set_autocreate(object->maps.devices, path->config.delivers);
	bpf_map__set_autocreate(object->maps.present, path->config.delivers);
	object->rodata->carries = path->config.carries;
	bpf_map__set_autocreate(object->maps.carriers, path->config.carries);
	rc = collect_bpf__load(object);
	if (rc)
		return fail(error, -rc, "collector program: %s", strerror(-rc));
	close_types(object);
	if (path->config.delivers && (rc = map_targets(path, error)))
		return rc;
	rc = ring_open(&path->ring, bpf_map__fd(object->maps.ring), ring_bytes, error);
	if (!rc)
		close_constants(path);
	return rc;
}

/* A process that may have little memory gets a smaller ring, rather than none. */
static int load(struct collector_path *path, struct error *error)
{
	__u32 ring_bytes = RING_BYTES_MAX;
	int rc;

	while ((rc = load_with(path, ring_bytes, error)) == -ENOMEM && ring_bytes > RING_BYTES_MIN) {
		unmap_targets(path);
		collect_bpf__destroy(path->object);
		path->object = NULL;
		ring_bytes /= 2;
	}
	if (!rc)
		*error = (struct error){0};
	return rc;
}

/* ---- addresses ---- */

struct address_list {
	struct local_key keys[LOCALS_MAX];
	unsigned int count;
};

static void add_local(int ifindex, const struct address *address, void *context)
{
	struct address_list *list = context;
	struct local_key *key = &list->keys[list->count];

	(void)ifindex;
	if (list->count == LOCALS_MAX)
		return;
	memset(key, 0, sizeof *key);
	key->version = address->family;
	memcpy(key->address, address->bytes, sizeof key->address);
	list->count++;
}

static bool contains(const struct local_key *keys, unsigned int count, const struct local_key *key)
{
	for (unsigned int i = 0; i < count; i++)
		if (memcmp(&keys[i], key, sizeof *key) == 0)
			return true;
	return false;
}

/* The programs forget which addresses they have found. */
static int raise_revision(struct collector_path *path)
{
	const int cpus = libbpf_num_possible_cpus();
	struct found_local *current = cpus > 0 ? calloc((size_t)cpus, sizeof *current) : NULL;
	__u32 last = LOCALS_FOUND;
	int rc;

	if (!current)
		return -ENOMEM;
	path->addresses_revision++;
	for (int cpu = 0; cpu < cpus; cpu++)
		current[cpu].revision = path->addresses_revision;
	rc = bpf_map_update_elem(bpf_map__fd(path->object->maps.found_locals), &last, current, BPF_ANY);
	free(current);
	return rc;
}

static int follow_addresses(struct collector_path *path, struct error *error)
{
	static struct address_list list; /* too large for the stack */
	int map = bpf_map__fd(path->object->maps.local_addresses), rc = 0;
	__u32 present = 1;
	bool gone = false;

	list.count = 0;
	for (unsigned int i = 0; i < path->config.local_count; i++)
		add_local(0, &path->locals[i], &list);
	if (!path->config.local_count)
		rc = netlink_each_address(path->netlink, add_local, &list, error);
	if (rc)
		return rc;
	for (unsigned int i = 0; i < list.count; i++)
		if (!contains(path->known, path->known_count, &list.keys[i]) &&
		    (rc = bpf_map_update_elem(map, &list.keys[i], &present, BPF_ANY)))
			return fail(error, -rc, "local addresses: %s", strerror(-rc));
	for (unsigned int i = 0; i < path->known_count; i++)
		if (!contains(list.keys, list.count, &path->known[i])) {
			bpf_map_delete_elem(map, &path->known[i]);
			gone = true;
		}
	if (gone && (rc = raise_revision(path)))
		return fail(error, -rc, "local addresses: %s", strerror(-rc));
	memcpy(path->known, list.keys, sizeof path->known);
	path->known_count = list.count;
	return 0;
}

/* ---- interfaces ---- */

/* Packets are taken without it too. */
static void mind(struct collector_path *path, struct door *door)
{
	if (door->in.xdp && path->known_xdp < 0)
		path->known_xdp = attach_make_known(bpf_program__fd(path->object->progs.farspan_collect_xdp));
	if (attach_program(bpf_program__fd(path->object->progs.farspan_hush), door->in.ifindex, DIRECTION_TX, path->config.way,
			   owner_filter_handle(path->owner.id), &door->out, NULL))
		door->out.ifindex = 0;
	else if (door->out.made_qdisc)
		owner_made_clsact(&path->owner, door->in.ifindex);
}

/* Of those that take a part of their types each, who takes least comes first. */
static int attach_in_rank(struct collector_path *path, int ifindex, struct attachment *attachment, struct error *error)
{
	const struct collect_scope *scope = &path->config.scope;
	const unsigned int rank = scope->narrow ? scope->from_anyone * 4u + !path->config.local_count * 2u + scope->any_id : 0;
	const int program = bpf_program__fd(path->object->progs.farspan_collect);
	const struct attach_rank place = attach_rank_behind(ifindex, rank);

	if (scope->narrow && path->known_rank < 0)
		path->known_rank = attach_make_ranked(program, rank);
	return attach_program_behind(program, ifindex, &place, path->config.way, owner_filter_handle(path->owner.id), attachment, error);
}

static int listen_on(struct collector_path *path, int ifindex, struct error *error)
{
	struct door *door = &path->doors[path->interface_count];
	int rc = -EOPNOTSUPP;

	if (path->interface_count == INTERFACES_MAX)
		return fail(error, ENOSPC, "more than %d interfaces", INTERFACES_MAX);
	if (path->config.way == ATTACH_BEST)
		rc = attach_xdp(bpf_program__fd(path->object->progs.farspan_collect_xdp), ifindex, &door->in);
	path->held += rc == -EBUSY;
	if (rc)
		rc = attach_in_rank(path, ifindex, &door->in, error);
	if (rc)
		return rc;
	if (door->in.made_qdisc)
		owner_made_clsact(&path->owner, ifindex);
	door->out.ifindex = 0;
	if (path->minded)
		mind(path, door);
	path->interface_count++;
	return 0;
}

static void close_door(struct door *door)
{
	attach_remove(&door->out);
	attach_remove(&door->in);
}

struct link_walk {
	struct collector_path *path;
	int vrf;                   /* ifindex; 0: any will do */
	bool seen[INTERFACES_MAX]; /* doors[] that still exist */
	bool found;
	struct error error;
};

static bool is_named(const struct collector_path_config *config, const char *name)
{
	for (unsigned int i = 0; i < config->interface_count; i++)
		if (strcmp(name, config->interfaces[i]) == 0)
			return true;
	return config->interface_count == 0;
}

/* Another one takes its place in the list. */
static void forget(struct collector_path *path, unsigned int i, struct link_walk *walk)
{
	close_door(&path->doors[i]);
	path->doors[i] = path->doors[--path->interface_count];
	walk->seen[i] = walk->seen[path->interface_count];
}

/* Whether the programs stand on it; an interface that has got the number of one that has gone is listened on anew. */
static bool is_listened_on(struct collector_path *path, int ifindex, struct link_walk *walk)
{
	for (unsigned int i = 0; i < path->interface_count; i++) {
		if (path->doors[i].in.ifindex != ifindex)
			continue;
		walk->seen[i] = attach_is_there(&path->doors[i].in);
		if (walk->seen[i])
			return true;
		forget(path, i, walk);
		return false;
	}
	return false;
}

static void visit_link(const struct link *link, void *context)
{
	struct link_walk *walk = context;
	struct collector_path *path = walk->path;

	if (!is_named(&path->config, link->name))
		return;
	if (!link->ethernet || owner_is_device(link) || (walk->vrf && link->master != walk->vrf))
		return;
	walk->found = true;
	if (is_listened_on(path, link->ifindex, walk))
		return;
	if (listen_on(path, link->ifindex, &walk->error) == 0)
		walk->seen[path->interface_count - 1] = true;
}

/* What comes in elsewhere is not for us even if it reaches the sockets. */
static int limit_sockets(struct collector_path *path, struct error *error)
{
	int ifindexes[COLLECTOR_INTERFACES_MAX], rc;
	unsigned int count = 0;

	if (!path->config.interface_count)
		return 0;
	while (count < path->interface_count && count < COLLECTOR_INTERFACES_MAX) {
		ifindexes[count] = path->doors[count].in.ifindex;
		count++;
	}
	rc = tunnel_sockets_limit(path->sockets, ifindexes, count);
	return rc ? fail(error, -rc, "sockets: cannot be limited to interfaces: %s", strerror(-rc)) : 0;
}

/* What the kernel puts together it gives to sockets of its VRF only. */
static int follow_vrf(struct collector_path *path, int *vrf, struct error *error)
{
	const char *name = path->config.vrf;
	struct link link;
	int rc;

	if (!*name)
		return 0;
	rc = netlink_link_by_name(path->netlink, name, &link, error);
	if (rc)
		return rc == -ENODEV ? fail(error, ENODEV, "interface '%s': no such interface", name) : rc;
	if (strcmp(link.kind, "vrf") != 0)
		return fail(error, EINVAL, "interface '%s' is no VRF", name);
	if (link.ifindex != path->vrf && (rc = tunnel_sockets_bind(path->sockets, name)))
		return fail(error, -rc, "sockets: cannot be bound to VRF '%s': %s", name, strerror(-rc));
	*vrf = path->vrf = link.ifindex;
	return 0;
}

static int fail_alone(const struct collector_path_config *config, struct error *error)
{
	if (*config->vrf)
		return fail(error, ENODEV, "VRF '%s' has no Ethernet interface %s", config->vrf,
			    config->interface_count ? "of those that are named" : "to collect from");
	if (config->interface_count)
		return fail(error, ENODEV, "interface '%s': no such interface, or not an Ethernet one", config->interfaces[0]);
	return fail(error, ENODEV, "this host has no Ethernet interface to collect from");
}

/* Listens on interfaces that have come, and forgets those that have gone. */
static int follow_interfaces(struct collector_path *path, struct error *error)
{
	struct link_walk walk = {.path = path};
	struct error no_vrf = {0};
	int rc = follow_vrf(path, &walk.vrf, &no_vrf);

	if (rc)
		walk.vrf = -1;
	rc = netlink_each_link(path->netlink, visit_link, &walk, error);
	if (rc)
		return rc;
	for (unsigned int i = path->interface_count; i-- > 0;)
		if (!walk.seen[i])
			forget(path, i, &walk);
	if (path->interface_count)
		return limit_sockets(path, error);
	if (no_vrf.code)
		return fail(error, no_vrf.code, "%s", no_vrf.text);
	if (walk.found)
		return fail(error, walk.error.code, "%s", walk.error.text);
	return fail_alone(&path->config, error);
}

/* ---- all ---- */

static int copy_config(struct collector_path *path, const struct collector_path_config *config)
{
	path->config = *config;
	if (!config->local_count)
		return 0;
	path->locals = calloc(config->local_count, sizeof *path->locals);
	if (!path->locals)
		return -ENOMEM;
	memcpy(path->locals, config->locals, config->local_count * sizeof *path->locals);
	return 0;
}

static int open_parts(struct collector_path *path, struct error *error)
{
	const struct collector_path_config *config = &path->config;
	int rc;

	if ((rc = owner_take(&path->owner, OWNER_MORTAL, error)) || (rc = owner_start_janitor(&path->owner, error)) ||
	    (rc = owner_sweep(path->netlink, NULL, error)) || (rc = load(path, error)) ||
	    (rc = collector_sessions_open(&path->sessions, bpf_map__fd(path->object->maps.sessions), bpf_map__fd(path->object->maps.ways),
					  bpf_map__fd(path->object->maps.accounts), error)))
		return rc;
	rc = tunnel_sockets_open(&path->sockets, config->kinds & GRE_KINDS, config->udp_ports, config->udp_port_count, config->vrf, error);
	return rc ? rc : tunnel_sockets_watch(path->sockets, path->ring.epoll, error);
}

int collector_path_open(struct collector_path **opened, struct netlink *netlink, const struct collector_path_config *config,
			struct error *error)
{
	struct collector_path *path = calloc(1, sizeof *path);
	int rc;

	if (!path)
		return fail(error, ENOMEM, "collector: out of memory");
	path->netlink = netlink;
	path->owner = OWNER_NONE;
	path->ring.epoll = -1;
	path->known_hush = path->known_xdp = path->known_rank = -1;
	rc = copy_config(path, config) ? fail(error, ENOMEM, "collector: out of memory") : open_parts(path, error);
	if (rc)
		collector_path_close(path);
	else
		*opened = path;
	return rc;
}

void collector_path_close(struct collector_path *path)
{
	if (!path)
		return;
	collector_path_stop(path);
	tunnel_sockets_close(path->sockets);
	close_ring(path);
	collector_sessions_close(&path->sessions);
	unmap_targets(path);
	collect_bpf__destroy(path->object);
	if (path->known_hush >= 0)
		close(path->known_hush);
	if (path->known_xdp >= 0)
		close(path->known_xdp);
	if (path->known_rank >= 0)
		close(path->known_rank);
	owner_release(&path->owner);
	owner_dismiss_janitor(&path->owner);
	free(path->locals);
	free(path);
}

int collector_path_fd(const struct collector_path *path)
{
	return path->ring.epoll;
}

void collector_path_drain(struct collector_path *path, const struct collector_handler *handler)
{
	path->handler = handler;
	path->drain_ns = clock_monotonic_ns();
	note_fill(path);
	ring_drain(&path->ring, hand_over, path);
	tunnel_sockets_drain(path->sockets, hand_over_whole, path);
}

void collector_path_load(struct collector_path *path, struct collector_load *load)
{
	*load = path->load;
	load->ring_size = path->ring.size;
	path->load = (struct collector_load){0};
}

void collector_path_times(const struct collector_path *path, struct collector_times *times)
{
	*times = path->times;
}

/* The kernel forgets these with the interface. */
static int set_device(struct collector_path *path, __u32 key, __u32 ifindex)
{
	int rc = bpf_map_update_elem(bpf_map__fd(path->object->maps.devices), &key, &ifindex, BPF_ANY);

	return rc ? rc : bpf_map_update_elem(bpf_map__fd(path->object->maps.present), &key, &ifindex, BPF_ANY);
}

int collector_path_add_target(struct collector_path *path, const struct collector_target *wanted, unsigned int *target, struct error *error)
{
	__u32 key = path->target_count;
	int rc;

	if (key == TARGETS_MAX)
		return fail(error, ENOSPC, "more than %d interfaces to hand frames on to", TARGETS_MAX);
	path->targets[key] = (struct target){.ifindex = (__u32)wanted->ifindex,
					     .frame_max = wanted->frame_max,
					     .marks_cut = wanted->marks_cut,
					     .carries = wanted->carried >= 0};
	rc = set_device(path, key, (__u32)wanted->ifindex);
	if (!rc && wanted->carried >= 0)
		rc = bpf_map_update_elem(bpf_map__fd(path->object->maps.carriers), &key, &wanted->carried, BPF_ANY);
	if (rc)
		return fail(error, -rc, "interfaces to hand frames on to: %s", strerror(-rc));
	*target = path->target_count++;
	return 0;
}

void collector_path_renew_target(struct collector_path *path, unsigned int target, int ifindex, unsigned int frame_max)
{
	struct target *value = &path->targets[target];
	__u32 device;

	__atomic_store_n(&value->frame_max, frame_max, __ATOMIC_RELAXED);
	if (!bpf_map_lookup_elem(bpf_map__fd(path->object->maps.present), &target, &device) && device == (__u32)ifindex)
		return;
	/* Nothing is sent there before it is present. */
	__atomic_store_n(&value->ifindex, (__u32)ifindex, __ATOMIC_RELEASE);
	set_device(path, target, (__u32)ifindex);
}

void collector_path_target_count(const struct collector_path *path, unsigned int target, uint64_t *sent, uint64_t *lost)
{
	*sent = __atomic_load_n(&path->targets[target].sent, __ATOMIC_RELAXED);
	*lost = __atomic_load_n(&path->targets[target].lost, __ATOMIC_RELAXED);
}

struct collector_sessions *collector_path_sessions(struct collector_path *path)
{
	return &path->sessions;
}

int collector_path_follow(struct collector_path *path, struct error *error)
{
	int rc = follow_addresses(path, error);

	path->wall_offset_ns = clock_wall_offset_ns();
	return rc ? rc : follow_interfaces(path, error);
}

void collector_path_mind(struct collector_path *path)
{
	if (path->minded)
		return;
	path->minded = true;
	path->known_hush = attach_make_known(bpf_program__fd(path->object->progs.farspan_hush));
	for (unsigned int i = 0; i < path->interface_count; i++)
		mind(path, &path->doors[i]);
}

void collector_path_follow_clock(struct collector_path *path)
{
	path->wall_offset_ns = clock_wall_offset_ns();
}

void collector_path_leave(struct collector_path *path)
{
	(void)collector_path_lost(path); /* how many CPUs there are is read from a file, once */
	/* What is taken is not for this process to say any more. The numbers stay in use until the object is closed. */
	dup3(path->ring.epoll, bpf_map__fd(path->object->maps.local_addresses), O_CLOEXEC);
	dup3(path->ring.epoll, bpf_map__fd(path->object->maps.found_locals), O_CLOEXEC);
	collector_path_follow_clock(path);
}

void collector_path_stop(struct collector_path *path)
{
	while (path->interface_count)
		close_door(&path->doors[--path->interface_count]);
}

static uint64_t read_counter(struct collector_path *path, enum collector_counter row)
{
	int cpus = libbpf_num_possible_cpus();
	uint64_t values[cpus > 0 ? cpus : 1], sum = 0;
	__u32 key = row;

	if (cpus <= 0 || bpf_map_lookup_elem(bpf_map__fd(path->object->maps.collector_counters), &key, values))
		return 0;
	for (int cpu = 0; cpu < cpus; cpu++)
		sum += values[cpu];
	return sum;
}

uint64_t collector_path_lost(struct collector_path *path)
{
	return read_counter(path, COLLECTOR_ring_full) + read_counter(path, COLLECTOR_too_long) + read_counter(path, COLLECTOR_merged) +
	       tunnel_sockets_lost(path->sockets);
}

void collector_path_interfaces(const struct collector_path *path, struct collector_interfaces *count)
{
	*count = (struct collector_interfaces){.all = path->interface_count, .held = path->held};
	for (unsigned int i = 0; i < path->interface_count; i++)
		count->xdp += path->doors[i].in.xdp;
}
