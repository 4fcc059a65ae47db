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

# replayed FILE OPTION...: the copies are in "copies"
replayed() {
	local file=$1
	shift
	capture col c0 copies -Q in
	at tap "$FARSPAN" mirror -q -r "$work/$file" --topspeed -t erspan2:10.9.0.2 "$@" 2>"$work/replayed" ||
		wrong "the replay: $(cat "$work/replayed")"
	fence tap u0 copies
	end_capture copies
}

# of_copies FIELD...: of the outermost header in which a field is
of_copies() {
	local field arguments=()
	for field in "$@"; do arguments+=(-e "$field"); done
	tshark -n -r "$work/copies.pcap" -Y erspan -T fields -E separator=' ' -E occurrence=f "${arguments[@]}" 2>/dev/null
}

"$here/make_headers.py" headers "$work/headers.pcap" "$work/ends"
for layer in 2 3 4; do
	echo "-- to the end of L$layer: options, tags, extension headers, fragments"
	replayed headers.pcap --truncate l$layer
	# Behind what the outer packet says there may be padding.
	of_copies ip.len erspan.truncated | awk '{ print $1 - 36, $2 }' >"$work/lengths"
	equal "copies" "$(wc -l <"$work/ends")" "$(wc -l <"$work/lengths")"
	equal "wrong ends of L$layer: name, L2, L3, L4, length, T" "" \
		"$(paste -d ' ' "$work/ends" "$work/lengths" | awk -v layer=$layer '$layer != $5 || $6 != 1')"
done

echo "-- a sample of flows: 200 of them, each with all of its frames or none"
"$here/make_headers.py" flows "$work/flows.pcap" 200
replayed flows.pcap --sample flow:4
of_copies udp.srcport udp.dstport | sed 's/^7 //; s/ 7$//' | sort | uniq -c |
	awk '{ flows++; torn += $1 != 4 } END { print flows + 0, torn + 0 }' >"$work/flows"
read -r flows torn <"$work/flows"
equal "flows torn" 0 "$torn"
# The same each time; 50 were the even share, with a deviation of 6.
[ "$flows" -ge 20 ] && [ "$flows" -le 80 ] || wrong "$flows flows of 200 are 1 in 4"
finish
