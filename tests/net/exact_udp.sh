#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# UDP in both directions: small and full datagrams with unfinished checksums, super-packets cut by the kernel (UDP_SEGMENT), IP fragments.
#
#     a ---- s0 [ bridge ] s1 ---- b
#            u0 ---- col             reference: what arrived at a and at b
#
# usage: exact_udp.sh MTU
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

mtu=$1
bridge_topology "$mtu" 9216

# one WHAT DESTINATION TAGS TRAFFIC-ARGUMENT...: COUNT SIZE [SEGMENT], both ways, over IPv4 and IPv6
one() {
	local what=$1 destination=$2 tags=$3
	shift 3
	echo "-- $what, tags: $tags, mtu $mtu, to $destination"
	tagged "$tags"
	later=yes capture col c0 copies -Q in
	later=yes capture a a0 at_a -Q in
	later=yes capture b b0 at_b -Q in
	mirror tap -i s0 -d both -t "$destination"
	capturing copies at_a at_b
	"$here/traffic.py" udp ${prefix}a ${prefix}b 10.1.0.2 5002 "$@" || fail "the datagrams themselves"
	"$here/traffic.py" udp ${prefix}b ${prefix}a 10.1.0.1 5002 "$@" || fail "the datagrams themselves"
	"$here/traffic.py" udp ${prefix}a ${prefix}b fd01::2 5002 "$@" || fail "the datagrams themselves"
	"$here/traffic.py" udp ${prefix}b ${prefix}a fd01::1 5002 "$@" || fail "the datagrams themselves"
	fence a a0 at_b copies
	fence b b0 at_a copies
	end_mirror
	end_capture at_a at_b copies
	compare same "$work/at_a.pcap+$work/at_b.pcap" "erspan:$work/copies.pcap" , sequence "$work/copies.pcap"
	equal "wrong checksums" 0 "$(sums copies '(udp.checksum.status == 0 || ip.checksum.status == 0)')"
}

for tags in none one two; do
	one "small datagrams" 'erspan2:10.9.0.2,id=20' $tags 300 18
	one "full datagrams" 'erspan3:[fd09::2],id=21' $tags 200 $((mtu - 48))
	one "super-packets" 'erspan2:[fd09::2],id=22' $tags 50 8000 1000
	one "fragments" 'erspan3:10.9.0.2,id=23' $tags 50 $((mtu * 3))
done
finish
