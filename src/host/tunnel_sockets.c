/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/tunnel_sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/sock_diag.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <farspan.h>

#include "bpf/abi.h"
#include "wire/fields.h"

enum {
	LIMIT_MAX = 64, /* interfaces that packets can be limited to */
	SOCKETS_MAX = 2 + UDP_PORTS_MAX,
	RECEIVE_BUFFER_BYTES = 8 << 20,
	HEADERS_MAX = 48, /* IPv6 and UDP, in front of what is received */
	PAYLOAD_MAX = 65535,
	WATCHED = 1 << 16, /* what epoll says of the first socket; what else it watches has lower numbers */
};

struct tunnel_socket {
	int fd;
	int family;   /* AF_INET6: of UDP, for IPv4 too */
	int protocol; /* IPPROTO_GRE or IPPROTO_UDP */
	uint16_t port;
	uint32_t drops; /* as the kernel last told */
};

struct tunnel_sockets {
	struct tunnel_socket all[SOCKETS_MAX];
	unsigned int count;
	unsigned int gre_kinds;
	int epoll; /* that watches them */
	bool limited;
	uint64_t lost;
	uint8_t buffer[HEADERS_MAX + PAYLOAD_MAX];
};

/* What recvmsg() says of who sent a packet. The port is in the same place in both. */
union source {
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

/* What the kernel tells besides the bytes. */
struct ancillary {
	struct in6_addr destination; /* IPv4: the first word */
	int hop_limit;
	int traffic_class;
	uint64_t time_ns;
};

static int set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof value);
}

/* What it is to be told of packets of IPv4. */
static int configure_ipv4(int fd)
{
	return set(fd, IPPROTO_IP, IP_PKTINFO, 1) || set(fd, IPPROTO_IP, IP_RECVTTL, 1) || set(fd, IPPROTO_IP, IP_RECVTOS, 1);
}

static int configure(const struct tunnel_socket *s)
{
	/* More than the system's limit where we may; less is no reason to fail. */
	if (set(s->fd, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES))
		set(s->fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER_BYTES);
	if (set(s->fd, SOL_SOCKET, SO_TIMESTAMPNS, 1))
		return -1;
	if (s->family == AF_INET)
		return configure_ipv4(s->fd);
	/* A raw socket has one family anyway, and does not take the option. Tunnels may leave out the checksum over IPv6 too (RFC 6935). */
	if (s->protocol == IPPROTO_UDP &&
	    (set(s->fd, IPPROTO_IPV6, IPV6_V6ONLY, 0) || set(s->fd, IPPROTO_UDP, UDP_NO_CHECK6_RX, 1) || configure_ipv4(s->fd)))
		return -1;
	return set(s->fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) || set(s->fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1) ||
	       set(s->fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
}

static int bind_port(const struct tunnel_socket *s)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(s->port)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(s->port)};

	if (s->protocol != IPPROTO_UDP)
		return 0;
	return s->family == AF_INET ? bind(s->fd, (struct sockaddr *)&in, sizeof in) : bind(s->fd, (struct sockaddr *)&in6, sizeof in6);
}

bool tunnel_sockets_port_is_free(uint16_t port)
{
	struct tunnel_socket s = {
		.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), .family = AF_INET, .protocol = IPPROTO_UDP, .port = port};
	/* What else goes wrong is told when it is opened. */
	bool is_free = s.fd < 0 || bind_port(&s) == 0 || errno != EADDRINUSE;

	if (s.fd >= 0)
		close(s.fd);
	return is_free;
}

/* What another VRF's sockets have is no matter to those of this one. */
static int bind_vrf(const struct tunnel_socket *s, const char *vrf)
{
	return *vrf ? setsockopt(s->fd, SOL_SOCKET, SO_BINDTODEVICE, vrf, (socklen_t)strlen(vrf)) : 0;
}

int tunnel_sockets_bind(struct tunnel_sockets *sockets, const char *vrf)
{
	for (unsigned int i = 0; i < sockets->count; i++)
		if (bind_vrf(&sockets->all[i], vrf))
			return -errno;
	return 0;
}

