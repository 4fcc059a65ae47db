/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules of tc that mirror. */
#include "host/others.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Where filters can be: a qdisc, or one of the two sides of a clsact. */
struct place {
	int ifindex;
	uint32_t parent;
	enum direction direction;
};

struct search {
	struct place *places;
	size_t count;
	const struct place *at;
	tc_mirror_visitor visit;
	void *context;
	bool no_memory;
};

/* ---- what a classifier matches, for tcpdump ---- */

__attribute__((format(printf, 2, 3))) static void and_if(struct tc_mirror *mirror, const char *format, ...)
{
	size_t used = strlen(mirror->filter), room = sizeof mirror->filter - used;
	va_list arguments;
	int len;

	va_start(arguments, format);
	if (used)
		used += (size_t)snprintf(mirror->filter + used, room, " and ");
	if (used < sizeof mirror->filter)
		len = vsnprintf(mirror->filter + used, sizeof mirror->filter - used, format, arguments);
	else
		len = OTHERS_FILTER_MAX;
	va_end(arguments);
	if (used + (size_t)len >= sizeof mirror->filter)
		mirror->exact = false;
}

static void say_protocol(struct tc_mirror *mirror, uint16_t protocol)
{
	static const struct {
		uint16_t protocol;
		const char *name;
	} names[] = {{ETH_P_IP, "ip"}, {ETH_P_IPV6, "ip6"}, {ETH_P_ARP, "arp"}, {ETH_P_8021Q, "vlan"}};

	if (protocol == ETH_P_ALL)
		return;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (names[i].protocol == protocol) {
			and_if(mirror, "%s", names[i].name);
			return;
		}
	and_if(mirror, "ether proto 0x%04x", protocol);
}

/* Keys are 32-bit words from the network header on, or in front of it. */
static void say_u32(struct tc_mirror *mirror, uint16_t protocol, struct nlattr *options)
{
	struct nlattr *attribute = nla_find(nla_data(options), nla_len(options), TCA_U32_SEL);
	const struct tc_u32_sel *selector = attribute ? nla_data(attribute) : NULL;
	const char *header = protocol == ETH_P_IP ? "ip" : protocol == ETH_P_IPV6 ? "ip6" : "ether";

	if (!selector || (size_t)nla_len(attribute) < sizeof *selector + selector->nkeys * sizeof selector->keys[0]) {
		mirror->exact = false;
		return;
	}
	for (unsigned int i = 0; i < selector->nkeys; i++) {
		const struct tc_u32_key *key = &selector->keys[i];
		bool from_ethernet = key->off < 0 || *header == 'e';

		if (!key->mask)
			continue;
		if (key->offmask || key->off < -ETH_HLEN)
			mirror->exact = false;
		else
			and_if(mirror, "%s[%d:4] & 0x%08x = 0x%08x", from_ethernet ? "ether" : header,
			       from_ethernet ? key->off + ETH_HLEN : key->off, ntohl(key->mask), ntohl(key->val));
	}
}

static bool all_ones(const struct nlattr *mask)
{
	const uint8_t *bytes = mask ? nla_data(mask) : NULL;

	for (int i = 0; mask && i < nla_len(mask); i++)
		if (bytes[i] != 0xff)
			return false;
	return true;
}

/* The bits of a prefix mask, or -1. */
static int prefix_bits(const struct nlattr *mask, int whole)
{
	const uint8_t *bytes = mask ? nla_data(mask) : NULL;
	int bits = 0;

	if (!mask)
		return whole;
	while (bits < nla_len(mask) * 8 && bytes[bits / 8] & 0x80 >> bits % 8)
		bits++;
	for (int rest = bits; rest < nla_len(mask) * 8; rest++)
		if (bytes[rest / 8] & 0x80 >> rest % 8)
			return -1;
	return bits;
}

