/* SPDX-License-Identifier: BSD-2-Clause */
/* One session of the set: its slots, its destinations, its legs, and how it goes. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "engine/mirror_parts.h"
#include "wire/fields.h"

enum {
	RUN_ROUND = 4, /* flows are spread over a number of slots that leaves room for some destinations more */
};

/* ---- slots ---- */

unsigned int mirror_session_slots(const struct session *session)
{
	unsigned int rounded = (session->destination_count + RUN_ROUND - 1) / RUN_ROUND * RUN_ROUND;

	return session->spread ? rounded : session->destination_count;
}

/* ---- destinations ---- */

bool mirrors_guard(const struct mirrors *m, const struct tunnel_key *guard)
{
	for (unsigned int i = 0; i < m->count; i++) {
		const struct mirror_session *s = m->sessions[i];

		for (unsigned int d = 0; s->destinations && d < s->session->destination_count; d++)
			for (unsigned int g = 0; g < s->destinations[d].guard_count; g++)
				if (memcmp(&s->destinations[d].guards[g], guard, sizeof *guard) == 0)
					return true;
	}
	return false;
}

/* Copies of one path may come by a source of another: all of them know all tunnels. */
static int set_guards(struct mirrors *m, struct mirror_destination *d, const struct tunnel_key *guards, unsigned int count,
		      struct error *error)
{
	struct mirror_destination old = *d;
	int rc = 0;

	if (count == old.guard_count && (!count || memcmp(guards, old.guards, count * sizeof *guards) == 0))
		return 0;
	for (struct mirror_path *p = m->paths; p; p = p->next)
		for (unsigned int i = 0; i < count && !rc; i++)
			rc = source_path_guard(p->path, &guards[i], error);
	if (rc)
		return rc;
	if (count)
		memcpy(d->guards, guards, count * sizeof *guards);
	d->guard_count = count;
	for (unsigned int i = 0; i < old.guard_count; i++)
		for (struct mirror_path *p = m->paths; p && !mirrors_guard(m, &old.guards[i]); p = p->next)
			source_path_unguard(p->path, &old.guards[i]);
	return 0;
}

static int guard(struct mirrors *m, struct mirror_destination *d, const struct endpoint *endpoint, const struct destination_path *path,
		 struct error *error)
{
	struct tunnel_key guards[DESTINATION_GUARDS_MAX];
	unsigned int count = destination_guards(endpoint, path, guards);

	return set_guards(m, d, guards, count, error);
}

/* Keeps what the kernel knows of the way to a tunnel's other end. */
static void learn_path_mtu(struct mirror_destination *d, const struct endpoint *endpoint, const struct destination_path *path)
{
	int protocol = endpoint_kind(endpoint) == FARSPAN_VXLAN ? IP_PROTOCOL_UDP : IP_PROTOCOL_GRE;

	path_mtu_learn(&d->path_mtu, protocol, &path->local, &endpoint->address, endpoint->mark);
}

/* When all paths are closed, their relays have gone with them. */
static void leave_destination(struct mirror_session *s, struct mirror_destination *d)
{
	set_guards(s->mirrors, d, NULL, 0, NULL);
	if (s->mirrors->paths)
		source_path_give_up_relay(s->path->path, d->slot);
	path_mtu_close(&d->path_mtu);
}

static void describe_destination(struct mirror_destination *d, const struct endpoint *endpoint, const struct destination_path *path)
{
	char local[ADDRESS_TEXT_MAX], remote[ADDRESS_TEXT_MAX], number[DESTINATION_NUMBER_MAX], vlan[16] = "";

	if (endpoint->kinds == KIND_VLAN)
		snprintf(vlan, sizeof vlan, " id %u", endpoint->vlan_id);
	if (endpoint_is_tunnel(endpoint))
		snprintf(d->text, sizeof d->text, "%s %s -> %s%s via %s, frames up to %u bytes", endpoint_type_name(endpoint),
			 address_text(&path->local, local), address_text(&endpoint->address, remote), destination_number(endpoint, number),
			 path->uplink.name, d->config.frame_max);
	else if (endpoint_has(endpoint, ENDPOINT_KEY_netns))
		snprintf(d->text, sizeof d->text, "%s %s%s of network namespace %.128s, by %s", endpoint_type_name(endpoint), endpoint->dev,
			 vlan, endpoint->netns, path->uplink.name);
	else
		snprintf(d->text, sizeof d->text, "%s %s%s", endpoint_type_name(endpoint), path->uplink.name, vlan);
}

