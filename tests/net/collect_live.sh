#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Every format and option, as scapy makes it, arrives live at a collector: each frame is recorded once, byte by byte; what is malformed is
# refused under its name; what was not asked for is not recorded.
#
#     tap  u0 ---- c0  col
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

STAMP=${STAMP:-$(dirname "$TAGS")/stamp}
uplink_topology
"$here/make_outer.py" "$work" $mac_u $mac_c 10.9.0.1 10.9.0.2 fd09::1 fd09::2
frames=$(("$("$here/compare.py" count "$work/inner.pcap")" + "$("$here/compare.py" count "$work/raw.pcap")"))

check() {
	"$here/collected.py" "$@" || wrong "collected.py $*"
}

for way in "" --clsact; do
	echo "-- everything, ${way:-best way}"
	# shellcheck disable=SC2086 # nothing, or an option
	collect $way
	send_to_collector "$work/outer.pcap"
	end_collect written=$frames lost=0 late=0 duplicate=0 restarted=0
	check refused "$work/collect.out" "$work/refused.json"
	check sessions "$work/collect.out" "$work/sessions.json"
	check recording "$work/collect.out" "$work/collected.pcapng"
	compare same "$work/inner.pcap+$work/raw.pcap" "$work/collected.pcapng"
done

echo "-- everything, twice: a restart of every numbered session, and not one frame less"
collect
send_to_collector "$work/outer.pcap"
send_to_collector "$work/outer.pcap"
end_collect written=$((2 * frames))
compare same "$work/inner.pcap+$work/raw.pcap+$work/inner.pcap+$work/raw.pcap" "$work/collected.pcapng"

echo "-- delivered in the kernel, by the session: the same sums as of what is recorded"
sums='[.packets, .bytes, .lost, (.sessions | sort_by(.name) | map(del(.time)))]'
for to in "-w $work/collected.pcapng" "-t interface:span0"; do
	# shellcheck disable=SC2086 # an option and its value
	start_farspan collect col collect --json $to
	for _ in 1 2 3 4; do send_to_collector "$work/outer.pcap"; done
	end collect || wrong "farspan collect $to: status $?"
	check counters "$work/collect.out" packets=$((4 * frames))
	jq "$sums" "$work/collect.out" >"$work/sums${to:0:2}"
done
cmp "$work/sums-w" "$work/sums-t" || wrong "$(diff "$work/sums-w" "$work/sums-t")"
equal "frames delivered" $((4 * frames)) "$(jq '.destinations[0].sent' "$work/collect.out")"

