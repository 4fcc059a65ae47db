/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether nftables lets mirror packets through, as far as its rules can be told without running them. */
#include "doctor/doctor.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum {
	DEPTH_MAX = 8 /* of jumps */
};

/* A kind of packet: GRE, or UDP to a port. */
struct traffic {
	unsigned int protocol;
	unsigned int port;
	char name[32];
};

enum verdict {
	NO_VERDICT,
	ACCEPTED,
	DROPPED
};

struct ruleset {
	json_t *items;
	const struct traffic *traffic;
};

static bool is_protocol(const json_t *right, unsigned int protocol)
{
	static const struct {
		const char *name;
		unsigned int number;
	} names[] = {{"gre", 47}, {"udp", 17}};

	if (json_is_integer(right))
		return json_integer_value(right) == (json_int_t)protocol;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (json_is_string(right) && strcmp(json_string_value(right), names[i].name) == 0)
			return names[i].number == protocol;
	return false;
}

/* A value, a range, or a set of such. */
static bool is_in(const json_t *right, const struct traffic *traffic, bool port)
{
	const json_t *set = json_object_get(right, "set"), *range = json_object_get(right, "range"), *item;
	size_t i;

	if (range)
		return port && traffic->port >= (unsigned long long)json_integer_value(json_array_get(range, 0)) &&
		       traffic->port <= (unsigned long long)json_integer_value(json_array_get(range, 1));
	json_array_foreach (set, i, item)
		if (is_in(item, traffic, port))
			return true;
	if (set)
		return false;
	return port ? json_is_integer(right) && json_integer_value(right) == (json_int_t)traffic->port
		    : is_protocol(right, traffic->protocol);
}

/* 1: it matches all of the traffic; 0: none of it; -1: perhaps. */
static int match_of(const json_t *match, const struct traffic *traffic)
{
	const json_t *left = json_object_get(match, "left"), *payload = json_object_get(left, "payload"),
		     *meta = json_object_get(left, "meta");
	const char *op = json_string_value(json_object_get(match, "op"));
	const char *field = json_string_value(json_object_get(payload ? payload : meta, payload ? "field" : "key"));
	const char *protocol = json_string_value(json_object_get(payload, "protocol"));
	bool number, port, equal = op && (strcmp(op, "==") == 0 || strcmp(op, "in") == 0);

	if (!field || !op || (!equal && strcmp(op, "!=") != 0))
		return -1;
	number = strcmp(field, "l4proto") == 0 || strcmp(field, "protocol") == 0 || strcmp(field, "nexthdr") == 0;
	port = protocol && (strcmp(protocol, "udp") == 0 || strcmp(protocol, "th") == 0) && strcmp(field, "dport") == 0;
	if (protocol && (strcmp(protocol, "tcp") == 0 || (strcmp(protocol, "udp") == 0 && traffic->protocol != 17)))
		return 0;
	if (port && traffic->protocol != 17)
		return -1;
	if (!number && !port)
		return -1;
	return is_in(json_object_get(match, "right"), traffic, port) == equal;
}

static enum verdict run_chain(const struct ruleset *rules, const json_t *chain, const char *name, unsigned int depth);

/* What a rule does with all of the traffic; with some of it, is not said. */
static enum verdict run_rule(const struct ruleset *rules, const json_t *chain, const json_t *rule, unsigned int depth)
{
	const json_t *statement, *jump;
	size_t i;

	json_array_foreach (json_object_get(rule, "expr"), i, statement) {
		if (json_object_get(statement, "match") && match_of(json_object_get(statement, "match"), rules->traffic) != 1)
			return NO_VERDICT;
		if (json_object_get(statement, "limit"))
			return NO_VERDICT;
		if (json_object_get(statement, "accept"))
			return ACCEPTED;
		if (json_object_get(statement, "drop") || json_object_get(statement, "reject"))
			return DROPPED;
		jump = json_object_get(statement, "jump");
		if (!jump)
			jump = json_object_get(statement, "goto");
		if (jump && depth < DEPTH_MAX)
			return run_chain(rules, chain, json_string_value(json_object_get(jump, "target")), depth + 1);
	}
	return NO_VERDICT;
}

static bool same(const json_t *a, const json_t *b, const char *key)
{
	return json_equal(json_object_get(a, key), json_object_get(b, key));
}

/* The chain of that name in the table of another. */
static enum verdict run_chain(const struct ruleset *rules, const json_t *chain, const char *name, unsigned int depth)
{
	const json_t *item;
	size_t i;

