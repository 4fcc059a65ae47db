#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A container's interface, mirrored over the host's uplink from the host's end of its pair: nothing runs or shows inside.
#
#     a0 in a, the container ---- s0 [ bridge ] s1 ---- b
#     a2                     ---- s2 [        ]
#                                 u0 ---- col             reference: what a0 or a2 itself sends or receives
#
# Frames for port 5005 go from s1 right to a2, past s2.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

bridge_topology 1500 1600
inside=/run/netns/${prefix}a
bytes=1000000

# The directions are the container's own.
one() {
	echo "-- $1, namespace by $3"
	capture col c0 copies -Q in
	mirror tap -i "a0,netns=$2" -d "$1" -t erspan3:10.9.0.2,id=4
	capture a a0 reference -Q "$4"
	equal "programs inside" "" "$(at a tc filter show dev a0 ingress; at a tc filter show dev a0 egress)"
	equal "devices inside" 2 "$(at a ip -o link show | wc -l)"
	[ "$1" = tx ] || "$here/traffic.py" udp ${prefix}b ${prefix}a 10.1.0.1 5002 200 100 >"$work/udp" || fail "the datagrams themselves"
	[ "$1" = rx ] || "$here/traffic.py" tcp ${prefix}a ${prefix}b 10.1.0.2 5001 $bytes >"$work/sum" || fail "the transfer itself"
	if [ "$1" = tx ]; then fence a a0 reference copies; else fence b b0 reference copies; fi
	end_mirror
	end_capture copies
	end_capture reference
	compare same "$work/reference.pcap" "erspan:$work/copies.pcap"
	local direction=0
	[ "$1" = rx ] || direction=1
	equal "copies of the other direction" 0 \
		"$(tshark -n -r "$work/copies.pcap" -Y "erspan.direction != $direction" 2>/dev/null | wc -l)"
}

# Segments and checksums are finished on a0's way out, so that the capture there shows what the wire would carry.
offload a a0 tx off tso off
spawn sleeper nsenter --net="$inside" sleep 600
sleeper=$(cat "$work/sleeper.pid")
one rx "$inside" path in
one tx "${prefix}a" name out
until_true 5 "the sleeper" sh -c "[ \$(readlink /proc/$sleeper/ns/net) != \$(readlink /proc/self/ns/net) ]"
one rx "$sleeper" "process id" in

echo "-- some frames come past the host's end"
three_forward() {
	[ "$(at tap bridge -d link show | grep -c 'state forwarding')" = 3 ]
}

mac_a2=02:00:00:00:0a:02
ip -n ${prefix}tap link add s2 index 4242 type veth peer name a2 address $mac_a2 netns ${prefix}a
ip -n ${prefix}tap link set s2 master br0 up
ip -n ${prefix}a link set a2 up
addresses a a2 10.2.0.1/24
addresses b b0 10.2.0.2/24
neighbour a a2 10.2.0.2 $mac_b
neighbour b b0 10.2.0.1 $mac_a2
until_true 5 "a2 to be up" is_up a a2
until_true 5 "the bridge to forward" three_forward
offload tap s2 tx off tso off
offload a a2 tx off tso off
offload b b0 tx off tso off

devices_inside() {
	at a ip -o link show | wc -l
}

no_more_inside() {
	[ "$(devices_inside)" = 3 ]
}

# exactly WHAT PORT...: datagrams to these ports, and what comes back, are copied.
exactly() {
	local what=$1 port
	shift
	echo "-- $what"
	capture a a2 reference
	capture col c0 copies -Q in
	for port; do
		"$here/traffic.py" udp ${prefix}b ${prefix}a 10.2.0.1 "$port" 48 300 >"$work/udp" || fail "the datagrams themselves"
	done
	fence b b0 reference copies
	end_capture reference copies
	compare same "$work/reference.pcap" "erspan:$work/copies.pcap"
	equal "copies of what was received" $((48 * $#)) "$(sums copies "udp.dstport == $1 || udp.dstport == ${2:-$1}")"
	equal "copies that tell s2 to be their port" "$(sums copies erspan)" "$(sums copies 'erspan.pid1.port_index == 4242')"
}

mirror tap -i "a2,netns=$inside" -d both -t erspan3:10.9.0.2,id=5,platform=1
exactly "none so far" 5002
equal "devices inside" 3 "$(devices_inside)"
at tap tc qdisc add dev s1 clsact
at tap tc filter add dev s1 ingress bpf da obj "$TAGS" sec peer
"$here/traffic.py" udp ${prefix}b ${prefix}a 10.2.0.1 5005 1 300 >"$work/udp" || fail "the datagram itself"
until_said mirror "1 frame for a2 of network namespace '$inside' came past s2, its host end: it is mirrored inside from now on"
exactly "some and others" 5005 5002
equal "devices inside" 4 "$(devices_inside)"

echo "-- super-packets"
offload b b0 tx on tso on
capture col c0 copies -Q in
sum=$("$here/traffic.py" tcp ${prefix}b ${prefix}a 10.2.0.1 5005 $bytes) || fail "the transfer itself"
fence b b0 copies
end_capture copies
compare stream "erspan:$work/copies.pcap" 5005 $bytes "$sum" , checksums "erspan:$work/copies.pcap"
end_mirror
until_true 20 "nothing to be left inside" no_more_inside

echo "-- from the start, and killed"
mirror tap -v -i "a2,netns=$inside" -t erspan3:10.9.0.2,id=5
said mirror "a2 [inside, as s2, its host end, is bypassed] s2 (tcx)" || wrong "of what is mirrored it is said: $(cat "$work/mirror.err")"
end mirror KILL || true
until_true 20 "nothing to be left inside" no_more_inside
mirror tap --clsact -i "a2,netns=$inside" -t erspan3:10.9.0.2,id=5
until_said mirror "partly blind: frames for a2 come past s2, its host end, and inside it cannot be mirrored: that takes tcx"
end_mirror

echo "-- what cannot be"
# what NAMESPACE-AND-INTERFACE SAYS
refused() {
	! at tap "$FARSPAN" mirror -i "$1" -t erspan2:10.9.0.2 2>"$work/err" || wrong "$1 was accepted"
	grep -qF "$2" "$work/err" || wrong "of $1 it is said: $(cat "$work/err")"
}
refused a0,netns=nope-$$ "network namespace 'nope-$$': there is none"
refused "x9,netns=$inside" "interface 'x9' of network namespace '$inside': no such interface"
refused "lo,netns=$inside" "is no veth with its other end here"
refused 'a*,netns=nope' "cannot be a pattern"
finish
