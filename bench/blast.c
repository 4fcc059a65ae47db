/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Makes frames faster than anything that is measured with them, and prints how many nanoseconds of CPU a frame took until the host was done
 * with it: forwarded, mirrored, dropped. To be pinned to a CPU. What the kernel's softirq thread of that CPU took is counted too; time in
 * which other programs ran is not. TURNS: it does so as many times, once if not said, and prints a line for each. Each of several
 * interfaces has its share of every turn, there and back again: figures of one line differ in nothing but what the interfaces do.
 *
 * usage: blast forward INTERFACE[,INTERFACE...] DESTINATION-MAC SOURCE-ADDRESS DESTINATION-ADDRESS FRAME-BYTES COUNT [TURNS]
 *        blast local INTERFACE DESTINATION-MAC SOURCE-ADDRESS DESTINATION-ADDRESS FRAME-BYTES COUNT [TURNS]
 *        blast super INTERFACE DESTINATION-MAC SOURCE-ADDRESS DESTINATION-ADDRESS SEGMENTS COUNT [TURNS]
 *
 * forward: UDP frames on the reception of the interface, from inside the kernel (live frames of BPF_PROG_TEST_RUN). local: UDP packets
 * from a socket of this host. super: TCP super-packets of so many segments, out of the interface.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "ip_checksum.h"

enum {
	BATCH = 64,
	FRAME_MIN = 60,
	FRAME_MAX = 1514,
	PORT_DISCARD = 9,
	SEGMENT_BYTES = 1448,
	SEGMENTS_MAX = 45,
	SEND_BUFFER_BYTES = 8 << 20,
	INTERFACES_MAX = 4,
	LIVE_FRAMES = 1 << 1, /* BPF_F_TEST_XDP_LIVE_FRAMES, Linux 5.18 */
};

/* What is to be sent. */
struct job {
	unsigned int ifindexes[INTERFACES_MAX], interfaces;
	unsigned int ifindex; /* of them, the one whose turn it is */
	struct ether_addr to;
	in_addr_t source, destination;
	size_t size; /* of a frame, or of a super-packet in segments */
	unsigned int count, turns;
};

struct frame {
	struct ether_header ether;
	struct iphdr ip;
	struct udphdr udp;
	uint8_t payload[FRAME_MAX];
} __attribute__((packed));

/* What UDP sums up besides a payload of zeros: as many bytes as an IP header has. */
static uint16_t udp_checksum(const struct frame *frame)
{
	const struct {
		in_addr_t source, destination;
		uint8_t zero, protocol;
		uint16_t len;
		struct udphdr udp;
	} sum = {frame->ip.saddr, frame->ip.daddr, 0, IPPROTO_UDP, frame->udp.len, frame->udp};

	_Static_assert(sizeof sum == sizeof(struct iphdr), "as ip_checksum() takes it");
	return ip_checksum(&sum);
}

static void build(struct frame *frame, const struct ether_addr *to, in_addr_t source, in_addr_t destination, size_t len)
{
	size_t ip_len = len - sizeof frame->ether;

	memset(frame, 0, sizeof *frame);
	memcpy(frame->ether.ether_dhost, to, sizeof frame->ether.ether_dhost);
	frame->ether.ether_shost[0] = 2;
	frame->ether.ether_type = htons(ETHERTYPE_IP);
	frame->ip = (struct iphdr){.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP, .saddr = source, .daddr = destination};
	frame->ip.tot_len = htons((uint16_t)ip_len);
	frame->ip.check = ip_checksum((uint8_t *)frame + sizeof frame->ether);
	frame->udp.source = frame->udp.dest = htons(PORT_DISCARD);
	frame->udp.len = htons((uint16_t)(ip_len - sizeof frame->ip));
	frame->udp.check = udp_checksum(frame);
}

/*
 * A program that passes each frame on as it was built: the kernel uses the same pages again and again, and forwarding changes the frame in
 * its page.
 */
static int load_restore(const struct frame *frame)
{
	uint32_t mac_low;
	uint16_t mac_high;

	memcpy(&mac_low, frame->ether.ether_dhost, sizeof mac_low);
	memcpy(&mac_high, frame->ether.ether_dhost + sizeof mac_low, sizeof mac_high);

	const struct bpf_insn restore[] = {
		{.code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = 2, .src_reg = 1, .off = offsetof(struct xdp_md, data)},
		{.code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = 3, .src_reg = 1, .off = offsetof(struct xdp_md, data_end)},
		{.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 4, .src_reg = 2},
		{.code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = 4, .imm = offsetof(struct frame, payload)},
		{.code = BPF_JMP | BPF_JGT | BPF_X, .dst_reg = 4, .src_reg = 3, .off = 4},
		{.code = BPF_ST | BPF_MEM | BPF_W, .dst_reg = 2, .imm = (int32_t)mac_low},
		{.code = BPF_ST | BPF_MEM | BPF_H, .dst_reg = 2, .off = sizeof mac_low, .imm = mac_high},
		{.code = BPF_ST | BPF_MEM | BPF_B, .dst_reg = 2, .off = offsetof(struct frame, ip.ttl), .imm = frame->ip.ttl},
		{.code = BPF_ST | BPF_MEM | BPF_H, .dst_reg = 2, .off = offsetof(struct frame, ip.check), .imm = frame->ip.check},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = XDP_PASS},
		{.code = BPF_JMP | BPF_EXIT},
	};

	return bpf_prog_load(BPF_PROG_TYPE_XDP, "blast", "Dual BSD/GPL", restore, sizeof restore / sizeof restore[0], NULL);
}

