#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# VXLAN devices of this machine's own kernel, both ways, over IPv4 and IPv6: what they send arrives in our collector, what our mirror sends
# arrives in them; each frame once, byte by byte.
#
#     a  a0 ---- s0  tap  u0 ---- c0  col        10.9.0.1, fd09::1 and 10.9.0.2, fd09::2
# shellcheck source=tests/peers/lib.sh
. "$(dirname "$0")/lib.sh"

uplink_topology 9216
namespace a
wire a a0 $mac_a tap s0 $mac_s0
addresses a a0 10.1.0.1/24 fd01::1/64
addresses tap s0 10.1.0.3/24 fd01::3/64
for address in 10.1.0.3 fd01::3; do neighbour a a0 $address $mac_s0; done
for address in 10.1.0.1 fd01::1; do neighbour tap s0 $address $mac_a; done
for end in "a a0" "tap s0" "tap u0" "col c0"; do
	# shellcheck disable=SC2086 # namespace and interface
	offload $end tx off tso off gro off
done

# device NAMESPACE NAME OPTION...: without frames of its own
device() {
	local where=$1 name=$2
	shift 2
	ip -n "$prefix$where" link add "$name" type vxlan dstport 4789 "$@" || skip "this kernel has no VXLAN"
	at "$where" sysctl -qw "net.ipv6.conf.$name.disable_ipv6=1"
	ip -n "$prefix$where" link set "$name" mtu 9100 up
	offload "$where" "$name" tx off tso off gro off
}

echo "-- theirs to ours"
device tap vx4 id 5000 local 10.9.0.1 remote 10.9.0.2
device tap vx6 id 16777215 local fd09::1 remote fd09::2 udp6zerocsumtx
"$here/make_frames.py" "$work/all.pcap"
# Such a device refuses to send what says that it is IP and is too short for that.
tcpdump -r "$work/all.pcap" -w "$work/frames.pcap" 'not (ether proto 0x0800 or ether proto 0x86dd)' 2>/dev/null
frames=$("$here/compare.py" count "$work/frames.pcap")
capture tap u0 outer
collect
for name in vx4 vx6; do at tap "$here/traffic.py" frames $name "$work/frames.pcap"; done
at tap ping -q -c 1 -W 20 10.9.0.2 >/dev/null || fail "the wire to the collector"
end_collect written=$((2 * frames))
end_capture outer
fields "$work/outer.pcap" "$frames:kind=vxlan,outer_src=10.9.0.1,vni=5000" "$frames:kind=vxlan,outer_src=fd09::1,vni=16777215"
compare same "$work/frames.pcap" "vxlan 10.9.0.1@$work/collected.pcapng"
compare same "$work/frames.pcap" "vxlan fd09::1@$work/collected.pcapng"
ip -n ${prefix}tap link del vx4
ip -n ${prefix}tap link del vx6

echo "-- ours to theirs"
device col vx4 id 5000 local 10.9.0.2 remote 10.9.0.1
device col vx6 id 16777215 local fd09::2 remote fd09::1 udp6zerocsumrx # or it would drop what has no UDP checksum
for name in vx4 vx6; do capture col $name $name -Q in; done
capture a a0 at_a
mirror tap -i s0 -d both -t vxlan:10.9.0.2,vni=5000 -t 'vxlan:[fd09::2],vni=16777215'
# On one CPU, or a veth pair does not keep the order.
sha=$(taskset -c "$cpu" "$here/traffic.py" tcp ${prefix}a ${prefix}tap 10.1.0.3 5001 400000) || fail "the transfer itself"
taskset -c "$cpu" "$here/traffic.py" tcp ${prefix}tap ${prefix}a fd01::1 5002 400000 >/dev/null || fail "the transfer itself"
fence a a0 at_a vx4 vx6
end_mirror
for name in at_a vx4 vx6; do end_capture $name; done
for name in vx4 vx6; do
	compare same "$work/at_a.pcap" "$work/$name.pcap"
	compare order "$work/at_a.pcap" "$work/$name.pcap"
	compare stream "$work/$name.pcap" 5001 400000 "$sha"
	compare checksums "$work/$name.pcap"
done
finish
