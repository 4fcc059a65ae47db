/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/mirror.h"

#include <errno.h>
#include <stdlib.h>

#include "host/netlink.h"

struct mirror {
	struct mirrors *set;
	struct mirror_session *session; /* the only one */
};

/* A name that is no pattern and no interface is a mistake that is told before anything is loaded. */
static int check_sources(const struct session *session, struct error *error)
{
	struct netlink *netlink = NULL;
	int rc = netlink_open(&netlink, error);

	for (unsigned int i = 0; i < session->source_count && !rc && !session->wait; i++) {
		const struct session_source *source = &session->sources[i];
		struct link link;

		if (!session_source_is_pattern(source) && !source->netns[0] &&
		    netlink_link_by_name(netlink, source->pattern, &link, error) == -ENODEV)
			rc = fail(error, ENODEV, "interface '%s': no such interface", source->pattern);
	}
	netlink_close(netlink);
	return rc;
}

/*
 * Who does not want to wait is told what is missing. That a link is down for the moment, that a pattern has no match yet (EAGAIN), or that
 * others may keep frames from us, is nothing to fail for; what waiting cannot mend always is.
 */
static int check_start(const struct session *session, const struct error *problem, struct error *error)
{
	bool for_now = problem->code == ENETDOWN || problem->code == EAGAIN || problem->code == MIRROR_PARTLY_BLIND;
	bool for_ever = problem->code == EINVAL || problem->code == EADDRINUSE || problem->code == EPERM;

	if (!problem->code || for_now || (session->wait && !for_ever))
		return 0;
	return fail(error, problem->code, "%s", problem->text);
}

static int start(struct mirror *m, const struct session *session, struct error *error)
{
	struct session *shared = session_duplicate(session);
	int rc = shared ? mirrors_apply(m->set, (const struct session *[]){shared}, 1, error) : fail(error, ENOMEM, "out of memory");

	session_free(shared);
	if (rc)
		return rc;
	m->session = mirrors_session(m->set, 0);
	for (unsigned int i = 0; i < session->destination_count && !rc; i++)
		rc = check_start(session, mirror_session_destination_waits_for(m->session, i), error);
	return rc ? rc : check_start(session, mirror_session_sources_wait_for(m->session), error);
}

int mirror_open(struct mirror **opened, const struct session *session, enum attach_way way, struct error *error)
{
	struct mirror *m = calloc(1, sizeof *m);
	int rc;

	if (!m)
		return fail(error, ENOMEM, "out of memory");
	rc = mirrors_open(&m->set, way, error);
	if (!rc)
		rc = check_sources(session, error);
	if (!rc)
		rc = start(m, session, error);
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
	mirrors_close(m->set);
	free(m);
}

int mirror_fd(const struct mirror *m)
{
	return mirrors_fd(m->set);
}

void mirror_follow(struct mirror *m)
{
	mirrors_follow(m->set);
}

const char *mirror_news(struct mirror *m)
{
	return mirrors_news(m->set);
}

void mirror_stop(struct mirror *m)
{
	mirrors_stop(m->set);
}

int mirror_counters(struct mirror *m, unsigned int destination, enum direction direction, struct counters *counters, struct error *error)
{
	return mirror_session_counters(m->session, destination, direction, counters, error);
}

uint64_t mirror_frames_seen(const struct mirror *m)
{
	return mirror_session_frames_seen(m->session);
}

uint64_t mirror_copies_under_way(const struct mirror *m)
{
	return mirror_session_copies_under_way(m->session);
}

int mirror_cost(struct mirror *m, struct mirror_cost *cost, struct error *error)
{
	return mirror_session_cost(m->session, cost, error);
}

static const char *text_of(const struct error *problem)
{
	return problem->code ? problem->text : "";
}

const char *mirror_destination_waits_for(const struct mirror *m, unsigned int destination)
{
	return text_of(mirror_session_destination_waits_for(m->session, destination));
}

const char *mirror_sources_wait_for(const struct mirror *m)
{
	return text_of(mirror_session_sources_wait_for(m->session));
}

struct mirror_uplink mirror_destination_uplink(const struct mirror *m, unsigned int destination)
{
	return mirror_session_uplink(m->session, destination);
}

const char *mirror_destination_text(const struct mirror *m, unsigned int destination)
{
	return mirror_session_destination_text(m->session, destination);
}

unsigned int mirror_destination_frame_max(const struct mirror *m, unsigned int destination)
{
	return mirror_session_frame_max(m->session, destination);
}

const char *mirror_sources_text(const struct mirror *m)
{
	return mirror_session_sources_text(m->session);
}

const char *mirror_not_straight(const struct mirror *m)
{
	return mirror_session_not_straight(m->session);
}

const char *mirror_destination_not_whole(const struct mirror *m, unsigned int destination)
{
	return mirror_session_not_whole(m->session, destination);
}

const char *mirror_destination_not_left(const struct mirror *m, unsigned int destination)
{
	return mirror_session_not_left(m->session, destination);
}
