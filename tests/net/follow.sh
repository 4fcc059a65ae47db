#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The way to the collector changes while frames are mirrored: next hop, link address, neighbour that does not answer, route, MTU, carrier.
# The session says what it waits for, goes on by itself, and counts what it could not send under the right name. Nothing of the mirrored
# traffic is lost.
#
#     a ---- s0 [ bridge ] s1 ---- b
#            u0 ---- col            10.9.0.2, and the way to 10.8.0.9
#            v0 ---- other          10.7.0.2, another way there
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

bridge_topology 1500 1600
namespace other
wire tap v0 02:00:00:00:07:00 other o0 02:00:00:00:07:01
addresses tap v0 10.7.0.1/24
addresses other o0 10.7.0.2/24
ip -n ${prefix}tap route add 10.8.0.0/24 via 10.9.0.2
swallow other o0
datagrams=64
expected=0

traffic() {
	"$here/traffic.py" udp ${prefix}a ${prefix}b 10.1.0.2 5002 $datagrams 1200 >"$work/udp" || wrong "the datagrams themselves"
}

lines() {
	grep -cF -- "$1" "$work/mirror.err" || true
}

more_lines() {
	[ "$(lines "$1")" -gt "$2" ]
}

# step SENT SAYS COMMAND...: after COMMAND the mirror says SAYS; from then on a batch of datagrams arrives if SENT is 1, and none if it is 0
step() {
	local sent=$1 says=$2 before
	shift 2
	echo "-- $* -> $says"
	before=$(lines "$says")
	"$@"
	until_true 20 "'$says'" more_lines "$says" "$before"
	traffic
	expected=$((expected + sent * datagrams))
}

tap() {
	ip -n ${prefix}tap "$@"
}

captured() {
	[ "$(($("$here/compare.py" count "$work/at_col.pcap") + $("$here/compare.py" count "$work/at_other.pcap")))" = $expected ]
}

via_u0="erspan2 10.9.0.1 -> 10.8.0.9 id 1 via u0, frames up to"

capture col c0 at_col -Q in proto gre
capture other o0 at_other -Q in proto gre
mirror tap -i s0 -d rx -t erspan2:10.8.0.9,id=1
traffic
expected=$datagrams
# The other way's neighbour is not known yet: the kernel asks, and copies wait that long.
step 1 "via v0" tap route replace 10.8.0.0/24 via 10.7.0.2
step 1 "$via_u0" tap route replace 10.8.0.0/24 via 10.9.0.2
step 0 "no route to 10.8.0.9" tap route del 10.8.0.0/24
step 1 "$via_u0" tap route add 10.8.0.0/24 via 10.9.0.2
step 1 "frames up to 1364 bytes" tap link set u0 mtu 1400
step 1 "frames up to 564 bytes" tap link set u0 mtu 600
step 1 "frames up to 1564 bytes" tap link set u0 mtu 1600
step 0 "interface u0 has no carrier" ip -n ${prefix}col link set c0 down
step 1 "$via_u0" ip -n ${prefix}col link set c0 up
# A neighbour that nobody answers for.
step 0 "neighbour 10.9.0.77 on u0 unresolved" tap route replace 10.8.0.0/24 via 10.9.0.77
ip -n ${prefix}col address add 10.9.0.77/24 dev c0
step 1 "$via_u0" true
echo "-- another link address"
mac_new=02:00:00:00:09:77
ip -n ${prefix}col link set c0 address $mac_new
tap neigh replace 10.9.0.77 lladdr $mac_new dev u0 nud permanent
traffic
expected=$((expected + datagrams))
end_mirror seen=$((13 * datagrams)) sent=$expected no_route=$datagrams target_down=$datagrams no_neighbour=$datagrams \
	truncated=$datagrams
until_true 10 "all copies at the collectors" captured
end_capture at_col
end_capture at_other
equal "copies by the other way" $datagrams "$("$here/compare.py" count "$work/at_other.pcap")"
equal "copies to the new address" $datagrams "$(tshark -n -r "$work/at_col.pcap" -Y "eth.dst == $mac_new" 2>/dev/null | wc -l)"
finish
