#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Frames that do not fit the path: fragmented, dropped and counted, or truncated as soon as a router says what fits; how the route is
# chosen; the GRE checksum. Nobody but the collector notices.
#
#     a ---- s0 [ bridge, 9000 ] s1 ---- b
#            u0 ---- col       1500               reference: what arrived at b
#            v0 ---- r ---- far                   r passes on 1400
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

bridge_topology 9000 1500
sizes="1300 1422 1423 1472 5000 8900" # frames of 1464 and 1465 bytes among them
per_size=10

traffic() {
	local size
	for size in $sizes; do
		"$here/traffic.py" udp ${prefix}a ${prefix}b 10.1.0.2 5002 $per_size "$size" || fail "the datagrams themselves"
	done
}

# fields CAPTURE FILTER FIELD...: distinct values, with how many packets have them
fields() {
	local field arguments=() file=$1 filter=$2
	shift 2
	for field in "$@"; do arguments+=(-e "$field"); done
	tshark -n -r "$work/$file.pcap" -o ip.defragment:FALSE -o ipv6.defragment:FALSE -o ip.check_checksum:TRUE -Y "$filter" -T fields \
		-E occurrence=f -E separator=, "${arguments[@]}" 2>/dev/null | sort | uniq -c | sed 's/^ *//'
}

# start DESTINATION...
start() {
	local words=() destination
	for destination in "$@"; do words+=(-t "$destination"); done
	capture col c0 copies -Q in
	capture b b0 reference -Q in
	mirror tap -i s0 -d rx "${words[@]}"
}

stop() {
	fence a a0 reference copies
	end_mirror "$@"
	end_capture reference
	end_capture copies
}

# in_fragments DESTINATION LARGEST-UNFRAGMENTED-FRAME IP-FILTER OUTER-HEADER-LENGTH
in_fragments() {
	echo "-- $1"
	start "$1"
	"$here/traffic.py" tcp ${prefix}a ${prefix}b 10.1.0.2 5001 300000 >"$work/sum" || fail "the transfer itself"
	traffic
	stop truncated=0 too_big=0 encap_failed=0
	compare same "$work/reference.pcap" "whole:$work/copies.pcap"
	equal "fragmented" "$(tshark -n -r "$work/reference.pcap" -Y "frame.len > $2" 2>/dev/null | wc -l)" \
		"$("$here/counters.py" "$work/mirror.out" fragmented)"
	equal "frames longer than the path" 0 "$(tshark -n -r "$work/copies.pcap" -Y "frame.len > 1514" 2>/dev/null | wc -l)"
	# Another eye: what tshark puts together carries whole frames, with right checksums.
	tshark -n -r "$work/copies.pcap" -o ip.defragment:TRUE -o ipv6.defragment:TRUE -o udp.check_checksum:TRUE \
		-Y "udp.dstport == 5002 && udp.checksum.status == 1" -T fields -E occurrence=l -e udp.length 2>/dev/null >"$work/lengths"
	for size in $sizes; do
		equal "datagrams of $size bytes that tshark sees" $per_size "$(grep -c "^$((size + 8))$" "$work/lengths")"
	done
}

in_fragments erspan2:10.9.0.2,id=1,mtu=fragment $((1500 - 36))
equal "flags of IPv4" "0,1" "$(fields copies ip.flags.mf==1 ip.flags.df ip.checksum.status | cut -d' ' -f2)"
in_fragments 'erspan3:[fd09::2],id=1,platform=7,mtu=fragment' $((1500 - 68))
in_fragments vxlan:10.9.0.2,vni=5,mtu=fragment $((1500 - 36))
in_fragments gre:10.9.0.2,key=9,csum=yes,seq=yes,mtu=fragment,df=yes $((1500 - 36))
equal "flags of IPv4" "1,1" "$(fields copies ip.flags.mf==1 ip.flags.df ip.checksum.status | cut -d' ' -f2)"
compare same "$work/reference.pcap" "whole:$work/copies.pcap"

