/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/mirror.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "datapath/netlink.h"
#include "datapath/netns.h"
#include "datapath/owner.h"
#include "datapath/privilege.h"
#include "datapath/source_path.h"
#include "engine/destination.h"

enum {
	TEXT_MAX = 256
};

/* A destination; its slot in the programs' maps is its place in the session. */
struct mirror_destination {
	struct session_config config; /* as the programs have it */
	struct error waits_for;       /* code 0: for nothing */
	char text[TEXT_MAX];
};

/* An interface that is mirrored. */
struct mirror_source {
	int ifindex;
	char name[IFNAMSIZ];
	bool seen; /* in the walk under way */
};

struct mirror {
	struct session session;
	enum attach_way way;
	struct netlink *netlink;
	int monitor;
	struct source_path *path;
	struct leg legs[SESSION_DESTINATIONS_MAX];
	unsigned int leg_count;
	struct mirror_destination destinations[SESSION_DESTINATIONS_MAX];
	struct mirror_source *sources;
	unsigned int source_count, source_room;
	struct error sources_wait_for;
	uint64_t started_ns; /* monotonic */
	char text[TEXT_MAX];
};

/* ---- destinations ---- */

static void describe_destination(struct mirror_destination *d, const struct endpoint *endpoint, const struct destination_path *path)
{
	char local[ADDRESS_TEXT_MAX], remote[ADDRESS_TEXT_MAX];

	if (endpoint_is_tunnel(endpoint))
		snprintf(d->text, sizeof d->text, "%s %s -> %s via %s, frames up to %u bytes", endpoint_type_name(endpoint),
			 address_text(&path->local, local), address_text(&endpoint->address, remote), path->uplink.name,
			 d->config.frame_max);
	else
		snprintf(d->text, sizeof d->text, "%s %s", endpoint_type_name(endpoint), path->uplink.name);
}

static int guard(struct mirror *m, const struct endpoint *endpoint, const struct destination_path *path, struct error *error)
{
	struct tunnel_key guards[DESTINATION_GUARDS_MAX];
	unsigned int count = destination_guards(endpoint, path, guards);
	int rc = 0;

	for (unsigned int i = 0; i < count && !rc; i++)
		rc = source_path_guard(m->path, &guards[i], error);
	return rc;
}

/* The configuration for a destination as it is now; what it waits for in *problem. */
static void find_config(struct mirror *m, const struct endpoint *endpoint, struct destination_path *path, struct session_config *config,
			struct error *problem)
{
	int rc = destination_find(m->netlink, endpoint, path, problem);

	if (!rc)
		rc = destination_session(endpoint, path, &m->session.shape, config, problem);
	config->present = 1;
	config->limit = m->session.count;
	if (rc) {
		config->uplink = 0;
		config->unreachable = endpoint_is_tunnel(endpoint) ? COUNTER_no_route : COUNTER_target_down;
	} else if (!path->uplink.up) {
		config->uplink = 0;
		config->unreachable = COUNTER_target_down;
		fail(problem, ENETDOWN, "interface %s is down", path->uplink.name);
	}
}

/* Finds the way to a destination and gives it to the programs. Where there is none, the session stays and counts what it cannot send. */
static int update_destination(struct mirror *m, unsigned int index, struct error *error)
{
	const struct endpoint *endpoint = &m->session.destinations[index];
	struct mirror_destination *d = &m->destinations[index];
	struct session_config config = d->config;
	struct destination_path path;
	struct error problem = {0};
	struct spread_seed seed = {.seed = destination_seed(endpoint)};
	int rc;

	find_config(m, endpoint, &path, &config, &problem);
	d->waits_for = problem;
	if (!problem.code && (rc = guard(m, endpoint, &path, error)))
		return rc;
	seed.present = !problem.code;
	if (m->session.spread && (rc = source_path_set_seed(m->path, index, &seed, error)))
		return rc;
	if (memcmp(&config, &d->config, sizeof config) == 0)
		return 0;
	if ((rc = source_path_set_session(m->path, index, &config, error)))
		return rc;
	d->config = config;
	if (!problem.code)
		describe_destination(d, endpoint, &path);
	return 0;
}