/* 0; 1: this host does not have the family; or -errno. */
static int open_socket(struct tunnel_sockets *sockets, int family, int protocol, uint16_t port, const char *vrf, struct error *error)
{
	struct tunnel_socket *s = &sockets->all[sockets->count];
	int type = (protocol == IPPROTO_UDP ? SOCK_DGRAM : SOCK_RAW) | SOCK_CLOEXEC | SOCK_NONBLOCK;

	*s = (struct tunnel_socket){.fd = socket(family, type, protocol), .family = family, .protocol = protocol, .port = port};
	if (s->fd < 0 && errno == EAFNOSUPPORT)
		return 1;
	if (s->fd < 0 || configure(s) || bind_vrf(s, vrf) || bind_port(s)) {
		int code = errno;

		if (s->fd >= 0)
			close(s->fd);
		if (code == ENODEV && *vrf)
			return fail(error, code, "interface '%s': no such interface", vrf);
		if (protocol == IPPROTO_UDP)
			return fail(error, code, "UDP port %u: %s", port,
				    code == EADDRINUSE ? "another program or a vxlan device has it" : strerror(code));
		return fail(error, code, "socket for GRE: %s", strerror(code));
	}
	sockets->count++;
	return 0;
}

/* Descriptors may be few: one for both families, unless this host has no IPv6. */
static int open_port(struct tunnel_sockets *sockets, uint16_t port, const char *vrf, struct error *error)
{
	int rc = open_socket(sockets, AF_INET6, IPPROTO_UDP, port, vrf, error);

	return rc > 0 ? open_socket(sockets, AF_INET, IPPROTO_UDP, port, vrf, error) : rc;
}

int tunnel_sockets_open(struct tunnel_sockets **opened, unsigned int gre_kinds, const uint16_t *udp_ports, unsigned int port_count,
			const char *vrf, struct error *error)
{
	static const int families[] = {AF_INET, AF_INET6};
	struct tunnel_sockets *sockets = calloc(1, sizeof *sockets);
	int rc = 0;

	if (!sockets)
		return fail(error, ENOMEM, "sockets: out of memory");
	sockets->gre_kinds = gre_kinds;
	for (unsigned int f = 0; f < 2 && rc >= 0 && gre_kinds; f++)
		rc = open_socket(sockets, families[f], IPPROTO_GRE, 0, vrf, error);
	for (unsigned int i = 0; i < port_count && rc >= 0; i++)
		rc = open_port(sockets, udp_ports[i], vrf, error);
	if (rc >= 0)
		*opened = sockets;
	else
		tunnel_sockets_close(sockets);
	return rc < 0 ? rc : 0;
}

void tunnel_sockets_close(struct tunnel_sockets *sockets)
{
	if (!sockets)
		return;
	for (unsigned int i = 0; i < sockets->count; i++)
		close(sockets->all[i].fd);
	free(sockets);
}

int tunnel_sockets_limit(struct tunnel_sockets *sockets, const int *ifindexes, unsigned int count)
{
	struct sock_filter code[2 * LIMIT_MAX + 2] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_IFINDEX))};
	struct sock_fprog program = {.len = 1, .filter = code};
	int rc = 0;

	if (count > LIMIT_MAX)
		return -ENOSPC;
	for (unsigned int i = 0; i < count; i++) {
		code[program.len++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)ifindexes[i], 0, 1);
		code[program.len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);
	}
	program.len++;
	for (unsigned int i = 0; i < sockets->count && !rc; i++) {
		/* UDP counts what a filter refuses as lost, so that its header is kept, which is not seen here. */
		const uint32_t kept = sockets->all[i].protocol == IPPROTO_UDP ? sizeof(struct udphdr) : 0;

		code[program.len - 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, kept);
		if (setsockopt(sockets->all[i].fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program))
			rc = -errno;
	}
	sockets->limited = true;
	return rc;
}

