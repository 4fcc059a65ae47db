/* SPDX-License-Identifier: BSD-2-Clause */
/* Tunnel devices of the kernel. */
#include "host/others.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/if_tunnel.h>
#include <linux/ip6_tunnel.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <string.h>

#include "wire/headers.h"

struct search {
	tunnel_link_visitor visit;
	void *context;
};

static void read_address(const struct nlattr *attribute, struct address *address)
{
	static const uint8_t none[16];
	int len = attribute ? nla_len(attribute) : 0;

	*address = (struct address){0};
	if ((len != 4 && len != 16) || memcmp(nla_data(attribute), none, (size_t)len) == 0)
		return;
	address->family = len == 4 ? 4 : 6;
	memcpy(address->bytes, nla_data(attribute), (size_t)len);
}

static void give(struct endpoint *endpoint, enum endpoint_key key, uint32_t *field, uint32_t value)
{
	*field = value;
	endpoint->given |= 1ull << key;
}

/* TTL 0, as the kernel has it, inherits; 64 is near enough. */
static void give_common(struct tunnel_link *link, const struct nlattr *local, const struct nlattr *remote, const struct nlattr *ttl,
			const struct nlattr *tos, const struct nlattr *device)
{
	struct endpoint *e = &link->endpoint;

	read_address(remote, &e->address);
	read_address(local, &e->local);
	link->has_remote = e->address.family != 0;
	if (e->local.family)
		e->given |= 1ull << ENDPOINT_KEY_local;
	if (ttl && nla_get_u8(ttl))
		give(e, ENDPOINT_KEY_ttl, &e->ttl, nla_get_u8(ttl));
	if (tos && nla_get_u8(tos)) {
		give(e, ENDPOINT_KEY_tos, &e->tos, nla_get_u8(tos) & 0xfe);
		e->inherit_tos = nla_get_u8(tos) == 1;
	}
	if (device && nla_get_u32(device) && if_indextoname(nla_get_u32(device), e->dev))
		e->given |= 1ull << ENDPOINT_KEY_dev;
}

/* Over IPv6 the traffic class is told with the flow label, and a limit unless that is ignored. */
static void read_ipv6(struct tunnel_link *link, struct nlattr *const *a)
{
	struct endpoint *e = &link->endpoint;
	uint32_t flags = a[IFLA_GRE_FLAGS] ? nla_get_u32(a[IFLA_GRE_FLAGS]) : 0;
	uint32_t flow = a[IFLA_GRE_FLOWINFO] ? ntohl(nla_get_u32(a[IFLA_GRE_FLOWINFO])) : 0;

	if (flow & WIRE_MASK(20))
		give(e, ENDPOINT_KEY_flowlabel, &e->flow_label, flow & WIRE_MASK(20));
	if (flow >> 20 & 0xff || flags & IP6_TNL_F_USE_ORIG_TCLASS) {
		give(e, ENDPOINT_KEY_tos, &e->tos, flow >> 20 & 0xff);
		e->inherit_tos = (flags & IP6_TNL_F_USE_ORIG_TCLASS) != 0;
	}
	if (a[IFLA_GRE_ENCAP_LIMIT] && !(flags & IP6_TNL_F_IGN_ENCAP_LIMIT))
		give(e, ENDPOINT_KEY_encap_limit, &e->encap_limit, 1u + nla_get_u8(a[IFLA_GRE_ENCAP_LIMIT]));
}

static void read_erspan(struct tunnel_link *link, struct nlattr *const *a, uint32_t key)
{
	struct endpoint *e = &link->endpoint;

	if (endpoint_kind(e) != FARSPAN_ERSPAN1)
		give(e, ENDPOINT_KEY_id, &e->session, key & 1023);
	if (endpoint_kind(e) == FARSPAN_ERSPAN2 && a[IFLA_GRE_ERSPAN_INDEX])
		give(e, ENDPOINT_KEY_index, &e->index, nla_get_u32(a[IFLA_GRE_ERSPAN_INDEX]));
	if (endpoint_kind(e) == FARSPAN_ERSPAN3 && a[IFLA_GRE_ERSPAN_HWID])
		give(e, ENDPOINT_KEY_hwid, &e->hwid, nla_get_u16(a[IFLA_GRE_ERSPAN_HWID]));
}

static const char *erspan_type(const struct nlattr *version)
{
	static const char *const types[] = {"erspan1", "erspan2", "erspan3"};
	unsigned int number = version ? nla_get_u8(version) : 1;

	return types[number < 3 ? number : 1];
}