static int update_destinations(struct mirror *m, struct error *error)
{
	int rc = 0;

	for (unsigned int i = 0; i < m->session.destination_count && !rc; i++)
		rc = update_destination(m, i, error);
	return rc;
}

/* ---- legs ---- */

static int add_leg(struct mirror *m, __u32 first_slot, __u32 slot_count, struct error *error)
{
	const struct shape *shape = &m->session.shape;
	struct leg *leg = &m->legs[m->leg_count++];
	int rc = 0;

	*leg = (struct leg){
		.first_slot = first_slot,
		.slot_count = slot_count,
		.sample = shape->sample,
		.sample_n = shape->sample_n,
		.limited = shape->limited,
		.some_vlans = shape->some_vlans,
	};
	for (__u32 slot = first_slot; slot < first_slot + slot_count; slot++)
		leg->udp_copies |= m->session.destinations[slot].kinds == KIND_BIT(FARSPAN_VXLAN);
	if (shape->filter)
		rc = source_path_set_filter(m->path, first_slot, shape->filter, error);
	if (!rc && shape->some_vlans)
		rc = source_path_set_vlans(m->path, first_slot, &shape->vlans, error);
	if (!rc && shape->limited)
		rc = source_path_set_bucket(m->path, first_slot, shape_cost_scale(shape), shape->burst_ns, shape->rate_in_bits, error);
	return rc;
}

/* One leg for all destinations that share the flows, or one for each. */
static int make_legs(struct mirror *m, struct error *error)
{
	int rc = 0;

	if (m->session.spread)
		return add_leg(m, 0, m->session.destination_count, error);
	for (unsigned int i = 0; i < m->session.destination_count && !rc; i++)
		rc = add_leg(m, i, 1, error);
	return rc;
}

/* ---- sources ---- */

static struct mirror_source *find_source(struct mirror *m, int ifindex)
{
	for (unsigned int i = 0; i < m->source_count; i++)
		if (m->sources[i].ifindex == ifindex)
			return &m->sources[i];
	return NULL;
}

static struct mirror_source *add_source(struct mirror *m)
{
	if (m->source_count == m->source_room) {
		unsigned int room = m->source_room ? m->source_room * 2 : 8;
		struct mirror_source *sources = realloc(m->sources, room * sizeof *sources);

		if (!sources)
			return NULL;
		m->sources = sources;
		m->source_room = room;
	}
	return &m->sources[m->source_count];
}

static int start_source(struct mirror *m, const struct link *link, bool swapped, struct error *error)
{
	struct mirror_source *source = add_source(m);
	struct error detail = {0};
	int rc = source ? 0 : fail(&detail, ENOMEM, "out of memory");

	for (enum direction d = 0; d < DIRECTIONS && !rc; d++)
		if (m->session.directions[d])
			rc = source_path_tap(m->path, link->ifindex, d, swapped, m->legs, m->leg_count, m->way, &detail);
	if (rc) {
		source_path_untap(m->path, link->ifindex);
		return fail(error, -rc, "interface '%s': %s", link->name, detail.text);
	}
	*source = (struct mirror_source){.ifindex = link->ifindex, .seen = true};
	snprintf(source->name, sizeof source->name, "%s", link->name);
	m->source_count++;
	return 0;
}

struct source_walk {
	struct mirror *mirror;
	struct error error; /* the first */
};

static void take_link(struct source_walk *walk, const struct link *link, bool swapped)
{
	struct mirror *m = walk->mirror;
	struct mirror_source *source = find_source(m, link->ifindex);
	struct error *error = walk->error.code ? NULL : &walk->error;

	if (source) {
		source->seen = true;
		snprintf(source->name, sizeof source->name, "%s", link->name);
	} else if (!link->ethernet) {
		fail(error, EINVAL, "interface '%s' has no Ethernet frames to mirror", link->name);
	} else {
		start_source(m, link, swapped, error);
	}
}

