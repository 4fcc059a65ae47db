/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/live.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "datapath/collector_path.h"
#include "datapath/membership.h"
#include "engine/jump_order.h"
#include "host/netlink.h"
#include "host/privilege.h"
#include "host/tunnel_sockets.h"
#include "wire/headers.h"

enum {
	LOCALS_MAX = 64,
	FOLLOW_MS = 1000,
};

/* What is known here of a session whose frames the kernel delivers. */
struct direct {
	struct session_account seen; /* the account, as it was when last told to collect */
	uint32_t next;               /* sequence number that would go on from those told to collect */
	uint32_t jumps;              /* of them */
	uint32_t given;              /* packets that wait to be handed on */
	bool waits;                  /* is in waiting[] */
	uint16_t port;               /* that the programs know last, for slots that they have been told of */
};

struct live {
	struct live_config config;
	struct jump_order early;
	struct direct *directs;              /* by slot, which is the session's index in collect */
	unsigned int waiting[COLLECT_SLOTS]; /* slots with packets to be handed on */
	unsigned int waiting_count, told;    /* told: slots below may be known to the programs */
	struct {
		unsigned int first, count; /* count 0: the kernel does not deliver to them */
	} targets[COLLECT_OUTPUTS_MAX];    /* of the outlets */
	uint64_t wall_offset_ns;
	struct collect *collect;
	struct netlink *netlink;
	struct collector_path *path;
	struct membership *groups; /* NULL: no multicast */
	char interfaces[COLLECTOR_INTERFACES_MAX][IFNAMSIZ];
	unsigned int interface_count;
	uint16_t ports[UDP_PORTS_MAX];
	unsigned int port_count;
	unsigned int kinds;
	unsigned int left_alone; /* kinds that devices or programs of this host take */
	struct address locals[LOCALS_MAX];
	unsigned int local_count;
	uint64_t accepted;
	uint64_t lost; /* as last told to collect */
	int failed;    /* -errno of the recording */
	pid_t follower;
	int follower_fd; /* -1: there is none, this process follows */
	bool ended;      /* a packet came after the last file */
	bool carries;    /* a relay is told what was received around each frame */
	char text[256];
};

/* Devices that take packets of a kind: what they get is not ours unless we are told so. */
static const struct {
	const char *device_kind;
	unsigned int kinds;
} takers[] = {
	{"vxlan", KIND_BIT(FARSPAN_VXLAN)}, {"geneve", KIND_BIT(FARSPAN_GENEVE)},
	{"gretap", KIND_BIT(FARSPAN_GRE)},  {"ip6gretap", KIND_BIT(FARSPAN_GRE)},
	{"erspan", KINDS_ERSPAN},           {"ip6erspan", KINDS_ERSPAN},
};

static void note_taker(const struct link *link, void *context)
{
	struct live *live = context;

	for (size_t i = 0; i < sizeof takers / sizeof takers[0]; i++)
		/* The fallback devices of the kernel's modules take nothing while they are down. */
		if (strcmp(link->kind, takers[i].device_kind) == 0 && link->up)
			live->left_alone |= takers[i].kinds;
}

static int add_port(struct collector_path_config *path, uint16_t port, enum farspan_kind kind, struct error *error)
{
	for (unsigned int i = 0; i < path->udp_port_count; i++) {
		if (path->udp_ports[i] != port)
			continue;
		if (path->udp_kinds[i] != kind)
			path->udp_kinds[i] = FARSPAN_NONE;
		return 0;
	}
	if (path->udp_port_count == UDP_PORTS_MAX)
		return fail(error, ENOSPC, "sources name more than %d UDP ports", UDP_PORTS_MAX);
	path->udp_kinds[path->udp_port_count] = (uint8_t)kind;
	path->udp_ports[path->udp_port_count++] = port;
	return 0;
}