static int blast(int program, unsigned int ifindex, const struct frame *frame, size_t len, unsigned int count)
{
	struct xdp_md context = {.data_end = (uint32_t)len, .ingress_ifindex = ifindex};
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = (uint32_t)len, .ctx_in = &context,
		    .ctx_size_in = sizeof context, .repeat = (int)count, .flags = LIVE_FRAMES, .batch_size = BATCH);

	return bpf_prog_test_run_opts(program, &options);
}

static int forward(const struct job *job)
{
	static struct frame frame;
	static int program = -1; /* for all turns */

	if (program < 0) {
		build(&frame, &job->to, job->source, job->destination, job->size);
		program = load_restore(&frame);
	}
	return program < 0 ? program : blast(program, job->ifindex, &frame, job->size, job->count);
}

/* ---- local ---- */

static int local(const struct job *job)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(PORT_DISCARD), .sin_addr.s_addr = job->destination};
	static uint8_t payload[FRAME_MAX];
	struct iovec iov = {payload, job->size - offsetof(struct frame, payload)};
	struct mmsghdr messages[BATCH] = {0};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	for (unsigned int i = 0; i < BATCH; i++)
		messages[i].msg_hdr = (struct msghdr){.msg_iov = &iov, .msg_iovlen = 1};
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to))
		return -errno;
	for (unsigned int sent = 0; sent < job->count;) {
		unsigned int left = job->count - sent;
		int n = sendmmsg(fd, messages, left < BATCH ? left : BATCH, 0);

		if (n < 0)
			return -errno;
		sent += (unsigned int)n;
	}
	close(fd);
	return 0;
}

/* ---- super-packets ---- */

struct super_packet {
	struct virtio_net_hdr offload;
	struct ether_header ether;
	struct iphdr ip;
	struct tcphdr tcp;
	uint8_t options[12];
	uint8_t payload[UINT16_MAX];
} __attribute__((packed));

static uint16_t pseudo_header_sum(in_addr_t source, in_addr_t destination, size_t tcp_len)
{
	uint32_t sum = (source & 0xffff) + (source >> 16) + (destination & 0xffff) + (destination >> 16) + htons(IPPROTO_TCP) +
		       htons((uint16_t)tcp_len);

	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)(sum + (sum >> 16));
}

static size_t build_super(struct super_packet *packet, const struct job *job)
{
	size_t payload = job->size * SEGMENT_BYTES, ip_len = sizeof packet->ip + sizeof packet->tcp + sizeof packet->options + payload;

	packet->offload = (struct virtio_net_hdr){
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
		.gso_size = SEGMENT_BYTES,
		.hdr_len = offsetof(struct super_packet, payload) - sizeof packet->offload,
		.csum_start = offsetof(struct super_packet, tcp) - sizeof packet->offload,
		.csum_offset = offsetof(struct tcphdr, check),
	};
	memcpy(packet->ether.ether_dhost, &job->to, sizeof packet->ether.ether_dhost);
	packet->ether.ether_shost[0] = 2;
	packet->ether.ether_type = htons(ETHERTYPE_IP);
	packet->ip =
		(struct iphdr){.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_TCP, .saddr = job->source, .daddr = job->destination};
	packet->ip.tot_len = htons((uint16_t)ip_len);
	packet->ip.check = ip_checksum((uint8_t *)packet + offsetof(struct super_packet, ip));
	packet->tcp.source = packet->tcp.dest = htons(PORT_DISCARD);
	packet->tcp.doff = (sizeof packet->tcp + sizeof packet->options) / 4;
	packet->tcp.ack = 1;
	packet->tcp.check = pseudo_header_sum(job->source, job->destination, ip_len - sizeof packet->ip);
	memset(packet->options, TCPOPT_NOP, sizeof packet->options);
	for (size_t i = 0; i < payload; i++)
		packet->payload[i] = (uint8_t)(i * 7 + i / 251);
	return offsetof(struct super_packet, payload) + payload;
}