static void say_address(struct tc_mirror *mirror, const char *side, const struct nlattr *value, const struct nlattr *mask)
{
	int len = value ? nla_len(value) : 0, bits = value ? prefix_bits(mask, len * 8) : 0;
	char text[INET6_ADDRSTRLEN];

	if (!value || bits == 0)
		return;
	if (bits < 0 || !inet_ntop(len == 4 ? AF_INET : AF_INET6, nla_data(value), text, sizeof text))
		mirror->exact = false;
	else if (bits == len * 8)
		and_if(mirror, "%s host %s", side, text);
	else
		and_if(mirror, "%s net %s/%d", side, text, bits);
}

static void say_mac(struct tc_mirror *mirror, const char *side, const struct nlattr *value, const struct nlattr *mask)
{
	const uint8_t *m = value && nla_len(value) == ETH_ALEN ? nla_data(value) : NULL;

	if (!m)
		return;
	if (!all_ones(mask))
		mirror->exact = false;
	else
		and_if(mirror, "ether %s %02x:%02x:%02x:%02x:%02x:%02x", side, m[0], m[1], m[2], m[3], m[4], m[5]);
}

/* Numbers that flower matches whole. */
static void say_number(struct tc_mirror *mirror, const char *what, const struct nlattr *value, const struct nlattr *mask)
{
	if (!value)
		return;
	if (!all_ones(mask))
		mirror->exact = false;
	else if (nla_len(value) == 1)
		and_if(mirror, "%s %u", what, nla_get_u8(value));
	else
		and_if(mirror, "%s %u", what, ntohs(nla_get_u16(value)));
}

/* Says what it understands and, of the keys of a rule, whether that is all. */
static void say_flower(struct tc_mirror *mirror, uint16_t protocol, struct nlattr *options)
{
	static const unsigned char known[] = {
		TCA_FLOWER_CLASSID,
		TCA_FLOWER_INDEV,
		TCA_FLOWER_ACT,
		TCA_FLOWER_KEY_ETH_DST,
		TCA_FLOWER_KEY_ETH_DST_MASK,
		TCA_FLOWER_KEY_ETH_SRC,
		TCA_FLOWER_KEY_ETH_SRC_MASK,
		TCA_FLOWER_KEY_ETH_TYPE,
		TCA_FLOWER_KEY_IP_PROTO,
		TCA_FLOWER_KEY_IPV4_SRC,
		TCA_FLOWER_KEY_IPV4_SRC_MASK,
		TCA_FLOWER_KEY_IPV4_DST,
		TCA_FLOWER_KEY_IPV4_DST_MASK,
		TCA_FLOWER_KEY_IPV6_SRC,
		TCA_FLOWER_KEY_IPV6_SRC_MASK,
		TCA_FLOWER_KEY_IPV6_DST,
		TCA_FLOWER_KEY_IPV6_DST_MASK,
		TCA_FLOWER_KEY_TCP_SRC,
		TCA_FLOWER_KEY_TCP_DST,
		TCA_FLOWER_KEY_UDP_SRC,
		TCA_FLOWER_KEY_UDP_DST,
		TCA_FLOWER_FLAGS,
		TCA_FLOWER_KEY_TCP_SRC_MASK,
		TCA_FLOWER_KEY_TCP_DST_MASK,
		TCA_FLOWER_KEY_UDP_SRC_MASK,
		TCA_FLOWER_KEY_UDP_DST_MASK,
		TCA_FLOWER_IN_HW_COUNT,
	};
	struct nlattr *a[TCA_FLOWER_KEY_UDP_DST_MASK + 1] = {0}, *attribute;
	int rest;

	(void)protocol;
	nla_for_each_nested(attribute, options, rest)
	{
		if (!memchr(known, nla_type(attribute), sizeof known))
			mirror->exact = false;
		else if (nla_type(attribute) <= TCA_FLOWER_KEY_UDP_DST_MASK)
			a[nla_type(attribute)] = attribute;
	}
	say_mac(mirror, "src", a[TCA_FLOWER_KEY_ETH_SRC], a[TCA_FLOWER_KEY_ETH_SRC_MASK]);
	say_mac(mirror, "dst", a[TCA_FLOWER_KEY_ETH_DST], a[TCA_FLOWER_KEY_ETH_DST_MASK]);
	if (a[TCA_FLOWER_KEY_IP_PROTO])
		and_if(mirror, "%s proto %u", protocol == ETH_P_IPV6 ? "ip6" : "ip", nla_get_u8(a[TCA_FLOWER_KEY_IP_PROTO]));
	say_address(mirror, "src", a[TCA_FLOWER_KEY_IPV4_SRC], a[TCA_FLOWER_KEY_IPV4_SRC_MASK]);
	say_address(mirror, "dst", a[TCA_FLOWER_KEY_IPV4_DST], a[TCA_FLOWER_KEY_IPV4_DST_MASK]);
	say_address(mirror, "src", a[TCA_FLOWER_KEY_IPV6_SRC], a[TCA_FLOWER_KEY_IPV6_SRC_MASK]);
	say_address(mirror, "dst", a[TCA_FLOWER_KEY_IPV6_DST], a[TCA_FLOWER_KEY_IPV6_DST_MASK]);
	say_number(mirror, "tcp src port", a[TCA_FLOWER_KEY_TCP_SRC], a[TCA_FLOWER_KEY_TCP_SRC_MASK]);
	say_number(mirror, "tcp dst port", a[TCA_FLOWER_KEY_TCP_DST], a[TCA_FLOWER_KEY_TCP_DST_MASK]);
	say_number(mirror, "udp src port", a[TCA_FLOWER_KEY_UDP_SRC], a[TCA_FLOWER_KEY_UDP_SRC_MASK]);
	say_number(mirror, "udp dst port", a[TCA_FLOWER_KEY_UDP_DST], a[TCA_FLOWER_KEY_UDP_DST_MASK]);
}

