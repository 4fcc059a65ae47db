/* SPDX-License-Identifier: BSD-2-Clause */
#include "model/endpoint.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/abi.h"
#include "model/platform.h"
#include "wire/headers.h"

enum {
	ENDPOINT_TEXT_MAX = 1024,
	PLATFORM_OF_ANY_UNIT = 3,
};

/* Which types take a key: the destination types in the lower half, the source types in the upper. */
#define TO(kind)      KIND_BIT(kind)
#define FROM(kind)    (KIND_BIT(kind) << 16)
#define TO_ERSPAN2    TO(FARSPAN_ERSPAN2)
#define TO_ERSPAN3    TO(FARSPAN_ERSPAN3)
#define TO_ERSPAN23   (TO_ERSPAN2 | TO_ERSPAN3)
#define TO_GRE        TO(FARSPAN_GRE)
#define TO_VXLAN      TO(FARSPAN_VXLAN)
#define TO_TUNNEL     KINDS_ALL
#define TO_VLAN       KIND_VLAN
#define TO_MATCH      KIND_MATCH
#define TO_INTERFACES (KIND_INTERFACE | KIND_VLAN)
#define FROM_ERSPAN   (KINDS_ERSPAN << 16)
#define FROM_ERSPAN23 (FROM(FARSPAN_ERSPAN2) | FROM(FARSPAN_ERSPAN3))
#define FROM_GRE      FROM(FARSPAN_GRE)
#define FROM_VXLAN    FROM(FARSPAN_VXLAN)
#define FROM_GENEVE   FROM(FARSPAN_GENEVE)
#define FROM_UDP      (KINDS_UDP << 16)
#define FROM_MATCH    (KIND_MATCH << 16)
#define FROM_TUNNEL   (KINDS_ALL << 16)
#define SIDE_SHIFT(s) ((s) == ENDPOINT_SOURCE ? 16 : 0)

struct endpoint_type {
	const char *name;
	unsigned int kinds;
	unsigned int sides; /* bits of enum endpoint_side */
	const char *help;
};

#define BOTH_SIDES (1u << ENDPOINT_DESTINATION | 1u << ENDPOINT_SOURCE)

static const struct endpoint_type endpoint_types[] = {
	{"erspan", KINDS_ERSPAN, 1u << ENDPOINT_SOURCE, "ERSPAN of any type"},
	{"erspan1", KIND_BIT(FARSPAN_ERSPAN1), BOTH_SIDES, "ERSPAN Type I: GRE without a header of its own"},
	{"erspan2", KIND_BIT(FARSPAN_ERSPAN2), BOTH_SIDES, "ERSPAN Type II: session, VLAN, index"},
	{"erspan3", KIND_BIT(FARSPAN_ERSPAN3), BOTH_SIDES, "ERSPAN Type III: timestamp, direction, hardware id"},
	{"gre", KIND_BIT(FARSPAN_GRE), BOTH_SIDES, "Ethernet in GRE"},
	{"vxlan", KIND_BIT(FARSPAN_VXLAN), BOTH_SIDES, "VXLAN"},
	{"geneve", KIND_BIT(FARSPAN_GENEVE), 1u << ENDPOINT_SOURCE, "GENEVE with Ethernet in it"},
	{"tzsp", KIND_BIT(FARSPAN_TZSP), 1u << ENDPOINT_SOURCE, "TZSP with Ethernet in it"},
	{"interface", KIND_INTERFACE, 1u << ENDPOINT_DESTINATION, "an interface of this host, as interface:eth1 (local SPAN)"},
	{"vlan", KIND_VLAN, 1u << ENDPOINT_DESTINATION, "a VLAN on a trunk, as vlan:eth1,id=999 (RSPAN)"},
};

enum {
	ENDPOINT_TYPES = sizeof endpoint_types / sizeof endpoint_types[0]
};

struct endpoint_key_row {
	const char *name;
	const char *file_name;
	int (*parse)(const struct endpoint_key_row *row, const char *value, struct endpoint *endpoint, struct error *error);
	void (*print)(const struct endpoint_key_row *row, const struct endpoint *endpoint, FILE *out);
	enum endpoint_value value;
	size_t offset;
	unsigned long min, max;
	unsigned int types;
	const char *fallback;
	const char *help;
};

/* ---- values: how each form is read and written ---- */

static uint32_t number_at(const struct endpoint_key_row *row, const struct endpoint *endpoint)
{
	return *(const uint32_t *)(const void *)((const char *)endpoint + row->offset);
}

