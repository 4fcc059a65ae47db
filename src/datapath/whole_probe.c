/* SPDX-License-Identifier: BSD-2-Clause */
#include "datapath/whole_probe.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <farspan.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bpf/abi.h"
#include "encap.skel.h"
#include "host/packet_socket.h"
#include "wire/bytes.h"
#include "wire/fields.h"

enum {
	PIECES = 2,
	PIECE_BYTES = 600, /* of TCP payload; so that the super-packet is no frame that could go uncut */
	FIRST_SEQUENCE = 0x7ffffff0,
	IP_ID = 0x1234,
	FRAME_MAX = WIRE_ETHERNET_LEN + WIRE_IPV6_LEN + sizeof(struct tcphdr) + PIECES * PIECE_BYTES,
	PACKET_MAX = HEADER_MAX + FRAME_MAX,
	WAIT_MS = 5000, /* for what is on its way through a queue of the kernel already */
	SLOT = 0,
};

static const struct probe_case {
	enum farspan_kind kind;
	unsigned int ip_version, inner_version;
} cases[] = {
	{FARSPAN_ERSPAN2, 4, 4}, {FARSPAN_ERSPAN2, 4, 6}, {FARSPAN_ERSPAN1, 4, 4}, {FARSPAN_VXLAN, 4, 4}, {FARSPAN_VXLAN, 4, 6},
	{FARSPAN_ERSPAN3, 6, 4}, {FARSPAN_ERSPAN3, 6, 6}, {FARSPAN_GRE, 6, 4},     {FARSPAN_VXLAN, 6, 4}, {FARSPAN_VXLAN, 6, 6},
};

/* A super-packet, or one of the frames that it stands for. */
struct probe_frame {
	uint8_t bytes[FRAME_MAX];
	size_t headers_len, len;
};

struct sockets {
	int sender, receiver;
};

unsigned int whole_probe_bit(unsigned int kind, unsigned int ip_version)
{
	return 1u << ((kind == FARSPAN_VXLAN ? 2 : 0) + (ip_version == 6 ? 1 : 0));
}

/* ---- what is sent, and what should come out ---- */

static uint64_t sum_pseudo_header(const struct probe_case *c, const uint8_t *network, size_t tcp_len)
{
	uint64_t sum = IPPROTO_TCP + tcp_len;

	return c->inner_version == 4 ? checksum_add(sum, network + 12, 8) : checksum_add(sum, network + 8, 32);
}

static void write_network(const struct probe_case *c, uint8_t *network, unsigned int id, size_t tcp_len)
{
	if (c->inner_version == 4) {
		struct iphdr ip = {
			.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_TCP, .id = htons((uint16_t)id), .frag_off = htons(IP_DF)};

		ip.tot_len = htons((uint16_t)(sizeof ip + tcp_len));
		ip.saddr = htonl(0xc0000201); /* 192.0.2.1 */
		ip.daddr = htonl(0xc0000202);
		ip.check = htons(checksum_fold(checksum_add(0, (const uint8_t *)&ip, sizeof ip)));
		memcpy(network, &ip, sizeof ip);
	} else {
		struct ip6_hdr ip = {
			.ip6_flow = htonl(0x60000000), .ip6_plen = htons((uint16_t)tcp_len), .ip6_nxt = IPPROTO_TCP, .ip6_hops = 64};

		inet_pton(AF_INET6, "2001:db8::1", &ip.ip6_src);
		inet_pton(AF_INET6, "2001:db8::2", &ip.ip6_dst);
		memcpy(network, &ip, sizeof ip);
	}
}

/* A frame with `len` bytes of the payload from `first` on. */
static void make_frame(const struct probe_case *c, unsigned int first, size_t len, struct probe_frame *frame)
{
	static const uint8_t ethernet[WIRE_ETHERNET_LEN - 2] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};
	uint8_t *network = frame->bytes + WIRE_ETHERNET_LEN, *transport = network + (c->inner_version == 4 ? WIRE_IPV4_LEN : WIRE_IPV6_LEN);
	struct tcphdr tcp = {.source = htons(1), .dest = htons(2), .doff = sizeof tcp / 4, .ack = 1, .window = htons(1000)};
	size_t tcp_len = sizeof tcp + len;
	uint16_t type = htons(c->inner_version == 4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6), sum;

	memcpy(frame->bytes, ethernet, sizeof ethernet);
	memcpy(frame->bytes + sizeof ethernet, &type, sizeof type);
	write_network(c, network, IP_ID + first / PIECE_BYTES, tcp_len);
	tcp.seq = htonl(FIRST_SEQUENCE + first);
	memcpy(transport, &tcp, sizeof tcp);
	frame->headers_len = (size_t)(transport - frame->bytes) + sizeof tcp;
	frame->len = frame->headers_len + len;
	for (size_t i = 0; i < len; i++)
		frame->bytes[frame->headers_len + i] = (uint8_t)((first + i) * 7 + (first + i) / 251);
	sum = htons(checksum_fold(checksum_add(sum_pseudo_header(c, network, tcp_len), transport, tcp_len)));
	memcpy(transport + offsetof(struct tcphdr, check), &sum, sizeof sum);
}

