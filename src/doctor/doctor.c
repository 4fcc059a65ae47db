/* SPDX-License-Identifier: BSD-2-Clause */
#include "doctor/doctor.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/here.h"
#include "engine/destination.h"
#include "host/kernel.h"
#include "host/netlink.h"

void findings_add(struct findings *findings, enum severity severity, const char *check, const char *subject, const char *advice,
		  const char *format, ...)
{
	struct finding *items = reallocarray(findings->items, findings->count + 1, sizeof *items), *item;
	va_list arguments;

	findings->problems += severity == SEVERITY_problem;
	if (!items)
		return;
	findings->items = items;
	item = &items[findings->count++];
	*item = (struct finding){.severity = severity, .check = check};
	snprintf(item->subject, sizeof item->subject, "%s", subject);
	snprintf(item->advice, sizeof item->advice, "%s", advice);
	va_start(arguments, format);
	vsnprintf(item->text, sizeof item->text, format, arguments);
	va_end(arguments);
}

void findings_free(struct findings *findings)
{
	free(findings->items);
	*findings = (struct findings){0};
}

/* ---- destinations ---- */

static const char *route_advice(int code)
{
	switch (-code) {
	case EADDRINUSE:
		return "give the address of the collector, not one of this host";
	case EADDRNOTAVAIL:
		return "give the uplink an address, or set Local";
	case ENODEV:
		return "see \"ip link\"; a session waits for it";
	default:
		return "add a route, as by \"ip route add\"; a session waits for it";
	}
}

static void examine_neighbour(const struct destination_path *path, const char *subject, struct findings *findings)
{
	char text[ADDRESS_TEXT_MAX];

	if (!path->uplink.ethernet || path->uplink.loopback)
		return;
	address_text(&path->nexthop, text);
	switch (host_neighbour(path->uplink.ifindex, &path->nexthop)) {
	case NEIGHBOUR_FAILED:
		findings_add(findings, SEVERITY_problem, "neighbour", subject,
			     "see that it is up, in the same network, and answers ARP or ND", "the next hop %s does not answer on %s", text,
			     path->uplink.name);
		break;
	case NEIGHBOUR_NONE:
		findings_add(findings, SEVERITY_note, "neighbour", subject, "ping it to see whether it is there",
			     "nobody has asked for the next hop %s on %s yet", text, path->uplink.name);
		break;
	default:
		findings_add(findings, SEVERITY_fine, "neighbour", subject, "", "the next hop %s is known on %s", text, path->uplink.name);
	}
}

static const char *link_advice(const struct link *link)
{
	return link->no_carrier ? "look at the cable and the other end" : "set it up";
}

static void examine_path(const struct session *session, const struct destination_path *path, const char *subject, struct findings *findings)
{
	char text[ADDRESS_TEXT_MAX];

	if (!path->uplink.up)
		findings_add(findings, SEVERITY_problem, "link", path->uplink.name, link_advice(&path->uplink), "the uplink to %s %s",
			     subject, link_fault(&path->uplink));
	findings_add(findings, SEVERITY_fine, "route", subject, "", "goes out of %s from %s, %u bytes of IP at most", path->uplink.name,
		     address_text(&path->local, text), path->mtu);
	examine_neighbour(path, subject, findings);
	if (session_takes(session, path->uplink.name, true))
		findings_add(findings, SEVERITY_warning, "uplink", path->uplink.name,
			     "take an uplink of its own for copies, if there is one",
			     "is mirrored and carries the copies to %s: copies are not mirrored again, but share its bandwidth", subject);
}

static void examine_destination(struct netlink *netlink, const struct session *session, const struct endpoint *destination,
				struct findings *findings)
{
	char subject[ADDRESS_TEXT_MAX];
	struct destination_path path = {0};
	struct error error = {0};
	int rc = destination_find(netlink, destination, &path, &error);

	if (endpoint_is_tunnel(destination))
		address_text(&destination->address, subject);
	else
		snprintf(subject, sizeof subject, "%s", destination->dev);
	if (rc)
		findings_add(findings, SEVERITY_problem, endpoint_is_tunnel(destination) ? "route" : "interface", subject, route_advice(rc),
			     "%s", error.text);
	else if (endpoint_is_tunnel(destination))
		examine_path(session, &path, subject, findings);
	else if (!path.uplink.up)
		findings_add(findings, SEVERITY_problem, "link", subject, link_advice(&path.uplink), "%s", link_fault(&path.uplink));
}

/* ---- sources ---- */

struct source_search {
	const struct session *session;
	struct findings *findings;
	unsigned int found;
};

