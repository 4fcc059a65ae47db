// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* Makes one ERSPAN Type II packet after the other of a template, with sessions and sequence numbers, and sends it to an interface. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

enum {
	SEQUENCE_OFF = 14 + 20 + 4,
	SESSION_OFF = SEQUENCE_OFF + 4 + 2, /* the lower half of the word that has T and the session */
	SESSIONS_MAX = 1024,
	WAIT_ROUNDS_MAX = 1 << 20,
};

const volatile __u32 interface; /* ifindex; 0: packets go nowhere */
const volatile __u32 sessions = 1;
const volatile __u64 interval_ns; /* between packets; 0: none */
__u32 made;
__u64 due_ns, waited_ns;

static long is_due(__u32 round, void *unused)
{
	(void)round;
	(void)unused;
	return bpf_ktime_get_ns() >= due_ns;
}

/* Waits for the time of the next packet. One that is late does not move those behind it. */
static void pace(void)
{
	__u64 begin;

	if (!interval_ns)
		return;
	begin = bpf_ktime_get_ns();
	due_ns = due_ns ? due_ns + interval_ns : begin;
	bpf_loop(WAIT_ROUNDS_MAX, is_due, 0, 0);
	waited_ns += bpf_ktime_get_ns() - begin;
}

SEC("xdp")
int feed(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u32 number = made++;

	if (data + SESSION_OFF + 2 > end)
		return XDP_ABORTED;
	*(__be32 *)(data + SEQUENCE_OFF) = bpf_htonl(number / sessions);
	*(__be16 *)(data + SESSION_OFF) = bpf_htons(number % sessions % SESSIONS_MAX);
	pace();
	return interface ? (int)bpf_redirect(interface, 0) : XDP_DROP;
}

/* The least that can be done with a packet. */
SEC("xdp.frags")
int drop(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_DROP;
}