int tunnel_sockets_watch(struct tunnel_sockets *sockets, int epoll, struct error *error)
{
	sockets->epoll = epoll;
	for (unsigned int i = 0; i < sockets->count; i++) {
		struct epoll_event event = {.events = EPOLLIN, .data.u64 = WATCHED + i};

		if (epoll_ctl(epoll, EPOLL_CTL_ADD, sockets->all[i].fd, &event) < 0)
			return fail(error, errno, "epoll: %s", strerror(errno));
	}
	return 0;
}

/* As a socket for both families has it: ::ffff:192.0.2.1. None comes in by IPv6: the kernel drops it. */
static bool is_ipv4(const struct in6_addr *address)
{
	return IN6_IS_ADDR_V4MAPPED(address);
}

static in_addr_t ipv4_of(const struct tunnel_socket *s, const union source *source)
{
	return s->family == AF_INET ? source->in.sin_addr.s_addr : source->in6.sin6_addr.s6_addr32[3];
}

static void read_ancillary(struct msghdr *message, struct ancillary *a)
{
	struct timespec time = {0};

	memset(a, 0, sizeof *a);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		const void *data = CMSG_DATA(c);

		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPNS)
			memcpy(&time, data, sizeof time);
		else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO)
			memcpy(&a->destination, &((const struct in_pktinfo *)data)->ipi_addr, 4);
		else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TTL)
			memcpy(&a->hop_limit, data, sizeof a->hop_limit);
		else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS)
			a->traffic_class = *(const uint8_t *)data;
		else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO &&
			 !is_ipv4(&((const struct in6_pktinfo *)data)->ipi6_addr))
			memcpy(&a->destination, &((const struct in6_pktinfo *)data)->ipi6_addr, 16);
		else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_HOPLIMIT)
			memcpy(&a->hop_limit, data, sizeof a->hop_limit);
		else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS)
			memcpy(&a->traffic_class, data, sizeof a->traffic_class);
	}
	a->time_ns = (uint64_t)time.tv_sec * 1000000000ull + (uint64_t)time.tv_nsec;
}

/* Puts a UDP header in front of the payload; returns its length. */
static size_t rebuild_udp(uint8_t *payload, size_t len, uint16_t source_port_be, uint16_t port)
{
	struct udphdr udp = {.source = source_port_be, .dest = htons(port), .len = htons((uint16_t)(sizeof udp + len))};

	memcpy(payload - sizeof udp, &udp, sizeof udp);
	return sizeof udp;
}

static size_t rebuild_ipv4(uint8_t *payload, size_t len, in_addr_t source, const struct ancillary *a, int protocol)
{
	struct iphdr ip = {
		.version = 4,
		.ihl = sizeof ip / 4,
		.tos = (uint8_t)a->traffic_class,
		.tot_len = htons((uint16_t)(sizeof ip + len)),
		.ttl = (uint8_t)a->hop_limit,
		.protocol = (uint8_t)protocol,
		.saddr = source,
	};

	memcpy(&ip.daddr, &a->destination, sizeof ip.daddr);
	memcpy(payload - sizeof ip, &ip, sizeof ip);
	return sizeof ip;
}

static size_t rebuild_ipv6(uint8_t *payload, size_t len, const struct sockaddr_in6 *source, const struct ancillary *a, int protocol)
{
	struct ip6_hdr ip = {.ip6_src = source->sin6_addr, .ip6_dst = a->destination};

	ip.ip6_flow = htonl(6u << 28 | (uint32_t)a->traffic_class << 20);
	ip.ip6_plen = htons((uint16_t)len);
	ip.ip6_nxt = (uint8_t)protocol;
	ip.ip6_hlim = (uint8_t)a->hop_limit;
	memcpy(payload - sizeof ip, &ip, sizeof ip);
	return sizeof ip;
}

/* Whether a GRE packet, from its GRE header on, is of a wanted kind: the host may have tunnels of its own, which get theirs besides. */
static bool is_wanted_gre(const struct tunnel_sockets *sockets, const uint8_t *gre, size_t len)
{
	unsigned int protocol;

	if (len < WIRE_GRE_LEN)
		return true;
	protocol = (unsigned int)gre[2] << 8 | gre[3];
	if (protocol == GRE_PROTOCOL_ETHERNET)
		return sockets->gre_kinds & 1u << FARSPAN_GRE;
	if (protocol == GRE_PROTOCOL_ERSPAN2 || protocol == GRE_PROTOCOL_ERSPAN3)
		return sockets->gre_kinds & ~(1u << FARSPAN_GRE);
	return false;
}