/* Nothing was said: everything, but not what works already. */
static int choose_everything(struct live *live, struct collector_path_config *path, struct error *error)
{
	int rc = netlink_each_link(live->netlink, note_taker, live, error);

	for (enum farspan_kind kind = FARSPAN_NONE; !rc && kind < FARSPAN_KINDS; kind++) {
		if (!(KINDS_UDP & ~live->left_alone & KIND_BIT(kind)))
			continue;
		if (tunnel_sockets_port_is_free(wire_udp_port(kind)))
			rc = add_port(path, wire_udp_port(kind), kind, error);
		else
			live->left_alone |= KIND_BIT(kind);
	}
	live->kinds = KINDS_ALL & ~live->left_alone;
	return rc;
}

/* What the sources name; one that is open to any local address opens it for all, and the others are told apart by collect. */
static int choose_named(struct live *live, struct collector_path_config *path, struct error *error)
{
	bool any = false;

	for (unsigned int i = 0; i < live->config.source_count; i++) {
		const struct endpoint *source = &live->config.sources[i];

		live->kinds |= source->kinds;
		if (source->kinds & KINDS_UDP && add_port(path, (uint16_t)source->port, endpoint_kind(source), error))
			return -ENOSPC;
		if (source->marker && add_port(path, (uint16_t)source->marker, FARSPAN_NONE, error))
			return -ENOSPC;
		if (!source->address.family)
			any = true;
		else if (live->local_count < LOCALS_MAX)
			live->locals[live->local_count++] = source->address;
		else
			return fail(error, ENOSPC, "sources name more than %d local addresses", LOCALS_MAX);
	}
	if (any)
		live->local_count = 0;
	return 0;
}

static void describe(struct live *live, const struct collector_interfaces *count)
{
	size_t used;

	used = (size_t)snprintf(live->text, sizeof live->text, "%u interface%s (", count->all, count->all == 1 ? "" : "s");
	if (count->xdp)
		used += (size_t)snprintf(live->text + used, sizeof live->text - used, "%sXDP", count->xdp < count->all ? "some by " : "");
	if (count->xdp < count->all)
		used += (size_t)snprintf(live->text + used, sizeof live->text - used, "%stc", count->xdp ? ", others by " : "");
	if (live->carries)
		used += (size_t)snprintf(live->text + used, sizeof live->text - used, ", as a relay by rules or a hook needs it");
	if (live->config.adapter_times)
		used += (size_t)snprintf(live->text + used, sizeof live->text - used, ", as times of network cards need it");
	if (count->held)
		used += (size_t)snprintf(live->text + used, sizeof live->text - used, ", as %u %s an XDP program", count->held,
					 count->held == 1 ? "has" : "have");
	used += (size_t)snprintf(live->text + used, sizeof live->text - used, "):");
	for (enum farspan_kind kind = FARSPAN_ERSPAN1; kind < FARSPAN_KINDS; kind++) {
		const char *remark = live->left_alone & KIND_BIT(kind) ? " (left to this host's own use)" : "";

		if ((live->kinds | live->left_alone) & KIND_BIT(kind) && used < sizeof live->text)
			used += (size_t)snprintf(live->text + used, sizeof live->text - used, " %s%s", farspan_kind_name(kind), remark);
	}
}

/* Of whose interfaces all sources take, by session_vrf_fault(); empty: of any. */
static const char *vrf_of_all(const struct live *live)
{
	return live->config.source_count ? live->config.sources[0].vrf : "";
}

static int follow_groups(struct live *live, struct error *error)
{
	const char(*names)[IFNAMSIZ] = (const char(*)[IFNAMSIZ])live->interfaces;

	return live->groups ? membership_follow(live->groups, live->netlink, names, live->interface_count, vrf_of_all(live), error) : 0;
}

/* Local addresses of sources that are groups: this host must be a member of them. */
static int open_groups(struct live *live, struct error *error)
{
	struct address groups[LOCALS_MAX];
	unsigned int count = 0;

	for (unsigned int i = 0; i < live->config.source_count; i++)
		if (address_is_multicast(&live->config.sources[i].address) && count < LOCALS_MAX)
			groups[count++] = live->config.sources[i].address;
	if (!count)
		return 0;
	return membership_open(&live->groups, groups, count, error);
}