static void visit_link(const struct link *link, void *context)
{
	struct source_walk *walk = context;

	/* No pattern means devices of ours. */
	if (session_takes(&walk->mirror->session, link->name, !owner_is_device(link)))
		take_link(walk, link, false);
}

/* A container is mirrored at our end of its pair, where nothing of it shows inside. What it receives is what this end sends. */
static void visit_containers(struct source_walk *walk)
{
	struct mirror *m = walk->mirror;

	for (unsigned int i = 0; i < m->session.source_count; i++) {
		const struct session_source *source = &m->session.sources[i];
		struct link outer;

		if (source->netns[0] &&
		    !netns_find_outer(m->netlink, source->netns, source->pattern, &outer, walk->error.code ? NULL : &walk->error))
			take_link(walk, &outer, true);
	}
}

static void forget_lost_sources(struct mirror *m)
{
	for (unsigned int i = m->source_count; i-- > 0;) {
		if (m->sources[i].seen)
			continue;
		source_path_untap(m->path, m->sources[i].ifindex);
		m->sources[i] = m->sources[--m->source_count];
	}
}

static const struct session_source *find_missing(const struct mirror *m)
{
	for (unsigned int i = 0; i < m->session.source_count; i++) {
		const struct session_source *source = &m->session.sources[i];
		bool found = session_source_is_pattern(source) || source->netns[0];

		for (unsigned int s = 0; s < m->source_count && !found; s++)
			found = strcmp(m->sources[s].name, source->pattern) == 0;
		if (!found)
			return source;
	}
	return NULL;
}

static void describe_sources(struct mirror *m)
{
	size_t used = 0;

	m->text[0] = '\0';
	for (unsigned int i = 0; i < m->source_count && used < sizeof m->text; i++)
		used += (size_t)snprintf(m->text + used, sizeof m->text - used, "%s ", m->sources[i].name);
	if (used < sizeof m->text)
		snprintf(m->text + used, sizeof m->text - used, "(%s)", source_path_attach_name(m->path));
}

/* Starts interfaces that have come, forgets those that have gone or now have other names. */
static int update_sources(struct mirror *m, struct error *error)
{
	struct source_walk walk = {.mirror = m};
	const struct session_source *missing;
	int rc;

	for (unsigned int i = 0; i < m->source_count; i++)
		m->sources[i].seen = false;
	rc = netlink_each_link(m->netlink, visit_link, &walk, error);
	if (rc)
		return rc;
	visit_containers(&walk);
	forget_lost_sources(m);
	missing = find_missing(m);
	m->sources_wait_for = walk.error;
	if (!walk.error.code && missing)
		fail(&m->sources_wait_for, ENODEV, "interface '%s': no such interface", missing->pattern);
	else if (!walk.error.code && !m->source_count)
		fail(&m->sources_wait_for, EAGAIN, "no interface has a name like '%s'", m->session.sources[0].pattern);
	describe_sources(m);
	return 0;
}

/* ---- all ---- */

/*
 * Who does not want to wait is told what is missing. That a link is down for the moment, or that a pattern has no match yet (EAGAIN), is
 * nothing to fail for; what waiting cannot mend always is.
 */
static int check_start(const struct mirror *m, const struct error *problem, struct error *error)
{
	bool for_now = problem->code == ENETDOWN || problem->code == EAGAIN;
	bool for_ever = problem->code == EINVAL || problem->code == EADDRINUSE;

	if (!problem->code || for_now || (m->session.wait && !for_ever))
		return 0;
	return fail(error, problem->code, "%s", problem->text);
}

static int start(struct mirror *m, struct error *error)
{
	int rc = update_destinations(m, error);

	for (unsigned int i = 0; i < m->session.destination_count && !rc; i++)
		rc = check_start(m, &m->destinations[i].waits_for, error);
	m->started_ns = clock_monotonic_ns();
	if (!rc && m->session.measure)
		rc = source_path_measure(m->path, error);
	if (rc || (rc = make_legs(m, error)) || (rc = update_sources(m, error)))
		return rc;
	return check_start(m, &m->sources_wait_for, error);
}