static void say_all(struct tc_mirror *mirror, uint16_t protocol, struct nlattr *options)
{
	(void)mirror, (void)protocol, (void)options;
}

static const struct {
	const char *kind;
	int actions; /* attribute that has them */
	void (*say)(struct tc_mirror *mirror, uint16_t protocol, struct nlattr *options);
} classifiers[] = {
	{"matchall", TCA_MATCHALL_ACT, say_all},
	{"u32", TCA_U32_ACT, say_u32},
	{"flower", TCA_FLOWER_ACT, say_flower},
	/* What these match cannot be said. */
	{"basic", TCA_BASIC_ACT, NULL},
	{"fw", TCA_FW_ACT, NULL},
	{"bpf", TCA_BPF_ACT, NULL},
};

/* ---- rules ---- */

static void visit_action(const struct search *search, struct nlattr *action, struct tc_mirror mirror)
{
	struct nlattr *kind = nla_find(nla_data(action), nla_len(action), TCA_ACT_KIND);
	struct nlattr *options = nla_find(nla_data(action), nla_len(action), TCA_ACT_OPTIONS), *parameters;
	const struct tc_mirred *mirred;

	if (!kind || !options || strcmp(nla_get_string(kind), "mirred") != 0)
		return;
	parameters = nla_find(nla_data(options), nla_len(options), TCA_MIRRED_PARMS);
	if (!parameters || nla_len(parameters) < (int)sizeof *mirred)
		return;
	mirred = nla_data(parameters);
	mirror.redirect = mirred->eaction == TCA_EGRESS_REDIR || mirred->eaction == TCA_INGRESS_REDIR;
	if (!if_indextoname(mirred->ifindex, mirror.target))
		mirror.target[0] = '\0';
	search->visit(&mirror, search->context);
}