/* Receives one packet; its IP header is at *packet. 0: nothing to hand over this time; -1: nothing waits any more. */
static int receive(struct tunnel_sockets *sockets, struct tunnel_socket *s, const uint8_t **packet, size_t *len, struct ancillary *a)
{
	uint8_t *payload = sockets->buffer + HEADERS_MAX, control[512];
	union source source = {0};
	struct iovec iov = {payload, PAYLOAD_MAX};
	struct msghdr message = {&source, sizeof source, &iov, 1, control, sizeof control, 0};
	ssize_t got = recvmsg(s->fd, &message, 0);
	size_t headers = 0, ip_header = 0;

	if (got < 0)
		return errno == EINTR ? 0 : -1;
	read_ancillary(&message, a);
	if (s->protocol == IPPROTO_UDP && got == 0 && sockets->limited)
		return 0; /* what the filter left of a packet for others */
	if (s->protocol == IPPROTO_GRE && s->family == AF_INET)
		ip_header = got > 0 ? (size_t)(payload[0] & 15) * 4 : 0; /* the one socket that gives the IP header too */
	if (s->protocol == IPPROTO_GRE &&
	    ((size_t)got < ip_header || !is_wanted_gre(sockets, payload + ip_header, (size_t)got - ip_header)))
		return 0;
	if (s->protocol == IPPROTO_UDP)
		headers = rebuild_udp(payload, (size_t)got, source.in6.sin6_port, s->port);
	if (s->protocol == IPPROTO_UDP && (s->family == AF_INET || is_ipv4(&source.in6.sin6_addr)))
		headers += rebuild_ipv4(payload - headers, (size_t)got + headers, ipv4_of(s, &source), a, s->protocol);
	else if (s->family == AF_INET6)
		headers += rebuild_ipv6(payload - headers, (size_t)got + headers, &source.in6, a, s->protocol);
	*packet = payload - headers;
	*len = (size_t)got + headers;
	return 1;
}

static void drain(struct tunnel_sockets *sockets, struct tunnel_socket *s, tunnel_sockets_handler *handler, void *context)
{
	const uint8_t *packet;
	struct ancillary a;
	size_t len;
	int rc;

	while ((rc = receive(sockets, s, &packet, &len, &a)) >= 0)
		if (rc)
			handler(context, a.time_ns, packet, len);
}

/* Hardly ever has one of them anything: to ask each would cost more than the packets of a ring. */
void tunnel_sockets_drain(struct tunnel_sockets *sockets, tunnel_sockets_handler *handler, void *context)
{
	struct epoll_event events[SOCKETS_MAX + 1];
	int ready = epoll_wait(sockets->epoll, events, SOCKETS_MAX + 1, 0);

	for (int i = 0; i < ready; i++)
		if (events[i].data.u64 >= WATCHED)
			drain(sockets, &sockets->all[events[i].data.u64 - WATCHED], handler, context);
}

uint64_t tunnel_sockets_lost(struct tunnel_sockets *sockets)
{
	/* Not SO_RXQ_OVFL: it tells of what was lost before a packet, and so nothing of what was lost behind the last one. */
	for (unsigned int i = 0; i < sockets->count; i++) {
		struct tunnel_socket *s = &sockets->all[i];
		uint32_t numbers[SK_MEMINFO_VARS];
		socklen_t len = sizeof numbers;

		if (getsockopt(s->fd, SOL_SOCKET, SO_MEMINFO, numbers, &len) || len < sizeof numbers)
			continue;
		sockets->lost += numbers[SK_MEMINFO_DROPS] - s->drops;
		s->drops = numbers[SK_MEMINFO_DROPS];
	}
	return sockets->lost;
}