/* In a round over all sessions each way is asked for once. */
static struct known_way *know_way(struct mirrors *m, const struct endpoint *endpoint)
{
	unsigned int count = m->way_count < KNOWN_WAYS_MAX ? m->way_count : KNOWN_WAYS_MAX;

	for (unsigned int i = 0; i < count; i++)
		if (destination_same_way(m->ways[i].endpoint, endpoint))
			return &m->ways[i];
	return NULL;
}

static int find_way(struct mirrors *m, const struct endpoint *endpoint, struct destination_path *path, struct error *problem)
{
	const struct known_way *known = know_way(m, endpoint);
	int rc;

	if (known) {
		*path = known->path;
		return 0;
	}
	rc = destination_find(m->netlink, endpoint, path, problem);
	if (!rc && m->in_round && endpoint_is_tunnel(endpoint))
		m->ways[m->way_count++ % KNOWN_WAYS_MAX] = (struct known_way){.endpoint = endpoint, .path = *path};
	return rc;
}

static bool next_hop_answers(struct mirrors *m, const struct endpoint *endpoint, const struct destination_path *path, bool doubted)
{
	struct known_way *known = know_way(m, endpoint);
	bool answers = (known && known->answers && !doubted) ||
		       netlink_neighbour_answers(m->netlink, path->uplink.ifindex, &path->nexthop, doubted);

	if (known)
		known->answers = answers && !doubted;
	return answers;
}

/* The configuration for a destination as it is now; what it waits for in *problem. */
static void find_config(struct mirror_session *s, const struct endpoint *endpoint, __u32 slot, struct destination_path *path,
			struct session_config *config, struct error *problem)
{
	const bool doubted = config->unreachable == COUNTER_no_neighbour;
	char nexthop[ADDRESS_TEXT_MAX];
	int rc = find_way(s->mirrors, endpoint, path, problem);

	if (!rc && endpoint_has(endpoint, ENDPOINT_KEY_netns))
		rc = source_path_relay(s->path->path, slot, endpoint->netns, endpoint->dev, &path->uplink, &path->relayed, problem);
	if (!rc)
		rc = destination_session(endpoint, path, &s->session->shape, config, problem);
	config->present = 1;
	config->limit = s->session->count;
	config->unreachable = rc && endpoint_is_tunnel(endpoint) ? COUNTER_no_route : COUNTER_target_down;
	if (rc) {
		config->uplink = 0;
	} else if (!path->uplink.up) {
		config->uplink = 0;
		fail(problem, ENETDOWN, "interface %s %s", endpoint_is_tunnel(endpoint) ? path->uplink.name : endpoint->dev,
		     link_fault(&path->uplink));
	} else if (endpoint_is_tunnel(endpoint) && path->uplink.resolves && !next_hop_answers(s->mirrors, endpoint, path, doubted)) {
		config->uplink = 0;
		config->unreachable = COUNTER_no_neighbour;
		fail(problem, EAGAIN, "neighbour %s on %s unresolved", address_text(&path->nexthop, nexthop), path->uplink.name);
	}
}

static void read_uplink(const struct mirror_session *s, struct mirror_destination *d, const struct link *uplink)
{
	bool same = uplink->ifindex == d->uplink_ifindex && uplink->lost == d->uplink_lost;

	/* Some drivers count anew when the interface is set up. */
	if (uplink->ifindex == d->uplink_ifindex && uplink->lost > d->uplink_lost)
		d->uplink.link_dropped += uplink->lost - d->uplink_lost;
	d->uplink_ifindex = uplink->ifindex;
	d->uplink_lost = uplink->lost;
	memcpy(d->uplink.name, uplink->name, sizeof d->uplink.name);
	if (!same)
		mirror_slots_note(s);
}

void mirror_session_read_uplinks(struct mirror_session *s)
{
	for (unsigned int i = 0; s->destinations && i < s->session->destination_count; i++) {
		struct mirror_destination *d = &s->destinations[i];
		struct link uplink;

		if (!d->uplink_ifindex || netlink_link_by_index(s->mirrors->netlink, d->uplink_ifindex, &uplink, NULL))
			continue;
		source_path_add_lost(s->path->path, d->slot, &uplink);
		read_uplink(s, d, &uplink);
	}
}

