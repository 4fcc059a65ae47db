#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What our mirror sends, Open vSwitch takes: flows that match on the tunnel's fields count exactly the frames, and hand them on as they
# were.
#
#     a  a0 ---- s0  tap  c0 ---- switch ---- h1  host           s0 is mirrored; c2 is a trunk to the switch's port p2
# shellcheck source=tests/peers/ovs.sh
. "$(dirname "$0")/ovs.sh"

namespace a tap
start_ovs tap
wire a a0 $mac_a tap s0 $mac_s0
addresses a a0 10.1.0.1/24
addresses tap s0 10.1.0.3/24
neighbour a a0 10.1.0.3 $mac_s0
neighbour tap s0 10.1.0.1 $mac_a
offload a a0 tx off tso off gro off
offload tap s0 tx off tso off gro off

pings=20

# expect COUNT MATCH [ACTION,]: adds a flow for it, which is to count so many frames. It takes a direction of 0 for any, so 1 comes first.
cookie=0
expect() {
	cookie=$((cookie + 1))
	expected+=("$cookie $1 $2")
	flow "cookie=$cookie,priority=$((10 + ($(grep -c tun_erspan_dir=1 <<<"$2" || true)))),$2,actions=${3:-}output:p1"
}

# run DESTINATION...: what the flows count then
run() {
	local destinations=() one references='' match count
	for one in "$@"; do destinations+=(-t "$one"); done
	flow "cookie=0xff,priority=1,actions=drop"
	capture host h1 taken -Q in
	capture a a0 at_a
	mirror tap -i s0 -d both "${destinations[@]}"
	for one in 0 56 1000 1472; do
		at a ping -q -c $((pings / 4)) -i 0.02 -W 20 -s $one 10.1.0.3 >/dev/null || fail "the pings themselves"
	done
	end_mirror sent=$(($# * 2 * pings))
	end_capture at_a
	until_true 10 "the switch to hand everything on" count_is taken $(($# * 2 * pings))
	end_capture taken
	for one in "${expected[@]}"; do
		read -r cookie count match <<<"$one"
		equal "frames with $match" "$count" "$(hits "cookie=0x$(printf %x "$cookie"),")"
	done
	equal "frames that no flow was for" 0 "$(hits "cookie=0xff,")"
	for one in "$@"; do references=$references+$work/at_a.pcap; done
	compare same "${references#+}" "$work/taken.pcap"
}

echo "-- ERSPAN, VXLAN and RSPAN"
expected=()
port er erspan remote_ip=flow key=flow erspan_ver=flow
port vx vxlan remote_ip=flow key=flow
expect $((2 * pings)) in_port=er,tun_id=11,tun_src=10.9.0.2,tun_erspan_ver=1,tun_erspan_idx=0x1f
expect $((2 * pings)) in_port=er,tun_id=1023,tun_ipv6_src=fd09::2,tun_erspan_ver=1,tun_erspan_idx=0xfffff
expect $pings in_port=er,tun_id=12,tun_src=10.9.0.2,tun_erspan_ver=2,tun_erspan_dir=1,tun_erspan_hwid=0x9
expect $pings in_port=er,tun_id=12,tun_src=10.9.0.2,tun_erspan_ver=2,tun_erspan_dir=0,tun_erspan_hwid=0x9
expect $pings in_port=er,tun_id=0,tun_ipv6_src=fd09::2,tun_erspan_ver=2,tun_erspan_dir=1,tun_erspan_hwid=0x3f
expect $pings in_port=er,tun_id=0,tun_ipv6_src=fd09::2,tun_erspan_ver=2,tun_erspan_dir=0,tun_erspan_hwid=0x3f
expect $((2 * pings)) in_port=vx,tun_id=5000,tun_src=10.9.0.2
expect $((2 * pings)) in_port=vx,tun_id=16777215,tun_ipv6_src=fd09::2
trunk tap
expect $((2 * pings)) in_port=p2,dl_vlan=999,dl_vlan_pcp=5 pop_vlan,
expect $((2 * pings)) in_port=p2,dl_vlan=4094,dl_vlan_pcp=0 pop_vlan,
run vlan:c2,id=999,prio=5 vlan:c2,id=4094,tpid=0x88a8 erspan2:10.9.0.1,id=11,index=31 'erspan2:[fd09::1],id=1023,index=1048575' \
	erspan3:10.9.0.1,id=12,hwid=9 'erspan3:[fd09::1],id=0,hwid=63' \
	vxlan:10.9.0.1,vni=5000 'vxlan:[fd09::1],vni=16777215'

echo "-- GRE, which this datapath does not receive beside ERSPAN"
ofctl del-flows br-int
vsctl --timeout=20 del-port br-int er
expected=()
port gre gre remote_ip=flow key=flow
expect $((2 * pings)) in_port=gre,tun_id=77,tun_src=10.9.0.2
expect $((2 * pings)) in_port=gre,tun_id=78,tun_ipv6_src=fd09::2
run gre:10.9.0.1,key=77 'gre:[fd09::1],key=78'
finish
