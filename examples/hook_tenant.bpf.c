/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A hook: the ERSPAN session id, VNI or GRE key is the VLAN that the frame was in, so that the collector can tell tenants apart. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <farspan_hook.h>

char LICENSE[] SEC("license") = FARSPAN_HOOK_LICENSE;

int farspan_hook(struct __sk_buff *skb, struct farspan_meta *meta)
{
	(void)skb;
	if (!meta || !meta->tagged)
		return FARSPAN_HOOK_REFUSE;
	meta->number = meta->vlan;
	return FARSPAN_HOOK_SEND;
}
