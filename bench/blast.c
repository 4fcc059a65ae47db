/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Puts UDP frames on the reception of an interface from inside the kernel (live frames of BPF_PROG_TEST_RUN), all on this CPU, and prints
 * how many nanoseconds a frame took until the host was done with it: forwarded, mirrored, dropped. Nothing runs beside it, so that what is
 * added to the interface shows as added time.
 *
 * usage: blast INTERFACE DESTINATION-MAC SOURCE-ADDRESS DESTINATION-ADDRESS FRAME-BYTES COUNT
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	BATCH = 64,
	FRAME_MIN = 60,
	FRAME_MAX = 1514,
	PORT_DISCARD = 9,
	LIVE_FRAMES = 1 << 1, /* BPF_F_TEST_XDP_LIVE_FRAMES, Linux 5.18 */
};

struct frame {
	struct ether_header ether;
	struct iphdr ip;
	struct udphdr udp;
	uint8_t payload[FRAME_MAX];
} __attribute__((packed));

static uint16_t ip_checksum(const void *ip)
{
	uint16_t words[sizeof(struct iphdr) / 2];
	uint32_t sum = 0;

	memcpy(words, ip, sizeof words);
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t) ~(sum + (sum >> 16));
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
}

static int load_pass(void)
{
	const struct bpf_insn pass[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = XDP_PASS},
		{.code = BPF_JMP | BPF_EXIT},
	};

	return bpf_prog_load(BPF_PROG_TYPE_XDP, "blast", "Dual BSD/GPL", pass, sizeof pass / sizeof pass[0], NULL);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

static int blast(int program, unsigned int ifindex, const struct frame *frame, size_t len, unsigned int count)
{
	struct xdp_md context = {.data_end = (uint32_t)len, .ingress_ifindex = ifindex};
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = (uint32_t)len, .ctx_in = &context,
		    .ctx_size_in = sizeof context, .repeat = (int)count, .flags = LIVE_FRAMES, .batch_size = BATCH);

	return bpf_prog_test_run_opts(program, &options);
}

int main(int argc, char **argv)
{
	const struct ether_addr *to = argc == 7 ? ether_aton(argv[2]) : NULL;
	struct frame frame;
	unsigned int ifindex, count;
	size_t len;
	uint64_t start;
	int rc;

	if (!to) {
		fprintf(stderr, "usage: blast INTERFACE DESTINATION-MAC SOURCE-ADDRESS DESTINATION-ADDRESS FRAME-BYTES COUNT\n");
		return 2;
	}
	ifindex = if_nametoindex(argv[1]);
	len = strtoul(argv[5], NULL, 10);
	count = (unsigned int)strtoul(argv[6], NULL, 10);
	if (!ifindex || len < FRAME_MIN || len > FRAME_MAX || !count) {
		fprintf(stderr, "blast: no such interface, frames not of %d to %d bytes, or no count\n", FRAME_MIN, FRAME_MAX);
		return 2;
	}
	build(&frame, to, inet_addr(argv[3]), inet_addr(argv[4]), len);
	rc = load_pass();
	if (rc < 0) {
		fprintf(stderr, "blast: load: %s\n", strerror(-rc));
		return 1;
	}
	start = now_ns();
	rc = blast(rc, ifindex, &frame, len, count);
	if (rc) {
		fprintf(stderr, "blast: run: %s\n", strerror(-rc));
		return 1;
	}
	printf("%.1f\n", (double)(now_ns() - start) / count);
	return 0;
}