	json_array_foreach (rules->items, i, item) {
		const json_t *rule = json_object_get(item, "rule");
		const char *of = json_string_value(json_object_get(rule, "chain"));
		enum verdict verdict;

		if (!rule || !of || !name || strcmp(of, name) != 0 || !same(rule, chain, "family") || !same(rule, chain, "table"))
			continue;
		verdict = run_rule(rules, chain, rule, depth);
		if (verdict != NO_VERDICT)
			return verdict;
	}
	return NO_VERDICT;
}

static void examine_chain(const struct ruleset *rules, const json_t *chain, bool mirrors, bool collects, struct findings *findings)
{
	const char *hook = json_string_value(json_object_get(chain, "hook")), *policy = json_string_value(json_object_get(chain, "policy"));
	const char *name = json_string_value(json_object_get(chain, "name")), *family = json_string_value(json_object_get(chain, "family"));
	const char *table = json_string_value(json_object_get(chain, "table"));
	bool arriving = hook && (strcmp(hook, "input") == 0 || strcmp(hook, "prerouting") == 0 || strcmp(hook, "ingress") == 0);
	bool leaving = hook && strcmp(hook, "egress") == 0;
	enum verdict verdict;
	char subject[80], advice[256];

	if (!name || !family || !table || !((arriving && collects) || (leaving && mirrors)))
		return;
	verdict = run_chain(rules, chain, name, 0);
	if (verdict == ACCEPTED || (verdict == NO_VERDICT && (!policy || strcmp(policy, "drop") != 0)))
		return;
	snprintf(subject, sizeof subject, "%s %s %s", family, table, name);
	snprintf(advice, sizeof advice, "nft insert rule %s %s", subject,
		 rules->traffic->protocol == 47 ? "meta l4proto gre accept" : "meta l4proto udp th dport ");
	if (rules->traffic->protocol == 17)
		snprintf(advice + strlen(advice), sizeof advice - strlen(advice), "%u accept", rules->traffic->port);
	if (leaving)
		findings_add(findings, SEVERITY_problem, "nftables", subject, advice, "drops %s that leaves: copies do not get out",
			     rules->traffic->name);
	else
		findings_add(findings, SEVERITY_warning, "nftables", subject, advice,
			     "drops %s that arrives: farspan takes whole packets before that, but no fragments", rules->traffic->name);
}

static json_t *load_ruleset(void)
{
	FILE *nft = popen("PATH=$PATH:/usr/sbin:/sbin nft -j list ruleset 2>/dev/null", "re");
	json_t *json;

	if (!nft)
		return NULL;
	json = json_loadf(nft, 0, NULL);
	pclose(nft);
	return json;
}

/* Which kinds of packets the sessions send or take. */
static unsigned int kinds_of(const struct session_list *list, bool *mirrors, bool *collects)
{
	unsigned int kinds = list->count ? 0 : KINDS_ERSPAN;

	*mirrors = *collects = !list->count;
	for (size_t i = 0; i < list->count; i++) {
		const struct session *session = list->sessions[i];

		for (unsigned int d = 0; d < session->destination_count; d++)
			kinds |= session->destinations[d].kinds & KINDS_ALL;
		for (unsigned int t = 0; t < session->tunnel_count; t++)
			kinds |= session->tunnels[t].kinds;
		*collects = *collects || session_collects(session);
		*mirrors = *mirrors || session->destination_count;
	}
	return kinds;
}

void doctor_examine_nftables(const struct session_list *list, struct findings *findings)
{
	static const struct {
		unsigned int kinds;
		struct traffic traffic;
	} all[] = {
		{KINDS_ERSPAN | KIND_BIT(FARSPAN_GRE), {47, 0, "GRE"}},
		{KIND_BIT(FARSPAN_VXLAN), {17, 4789, "VXLAN (UDP port 4789)"}},
		{KIND_BIT(FARSPAN_GENEVE), {17, 6081, "GENEVE (UDP port 6081)"}},
		{KIND_BIT(FARSPAN_TZSP), {17, 37008, "TZSP (UDP port 37008)"}},
	};
	json_t *json = load_ruleset(), *item;
	struct ruleset rules = {.items = json_object_get(json, "nftables")};
	bool mirrors, collects;
	unsigned int kinds = kinds_of(list, &mirrors, &collects);
	size_t before = findings->count, i;

	for (size_t t = 0; t < sizeof all / sizeof all[0]; t++) {
		rules.traffic = &all[t].traffic;
		if (kinds & all[t].kinds)
			json_array_foreach (rules.items, i, item)
				if (json_object_get(item, "chain"))
					examine_chain(&rules, json_object_get(item, "chain"), mirrors, collects, findings);
	}
	if (!json)
		findings_add(findings, SEVERITY_note, "nftables", "", "install nftables and run this as root, if there are rules",
			     "its rules cannot be read");
	else if (findings->count == before)
		findings_add(findings, SEVERITY_fine, "nftables", "", "", "lets mirror packets through");
	json_decref(json);
}
