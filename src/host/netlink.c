/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/netlink.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/inet6.h>
#include <netlink/route/link/macvlan.h>
#include <netlink/route/link/veth.h>
#include <netlink/route/route.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	GSO_MAX_BYTES = 512, /* near the least that the kernel takes */
	ANSWER_S = 10,       /* in which the kernel has answered, or never will */
};

struct netlink {
	struct nl_sock *sock;
	struct nl_sock *monitor;
};

static int fail_nl(struct error *error, int nl_error, const char *what)
{
	static const struct {
		int nl, code;
	} codes[] = {{NLE_PERM, EPERM},      {NLE_NODEV, ENODEV},         {NLE_OBJ_NOTFOUND, ENODEV}, {NLE_EXIST, EEXIST},
		     {NLE_NOACCESS, EACCES}, {NLE_OPNOTSUPP, EOPNOTSUPP}, {NLE_NOMEM, ENOMEM}};

	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
		if (abs(nl_error) == codes[i].nl)
			return fail(error, codes[i].code, "%s: %s", what, strerror(codes[i].code));
	return fail(error, EIO, "%s: %s", what, nl_geterror(nl_error));
}

static int connect_socket(struct nl_sock **sock)
{
	const struct timeval patience = {.tv_sec = ANSWER_S};
	int rc;

	if (!*sock)
		*sock = nl_socket_alloc();
	if (!*sock)
		return -NLE_NOMEM;
	rc = nl_connect(*sock, NETLINK_ROUTE);
	/* libnl waits for the answers to some requests also when it could not send them. */
	if (!rc)
		setsockopt(nl_socket_get_fd(*sock), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	return rc;
}

int netlink_connect(struct netlink *netlink, struct error *error)
{
	int rc;

	errno = 0;
	rc = connect_socket(&netlink->sock);
	if (!rc)
		return 0;
	return errno ? fail(error, errno, "netlink: %s", strerror(errno)) : fail_nl(error, rc, "netlink");
}

void netlink_disconnect(struct netlink *netlink)
{
	nl_close(netlink->sock);
	/* Else it would insist on the same number, which a process that was forked before may still have for a moment. */
	nl_socket_set_local_port(netlink->sock, 0);
}

int netlink_open(struct netlink **netlink, struct error *error)
{
	struct netlink *n = calloc(1, sizeof *n);
	int rc = n ? netlink_connect(n, error) : fail(error, ENOMEM, "netlink: out of memory");

	if (rc)
		netlink_close(n);
	else
		*netlink = n;
	return rc;
}

void netlink_close(struct netlink *netlink)
{
	if (!netlink)
		return;
	nl_socket_free(netlink->sock);
	nl_socket_free(netlink->monitor);
	free(netlink);
}

static void read_link(struct rtnl_link *from, struct link *to)
{
	const char *name = rtnl_link_get_name(from), *kind = rtnl_link_get_type(from), *alias = rtnl_link_get_ifalias(from);
	unsigned int flags = rtnl_link_get_flags(from);

	memset(to, 0, sizeof *to);
	to->ifindex = rtnl_link_get_ifindex(from);
	snprintf(to->name, sizeof to->name, "%s", name ? name : "");
	to->mtu = rtnl_link_get_mtu(from);
	to->up = flags & IFF_UP && flags & IFF_LOWER_UP;
	to->no_carrier = flags & IFF_UP && !to->up;
	to->master = rtnl_link_get_master(from);
	to->peer = rtnl_link_get_link(from);
	if (rtnl_link_get_link_netnsid(from, &to->peer_netns))
		to->peer_netns = -1;
	to->arrived = rtnl_link_get_stat(from, RTNL_LINK_RX_PACKETS);
	to->sent = rtnl_link_get_stat(from, RTNL_LINK_TX_PACKETS);
	to->lost = rtnl_link_get_stat(from, RTNL_LINK_TX_DROPPED) + rtnl_link_get_stat(from, RTNL_LINK_TX_ERRORS);
	to->loopback = flags & IFF_LOOPBACK;
	to->resolves = !(flags & (IFF_NOARP | IFF_LOOPBACK | IFF_POINTOPOINT));
	to->ethernet = rtnl_link_get_arptype(from) == ARPHRD_ETHER || to->loopback;
	snprintf(to->kind, sizeof to->kind, "%s", kind ? kind : "");
	snprintf(to->alias, sizeof to->alias, "%s", alias ? alias : "");
}

static int store_error(struct sockaddr_nl *nla, struct nlmsgerr *e, void *context)
{
	(void)nla;
	*(int *)context = e->error;
	return NL_STOP;
}

/* libnl counts sequence numbers by acknowledgements, which not all requests have here. */
static int ignore_sequence(struct nl_msg *msg, void *context)
{
	(void)msg, (void)context;
	return NL_OK;
}

/*
 * Sends msg, which it frees, and collects the answer; what changes something has none, parse is then NULL. 0 or the kernel's negative
 * errno, -EINTR if a list is not of one moment. libnl's own calls would hang, or take the answer of an earlier request, when that had
 * failed.
 */
static int ask(struct netlink *netlink, struct nl_msg *msg, nl_recvmsg_msg_cb_t parse, void *answer)
{
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	int kernel_error = 0, rc;
	char byte;

	if (!cb || !msg) {
		nlmsg_free(msg);
		nl_cb_put(cb);
		return -ENOMEM;
	}
	if (parse)
		nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, parse, answer);
	nl_cb_set(cb, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, ignore_sequence, NULL);
	nl_cb_err(cb, NL_CB_CUSTOM, store_error, &kernel_error);
	nl_complete_msg(netlink->sock, msg);
	/* What was asked for or an error is answer enough: an acknowledgement behind it would be taken for the next request's. */
	if (parse)
		nlmsg_hdr(msg)->nlmsg_flags &= (uint16_t)~NLM_F_ACK;
	rc = nl_send(netlink->sock, msg);
	nlmsg_free(msg);
	if (rc >= 0)
		rc = nl_recvmsgs(netlink->sock, cb);
	nl_cb_put(cb);
	/* What is left of an answer is none to the next request. */
	while (rc < 0 && recv(nl_socket_get_fd(netlink->sock), &byte, sizeof byte, MSG_DONTWAIT | MSG_TRUNC) > 0)
		;
	if (kernel_error)
		return kernel_error;
	return rc == -NLE_DUMP_INTR ? -EINTR : rc < 0 ? -EIO : 0;
}

