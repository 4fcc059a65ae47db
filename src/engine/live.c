/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/live.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "datapath/membership.h"
#include "datapath/netlink.h"
#include "datapath/privilege.h"
#include "datapath/tunnel_sockets.h"
#include "wire/headers.h"

enum {
	LOCALS_MAX = 64,
	FOLLOW_MS = 1000,
};

struct live {
	struct live_config config;
	struct collect *collect;
	struct netlink *netlink;
	struct collector_path *path;
	struct membership *groups; /* NULL: no multicast */
	char interfaces[COLLECTOR_INTERFACES_MAX][IFNAMSIZ];
	unsigned int interface_count;
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
	char text[192];
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

static int add_port(struct collector_path_config *path, uint16_t port, struct error *error)
{
	for (unsigned int i = 0; i < path->udp_port_count; i++)
		if (path->udp_ports[i] == port)
			return 0;
	if (path->udp_port_count == UDP_PORTS_MAX)
		return fail(error, ENOSPC, "sources name more than %d UDP ports", UDP_PORTS_MAX);
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
			rc = add_port(path, wire_udp_port(kind), error);
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
		if (source->kinds & KINDS_UDP && add_port(path, (uint16_t)source->port, error))
			return -ENOSPC;
		if (source->marker && add_port(path, (uint16_t)source->marker, error))
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

static void describe(struct live *live)
{
	size_t used = (size_t)snprintf(live->text, sizeof live->text, "%u interface%s:", collector_path_interfaces(live->path),
				       collector_path_interfaces(live->path) == 1 ? "" : "s");

	for (enum farspan_kind kind = FARSPAN_ERSPAN1; kind < FARSPAN_KINDS; kind++) {
		const char *remark = live->left_alone & KIND_BIT(kind) ? " (left to this host's own use)" : "";

		if ((live->kinds | live->left_alone) & KIND_BIT(kind) && used < sizeof live->text)
			used += (size_t)snprintf(live->text + used, sizeof live->text - used, " %s%s", farspan_kind_name(kind), remark);
	}
}

static int follow_groups(struct live *live, struct error *error)
{
	const char(*names)[IFNAMSIZ] = (const char(*)[IFNAMSIZ])live->interfaces;

	return live->groups ? membership_follow(live->groups, live->netlink, names, live->interface_count, error) : 0;
}

/* Local addresses of sources that are groups: this host must be a member of them. */
static int join_groups(struct live *live, struct error *error)
{
	struct address groups[LOCALS_MAX];
	unsigned int count = 0;
	int rc;

	for (unsigned int i = 0; i < live->config.source_count; i++)
		if (address_is_multicast(&live->config.sources[i].address) && count < LOCALS_MAX)
			groups[count++] = live->config.sources[i].address;
	if (!count)
		return 0;
	rc = membership_open(&live->groups, groups, count, error);
	return rc ? rc : follow_groups(live, error);
}

static int open_parts(struct live *live, struct error *error)
{
	struct collector_path_config path = {.way = live->config.way};
	int rc = privilege_check(PRIVILEGE_COLLECT, error);

	if (rc || (rc = netlink_open(&live->netlink, error)))
		return rc;
	rc = live->config.source_count ? choose_named(live, &path, error) : choose_everything(live, &path, error);
	if (rc)
		return rc;
	path.kinds = live->kinds;
	path.locals = live->locals;
	path.local_count = live->local_count;
	memcpy(path.interfaces, live->interfaces, sizeof path.interfaces);
	path.interface_count = live->interface_count;
	rc = collector_path_open(&live->path, live->netlink, &path, error);
	if (!rc)
		rc = join_groups(live, error);
	if (!rc)
		describe(live);
	return rc;
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
	rc = open_parts(live, error);
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
	free(live);
}

int live_fd(const struct live *live)
{
	return collector_path_fd(live->path);
}

static void take_packet(void *context, uint64_t time_ns, const void *data, size_t len)
{
	struct live *live = context;
	int rc;

	/* What comes behind the last wanted frame was never asked for. */
	live->ended = live->ended || collect_ended(live->collect, time_ns);
	if (live_done(live))
		return;
	rc = collect_packet(live->collect, time_ns, FARSPAN_LINK_IP, data, len);
	if (rc < 0)
		live->failed = rc;
	else
		live->accepted += (unsigned int)rc;
}

int live_drain(struct live *live)
{
	uint64_t lost;

	collector_path_drain(live->path, take_packet, live);
	lost = collector_path_lost(live->path);
	if (lost > live->lost)
		collect_missed(live->collect, lost - live->lost);
	live->lost = lost;
	return live->failed;
}

/* ---- the process with the privileges ---- */

static void follow_all(struct live *live)
{
	collector_path_follow(live->path, NULL);
	follow_groups(live, NULL);
}

/* Until it is told to stop, or our parent is no more. */
static void follow_for_parent(struct live *live, int parent)
{
	struct pollfd told = {.fd = parent, .events = POLLIN};
	int rc;

	prctl(PR_SET_NAME, "farspan-follow");
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	/* Whoever reads our parent's output must see its end. */
	for (int fd = 0; fd < 3; fd++)
		close(fd);
	while ((rc = poll(&told, 1, FOLLOW_MS)) == 0 || (rc < 0 && errno == EINTR))
		/* An interface that is gone for the moment is no reason to end: it is found again when it is back. */
		follow_all(live);
	collector_path_stop(live->path);
	_exit(0);
}

int live_leave_following(struct live *live, struct error *error)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		return fail(error, errno, "socket pair: %s", strerror(errno));
	live->follower = fork();
	if (live->follower == 0) {
		close(ends[0]);
		follow_for_parent(live, ends[1]);
	}
	close(ends[1]);
	if (live->follower < 0) {
		close(ends[0]);
		return fail(error, errno, "process that follows interfaces: %s", strerror(errno));
	}
	live->follower_fd = ends[0];
	collector_path_leave(live->path);
	return 0;
}

int live_follow(struct live *live, struct error *error)
{
	char none;

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
	return live_drain(live);
}

bool live_done(const struct live *live)
{
	return live->ended || (live->config.count && live->accepted >= live->config.count);
}

const char *live_text(const struct live *live)
{
	return live->text;
}
