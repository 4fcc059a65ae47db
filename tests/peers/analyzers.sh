#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Programs that do not read Type III themselves see the mirrored frames on an interface that the collector makes: argus counts the flows,
# tcpdump has the frames, while tshark reads the same from the collector's TCP port (pcap-over-IP).
#
#     a ---- s0 [ bridge ] s1 ---- b          s0 is mirrored over u0 to col
#            u0 ---- c0  col   span0
# shellcheck source=tests/peers/lib.sh
. "$(dirname "$0")/lib.sh"
command -v argus >/dev/null || skip "no argus"

bridge_topology 1500 1600 collector
for end in "a a0" "b b0"; do
	# shellcheck disable=SC2086 # namespace and interface
	offload $end tx off tso off gro off
done

# listeners COUNT: so many sockets take the frames of span0 by now
listeners() {
	local number
	number=$(ip -n ${prefix}col -j link show span0 | jq '.[0].ifindex')
	[ "$(at col awk -v number="$number" '$5 == number' /proc/net/packet | wc -l)" -ge "$1" ]
}

# flows FILE PROTOCOL PORT: what argus says of it: packets there, packets back
flows() {
	ra -X -n -r "$1" -c , -s proto saddr sport daddr dport spkts dpkts - "$2" and port "$3" 2>/dev/null |
		awk -F, '$1 ~ /^[a-z]/ { there += $6; back += $7 } END { print there + 0, back + 0 }'
}

# packets NAME FILTER: in a capture of the test
packets() {
	tcpdump -n -r "$work/$1.pcap" "$2" 2>/dev/null | wc -l
}

start_farspan collect col collect --json --listen 10.9.0.2:5555 -t interface:span0
# argus knows no format of ERSPAN with a header: the same frames are nothing but GRE to it where they arrive.
spawn uplink nsenter --net=/run/netns/${prefix}col argus -X -i c0 -w "$work/uplink.argus"
spawn argus nsenter --net=/run/netns/${prefix}col argus -X -i span0 -w "$work/span.argus"
until_true 20 "argus to listen" listeners 1
capture col span0 span -Q in
spawn tshark nsenter --net=/run/netns/${prefix}col tshark -n -i TCP@10.9.0.2:5555 -w "$work/tcp.pcapng"
until_true 20 "tshark to connect" sh -c "nsenter --net=/run/netns/${prefix}col ss -Htn state established dport = :5555 | grep -q ."
capture b b0 reference
mirror tap -i s0 -d both -t erspan3:10.9.0.2,id=7
"$here/traffic.py" udp ${prefix}a ${prefix}b 10.1.0.2 5002 60 100 >/dev/null || fail "the datagrams themselves"
"$here/traffic.py" tcp ${prefix}a ${prefix}b 10.1.0.2 5001 300000 >/dev/null || fail "the transfer itself"
fence a a0 reference span
end_mirror
sent=$("$here/counters.py" "$work/mirror.out" sent)
end_capture span
end_capture reference
end argus || wrong "argus: $(cat "$work/argus.err")"
end uplink || wrong "argus: $(cat "$work/uplink.err")"
end collect || wrong "farspan collect: status $?: $(cat "$work/collect.err")"
wait "$(cat "$work/tshark.pid")" || wrong "tshark: $(cat "$work/tshark.err")"
compare same "$work/reference.pcap" "$work/span.pcap"
compare same "$work/reference.pcap" "$work/tcp.pcapng"
equal "frames handed on" "$sent" "$(jq '.destinations[0].sent' "$work/collect.out")"
for flow in "udp 5002" "tcp 5001"; do
	# shellcheck disable=SC2086 # protocol and port
	set -- $flow
	there=$(packets reference "$1 dst port $2") back=$(packets reference "$1 src port $2")
	[ "$there" -ge 60 ] || wrong "only $there packets of $flow"
	equal "packets of $flow that argus has counted" "$there $back" "$(flows "$work/span.argus" "$1" "$2")"
	equal "the same where it sees the mirrored traffic itself" "0 0" "$(flows "$work/uplink.argus" "$1" "$2")"
done
finish