echo "-- the GRE checksum, over IPv6 and on cut frames of every length, as tshark computes it"
start 'gre:[fd09::2],csum=yes' gre:10.9.0.2,csum=yes
traffic
for size in 1 2 3 4 511 512 513; do
	"$here/traffic.py" udp ${prefix}a ${prefix}b 10.1.0.2 5002 1 "$size" || fail "the datagrams themselves"
done
stop encap_failed=0
sent=$("$here/counters.py" "$work/mirror.out" sent)
equal "checksums" "$sent 0x8000,1" "$(fields copies gre gre.flags_and_version gre.checksum.status)"

echo "-- identification of packets that others may fragment"
start erspan2:10.9.0.2,df=no
traffic
stop
equal "DF, checksum" "0,1" "$(fields copies gre ip.flags.df ip.checksum.status | cut -d' ' -f2)"
equal "packets of one identification" 1 "$(fields copies gre ip.id | cut -d' ' -f1 | sort -n | tail -n 1)"

echo "-- dropped, and by name; but not what is cut by wish; also in front of an interface"
ip -n ${prefix}tap link add p0 type veth peer name p1
ip -n ${prefix}tap link set p0 up
ip -n ${prefix}tap link set p1 up
start erspan2:10.9.0.2,mtu=drop interface:p0,mtu=drop
traffic
stop truncated=0 too_big=$((per_size * (4 + 2)))
equal "longest packet" "1500" "$(fields copies gre ip.len | cut -d' ' -f2 | sort -n | tail -n 1)"
capture col c0 copies -Q in
mirror tap -i s0 -d rx -t erspan2:10.9.0.2,mtu=drop --truncate 1464
traffic
end_mirror truncated=$((per_size * 4)) too_big=0
end_capture copies

echo "-- a router on the way says what fits; routes are chosen by a mark"
namespace r far
wire tap v0 02:00:00:00:07:00 r r0 02:00:00:00:07:01
wire r r1 02:00:00:00:07:02 far f0 02:00:00:00:07:03
ip -n ${prefix}r link set r1 mtu 1400
at r sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
addresses tap v0 10.7.0.1/24 fd07::1/64
addresses r r0 10.7.0.2/24 fd07::2/64
addresses r r1 10.8.0.2/24 fd08::2/64
addresses far f0 10.8.0.3/24 fd08::3/64
ip -n ${prefix}far route add default via 10.8.0.2
ip -n ${prefix}far -6 route add default via fd08::2
ip -n ${prefix}tap route add 10.8.0.0/24 via 10.9.0.2
ip -n ${prefix}tap route add table 77 10.8.0.0/24 via 10.7.0.2
ip -n ${prefix}tap rule add fwmark 0x77 table 77
ip -n ${prefix}tap -6 route add fd08::/64 via fd07::2
for address in 10.8.0.3 fd08::3; do neighbour r r1 $address 02:00:00:00:07:03; done
swallow far f0

# follows DESTINATION LARGEST-FRAME
follows() {
	mirror tap -i s0 -d rx -t "$1"
	said mirror "via v0, frames up to $(($2 + 100)) bytes" || wrong "of $1 it is said: $(cat "$work/mirror.err")"
	capture a a0 icmp icmp or icmp6
	traffic
	until_said mirror "via v0, frames up to $2 bytes"
	capture far f0 copies -Q in
	traffic
	end_mirror
	end_capture copies
	end_capture icmp
	equal "copies of $1 that arrive" $((per_size * 6)) "$(tshark -n -r "$work/copies.pcap" -Y gre 2>/dev/null | wc -l)"
	equal "ICMP errors at a mirrored host" 0 "$(fields icmp "icmp.type == 3 || icmpv6.type == 2" frame.number | wc -l)"
}

follows erspan2:10.8.0.3,mark=0x77 $((1400 - 36))
follows 'erspan2:[fd08::3]' $((1400 - 56))
! at tap "$FARSPAN" mirror -i s0 -t erspan2:10.8.0.3,vrf=s0 2>"$work/err" || wrong "s0 was accepted as a VRF"
grep -q "interface 's0' is no VRF" "$work/err" || wrong "of a VRF that is none it is said: $(cat "$work/err")"
finish
