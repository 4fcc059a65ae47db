#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Sources that come and go: patterns, interfaces made, renamed, moved, deleted and made again while the mirror runs. What goes on meanwhile
# loses nothing, neither its own frames nor copies.
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

# arrive NAME: frames do on it
arrive() {
	at b "$here/traffic.py" frame "peer-$1" "for $1" $frames
}

# mirrors NAME...: exactly these, as said last
mirrors() {
	[ "$(grep 'farspan: mirroring ' "$work/mirror.err" | tail -n 1 | sed 's/.*mirroring //; s/ (.*//' | xargs -n 1 | sort)" = \
		"$(printf '%s\n' "$@" | sort)" ]
}

echo "-- a pattern, of which nothing is there yet"
mirror tap -i 'x*' -d rx -t erspan2:10.9.0.2,id=5
until_said mirror "no interface has a name like 'x*'"
pair x0
until_true 10 "x0" mirrors x0
arrive x0
pair x1
until_true 10 "x1" mirrors x0 x1
arrive x1
ip -n ${prefix}tap link set x1 name y1
until_true 10 "y1 to be left" mirrors x0
at b "$here/traffic.py" frame peer-x1 "unseen"
ip -n ${prefix}tap link del x0
until_true 10 "x0 to be forgotten" mirrors nothing
pair x0
until_true 10 "x0 again" mirrors x0
arrive x0
end_mirror seen=$((3 * frames)) sent=$((3 * frames))

echo "-- two interfaces by name, and what that costs; a name that is not there"
mirror tap --cost -i s0 -i s1 -d rx -t erspan2:10.9.0.2,id=5
at a ping -q -c $frames -i 0.002 10.1.0.2 >/dev/null
end_mirror seen=$((2 * frames)) sent=$((2 * frames))
equal "it costs something" true "$(jq '.cost | .ns_per_frame > 0 and .ns_per_copy > 0 and .core_share > 0' "$work/mirror.out")"
start_farspan cost tap mirror --cost -i s0 -d rx -t erspan2:10.9.0.2,id=5
at a ping -q -c $frames -i 0.002 10.1.0.2 >/dev/null
end cost || wrong "farspan mirror --cost: status $?"
grep -qE '^cost: [1-9][0-9]* ns per frame seen, [1-9][0-9]* ns per copy, [0-9]+\.[0-9] % of a core$' "$work/cost.err" ||
	wrong "what is said of the cost: $(cat "$work/cost.err")"
! at tap "$FARSPAN" mirror -i s0 -i nope -t erspan2:10.9.0.2 2>"$work/err" || wrong "a missing interface was accepted"
equal "what is said of it" "farspan: interface 'nope': no such interface" "$(cat "$work/err")"

echo "-- a tap device, by a pattern"
if ip -n ${prefix}tap tuntap add dev tap7 mode tap 2>"$work/err"; then
	at tap sysctl -qw net.ipv6.conf.tap7.disable_ipv6=1
	ip -n ${prefix}tap link set tap7 up
	mirror tap -i 'tap*' -d both -t erspan2:10.9.0.2,id=5
	at tap "$here/traffic.py" tap tap7 "by the tap" $frames || wrong "frames of the tap device itself"
	end_mirror seen=$((2 * frames)) sent=$((2 * frames))
	equal "received and sent" "$frames $frames" "$(jq -r '[.rx.seen, .tx.seen] | join(" ")' "$work/mirror.out")"
	ip -n ${prefix}tap link del tap7
else
	echo "there are none here: $(cat "$work/err")"
fi

echo "-- waiting for an interface and for a route"
mirror tap --wait -i z0 -d rx -t erspan2:10.77.0.2,id=5
until_said mirror "interface 'z0': no such interface"
until_said mirror "no route to 10.77.0.2"
pair z0
until_true 10 "z0" mirrors z0
arrive z0
ip -n ${prefix}tap route add 10.77.0.0/24 via 10.9.0.2
until_said mirror "-> 10.77.0.2 id 5 via u0"
arrive z0
ip -n ${prefix}tap route del 10.77.0.0/24
until_true 10 "the route to be missed" sh -c "[ \$(grep -c 'no route to 10.77.0.2' '$work/mirror.err') -ge 2 ]"
arrive z0
end_mirror seen=$((3 * frames)) sent=$frames no_route=$((2 * frames))

echo "-- sources that move away, go with their namespace, are renamed, and an uplink that shrinks, under traffic of another"
datagrams=200
namespace guest
wire tap k0 02:00:00:00:08:00 guest k1 02:00:00:00:08:01
pair m0

# Datagrams from a to b, all of which arrive, round after round until $work/enough is there.
stream() {
	rm -f "$work/enough" "$work/rounds"
	# shellcheck disable=SC2016 # expands in the inner shell
	spawn stream bash -c 'until [ -e "$0/enough" ]; do
		"$1/traffic.py" udp "$2" "$3" 10.1.0.2 5002 "$4" 1000 || exit 1
		echo round >>"$0/rounds"
	done' "$work" "$here" ${prefix}a ${prefix}b $datagrams
	flows
}

# flows: a round more has gone.
flows() {
	local before
	before=$(cat "$work/rounds" 2>/dev/null | wc -l)
	until_true 30 "the stream" sh -c "[ \$(cat '$work/rounds' | wc -l) -gt $before ]"
}

end_stream() {
	touch "$work/enough"
	wait "$(cat "$work/stream.pid")" || wrong "datagrams of the stream were lost: $(cat "$work/stream.err")"
}

programs() {
	at "$1" bpftool net show | grep -c "$2" || true
}

no_program() {
	[ "$(programs "$1" "$2")" = 0 ]
}

mirror tap -i s0 -i m0 -i "k1,netns=${prefix}guest" -d rx -t erspan2:10.9.0.2,id=5 udp port 5002
until_true 20 "all three" mirrors s0 m0 k0
stream
ip -n ${prefix}tap link set m0 netns ${prefix}col
until_said mirror "interface 'm0': no such interface"
flows
until_true 20 "the program to be taken from what moved away" no_program col m0
ip netns del ${prefix}guest
until_said mirror "network namespace '${prefix}guest': there is none"
flows
ip -n ${prefix}tap link set u0 mtu 600
until_said mirror "frames up to 564 bytes"
flows
namespace guest
wire tap k0 02:00:00:00:08:00 guest k1 02:00:00:00:08:01
ip -n ${prefix}col link set m0 netns ${prefix}tap
ip -n ${prefix}tap link set m0 up
until_true 20 "all three again" mirrors s0 m0 k0
flows
end_stream
end_mirror sent=$(($(wc -l <"$work/rounds") * datagrams))

echo "-- the source is renamed under traffic, and gets its name back"
mirror tap -i s0 -d rx -t erspan2:10.9.0.2,id=5
stream
ip -n ${prefix}tap link set s0 name t0
until_said mirror "interface 's0': no such interface"
flows
equal "programs on what has another name" 0 "$(programs tap 't0(')"
ip -n ${prefix}tap link set t0 name s0
until_true 20 "s0 again" mirrors s0
flows
end_stream
end_mirror
finish
