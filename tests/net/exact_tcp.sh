#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# TCP, whole: the copies are the frames of the wire, byte by byte, whatever super-packets and unfinished checksums the kernel used inside.
#
#     a ---- s0 [ bridge ] s1 ---- b         s0 is mirrored: rx is what a sends, tx what b sends
#            u0 ---- col                     reference: what arrived at b, or at a
#
# Sender and receiver share one CPU: the queue inside of a veth pair is one per CPU, so that a sender moved to another CPU overtakes itself
# on the wire already.
#
# usage: exact_tcp.sh MTU
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

mtu=$1
bytes=4000000
uplink=9216
bridge_topology "$mtu" $uplink
destinations=('erspan2:10.9.0.2,id=1' 'erspan3:[fd09::2],id=2' 'erspan3:10.9.0.2,id=3' 'erspan2:[fd09::2],id=4'
	'erspan1:10.9.0.2' 'erspan1:[fd09::2]')
runs=0
super_packets=10 # at least; or the run would show little

# used_whole: super-packets were wrapped whole, unless the kernel is none to do so.
used_whole() {
	! grep -q 'are cut into frames before' "$work/mirror.err" || return 0
	[ "$("$here/counters.py" "$work/mirror.out" wrapped_whole)" -gt 0 ] || wrong "no super-packet was wrapped whole"
}

# one DIRECTION ADDRESS TAGS REFERENCE-NAMESPACE REFERENCE-IFACE REFERENCE-DIRECTION
one() {
	local from=a to=b entry=s0 sha destination=${destinations[$((runs % ${#destinations[@]}))]}
	runs=$((runs + 1))
	local numbered=("," sequence "$work/copies.pcap")
	case $destination in erspan1*) numbered=() ;; esac
	# What the uplink says it would do with checksums decides where they are finished.
	offload tap u0 tx "$([ $((runs / 3 % 2)) = 0 ] && echo on || echo off)"
	[ "$1" = rx ] || { from=b to=a entry=s1; }
	echo "-- $1 to $2, tags: $3, mtu $mtu, to $destination"
	tagged "$3"
	later=yes capture col c0 copies -Q in
	later=yes capture "$4" "$5" reference -Q "$6"
	later=yes snaplen=100 capture tap $entry whole -Q in greater $((mtu + 100))
	mirror tap -v -i s0 -d "$1" -t "$destination"
	capturing copies reference whole
	sha=$(taskset -c "$cpu" "$here/traffic.py" tcp $prefix$from $prefix$to "$2" 5001 $bytes) || fail "the transfer itself"
	fence $from ${from}0 reference copies
	end_mirror
	end_capture reference copies whole
	[ "$("$here/compare.py" count "$work/whole.pcap")" -ge $super_packets ] || wrong "there were no super-packets to mirror"
	[ "$3" != none ] || [ $super_packets = 0 ] || used_whole
	checksums copies "$("$here/compare.py" count "$work/reference.pcap")" \
		same "$work/reference.pcap" "erspan:$work/copies.pcap" , \
		order "$work/reference.pcap" "erspan:$work/copies.pcap" , \
		stream "erspan:$work/copies.pcap" 5001 $bytes "$sha" , \
		tags "erspan:$work/copies.pcap" "$([ "$3" = none ] && echo 0 || { [ "$3" = one ] && echo 1 || echo 2; })" "${numbered[@]}"
}

for tags in none one two; do
	one rx 10.1.0.2 $tags b b0 in
	one tx fd01::1 $tags a a0 in
	one rx fd01::2 $tags b b0 in
	one tx 10.1.0.1 $tags a a0 in
done

# Frames of the wire that s0 itself merges into super-packets before they are mirrored.
# How much it merges is a matter of chance, and of two tags it merges only what a kernel with VLAN support does.
offload a a0 tx off tso off
offload tap s0 gro on
super_packets=0
for tags in none one two; do
	one rx 10.1.0.2 $tags a a0 out
	one rx fd01::2 $tags a a0 out
done
finish