/* Finds the way to a destination and gives it to the programs. Where there is none, the session stays and counts what it cannot send. */
static int find_destination(struct mirror_session *s, unsigned int index, struct error *error)
{
	const struct endpoint *endpoint = &s->session->destinations[index];
	struct mirror_destination *d = &s->destinations[index];
	struct session_config config = d->config;
	struct destination_path path;
	struct error problem = {0};
	struct spread_seed seed = {.seed = destination_seed(endpoint)};
	int rc;

	find_config(s, endpoint, d->slot, &path, &config, &problem);
	config.destination = index;
	d->waits_for = problem;
	if (config.uplink)
		read_uplink(s, d, &path.uplink);
	if (!problem.code && (rc = guard(s->mirrors, d, endpoint, &path, error)))
		return rc;
	if (!problem.code && endpoint_is_tunnel(endpoint))
		learn_path_mtu(d, endpoint, &path);
	seed.present = !problem.code;
	if (s->session->spread && (rc = source_path_set_seed(s->path->path, d->slot, &seed, error)))
		return rc;
	if (memcmp(&config, &d->config, sizeof config) == 0 && (!config.uplink || source_path_holds_uplink(s->path->path, d->slot)))
		return 0;
	if ((rc = source_path_set_session(s->path->path, d->slot, &config, error)))
		return rc;
	d->config = config;
	if (!endpoint_has(endpoint, ENDPOINT_KEY_netns))
		source_path_give_up_relay(s->path->path, d->slot);
	if (!problem.code)
		describe_destination(d, endpoint, &path);
	return 0;
}

void mirror_session_find_destinations(struct mirror_session *s)
{
	for (unsigned int i = 0; s->destinations && i < s->session->destination_count; i++) {
		struct error error = {0};

		if (find_destination(s, i, &error))
			s->destinations[i].waits_for = error;
	}
}

/* ---- legs ---- */

/* What a leg refers to by its first slot. */
static int set_up_leg(struct mirror_session *s, __u32 first_slot, struct error *error)
{
	const struct shape *shape = &s->session->shape;
	struct source_path *path = s->path->path;
	int rc = source_taps_set_filter(source_path_taps(path), first_slot, shape->filter, error);

	if (!rc && shape->some_vlans)
		rc = source_path_set_vlans(path, first_slot, &shape->vlans, error);
	if (!rc && shape->limited)
		rc = source_path_set_bucket(path, first_slot, shape_cost_scale(shape), shape->burst_ns, shape->rate_in_bits, error);
	return rc;
}

static int set_up_legs(struct mirror_session *s, struct error *error)
{
	int rc = 0;

	if (s->session->spread)
		return set_up_leg(s, s->run_first, error);
	for (unsigned int i = 0; i < s->session->destination_count && !rc; i++)
		rc = set_up_leg(s, s->destinations[i].slot, error);
	return rc;
}

static int add_leg(struct mirror_session *s, struct tap_legs *legs, __u32 first_slot, __u32 slot_count, bool udp_copies, __u32 chosen_by)
{
	const struct shape *shape = &s->session->shape;
	struct tap_leg *leg;

	if (legs->count == legs->room) {
		unsigned int room = legs->room ? legs->room * 2 : 4;

		leg = realloc(legs->legs, room * sizeof *leg);
		if (!leg)
			return -ENOMEM;
		legs->legs = leg;
		legs->room = room;
	}
	leg = &legs->legs[legs->count++];
	*leg = (struct tap_leg){.session = s, .revision = s->revision};
	leg->leg = (struct leg){
		.first_slot = first_slot,
		.slot_count = slot_count,
		.sample = shape->sample,
		.sample_n = shape->sample_n,
		.limited = shape->limited,
		.some_vlans = shape->some_vlans,
		.udp_copies = udp_copies,
		.chosen_by = s->session->carrier ? chosen_by : 0,
	};
	return 0;
}

/* One leg for all destinations that share the flows, or one for each. */
int mirror_session_add_legs(struct mirror_session *s, struct tap_legs *legs)
{
	bool any_udp = false;
	__u32 end = 0;
	int rc = 0;

	for (unsigned int i = 0; s->destinations && i < s->session->destination_count && !rc; i++) {
		__u32 slot = s->destinations[i].slot;
		bool udp = s->session->destinations[i].kinds == KIND_BIT(FARSPAN_VXLAN);

		any_udp |= udp;
		if (slot >= end)
			end = slot + 1;
		if (!s->session->spread)
			rc = add_leg(s, legs, slot, 1, udp, 1u << i);
	}
	return s->session->spread && s->destinations ? add_leg(s, legs, s->run_first, end - s->run_first, any_udp, ~0u) : rc;
}

/* ---- life ---- */