/* Where the kernel can put what is for these outlets; what is to end after so many frames has to be counted here. */
static unsigned int direct_places(const struct live *live, unsigned int outlets, struct injector_entry *entries)
{
	const struct outlets *o = live->config.outlets[outlets];

	return o && !live->config.count ? outlets_direct(o, entries) : 0;
}

/* Where frames can be redirected to only by tc, it is tc that takes them. */
static void choose_way(struct live *live, struct collector_path_config *path)
{
	struct injector_entry entries[SESSION_DESTINATIONS_MAX];
	unsigned int count;

	path->way = live->config.way;
	path->adapter_times = live->config.adapter_times;
	if (path->adapter_times && path->way == ATTACH_BEST)
		path->way = ATTACH_TC;
	for (unsigned int i = 0; i < live->config.outlet_count; i++) {
		count = direct_places(live, i, entries);
		for (unsigned int place = 0; place < count; place++) {
			path->delivers = true;
			path->carries = path->carries || outlets_carried(live->config.outlets[i]) >= 0;
			if ((!entries[place].xdp || path->carries) && path->way == ATTACH_BEST)
				path->way = ATTACH_TC;
		}
	}
}

static int add_targets(struct live *live, struct error *error)
{
	struct injector_entry entries[SESSION_DESTINATIONS_MAX];
	unsigned int target = 0;
	int rc = 0;

	for (unsigned int i = 0; i < live->config.outlet_count && !rc; i++) {
		unsigned int count = direct_places(live, i, entries);

		for (unsigned int place = 0; place < count && !rc; place++)
			rc = collector_path_add_target(live->path,
						       &(struct collector_target){entries[place].ifindex, entries[place].frame_max,
										  entries[place].private,
										  outlets_carried(live->config.outlets[i])},
						       &target, error);
		live->targets[i].first = target + 1 - count;
		live->targets[i].count = count;
	}
	return rc;
}

/* Interfaces may have come back, as others. */
static void find_targets(struct live *live)
{
	struct injector_entry entries[SESSION_DESTINATIONS_MAX];

	for (unsigned int i = 0; i < live->config.outlet_count; i++) {
		if (!live->config.outlets[i])
			continue;
		outlets_find(live->config.outlets[i]);
		if (live->targets[i].count)
			outlets_direct(live->config.outlets[i], entries);
		for (unsigned int place = 0; place < live->targets[i].count; place++)
			collector_path_renew_target(live->path, live->targets[i].first + place, entries[place].ifindex,
						    entries[place].frame_max);
	}
}

/* What is known of the source without looking: one sender and one number, or any. */
static void set_scope(const struct endpoint *source, struct collect_scope *scope)
{
	const struct prefix *remote = &source->remotes[0];

	scope->narrow = 1;
	scope->from_anyone = source->remote_count != 1 || remote->length != (remote->address.family == 4 ? 32 : 128);
	if (!scope->from_anyone)
		memcpy(scope->source, remote->address.bytes, remote->address.family == 4 ? 4 : sizeof scope->source);
	scope->any_id = !number_set_is_one(&source->ids);
	scope->id = source->ids.ranges[0].first;
}

static int open_parts(struct live *live, struct error *error)
{
	struct collector_path_config path = {0};
	int rc = privilege_check(PRIVILEGE_COLLECT, error);

	if (rc || (rc = netlink_open(&live->netlink, error)))
		return rc;
	rc = live->config.source_count ? choose_named(live, &path, error) : choose_everything(live, &path, error);
	if (rc)
		return rc;
	memcpy(live->ports, path.udp_ports, sizeof live->ports);
	live->port_count = path.udp_port_count;
	path.kinds = live->kinds;
	snprintf(path.vrf, sizeof path.vrf, "%s", vrf_of_all(live));
	if (live->config.narrow)
		set_scope(&live->config.sources[0], &path.scope);
	path.locals = live->locals;
	path.local_count = live->local_count;
	memcpy(path.interfaces, live->interfaces, sizeof path.interfaces);
	path.interface_count = live->interface_count;
	choose_way(live, &path);
	rc = collector_path_open(&live->path, live->netlink, &path, error);
	if (!rc)
		rc = add_targets(live, error);
	return rc ? rc : open_groups(live, error);
}