static void print_number(const struct endpoint_key_row *row, const struct endpoint *endpoint, FILE *out)
{
	fprintf(out, "%u", number_at(row, endpoint));
}

static void print_numbers(const struct endpoint_key_row *row, const struct endpoint *endpoint, FILE *out)
{
	const struct number_set *set = (const struct number_set *)(const void *)((const char *)endpoint + row->offset);

	if (!set->count)
		fputs("any", out);
	for (unsigned int i = 0; i < set->count; i++) {
		fprintf(out, "%s%u", i ? "+" : "", set->ranges[i].first);
		if (set->ranges[i].last != set->ranges[i].first)
			fprintf(out, "-%u", set->ranges[i].last);
	}
}

static void print_address(const struct endpoint_key_row *row, const struct endpoint *endpoint, FILE *out)
{
	char text[ADDRESS_TEXT_MAX];

	fputs(address_text((const struct address *)(const void *)((const char *)endpoint + row->offset), text), out);
}

static void print_prefixes(const struct endpoint_key_row *row, const struct endpoint *endpoint, FILE *out)
{
	char text[ADDRESS_TEXT_MAX];

	(void)row;
	for (unsigned int i = 0; i < endpoint->remote_count; i++) {
		const struct prefix *prefix = &endpoint->remotes[i];

		fprintf(out, "%s%s", i ? "+" : "", address_text(&prefix->address, text));
		if (prefix->length != (prefix->address.family == 4 ? 32 : 128))
			fprintf(out, "/%u", prefix->length);
	}
}

static void print_interface(const struct endpoint_key_row *row, const struct endpoint *endpoint, FILE *out)
{
	fputs((const char *)endpoint + row->offset, out);
}

static void print_netns(const struct endpoint_key_row *row, const struct endpoint *endpoint, FILE *out)
{
	(void)row;
	fputs(endpoint->netns, out);
}

static void print_granularity(const struct endpoint_key_row *row, const struct endpoint *endpoint, FILE *out)
{
	fputs(number_at(row, endpoint) == ERSPAN_GRA_100NS ? "100ns" : "100us", out);
}

static void print_flag(const struct endpoint_key_row *row, const struct endpoint *endpoint, FILE *out)
{
	fputs(number_at(row, endpoint) ? "yes" : "no", out);
}

static void print_tos(const struct endpoint_key_row *row, const struct endpoint *endpoint, FILE *out)
{
	if (endpoint->inherit_tos)
		fputs("inherit", out);
	else
		print_number(row, endpoint, out);
}

static void print_limit(const struct endpoint_key_row *row, const struct endpoint *endpoint, FILE *out)
{
	uint32_t limit = number_at(row, endpoint);

	if (limit)
		fprintf(out, "%u", limit - 1);
	else
		fputs("none", out);
}

static void print_tag_type(const struct endpoint_key_row *row, const struct endpoint *endpoint, FILE *out)
{
	fprintf(out, "0x%04x", number_at(row, endpoint));
}

static void print_direction(const struct endpoint_key_row *row, const struct endpoint *endpoint, FILE *out)
{
	fputs(number_at(row, endpoint) == ENDPOINT_TX ? "tx" : "rx", out);
}

static const char *const mtu_policies[] = {[MTU_TRUNCATE] = "truncate", [MTU_FRAGMENT] = "fragment", [MTU_DROP] = "drop"};

static void print_mtu_policy(const struct endpoint_key_row *row, const struct endpoint *endpoint, FILE *out)
{
	(void)row;
	fputs(mtu_policies[endpoint->mtu_policy], out);
}

/* In the order of enum relay_field. */
static const char *const kept_names[] = {"id", "index", "direction", "hwid", "sgt", "vlan", "cos", "seq"};
_Static_assert(sizeof kept_names / sizeof kept_names[0] == RELAY_FIELD_COUNT, "a name for each field");

static void print_kept(const struct endpoint_key_row *row, const struct endpoint *endpoint, FILE *out)
{
	const char *behind = "";

	(void)row;
	for (unsigned int i = 0; i < RELAY_FIELD_COUNT; i++) {
		if (!(endpoint->keep >> i & 1))
			continue;
		fprintf(out, "%s%s", behind, kept_names[i]);
		behind = "+";
	}
}

static void print_choice(const struct endpoint_key_row *row, const struct endpoint *endpoint, FILE *out)
{
	const char *behind = "";

	(void)row;
	for (unsigned int i = 0; i < SPREAD_MAX; i++) {
		if (!(endpoint->to >> i & 1))
			continue;
		fprintf(out, "%s%u", behind, i + 1);
		behind = "+";
	}
	if (!endpoint->to)
		fputs("none", out);
}

