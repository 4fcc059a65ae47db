/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Packets in the hands of tc programs, read and written where they are: to call a helper costs more than most reads are worth. */
#ifndef BPF_PACKET_H
#define BPF_PACKET_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

/*
 * Where the linear part of the packet is, until a helper changes it. In C the compiler may cut what it takes for a number of 32 bits to
 * them once more, and the verifier then no longer sees a pointer.
 */
static __always_inline __u8 *packet_start(struct __sk_buff *skb)
{
	__u8 *start;

	asm volatile("%0 = *(u32 *)(%1 + %2)" : "=r"(start) : "r"(skb), "i"(__builtin_offsetof(struct __sk_buff, data)) : "memory");
	return start;
}

static __always_inline __u8 *packet_end(struct __sk_buff *skb)
{
	__u8 *end;

	asm volatile("%0 = *(u32 *)(%1 + %2)" : "=r"(end) : "r"(skb), "i"(__builtin_offsetof(struct __sk_buff, data_end)) : "memory");
	return end;
}

/* bpf_skb_load_bytes(), but that it is called only for what is not near the start of the linear part. len: a constant. */
static __always_inline long load_packet(struct __sk_buff *skb, __u32 off, void *to, const __u32 len)
{
	enum {
		NEAR = 256,
	};
	const __u8 *from = packet_start(skb) + (off & (NEAR - 1));

	if (off >= NEAR || from + len > packet_end(skb))
		return bpf_skb_load_bytes(skb, off, to, len);
	__builtin_memcpy(to, __builtin_assume_aligned(from, 4), len); /* where it is not, the CPU takes words all the same */
	return 0;
}

#endif