/* The kernel has at most one for all drivers, or one for each way in which there can be some. */
static uint32_t xdp_program(struct nlmsghdr *header)
{
	static const int kinds[] = {IFLA_XDP_PROG_ID, IFLA_XDP_HW_PROG_ID, IFLA_XDP_DRV_PROG_ID, IFLA_XDP_SKB_PROG_ID};
	struct nlattr *xdp = nlmsg_find_attr(header, sizeof(struct ifinfomsg), IFLA_XDP), *program = NULL;

	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0] && xdp && !program; i++)
		program = nla_find(nla_data(xdp), nla_len(xdp), kinds[i]);
	return program ? nla_get_u32(program) : 0;
}

/* What the kernel answers with several of; the items are of the type that who asks for them knows. */
struct list {
	void *items;
	size_t size; /* of one */
	unsigned int count, room;
	bool failed; /* for want of memory */
};

static void *add_item(struct list *list)
{
	if (list->count == list->room) {
		unsigned int room = list->room ? list->room * 2 : 16;
		void *items = reallocarray(list->items, room, list->size);

		if (!items) {
			list->failed = true;
			return NULL;
		}
		list->items = items;
		list->room = room;
	}
	return (char *)list->items + list->count++ * list->size;
}

static void keep_link(struct nl_object *object, void *context)
{
	struct link *link = add_item(context);

	if (link)
		read_link((struct rtnl_link *)object, link);
}