#define VALUE_kept          ENDPOINT_VALUE_TEXT
#define VALUE_choice        ENDPOINT_VALUE_TEXT
#define print_length_policy print_mtu_policy
#define VALUE_mtu_policy    ENDPOINT_VALUE_TEXT
#define VALUE_length_policy ENDPOINT_VALUE_TEXT
#define print_platform      print_number
#define VALUE_number        ENDPOINT_VALUE_NUMBER
#define VALUE_platform      ENDPOINT_VALUE_NUMBER
#define VALUE_flag          ENDPOINT_VALUE_FLAG
#define VALUE_numbers       ENDPOINT_VALUE_TEXT
#define VALUE_address       ENDPOINT_VALUE_TEXT
#define VALUE_prefixes      ENDPOINT_VALUE_TEXT
#define VALUE_interface     ENDPOINT_VALUE_TEXT
#define VALUE_netns         ENDPOINT_VALUE_TEXT
#define VALUE_granularity   ENDPOINT_VALUE_TEXT
#define VALUE_tos           ENDPOINT_VALUE_TEXT
#define VALUE_limit         ENDPOINT_VALUE_TEXT
#define VALUE_tag_type      ENDPOINT_VALUE_TEXT
#define VALUE_direction     ENDPOINT_VALUE_TEXT

bool endpoint_is_interface_name(const char *text)
{
	for (const char *c = text; *c; c++)
		if (*c == '/' || *c == ':' || isspace((unsigned char)*c))
			return false;
	return *text && strlen(text) < IFNAMSIZ && strcmp(text, ".") != 0 && strcmp(text, "..") != 0;
}

static int parse_number(const struct endpoint_key_row *row, const char *value, struct endpoint *endpoint, struct error *error)
{
	char *end;
	unsigned long number;

	errno = 0;
	number = number_read(value, &end);
	if (value[0] < '0' || value[0] > '9' || *end || errno || number < row->min || number > row->max)
		return fail(error, EINVAL, "%s must be a number from %lu to %lu, not '%s'", row->name, row->min, row->max, value);
	*(uint32_t *)(void *)((char *)endpoint + row->offset) = (uint32_t)number;
	return 0;
}

static int parse_numbers(const struct endpoint_key_row *row, const char *value, struct endpoint *endpoint, struct error *error)
{
	if (number_set_parse(value, (uint32_t)row->max, (struct number_set *)(void *)((char *)endpoint + row->offset)))
		return fail(error, EINVAL, "%s must be any, or at most %d numbers and ranges from 0 to %lu, as in 1+5-9, not '%s'",
			    row->name, NUMBER_RANGES_MAX, row->max, value);
	return 0;
}

static int parse_address(const struct endpoint_key_row *row, const char *value, struct endpoint *endpoint, struct error *error)
{
	if (address_parse(value, (struct address *)(void *)((char *)endpoint + row->offset)))
		return fail(error, EINVAL, "%s must be an IPv4 or IPv6 address, not '%s'", row->name, value);
	return 0;
}

static int parse_prefixes(const struct endpoint_key_row *row, const char *value, struct endpoint *endpoint, struct error *error)
{
	char copy[ENDPOINT_TEXT_MAX], *rest = copy, *item;

	snprintf(copy, sizeof copy, "%s", value);
	while ((item = strsep(&rest, "+"))) {
		if (endpoint->remote_count == ENDPOINT_REMOTES_MAX)
			return fail(error, EINVAL, "%s takes at most %d prefixes", row->name, ENDPOINT_REMOTES_MAX);
		if (prefix_parse(item, &endpoint->remotes[endpoint->remote_count++]))
			return fail(error, EINVAL, "%s must be an address or a prefix (10.0.0.0/8, fd00::/64), not '%s'", row->name, item);
	}
	return 0;
}

static int parse_interface(const struct endpoint_key_row *row, const char *value, struct endpoint *endpoint, struct error *error)
{
	char *field = (char *)endpoint + row->offset;

	if (!endpoint_is_interface_name(value))
		return fail(error, EINVAL, "%s must be the name of an interface, of at most %d characters", row->name, IFNAMSIZ - 1);
	if (*field && strcmp(field, value) != 0)
		return fail(error, EINVAL, "%s is %s already", row->name, field);
	strcpy(field, value);
	return 0;
}

