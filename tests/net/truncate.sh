#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A path that takes 1500 bytes: copies are cut to what fits, say so (T), none is lost, none is fragmented.
#
#     a ---- s0 [ bridge, 9000 ] s1 ---- b
#            u0 ---- col       1500              reference: what arrived at b
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

bridge_topology 9000 1500

# one DESTINATION LONGEST-FRAME: the path's 1500 less the outer headers
one() {
	echo "-- $1: frames up to $2 bytes"
	later=yes capture col c0 copies -Q in
	later=yes capture b b0 reference -Q in
	mirror tap -i s0 -d rx -t "$1"
	capturing copies reference
	# A TCP transfer in frames of 9014 bytes, and datagrams around the limit: of 42 bytes of headers the first that fits is exactly full.
	"$here/traffic.py" tcp ${prefix}a ${prefix}b 10.1.0.2 5001 1000000 >"$work/sum" || fail "the transfer itself"
	local size
	for size in $(seq $(($2 - 42 - 2)) $(($2 - 42 + 2))); do
		"$here/traffic.py" udp ${prefix}a ${prefix}b 10.1.0.2 5002 20 "$size" || fail "the datagrams themselves"
	done
	fence a a0 reference copies
	local sent fences=1
	sent=$(("$("$here/compare.py" count "$work/reference.pcap")" + fences))
	end_mirror sent=$sent
	end_capture reference copies
	compare cut "$work/reference.pcap" "$work/copies.pcap" "$2"
	equal "truncated, as the mirror counts it" "$(tshark -n -r "$work/reference.pcap" -Y "frame.len > $2" 2>/dev/null | wc -l)" \
		"$("$here/counters.py" "$work/mirror.out" truncated)"
}

one erspan1:10.9.0.2 $((1500 - 20 - 4))
one 'erspan1:[fd09::2]' $((1500 - 40 - 4))
one erspan2:10.9.0.2 $((1500 - 20 - 8 - 8))
one 'erspan2:[fd09::2]' $((1500 - 40 - 8 - 8))
one erspan3:10.9.0.2 $((1500 - 20 - 8 - 12))
one 'erspan3:[fd09::2]' $((1500 - 40 - 8 - 12))
finish