static int take_filter(struct nl_msg *message, void *context)
{
	const struct search *search = context;
	struct nlmsghdr *header = nlmsg_hdr(message);
	const struct tcmsg *tc = nlmsg_data(header);
	struct nlattr *kind = nlmsg_find_attr(header, sizeof *tc, TCA_KIND), *options = nlmsg_find_attr(header, sizeof *tc, TCA_OPTIONS);
	struct tc_mirror mirror = {.direction = search->at->direction, .exact = true};
	uint16_t protocol = ntohs((uint16_t)TC_H_MIN(tc->tcm_info));
	struct nlattr *actions = NULL, *action;
	int rest;

	if (header->nlmsg_type != RTM_NEWTFILTER || !kind || !options || !if_indextoname((unsigned int)tc->tcm_ifindex, mirror.source))
		return NL_OK;
	mirror.priority = TC_H_MAJ(tc->tcm_info) >> 16;
	snprintf(mirror.kind, sizeof mirror.kind, "%s", nla_get_string(kind));
	for (size_t i = 0; i < sizeof classifiers / sizeof classifiers[0]; i++) {
		if (strcmp(classifiers[i].kind, mirror.kind) != 0)
			continue;
		actions = nla_find(nla_data(options), nla_len(options), classifiers[i].actions);
		say_protocol(&mirror, protocol);
		if (classifiers[i].say)
			classifiers[i].say(&mirror, protocol, options);
		else
			mirror.exact = false;
	}
	if (actions)
		nla_for_each_nested(action, actions, rest) visit_action(search, action, mirror);
	return NL_OK;
}

/* ---- where rules can be ---- */

static void add_place(struct search *search, int ifindex, uint32_t parent, enum direction direction)
{
	struct place *places = reallocarray(search->places, search->count + 1, sizeof *places);

	if (!places) {
		search->no_memory = true;
		return;
	}
	search->places = places;
	places[search->count++] = (struct place){.ifindex = ifindex, .parent = parent, .direction = direction};
}

static int take_qdisc(struct nl_msg *message, void *context)
{
	struct search *search = context;
	struct nlmsghdr *header = nlmsg_hdr(message);
	const struct tcmsg *tc = nlmsg_data(header);
	struct nlattr *kind = nlmsg_find_attr(header, sizeof *tc, TCA_KIND);

	if (header->nlmsg_type != RTM_NEWQDISC || !kind)
		return NL_OK;
	/* The old ingress qdisc has one side only, whichever is asked for. */
	if (strcmp(nla_get_string(kind), "ingress") == 0 || strcmp(nla_get_string(kind), "clsact") == 0)
		add_place(search, tc->tcm_ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS), DIRECTION_RX);
	else if (TC_H_MAJ(tc->tcm_handle))
		add_place(search, tc->tcm_ifindex, TC_H_MAJ(tc->tcm_handle), DIRECTION_TX);
	if (strcmp(nla_get_string(kind), "clsact") == 0)
		add_place(search, tc->tcm_ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS), DIRECTION_TX);
	return NL_OK;
}

static int dump(struct nl_sock *socket, int type, const struct place *place, nl_recvmsg_msg_cb_t take, void *context)
{
	struct tcmsg tc = {.tcm_family = AF_UNSPEC};
	int rc;

	if (place) {
		tc.tcm_ifindex = place->ifindex;
		tc.tcm_parent = place->parent;
	}
	nl_socket_modify_cb(socket, NL_CB_VALID, NL_CB_CUSTOM, take, context);
	rc = nl_send_simple(socket, type, NLM_F_DUMP, &tc, sizeof tc);
	return rc < 0 ? rc : nl_recvmsgs_default(socket);
}

int others_each_mirror(tc_mirror_visitor visit, void *context, struct error *error)
{
	struct search search = {.visit = visit, .context = context};
	struct nl_sock *socket = nl_socket_alloc();
	int rc = socket ? nl_connect(socket, NETLINK_ROUTE) : -NLE_NOMEM;

	if (rc == 0)
		rc = dump(socket, RTM_GETQDISC, NULL, take_qdisc, &search);
	for (size_t i = 0; i < search.count && rc >= 0; i++) {
		search.at = &search.places[i];
		/* A qdisc without classes cannot have filters, and says so. */
		(void)dump(socket, RTM_GETTFILTER, search.at, take_filter, &search);
	}
	free(search.places);
	nl_socket_free(socket);
	if (search.no_memory)
		return fail(error, ENOMEM, "rules of tc: out of memory");
	return rc < 0 ? fail(error, EIO, "rules of tc: %s", nl_geterror(rc)) : 0;
}
