/* SPDX-License-Identifier: BSD-2-Clause */
#include "datapath/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "datapath/attach.h"

enum {
	ID_MASK = 0xffffff,
	LASTING = 0x800000,        /* of an id */
	HANDLE_MAGIC = 0x46000000, /* 'F' */
	DEATH_POLL_US = 10 * 1000,
	DEATH_POLLS = 200, /* two seconds */
	SWEEPS = 50,
};

/* Binds a socket address of the network namespace; -EADDRINUSE if somebody has it. */
static int bind_name(const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), len;

	if (fd < 0)
		return -errno;
	/* In the abstract namespace: sun_path starts with a NUL. */
	len = snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "farspan/%s", name);
	if (bind(fd, (struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len)) < 0) {
		int rc = -errno;

		close(fd);
		return rc;
	}
	return fd;
}

/* Binds the id's socket address; -EADDRINUSE if its owner lives. */
static int bind_id(uint32_t id)
{
	char name[16];

	snprintf(name, sizeof name, "%06x", id);
	return bind_name(name);
}

int owner_claim(const char *role, struct error *error)
{
	int fd = bind_name(role);

	if (fd == -EADDRINUSE)
		return fail(error, EEXIST, "another %s runs already in this network namespace", role);
	return fd < 0 ? fail(error, -fd, "%s: %s", role, strerror(-fd)) : fd;
}

static int bind_program(uint32_t id)
{
	char name[24];

	snprintf(name, sizeof name, "program/%u", id);
	return bind_name(name);
}

int owner_mark_program(uint32_t id)
{
	int fd = bind_program(id);

	return fd < 0 ? -1 : fd;
}

bool owner_knows_program(uint32_t id)
{
	int fd = bind_program(id);

	if (fd >= 0)
		close(fd);
	return fd == -EADDRINUSE;
}

static int bind_rank(uint32_t id, unsigned int rank)
{
	char name[32];

	snprintf(name, sizeof name, "rank/%u/%u", rank, id);
	return bind_name(name);
}

int owner_mark_rank(uint32_t id, unsigned int rank)
{
	int fd = bind_rank(id, rank);

	return fd < 0 ? -1 : fd;
}

unsigned int owner_rank(uint32_t id)
{
	for (unsigned int rank = 0; rank < OWNER_RANKS; rank++) {
		int fd = bind_rank(id, rank);

		if (fd == -EADDRINUSE)
			return rank;
		if (fd >= 0)
			close(fd);
	}
	return OWNER_RANKS;
}

int owner_claim_number(uint64_t number)
{
	char name[32];

	snprintf(name, sizeof name, "claim/%016llx", (unsigned long long)number);
	return bind_name(name);
}

static bool is_alive(uint32_t id)
{
	int fd = bind_id(id);

	if (fd >= 0)
		close(fd);
	return fd < 0;
}

int owner_take(struct owner *owner, enum owner_kind kind, struct error *error)
{
	do {
		if (getrandom(&owner->id, sizeof owner->id, 0) != sizeof owner->id)
			return fail(error, errno, "random number: %s", strerror(errno));
		owner->id &= ID_MASK & ~(uint32_t)LASTING;
		owner->id |= kind == OWNER_LASTING ? LASTING : 0;
		owner->lock = bind_id(owner->id);
	} while (owner->lock == -EADDRINUSE);
	return owner->lock < 0 ? fail(error, -owner->lock, "owner's socket: %s", strerror(-owner->lock)) : 0;
}

/* Whether the descriptor is the socket of that id. */
static bool is_lock(int fd, uint32_t id)
{
	struct sockaddr_un address = {0};
	socklen_t len = sizeof address;
	char name[24];

	snprintf(name, sizeof name, "farspan/%06x", id);
	return fd >= 0 && !getsockname(fd, (struct sockaddr *)&address, &len) && address.sun_family == AF_UNIX &&
	       strncmp(address.sun_path + 1, name, sizeof name) == 0;
}