int live_open(struct live **opened, const struct live_config *config, struct collect *collect, struct error *error)
{
	struct live *live = calloc(1, sizeof *live);
	int rc;

	if (!live)
		return fail(error, ENOMEM, "out of memory");
	live->config = *config;
	for (; live->interface_count < config->interface_count; live->interface_count++)
		snprintf(live->interfaces[live->interface_count], IFNAMSIZ, "%s", config->interfaces[live->interface_count]);
	live->collect = collect;
	live->follower_fd = -1;
	for (unsigned int i = 0; i < config->outlet_count; i++)
		live->carries = live->carries || (config->outlets[i] && outlets_carried(config->outlets[i]) >= 0);
	live->wall_offset_ns = clock_wall_offset_ns();
	live->directs = calloc(COLLECT_SLOTS, sizeof *live->directs);
	rc = live->directs && !jump_order_open(&live->early, (unsigned int)get_nprocs_conf()) ? open_parts(live, error)
											      : fail(error, ENOMEM, "out of memory");
	if (rc)
		live_close(live);
	else
		*opened = live;
	return rc;
}

/* The process that follows for us ends when the connection does, having detached everything. */
static void stop_follower(struct live *live)
{
	if (live->follower_fd < 0)
		return;
	close(live->follower_fd);
	live->follower_fd = -1;
	waitpid(live->follower, NULL, 0);
}

void live_close(struct live *live)
{
	if (!live)
		return;
	stop_follower(live);
	collector_path_close(live->path);
	membership_close(live->groups);
	netlink_close(live->netlink);
	jump_order_close(&live->early);
	free(live->directs);
	free(live);
}

int live_fd(const struct live *live)
{
	return collector_path_fd(live->path);
}

static int begin(struct live *live, struct collector_interfaces *count, struct error *error)
{
	int rc = collector_path_follow(live->path, error);

	collector_path_interfaces(live->path, count);
	return rc ? rc : follow_groups(live, error);
}

int live_listen(struct live *live, struct error *error)
{
	struct collector_interfaces count;
	int rc = begin(live, &count, error);

	describe(live, &count);
	return rc;
}

/* ---- what the kernel takes over ---- */

/* Packets of the session are on their way to the outlets. */
static void wait_for_flush(struct live *live, unsigned int slot, unsigned int packets)
{
	struct direct *direct = &live->directs[slot];

	direct->given += packets;
	if (!direct->waits)
		live->waiting[live->waiting_count++] = slot;
	direct->waits = true;
}

static void set_key(const struct collect_session *session, uint16_t port, struct collect_key *key)
{
	*key = (struct collect_key){
		.id = session->id,
		.port = htons(port),
		.version = (uint8_t)session->sender.family,
		.kind = (uint8_t)session->kind,
		.hwid = session->hwid,
		.has_key = session->kind == FARSPAN_GRE && session->has_id,
	};
	memcpy(key->source, session->sender.bytes, session->sender.family == 4 ? 4 : 16);
	memcpy(key->destination, session->destination.bytes, session->sender.family == 4 ? 4 : 16);
}

/* The packet was accepted: the programs are told of its session. */
static void teach(struct live *live)
{
	struct session_way way = {0};
	struct collect_lesson lesson;
	struct collect_key key;

	if (!collect_learn(live->collect, &lesson) || lesson.session >= COLLECT_SLOTS)
		return;
	way.record = lesson.recorded;
	for (unsigned int i = 0; i < live->config.outlet_count; i++) {
		if (lesson.deliver != live->config.outlets[i] || !lesson.deliver || !live->targets[i].count)
			continue;
		way.targets = live->targets[i].count;
		way.first_target = live->targets[i].first;
	}
	if (collector_path_sessions(live->path)->known[lesson.session] && live->directs[lesson.session].port == lesson.udp_dst)
		return;
	set_key(collect_session_at(live->collect, lesson.session), lesson.udp_dst, &key);
	if (collector_sessions_tell(collector_path_sessions(live->path), &key, lesson.session, &way))
		return;
	live->directs[lesson.session].port = lesson.udp_dst;
	if (lesson.session >= live->told)
		live->told = lesson.session + 1;
	wait_for_flush(live, lesson.session, 0);
}

