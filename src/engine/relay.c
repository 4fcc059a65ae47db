/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/relay.h"

#include <errno.h>
#include <string.h>

#include "engine/collect_parts.h"
#include "model/match.h"
#include "wire/headers.h"

_Static_assert((int)MATCH_RANGES_MAX >= (int)NUMBER_RANGES_MAX && (int)MATCH_SENDERS_MAX >= (int)ENDPOINT_REMOTES_MAX,
	       "a rule holds what can be said");

bool relay_carries(const struct session *session)
{
	bool keeps = false;

	for (unsigned int i = 0; i < session->destination_count; i++)
		keeps = keeps || session->destinations[i].keep;
	return keeps || session->matches || session->hook;
}

/* ---- what a rule takes ---- */

static void test(struct match_rule *rule, enum relay_field field, unsigned int kinds, const struct number_set *set)
{
	if (!set->count)
		return;
	rule->kinds &= kinds;
	rule->tests |= 1u << field;
	for (unsigned int i = 0; i < MATCH_RANGES_MAX; i++) {
		rule->ranges[field][i].first = i < set->count ? set->ranges[i].first : 1;
		rule->ranges[field][i].last = i < set->count ? set->ranges[i].last : 0;
	}
}

static void set_words(__be32 words[4], const struct address *address)
{
	memcpy(words, address->bytes, sizeof address->bytes);
}

