#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# "farspan mirror" on other kernels: the guest is the machine that mirrors. The copies are the frames of the wire, byte by byte, its
# network cards being virtio ones with every offload; and whatever ends a mirror, nothing of it stays. And uplinks in a VRF.
#
#     a ---- s0 [ bridge of the guest ] s1 ---- b
#                 u0 ---- col
#
# usage: ours_mirror.sh KERNEL [OPTION-OF-MIRROR...]
# shellcheck source=tests/peers/lib.sh
. "$(dirname "$0")/lib.sh"

kernel=$1
way=${2:-}
namespace a b col
boot "$kernel" s0=a/a0 s1=b/b0 u0=col/c0
guest_uplink col c0 $mac_c 10.9.0.2 fd09::2 $mac_u 10.9.0.1 fd09::1 9216
inside <<END
for iface in s0 s1; do
	ip link set \$iface mtu 9000 up
	ethtool -K \$iface tx off tso off >/dev/null
done
ip link set s0 address $mac_s0
ip link set s1 address $mac_s1
ip link add br0 address 02:00:00:00:05:03 type bridge mcast_snooping 0 ageing_time 0 forward_delay 0
ip link set br0 mtu 9000 up
ip link set s0 master br0
ip link set s1 master br0
END
for host in "a a0 $mac_a 10.1.0.1 fd01::1" "b b0 $mac_b 10.1.0.2 fd01::2"; do
	read -r name iface mac ipv4 ipv6 <<<"$host"
	ip -n "$prefix$name" link set "$iface" address "$mac" mtu 1500 up
	addresses "$name" "$iface" "$ipv4/24" "$ipv6/64"
	meet "$name" "$iface"
done
swallow col c0
"$here/make_frames.py" "$work/special.pcap"

start() {
	inside_start mirror mirror --json $way "$@"
	capture col c0 copies -Q in
	capture a a0 at_a -Q in
	capture b b0 at_b -Q in
}

# Everything that start() started, when it has got all of the traffic.
stop() {
	fence a a0 at_b copies
	fence b b0 at_a copies
	inside_end mirror "$1"
	end_capture at_a
	end_capture at_b
	end_capture copies
}

at a ping -q -c 1 -W 20 10.1.0.2 >/dev/null || fail "the guest's bridge"
inside_state before

echo "-- $kernel ${way:-best way}: TCP and UDP, without tags over IPv4, with two tags over IPv6"
bytes=300000

# traffic ADDRESS-OF-A ADDRESS-OF-B: datagrams and a transfer, both ways
traffic() {
	"$here/traffic.py" udp ${prefix}a ${prefix}b "$2" 5002 50 1000 >/dev/null || fail "the datagrams themselves"
	"$here/traffic.py" udp ${prefix}b ${prefix}a "$1" 5002 50 18 >/dev/null || fail "the datagrams themselves"
	"$here/traffic.py" udp ${prefix}b ${prefix}a "$1" 5003 20 4000 >/dev/null || fail "the datagrams themselves"
	sha_to_b=$("$here/traffic.py" tcp ${prefix}a ${prefix}b "$2" "$3" $bytes) || fail "the transfer itself"
	sha_to_a=$("$here/traffic.py" tcp ${prefix}b ${prefix}a "$1" $(($3 + 1)) $bytes) || fail "the transfer itself"
}

