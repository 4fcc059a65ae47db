#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# "farspan mirror" on other kernels: the guest is the machine that mirrors. The copies are the frames of the wire, byte by byte, its network cards
# being virtio ones with every offload; and whatever ends a mirror, nothing of it stays.
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

# stop [COUNTER=NUMBER...]
stop() {
	fence a a0 at_b copies
	fence b b0 at_a copies
	inside_end mirror
	"$here/counters.py" "$work/mirror.out" "$@" || wrong "the counters of the mirror: $(cat "$work/mirror.err")"
	end_capture at_a
	end_capture at_b
	end_capture copies
}

at a ping -q -c 1 -W 5 10.1.0.2 >/dev/null || fail "the guest's bridge"
inside_state before

echo "-- $kernel ${way:-best way}: frames of every length and kind"
ip -n ${prefix}a link set a0 mtu 9000
start -i s0 -d both -t erspan2:10.9.0.2,id=9
capture a a0 sent -Q out
at a "$here/traffic.py" frames a0 "$work/special.pcap"
stop
end_capture sent
ip -n ${prefix}a link set a0 mtu 1500
compare same "$work/special.pcap" "erspan:$work/copies.pcap"
compare sequence "$work/copies.pcap"

# traffic ADDRESS-OF-A ADDRESS-OF-B: datagrams and a transfer, both ways
traffic() {
	"$here/traffic.py" udp ${prefix}a ${prefix}b "$2" 5002 100 1000 >/dev/null || fail "the datagrams themselves"
	"$here/traffic.py" udp ${prefix}b ${prefix}a "$1" 5002 100 18 >/dev/null || fail "the datagrams themselves"
	"$here/traffic.py" udp ${prefix}b ${prefix}a "$1" 5003 20 4000 >/dev/null || fail "the datagrams themselves"
	sha_to_b=$("$here/traffic.py" tcp ${prefix}a ${prefix}b "$2" 5001 $bytes) || fail "the transfer itself"
	sha_to_a=$("$here/traffic.py" tcp ${prefix}b ${prefix}a "$1" 5004 $bytes) || fail "the transfer itself"
}

bytes=400000
# exact DESTINATION TAGS ADDRESS-OF-A ADDRESS-OF-B
exact() {
	echo "-- $kernel ${way:-best way}: TCP and UDP, tags: $2, to $1"
	tagged "$2"
	start -i s0 -d both -t "$1"
	inside_captures "s0 whole -Q in greater 1700"
	traffic "$3" "$4"
	stop
	end_inside_captures whole
	[ "$("$here/compare.py" count "$work/whole.pcap")" -ge 10 ] || wrong "there were no super-packets to mirror"
	compare same "$work/at_a.pcap+$work/at_b.pcap" "erspan:$work/copies.pcap"
	compare stream "erspan:$work/copies.pcap" 5001 $bytes "$sha_to_b"
	compare stream "erspan:$work/copies.pcap" 5004 $bytes "$sha_to_a"
	compare checksums "erspan:$work/copies.pcap"
	compare sequence "$work/copies.pcap"
}

exact 'erspan2:10.9.0.2,id=1' none 10.1.0.1 10.1.0.2
exact 'erspan3:[fd09::2],id=2' two fd01::1 fd01::2
tagged none
inside_nothing_left "mirrors that ended"

echo "-- $kernel ${way:-best way}: every kind of destination at once"
start -i s0 -d both -t erspan1:10.9.0.2 -t 'erspan2:[fd09::2],id=4' -t gre:10.9.0.2,key=5 -t 'vxlan:[fd09::2],vni=6'
at a ping -q -c 10 -i 0.01 -W 5 10.1.0.2 >/dev/null || fail "the pings themselves"
stop sent=88 # with the fences
fields "$work/copies.pcap" 22:kind=erspan1 22:kind=erspan2,session=4 22:kind=gre,key=5 22:kind=vxlan,vni=6

for signal in INT HUP KILL; do
	echo "-- $kernel ${way:-best way}: ended by $signal"
	inside_start mirror mirror $way -i s0 -d both -t erspan2:10.9.0.2
	inside_state while
	! cmp -s "$work/before" "$work/while" || wrong "a running mirror shows nowhere"
	at a ping -q -c 3 -i 0.01 -W 5 10.1.0.2 >/dev/null || wrong "the pings themselves"
	inside_end mirror $signal
	inside_nothing_left "$signal"
	at a ping -q -c 3 -i 0.01 -W 5 10.1.0.2 >/dev/null || wrong "the pings themselves"
done
finish