/* libnl knows nothing of XDP. */
static int parse_link(struct nl_msg *msg, void *context)
{
	struct list *links = context;
	unsigned int before = links->count;

	if (nlmsg_hdr(msg)->nlmsg_type == RTM_NEWLINK && nl_msg_parse(msg, keep_link, links) < 0)
		links->failed = true;
	if (links->count > before)
		((struct link *)links->items)[before].xdp = xdp_program(nlmsg_hdr(msg));
	return NL_OK;
}

static int get_link(struct netlink *netlink, int ifindex, const char *name, struct link *link, struct error *error)
{
	struct list links = {.size = sizeof *link};
	struct nl_msg *request = NULL;
	int rc;

	rtnl_link_build_get_request(ifindex, name, &request);
	rc = ask(netlink, request, parse_link, &links);
	if (links.count)
		*link = *(struct link *)links.items;
	free(links.items);
	if (rc == -ENODEV || links.count)
		return links.count ? 0 : -ENODEV;
	return fail(error, rc ? -rc : ENOMEM, "%s: %s", name ? name : "interface", strerror(rc ? -rc : ENOMEM));
}

int netlink_link_by_name(struct netlink *netlink, const char *name, struct link *link, struct error *error)
{
	/* The kernel also answers to alternative names and cuts none: a name that cannot be one is not asked for. */
	if (!*name || strlen(name) >= IFNAMSIZ)
		return -ENODEV;
	return get_link(netlink, 0, name, link, error);
}

int netlink_link_by_index(struct netlink *netlink, int ifindex, struct link *link, struct error *error)
{
	return get_link(netlink, ifindex, NULL, link, error);
}

/* Everything of a kind; 0 or negative errno, and the items are the caller's to free. */
static int ask_all(struct netlink *netlink, int type, void *header, size_t len, nl_recvmsg_msg_cb_t parse, struct list *list)
{
	int rc;

	/* One that came or went meanwhile may have hidden another. */
	do {
		struct nl_msg *request = nlmsg_alloc_simple(type, NLM_F_DUMP);

		if (request && nlmsg_append(request, header, len, NLMSG_ALIGNTO) < 0) {
			nlmsg_free(request);
			request = NULL;
		}
		list->count = 0;
		rc = ask(netlink, request, parse, list);
	} while (rc == -EINTR);
	return !rc && list->failed ? -ENOMEM : rc;
}

int netlink_each_link(struct netlink *netlink, link_visitor visit, void *context, struct error *error)
{
	/* Counters would be most of the answer. */
	struct {
		struct ifinfomsg header;
		struct rtattr attribute;
		uint32_t mask;
	} request = {.attribute = {.rta_len = RTA_LENGTH(sizeof request.mask), .rta_type = IFLA_EXT_MASK}, .mask = RTEXT_FILTER_SKIP_STATS};
	struct list links = {.size = sizeof(struct link)};
	int rc = ask_all(netlink, RTM_GETLINK, &request, sizeof request, parse_link, &links);

	for (unsigned int i = 0; i < links.count && !rc; i++)
		visit((const struct link *)links.items + i, context);
	free(links.items);
	return rc ? fail(error, -rc, "list of interfaces: %s", strerror(-rc)) : 0;
}

static void read_address(struct nl_addr *from, struct address *to)
{
	unsigned int len;

	memset(to, 0, sizeof *to);
	if (!from || (nl_addr_get_family(from) != AF_INET && nl_addr_get_family(from) != AF_INET6))
		return;
	len = nl_addr_get_len(from);
	if (len != 4 && len != 16)
		return;
	to->family = len == 4 ? 4 : 6;
	memcpy(to->bytes, nl_addr_get_binary_addr(from), len);
}

struct interface_address {
	int ifindex;
	struct address address;
};

static void keep_address(struct nl_object *object, void *context)
{
	struct rtnl_addr *from = (struct rtnl_addr *)object;
	struct interface_address found = {.ifindex = rtnl_addr_get_ifindex(from)};
	struct interface_address *item;

	read_address(rtnl_addr_get_local(from), &found.address);
	item = found.address.family ? add_item(context) : NULL;
	if (item)
		*item = found;
}