int owner_take_again(struct owner *owner, uint32_t id, int lock, struct error *error)
{
	owner->id = id;
	owner->lock = is_lock(lock, id) ? lock : bind_id(id);
	/* The kernel closes the descriptors of the dead in no order that could be relied on. */
	for (int i = 0; i < DEATH_POLLS && owner->lock == -EADDRINUSE; i++) {
		usleep(DEATH_POLL_US);
		owner->lock = bind_id(id);
	}
	if (owner->lock < 0)
		return fail(error, -owner->lock, "owner's socket: %s", strerror(-owner->lock));
	owner_bequeath(owner, false);
	return 0;
}

int owner_bequeath(const struct owner *owner, bool on)
{
	fcntl(owner->lock, F_SETFD, on ? 0 : FD_CLOEXEC);
	return owner->lock;
}

void owner_release(struct owner *owner)
{
	if (owner->lock >= 0)
		close(owner->lock);
	owner->lock = -1;
}

void owner_device_name(const struct owner *owner, const char *role, char name[IFNAMSIZ])
{
	snprintf(name, IFNAMSIZ, "fs%06x-%.3s", owner->id & ID_MASK, role);
}

uint32_t owner_filter_handle(uint32_t id)
{
	return HANDLE_MAGIC | id;
}

/* ---- sweeping ---- */

struct sweep {
	struct netlink *netlink;
	bool (*is_kept)(uint32_t id);
	struct error *error;
	int rc;
};

/* As owner_device_name() makes it, to the letter. */
static bool is_own_name(const char *name, uint32_t *id)
{
	char role[4], made[IFNAMSIZ];

	if (sscanf(name, "fs%6x-%3s", id, role) != 2)
		return false;
	owner_device_name(&(struct owner){.id = *id}, role, made);
	return strcmp(name, made) == 0;
}

/* The kernel takes an alias only for a device that it has already made: who is killed between the two leaves one that is down, without. */
bool owner_is_device(const struct link *link)
{
	uint32_t id;

	if (strcmp(link->kind, "veth") != 0 && strcmp(link->kind, "macvlan") != 0)
		return false;
	return strncmp(link->alias, "farspan", strlen("farspan")) == 0 || (!*link->alias && !link->up && is_own_name(link->name, &id));
}

/* The owner's id in the name of a device. A pair of which the user named one end goes with the other. */
static bool read_device(const struct link *link, uint32_t *id)
{
	return owner_is_device(link) && is_own_name(link->name, id);
}

bool owner_names(const struct link *link)
{
	uint32_t id;

	return read_device(link, &id);
}

bool owner_lives(const struct link *link)
{
	uint32_t id;

	return read_device(link, &id) && is_alive(id);
}

static bool is_orphan(const struct sweep *sweep, uint32_t id)
{
	if (id & LASTING && (!sweep->is_kept || sweep->is_kept(id)))
		return false;
	return !is_alive(id);
}

static void sweep_device(const struct link *link, void *context)
{
	struct sweep *sweep = context;
	uint32_t id;
	int rc;

	if (!read_device(link, &id) || !is_orphan(sweep, id))
		return;
	rc = netlink_delete_link(sweep->netlink, link->ifindex, sweep->error);
	if (rc && rc != -ENODEV) /* the other end took it along */
		sweep->rc = rc;
}

bool owner_is_filter(uint32_t handle)
{
	return (handle & ~(uint32_t)ID_MASK) == HANDLE_MAGIC;
}

static bool is_orphan_filter(uint32_t handle, const void *sweep)
{
	return owner_is_filter(handle) && is_orphan(sweep, handle & ID_MASK);
}

static void sweep_filters(const struct link *link, void *context)
{
	attach_remove_filters(link->ifindex, is_orphan_filter, context);
}

int owner_sweep(struct netlink *netlink, bool (*is_kept)(uint32_t id), struct error *error)
{
	struct sweep sweep = {.netlink = netlink, .is_kept = is_kept, .error = error};
	int rc = netlink_each_link(netlink, sweep_filters, &sweep, error);

	if (!rc)
		rc = netlink_each_link(netlink, sweep_device, &sweep, error);
	return rc ? rc : sweep.rc;
}

/* ---- janitor ---- */

