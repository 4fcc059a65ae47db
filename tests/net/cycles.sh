#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Many interfaces in one session, and many sessions one after the other or killed at any moment: sums exact, nothing left behind.
#
#     tap  m0a ---- m0b, m1a ---- m1b, ...  all mirrored over  u0 ---- c0  col
#
# usage: cycles.sh [PAIRS [CYCLES [KILLS]]]      by hand: cycles.sh 500 1000 300
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

pairs=${1:-500} cycles=${2:-60} kills=${3:-30} frames=3
uplink_topology 1600
swallow col c0
ip -n ${prefix}tap link add s0 type veth peer name s1
ip -n ${prefix}tap link set s0 up
# Something of others, which must stay.
at tap tc qdisc add dev s0 clsact
at tap tc filter add dev s0 ingress bpf da obj "$TAGS" sec none

# What could be left, of links, filters and programs.
state() {
	ip -n ${prefix}tap -o -d link show | sed 's/ state [A-Z]* / /; s/gc_timer *[0-9.]*//g'
	at tap tc qdisc show
	at tap tc filter show dev s0 ingress | grep -c bpf
	at tap bpftool net show | sed 's/ id [0-9]*//g'
}

as_before() {
	state >"$work/after" && cmp -s "$work/before" "$work/after"
}

nothing_left() {
	local rounds=1000
	until as_before; do
		rounds=$((rounds - 1))
		[ $rounds != 0 ] || fail "left: $(diff "$work/before" "$work/after")"
		sleep 0.02
	done
}

state >"$work/before"
echo "-- $cycles times started and ended"
at tap "$here/cycles.py" ended "$cycles" "$FARSPAN" mirror -i s0 -t erspan2:10.9.0.2 || wrong "a mirror that did not end well"
nothing_left
echo "-- $kills times killed, now and then with its janitor"
at tap "$here/cycles.py" killed "$kills" "$FARSPAN" mirror -i s0 -t erspan2:10.9.0.2 icmp
at tap "$here/cycles.py" killed "$kills" "$FARSPAN" mirror --clsact -i s0 -t erspan2:10.9.0.2
at tap "$here/cycles.py" ended 1 "$FARSPAN" mirror -i s0 -t erspan2:10.9.0.2 || wrong "a mirror that did not end well"
nothing_left

# session PAIRS PATTERN OPTION...: mirrors so many pairs, both ends; a frame from each first end is one sent and one received.
session() {
	local of=$1
	shift
	echo "-- $((of * 2)) interfaces: $*"
	mirror tap -i "$@" -t erspan2:10.9.0.2 -t 'erspan3:[fd09::2]'
	at tap "$here/cycles.py" send "$pairs" $frames
	end_mirror seen=$((of * frames * 4)) sent=$((of * frames * 4))
}

for number in $(seq 0 $((pairs - 1))); do
	echo "link add m${number}a type veth peer name m${number}b"
	echo "link set m${number}a up"
	echo "link set m${number}b up"
done >"$work/batch"
ip -n ${prefix}tap -batch "$work/batch"
state >"$work/before"
session "$pairs" 'm*' --clsact
nothing_left
session $((pairs < 10 ? pairs : 10)) 'm?[ab]'
nothing_left
finish
