#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Filters on real traffic: what tcpdump would print of it is what is mirrored, on both directions, and with tags that the kernel keeps
# aside.
#
#     a ---- s0 [ bridge ] s1 ---- b         s0 is mirrored
#            u0 ---- col
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

bridge_topology 1500 1600
datagrams=200

# matched FILTER COUNT [DIRECTION]: so many frames of the traffic below pass. The receiver of the datagrams answers some: rx is exact.
matched() {
	local filter=$1 count=$2 direction=${3:-rx} wanted=(sent="$2")
	echo "-- $filter, $direction"
	# shellcheck disable=SC2086 # as words
	mirror tap -i s0 -d "$direction" -t erspan2:10.9.0.2,id=5 $filter
	"$here/traffic.py" udp ${prefix}a ${prefix}b 10.1.0.2 5002 $datagrams 100 >"$work/udp" || fail "the datagrams themselves"
	at a ping -q -c 20 -i 0.002 fd01::2 >/dev/null || fail "the pings themselves"
	[ "$direction" != rx ] || wanted+=(seen=$((datagrams + 20)) filter=$((datagrams + 20 - count)))
	end_mirror "${wanted[@]}"
}

matched 'udp port 5002' $datagrams
matched 'udp port 5003' 0
matched 'ip6' 20
matched 'ip6' 40 both
matched 'inbound and ip6' 20 both
matched 'outbound and ip6' 20 both
matched 'outbound and ip6' 0
matched 'icmp6 and ip6[40] == 128' 20 both
matched 'udp and greater 142' $datagrams
matched 'not udp' 20
matched 'vlan' 0
tagged one
matched 'vlan 100 and udp' $datagrams
matched 'vlan 101' 0
tagged none

echo "-- two destinations, what libpcap refuses"
mirror tap -i s0 -d rx -t erspan2:10.9.0.2,id=5 -t erspan3:10.9.0.2,id=6 udp dst port 5002
"$here/traffic.py" udp ${prefix}a ${prefix}b 10.1.0.2 5002 $datagrams 100 >"$work/udp" || fail "the datagrams themselves"
end_mirror seen=$((2 * datagrams)) sent=$((2 * datagrams))
status=0
at tap "$FARSPAN" mirror -i s0 -t erspan2:10.9.0.2 'tcp prot 80' 2>"$work/err" || status=$?
equal "status of nonsense" 2 $status
grep -q 'tcp prot 80' "$work/err" || wrong "the expression is not shown: $(cat "$work/err")"
grep -q '\^' "$work/err" || wrong "nothing points into the expression: $(cat "$work/err")"
finish
