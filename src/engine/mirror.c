/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/mirror.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/netlink.h"
#include "datapath/privilege.h"
#include "datapath/source_path.h"
#include "engine/outer.h"

enum {
	SLOT = 0
}; /* the only session of this process */

struct mirror {
	struct mirror_config config;
	struct netlink *netlink;
	int monitor;
	struct source_path *path;
	struct link source;
	struct session_config session; /* as the programs have it */
	struct error waits_for;        /* code 0: for nothing */
	char text[192];
};

static int find_source(struct mirror *m, struct error *error)
{
	const char *name = m->config.interface;
	int rc = netlink_link_by_name(m->netlink, name, &m->source, error);

	if (rc == -ENODEV)
		return fail(error, ENODEV, "interface '%s': no such interface", name);
	if (rc)
		return rc;
	if (!m->source.ethernet)
		return fail(error, EINVAL, "interface '%s' has no Ethernet frames to mirror", name);
	return 0;
}

/* Where the copies go out; a link that is down is an answer, not an error. */
static int find_path(struct mirror *m, struct outer_path *path, struct error *error)
{
	const struct endpoint *destination = &m->config.destination;
	struct link wanted = {0};

	memset(path, 0, sizeof *path);
	if (endpoint_has(destination, ENDPOINT_KEY_dev)) {
		int rc = netlink_link_by_name(m->netlink, destination->dev, &wanted, error);

		if (rc)
			return rc == -ENODEV ? fail(error, ENODEV, "uplink '%s': no such interface", destination->dev) : rc;
	}
	return outer_find_path(m->netlink, destination, wanted.ifindex, path, error);
}

static void describe(struct mirror *m, const struct outer_path *path)
{
	char local[ADDRESS_TEXT_MAX], remote[ADDRESS_TEXT_MAX];

	snprintf(m->text, sizeof m->text, "%s %s -> %s via %s, frames up to %u bytes, %s",
		 farspan_kind_name(endpoint_kind(&m->config.destination)), address_text(&path->local, local),
		 address_text(&m->config.destination.address, remote), path->uplink.name, m->session.frame_max,
		 source_path_attach_name(m->path));
}

static int guard(struct mirror *m, const struct outer_path *path, struct error *error)
{
	struct tunnel_key guards[OUTER_GUARDS_MAX];
	unsigned int count = outer_guards(&m->config.destination, path, guards);
	int rc = 0;

	for (unsigned int i = 0; i < count && !rc; i++)
		rc = source_path_guard(m->path, &guards[i], error);
	return rc;
}

/* Finds the path and gives it to the programs. Where there is none, the session stays and counts what it cannot send. */
static int update_session(struct mirror *m, struct error *error)
{
	struct session_config session = m->session;
	struct outer_path path;
	struct error problem = {0};
	int rc = find_path(m, &path, &problem);

	if (!rc)
		rc = outer_session(&m->config.destination, &path, (unsigned int)m->source.ifindex, &session, &problem);
	if (rc) {
		session.uplink = 0;
		session.unreachable = COUNTER_no_route;
	} else if (!path.uplink.up) {
		session.uplink = 0;
		session.unreachable = COUNTER_target_down;
		fail(&problem, ENETDOWN, "interface %s is down", path.uplink.name);
	}
	session.limit = m->config.count;
	m->waits_for = problem;
	if (!rc && (rc = guard(m, &path, error)))
		return rc;
	if (memcmp(&session, &m->session, sizeof session) != 0) {
		if ((rc = source_path_set_session(m->path, SLOT, &session, error)))
			return rc;
		m->session = session;
	}
	if (!problem.code)
		describe(m, &path);
	return 0;
}

static int start(struct mirror *m, struct error *error)
{
	__u32 slot = SLOT;
	int rc = update_session(m, error);

	/* Later a route may come and go; a destination that never had one is a mistake. */
	if (!rc && m->waits_for.code && m->waits_for.code != ENETDOWN)
		return fail(error, m->waits_for.code, "%s", m->waits_for.text);
	for (enum direction d = 0; !rc && d < DIRECTIONS; d++) {
		struct error detail = {0};

		if (!m->config.directions[d])
			continue;
		rc = source_path_tap(m->path, m->source.ifindex, d, &slot, 1, m->config.way, &detail);
		if (rc)
			fail(error, -rc, "interface '%s': %s", m->source.name, detail.text);
	}
	return rc ? rc : update_session(m, error);
}

static int open_parts(struct mirror *m, struct error *error)
{
	int rc = privilege_check(PRIVILEGE_MIRROR, error);

	if (rc || (rc = netlink_open(&m->netlink, error)))
		return rc;
	if ((rc = find_source(m, error)))
		return rc;
	if ((rc = source_path_open(&m->path, m->netlink, error)))
		return rc;
	m->monitor = netlink_monitor(m->netlink, error);
	return m->monitor < 0 ? m->monitor : start(m, error);
}

int mirror_open(struct mirror **opened, const struct mirror_config *config, struct error *error)
{
	struct mirror *m = calloc(1, sizeof *m);
	int rc;

	if (!m)
		return fail(error, ENOMEM, "out of memory");
	m->config = *config;
	rc = open_parts(m, error);
	if (rc)
		mirror_close(m);
	else
		*opened = m;
	return rc;
}

void mirror_close(struct mirror *m)
{
	if (!m)
		return;
	source_path_close(m->path);
	netlink_close(m->netlink);
	free(m);
}

int mirror_fd(const struct mirror *m)
{
	return m->monitor;
}

void mirror_follow(struct mirror *m)
{
	struct error error = {0};

	netlink_changed(m->netlink);
	source_path_set_clock(m->path);
	if (update_session(m, &error))
		m->waits_for = error;
}

void mirror_stop(struct mirror *m)
{
	source_path_stop(m->path);
}

int mirror_counters(struct mirror *m, enum direction direction, struct counters *counters, struct error *error)
{
	return source_path_counters(m->path, SLOT, direction, counters, error);
}

const char *mirror_waits_for(const struct mirror *m)
{
	return m->waits_for.code ? m->waits_for.text : "";
}

const char *mirror_path_text(const struct mirror *m)
{
	return m->text;
}