int mirror_session_start(struct mirror_session *s, struct error *error)
{
	struct mirror_destination *destinations = calloc(s->session->destination_count, sizeof *destinations);
	int rc = destinations ? mirror_slots_take_first(s, destinations, error) : fail(error, ENOMEM, "out of memory");

	s->revision = ++s->mirrors->revisions;
	s->started_ns = clock_monotonic_ns();
	if (rc) {
		free(destinations);
		return rc;
	}
	s->destinations = destinations;
	mirror_slots_note(s);
	mirror_session_find_destinations(s);
	return set_up_legs(s, error);
}

/* What a change does with the destinations: those that stay keep their slots, and new ones take the place of those that go. */
struct succession {
	struct mirror_destination *old, *new;
	const struct session *was, *wanted;
	bool old_used[SESSION_DESTINATIONS_MAX], new_set[SESSION_DESTINATIONS_MAX];
};

static void inherit(struct succession *succession, unsigned int from, unsigned int to)
{
	succession->new[to] = succession->old[from];
	succession->old_used[from] = succession->new_set[to] = true;
}

static bool same_endpoint(const struct succession *succession, unsigned int from, unsigned int to)
{
	return memcmp(&succession->was->destinations[from], &succession->wanted->destinations[to], sizeof(struct endpoint)) == 0;
}

static void match_destinations(struct succession *succession)
{
	for (int exact = 1; exact >= 0; exact--)
		for (unsigned int to = 0; to < succession->wanted->destination_count; to++)
			for (unsigned int from = 0; from < succession->was->destination_count && !succession->new_set[to]; from++)
				if (!succession->old_used[from] && (!exact || same_endpoint(succession, from, to)))
					inherit(succession, from, to);
}

static bool in_use(const struct succession *succession, __u32 slot)
{
	for (unsigned int i = 0; i < succession->wanted->destination_count; i++)
		if (succession->new_set[i] && succession->new[i].slot == slot)
			return true;
	return false;
}

static int take_more_slots(struct mirror_session *s, struct succession *succession, struct error *error)
{
	int rc = 0;

	for (unsigned int i = 0; i < succession->wanted->destination_count && !rc; i++) {
		__u32 slot = s->run_first;

		if (succession->new_set[i])
			continue;
		while (succession->wanted->spread && in_use(succession, slot))
			slot++;
		rc = succession->wanted->spread ? source_path_clear_slot(s->path->path, slot, error)
						: mirror_slots_take(s, 1, &slot, error);
		succession->new[i].slot = slot;
		succession->new_set[i] = !rc;
	}
	return rc;
}

/* Those that no destination came after. In a run of slots they stay, out of order. */
static void give_old_slots(struct mirror_session *s, struct succession *succession)
{
	static const struct spread_seed none;

	for (unsigned int i = 0; i < succession->was->destination_count; i++) {
		struct mirror_destination *d = &succession->old[i];

		if (succession->old_used[i])
			continue;
		leave_destination(s, d);
		if (s->run_size)
			source_path_set_seed(s->path->path, d->slot, &none, NULL);
		else
			mirrors_give_slots(s->mirrors, s->path, d->slot, 1);
	}
}

static int change_destinations(struct mirror_session *s, const struct session *wanted, struct error *error)
{
	struct succession succession = {
		.old = s->destinations,
		.was = s->session,
		.wanted = wanted,
		.new = calloc(wanted->destination_count, sizeof(struct mirror_destination)),
	};
	int rc;

	if (!succession.new)
		return fail(error, ENOMEM, "out of memory");
	match_destinations(&succession);
	rc = take_more_slots(s, &succession, error);
	if (rc) {
		free(succession.new);
		return rc;
	}
	give_old_slots(s, &succession);
	free(s->destinations);
	s->destinations = succession.new;
	return 0;
}

static void give_slots(struct mirror_session *s)
{
	for (unsigned int i = 0; s->destinations && i < s->session->destination_count; i++) {
		leave_destination(s, &s->destinations[i]);
		if (!s->run_size)
			mirrors_give_slots(s->mirrors, s->path, s->destinations[i].slot, 1);
	}
	if (s->run_size)
		mirrors_give_slots(s->mirrors, s->path, s->run_first, s->run_size);
	free(s->destinations);
	s->destinations = NULL;
	s->run_size = 0;
}

void mirror_session_put(struct mirror_session *s, const struct session *wanted)
{
	struct session *shared = session_share(wanted);

	session_free(s->session);
	s->session = shared;
}