static int parse_address(struct nl_msg *msg, void *context)
{
	struct list *addresses = context;

	if (nlmsg_hdr(msg)->nlmsg_type == RTM_NEWADDR && nl_msg_parse(msg, keep_address, addresses) < 0)
		addresses->failed = true;
	return NL_OK;
}

int netlink_each_address(struct netlink *netlink, address_visitor visit, void *context, struct error *error)
{
	struct ifaddrmsg header = {.ifa_family = AF_UNSPEC};
	struct list addresses = {.size = sizeof(struct interface_address)};
	int rc = ask_all(netlink, RTM_GETADDR, &header, sizeof header, parse_address, &addresses);

	for (unsigned int i = 0; i < addresses.count && !rc; i++) {
		const struct interface_address *found = (const struct interface_address *)addresses.items + i;

		visit(found->ifindex, &found->address, context);
	}
	free(addresses.items);
	return rc ? fail(error, -rc, "list of addresses: %s", strerror(-rc)) : 0;
}

/* The kernel answers IPv6 and its chatter per interface through files only. */
static void disable_ipv6(const char *name, bool disabled)
{
	char path[96];
	int fd;

	snprintf(path, sizeof path, "/proc/sys/net/ipv6/conf/%s/disable_ipv6", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return; /* a kernel without IPv6 */
	if (write(fd, disabled ? "1" : "0", 1) != 1)
		fprintf(stderr, "farspan: %s: %s\n", path, strerror(errno));
	close(fd);
}

static int fail_change(struct error *error, int rc, const char *what)
{
	return rc ? fail(error, -rc, "%s: %s", what, strerror(-rc)) : 0;
}

static void keep_object(struct nl_object *object, void *context)
{
	nl_object_get(object);
	*(struct nl_object **)context = object;
}

static int parse_one(struct nl_msg *msg, void *context)
{
	nl_msg_parse(msg, keep_object, context);
	return NL_OK;
}

/* Changes an interface to what `change` has, which it frees. */
static int change_link(struct netlink *netlink, int ifindex, const char *name, struct rtnl_link *change, struct error *error)
{
	struct nl_msg *question = NULL, *request = NULL;
	struct nl_object *old = NULL;
	int rc = -ENOMEM;

	if (change) {
		rtnl_link_build_get_request(ifindex, name, &question);
		rc = ask(netlink, question, parse_one, &old);
	}
	if (!rc && old) {
		rtnl_link_build_change_request((struct rtnl_link *)old, change, 0, &request);
		rc = ask(netlink, request, NULL, NULL);
	} else if (!rc) {
		rc = -ENOMEM;
	}
	nl_object_put(old);
	rtnl_link_put(change);
	return fail_change(error, rc, name ? name : "interface");
}

int netlink_bring_up(struct netlink *netlink, const char *name, const char *alias, struct error *error)
{
	struct rtnl_link *change = rtnl_link_alloc();

	disable_ipv6(name, true);
	if (change) {
		rtnl_link_set_ifalias(change, alias);
		rtnl_link_set_flags(change, IFF_UP | IFF_NOARP);
	}
	return change_link(netlink, 0, name, change, error);
}

/* netns: of the other end; -1: ours. */
static int add_pair(struct netlink *netlink, const char *one, const char *other, int netns, unsigned int mtu, struct error *error)
{
	struct rtnl_link *veth = rtnl_link_veth_alloc(), *peer;
	struct nl_msg *request = NULL;

	if (!veth)
		return fail(error, ENOMEM, "%s: out of memory", one);
	peer = rtnl_link_veth_get_peer(veth);
	rtnl_link_set_name(veth, one);
	rtnl_link_set_mtu(veth, mtu);
	rtnl_link_set_name(peer, other);
	rtnl_link_set_mtu(peer, mtu);
	if (netns >= 0)
		rtnl_link_set_ns_fd(peer, netns);
	rtnl_link_build_add_request(veth, NLM_F_CREATE | NLM_F_EXCL, &request);
	rtnl_link_put(peer);
	rtnl_link_put(veth);
	return fail_change(error, ask(netlink, request, NULL, NULL), one);
}

int netlink_add_pair_into(struct netlink *netlink, const char *one, const char *other, int netns, unsigned int mtu, struct error *error)
{
	return add_pair(netlink, one, other, netns, mtu, error);
}

/* By its number, or if that is 0 by its name. */
static int delete_link(struct netlink *netlink, int ifindex, const char *name)
{
	struct rtnl_link *link = rtnl_link_alloc();
	struct nl_msg *request = NULL;

	if (!link)
		return -ENOMEM;
	if (ifindex)
		rtnl_link_set_ifindex(link, ifindex);
	else
		rtnl_link_set_name(link, name);
	rtnl_link_build_delete_request(link, &request);
	rtnl_link_put(link);
	return ask(netlink, request, NULL, NULL);
}

int netlink_add_pair(struct netlink *netlink, const char *one, const char *other, const char *alias, unsigned int mtu, struct error *error)
{
	int rc = add_pair(netlink, one, other, -1, mtu, error);

	if (!rc)
		rc = netlink_bring_up(netlink, other, alias, error);
	if (!rc)
		rc = netlink_bring_up(netlink, one, alias, error);
	/* It may have been made even though no answer came; and the other name may be somebody else's. */
	if (rc && rc != -EEXIST)
		delete_link(netlink, 0, other);
	return rc;
}

/* Sends a request to make `link`, with a limit of how large packets may be that the kernel leaves uncut; libnl has no call for that. */
static int add_cutting(struct netlink *netlink, struct rtnl_link *link)
{
	struct nl_msg *message = NULL;

	if (rtnl_link_build_add_request(link, NLM_F_CREATE | NLM_F_EXCL, &message))
		return -ENOMEM;
	NLA_PUT_U32(message, IFLA_GSO_MAX_SEGS, 1);
	NLA_PUT_U32(message, IFLA_GSO_MAX_SIZE, GSO_MAX_BYTES);
	return ask(netlink, message, NULL, NULL);
nla_put_failure:
	nlmsg_free(message);
	return -ENOMEM;
}

int netlink_add_macvlan(struct netlink *netlink, const char *name, int lower, const char *alias, unsigned int mtu, struct error *error)
{
	struct rtnl_link *link = rtnl_link_macvlan_alloc();
	int rc;

	if (!link)
		return fail(error, ENOMEM, "%s: out of memory", name);
	rtnl_link_set_name(link, name);
	rtnl_link_set_mtu(link, mtu);
	rtnl_link_set_link(link, lower);
	rc = rtnl_link_macvlan_set_mode(link, MACVLAN_MODE_PRIVATE) ? -ENOMEM : add_cutting(netlink, link);
	rtnl_link_put(link);
	rc = rc ? fail_change(error, rc, "macvlan") : netlink_bring_up(netlink, name, alias, error);
	if (rc && rc != -EEXIST)
		delete_link(netlink, 0, name);
	return rc;
}

int netlink_make_usable(struct netlink *netlink, const char *name, struct error *error)
{
	struct rtnl_link *change = rtnl_link_alloc();

	if (change)
		rtnl_link_unset_flags(change, IFF_NOARP);
	disable_ipv6(name, false);
	return change_link(netlink, 0, name, change, error);
}

int netlink_set_mtu(struct netlink *netlink, int ifindex, unsigned int mtu, struct error *error)
{
	struct rtnl_link *change = rtnl_link_alloc();

	if (change)
		rtnl_link_set_mtu(change, mtu);
	return change_link(netlink, ifindex, NULL, change, error);
}

int netlink_delete_link(struct netlink *netlink, int ifindex, struct error *error)
{
	return fail_change(error, delete_link(netlink, ifindex, NULL), "interface cannot be deleted");
}

void netlink_delete_named(struct netlink *netlink, const char *name)
{
	delete_link(netlink, 0, name);
}

/* ---- routes ---- */

static unsigned int address_len(const struct address *address)
{
	return address->family == 4 ? 4 : 16;
}

static struct nl_msg *route_request(const struct route_query *query)
{
	const struct address *to = &query->to, *from = &query->from;
	struct rtmsg header = {
		.rtm_family = to->family == 4 ? AF_INET : AF_INET6,
		.rtm_dst_len = (unsigned char)(address_len(to) * 8),
	};
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETROUTE, NLM_F_REQUEST);

	if (!msg || nlmsg_append(msg, &header, sizeof header, NLMSG_ALIGNTO) < 0 ||
	    nla_put(msg, RTA_DST, (int)address_len(to), to->bytes) < 0)
		goto failed;
	if (from->family && nla_put(msg, RTA_SRC, (int)address_len(from), from->bytes) < 0)
		goto failed;
	if (query->ifindex && nla_put_u32(msg, RTA_OIF, (uint32_t)query->ifindex) < 0)
		goto failed;
	if (query->mark && nla_put_u32(msg, RTA_MARK, query->mark) < 0)
		goto failed;
	return msg;
failed:
	nlmsg_free(msg);
	return NULL;
}

