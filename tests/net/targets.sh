#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Where copies can go besides one tunnel: an interface (local SPAN), a VLAN on a trunk (RSPAN), several destinations at once, flows spread.
#
#     a ---- s0 [ bridge ] s1 ---- b         s0 is mirrored
#            u0 ---- col                     tunnels, and as a trunk
#            p0 ---- probe                   local SPAN
#                    probe q0 ---- q1 [ far ]   local SPAN in another namespace, by a wire that is not here
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

FARSPAND=${FARSPAND:-farspand}
bridge_topology 1500 1600
namespace probe
wire tap p0 02:00:00:00:06:00 probe p1 02:00:00:00:06:01 1500
datagrams=300

traffic() {
	"$here/traffic.py" udp ${prefix}a ${prefix}b "$1" 5002 $datagrams 100 >"$work/udp" || fail "the datagrams themselves"
}

# local_span TAGS: the probe sees what b gets, tags included.
local_span() {
	echo "-- local SPAN, tags: $1"
	tagged "$1"
	capture probe p1 copies -Q in
	capture b b0 reference -Q in
	mirror tap -i s0 -d rx -t interface:p0
	traffic 10.1.0.2
	"$here/traffic.py" tcp ${prefix}a ${prefix}b fd01::2 5001 500000 >"$work/sum" || fail "the transfer itself"
	fence a a0 reference copies
	end_mirror
	end_capture copies
	end_capture reference
	compare same "$work/reference.pcap" "$work/copies.pcap"
}

for tags in none one two; do local_span $tags; done
tagged none

echo "-- local SPAN to an interface that goes down, and comes back"
mirror tap -i s0 -d rx -t interface:p0
traffic 10.1.0.2
ip -n ${prefix}tap link set p0 down
until_said mirror "interface p0 is down"
traffic 10.1.0.2
ip -n ${prefix}tap link set p0 up
until_true 10 "p0 to be taken again" sh -c "[ \$(grep -c 'farspan: interface p0\$' '$work/mirror.err') = 2 ]"
traffic 10.1.0.2
end_mirror seen=$((3 * datagrams)) sent=$((2 * datagrams)) target_down=$datagrams

# rspan TAGS TYPE: the trunk carries the frames in VLAN 999 with priority 3, their own tags inside.
rspan() {
	echo "-- RSPAN, tags: $1, tag type $2"
	tagged "$1"
	capture col c0 copies -Q in
	capture b b0 reference -Q in
	mirror tap -i s0 -d rx -t "vlan:u0,id=999,prio=3,tpid=$2"
	traffic 10.1.0.2
	fence a a0 reference copies
	end_mirror sent=$((datagrams + 1))
	end_capture copies
	end_capture reference
	compare same "$work/reference.pcap" "untagged:$work/copies.pcap"
	equal "frames with another tag" 0 "$("$here/compare.py" foreign "$work/copies.pcap" "$2" $((3 << 13 | 999)))"
}

rspan none 0x8100
rspan one 0x8100
rspan two 0x88a8
tagged none

echo "-- three destinations, a copy each"
capture col c0 copies -Q in
capture probe p1 span -Q in
capture b b0 reference -Q in
mirror tap -i s0 -d rx -t erspan2:10.9.0.2,id=1 -t 'erspan3:[fd09::2],id=2' -t interface:p0
traffic 10.1.0.2
fence a a0 reference span
end_mirror seen=$((3 * datagrams + 3)) sent=$((3 * datagrams + 3))
for file in copies span reference; do end_capture $file; done
compare same "$work/reference.pcap" "$work/span.pcap"
compare same "$work/reference.pcap+$work/reference.pcap" "erspan:$work/copies.pcap"
compare sequence "$work/copies.pcap"