/* Tells the numbers that went on from those told, up to the one that is expected. Accounts are read more often than numbers wrap. */
static void tell_numbers(struct live *live, unsigned int slot, uint32_t expected)
{
	struct direct *direct = &live->directs[slot];

	collect_numbers(live->collect, slot, direct->next, expected - direct->next);
	direct->next = expected;
}

static void tell_jump(struct live *live, const struct jump *jump)
{
	struct direct *direct = &live->directs[jump->slot];

	tell_numbers(live, jump->slot, jump->expected);
	collect_numbers(live->collect, jump->slot, jump->sequence, 1);
	direct->next = jump->sequence + 1;
	direct->jumps++;
}

static void take_jump(void *context, uint32_t slot, uint32_t jumps, uint32_t expected, uint32_t sequence)
{
	struct live *live = context;
	struct jump jump = {.slot = slot, .sequence = sequence, .jumps = jumps, .expected = expected};

	if (jumps != live->directs[slot].jumps && jump_order_hold(&live->early, &jump))
		return;
	do
		tell_jump(live, &jump);
	while (jump_order_take(&live->early, slot, live->directs[slot].jumps, &jump));
}

/* Before a packet is looked at: what is told by now may be more. */
static void tell_before(struct live *live, const struct collector_packet *packet)
{
	const struct direct *direct = &live->directs[packet->slot];

	if (packet->jumps == direct->jumps && (int32_t)(packet->expected - direct->next) > 0)
		tell_numbers(live, packet->slot, packet->expected);
}

/* Each sum is right by itself: one may have a packet that another one does not have yet. */
static bool same_sums(const struct session_account *a, const struct session_account *b)
{
	return a->packets == b->packets && a->bytes == b->bytes && a->truncated == b->truncated && a->transmitted == b->transmitted;
}

static void read_account(struct live *live, unsigned int slot)
{
	struct direct *direct = &live->directs[slot];
	struct session_account now;

	if (collector_sessions_account(collector_path_sessions(live->path), slot, &now))
		return;
	/* Numbers behind a jump that is still in the ring have to wait for it. */
	if (now.jumps == direct->jumps)
		tell_numbers(live, slot, now.next);
	if (same_sums(&now, &direct->seen))
		return;
	collect_direct(live->collect, slot,
		       &(struct collect_direct){
			       .packets = now.packets - direct->seen.packets,
			       .bytes = now.bytes - direct->seen.bytes,
			       .truncated = now.truncated - direct->seen.truncated,
			       .transmitted = now.transmitted - direct->seen.transmitted,
			       .first_ns = now.first_ns + live->wall_offset_ns,
			       .last_ns = now.last_ns + live->wall_offset_ns,
		       });
	direct->seen = now;
}

/* Whether the programs knew no key of the session any more; now they do not. */
static bool was_forgotten(struct live *live, unsigned int slot)
{
	const struct collect_session *session = collect_session_at(live->collect, slot);
	const bool udp = KINDS_UDP & KIND_BIT(session->kind);
	struct collect_key key;
	bool forgotten = true;

	for (unsigned int i = 0; i < (udp ? live->port_count : 1); i++) {
		set_key(session, udp ? live->ports[i] : 0, &key);
		forgotten &= collector_sessions_forget(collector_path_sessions(live->path), &key) == -ENOENT;
	}
	return forgotten;
}

/*
 * A second lies between the last key that was taken from the programs and the moment when the slot is another session's: what they had in
 * hand is done by then, and all that they told of it has been drained.
 */
