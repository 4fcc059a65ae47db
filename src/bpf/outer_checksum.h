/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The GRE checksum (RFC 2784 section 2.3): over the GRE header and all that is in the packet, so it is filled in when that is whole. */
#ifndef BPF_OUTER_CHECKSUM_H
#define BPF_OUTER_CHECKSUM_H

#include "bpf/chunk.h"
#include "bpf/outer_header.h"

/* Ones' complement sum of left bytes from off on, unfolded; below 0 if they are not there. Verified once, by itself. */
__noinline __s64 sum_packet(struct __sk_buff *skb, __u32 off, __u32 left)
{
	struct chunk *chunk = find_chunk();
	__s64 sum = 0;

	if (!chunk)
		return -1;
		/* The helper takes words: what is shorter is filled up with zeros. */
#define SUM(size)                                                                                \
	if ((size) < 4)                                                                          \
		*(__u32 *)chunk->bytes = 0;                                                      \
	if (bpf_skb_load_bytes(skb, off, chunk->bytes, size))                                    \
		return -1;                                                                       \
	sum = bpf_csum_diff(0, 0, (__be32 *)chunk->bytes, (size) < 4 ? 4 : (size), (__wsum)sum); \
	off += (size);
	EACH_CHUNK(left, SUM);
#undef SUM
	return sum & 0xffffffff;
}

/* Fills in the checksum, which is still 0, of a wrapped frame of that many bytes. What is behind is padding. */
static __always_inline int fill_gre_checksum(struct __sk_buff *skb, struct session_config *session, __u32 frame_len)
{
	__u32 start = session->checksum_off - WIRE_GRE_LEN;
	__s64 sum = sum_packet(skb, start, session->header_len - start + frame_len);
	__u16 folded;

	if (sum < 0)
		return -1;
	folded = (__u16)~fold((__u32)sum);
	return (int)bpf_skb_store_bytes(skb, session->checksum_off, &folded, sizeof folded, 0);
}

#endif