echo "-- interfaces of another namespace: one whose other end is here, and one whose is not"
inside=/run/netns/${prefix}probe
namespace far
# The wire of q0, which far keeps or loses with it.
far_wire() {
	wire probe q0 02:00:00:00:07:00 far q1 02:00:00:00:07:01 1500
}
far_wire
capture probe p1 near -Q in
capture far q1 far -Q in
capture b b0 reference -Q in
mirror tap -i s0 -d rx -t "interface:p1,netns=$inside" -t "interface:q0,netns=${prefix}probe"
traffic 10.1.0.2
"$here/traffic.py" tcp ${prefix}a ${prefix}b fd01::2 5001 500000 >"$work/sum" || fail "the transfer itself"
fence a a0 reference near far
end_mirror
end_capture near far reference
compare same "$work/reference.pcap" "$work/near.pcap"
compare same "$work/reference.pcap" "$work/far.pcap"

echo "-- RSPAN on trunks of another namespace, of both kinds"
capture probe p1 near -Q in
capture far q1 far -Q in
capture b b0 reference -Q in
mirror tap -i s0 -d rx -t "vlan:p1,id=998,netns=$inside" -t "vlan:q0,id=999,prio=3,tpid=0x88a8,netns=${prefix}probe"
traffic 10.1.0.2
fence a a0 reference near far
end_mirror sent=$((2 * datagrams + 2))
end_capture near far reference
compare same "$work/reference.pcap" "untagged:$work/near.pcap"
compare same "$work/reference.pcap" "untagged:$work/far.pcap"
equal "frames with another tag" "0 0" \
	"$("$here/compare.py" foreign "$work/near.pcap" 0x8100 998) $("$here/compare.py" foreign "$work/far.pcap" 0x88a8 $((3 << 13 | 999)))"

# taken COUNT: so often has the way to the interface been found.
taken() {
	until_true 20 "q0 to be taken, time $1" sh -c "[ \$(grep -c 'farspan: interface q0 of' '$work/mirror.err') = $1 ]"
}

# ours NAMESPACE: our devices there.
ours() {
	at "$1" ip -o link show | grep -cE ': (fs[0-9a-f]{6}-|span-)' || true
}

none_left() {
	[ "$(ours tap) $(ours probe)" = "0 0" ]
}

echo "-- an interface of another namespace goes down, is deleted, goes with its namespace, and comes back each time"
mirror tap -i s0 -d rx -t "interface:q0,netns=${prefix}probe"
taken 1
traffic 10.1.0.2
ip -n ${prefix}probe link set q0 down
until_said mirror "interface q0 is down"
traffic 10.1.0.2
ip -n ${prefix}probe link set q0 up
taken 2
traffic 10.1.0.2
ip -n ${prefix}probe link del q0
until_said mirror "interface 'q0' of network namespace '${prefix}probe': no such interface"
traffic 10.1.0.2
far_wire
taken 3
traffic 10.1.0.2
ip netns del ${prefix}probe
until_said mirror "network namespace '${prefix}probe': there is none"
traffic 10.1.0.2
namespace probe
far_wire
taken 4
capture far q1 far -Q in
traffic 10.1.0.2
fence a a0 far
end_mirror seen=$((7 * datagrams + 1)) sent=$((4 * datagrams + 1)) target_down=$((3 * datagrams))
end_capture far
equal "copies behind it all" $datagrams "$(tcpdump -n -r "$work/far.pcap" udp port 5002 2>/dev/null | wc -l)"
equal "devices left here and there" "0 0" "$(ours tap) $(ours probe)"

echo "-- what is killed leaves nothing in either namespace"
mirror tap -i s0 -d rx -t "interface:q0,netns=${prefix}probe"
equal "devices here and there" "4 1" "$(ours tap) $(ours probe)"
kill -9 "$(cat "$work/mirror.pid")"
until_true 20 "nothing to be left" none_left

echo "-- flows spread over two destinations"
capture col c0 one -Q in
mirror tap -i s0 -d both --spread -t erspan2:10.9.0.2,id=1 -t erspan2:10.9.0.2,id=2
for port in $(seq 6000 6031); do
	at a ping -q -c 1 10.1.0.2 >/dev/null
	"$here/traffic.py" tcp ${prefix}a ${prefix}b 10.1.0.2 "$port" 20000 >"$work/sum" || fail "transfer $port"