/* What the janitor is told through its pipe: interfaces whose clsact we made, and at an orderly end DISMISSED. */
enum {
	DISMISSED = 0,
	CLSACTS_STEP = 256,
};

struct devices {
	uint32_t id;
	bool found;
};

static void find_device(const struct link *link, void *context)
{
	struct devices *devices = context;
	uint32_t id;

	devices->found = devices->found || (read_device(link, &id) && id == devices->id);
}

/* Whether all could be done: what is short for a moment is no reason to leave devices behind. */
static bool sweep_once(struct devices devices, const int *clsacts, unsigned int clsact_count)
{
	struct netlink *netlink;
	int rc;

	if (netlink_open(&netlink, NULL))
		return false;
	rc = owner_sweep(netlink, NULL, NULL);
	for (unsigned int i = 0; i < clsact_count; i++)
		attach_remove_unused_clsact(clsacts[i]);
	if (!rc)
		rc = netlink_each_link(netlink, find_device, &devices, NULL);
	netlink_close(netlink);
	return !rc && !devices.found;
}

static void sweep_after_death(uint32_t id, const int *clsacts, unsigned int clsact_count)
{
	/* The kernel closes the descriptors of the dead in no order that could be relied on. */
	for (int i = 0; i < DEATH_POLLS && is_alive(id); i++)
		usleep(DEATH_POLL_US);
	for (int i = 0; i < SWEEPS && !sweep_once((struct devices){.id = id}, clsacts, clsact_count); i++)
		usleep(DEATH_POLL_US);
}

static void remember(int **list, unsigned int *count, int ifindex)
{
	int *larger = *count % CLSACTS_STEP ? *list : realloc(*list, (*count + CLSACTS_STEP) * sizeof **list);

	if (!larger)
		return;
	*list = larger;
	larger[(*count)++] = ifindex;
}

/* Reads what it is told until the parent is dead or dismisses it. */
static void janitor(int pipe_fd, uint32_t id)
{
	int *clsacts = NULL, ifindex;
	unsigned int clsact_count = 0;
	ssize_t n;

	setsid();
	prctl(PR_SET_NAME, "farspan-janitor");
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	/* Whoever reads our parent's output, or waits for its locks, must see its end. */
	close_range(0, (unsigned int)pipe_fd - 1, 0);
	close_range((unsigned int)pipe_fd + 1, ~0u, 0);
	while ((n = read(pipe_fd, &ifindex, sizeof ifindex)) != 0) {
		if (n == sizeof ifindex && ifindex == DISMISSED)
			_exit(0);
		if (n == sizeof ifindex)
			remember(&clsacts, &clsact_count, ifindex);
	}
	sweep_after_death(id, clsacts, clsact_count);
	_exit(0);
}

static void tell_janitor(struct owner *owner, int word)
{
	/* A pipe takes so few bytes whole. A janitor that somebody killed is no reason to stop. */
	if (write(owner->pipe, &word, sizeof word) != sizeof word)
		fprintf(stderr, "farspan: janitor: %s\n", strerror(errno));
}

int owner_start_janitor(struct owner *owner, struct error *error)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return fail(error, errno, "janitor: %s", strerror(errno));
	owner->janitor = fork();
	if (owner->janitor < 0)
		return fail(error, errno, "janitor: %s", strerror(errno));
	if (owner->janitor == 0) {
		close(ends[1]);
		owner_release(owner);
		janitor(ends[0], owner->id);
	}
	close(ends[0]);
	owner->pipe = ends[1];
	return 0;
}

void owner_made_clsact(struct owner *owner, int ifindex)
{
	if (owner->pipe >= 0)
		tell_janitor(owner, ifindex);
}

static bool left_to_janitors;

void owner_leave_to_janitors(void)
{
	left_to_janitors = true;
}

void owner_dismiss_janitor(struct owner *owner)
{
	if (owner->pipe < 0)
		return;
	if (!left_to_janitors)
		tell_janitor(owner, DISMISSED);
	close(owner->pipe);
	owner->pipe = -1;
	waitpid(owner->janitor, NULL, 0);
}