void live_age(struct live *live, uint64_t now_ns)
{
	unsigned int ending[COLLECT_ENDING_MAX], count = collect_ending(live->collect, ending);
	bool forgotten = true;

	for (unsigned int i = 0; i < count; i++)
		forgotten &= ending[i] >= COLLECT_SLOTS || was_forgotten(live, ending[i]);
	if (!forgotten)
		return;
	for (unsigned int i = 0; i < count && ending[i] < COLLECT_SLOTS; i++) {
		read_account(live, ending[i]);
		if (collector_sessions_reset(collector_path_sessions(live->path), ending[i]))
			return;
		live->directs[ending[i]] = (struct direct){0};
	}
	collect_age(live->collect, now_ns);
	count = collect_ending(live->collect, ending);
	for (unsigned int i = 0; i < count; i++)
		if (ending[i] < COLLECT_SLOTS)
			was_forgotten(live, ending[i]);
}

/* Brings what collect knows up to date with what the kernel did by itself. */
static void read_accounts(struct live *live)
{
	uint64_t sent, lost;
	bool any = false;

	for (unsigned int i = 0; i < live->config.outlet_count; i++) {
		for (unsigned int place = 0; place < live->targets[i].count; place++) {
			any = true;
			collector_path_target_count(live->path, live->targets[i].first + place, &sent, &lost);
			outlets_count_direct(live->config.outlets[i], place, sent, lost);
		}
	}
	for (unsigned int slot = 0; any && slot < live->told; slot++)
		read_account(live, slot);
}

void live_handed_on(struct live *live)
{
	struct collector_sessions *sessions = collector_path_sessions(live->path);

	for (unsigned int i = 0; i < live->waiting_count; i++) {
		struct direct *direct = &live->directs[live->waiting[i]];

		collector_sessions_handled(sessions, live->waiting[i], direct->given);
		direct->given = 0;
		direct->waits = false;
	}
	live->waiting_count = 0;
}

/* ---- packets ---- */

static int take_known(struct live *live, const struct collector_packet *packet)
{
	return collect_plain(live->collect, &(struct collect_plain){
						    .session = packet->slot,
						    .time_ns = packet->time_ns,
						    .frame = (const uint8_t *)packet->data + packet->inner_off,
						    .len = packet->len - packet->inner_off,
						    .has_sequence = packet->has_sequence,
						    .sequence = packet->sequence,
						    .delivered = packet->delivered,
					    });
}

static int take_unknown(struct live *live, const struct collector_packet *packet)
{
	int rc;

	collect_delivered(live->collect, packet->delivered);
	rc = collect_packet(live->collect, packet->time_ns, FARSPAN_LINK_IP, packet->data, packet->len);
	collect_delivered(live->collect, false);
	if (rc > 0 && packet->slot == COLLECTOR_NO_SLOT)
		teach(live);
	return rc;
}

static void take_packet(void *context, const struct collector_packet *packet)
{
	struct live *live = context;
	const bool known = packet->slot != COLLECTOR_NO_SLOT;
	int rc;

	/* What comes behind the last wanted frame was never asked for. */
	live->ended = live->ended || collect_ended(live->collect, packet->time_ns);
	if (live_done(live))
		return;
	if (known)
		tell_before(live, packet);
	if (known && !packet->delivered && !packet->odd)
		wait_for_flush(live, packet->slot, 1);
	if (known && !packet->odd && !packet->truncated && !live->carries &&
	    collect_session_at(live->collect, packet->slot)->kind != FARSPAN_ERSPAN3)
		rc = take_known(live, packet);
	else
		rc = take_unknown(live, packet);
	if (rc < 0)
		live->failed = rc;
	else
		live->accepted += (unsigned int)rc;
}

static void take_clock(void *context, uint32_t slot, uint64_t time_ns, const void *data, size_t len)
{
	struct live *live = context;

	collect_clock(live->collect, slot, time_ns, data, len);
}

int live_drain(struct live *live)
{
	collector_path_drain(live->path, &(struct collector_handler){take_packet, take_jump, take_clock, live});
	return live->failed;
}

