#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A collector that gets more than it can take: what was received, and what the kernel had no room for, is what was sent. Then its uplink
# goes down and up, gets another MTU, and is deleted and made anew, also under the number that it had.
#
#     tap  u0 ---- c0  col
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

uplink_topology 9216

FAIL_CALL_LIB=${FAIL_CALL_LIB:-$(dirname "$TAGS")/fail_call.so}
begun_or_ended() {
	grep -q "farspan: collecting" "$work/collect.err" || ! alive collect
}

nothing_left() {
	! ip -n ${prefix}col -o link show | grep -E 'span0|fs[0-9a-f]*-|c0@.* xdp'
}

if [ -n "$(LD_PRELOAD=$FAIL_CALL_LIB "$FARSPAN" --version 2>&1 >/dev/null)" ]; then
	echo "-- without the test of failing calls: nothing can be preloaded"
else
	echo "-- a system call fails, once in each process: it ends with a word on that or does without, and leaves nothing"
	for call in socket:4 bind:2 setsockopt:5 fork:3 bpf:3; do
		spawn collect nsenter --net=/run/netns/${prefix}col env "LD_PRELOAD=$FAIL_CALL_LIB" "FAIL_CALL=${call%:*}" "FAIL_AT=${call#*:}" \
			FAIL_WITH=12 "$FARSPAN" collect -i c0 -t interface:span0 -w "$work/x.pcapng"
		until_true 20 "collect to begin or to end, $call" begun_or_ended
		status=0
		if alive collect; then
			end collect || status=$?
		else
			wait "$(cat "$work/collect.pid")" || status=$?
		fi
		[ $status -le 1 ] || wrong "$call: status $status: $(cat "$work/collect.err")"
		[ $status = 0 ] || tail -n 1 "$work/collect.err" | grep -q '^farspan: .*: ' || wrong "$call: no word on it"
		until_true 20 "nothing to be left, $call" nothing_left
	done
fi
"$here/make_flood.py" "$work/flood.pcap" $mac_u $mac_c 10.9.0.1 10.9.0.2 1200 8900 0 450
"$here/make_flood.py" "$work/more.pcap" $mac_u $mac_c 10.9.0.1 10.9.0.2 100 1000 1200
offered=$((1200 + 450 + 100))

# of KIND: frames of its session
of() {
	jq "[.sessions[] | select(.kind == \"$1\") | .packets] | add" "$work/collect.out"
}

all_taken() {
	[ "$(jq -s '[.[] | select(.interval_ms) | .packets] | add' "$work/collect.out")" -gt "$1" ]
}

for to in "" "-t interface:span0"; do
	echo "-- stopped, while more comes than ring and sockets hold ${to:+(delivered)}"
	# shellcheck disable=SC2086 # options; less memory is a smaller ring
	spawn collect nsenter --net=/run/netns/${prefix}col prlimit --as=34603008 "$FARSPAN" collect --json --stats 1 -w "$work/x.pcapng" $to
	until_said collect "farspan: collecting"
	kill -STOP "$(cat "$work/collect.pid")"
	send_to_collector "$work/flood.pcap"
	kill -CONT "$(cat "$work/collect.pid")"
	until_true 20 "what was received to be taken" all_taken 100
	send_to_collector "$work/more.pcap"
	end collect || wrong "farspan collect: status $?: $(cat "$work/collect.err")"
	jq -s last "$work/collect.out" >"$work/summary" && mv "$work/summary" "$work/collect.out"
	lost=$(jq .dropped.receive_buffer "$work/collect.out")
	"$here/collected.py" counters "$work/collect.out" received=$offered written=$((offered - lost)) || wrong "the counters of the collector"
	equal "frames in the file" $((offered - lost)) "$("$here/recorded.py" complete "$work/x.pcapng")"
	equal "numbers that are missing" $((1300 - $(of erspan2))) "$(jq .lost "$work/collect.out")"
	[ "$(of erspan2)" -lt 1200 ] || wrong "the ring was large enough"
	[ "$(of vxlan)" -lt 450 ] || wrong "the sockets had room enough"
	# Those of VXLAN are longer than the interface takes.
	[ -z "$to" ] || equal "frames delivered, and not" "$(of erspan2) $(of vxlan)" \
		"$(jq -r '.destinations[0] | "\(.sent) \(.lost)"' "$work/collect.out")"
done

"$here/make_many.py" sessions "$work/sessions.pcap" $mac_u $mac_c 10.9.0.1 10.9.0.2 2
"$here/make_flood.py" "$work/probe.pcap" $mac_u $mac_c 10.9.0.1 10.9.0.2 1 60

probes() {
	jq -s '[.[] | select(.session) | select(.session | startswith("erspan2")) | .packets] | add // 0' "$work/collect.out"
}

probed() {
	send_to_collector "$work/probe.pcap"
	[ "$(probes)" -gt "$probes_seen" ]
}

# two_thousand WHAT: frames of 1,000 sessions, after a probe was received.
two_thousand() {
	echo "-- $1"
	probes_seen=$(probes)
	until_true 20 "a frame after: $1" probed
	send_to_collector "$work/sessions.pcap"
	sent=$((sent + 2000))
}

# again [NUMBER]: the wire to the collector is deleted and made anew, with that number at its end.
again() {
	ip -n ${prefix}col link del c0
	# shellcheck disable=SC2086 # nothing, or two words
	ip -n ${prefix}col link add c0 ${1:+index $1} address $mac_c type veth peer name u0 address $mac_u netns ${prefix}tap
	ip -n ${prefix}col link set c0 up
	ip -n ${prefix}tap link set u0 up
	uplink_addresses
	until_true 20 "the new wire" is_up col c0
}