/* A name that is no pattern and no interface is a mistake that is told before anything is loaded. */
static int check_sources(struct mirror *m, struct error *error)
{
	for (unsigned int i = 0; i < m->session.source_count; i++) {
		const struct session_source *source = &m->session.sources[i];
		struct link link;

		if (!m->session.wait && !session_source_is_pattern(source) && !source->netns[0] &&
		    netlink_link_by_name(m->netlink, source->pattern, &link, error) == -ENODEV)
			return fail(error, ENODEV, "interface '%s': no such interface", source->pattern);
	}
	return 0;
}

static int open_parts(struct mirror *m, struct error *error)
{
	int rc = privilege_check(m->session.shape.filter ? PRIVILEGE_MIRROR_FILTER : PRIVILEGE_MIRROR, error);

	if (rc || (rc = netlink_open(&m->netlink, error)) || (rc = check_sources(m, error)))
		return rc;
	if ((rc = source_path_open(&m->path, m->netlink, &m->session.cpus, m->session.hook, error)))
		return rc;
	m->monitor = netlink_monitor(m->netlink, error);
	return m->monitor < 0 ? m->monitor : start(m, error);
}

int mirror_open(struct mirror **opened, const struct session *session, enum attach_way way, struct error *error)
{
	struct mirror *m = calloc(1, sizeof *m);
	int rc;

	if (!m)
		return fail(error, ENOMEM, "out of memory");
	m->session = *session;
	m->way = way;
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
	free(m->sources);
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
	if (update_destinations(m, &error) || update_sources(m, &error))
		m->sources_wait_for = error;
}

void mirror_stop(struct mirror *m)
{
	source_path_stop(m->path);
}

int mirror_counters(struct mirror *m, unsigned int destination, enum direction direction, struct counters *counters, struct error *error)
{
	return source_path_counters(m->path, destination, direction, counters, error);
}

/* Every destination sees every frame, unless they share the flows. */
static uint64_t frames_seen(struct mirror *m)
{
	unsigned int destinations = m->session.spread ? m->session.destination_count : 1;
	uint64_t seen = 0;

	for (unsigned int i = 0; i < destinations; i++) {
		for (enum direction d = 0; d < DIRECTIONS; d++) {
			struct counters c = {0};

			mirror_counters(m, i, d, &c, NULL);
			seen += c.value[COUNTER_seen];
		}
	}
	return seen;
}

int mirror_cost(struct mirror *m, struct mirror_cost *cost, struct error *error)
{
	struct source_path_cost c;
	uint64_t elapsed = clock_monotonic_ns() - m->started_ns, seen = frames_seen(m);
	int rc = source_path_cost(m->path, &c, error);

	if (rc)
		return rc;
	cost->seen_ns = seen ? c.source_ns / seen : 0;
	cost->copied_ns = c.encap_runs ? (c.source_ns + c.encap_ns) / c.encap_runs : 0;
	cost->core_share = elapsed ? (double)(c.source_ns + c.encap_ns) / (double)elapsed : 0;
	return 0;
}

const char *mirror_destination_waits_for(const struct mirror *m, unsigned int destination)
{
	const struct error *problem = &m->destinations[destination].waits_for;

	return problem->code ? problem->text : "";
}

const char *mirror_sources_wait_for(const struct mirror *m)
{
	return m->sources_wait_for.code ? m->sources_wait_for.text : "";
}

const char *mirror_destination_text(const struct mirror *m, unsigned int destination)
{
	return m->destinations[destination].text;
}

unsigned int mirror_destination_frame_max(const struct mirror *m, unsigned int destination)
{
	const struct mirror_destination *d = &m->destinations[destination];

	return d->waits_for.code ? 0 : d->config.frame_max;
}

const char *mirror_sources_text(const struct mirror *m)
{
	return m->text;
}
