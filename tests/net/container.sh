#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A container's interface, mirrored over the host's uplink from the host's end of its pair: nothing runs or shows inside.
#
#     a0 in a, the container ---- s0 [ bridge ] s1 ---- b
#                                 u0 ---- col             reference: what a0 itself sends or receives
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
