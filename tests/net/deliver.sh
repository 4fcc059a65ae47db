#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What the collector hands on: frames for analyzers on an interface in monitor mode, frames out of an existing interface, and a relay.
#
#     a ---- s0 [ bridge ] s1 ---- b          s0 is mirrored over u0 to col
#            u0 ---- c0  col   span0          made by the collector
#                        d0 ---- far          existing interface; and the far end of the relay, 10.8.0.2
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

bridge_topology 1500 1600 collector
namespace far
wire col d0 02:00:00:00:08:01 far e0 02:00:00:00:08:02 1700
addresses col d0 10.8.0.1/24
addresses far e0 10.8.0.2/24
neighbour col d0 10.8.0.2 02:00:00:00:08:02
datagrams=500

# session OPTION...: mirrors datagrams and a TCP transfer to a collector with these options; the reference is what b gets.
session() {
	start_farspan collect col collect --json -w "$work/collected.pcapng" "$@"
	powerless "$(cat "$work/collect.pid")"
}

traffic() {
	mirror tap -i s0 -d rx -t erspan3:10.9.0.2,id=7 --truncate "${truncate:-9000}"
	"$here/traffic.py" udp ${prefix}a ${prefix}b 10.1.0.2 5002 $datagrams 100 >"$work/udp" || fail "the datagrams themselves"
	"$here/traffic.py" tcp ${prefix}a ${prefix}b fd01::2 5001 300000 >"$work/sum" || fail "the transfer itself"
	fence a a0 reference "$@"
	end_mirror
}

echo "-- an interface in monitor mode, recorded at the same time"
session -t interface:span0
capture col span0 seen -Q in
capture b b0 reference -Q in
traffic seen
sent=$("$here/counters.py" "$work/mirror.out" sent)
end_capture seen
end_capture reference
# An answer to a frame that asks for one: whoever listens must stay silent.
equal "frames sent from span0" 0 "$(ip -n ${prefix}col -s -j link show span0 | jq '.[0].stats64.tx.packets')"
end_collect written="$sent" packets="$sent"
compare same "$work/reference.pcap" "$work/seen.pcap"
equal "frames handed on" "$sent" "$(jq '.destinations[0].sent' "$work/collect.out")"
! at col ip link show span0 2>/dev/null || wrong "span0 is still there"

echo "-- each source to its own interface and file"
start_farspan collect col collect --json -f erspan:any,id=7 -t interface:span0 -w "$work/one.pcapng" \
	-f erspan:any,remote=10.9.0.0/24,id=8-9 -t interface:span1 -w "$work/other.pcapng" -f erspan:any -t interface:span2 \
	-f erspan:any,id=11 -t "interface:e0,netns=${prefix}far"
powerless "$(cat "$work/collect.pid")"
capture far e0 away -Q in
capture b b0 reference -Q in
capture col span0 seen -Q in
capture col span1 other -Q in
capture col span2 rest -Q in
for session in 7 8 10 11; do
	mirror tap -i s0 -d rx -t erspan3:10.9.0.2,id=$session
	"$here/traffic.py" udp ${prefix}a ${prefix}b 10.1.0.2 5002 $session 100 >"$work/udp" || fail "the datagrams themselves"
	end_mirror sent=$session
done
for seen in seen:7 other:8 rest:10 away:11; do
	until_true 20 "the frames of $seen" sh -c "[ \$('$here/compare.py' count '$work/${seen%:*}.pcap') = ${seen#*:} ]"
	end_capture ${seen%:*}
done
end collect || wrong "farspan collect: status $?"
for seen in seen:7 other:8 rest:10 away:11; do
	equal "frames at ${seen%:*}" ${seen#*:} "$("$here/compare.py" count "$work/${seen%:*}.pcap")"
done
compare same "$work/seen.pcap" "$work/one.pcapng"
compare same "$work/other.pcap" "$work/other.pcapng"
end_capture reference
last_frame() {
	tshark -n -r "$work/$1.pcap" -x 2>/dev/null | tail -n 12
}
equal "the last frame, in the other namespace" "$(last_frame reference)" "$(last_frame away)"
equal "sent to each" "7 8 10 11" "$(jq -r '[.destinations[].sent] | join(" ")' "$work/collect.out")"
equal "recorded of each, and not" "7 8 21" "$(jq -r '[.recordings[].written, .unrecorded] | join(" ")' "$work/collect.out")"

echo "-- an interface that exists, nothing recorded"
start_farspan collect col collect --json -t interface:d0
powerless "$(cat "$work/collect.pid")"
capture far e0 seen -Q in
capture b b0 reference -Q in
traffic seen
end_capture seen
end_capture reference
end collect || wrong "farspan collect: status $?"
"$here/collected.py" counters "$work/collect.out" written=0 || wrong "the counters of the collector"
compare same "$work/reference.pcap" "$work/seen.pcap"

echo "-- a relay: Type III in, Type II out, every second frame, some truncated by the sender"
start_farspan collect col collect --json -t erspan2:10.8.0.2,id=9 --sample count:2
powerless "$(cat "$work/collect.pid")"
capture far e0 relayed -Q in
capture b b0 reference -Q in
truncate=90 traffic
end collect || wrong "farspan collect: status $?"
end_capture reference
end_capture relayed
received=$(jq .packets "$work/collect.out")
equal "frames relayed" $(((received + 1) / 2)) "$(jq '.destinations[0].sent' "$work/collect.out")"
equal "frames relayed, as they arrived" $(((received + 1) / 2)) \
	"$(tshark -n -r "$work/relayed.pcap" -Y 'erspan.spanid == 9' 2>/dev/null | wc -l)"
compare sequence "$work/relayed.pcap"
cut=$(tshark -n -r "$work/relayed.pcap" -Y 'erspan.spanid == 9 && frame.len == 140' 2>/dev/null | wc -l)
[ "$cut" -gt $((datagrams / 2 - 5)) ] || wrong "only $cut truncated frames were relayed"
equal "relayed frames that say T" "$cut" "$(tshark -n -r "$work/relayed.pcap" -Y 'erspan.truncated == 1' 2>/dev/null | wc -l)"

echo "-- the relay's next hop changes, which another process follows"
start_farspan collect col collect --json -t erspan2:10.8.0.2,id=9
capture far e0 relayed -Q in
mirror tap -i s0 -d rx -t erspan3:10.9.0.2,id=7
neighbour col d0 10.8.0.2 02:00:00:00:08:03
elsewhere() {
	"$here/traffic.py" udp ${prefix}a ${prefix}b 10.1.0.2 5002 1 100 >"$work/udp" || fail "the datagram itself"
	tcpdump -n -r "$work/relayed.pcap" ether dst 02:00:00:00:08:03 2>/dev/null | grep -q .
}
until_true 20 "copies to the new address" elsewhere
end_mirror
end collect || wrong "farspan collect: status $?"
end_capture relayed
equal "devices left behind" "" "$(ip -n ${prefix}col -o link show | grep 'fs[0-9a-f]*-' || true)"

echo "-- killed: the interface goes too"
session -t interface:span0
end collect KILL 2>/dev/null || true
until_true 10 "span0 to go" sh -c "! nsenter --net=/run/netns/${prefix}col ip link show span0"
finish