static int parse_netns(const struct endpoint_key_row *row, const char *value, struct endpoint *endpoint, struct error *error)
{
	if (!*value || strlen(value) >= sizeof endpoint->netns)
		return fail(error, EINVAL, "%s must have 1 to %d characters", row->name, NETNS_TEXT_MAX - 1);
	strcpy(endpoint->netns, value);
	return 0;
}

static int parse_granularity(const struct endpoint_key_row *row, const char *value, struct endpoint *endpoint, struct error *error)
{
	if (strcmp(value, "100us") != 0 && strcmp(value, "100ns") != 0)
		return fail(error, EINVAL, "%s must be 100us or 100ns, not '%s'", row->name, value);
	endpoint->granularity = strcmp(value, "100ns") == 0 ? ERSPAN_GRA_100NS : ERSPAN_GRA_100US;
	return 0;
}

static int parse_flag(const struct endpoint_key_row *row, const char *value, struct endpoint *endpoint, struct error *error)
{
	if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
		return fail(error, EINVAL, "%s must be yes or no, not '%s'", row->name, value);
	*(uint32_t *)(void *)((char *)endpoint + row->offset) = strcmp(value, "yes") == 0;
	return 0;
}

/* Some platforms fix what the timestamp counts. */
static int parse_platform(const struct endpoint_key_row *row, const char *value, struct endpoint *endpoint, struct error *error)
{
	if (strlen(value) != 1 || !strchr("134567", *value))
		return fail(error, EINVAL, "%s must be 1, 3, 4, 5, 6 or 7, not '%s'", row->name, value);
	endpoint->platform = (uint32_t)(*value - '0');
	return 0;
}

static int parse_direction(const struct endpoint_key_row *row, const char *value, struct endpoint *endpoint, struct error *error)
{
	if (strcmp(value, "rx") != 0 && strcmp(value, "tx") != 0)
		return fail(error, EINVAL, "%s must be rx or tx, not '%s'", row->name, value);
	endpoint->side = strcmp(value, "tx") == 0 ? ENDPOINT_TX : ENDPOINT_RX;
	return 0;
}

static int parse_tos(const struct endpoint_key_row *row, const char *value, struct endpoint *endpoint, struct error *error)
{
	endpoint->inherit_tos = strcmp(value, "inherit") == 0;
	return endpoint->inherit_tos ? 0 : parse_number(row, value, endpoint, error);
}

static int parse_limit(const struct endpoint_key_row *row, const char *value, struct endpoint *endpoint, struct error *error)
{
	uint32_t *limit = (uint32_t *)(void *)((char *)endpoint + row->offset);

	*limit = 0;
	if (strcmp(value, "none") == 0)
		return 0;
	if (parse_number(row, value, endpoint, NULL))
		return fail(error, EINVAL, "%s must be none, or a number from %lu to %lu, not '%s'", row->name, row->min, row->max, value);
	++*limit;
	return 0;
}

static int parse_tag_type(const struct endpoint_key_row *row, const char *value, struct endpoint *endpoint, struct error *error)
{
	if (strcmp(value, "0x8100") != 0 && strcmp(value, "0x88a8") != 0)
		return fail(error, EINVAL, "%s must be 0x8100 or 0x88a8, not '%s'", row->name, value);
	endpoint->tpid = strcmp(value, "0x8100") == 0 ? ETHERTYPE_VLAN : ETHERTYPE_SERVICE_VLAN;
	return 0;
}

static int parse_mtu_policy(const struct endpoint_key_row *row, const char *value, struct endpoint *endpoint, struct error *error)
{
	for (enum mtu_policy policy = MTU_TRUNCATE; policy <= MTU_DROP; policy++) {
		if (strcmp(value, mtu_policies[policy]) == 0) {
			endpoint->mtu_policy = policy;
			return 0;
		}
	}
	return fail(error, EINVAL, "%s must be truncate, fragment or drop, not '%s'", row->name, value);
}

/* Only outer packets can be fragmented. */
static int parse_length_policy(const struct endpoint_key_row *row, const char *value, struct endpoint *endpoint, struct error *error)
{
	if (strcmp(value, mtu_policies[MTU_TRUNCATE]) != 0 && strcmp(value, mtu_policies[MTU_DROP]) != 0)
		return fail(error, EINVAL, "%s must be truncate or drop, not '%s'", row->name, value);
	return parse_mtu_policy(row, value, endpoint, error);
}

