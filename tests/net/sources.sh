#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Sources that come and go: patterns, interfaces made, renamed, deleted and made again while the mirror runs.
#
#     s0, s1   the bridge's ports, as in the usual topology; x0 .. come and go; all mirrored over u0
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

bridge_topology 1500 1600
frames=20

# pair NAME: an interface with its peer in b, up
pair() {
	wire tap "$1" 02:00:00:00:07:00 b "peer-$1" 02:00:00:00:07:01
}

# frames NAME: which arrive on it
arrive() {
	local i
	for i in $(seq $frames); do at b "$here/traffic.py" frame "peer-$1" "frame $i for $1"; done
}

mirrors() {
	tail -n 3 "$work/mirror.err" | grep -q "farspan: mirroring $1("
}

echo "-- a pattern, of which nothing is there yet"
mirror tap -i 'x*' -d rx -t erspan2:10.9.0.2,id=5
until_said mirror "no interface has a name like 'x*'"
pair x0
until_true 10 "x0" mirrors "x0 "
arrive x0
pair x1
until_true 10 "x1" mirrors "x0 x1 "
arrive x1
ip -n ${prefix}tap link set x1 name y1
until_true 10 "y1 to be left" mirrors "x0 "
at b "$here/traffic.py" frame peer-x1 "unseen"
ip -n ${prefix}tap link del x0
until_true 10 "x0 to be forgotten" said mirror "no interface has a name like 'x*'"
pair x0
until_true 10 "x0 again" mirrors "x0 "
arrive x0
end_mirror seen=$((3 * frames)) sent=$((3 * frames))

echo "-- two interfaces by name; a name that is not there"
mirror tap -i s0 -i s1 -d rx -t erspan2:10.9.0.2,id=5
at a ping -q -c $frames -i 0.002 10.1.0.2 >/dev/null
end_mirror seen=$((2 * frames)) sent=$((2 * frames))
! at tap "$FARSPAN" mirror -i s0 -i nope -t erspan2:10.9.0.2 2>"$work/err" || wrong "a missing interface was accepted"
equal "what is said of it" "farspan: interface 'nope': no such interface" "$(cat "$work/err")"

echo "-- waiting for an interface and for a route"
mirror tap --wait -i z0 -d rx -t erspan2:10.77.0.2,id=5
until_said mirror "interface 'z0': no such interface"
until_said mirror "no route to 10.77.0.2"
pair z0
until_true 10 "z0" mirrors "z0 "
arrive z0
ip -n ${prefix}tap route add 10.77.0.0/24 via 10.9.0.2
until_said mirror "-> 10.77.0.2 via u0"
arrive z0
ip -n ${prefix}tap route del 10.77.0.0/24
until_true 10 "the route to be missed" sh -c "[ \$(grep -c 'no route to 10.77.0.2' '$work/mirror.err') -ge 2 ]"
arrive z0
end_mirror seen=$((3 * frames)) sent=$frames no_route=$((2 * frames))
finish
