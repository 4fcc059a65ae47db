// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* Gives a frame the VLAN tag in its metadata that the test wants, runs the filters and keeps their answers. */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#include "bpf/filters.h"
#include "filter_run.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile __u32 filter_count;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct filter_run);
} runs SEC(".maps");

/* So that the filters are not the only function of the program, nor surely the last. */
static __attribute__((noinline)) int push_tag(struct __sk_buff *skb, struct filter_run *run)
{
	return run->tag_type ? (int)bpf_skb_vlan_push(skb, bpf_htons(run->tag_type), run->tag_tci) : 0;
}

static __attribute__((noinline)) __u32 in_place(struct __sk_buff *skb)
{
	return skb->data_end - skb->data;
}

SEC("tc")
int filter_run(struct __sk_buff *skb)
{
	struct exclusions exclusions = {};
	__u32 key = 0;
	struct filter_run *run = bpf_map_lookup_elem(&runs, &key);

	if (!run || push_tag(skb, run))
		return TC_ACT_OK;
	run_filters(skb, filter_count, &exclusions);
	run->answers = exclusions;
	run->in_place = in_place(skb);
	run->len = skb->len;
	run->count++;
	return TC_ACT_OK;
}