start -i s0 -d both -t erspan2:10.9.0.2,id=1 -t 'erspan3:[fd09::2],id=2'
inside_captures "s0 whole -Q in greater 1700"
traffic 10.1.0.1 10.1.0.2 5010
shas=("$sha_to_b" "$sha_to_a")
tagged two
traffic fd01::1 fd01::2 5020
shas+=("$sha_to_b" "$sha_to_a")
tagged none
stop INT
end_inside_captures whole
frames=$(("$("$here/compare.py" count "$work/at_a.pcap+$work/at_b.pcap")" + 2)) # the fences
"$here/counters.py" "$work/mirror.out" sent=$((2 * frames)) || wrong "the counters of the mirror: $(cat "$work/mirror.err")"
[ "$("$here/compare.py" count "$work/whole.pcap")" -ge 10 ] || wrong "there were no super-packets to mirror"
[ "$("$here/counters.py" "$work/mirror.out" wrapped_whole)" -gt 0 ] || wrong "no super-packet was wrapped whole"
# Each session apart: both have every frame.
for way_out in "ip" "ip6"; do
	tcpdump -r "$work/copies.pcap" -w "$work/$way_out.pcap" "$way_out" 2>/dev/null
	compare same "$work/at_a.pcap+$work/at_b.pcap" "erspan:$work/$way_out.pcap"
	number=0
	for port in 5010 5011 5020 5021; do
		compare stream "erspan:$work/$way_out.pcap" $port $bytes "${shas[$number]}"
		number=$((number + 1))
	done
	compare sequence "$work/$way_out.pcap"
done
compare checksums "erspan:$work/copies.pcap"
inside_nothing_left "a mirror that ended"

echo "-- $kernel ${way:-best way}: frames of every length and kind to every kind of destination, then killed"
ip -n ${prefix}a link set a0 mtu 9000
start -i s0 -d both -t erspan1:10.9.0.2 -t 'erspan2:[fd09::2],id=4' -t gre:10.9.0.2,key=5 -t 'vxlan:[fd09::2],vni=6'
at a "$here/traffic.py" frames a0 "$work/special.pcap"
inside_state while
! cmp -s "$work/before" "$work/while" || wrong "a running mirror shows nowhere"
stop KILL
inside_nothing_left "a mirror that was killed"
at a ping -q -c 3 -i 0.01 -W 20 10.1.0.2 >/dev/null || wrong "the pings themselves"
frames=$(("$("$here/compare.py" count "$work/special.pcap")" + 2)) # the fences
compare same "$work/special.pcap+$work/special.pcap" "erspan:$work/copies.pcap"
compare sequence "$work/copies.pcap"
fields "$work/copies.pcap" $frames:kind=erspan1 $frames:kind=erspan2,session=4 $frames:kind=gre,key=5 $frames:kind=vxlan,vni=6

if ! has_vrf; then
	finish
	exit
fi
echo "-- $kernel ${way:-best way}: the uplink in a VRF, by the VRF and by its own name"
guest_uplink_in_vrf fd09::1 "$mac_c" 10.9.0.2 fd09::2
inside "! farspan mirror -i s0 -t erspan2:10.9.0.2" | grep -q "no route to 10.9.0.2" || wrong "a route of a VRF was taken unasked"
start -i s0 -d both -t erspan2:10.9.0.2,vrf=blue -t "'erspan3:[fd09::2],id=2,vrf=blue,dev=u0'" -t erspan2:10.9.0.2,id=11,dev=u0
at a ping -q -c 20 -i 0.01 -W 20 10.1.0.2 >/dev/null || wrong "the pings themselves"
inside <<END
ip link del blue
ip neigh replace 10.9.0.2 lladdr $mac_c dev u0 nud permanent
until tail -n 3 /tmp/mirror.err | grep -c "interface 'blue': no such interface" | grep -q 2 &&
	tail -n 1 /tmp/mirror.err | grep -q 'erspan2 10.9.0.1 -> 10.9.0.2 id [0-9]* via u0'; do
	sleep 0.05
done
END
at a ping -q -c 20 -i 0.01 -W 20 10.1.0.2 >/dev/null || wrong "the pings themselves"
stop INT
# Pings and answers, with the fences behind the second half.
"$here/counters.py" "$work/mirror.out" seen=246 attempted=246 sent=162 no_route=84 || wrong "the counters: $(cat "$work/mirror.err")"
tshark -n -r "$work/copies.pcap" -w "$work/by_name.pcap" -Y 'erspan.spanid == 11' 2>/dev/null
compare same "$work/at_a.pcap+$work/at_b.pcap" "erspan:$work/by_name.pcap"
finish