static bool read_gre(struct tunnel_link *link, struct nlattr *data)
{
	struct nlattr *a[IFLA_GRE_MAX + 1];
	bool erspan = strstr(link->kind, "erspan") != NULL;
	struct endpoint *e = &link->endpoint;
	uint16_t flags;
	uint32_t key;

	if (nla_parse_nested(a, IFLA_GRE_MAX, data, NULL) < 0 ||
	    endpoint_begin(erspan ? erspan_type(a[IFLA_GRE_ERSPAN_VER]) : "gre", ENDPOINT_DESTINATION, e, NULL))
		return false;
	flags = a[IFLA_GRE_OFLAGS] ? nla_get_u16(a[IFLA_GRE_OFLAGS]) : 0;
	key = a[IFLA_GRE_OKEY] ? ntohl(nla_get_u32(a[IFLA_GRE_OKEY])) : 0;
	link->external = a[IFLA_GRE_COLLECT_METADATA];
	give_common(link, a[IFLA_GRE_LOCAL], a[IFLA_GRE_REMOTE], a[IFLA_GRE_TTL], a[IFLA_GRE_TOS], a[IFLA_GRE_LINK]);
	if (a[IFLA_GRE_FWMARK] && nla_get_u32(a[IFLA_GRE_FWMARK]))
		give(e, ENDPOINT_KEY_mark, &e->mark, nla_get_u32(a[IFLA_GRE_FWMARK]));
	if (a[IFLA_GRE_PMTUDISC] && !nla_get_u8(a[IFLA_GRE_PMTUDISC]))
		give(e, ENDPOINT_KEY_df, &e->df, 0);
	if (strncmp(link->kind, "ip6", 3) == 0)
		read_ipv6(link, a);
	if (erspan) {
		read_erspan(link, a, key);
		return true;
	}
	if (flags & ntohs(0x8000)) /* GRE_CSUM */
		give(e, ENDPOINT_KEY_checksum, &e->checksum, 1);
	if (flags & ntohs(0x2000)) /* GRE_KEY */
		give(e, ENDPOINT_KEY_key, &e->key, key);
	if (flags & ntohs(0x1000)) /* GRE_SEQ */
		give(e, ENDPOINT_KEY_sequence, &e->sequence, 1);
	return true;
}

static bool read_vxlan(struct tunnel_link *link, struct nlattr *data)
{
	struct nlattr *a[IFLA_VXLAN_MAX + 1];
	struct endpoint *e = &link->endpoint;

	if (nla_parse_nested(a, IFLA_VXLAN_MAX, data, NULL) < 0 || endpoint_begin("vxlan", ENDPOINT_DESTINATION, e, NULL))
		return false;
	link->external = a[IFLA_VXLAN_COLLECT_METADATA] && nla_get_u8(a[IFLA_VXLAN_COLLECT_METADATA]);
	give_common(link, a[IFLA_VXLAN_LOCAL6] ? a[IFLA_VXLAN_LOCAL6] : a[IFLA_VXLAN_LOCAL],
		    a[IFLA_VXLAN_GROUP6] ? a[IFLA_VXLAN_GROUP6] : a[IFLA_VXLAN_GROUP], a[IFLA_VXLAN_TTL], a[IFLA_VXLAN_TOS],
		    a[IFLA_VXLAN_LINK]);
	if (a[IFLA_VXLAN_ID])
		give(e, ENDPOINT_KEY_vni, &e->vni, nla_get_u32(a[IFLA_VXLAN_ID]));
	if (a[IFLA_VXLAN_PORT])
		give(e, ENDPOINT_KEY_port, &e->port, ntohs(nla_get_u16(a[IFLA_VXLAN_PORT])));
	return true;
}

static const struct {
	const char *kind;
	bool (*read)(struct tunnel_link *link, struct nlattr *data);
} kinds[] = {
	{"erspan", read_gre}, {"ip6erspan", read_gre}, {"gretap", read_gre}, {"ip6gretap", read_gre}, {"vxlan", read_vxlan},
};

static int take_link(struct nl_msg *message, void *context)
{
	const struct search *search = context;
	struct nlmsghdr *header = nlmsg_hdr(message);
	struct nlattr *name = nlmsg_find_attr(header, sizeof(struct ifinfomsg), IFLA_IFNAME);
	struct nlattr *info = nlmsg_find_attr(header, sizeof(struct ifinfomsg), IFLA_LINKINFO), *kind, *data;
	struct tunnel_link link = {0};

	if (header->nlmsg_type != RTM_NEWLINK || !name || !info)
		return NL_OK;
	kind = nla_find(nla_data(info), nla_len(info), IFLA_INFO_KIND);
	data = nla_find(nla_data(info), nla_len(info), IFLA_INFO_DATA);
	if (!kind || !data)
		return NL_OK;
	snprintf(link.name, sizeof link.name, "%s", nla_get_string(name));
	snprintf(link.kind, sizeof link.kind, "%s", nla_get_string(kind));
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (strcmp(kinds[i].kind, link.kind) == 0 && kinds[i].read(&link, data))
			search->visit(&link, search->context);
	return NL_OK;
}

int others_each_tunnel(tunnel_link_visitor visit, void *context, struct error *error)
{
	struct search search = {.visit = visit, .context = context};
	struct ifinfomsg request = {.ifi_family = AF_UNSPEC};
	struct nl_sock *socket = nl_socket_alloc();
	int rc = socket ? nl_connect(socket, NETLINK_ROUTE) : -NLE_NOMEM;

	if (rc == 0) {
		nl_socket_modify_cb(socket, NL_CB_VALID, NL_CB_CUSTOM, take_link, &search);
		rc = nl_send_simple(socket, RTM_GETLINK, NLM_F_DUMP, &request, sizeof request);
	}
	if (rc >= 0)
		rc = nl_recvmsgs_default(socket);
	nl_socket_free(socket);
	return rc < 0 ? fail(error, EIO, "tunnel devices: %s", nl_geterror(rc)) : 0;
}