int mirror_session_change(struct mirror_session *s, const struct session *wanted, struct error *error)
{
	bool anew = wanted->spread != s->session->spread || (wanted->spread && mirror_session_slots(wanted) > s->run_size);
	bool same_filter =
		strcmp(wanted->shape.filter ? wanted->shape.filter : "", s->session->shape.filter ? s->session->shape.filter : "") == 0;
	int rc;

	if (anew || !s->destinations) {
		give_slots(s);
		mirror_session_put(s, wanted);
		return mirror_session_start(s, error);
	}
	rc = change_destinations(s, wanted, error);
	if (rc)
		return rc;
	mirror_session_put(s, wanted);
	if (!same_filter)
		s->revision = ++s->mirrors->revisions;
	mirror_slots_note(s);
	mirror_session_find_destinations(s);
	return set_up_legs(s, error);
}

void mirror_session_end(struct mirror_session *s)
{
	give_slots(s);
	session_free(s->session);
	free(s);
}

/* ---- how it goes ---- */

const char *mirror_state_name(enum mirror_state state)
{
	static const char *const names[] = {
		[MIRROR_OFF] = "off", [MIRROR_PENDING] = "pending", [MIRROR_DEGRADED] = "degraded", [MIRROR_ACTIVE] = "active"};

	return names[state];
}

enum mirror_state mirror_session_state(const struct mirror_session *s, struct error *why)
{
	const struct error *problem = s->failed.code ? &s->failed : &s->sources_wait_for;
	unsigned int usable = 0;

	for (unsigned int i = 0; s->destinations && i < s->session->destination_count; i++) {
		const struct error *waits_for = &s->destinations[i].waits_for;

		usable += !waits_for->code;
		if (waits_for->code && !problem->code)
			problem = waits_for;
	}
	if (why)
		*why = *problem;
	if (!s->source_count || !usable)
		return MIRROR_PENDING;
	return problem->code ? MIRROR_DEGRADED : MIRROR_ACTIVE;
}

const struct session *mirror_session_wanted(const struct mirror_session *s)
{
	return s->session;
}

int mirror_session_counters(const struct mirror_session *s, unsigned int destination, enum direction direction, struct counters *counters,
			    struct error *error)
{
	if (!s->destinations)
		return fail(error, s->failed.code ? s->failed.code : ENOENT, "%s", s->failed.text);
	return source_path_counters(s->path->path, s->destinations[destination].slot, direction, counters, error);
}

const struct error *mirror_session_destination_waits_for(const struct mirror_session *s, unsigned int destination)
{
	return s->destinations ? &s->destinations[destination].waits_for : &s->failed;
}

const struct error *mirror_session_sources_wait_for(const struct mirror_session *s)
{
	return &s->sources_wait_for;
}

struct mirror_uplink mirror_session_uplink(const struct mirror_session *s, unsigned int destination)
{
	return s->destinations ? s->destinations[destination].uplink : (struct mirror_uplink){.link_dropped = 0};
}

const char *mirror_session_destination_text(const struct mirror_session *s, unsigned int destination)
{
	return s->destinations ? s->destinations[destination].text : "";
}

unsigned int mirror_session_frame_max(const struct mirror_session *s, unsigned int destination)
{
	const struct mirror_destination *d = s->destinations ? &s->destinations[destination] : NULL;

	return d && !d->waits_for.code ? d->config.frame_max : 0;
}

const char *mirror_session_sources_text(const struct mirror_session *s)
{
	return s->text;
}

const char *mirror_session_not_straight(const struct mirror_session *s)
{
	return source_path_not_straight(s->path->path);
}

const char *mirror_session_not_whole(const struct mirror_session *s, unsigned int destination)
{
	return s->destinations ? source_path_not_whole(s->path->path, &s->destinations[destination].config) : NULL;
}

const char *mirror_session_not_left(const struct mirror_session *s, unsigned int destination)
{
	return s->destinations ? source_path_not_left(s->path->path, &s->destinations[destination].config) : NULL;
}

/* Every destination sees every frame, unless they share the flows. */
uint64_t mirror_session_frames_seen(const struct mirror_session *s)
{
	unsigned int destinations = s->session->spread ? s->session->destination_count : 1;
	uint64_t seen = 0;

	for (unsigned int i = 0; i < destinations; i++) {
		for (enum direction d = 0; d < DIRECTIONS; d++) {
			struct counters c = {0};

			mirror_session_counters(s, i, d, &c, NULL);
			seen += c.value[COUNTER_seen];
		}
	}
	return seen;
}

uint64_t mirror_session_copies_under_way(const struct mirror_session *s)
{
	return source_path_under_way(s->path->path);
}