struct route_answer {
	struct route *route;
	unsigned char type;
	bool found;
};

static int parse_route(struct nl_msg *msg, void *context)
{
	struct route_answer *answer = context;
	struct rtnl_route *route;
	struct rtnl_nexthop *hop;

	if (nlmsg_hdr(msg)->nlmsg_type != RTM_NEWROUTE || rtnl_route_parse(nlmsg_hdr(msg), &route) < 0)
		return NL_OK;
	hop = rtnl_route_nexthop_n(route, 0);
	answer->found = true;
	answer->type = rtnl_route_get_type(route);
	read_address(rtnl_route_get_pref_src(route), &answer->route->source);
	if (hop) {
		answer->route->ifindex = rtnl_route_nh_get_ifindex(hop);
		read_address(rtnl_route_nh_get_gateway(hop), &answer->route->gateway);
		if (!answer->route->gateway.family)
			read_address(rtnl_route_nh_get_via(hop), &answer->route->gateway);
	}
	if (rtnl_route_get_metric(route, RTAX_MTU, &answer->route->mtu) < 0)
		answer->route->mtu = 0;
	rtnl_route_put(route);
	return NL_OK;
}

int netlink_route(struct netlink *netlink, const struct route_query *query, struct route *route, struct error *error)
{
	struct route_answer answer = {.route = route};
	char text[ADDRESS_TEXT_MAX], from_text[ADDRESS_TEXT_MAX];
	int rc;

	memset(route, 0, sizeof *route);
	address_text(&query->to, text);
	rc = ask(netlink, route_request(query), parse_route, &answer);
	if ((rc || !answer.found) && query->from.family)
		return fail(error, ENETUNREACH, "no route to %s from %s, which must be an address of this host", text,
			    address_text(&query->from, from_text));
	if (rc || !answer.found)
		return fail(error, rc == -EHOSTUNREACH ? EHOSTUNREACH : ENETUNREACH, "no route to %s", text);
	if (answer.type == RTN_LOCAL)
		return fail(error, EADDRINUSE, "%s is an address of this host, copies to it would never leave", text);
	if (answer.type == RTN_BROADCAST)
		return fail(error, EINVAL, "%s is a broadcast address, copies go to one host", text);
	if (answer.type != RTN_UNICAST || !route->ifindex)
		return fail(error, answer.type == RTN_UNREACHABLE || answer.type == RTN_BLACKHOLE ? ENETUNREACH : EINVAL,
			    "no unicast route to %s", text);
	return 0;
}