static void examine_source(const struct link *link, void *context)
{
	struct source_search *search = context;

	if (!session_takes(search->session, link->name, true))
		return;
	search->found++;
	if (host_merges_received(link->name))
		findings_add(search->findings, SEVERITY_warning, "offload", link->name, "ethtool -K its name lro off",
			     "merges frames it receives for good (LRO): copies are not the frames that were on the wire");
	if (!link->up)
		findings_add(search->findings, SEVERITY_warning, "link", link->name, link_advice(link), "the source %s", link_fault(link));
}

static void examine_sources(struct netlink *netlink, const struct session *session, struct findings *findings)
{
	struct source_search search = {.session = session, .findings = findings};
	unsigned int wanted = 0;

	for (unsigned int i = 0; i < session->source_count; i++)
		wanted += !session->sources[i].netns[0];
	if (netlink_each_link(netlink, examine_source, &search, NULL) == 0 && wanted && !search.found)
		findings_add(findings, SEVERITY_problem, "interface", session->sources[0].pattern,
			     "see \"ip link\"; a session waits for it", "no source is there");
}

/* Fragments go through the stack, which drops what it would send elsewhere. */
static void examine_rp_filter(struct netlink *netlink, const struct session *session, const struct address *sender,
			      struct findings *findings)
{
	struct route_query query = {.to = *sender};
	struct link link = {0};
	struct route route;
	char name[64], text[ADDRESS_TEXT_MAX];
	int own, all = host_sysctl("net/ipv4/conf/all/rp_filter", 0);

	if (sender->family != 4 || netlink_link_by_name(netlink, session->listen_on, &link, NULL) ||
	    netlink_route(netlink, &query, &route, NULL) || route.ifindex == link.ifindex)
		return;
	snprintf(name, sizeof name, "net/ipv4/conf/%s/rp_filter", session->listen_on);
	own = host_sysctl(name, 0);
	if (own == 1 ? all <= 1 : own == 0 && all == 1)
		findings_add(findings, SEVERITY_warning, "rp_filter", session->listen_on,
			     "set rp_filter to 2 for it by sysctl, or route to the sender through it",
			     "is strict, and the way back to %s is another one: fragments from there are dropped",
			     address_text(sender, text));
}

static void examine_tunnels(struct netlink *netlink, const struct session *session, struct findings *findings)
{
	struct link link;

	if (session->listen_on[0] && netlink_link_by_name(netlink, session->listen_on, &link, NULL))
		findings_add(findings, SEVERITY_problem, "interface", session->listen_on, "see \"ip link\"; a session waits for it",
			     "no such interface");
	for (unsigned int t = 0; t < session->tunnel_count; t++)
		for (unsigned int r = 0; r < session->tunnels[t].remote_count; r++)
			if (session->listen_on[0])
				examine_rp_filter(netlink, session, &session->tunnels[t].remotes[r].address, findings);
}

/* ---- all of it ---- */

static void examine_files(const struct session_list *list, struct findings *findings)
{
	struct error_list errors = {0};

	session_list_check(list, &errors);
	here_check_filters(list, &errors);
	for (size_t i = 0; i < errors.count; i++)
		findings_add(findings, errors.items[i].warning ? SEVERITY_warning : SEVERITY_problem, "sessions",
			     errors.items[i].place.file, "\"farspan check\" tells more", "%s", errors.items[i].text);
	error_list_free(&errors);
	here_check_widths(list, &errors);
	for (size_t i = 0; i < errors.count; i++)
		findings_add(findings, SEVERITY_warning, "mtu", errors.items[i].place.file, "", "%s", errors.items[i].text);
	error_list_free(&errors);
}

void doctor_examine(const struct session_list *list, struct findings *findings)
{
	struct netlink *netlink;
	struct error error = {0};

	doctor_examine_host(list, findings);
	doctor_examine_nftables(list, findings);
	examine_files(list, findings);
	if (netlink_open(&netlink, &error)) {
		findings_add(findings, SEVERITY_problem, "netlink", "", "", "%s", error.text);
		return;
	}
	for (size_t i = 0; i < list->count; i++) {
		const struct session *session = list->sessions[i];

		if (session->disabled)
			continue;
		examine_sources(netlink, session, findings);
		examine_tunnels(netlink, session, findings);
		for (unsigned int d = 0; d < session->destination_count; d++)
			if (!session_collects(session) || session->destinations[d].kinds != KIND_INTERFACE)
				examine_destination(netlink, session, &session->destinations[d], findings);
	}
	netlink_close(netlink);
}