# spread HOW IFACE ENDS OPTION...: flows that arrive twice are shared by the two interfaces IFACE0 and IFACE1, seen at the ends ENDS.
spread() {
	local how=$1 to=$2 at=${3% *} end=${3#* }
	shift 3
	echo "-- flows spread over two interfaces, $how"
	rm -f "$work/collected.pcapng"
	start_farspan collect col collect --json --spread -t "interface:${to}0" -t "interface:${to}1" "$@"
	later=yes capture "$at" "${end}0" one -Q in
	later=yes capture "$at" "${end}1" other -Q in
	capturing one other
	send_to_collector "$work/flows.pcap"
	send_to_collector "$work/flows.pcap"
	until_true 20 "all frames on the interfaces" all_spread
	end_capture one other
	end collect || wrong "farspan collect: status $?"
	compare same "erspan:$work/flows.pcap+erspan:$work/flows.pcap" "$work/one.pcap+$work/other.pcap" , \
		apart "$work/one.pcap" "$work/other.pcap"
	check counters "$work/collect.out" packets=$((2 * flows)) lost=0
	equal "frames sent" $((2 * flows)) "$(jq '[.destinations[].sent] | add' "$work/collect.out")"
}

all_spread() {
	[ "$("$here/compare.py" count "$work/one.pcap+$work/other.pcap")" = $((2 * flows)) ]
}

"$here/make_many.py" flows "$work/flows.pcap" $mac_u $mac_c 10.9.0.1 10.9.0.2 60
flows=$((60 * 6 + 10))
namespace far
wire col d0 02:00:00:00:08:01 far e0 02:00:00:00:08:02
wire col d1 02:00:00:00:08:03 far e1 02:00:00:00:08:04
spread "by XDP" span "col span"
spread "by tc, out of interfaces that exist" d "far e"
spread "and recorded" span "col span" --clsact -w "$work/collected.pcapng"
compare same "erspan:$work/flows.pcap+erspan:$work/flows.pcap" "$work/collected.pcapng"

# chosen WRITTEN SOURCE...: of every session three frames came over IPv4 and three over IPv6
chosen() {
	local written=$1 source sources=()
	shift
	echo "-- $*"
	for source in "$@"; do sources+=(-f "$source"); done
	collect "${sources[@]}"
	send_to_collector "$work/outer.pcap"
	end_collect written="$written"
}

chosen 3 erspan:10.9.0.2,id=100
chosen 6 erspan:10.9.0.2,id=100 'erspan:[fd09::2],id=1023'
chosen 3 erspan1:10.9.0.2
chosen 6 erspan1:any
chosen 3 'vxlan:[fd09::2],vni=5000'
chosen 3 geneve:10.9.0.2,vni=7000
chosen 0 geneve:any,vni=7001
chosen 3 'tzsp:[fd09::2]'
chosen 0 geneve:any,port=4789
chosen 3 gre:10.9.0.2,key=77
chosen 3 erspan:10.9.0.2,id=100,remote=10.9.0.0/30
chosen 3 erspan:10.9.0.2,id=100,remote=10.9.0.1
chosen 0 erspan:10.9.0.2,id=100,remote=10.9.0.4/30
chosen 0 erspan:10.9.0.77
chosen 0 erspan:10.9.0.2,id=99

# told JQ: what the JSON lines of --stats come to
told() {
	jq -s "[.[] | $1] | add // 0" "$work/collect.out"
}

all_told() {
	[ "$(told 'select(.interval_ms) | .packets')" = $frames ]
}

echo "-- told while it runs: the changes of all sessions come to the sums"
collect --stats 1 -f erspan:any -f gre:any -f vxlan:any -f geneve:any -f tzsp:10.9.0.2 -f 'tzsp:[fd09::2],remote=fd09::1'
send_to_collector "$work/outer.pcap"
until_true 20 "--stats to tell of all frames" all_told
end collect || wrong "farspan collect: status $?"
equal "frames told of sessions" $frames "$(told 'select(.session) | .packets')"
equal "refused, by name" "$(jq -c . "$work/refused.json")" "$(jq -cs 'reduce (.[] | select(.interval_ms).refused | to_entries[]) as $e
	({}; .[$e.key] += $e.value) | to_entries | sort_by(.key) | from_entries' "$work/collect.out")"
equal "a direction of Type III" both \
	"$(jq -rs 'map(select(.session == "erspan3 10.9.0.1 id 200 hwid 3"))[-1].direction' "$work/collect.out")"
jq -s last "$work/collect.out" >"$work/summary"
"$here/collected.py" counters "$work/summary" written=$frames || wrong "the counters behind --stats"

echo "-- markers of NX-OS, on the port that the source names"
"$here/make_marker.py" "$work/marker.pcap" $mac_u $mac_c 10.9.0.1 10.9.0.2 50000
collect -f erspan:any,marker=50000
send_to_collector "$work/marker.pcap"
end_collect written=1 marker=1
equal "time by the marker" 1 "$(jq '.sessions[0].time.marker' "$work/collect.out")"

echo "-- times of the network card, where it has some and its clock is in step"
begun=$(date +%s)
collect -f erspan:any -j adapter
until_said collect "(tc, as times of network cards need it)"
taskset -c $cpu nsenter --net=/run/netns/${prefix}tap "$STAMP" "$TAGS" u0 "$work/marker.pcap" 250000000 none -250000000 37000000000 \
	>"$work/stamps" || fail "frames with the time of a network card"
taskset -c $cpu nsenter --net=/run/netns/${prefix}tap ping -q -c 1 -W 20 10.9.0.2 >/dev/null || fail "the wire to the collector"
end_collect written=4
equal "whose clock it was" "2 1 1" "$(jq -r '.receive_times | "\(.adapter) \(.host) \(.out_of_step)"' "$work/collect.out")"
tshark -n -r "$work/collected.pcapng" -T fields -e frame.time_epoch >"$work/times" 2>/dev/null
equal "the card's times" "$(sed -n '1p;3p' "$work/stamps")" "$(sed -n '1p;3p' "$work/times")"
equal "the host's times" 2 "$(sed -n '2p;4p' "$work/times" | awk -v from="$begun" -v to="$(date +%s)" '$1 >= from && $1 <= to + 1' | wc -l)"

echo "-- as many as asked for"
collect -c 10
send_to_collector "$work/outer.pcap"
wait "$(cat "$work/collect.pid")" || wrong "status $?"
"$here/collected.py" counters "$work/collect.out" written=10 || wrong "-c 10"
equal "frames in the recording" 10 "$("$here/compare.py" count "$work/collected.pcapng")"
finish