/* ---- neighbours ---- */

static struct nl_msg *neighbour_request(int type, int flags, const struct ndmsg *header, const struct address *neighbour)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);

	if (msg && (nlmsg_append(msg, (void *)header, sizeof *header, NLMSG_ALIGNTO) < 0 ||
		    nla_put(msg, NDA_DST, (int)address_len(neighbour), neighbour->bytes) < 0)) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

static int parse_neighbour(struct nl_msg *msg, void *context)
{
	const struct ndmsg *header = nlmsg_data(nlmsg_hdr(msg));

	if (nlmsg_hdr(msg)->nlmsg_type == RTM_NEWNEIGH)
		*(unsigned int *)context = header->ndm_state;
	return NL_OK;
}

struct asker {
	int ifindex;
	bool has_link_local;
};

static void look_for_link_local(int ifindex, const struct address *address, void *context)
{
	struct asker *asker = context;

	asker->has_link_local |=
		ifindex == asker->ifindex && address->family == 6 && address->bytes[0] == 0xfe && (address->bytes[1] & 0xc0) == 0x80;
}

/* Without a link-local address the kernel asks for IPv6 neighbours only when it has a packet for them, from the address of that. */
static bool asks_by_itself(struct netlink *netlink, int ifindex, const struct address *neighbour)
{
	struct asker asker = {.ifindex = ifindex};

	return neighbour->family == 4 || (netlink_each_address(netlink, look_for_link_local, &asker, NULL) == 0 && asker.has_link_local);
}