static int super(const struct job *job)
{
	static struct super_packet packet;
	struct sockaddr_ll from = {.sll_family = AF_PACKET, .sll_ifindex = (int)job->ifindex};
	int fd = socket(AF_PACKET, SOCK_RAW, 0), on = 1, buffer = SEND_BUFFER_BYTES;
	size_t len = build_super(&packet, job);

	if (fd < 0 || bind(fd, (struct sockaddr *)&from, sizeof from) || setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof buffer))
		return -errno;
	for (unsigned int i = 0; i < job->count; i++) {
		packet.tcp.seq = htonl((uint32_t)(i * job->size * SEGMENT_BYTES));
		if (write(fd, &packet, len) < 0)
			return -errno;
	}
	close(fd);
	return 0;
}

/* ---- all ---- */

/* The CPU-time clock of this CPU's softirq thread; -1: not found. */
static clockid_t softirq_clock(void)
{
	char wanted[32], path[300], name[32] = "";
	clockid_t found = -1;
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	snprintf(wanted, sizeof wanted, "ksoftirqd/%d\n", sched_getcpu());
	while (proc && found == -1 && (entry = readdir(proc))) {
		FILE *comm;

		snprintf(path, sizeof path, "/proc/%s/comm", entry->d_name);
		comm = fopen(path, "r");
		if (comm && fgets(name, sizeof name, comm) && strcmp(name, wanted) == 0)
			clock_getcpuclockid(atoi(entry->d_name), &found);
		if (comm)
			fclose(comm);
	}
	if (proc)
		closedir(proc);
	return found;
}

static uint64_t read_clock_ns(clockid_t clock)
{
	struct timespec now = {0};

	if (clock != -1)
		clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

static const struct kind {
	const char *name;
	int (*run)(const struct job *job);
	size_t size_min, size_max;
} kinds[] = {
	{"forward", forward, FRAME_MIN, FRAME_MAX},
	{"local", local, FRAME_MIN, FRAME_MAX},
	{"super", super, 2, SEGMENTS_MAX},
};

/* 0, or -EINVAL. */
static int parse_interfaces(char *names, struct job *job)
{
	for (char *name = strtok(names, ","); name; name = strtok(NULL, ",")) {
		if (job->interfaces == INTERFACES_MAX)
			return -EINVAL;
		job->ifindexes[job->interfaces] = if_nametoindex(name);
		if (!job->ifindexes[job->interfaces++])
			return -EINVAL;
	}
	return job->interfaces ? 0 : -EINVAL;
}

static int parse(int argc, char **argv, struct job *job, const struct kind **kind)
{
	const struct ether_addr *to = ether_aton(argv[3]);

	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (strcmp(argv[1], kinds[i].name) == 0)
			*kind = &kinds[i];
	job->source = inet_addr(argv[4]);
	job->destination = inet_addr(argv[5]);
	job->size = strtoul(argv[6], NULL, 10);
	job->count = (unsigned int)strtoul(argv[7], NULL, 10);
	job->turns = argc > 8 ? (unsigned int)strtoul(argv[8], NULL, 10) : 1;
	if (parse_interfaces(argv[2], job) || !*kind || !to || job->size < (*kind)->size_min || job->size > (*kind)->size_max ||
	    !job->count)
		return -EINVAL;
	job->to = *to;
	return 0;
}

/* What a frame took. softirq: the clock of what else counts. */
static int measure(const struct kind *kind, const struct job *job, clockid_t softirq, double *ns)
{
	uint64_t start_softirq = read_clock_ns(softirq), start = read_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	int rc = kind->run(job);

	start = read_clock_ns(CLOCK_PROCESS_CPUTIME_ID) - start + read_clock_ns(softirq) - start_softirq;
	*ns = (double)start / job->count;
	return rc;
}

static int take_turn(const struct kind *kind, struct job *job, unsigned int turn, clockid_t softirq)
{
	double ns[INTERFACES_MAX];
	int rc = 0;

	for (unsigned int i = 0; i < job->interfaces && !rc; i++) {
		unsigned int which = turn % 2 ? job->interfaces - 1 - i : i;

		job->ifindex = job->ifindexes[which];
		rc = measure(kind, job, softirq, &ns[which]);
	}
	for (unsigned int i = 0; i < job->interfaces && !rc; i++)
		printf("%.1f%c", ns[i], i + 1 < job->interfaces ? ' ' : '\n');
	return rc;
}

int main(int argc, char **argv)
{
	const struct kind *kind = NULL;
	struct job job = {0};
	clockid_t softirq;

	if (argc < 8 || argc > 9 || parse(argc, argv, &job, &kind)) {
		fprintf(stderr,
			"usage: blast forward|local|super INTERFACE[,...] DESTINATION-MAC SOURCE-ADDRESS DESTINATION-ADDRESS SIZE COUNT "
			"[TURNS]\n");
		return 2;
	}
	softirq = softirq_clock();
	for (unsigned int i = 0; i < job.turns; i++) {
		int rc = take_turn(kind, &job, i, softirq);

		if (rc) {
			fprintf(stderr, "blast: %s\n", strerror(-rc));
			return 1;
		}
	}
	return 0;
}
