#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What Open vSwitch sends arrives in our collector: ERSPAN of both types, GRE and VXLAN over IPv4 and IPv6, each frame once, byte by byte,
# and each field as tshark reads it.
# shellcheck source=tests/peers/ovs.sh
. "$(dirname "$0")/ovs.sh"
chosen=() expected=()

namespace col
start_ovs col
port er2 erspan remote_ip=10.9.0.2 key=11 erspan_ver=1 erspan_idx=0x1f
port er3 erspan remote_ip=10.9.0.2 key=12 erspan_ver=2 erspan_dir=1 erspan_hwid=0x7
port er62 erspan remote_ip=fd09::2 key=1023 erspan_ver=1 erspan_idx=0xfffff
port er63 erspan remote_ip=fd09::2 key=14 erspan_ver=2 erspan_dir=0 erspan_hwid=0x3f tos=0xb8 ttl=9
port gre4 gre remote_ip=10.9.0.2
port gre6 gre remote_ip=fd09::2 key=78
port vx4 vxlan remote_ip=10.9.0.2 key=5000
port vx6 vxlan remote_ip=fd09::2 key=16777215
says=(
	"kind=erspan2,outer_src=10.9.0.1,session=11,index=31,en=0,truncated=false"
	"kind=erspan3,outer_src=10.9.0.1,session=12,hwid=7,direction=egress,truncated=false"
	"kind=erspan2,outer_src=fd09::1,session=1023,index=1048575"
	"kind=erspan3,outer_src=fd09::1,session=14,hwid=63,direction=ingress,ttl=9,tos=184"
	"kind=gre,outer_src=10.9.0.1,key=none"
	"kind=gre,outer_src=fd09::1,key=78"
	"kind=vxlan,outer_src=10.9.0.1,vni=5000"
	"kind=vxlan,outer_src=fd09::1,vni=16777215"
)
# A few of the frames of every length and kind at a time: what waits for the switch in user space has little room.
"$here/make_frames.py" "$work/all.pcap"
# It clears the bit of a tag that says that a frame may be dropped.
droppable='(ether[12:2] = 0x8100 or ether[12:2] = 0x88a8) and ether[14] & 0x10 != 0'
tcpdump -r "$work/all.pcap" -w "$work/fit.pcap" "less 8990 and not ($droppable)" 2>/dev/null
for first in $(seq 1 5 "$("$here/compare.py" count "$work/fit.pcap")"); do chosen+=("$first"); done
editcap -r "$work/fit.pcap" "$work/frames.pcap" "${chosen[@]}"
frames=${#chosen[@]}
chunks=0
for first in $(seq 1 24 "$frames"); do
	editcap -r "$work/frames.pcap" "$work/chunk$chunks.pcap" "$first-$((first + 23))"
	chunks=$((chunks + 1))
done

echo "-- every port, $frames frames each"
capture col c0 outer -Q in
collect --clsact # XDP takes packets before a capture could see them
# One port after the other: all ERSPAN ports share one sequence counter.
for one in "${ports[@]}"; do
	ofctl del-flows br-int
	flow "in_port=p1 actions=$one"
	for ((chunk = 0; chunk < chunks; chunk++)); do
		at host "$here/traffic.py" frames h1 "$work/chunk$chunk.pcap"
		fence host h1 outer
	done
done
end_collect written=$(((frames + chunks) * ${#ports[@]})) lost=0 late=0 duplicate=0
end_capture outer
for one in "${says[@]}"; do expected+=("$((frames + chunks)):$one"); done
fields "$work/outer.pcap" "${expected[@]}"
for one in "${ports[@]}"; do references=${references:-}+$work/frames.pcap; done
compare same "${references#+}" "$work/collected.pcapng"
"$here/collected.py" recording "$work/collect.out" "$work/collected.pcapng" || wrong "the recording"

# It replaces a tag that is there, so frames have none; and Linux takes no tagged frame with less than two bytes behind the tag.
echo "-- RSPAN: its mirror sends to VLAN 999 of a trunk, ours takes that out again"
namespace far
wire col x0 02:00:00:00:05:32 far y0 02:00:00:00:05:42 9000
trunk col
tcpdump -r "$work/frames.pcap" -w "$work/untagged.pcap" 'not vlan and greater 16' 2>/dev/null
frames=$("$here/compare.py" count "$work/untagged.pcap")
ofctl del-flows br-int
# It would flood the VLAN to all.
for one in "${ports[@]}"; do vsctl --timeout=20 del-port br-int "$one"; done
vsctl --timeout=20 -- --id=@from get port p1 -- --id=@m create mirror name=rspan select_src_port=@from output_vlan=999 \
	-- set bridge br-int mirrors=@m >/dev/null
forget_flows
capture col c2 trunk -Q in
capture far y0 taken -Q in
mirror col -i c2 -d rx --vlan 999 --strip-tag -t interface:x0
at host "$here/traffic.py" frames h1 "$work/untagged.pcap"
until_true 10 "the switch to mirror everything" count_is trunk "$frames"
end_mirror seen="$frames" sent="$frames"
until_true 10 "the frames to arrive" count_is taken "$frames"
end_capture trunk
end_capture taken
tcpdump -r "$work/trunk.pcap" -w "$work/tagged.pcap" 'vlan 999' 2>/dev/null
equal "frames in VLAN 999" "$frames" "$("$here/compare.py" count "$work/tagged.pcap")"
compare same "$work/untagged.pcap" "$work/taken.pcap"
finish
