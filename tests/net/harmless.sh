#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The mirrored traffic itself: nothing of it is lost or doubled, whatever happens to the mirror, its uplink or its collector.
#
#     a ---- s0 [ bridge ] s1 ---- b         pings and a TCP transfer from a to b, through s0
#            u0 ---- col
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

bridge_topology 1500 1600
pings=600

# under EVENT: pings while EVENT happens in the middle of them, then one transfer.
under() {
	echo "-- $1"
	spawn ping nsenter --net="/run/netns/${prefix}a" ping -O -i 0.002 -c $pings -W 20 10.1.0.2
	until_said ping "icmp_seq=50 "
	"$2"
	wait "$(cat "$work/ping.pid")" || true
	said ping "$pings packets transmitted, $pings received, 0% packet loss" || wrong "$1: $(tail -n 3 "$work/ping.out")"
	! said ping "duplicates" || wrong "$1: $(tail -n 3 "$work/ping.out")"
	"$here/traffic.py" tcp ${prefix}a ${prefix}b 10.1.0.2 5001 4000000 >"$work/sum" || wrong "$1: the transfer"
}

start() {
	mirror tap -i s0 -d both -t 'erspan2:10.9.0.2,id=1'
}

link() {
	ip -n "$prefix$1" link set "$2" "$3"
}

start_and_end() {
	start
	end_mirror
	start
}

no_event() {
	:
}

collector_unreachable() {
	link col c0 down
	ip -n ${prefix}tap neigh del 10.9.0.2 dev u0
}

collector_returns() {
	link col c0 up
	neighbour tap u0 10.9.0.2 $mac_c
}

no_carrier() {
	link col c0 down
}

carrier_returns() {
	link col c0 up
}

uplink_down() {
	link tap u0 down
}

uplink_up() {
	link tap u0 up
	neighbour tap u0 10.9.0.2 $mac_c
}

uplink_gone() {
	ip -n ${prefix}tap link del u0
}

killed() {
	end mirror KILL || true
}

under "the mirror starts, ends, starts again" start_and_end
under "mirroring" no_event
under "the collector goes" collector_unreachable
under "the collector returns" collector_returns
under "the uplink loses its carrier" no_carrier
under "the carrier returns" carrier_returns
under "the uplink goes down" uplink_down
under "the uplink comes up" uplink_up
under "the mirror is killed" killed
start
under "the uplink is deleted" uplink_gone
end_mirror

# What the copies met on their way is in the counters: of those, some were sent, some dropped under a name.
finish