sent=0
start_farspan collect col collect --json --stats 1 -i c0 -w "$work/x.pcapng"
two_thousand "the uplink as it was"
ip -n ${prefix}col link set c0 down
ip -n ${prefix}col link set c0 up
until_true 20 "the uplink to be up" is_up col c0
neighbour col c0 10.9.0.1 $mac_u
two_thousand "it went down, and up"
for end in "tap u0" "col c0"; do
	# shellcheck disable=SC2086 # namespace and interface
	set -- $end
	ip -n $prefix$1 link set $2 mtu 1500
done
two_thousand "its MTU has changed"
again
two_thousand "it was deleted, and made anew"
again "$(ip -n ${prefix}col -j link show c0 | jq '.[0].ifindex')"
two_thousand "it was deleted, and made anew with its number"
end collect || wrong "farspan collect: status $?: $(cat "$work/collect.err")"
jq -s last "$work/collect.out" >"$work/summary"
"$here/collected.py" counters "$work/summary" receive_buffer=0 || wrong "the counters of the collector"
equal "frames of the 1,000 sessions" $sent "$(jq '[.sessions[] | select(.kind == "erspan3") | .packets] | add' "$work/summary")"

echo "-- the interface that frames are handed on to is deleted, another gets its number, then it is made anew, twice"
# make_way IFACE OTHER-END [index NUMBER]
make_way() {
	ip -n ${prefix}col link add "$1" "${@:3}" type veth peer name "$2"
	for iface in $1 $2; do ip -n ${prefix}col link set $iface up; done
	until_true 20 "$1 to be up" is_up col "$1"
}

left_by() {
	ip -n ${prefix}col -s -j link show "$1" | jq '.[0].stats64.tx.packets'
}

send_to_way() {
	send_to_collector "$work/sessions.pcap"
	sent=$((sent + 2000))
}

fed_again() {
	send_to_way
	[ "$(left_by d0)" -gt 0 ]
}

sent=0
make_way d0 d1
start_farspan collect col collect --json -i c0 -t interface:d0
for _ in 1 2 3; do send_to_way; done
equal "frames sent to the interface" 6000 "$(left_by d0)"
number=$(ip -n ${prefix}col -j link show d0 | jq '.[0].ifindex')
kill -STOP "$(cat "$work/collect.pid")"
ip -n ${prefix}col link del d0
make_way stranger strange1 index "$number"
send_to_way
kill -CONT "$(cat "$work/collect.pid")"
until_said collect "interface d0 is gone"
make_way d0 d1
until_said collect "interface d0 is there again"
send_to_way
equal "frames sent to the interface made anew" 2000 "$(left_by d0)"
number=$(ip -n ${prefix}col -j link show d0 | jq '.[0].ifindex')
ip -n ${prefix}col link del d0
make_way d0 d1 index "$number"
until_true 20 "the interface with the number that it had to be sent to" fed_again
last=$(left_by d0)
end collect || wrong "farspan collect: status $?: $(cat "$work/collect.err")"
equal "frames sent to the stranger" 0 "$(left_by stranger)"
"$here/collected.py" counters "$work/collect.out" packets=$sent || wrong "the counters of the collector"
equal "frames handed on" $((8000 + last)) "$(jq '.destinations[0].sent' "$work/collect.out")"
equal "frames handed on, and not" $sent "$(jq '.destinations[0] | .sent + .lost' "$work/collect.out")"
ip -n ${prefix}col link del d0

all_arrived() {
	[ "$(ip -n ${prefix}col -s -j link show span0 | jq '.[0].stats64.rx.packets')" = 2000 ]
}

for to in "-t interface:span0" "-t interface:span0 --clsact -w $work/x.pcapng"; do
	echo "-- the interface that it made is deleted, and is made anew (${to#* })"
	sent=0
	# shellcheck disable=SC2086 # options
	start_farspan collect col collect --json -i c0 $to
	send_to_way
	number=$(ip -n ${prefix}col -j link show span0 | jq '.[0].ifindex')
	ip -n ${prefix}col link del span0
	until_said collect "interface span0 is there again"
	[ "$(ip -n ${prefix}col -j link show span0 | jq '.[0].ifindex')" != "$number" ] || wrong "span0 was never deleted"
	send_to_way
	until_true 20 "2000 frames on span0" all_arrived
	for way in ingress egress; do
		[ -n "$(at col tc filter show dev span0 $way)" ] || wrong "span0 is not in monitor mode: $way"
	done
	equal "GRO of span0" off "$(at col ethtool -k span0 | awk '/^generic-receive-offload/ { print $2 }')"
	end collect || wrong "farspan collect: status $?: $(cat "$work/collect.err")"
	"$here/collected.py" counters "$work/collect.out" packets=$sent || wrong "the counters of the collector"
	equal "frames handed on, and not" $sent "$(jq '.destinations[0] | .sent + .lost' "$work/collect.out")"
	# Of four packets of each, sent together and again seconds later, that user space may have seen two of at most.
	equal "sessions whose clock was followed" 1000 "$(jq '[.sessions[] | select(.time.exact >= 3)] | length' "$work/collect.out")"
	equal "devices left behind" "" "$(ip -n ${prefix}col -o link show | grep -E 'span0|fs[0-9a-f]*-' || true)"
done
finish
