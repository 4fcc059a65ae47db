/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sends mirrored frames, in ERSPAN Type II, out of an interface from inside the kernel (live frames of BPF_PROG_TEST_RUN), as fast as the
 * other end takes them, and prints how many nanoseconds of CPU this took per frame: all that is done with it in the kernel included.
 *
 * usage: feed INTERFACE|- DESTINATION-MAC SOURCE-ADDRESS DESTINATION-ADDRESS FRAME-BYTES COUNT SESSIONS [RATE]
 *
 * RATE: so many frames a second, evenly. It waits for the time of each in a loop, which is not counted.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <netinet/ip.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "feed.skel.h"
#include "ip_checksum.h"

enum {
	BATCH = 64,
	BATCH_EVEN = 16, /* sent together */
	NS_PER_S = 1000000000,
	FRAME_MIN = 60,
	FRAME_MAX = 1514,
	LIVE_FRAMES = 1 << 1, /* BPF_F_TEST_XDP_LIVE_FRAMES, Linux 5.18 */
};

struct packet {
	struct ether_header ether;
	struct iphdr ip;
	uint16_t gre_flags, gre_protocol;
	uint32_t sequence;
	uint16_t erspan[4];
	struct ether_header inner;
	struct iphdr inner_ip;
	uint8_t payload[FRAME_MAX];
} __attribute__((packed));

/* Returns the packet's length. */
static size_t build(struct packet *packet, const struct ether_addr *to, in_addr_t source, in_addr_t destination, size_t frame)
{
	size_t len = offsetof(struct packet, inner) + frame;

	memset(packet, 0, sizeof *packet);
	memcpy(packet->ether.ether_dhost, to, sizeof packet->ether.ether_dhost);
	packet->ether.ether_shost[0] = packet->inner.ether_shost[0] = packet->inner.ether_dhost[0] = 2;
	packet->ether.ether_type = packet->inner.ether_type = htons(ETHERTYPE_IP);
	packet->ip = (struct iphdr){.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_GRE, .saddr = source, .daddr = destination};
	packet->inner_ip = (struct iphdr){.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_TCP, .saddr = 1, .daddr = 2};
	packet->ip.tot_len = htons((uint16_t)(len - sizeof packet->ether));
	packet->inner_ip.tot_len = htons((uint16_t)(frame - sizeof packet->inner));
	packet->ip.check = ip_checksum((uint8_t *)packet + sizeof packet->ether);
	packet->gre_flags = htons(0x1000);
	packet->gre_protocol = htons(0x88be);
	packet->erspan[0] = htons(0x1000);
	return len;
}

static double cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int feed(struct feed_bpf *object, const struct packet *packet, size_t len, unsigned int count, unsigned int batch)
{
	struct xdp_md context = {.data_end = (uint32_t)len};
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet, .data_size_in = (uint32_t)len, .ctx_in = &context,
		    .ctx_size_in = sizeof context, .repeat = (int)count, .flags = LIVE_FRAMES, .batch_size = batch);

	return bpf_prog_test_run_opts(bpf_program__fd(object->progs.feed), &options);
}

int main(int argc, char **argv)
{
	const struct ether_addr *to = argc == 8 || argc == 9 ? ether_aton(argv[2]) : NULL;
	struct feed_bpf *object = feed_bpf__open();
	unsigned int count, batch;
	struct packet packet;
	size_t frame, len;
	unsigned long rate;
	double start;
	int rc;

	if (!to || !object) {
		fprintf(stderr,
			"usage: feed INTERFACE|- DESTINATION-MAC SOURCE-ADDRESS DESTINATION-ADDRESS FRAME-BYTES COUNT SESSIONS [RATE]\n");
		return 2;
	}
	frame = strtoul(argv[5], NULL, 10);
	count = (unsigned int)strtoul(argv[6], NULL, 10);
	object->rodata->interface = if_nametoindex(argv[1]);
	object->rodata->sessions = (unsigned int)strtoul(argv[7], NULL, 10);
	rate = argc == 9 ? strtoul(argv[8], NULL, 10) : 0;
	object->rodata->interval_ns = rate ? NS_PER_S / rate : 0;
	batch = rate ? BATCH_EVEN : BATCH;
	if (frame < FRAME_MIN || frame > FRAME_MAX || !count || !object->rodata->sessions) {
		fprintf(stderr, "feed: frames not of %d to %d bytes, no count or no sessions\n", FRAME_MIN, FRAME_MAX);
		return 2;
	}
	len = build(&packet, to, inet_addr(argv[3]), inet_addr(argv[4]), frame);
	rc = feed_bpf__load(object);
	start = cpu_ns();
	if (!rc)
		rc = feed(object, &packet, len, count, batch);
	if (rc) {
		fprintf(stderr, "feed: %s\n", strerror(rc < 0 ? -rc : rc));
		return 1;
	}
	printf("%.1f\n", (cpu_ns() - start - (double)object->bss->waited_ns) / count);
	feed_bpf__destroy(object);
	return 0;
}
