/* SPDX-License-Identifier: BSD-2-Clause */
#include "doctor/here.h"

#include <errno.h>
#include <string.h>

#include "engine/destination.h"
#include "filter/filter.h"
#include "host/netlink.h"
#include "wire/headers.h"

static struct place place_of(const struct session *session)
{
	return place_of_file(session->file[0] ? session->file : session->name);
}

/* ---- filters ---- */

static void check_filter(struct filter_compiler *compiler, const struct session *session, struct error_list *errors)
{
	struct place place = place_of(session);
	struct error error = {0};
	struct filter *filter;

	if (!session->shape.filter || filter_compile(compiler, session->shape.filter, &filter, &error) == 0) {
		if (session->shape.filter)
			filter_free(filter);
		return;
	}
	place.line = session->filter_line;
	place.column = session->filter_column;
	error_list_add(errors, &place, "%s", error.text);
}

int here_check_filter(const char *expression, struct error *error)
{
	struct filter_compiler *compiler;
	struct filter *filter;
	int rc = filter_compiler_open(&compiler, NULL, error);

	if (rc)
		return rc;
	rc = filter_compile(compiler, expression, &filter, error);
	if (!rc)
		filter_free(filter);
	filter_compiler_close(compiler);
	return rc;
}

void here_check_filters(const struct session_list *list, struct error_list *errors)
{
	struct filter_compiler *compiler;
	struct error error = {0};

	if (filter_compiler_open(&compiler, NULL, &error)) {
		error_list_add(errors, NULL, "%s", error.text);
		return;
	}
	for (size_t i = 0; i < list->count; i++)
		check_filter(compiler, list->sessions[i], errors);
	filter_compiler_close(compiler);
}

/* ---- MTU ---- */

struct largest {
	const struct session *session;
	char name[IFNAMSIZ];
	unsigned int frame_len;
};

static void take_link(const struct link *link, void *context)
{
	struct largest *largest = context;

	if (link->loopback || link->mtu + WIRE_ETHERNET_LEN <= largest->frame_len || !session_takes(largest->session, link->name, true))
		return;
	largest->frame_len = link->mtu + WIRE_ETHERNET_LEN;
	memcpy(largest->name, link->name, sizeof largest->name);
}

static void check_width(struct netlink *netlink, const struct session *session, const struct endpoint *destination,
			const struct largest *largest, struct error_list *errors)
{
	struct place place = place_of(session);
	const struct shape *shape = &session->shape;
	struct destination_path path;
	struct session_config config;
	struct error error = {0};

	if (destination_find(netlink, destination, &path, &error) || destination_session(destination, &path, shape, &config, &error))
		return;
	if (shape->truncate == TRUNCATE_BYTES ? shape->truncate_bytes <= config.frame_max : shape->truncate != TRUNCATE_NONE)
		return;
	if (largest->frame_len > config.frame_max)
		error_list_warn(
			errors, &place,
			"frames of %s, up to %u bytes, will be cut to %u on the way through %s: raise its MTU to %u, or set Truncate",
			largest->name, largest->frame_len, config.frame_max, path.uplink.name,
			path.uplink.mtu + largest->frame_len - config.frame_max);
}

static void check_session(struct netlink *netlink, const struct session *session, struct error_list *errors)
{
	struct largest largest = {.session = session};

	if (session->disabled || netlink_each_link(netlink, take_link, &largest, NULL) || !largest.frame_len)
		return;
	for (unsigned int i = 0; i < session->destination_count; i++)
		check_width(netlink, session, &session->destinations[i], &largest, errors);
}

void here_check_widths(const struct session_list *list, struct error_list *errors)
{
	struct netlink *netlink;

	if (netlink_open(&netlink, NULL))
		return;
	for (size_t i = 0; i < list->count; i++)
		check_session(netlink, list->sessions[i], errors);
	netlink_close(netlink);
}

int here_check(const struct session_list *list, struct error_list *errors)
{
	size_t before = errors->errors;

	here_check_filters(list, errors);
	here_check_widths(list, errors);
	return errors->errors > before ? -EINVAL : 0;
}