static void read_times(struct live *live)
{
	struct collector_times times;

	collector_path_times(live->path, &times);
	if (live->config.adapter_times)
		collect_set_times(live->collect, &times);
}

static void read_lost(struct live *live)
{
	const uint64_t lost = collector_path_lost(live->path);

	if (lost > live->lost)
		collect_missed(live->collect, lost - live->lost);
	live->lost = lost;
}

/* ---- the process with the privileges ---- */

/* What it says first. */
struct beginning {
	struct error error; /* code 0: it listens */
	struct collector_interfaces interfaces;
};

static void follow_all(struct live *live)
{
	collector_path_mind(live->path);
	collector_path_follow(live->path, NULL);
	follow_groups(live, NULL);
	for (unsigned int i = 0; i < live->config.outlet_count; i++)
		if (live->config.outlets[i])
			outlets_follow(live->config.outlets[i]);
}

/* Until it is told to stop, or our parent is no more. */
static void follow_for_parent(struct live *live, int parent)
{
	struct pollfd told = {.fd = parent, .events = POLLIN};
	struct beginning first = {0};
	int rc;

	prctl(PR_SET_NAME, "farspan-follow");
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	/* Whoever reads our parent's output must see its end. */
	for (int fd = 0; fd < 3; fd++)
		close(fd);
	rc = netlink_connect(live->netlink, &first.error);
	if (!rc)
		rc = begin(live, &first.interfaces, &first.error);
	if (rc)
		collector_path_stop(live->path);
	else
		follow_all(live);
	if (write(parent, &first, sizeof first) != sizeof first || rc)
		_exit(0);
	while ((rc = poll(&told, 1, FOLLOW_MS)) == 0 || (rc < 0 && errno == EINTR))
		/* An interface that is gone for the moment is no reason to end: it is found again when it is back. */
		follow_all(live);
	collector_path_stop(live->path);
	_exit(0);
}

int live_leave_following(struct live *live, struct error *error)
{
	struct beginning first;
	int ends[2];

	netlink_disconnect(live->netlink); /* descriptors may be few, and here it has done its work */
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return fail(error, errno, "socket pair: %s", strerror(errno));
	live->follower = fork();
	if (live->follower == 0) {
		close(ends[0]);
		follow_for_parent(live, ends[1]);
	}
	close(ends[1]);
	for (unsigned int i = 0; i < live->config.outlet_count && live->follower > 0; i++)
		if (live->config.outlets[i])
			outlets_leave(live->config.outlets[i]);
	if (live->follower < 0) {
		close(ends[0]);
		return fail(error, errno, "process that follows interfaces: %s", strerror(errno));
	}
	live->follower_fd = ends[0];
	collector_path_leave(live->path);
	if (read(ends[0], &first, sizeof first) != sizeof first)
		return fail(error, ECHILD, "the process that follows interfaces has ended");
	if (first.error.code)
		return fail(error, first.error.code, "%s", first.error.text);
	describe(live, &first.interfaces);
	return 0;
}

int live_follow(struct live *live, struct error *error)
{
	char none;

	live->wall_offset_ns = clock_wall_offset_ns();
	read_accounts(live);
	read_lost(live);
	read_times(live);
	find_targets(live);
	if (live->follower_fd < 0) {
		follow_all(live);
		return 0;
	}
	collector_path_follow_clock(live->path);
	if (recv(live->follower_fd, &none, sizeof none, MSG_DONTWAIT) == 0)
		return fail(error, ECHILD, "the process that follows interfaces was ended by somebody: nothing can be received any more");
	return 0;
}

int live_stop(struct live *live)
{
	stop_follower(live);
	collector_path_stop(live->path);
	live_drain(live);
	read_accounts(live);
	read_lost(live);
	read_times(live);
	return live->failed;
}

bool live_done(const struct live *live)
{
	return live->ended || (live->config.count && live->accepted >= live->config.count);
}

void live_load(struct live *live, struct collector_load *load)
{
	collector_path_load(live->path, load);
}

const char *live_text(const struct live *live)
{
	return live->text;
}
