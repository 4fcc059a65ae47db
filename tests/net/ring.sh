#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Three hosts on one switch, each mirroring its only interface to the next: copies of copies of one's own copies come round, and end there.
#
#     x ---- [ switch ] ---- y        x to y by Type II, y to z by Type III, z to x by VXLAN
#                |
#                z
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

namespace switch x y z
ip -n ${prefix}switch link add br0 type bridge mcast_snooping 0 forward_delay 0
ip -n ${prefix}switch link set br0 up
number=0
for host in x y z; do
	number=$((number + 1))
	wire $host e0 02:00:00:00:0e:0$number switch p$number 02:00:00:00:0f:0$number
	ip -n ${prefix}switch link set p$number master br0
	addresses $host e0 10.5.0.$number/24
	for other in 1 2 3; do
		[ $other = $number ] || neighbour $host e0 10.5.0.$other 02:00:00:00:0e:0$other
	done
done
pings=50

start_farspan mirror_x x mirror --json -i e0 -t erspan2:10.5.0.2,id=1
start_farspan mirror_y y mirror --json -i e0 -t erspan3:10.5.0.3,id=2,platform=3
start_farspan mirror_z z mirror --json -i e0 -t vxlan:10.5.0.1,vni=3
at x ping -q -c $pings -i 0.005 10.5.0.2 >"$work/ping" || wrong "pings: $(cat "$work/ping")"
! grep -q duplicates "$work/ping" || wrong "pings: $(cat "$work/ping")"
# Whatever still circulates would do so for ever.
at x ping -q -c 1 10.5.0.3 >/dev/null
for host in x y z; do
	end mirror_$host || wrong "farspan mirror in $host: $(cat "$work/mirror_$host.err")"
	sent=$("$here/counters.py" "$work/mirror_$host.out" sent)
	# A frame is copied where it is seen, and each copy at most by the two hosts that did not make it.
	[ "$sent" -le $((12 * pings)) ] || wrong "$sent copies sent by $host of $((2 * pings)) frames"
	[ "$("$here/counters.py" "$work/mirror_$host.out" loop)" -gt 0 ] || wrong "$host saw no copy of its own"
done
finish