static int send_super_packet(int socket, const struct probe_case *c)
{
	struct probe_frame frame;
	struct {
		struct virtio_net_hdr header;
		uint8_t bytes[FRAME_MAX];
	} __attribute__((packed)) packet = {.header = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .gso_size = PIECE_BYTES}};
	size_t transport;
	uint16_t sum;

	make_frame(c, 0, PIECES * PIECE_BYTES, &frame);
	transport = frame.headers_len - sizeof(struct tcphdr);
	packet.header.gso_type = c->inner_version == 4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6;
	packet.header.hdr_len = (uint16_t)frame.headers_len;
	packet.header.csum_start = (uint16_t)transport;
	packet.header.csum_offset = offsetof(struct tcphdr, check);
	/* The checksum starts out as that of the pseudo header alone. */
	sum = htons((uint16_t)~checksum_fold(sum_pseudo_header(c, frame.bytes + WIRE_ETHERNET_LEN, frame.len - transport)));
	memcpy(frame.bytes + transport + offsetof(struct tcphdr, check), &sum, sizeof sum);
	memcpy(packet.bytes, frame.bytes, frame.len);
	return send(socket, &packet, sizeof packet.header + frame.len, 0) < 0 ? -errno : 0;
}

static bool outer_is_right(const struct probe_case *c, const struct farspan_packet *packet, const uint8_t *bytes, unsigned int sequence)
{
	const uint8_t *ip = bytes + packet->ip_off, *udp = bytes + packet->ip_payload_off;

	if (packet->kind != c->kind || packet->ip_version != c->ip_version || packet->cut || (packet->has_seq && packet->seq != sequence))
		return false;
	if (c->kind == FARSPAN_VXLAN && (size_t)(udp[4] << 8 | udp[5]) != packet->ip_payload_len)
		return false;
	return c->ip_version == 6 || checksum_fold(checksum_add(0, ip, WIRE_IPV4_LEN)) == 0;
}

static bool piece_is_right(const struct probe_case *c, const uint8_t *bytes, size_t len, unsigned int number, unsigned int sequence)
{
	static const struct farspan_context context = {.link = FARSPAN_LINK_ETHERNET};
	struct farspan_packet packet;
	struct probe_frame frame;

	make_frame(c, number * PIECE_BYTES, PIECE_BYTES, &frame);
	return farspan_decode(&context, bytes, len, &packet) == FARSPAN_OK && outer_is_right(c, &packet, bytes, sequence) &&
	       packet.inner_len == frame.len && memcmp(bytes + packet.inner_off, frame.bytes, frame.len) == 0;
}

/* ---- the session of the probe ---- */

static int make_session(const struct whole_probe *probe, const struct probe_case *c, struct session_config *session)
{
	struct farspan_packet packet = {.kind = c->kind, .has_link = true, .ip_version = (uint8_t)c->ip_version, .ttl = 64, .df = true};
	int rc;

	memcpy(packet.link_dst, "\2\0\0\0\0\4", sizeof packet.link_dst);
	memcpy(packet.link_src, "\2\0\0\0\0\3", sizeof packet.link_src);
	inet_pton(c->ip_version == 4 ? AF_INET : AF_INET6, c->ip_version == 4 ? "192.0.2.3" : "2001:db8::3", packet.outer_src);
	inet_pton(c->ip_version == 4 ? AF_INET : AF_INET6, c->ip_version == 4 ? "192.0.2.4" : "2001:db8::4", packet.outer_dst);
	*session = (struct session_config){.present = 1, .wrap = WRAP_TUNNEL, .frame_max = FRAME_MAX};
	rc = farspan_encode(&packet, NULL, 0, session->header + HEADER_ALIGN, HEADER_MAX);
	if (rc < 0)
		return rc;
	session->uplink = probe->uplink ? (__u32)probe->uplink->ifindex : 0;
	session->nexthop_version = session->ip_version = c->ip_version;
	memcpy(session->nexthop, packet.outer_dst, sizeof session->nexthop);
	session->kind = c->kind;
	session->header_len = (__u32)rc;
	session->tunnel_off = WIRE_ETHERNET_LEN + (c->ip_version == 4 ? WIRE_IPV4_LEN : WIRE_IPV6_LEN);
	if (c->kind == FARSPAN_ERSPAN2 || c->kind == FARSPAN_ERSPAN3) {
		session->sequence_off = session->tunnel_off + WIRE_GRE_LEN;
		session->tunnel_off = session->sequence_off + WIRE_GRE_OPTION_LEN;
	}
	return 0;
}