bool netlink_neighbour_answers(struct netlink *netlink, int ifindex, const struct address *neighbour, bool doubted)
{
	struct ndmsg header = {.ndm_family = neighbour->family == 4 ? AF_INET : AF_INET6, .ndm_ifindex = ifindex};
	unsigned int state = NUD_NONE;
	struct nl_msg *use;

	ask(netlink, neighbour_request(RTM_GETNEIGH, NLM_F_REQUEST, &header, neighbour), parse_neighbour, &state);
	if (state & ~(unsigned int)(NUD_FAILED | NUD_INCOMPLETE) || !asks_by_itself(netlink, ifindex, neighbour))
		return true;
	header.ndm_flags = NTF_USE;
	use = neighbour_request(RTM_NEWNEIGH, NLM_F_REQUEST | NLM_F_CREATE, &header, neighbour);
	ask(netlink, use, NULL, NULL);
	return !doubted && !(state & NUD_FAILED);
}

/* ---- namespaces ---- */

static int parse_namespace_id(struct nl_msg *msg, void *context)
{
	struct nlattr *id = nlmsg_find_attr(nlmsg_hdr(msg), sizeof(struct rtgenmsg), NETNSA_NSID);

	if (nlmsg_hdr(msg)->nlmsg_type == RTM_NEWNSID && id)
		*(int *)context = nla_get_s32(id);
	return NL_OK;
}

int netlink_namespace_id(struct netlink *netlink, int netns)
{
	struct rtgenmsg header = {.rtgen_family = AF_UNSPEC};
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETNSID, NLM_F_REQUEST);
	int id = -1;

	if (msg && (nlmsg_append(msg, &header, sizeof header, NLMSG_ALIGNTO) < 0 || nla_put_u32(msg, NETNSA_FD, (uint32_t)netns) < 0)) {
		nlmsg_free(msg);
		return -1;
	}
	return ask(netlink, msg, parse_namespace_id, &id) ? -1 : id;
}

/* ---- changes ---- */

int netlink_monitor(struct netlink *netlink, struct error *error)
{
	static const int groups[] = {RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE};
	int rc;

	rc = connect_socket(&netlink->monitor);
	for (size_t i = 0; !rc && i < sizeof groups / sizeof groups[0]; i++)
		rc = nl_socket_add_memberships(netlink->monitor, groups[i], 0);
	if (rc)
		return fail_nl(error, rc, "netlink events");
	nl_socket_set_nonblocking(netlink->monitor);
	return nl_socket_get_fd(netlink->monitor);
}

void netlink_monitor_namespaces(struct netlink *netlink)
{
	int on = 1;

	/* Without it they are noticed too, a little later. */
	setsockopt(nl_socket_get_fd(netlink->monitor), SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, &on, sizeof on);
}

bool netlink_changed(struct netlink *netlink)
{
	char bytes[4096];
	bool changed = false;

	/* What has changed is asked for afresh, so that lost events (ENOBUFS) are as good as any other. */
	while (recv(nl_socket_get_fd(netlink->monitor), bytes, sizeof bytes, MSG_DONTWAIT | MSG_TRUNC) > 0 || errno == ENOBUFS)
		changed = true;
	return changed;
}
