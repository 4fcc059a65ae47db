#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Interfaces are deleted and others take their numbers while traffic goes on, and farspan is not there to notice, being stopped: nothing is
# sent to or taken from the wrong one. What comes back is taken again. The sums hold.
#
#     a ---- s0 [ bridge ] s1 ---- b
#            u0 ---- col
#            p0 ---- probe                 local SPAN
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

bridge_topology 1500 1600
tap=${prefix}tap
datagrams=64

traffic() {
	"$here/traffic.py" udp ${prefix}a ${prefix}b 10.1.0.2 5002 $datagrams 100 >"$work/udp" || fail "the datagrams themselves"
}

index_of() {
	ip -n $tap -o link show "$1" | cut -d: -f1
}

# make NAME NUMBER MAC: an interface of that number, with a carrier
make() {
	ip -n $tap link add "$1" index "$2" address "$3" type veth peer name "$1x"
	ip -n $tap link set "$1x" up
	ip -n $tap link set "$1" up
	until_true 5 "$1 to be up" is_up tap "$1"
}

# Nobody knows the stranger's address, but it would be told: a copy that is sent there must show.
make_stranger() {
	make stranger "$1" 02:00:00:00:06:66
	neighbour tap stranger 10.9.0.2 $mac_c
}

frozen() {
	kill -STOP "$(cat "$work/mirror.pid")"
	"$@"
	kill -CONT "$(cat "$work/mirror.pid")"
}

# swap NAME NUMBER: what sends to NAME sends to nobody
swap() {
	ip -n $tap link del "$1"
	make_stranger "$2"
	traffic
	equal "frames sent to a stranger instead of $1" 0 "$(sent_by stranger)"
}

make_probe() {
	make p0 "$1" 02:00:00:00:06:00
}

make_uplink() {
	make u0 "$1" $mac_u
	neighbour tap u0 10.9.0.2 $mac_c # before there is a route: nobody is to be asked
	addresses tap u0 10.9.0.1/24
}

# sent_by NAME
sent_by() {
	ip -n $tap -s -j link show "$1" | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["stats64"]["tx"]["packets"])'
}

again() {
	ip -n $tap link del "$1"
	"$3" "$2"
}

sends_again() {
	traffic
	[ "$(sent_by "$1")" -gt 0 ]
}

# destination NAME DESTINATION WAITS-FOR MAKE COUNTER...: what is not sent is counted there, first while farspan is stopped
destination() {
	echo "-- $2"
	local number
	number=$(index_of "$1")
	mirror tap -i s0 -d rx -t "$2"
	traffic
	frozen swap "$1" "$number"
	until_said mirror "$3"
	traffic
	equal "frames sent to a stranger instead of $1" 0 "$(sent_by stranger)"
	ip -n $tap link del stranger
	"$4" "$number"
	until_true 10 "copies by $1" sends_again "$1"
	end_mirror "$5" ${6:+"$6"}
	equal "sent" "$((datagrams + $(sent_by "$1")))" "$("$here/counters.py" "$work/mirror.out" sent)"
	echo "-- $2, back before it was missed"
	mirror tap -i s0 -d rx -t "$2"
	frozen again "$1" "$number" "$4"
	until_true 10 "copies by $1" sends_again "$1"
	end_mirror
	equal "sent" "$(sent_by "$1")" "$("$here/counters.py" "$work/mirror.out" sent)"
}

make_probe "$(($(index_of u0) + 100))"
destination p0 interface:p0 "interface 'p0': no such interface" make_probe target_down=$((2 * datagrams))
destination u0 erspan2:10.9.0.2 "no route to 10.9.0.2" make_uplink target_down=$datagrams no_route=$datagrams

# in_place NUMBER NAME: of s0, at the other end of a's wire
in_place() {
	ip -n $tap link del "$(ip -n $tap -o link show | sed -n "s/^$1: \([^@:]*\).*/\1/p")"
	ip -n $tap link add "$2" index "$1" address $mac_s0 type veth peer name a0 address $mac_a netns ${prefix}a
	ip -n ${prefix}a link set a0 up
	ip -n $tap link set "$2" master br0 up
	until_true 5 "$2 to be up" is_up tap "$2"
	addresses a a0 10.1.0.1/24
	neighbour a a0 10.1.0.2 $mac_b
	until_true 5 "the bridge to forward" bridge_forwards
	traffic
}

# replaced OPTION...: another interface in the place of a source is not mirrored; the same one, made anew, is
replaced() {
	echo "-- a source ${*:-by the best way}"
	local number before
	number=$(index_of s0)
	mirror tap -i s0 -d rx -t interface:p0 "$@"
	before=$(sent_by p0)
	traffic
	frozen in_place "$number" stranger
	until_said mirror "interface 's0': no such interface"
	traffic
	equal "copies" $datagrams $(($(sent_by p0) - before))
	frozen in_place "$number" s0
	until_true 10 "the source to be taken again" sh -c "[ \$(grep -c 'mirroring s0' '$work/mirror.err') = 2 ]"
	traffic
	equal "copies" $((2 * datagrams)) $(($(sent_by p0) - before))
	frozen in_place "$number" s0
	before=$(sent_by p0)
	until_true 10 "copies of the source made anew" more_than "$before"
	end_mirror
}

more_than() {
	traffic
	[ "$(sent_by p0)" -gt "$1" ]
}

replaced
replaced --clsact
finish