static void add_sender(struct match_rule *rule, const struct prefix *prefix)
{
	unsigned int at = rule->sender_count++;
	uint8_t mask[16] = {0};

	rule->senders[at].ip_version = prefix->address.family;
	set_words(rule->senders[at].address, &prefix->address);
	for (unsigned int bit = 0; bit < prefix->length; bit++)
		mask[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	memcpy(rule->senders[at].mask, mask, sizeof mask);
}

static void fill_conditions(const struct endpoint *when, struct match_rule *rule)
{
	const unsigned int type3 = KIND_BIT(FARSPAN_ERSPAN3), erspan23 = KIND_BIT(FARSPAN_ERSPAN2) | type3;
	const struct number_set side = {.count = endpoint_has(when, ENDPOINT_KEY_side), .ranges = {{when->side, when->side}}};
	unsigned int numbered = KINDS_ALL;

	if (endpoint_has(when, ENDPOINT_KEY_ids))
		numbered = erspan23;
	else if (endpoint_has(when, ENDPOINT_KEY_vnis))
		numbered = KIND_BIT(FARSPAN_VXLAN) | KIND_BIT(FARSPAN_GENEVE);
	else if (endpoint_has(when, ENDPOINT_KEY_keys))
		numbered = KIND_BIT(FARSPAN_GRE);
	rule->kinds = when->kinds & KINDS_ALL;
	test(rule, RELAY_number, numbered, &when->ids);
	test(rule, RELAY_index, KIND_BIT(FARSPAN_ERSPAN2), &when->indexes);
	test(rule, RELAY_direction, type3, &side);
	test(rule, RELAY_hwid, type3, &when->hwids);
	test(rule, RELAY_sgt, type3, &when->sgts);
	test(rule, RELAY_vlan, KINDS_ALL, &when->vlans);
	test(rule, RELAY_cos, KINDS_ALL, &when->coses);
	for (unsigned int i = 0; i < when->remote_count; i++)
		add_sender(rule, &when->remotes[i]);
	rule->local_version = when->address.family;
	set_words(rule->local, &when->address);
}

/* ---- what becomes of it ---- */

static void fill_settings(const struct endpoint *set, struct match_rule *rule)
{
	const struct {
		enum endpoint_key key;
		enum relay_field field;
		uint32_t value;
	} rows[] = {
		{ENDPOINT_KEY_id, RELAY_number, set->session},
		{ENDPOINT_KEY_vni, RELAY_number, set->vni},
		{ENDPOINT_KEY_key, RELAY_number, set->key},
		{ENDPOINT_KEY_index, RELAY_index, set->index},
		{ENDPOINT_KEY_fixed_side, RELAY_direction, set->side},
		{ENDPOINT_KEY_hwid, RELAY_hwid, set->hwid},
		{ENDPOINT_KEY_sgt, RELAY_sgt, set->sgt},
		{ENDPOINT_KEY_set_vlan, RELAY_vlan, set->vlan},
		{ENDPOINT_KEY_set_cos, RELAY_cos, set->cos},
	};

	for (unsigned int i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (!endpoint_has(set, rows[i].key))
			continue;
		rule->sets |= 1u << rows[i].field;
		rule->set[rows[i].field] = rows[i].value;
	}
}

/* The destination as another type, with what of its keys that has. */
static void retype(const struct endpoint *from, unsigned int type, struct endpoint *to)
{
	*to = *from;
	to->kinds = type;
	to->port = wire_udp_port(endpoint_kind(to));
	for (unsigned int key = 0; key < ENDPOINT_KEY_COUNT; key++)
		if (!endpoint_key_name(type, ENDPOINT_DESTINATION, KEY_NAMES_SHORT, key))
			to->given &= ~(1ull << key);
}

/* The number of that destination as that type, which is added if it is not there yet; or -EINVAL. */
static int as_type(struct session *session, unsigned int index, unsigned int type, struct error *error)
{
	struct endpoint wanted;
	int rc;

	if (session->destinations[index].kinds == type)
		return (int)index;
	retype(&session->destinations[index], type, &wanted);
	for (unsigned int i = 0; i < session->destination_count; i++)
		if (memcmp(&session->destinations[i], &wanted, sizeof wanted) == 0)
			return (int)i;
	if (session->destination_count == SESSION_DESTINATIONS_MAX)
		return fail(error, EINVAL, "more than %d destinations, those as another type included", SESSION_DESTINATIONS_MAX);
	rc = session_append_destination(session, &wanted, error);
	return rc ? rc : (int)session->destination_count - 1;
}

/* own: how many destinations the user has given. */
static int fill_destinations(const struct match *match, struct session *session, unsigned int own, struct match_rule *rule,
			     struct error *error)
{
	const uint32_t to = endpoint_has(&match->set, ENDPOINT_KEY_to) ? match->set.to : (1u << own) - 1;

	for (unsigned int i = 0; i < own; i++) {
		int number = (int)i;

		if (!(to >> i & 1))
			continue;
		if (match->type && endpoint_is_tunnel(&session->destinations[i]))
			number = as_type(session, i, match->type, error);
		if (number < 0)
			return number;
		rule->destinations |= 1u << number;
	}
	return 0;
}

/* Frames that no rule takes are as without any. */
static void add_rest(unsigned int own, struct match_rule *rule)
{
	*rule = (struct match_rule){.present = 1, .kinds = KINDS_ALL, .destinations = (1u << own) - 1};
}

int relay_rules(struct session *session, struct match_rule rules[MATCH_RULES_MAX], unsigned int *count, struct error *error)
{
	const unsigned int own = session->destination_count;
	struct match match;
	int rc = session_check_matches(session, error);

	memset(rules, 0, sizeof *rules * MATCH_RULES_MAX);
	*count = 0;
	for (const char *line = session->matches; line && !rc; line = matches_next(line)) {
		struct match_rule *rule = &rules[*count];

		match_parse(line, &match, NULL);
		rule->present = 1;
		fill_conditions(&match.when, rule);
		fill_settings(&match.set, rule);
		rc = fill_destinations(&match, session, own, rule, error);
		++*count;
	}
	if (!rc && *count)
		add_rest(own, &rules[(*count)++]);
	return rc;
}

/* ---- packets ---- */

static void carry(struct carried *carried, enum relay_field field, uint32_t value)
{
	carried->has |= 1u << field;
	carried->value[field] = value;
}

static void carry_number(const struct farspan_packet *packet, struct carried *carried)
{
	if (packet->kind == FARSPAN_ERSPAN2 || packet->kind == FARSPAN_ERSPAN3)
		carry(carried, RELAY_number, packet->session);
	else if (packet->kind == FARSPAN_VXLAN || packet->kind == FARSPAN_GENEVE)
		carry(carried, RELAY_number, packet->vni);
	else if (packet->kind == FARSPAN_GRE && packet->has_key)
		carry(carried, RELAY_number, packet->key);
}

/* The same as src/bpf/carry.h says of the packets that user space does not see. */
void relay_describe(const struct farspan_packet *packet, struct carried *carried)
{
	const unsigned int cos = packet->inner_tag_count ? packet->inner_tags[0].tci >> VLAN_PRIORITY_SHIFT : packet->cos;

	*carried = (struct carried){.kind = packet->kind, .ip_version = packet->ip_version};
	memcpy(carried->sender, packet->outer_src, sizeof carried->sender);
	memcpy(carried->local, packet->outer_dst, sizeof carried->local);
	carry_number(packet, carried);
	if (packet->kind == FARSPAN_ERSPAN2)
		carry(carried, RELAY_index, packet->index);
	if (packet->kind == FARSPAN_ERSPAN3) {
		carry(carried, RELAY_sgt, packet->sgt);
		carry(carried, RELAY_hwid, packet->hwid);
		carry(carried, RELAY_direction, packet->direction);
	}
	carry(carried, RELAY_vlan, collect_frame_vlan(packet));
	carry(carried, RELAY_cos, cos);
	if (packet->has_seq)
		carry(carried, RELAY_sequence, packet->seq);
}
