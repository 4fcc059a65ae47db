/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Which way a copy takes to the encapsulation, and that copies do not overtake each other.
 *
 *                +-- segmenter --> (queue of this CPU) --+
 *     a copy --> |                                       +--> encapsulation --> next hop
 *                +---------------------------------------+
 *
 * What is already as on the wire can go straight to the encapsulation, which is then done and the copy sent before the original goes
 * on. The rest waits in a queue of the kernel behind the segmenter. A copy goes straight only when nothing that was sent before it from
 * the same CPU is still in that queue, so that the order of each CPU is kept. To know that, each copy that goes through the segmenter
 * gets a ticket; the encapsulation counts the frames of a ticket as they arrive. If some are lost on the way the next ones make up for
 * it: they have a newer ticket.
 */
#ifndef BPF_WAYS_H
#define BPF_WAYS_H

#include "bpf/mirror_maps.h"

const volatile struct copy_ways ways;

enum {
	IP_SUMMED_MASK = 3,
	CHECKSUM_PARTIAL = 3, /* whoever sends the frame has to finish its checksum */
	WHOLE_MIN = 1024,     /* a super-packet that is wrapped whole has at least that many bytes */
	TCP_PROTOCOL = 6,
	TCP_LEN_OFF = 12, /* the length of its header is in the upper half of this byte */
};

/*
 * Length of the headers of a TCP packet; 0 if it is something else, or has an inline tag or IPv6 extension headers. As all functions that
 * are not static, it is verified once, by itself.
 */
__noinline __u32 tcp_headers_len(struct __sk_buff *skb)
{
	__u8 network[10] = {}, tcp_len = 0;
	__u32 off = WIRE_ETHERNET_LEN;
	__be16 type = 0;

	if (bpf_skb_load_bytes(skb, off - sizeof type, &type, sizeof type) || type != (__be16)skb->protocol ||
	    bpf_skb_load_bytes(skb, off, network, sizeof network))
		return 0;
	if (type == bpf_htons(ETHERTYPE_IPV4) && network[9] == TCP_PROTOCOL)
		off += (network[0] & 15) * 4;
	else if (type == bpf_htons(ETHERTYPE_IPV6) && network[6] == TCP_PROTOCOL)
		off += WIRE_IPV6_LEN;
	else
		return 0;
	return bpf_skb_load_bytes(skb, off + TCP_LEN_OFF, &tcp_len, sizeof tcp_len) ? 0 : off + (tcp_len >> 4) * 4;
}

/* Of a super-packet from an untrusted device (a guest's), which comes without a count. */
__noinline __u32 count_wire_frames(struct __sk_buff *skb)
{
	return skb->gso_size ? (skb->len - tcp_headers_len(skb) + skb->gso_size - 1) / skb->gso_size : 1;
}

/* Frames on the wire that this skb stands for. */
static __always_inline __u32 wire_frames(struct __sk_buff *skb)
{
	if (!skb->gso_size)
		return 1;
	return skb->gso_segs ? skb->gso_segs : count_wire_frames(skb);
}

static __always_inline struct copy_queue *copy_queue(void)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(&copy_queues, &key);
}

/* Whether someone still has to finish the checksum and it cannot be the uplink. To read what the kernel notes of it costs most. */
static __always_inline int lacks_checksum(struct __sk_buff *skb, __u32 slot)
{
	__u32 *max = bpf_map_lookup_elem(&unfinished_max, &slot);
	__u8 flags;

	if (max && skb->len + (skb->vlan_present ? WIRE_TAG_LEN : 0) <= *max)
		return 0;
	return bpf_probe_read_kernel(&flags, sizeof flags, (void *)skb + ways.ip_summed_off) ||
	       (flags >> ways.ip_summed_shift & IP_SUMMED_MASK) == CHECKSUM_PARTIAL;
}

/* An outermost tag that is not in the metadata is put there by the kernel behind the segmenter. */
static __always_inline int has_inline_tag(struct __sk_buff *skb)
{
	const __u8 *frame = (const __u8 *)(long)skb->data, *end = (const __u8 *)(long)skb->data_end;
	__be16 type;

	if (skb->vlan_present)
		return 0;
	if (frame + WIRE_ETHERNET_LEN > end)
		return 1;
	type = *(const __be16 *)(frame + WIRE_ETHERNET_LEN - sizeof type);
	return type == bpf_htons(ETHERTYPE_VLAN) || type == bpf_htons(ETHERTYPE_SERVICE_VLAN);
}

/*
 * Whether a super-packet may be wrapped whole for that slot. The kernel would not cut those that are shorter than frames may be.
 */
static __always_inline __u32 has_frames_up_to(struct __sk_buff *skb, const __u32 *max)
{
	__u32 len;

	if (!max || !*max || !skb->gso_size || skb->vlan_present || skb->len < WHOLE_MIN)
		return 0;
	len = tcp_headers_len(skb);
	return len && len + skb->gso_size <= *max;
}

__noinline __u32 may_stay_whole(struct __sk_buff *skb, __u32 slot)
{
	return has_frames_up_to(skb, bpf_map_lookup_elem(&whole_max, &slot));
}

/* The device that a copy of the frame for that slot is to be sent to; its notes are in the skb. */
__noinline __u32 choose_way(struct __sk_buff *skb, __u32 slot, __u32 routed)
{
	struct copy_queue *queue = copy_queue();

	skb->cb[NOTE_FRAMES] = 0;
	skb->cb[NOTE_TICKET] = routed;
	if (!ways.encapsulator || !queue)
		return ways.segmenter;
	if (ways.whole && skb->gso_size && queue->done == queue->sent && may_stay_whole(skb, slot)) {
		queue->straight += wire_frames(skb);
		return ways.whole;
	}
	if (queue->done == queue->sent && !skb->gso_size && !has_inline_tag(skb) && !lacks_checksum(skb, slot)) {
		queue->straight++;
		return ways.encapsulator;
	}
	skb->cb[NOTE_TICKET] = ++queue->sent;
	skb->cb[NOTE_FRAMES] = bpf_get_smp_processor_id() << NOTE_CPU_SHIFT | (wire_frames(skb) & NOTE_COUNT_MASK);
	return ways.segmenter;
}

/* A frame has come through the segmenter. On another CPU than it was sent from, which nobody wants, nothing goes straight any more. */
static __always_inline void note_arrival(struct __sk_buff *skb)
{
	__u32 frames = skb->cb[NOTE_FRAMES], ticket = skb->cb[NOTE_TICKET];
	struct copy_queue *queue = frames ? copy_queue() : 0;

	if (!queue || frames >> NOTE_CPU_SHIFT != bpf_get_smp_processor_id())
		return;
	if (queue->arriving != ticket) {
		queue->arriving = ticket;
		queue->remaining = frames & NOTE_COUNT_MASK;
	}
	if (!--queue->remaining)
		queue->done = ticket;
}

#endif
