/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the tests need of a network.
 *
 * VLAN tags for hosts whose kernel has no VLAN devices: pushed at the egress of an interface, taken off at its ingress. As with real VLAN
 * devices the outermost tag travels in the metadata of the packet. And a collector that swallows what it is sent.
 */
#include <linux/bpf.h>
#include <linux/in.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

enum {
	CUSTOMER = 3 << 13 | 100, /* priority 3, VLAN 100 */
	SERVICE = 5 << 13 | 200,
};

SEC("one") int push1(struct __sk_buff *skb)
{
	return bpf_skb_vlan_push(skb, bpf_htons(0x8100), CUSTOMER) ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

SEC("two") int push2(struct __sk_buff *skb)
{
	if (bpf_skb_vlan_push(skb, bpf_htons(0x8100), CUSTOMER) || bpf_skb_vlan_push(skb, bpf_htons(0x88a8), SERVICE))
		return TC_ACT_SHOT;
	return TC_ACT_UNSPEC;
}

SEC("none") int pop(struct __sk_buff *skb)
{
	for (int i = 0; i < 2 && skb->vlan_present; i++)
		bpf_skb_vlan_pop(skb);
	return TC_ACT_UNSPEC;
}

SEC("drop") int swallow(struct __sk_buff *skb)
{
	__u8 protocol = 0;

	if (skb->protocol == bpf_htons(0x0800))
		bpf_skb_load_bytes(skb, 14 + 9, &protocol, 1);
	else if (skb->protocol == bpf_htons(0x86dd))
		bpf_skb_load_bytes(skb, 14 + 6, &protocol, 1);
	return protocol == IPPROTO_GRE ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

/* Somebody else's mirror, to the interface with this index. */
SEC("mirror")
int mirror_to_4242(struct __sk_buff *skb)
{
	bpf_clone_redirect(skb, 4242, 0);
	return TC_ACT_UNSPEC;
}

/* TCP and UDP to port 5005 go right onto the other end, in a container, of the veth with this index. */
SEC("peer")
int redirect_to_peer(struct __sk_buff *skb)
{
	__u16 port = 0;

	if (skb->protocol != bpf_htons(0x0800) || bpf_skb_load_bytes(skb, 14 + 20 + 2, &port, sizeof port) || port != bpf_htons(5005))
		return TC_ACT_UNSPEC;
	return (int)bpf_redirect_peer(4242, 0);
}

/* Lets every frame go on, past whoever stands behind. */
SEC("end")
int end_chain(struct __sk_buff *skb)
{
	(void)skb;
	return TC_ACT_OK;
}

/* Of a test run: sends the frame out of the interface whose index is its mark. */
SEC("send")
int send_out(struct __sk_buff *skb)
{
	return bpf_clone_redirect(skb, skb->mark, 0) ? TC_ACT_SHOT : TC_ACT_OK;
}

/* An XDP program that takes every frame away. */
SEC("xdp")
int take_all(struct xdp_md *context)
{
	(void)context;
	return XDP_DROP;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