done
fence a a0 one
end_mirror
end_capture one
# Each connection is at one of them, both ways; and both have some.
tshark -n -r "$work/one.pcap" -Y tcp -T fields -e erspan.spanid -e tcp.srcport -e tcp.dstport 2>/dev/null |
	awk '{p = $2 < $3 ? $2 "," $3 : $3 "," $2} {seen[p] = seen[p] ~ $1 ? seen[p] : seen[p] $1; n[$1]++}
	END {for (p in seen) if (length(seen[p]) > 1) torn++; print torn + 0, (n[1] > 0) + (n[2] > 0)}' >"$work/spread"
equal "torn connections, destinations in use" "0 2" "$(cat "$work/spread")"

echo "-- one of three destinations is taken away, and comes back: only its flows move"
# shared ID...: the session's destinations; when they are all in use, flows.ID... has the destination of each flow.
shared() {
	local id
	{
		printf '%s\n' "[Session]" "Spread=yes" "[Source]" "Interface=s0" "Direction=rx"
		for id; do printf '%s\n' "[Destination]" "Type=erspan2" "Remote=10.9.0.2" "SessionID=$id"; done
	} >"$work/files/shared.new"
	mv "$work/files/shared.new" "$work/files/shared.session"
	"$FARSPAN" apply -S "$work/run/farspan.sock" || wrong "apply with $*"
	until_true 20 "$# destinations" in_use $#
	capture col c0 copies -Q in
	at a "$here/traffic.py" frames a0 "$work/flows.pcap"
	fence a a0 copies
	end_capture copies
	tshark -n -r "$work/copies.pcap" -Y udp -T fields -E occurrence=f -e udp.srcport -e udp.dstport -e erspan.spanid 2>/dev/null |
		awk '{ print ($1 == 7 ? $2 : $1), $3 }' | sort -u >"$work/flows.$*"
	equal "flows, each at one of $*" "$flows $#" "$(wc -l <"$work/flows.$*") $(cut -d ' ' -f 2 "$work/flows.$*" | sort -u | wc -l)"
}

in_use() {
	[ "$("$FARSPAN" show -S "$work/run/farspan.sock" --json | jq -c '.sessions[] | [.state, (.actual.destinations | length)]')" = \
		"[\"active\",$1]" ]
}

flows=200
"$here/make_headers.py" flows "$work/flows.pcap" $flows
mkdir "$work/files" "$work/run"
spawn farspand nsenter --net=/run/netns/${prefix}tap "$FARSPAND" -D "$work/files" -R "$work/run"
until_said farspand "farspand: ready"
shared 21 22 23
shared 21 23
equal "flows of the others that have moved" "" "$(grep -v ' 22$' "$work/flows.21 22 23" | comm -23 - "$work/flows.21 23")"
cp "$work/flows.21 22 23" "$work/before"
shared 21 22 23
cmp "$work/before" "$work/flows.21 22 23" || wrong "with all of them flows are elsewhere than before"
end farspand TERM || wrong "farspand: status $?: $(cat "$work/farspand.err")"

echo "-- what cannot be"
for words in '-i s0 -t interface:s0' '-i s0 -t vlan:u0' '-i s0 -t erspan2:10.9.0.2 --spread' '-i s0 -t vlan:u0,id=4095' \
	'-i s0 -t interface:nope' "-i s0 -t interface:nope,netns=${prefix}far" '-i s0 -t interface:q1,netns=nope' \
	"-i q1,netns=${prefix}far -t interface:q1,netns=${prefix}far"; do
	# shellcheck disable=SC2086 # words
	! at tap "$FARSPAN" mirror $words 2>"$work/err" || wrong "$words was accepted"
	equal "lines said of $words" 1 "$(wc -l <"$work/err")"
done
finish