static int parse_kept_name(const char *name, uint32_t *keep)
{
	if (strcmp(name, "all") == 0)
		*keep |= (1u << RELAY_FIELD_COUNT) - 1;
	else if (strcmp(name, "vni") == 0 || strcmp(name, "key") == 0)
		*keep |= 1u << RELAY_number;
	for (unsigned int i = 0; i < RELAY_FIELD_COUNT; i++)
		if (strcmp(name, kept_names[i]) == 0)
			*keep |= 1u << i;
	return *keep ? 0 : -EINVAL;
}

static int parse_kept(const struct endpoint_key_row *row, const char *value, struct endpoint *endpoint, struct error *error)
{
	char copy[ENDPOINT_TEXT_MAX], *rest = copy, *item;

	snprintf(copy, sizeof copy, "%s", value);
	endpoint->keep = 0;
	while ((item = strsep(&rest, "+"))) {
		uint32_t keep = 0;

		if (parse_kept_name(item, &keep))
			return fail(error, EINVAL,
				    "%s must be all, or some of id, index, direction, hwid, sgt, vlan, cos, seq with + between, not '%s'",
				    row->name, value);
		endpoint->keep |= keep;
	}
	return 0;
}

static int parse_choice(const struct endpoint_key_row *row, const char *value, struct endpoint *endpoint, struct error *error)
{
	struct number_set set;

	endpoint->to = 0;
	if (strcmp(value, "none") == 0)
		return 0;
	if (number_set_parse(value, SPREAD_MAX, &set) || !set.count || number_set_has(&set, 0))
		return fail(error, EINVAL, "%s must be none, or numbers of destinations from 1 to %d, as in 1+3, not '%s'", row->name,
			    SPREAD_MAX, value);
	for (uint32_t i = 0; i < SPREAD_MAX; i++)
		if (number_set_has(&set, i + 1))
			endpoint->to |= 1u << i;
	return 0;
}

_Static_assert(ENDPOINT_KEY_COUNT <= 64, "keys are bits of endpoint.given");