static int set_session(const struct whole_probe *probe, const struct session_config *session)
{
	static const struct session_state state;
	struct encap_bpf *bpf = probe->encap->bpf;
	__u32 key = SLOT, summed_max = session->present && !probe->uplink ? UINT32_MAX : 0;
	int rc = bpf_map_update_elem(bpf_map__fd(bpf->maps.sessions), &key, session, BPF_ANY);

	if (!rc)
		rc = bpf_map_update_elem(bpf_map__fd(bpf->maps.summed_max), &key, &summed_max, BPF_ANY);
	if (!rc)
		rc = bpf_map_update_elem(bpf_map__fd(bpf->maps.states), &key, &state, BPF_ANY);
	if (!rc && session->uplink)
		rc = bpf_map_update_elem(bpf_map__fd(bpf->maps.uplinks), &key, &session->uplink, BPF_ANY);
	else
		bpf_map_delete_elem(bpf_map__fd(bpf->maps.uplinks), &key);
	return rc;
}

/* Frames that the programs say they have sent. */
static __u64 count_sent(const struct whole_probe *probe)
{
	int cpus = libbpf_num_possible_cpus();
	struct counters *counters = cpus > 0 ? calloc((size_t)cpus, sizeof *counters) : NULL;
	__u32 key = SLOT * DIRECTIONS + DIRECTION_RX;
	__u64 sum = 0;

	if (counters && !bpf_map_lookup_elem(bpf_map__fd(probe->encap->bpf->maps.counters), &key, counters))
		for (int cpu = 0; cpu < cpus; cpu++)
			sum += counters[cpu].value[COUNTER_sent];
	free(counters);
	return sum;
}

/* ---- sending and looking ---- */

static int open_sockets(const struct whole_probe *probe, struct sockets *sockets, struct error *error)
{
	int one = 1, mark = (int)(MARK_MAGIC | SLOT);

	sockets->sender = packet_socket_open(probe->entry->ifindex, 0);
	sockets->receiver = packet_socket_open(probe->arrival->ifindex, ETH_P_ALL);
	if (sockets->sender < 0 || sockets->receiver < 0 || setsockopt(sockets->sender, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof one) ||
	    setsockopt(sockets->sender, SOL_SOCKET, SO_MARK, &mark, sizeof mark))
		return fail(error, errno, "no test packet can be sent: %s", strerror(errno));
	return 0;
}

/* The next packet that came in; 0 if none does. */
static size_t receive(int socket, uint8_t *bytes, size_t room)
{
	struct pollfd readable = {.fd = socket, .events = POLLIN};

	while (poll(&readable, 1, WAIT_MS) > 0) {
		struct sockaddr_ll from = {0};
		socklen_t from_len = sizeof from;
		ssize_t len = recvfrom(socket, bytes, room, MSG_TRUNC, (struct sockaddr *)&from, &from_len);

		if (len > 0 && from.sll_pkttype != PACKET_OUTGOING)
			return (size_t)len;
	}
	return 0;
}

static int try_case(const struct whole_probe *probe, const struct sockets *sockets, const struct probe_case *c, struct error *error)
{
	struct session_config session;
	uint8_t bytes[PACKET_MAX];
	__u64 before = count_sent(probe);
	int rc = make_session(probe, c, &session);

	if (!rc)
		rc = set_session(probe, &session);
	if (!rc)
		rc = send_super_packet(sockets->sender, c);
	/* These say that it was lost on its way, and so does the count. */
	if (rc && rc != -ENOBUFS && rc != -ENOMEM)
		return fail(error, -rc, "no test packet can be sent: %s", strerror(-rc));
	/* All up to the uplink's side has been done when the packet was sent. */
	if (probe->uplink && count_sent(probe) - before != PIECES)
		return fail(error, EOPNOTSUPP, "this kernel does not cut a test packet (%s, IPv%u in IPv%u) behind its headers",
			    farspan_kind_name(c->kind), c->inner_version, c->ip_version);
	for (unsigned int i = 0; i < PIECES; i++) {
		size_t len = receive(sockets->receiver, bytes, sizeof bytes);

		/* What is not sent gets no number. */
		if (len > sizeof bytes || !piece_is_right(c, bytes, len, i, probe->uplink ? i : 0))
			return fail(error, EOPNOTSUPP, "this kernel cuts a test packet (%s, IPv%u in IPv%u) into wrong pieces",
				    farspan_kind_name(c->kind), c->inner_version, c->ip_version);
	}
	return 0;
}

int whole_probe(const struct whole_probe *probe, unsigned int *exact, struct error *error)
{
	static const struct session_config none;
	struct sockets sockets = {-1, -1};
	unsigned int wrong = 0, right = 0;
	int rc = open_sockets(probe, &sockets, error), first = rc;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0] && !rc; i++) {
		unsigned int bit = whole_probe_bit(cases[i].kind, cases[i].ip_version);
		int failed = wrong & bit ? 0 : try_case(probe, &sockets, &cases[i], first ? NULL : error);

		right |= bit;
		if (failed) {
			wrong |= bit;
			first = first ? first : failed;
		}
	}
	set_session(probe, &none);
	if (sockets.sender >= 0)
		close(sockets.sender);
	if (sockets.receiver >= 0)
		close(sockets.receiver);
	*exact = right & ~wrong;
	return first;
}
