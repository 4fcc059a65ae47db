#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A mirror of the uplink itself, and a second mirror that sees the copies of the first: own copies are never copied again.
#
#     a ---- s0 [ bridge ] s1 ---- b
#            u0 ---- col                     u0 is mirrored over u0
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

bridge_topology 1500 1600
pings=50

# session COPIES-FILE NUMBER: how many copies have this session number, the fences among them not counted
session() {
	tshark -n -r "$work/copies.pcap" -Y "erspan.spanid == $1 && !(frame contains \"$fence_text\")" 2>/dev/null | wc -l
}

echo "-- the uplink, mirrored over itself"
capture col c0 copies -Q in
mirror tap -i u0 -d both -t 'erspan2:10.9.0.2,id=7'
at tap ping -q -i 0.002 -c $pings 10.9.0.2 >"$work/ping" || wrong "pings over the uplink: $(cat "$work/ping")"
fence tap u0 copies
fence col c0 copies
# Pings, their answers, two fences.
end_mirror attempted=$((2 * pings + 2)) sent=$((2 * pings + 2))
end_capture copies
equal "copies" $((2 * pings)) "$(session 7)"
compare sequence "$work/copies.pcap"

echo "-- a chain of three: one mirrors the copies of another over a second uplink, and a third mirrors that one"
wire tap v0 02:00:00:00:07:00 col v1 02:00:00:00:07:01 1700
addresses tap v0 10.7.0.1/24
neighbour tap v0 10.7.0.2 02:00:00:00:07:01
start_farspan second tap mirror --json -i u0 -d both -t erspan2:10.7.0.2,id=8
start_farspan third tap mirror --json -i v0 -d both -t interface:s1 ip
mirror tap -i s0 -d rx -t erspan2:10.9.0.2,id=7
at a ping -q -i 0.002 -c $pings 10.1.0.2 >"$work/ping" || wrong "pings: $(cat "$work/ping")"
! grep -q duplicates "$work/ping" || wrong "pings: $(cat "$work/ping")"
end_mirror seen=$pings sent=$pings
end second && end third || wrong "the second mirror or the third"
"$here/counters.py" "$work/second.out" seen=$pings loop=$pings sent=0 || wrong "counters of the second mirror"
"$here/counters.py" "$work/third.out" seen=0 sent=0 || wrong "counters of the third mirror"

echo "-- a second mirror, of the uplink that carries the copies of the first"
capture col c0 copies -Q in
start_farspan second tap mirror --json -i u0 -d both -t 'erspan3:10.9.0.2,id=8'
mirror tap -i s0 -d both -t 'erspan2:10.9.0.2,id=7'
at a ping -q -i 0.002 -c $pings 10.1.0.2 >"$work/ping" || wrong "pings: $(cat "$work/ping")"
fence a a0 copies
end_mirror sent=$((2 * pings + 1))
end second || wrong "second mirror: status $?"
end_capture copies
"$here/counters.py" "$work/second.out" seen=$((2 * pings + 1)) loop=$((2 * pings + 1)) sent=0 || wrong "counters of the second mirror"
equal "copies of the first" $((2 * pings)) "$(session 7)"
equal "copies of copies" 0 "$(session 8)"

echo "-- two mirrors, each of one end of the wire, sending to each other"
swallow tap u0
capture col c0 copies
start_farspan second col mirror --json -i c0 -d both -t 'erspan2:10.9.0.1,id=9'
mirror tap -i u0 -d both -t 'erspan2:10.9.0.2,id=7'
at tap ping -q -i 0.002 -c $pings 10.9.0.2 >"$work/ping" || wrong "pings: $(cat "$work/ping")"
! grep -q duplicates "$work/ping" || wrong "pings: $(cat "$work/ping")"
fence tap u0 copies
end_mirror
end second || wrong "second mirror: status $?"
end_capture copies
# Each side copies pings and answers once, and no copy of the other side.
equal "copies by one side" $((2 * pings)) "$(session 7)"
equal "copies by the other" $((2 * pings)) "$(session 9)"
finish