static const struct endpoint_key_row endpoint_keys[] = {
#define KEY(ident, name, file_name, field, form, min, max, fallback, types, help) \
	{#name, #file_name, parse_##form, print_##form, VALUE_##form, offsetof(struct endpoint, field), min, max, types, fallback, help},
#include "model/keys.def"
#undef KEY
};

static const struct endpoint_type *find_type(const char *name, enum endpoint_side side)
{
	for (unsigned int i = 0; i < ENDPOINT_TYPES; i++)
		if (strcmp(endpoint_types[i].name, name) == 0 && endpoint_types[i].sides & 1u << side)
			return &endpoint_types[i];
	return NULL;
}

static bool key_applies(const struct endpoint_key_row *row, unsigned int kinds, enum endpoint_side side)
{
	return row->types >> SIDE_SHIFT(side) & kinds & 0xffff;
}

/* Appends words to a list for an error text: "id, index, ttl". */
static void append(char *list, size_t size, const char *word)
{
	size_t used = strlen(list);

	snprintf(list + used, size - used, "%s%s", used ? ", " : "", word);
}

/* What was meant, if it was no type. */
static const char *hint_of(const char *name)
{
	struct address address;

	if (address_parse(name, &address) == 0)
		return "; an address stands behind its type, as in erspan2:10.9.0.2";
	if (strpbrk(name, "./"))
		return "; files are written by collect -w";
	return strlen(name) < IFNAMSIZ ? "; an interface is interface:NAME" : "";
}

static int fail_type(const char *name, enum endpoint_side side, struct error *error)
{
	char list[128] = "";

	for (unsigned int i = 0; i < ENDPOINT_TYPES; i++)
		if (endpoint_types[i].sides & 1u << side)
			append(list, sizeof list, endpoint_types[i].name);
	return fail(error, EINVAL, "unknown type '%s'; allowed: %s%s", name, list, side == ENDPOINT_DESTINATION ? hint_of(name) : "");
}

static int fail_key(const char *name, const struct endpoint_type *type, enum endpoint_side side, struct error *error)
{
	char list[256] = "";

	for (unsigned int i = 0; i < ENDPOINT_KEY_COUNT; i++)
		if (key_applies(&endpoint_keys[i], type->kinds, side))
			append(list, sizeof list, endpoint_keys[i].name);
	return fail(error, EINVAL, "%s has no key '%s'; allowed: %s", type->name, name, list);
}

static int parse_key(char *item, const struct endpoint_type *type, enum endpoint_side side, struct endpoint *endpoint, struct error *error)
{
	char *value = strchr(item, '=');

	if (!value)
		return fail(error, EINVAL, "'%s' is not of the form key=value", item);
	*value++ = '\0';
	for (unsigned int i = 0; i < ENDPOINT_KEY_COUNT; i++) {
		const struct endpoint_key_row *row = &endpoint_keys[i];

		if (strcmp(row->name, item) != 0 || !key_applies(row, type->kinds, side))
			continue;
		if (endpoint_has(endpoint, i))
			return fail(error, EINVAL, "%s is given twice", row->name);
		endpoint->given |= 1ull << i;
		return row->parse(row, value, endpoint, error);
	}
	return fail_key(item, type, side, error);
}

/* Some addresses mean another host on each link: the one that is meant may stand behind them, as in fe80::2%eth0. */
static int take_scope(const char *scope, struct endpoint *endpoint, struct error *error)
{
	if (!address_is_link_local(&endpoint->address))
		return fail(error, EINVAL, "%%%s is for addresses of a link alone (fe80::/10, ff02::/16)", scope);
	if (endpoint_has(endpoint, ENDPOINT_KEY_dev) && strcmp(endpoint->dev, scope) != 0)
		return fail(error, EINVAL, "%%%s and %s are different interfaces", scope, endpoint->dev);
	if (!endpoint_is_interface_name(scope))
		return fail(error, EINVAL, "%%%s is not the name of an interface", scope);
	endpoint->given |= 1ull << ENDPOINT_KEY_dev;
	strcpy(endpoint->dev, scope);
	return 0;
}

/* key is what the address is called, for errors. */
static int take_address(const char *key, const char *text, enum endpoint_side side, struct endpoint *endpoint, struct error *error)
{
	const char *scope = side == ENDPOINT_DESTINATION ? strchr(text, '%') : NULL;
	char alone[ADDRESS_TEXT_MAX];

	snprintf(alone, sizeof alone, "%.*s", (int)(scope ? (size_t)(scope - text) : strlen(text)), text);
	if (strlen(text) >= sizeof alone || address_parse(alone, &endpoint->address))
		return fail(error, EINVAL, "%s must be an IPv4 or IPv6 address, not '%s'", key, text);
	if (address_is_unspecified(&endpoint->address))
		return fail(error, EINVAL, "%s must be the address of a host, not '%s'", key, text);
	if (side == ENDPOINT_DESTINATION && address_is_multicast(&endpoint->address))
		return fail(error, EINVAL, "%s must be the address of one host, not the multicast group '%s'", key, text);
	return scope ? take_scope(scope + 1, endpoint, error) : 0;
}

static int parse_endpoint_address(char *text, enum endpoint_side side, struct endpoint *endpoint, struct error *error)
{
	size_t len = strlen(text);

	if (!endpoint_is_tunnel(endpoint)) {
		if (!endpoint_is_interface_name(text))
			return fail(error, EINVAL, "'%s' is not the name of an interface", text);
		memcpy(endpoint->dev, text, len + 1);
		return 0;
	}
	if (side == ENDPOINT_SOURCE && (len == 0 || strcmp(text, "any") == 0))
		return 0;
	if (text[0] == '[' && text[len - 1] == ']') {
		text[len - 1] = '\0';
		text++;
	}
	return take_address(side == ENDPOINT_SOURCE ? "local" : "remote", text, side, endpoint, error);
}

static const char *name_of(enum endpoint_key key, enum key_names names)
{
	return names == KEY_NAMES_FILE ? endpoint_keys[key].file_name : endpoint_keys[key].name;
}

/* Keys of one of the two families of addresses. */
static int check_family(const struct endpoint *endpoint, enum key_names names, struct error *error)
{
	static const struct {
		enum endpoint_key key;
		uint8_t family;
		const char *why;
	} rows[] = {
		{ENDPOINT_KEY_df, 4, "is of IPv4; no router fragments IPv6 packets"},
		{ENDPOINT_KEY_flowlabel, 6, "is of IPv6; IPv4 has none"},
		{ENDPOINT_KEY_encap_limit, 6, "is of IPv6; IPv4 has none"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (endpoint_has(endpoint, rows[i].key) && endpoint->address.family && endpoint->address.family != rows[i].family)
			return fail(error, EINVAL, "%s %s", name_of(rows[i].key, names), rows[i].why);
	return 0;
}

static int check_destination(const struct endpoint *endpoint, enum key_names names, struct error *error)
{
	char address[ADDRESS_TEXT_MAX], local[ADDRESS_TEXT_MAX];

	if (endpoint->platform && endpoint->platform != PLATFORM_OF_ANY_UNIT && endpoint_has(endpoint, ENDPOINT_KEY_granularity))
		return fail(error, EINVAL, "platform %u fixes the granularity, which cannot be set", endpoint->platform);
	if (platform_check(endpoint, names, error))
		return -EINVAL;
	if (endpoint->kinds == KIND_VLAN && !endpoint_has(endpoint, ENDPOINT_KEY_vlan_id))
		return fail(error, EINVAL, "%s, the number of the VLAN, is missing", name_of(ENDPOINT_KEY_vlan_id, names));
	if (address_is_link_local(&endpoint->address) && !endpoint_has(endpoint, ENDPOINT_KEY_dev))
		return fail(error, EINVAL, "%s is another host on each link: %s, the interface, is missing",
			    address_text(&endpoint->address, address), name_of(ENDPOINT_KEY_dev, names));
	if (check_family(endpoint, names, error))
		return -EINVAL;
	if (!endpoint_has(endpoint, ENDPOINT_KEY_local) || endpoint->local.family == endpoint->address.family)
		return 0;
	return fail(error, EINVAL, "local %s and %s are of different families", address_text(&endpoint->local, local),
		    address_text(&endpoint->address, address));
}

/* What no single key can say. */
int endpoint_check(const struct endpoint *endpoint, enum endpoint_side side, enum key_names names, struct error *error)
{
	return side == ENDPOINT_DESTINATION ? check_destination(endpoint, names, error) : 0;
}

static void set_defaults(struct endpoint *endpoint)
{
	memset(endpoint, 0, sizeof *endpoint);
	endpoint->ttl = 64;
	endpoint->tpid = ETHERTYPE_VLAN;
}

int endpoint_begin(const char *type_name, enum endpoint_side side, struct endpoint *endpoint, struct error *error)
{
	const struct endpoint_type *type = find_type(type_name, side);

	set_defaults(endpoint);
	if (!type)
		return fail_type(type_name, side, error);
	endpoint->kinds = type->kinds;
	endpoint->port = wire_udp_port(endpoint_kind(endpoint));
	return 0;
}

static int parse_parts(char *text, enum endpoint_side side, struct endpoint *endpoint, struct error *error)
{
	const struct endpoint_type *type;
	char *rest = strchr(text, ':'), *item;
	int rc;

	if (rest)
		*rest++ = '\0';
	rc = endpoint_begin(text, side, endpoint, error);
	if (rc)
		return rc;
	type = find_type(text, side);
	item = strsep(&rest, ",");
	rc = parse_endpoint_address(item ? item : text + strlen(text), side, endpoint, error);
	while (!rc && (item = strsep(&rest, ",")))
		rc = parse_key(item, type, side, endpoint, error);
	return rc ? rc : endpoint_check(endpoint, side, KEY_NAMES_SHORT, error);
}

int endpoint_parse(const char *text, enum endpoint_side side, struct endpoint *endpoint, struct error *error)
{
	const char *what = side == ENDPOINT_SOURCE ? "source" : "destination";
	char copy[ENDPOINT_TEXT_MAX];
	struct error detail = {0};
	int rc;

	set_defaults(endpoint);
	if (strlen(text) >= sizeof copy)
		return fail(error, EINVAL, "%s is longer than %d characters", what, ENDPOINT_TEXT_MAX - 1);
	strcpy(copy, text);
	rc = parse_parts(copy, side, endpoint, &detail);
	return rc ? fail(error, -rc, "%s '%s': %s", what, text, detail.text) : 0;
}

/* ---- keys one by one ---- */

/* The key that is not in the table: what stands behind the type on the command line. */
static const char *place_key(unsigned int kinds, enum endpoint_side side, enum key_names names)
{
	if (!(kinds & KINDS_ALL))
		return names == KEY_NAMES_FILE ? "Interface" : "interface";
	if (side == ENDPOINT_SOURCE)
		return names == KEY_NAMES_FILE ? "Local" : "local";
	return names == KEY_NAMES_FILE ? "Remote" : "remote";
}

static int take_place(struct endpoint *endpoint, enum endpoint_side side, const char *key, const char *value, struct error *error)
{
	if (!endpoint_is_tunnel(endpoint)) {
		if (!endpoint_is_interface_name(value))
			return fail(error, EINVAL, "%s must be the name of an interface, of at most %d characters", key, IFNAMSIZ - 1);
		strcpy(endpoint->dev, value);
		return 0;
	}
	return take_address(key, value, side, endpoint, error);
}

const char *endpoint_key_name(unsigned int kinds, enum endpoint_side side, enum key_names names, unsigned int i)
{
	if (i == ENDPOINT_KEY_COUNT)
		return place_key(kinds, side, names);
	if (!key_applies(&endpoint_keys[i], kinds, side))
		return NULL;
	return names == KEY_NAMES_FILE ? endpoint_keys[i].file_name : endpoint_keys[i].name;
}

int endpoint_take_key(struct endpoint *endpoint, enum endpoint_side side, unsigned int i, const char *name, const char *value,
		      struct error *error)
{
	struct endpoint_key_row row;

	if (i == ENDPOINT_KEY_COUNT)
		return take_place(endpoint, side, name, value, error);
	row = endpoint_keys[i];
	row.name = name;
	endpoint->given |= 1ull << i;
	return row.parse(&row, value, endpoint, error);
}

int endpoint_take(struct endpoint *endpoint, enum endpoint_side side, enum key_names names, const char *key, const char *value,
		  struct error *error)
{
	for (unsigned int i = 0; i <= ENDPOINT_KEY_COUNT; i++) {
		const char *name = endpoint_key_name(endpoint->kinds, side, names, i);

		if (name && strcmp(name, key) == 0)
			return endpoint_take_key(endpoint, side, i, name, value, error);
	}
	return -ENOENT;
}

bool endpoint_has_place(const struct endpoint *endpoint, enum endpoint_side side)
{
	return side == ENDPOINT_SOURCE || endpoint->address.family || (!endpoint_is_tunnel(endpoint) && endpoint->dev[0]);
}

bool endpoint_print_key(const struct endpoint *endpoint, unsigned int i, FILE *out)
{
	char text[ADDRESS_TEXT_MAX];

	if (i < ENDPOINT_KEY_COUNT) {
		if (!endpoint_has(endpoint, i))
			return false;
		endpoint_keys[i].print(&endpoint_keys[i], endpoint, out);
		return true;
	}
	if (endpoint_is_tunnel(endpoint) && !endpoint->address.family)
		return false;
	fputs(endpoint_is_tunnel(endpoint) ? address_text(&endpoint->address, text) : endpoint->dev, out);
	return true;
}

enum endpoint_value endpoint_key_value(unsigned int i)
{
	return i < ENDPOINT_KEY_COUNT ? endpoint_keys[i].value : ENDPOINT_VALUE_TEXT;
}

const char *endpoint_type_at(unsigned int i, enum endpoint_side side)
{
	for (unsigned int t = 0; t < ENDPOINT_TYPES; t++)
		if (endpoint_types[t].sides & 1u << side && i-- == 0)
			return endpoint_types[t].name;
	return NULL;
}

bool endpoint_takes(const char *type_name, enum endpoint_side side, const char *key)
{
	const struct endpoint_type *type = type_name ? find_type(type_name, side) : NULL;

	for (unsigned int i = 0; type && i < ENDPOINT_KEY_COUNT; i++)
		if (strcmp(endpoint_keys[i].name, key) == 0 && key_applies(&endpoint_keys[i], type->kinds, side))
			return true;
	return false;
}

void endpoint_any_source(struct endpoint *endpoint)
{
	set_defaults(endpoint);
	endpoint->kinds = KINDS_ALL;
}

enum farspan_kind endpoint_kind(const struct endpoint *endpoint)
{
	return (enum farspan_kind)__builtin_ctz(endpoint->kinds);
}

const char *endpoint_type_name(const struct endpoint *endpoint)
{
	for (unsigned int i = 0; i < ENDPOINT_TYPES; i++)
		if (endpoint_types[i].kinds == endpoint->kinds)
			return endpoint_types[i].name;
	return "unknown";
}

void endpoint_print_help(FILE *out, enum endpoint_side side)
{
	for (unsigned int i = 0; i < ENDPOINT_TYPES; i++)
		if (endpoint_types[i].sides & 1u << side)
			fprintf(out, "  %-12s %s\n", endpoint_types[i].name, endpoint_types[i].help);
	fprintf(out, "Keys, as far as the type has them:\n");
	for (unsigned int i = 0; i < ENDPOINT_KEY_COUNT; i++)
		if (key_applies(&endpoint_keys[i], ~KIND_MATCH, side))
			fprintf(out, "  %-12s %s (%s)\n", endpoint_keys[i].name, endpoint_keys[i].help, endpoint_keys[i].fallback);
}
