#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# After a mirror, whatever ended it, the machine is as before: links, offloads, qdiscs, filters, programs, addresses, pinned objects.
#
#     a ---- s0 [ bridge ] s1 ---- b
#            u0 ---- col
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

bridge_topology 1500 1600
# Something of others, which must stay.
at tap tc qdisc add dev s1 clsact
at tap tc filter add dev s1 ingress bpf da obj "$TAGS" sec none

# What could be left, without what counts or ages.
state() {
	ip -n ${prefix}tap -d link show | grep -v 'qlen\|gc_timer'
	ip -n ${prefix}tap address show | grep -o 'inet.*scope'
	at tap tc qdisc show
	local iface
	for iface in s0 s1 u0 br0; do
		at tap tc filter show dev $iface ingress | sed 's/ tag .*//; s/ id [0-9]*//'
		at tap tc filter show dev $iface egress | sed 's/ tag .*//; s/ id [0-9]*//'
		at tap ethtool -k $iface
	done
	at tap bpftool net show | sed 's/ id [0-9]*//g'
	at tap sysctl -a 2>/dev/null | grep '^net\.\(ipv4\|ipv6\)\.conf'
	ip -n ${prefix}tap rule show
	find /sys/fs/bpf 2>/dev/null | sort
	find /run /var/run -maxdepth 2 -path '*farspan*' 2>/dev/null | sort
}

as_before() {
	state >"$work/after" && cmp -s "$work/before" "$work/after"
}

# Where the process could not clean up itself, another does soon.
nothing_left() {
	local rounds=100
	until as_before; do
		rounds=$((rounds - 1))
		if [ $rounds = 0 ]; then
			wrong "left after: $1"
			diff "$work/before" "$work/after" || true
			return 0
		fi
		sleep 0.05
	done
}

gone() {
	! pgrep -f "^$FARSPAN mirror .*-i s0" >/dev/null
}

state >"$work/before"
for way in "" --clsact; do
	for signal in INT TERM HUP; do
		echo "-- ${way:-best way}, ended by $signal"
		# shellcheck disable=SC2086 # nothing, or an option
		mirror tap $way -i s0 -d both -t erspan2:10.9.0.2
		state >"$work/while"
		! cmp -s "$work/before" "$work/while" || wrong "a running mirror shows nowhere"
		at a ping -q -c 1 -W 20 10.1.0.2 >/dev/null || wrong "the ping itself"
		end mirror $signal || wrong "status $?: $(cat "$work/mirror.err")"
		as_before || wrong "left after $signal: $(diff "$work/before" "$work/after")"
	done
	for round in 1 2 3; do
		echo "-- ${way:-best way}, killed, $round"
		# shellcheck disable=SC2086 # nothing, or an option
		mirror tap $way -i s0 -d both -t erspan2:10.9.0.2
		! end mirror KILL || wrong "a killed mirror that ended well"
		nothing_left "killed"
	done
	echo "-- ${way:-best way}, killed, then started again at once"
	# shellcheck disable=SC2086 # nothing, or an option
	mirror tap $way -i s0 -d both -t erspan2:10.9.0.2
	end mirror KILL || true
	# shellcheck disable=SC2086 # nothing, or an option
	mirror tap $way -i s0 -d both -t erspan2:10.9.0.2
	at a ping -q -c 1 -W 20 10.1.0.2 >/dev/null || wrong "the ping itself"
	end_mirror sent=2
	nothing_left "killed and started again"

	echo "-- ${way:-best way}, refused when it was half ready"
	# shellcheck disable=SC2086 # nothing, or an option
	! at tap "$FARSPAN" mirror $way -i s0 -t erspan2:10.77.0.1 2>/dev/null || wrong "a mirror without a route"
	nothing_left "refused"

	echo "-- ${way:-best way}, the source deleted under it"
	ip -n ${prefix}tap link add gone0 type veth peer name gone1
	ip -n ${prefix}tap link set gone0 up
	# shellcheck disable=SC2086 # nothing, or an option
	mirror tap $way -i gone0 -d both -t erspan2:10.9.0.2
	ip -n ${prefix}tap link del gone0
	end mirror INT || wrong "status $?: $(cat "$work/mirror.err")"
	nothing_left "the source deleted"
done

echo "-- two at once, one of them ended"
mirror tap -i s0 -d both -t erspan2:10.9.0.2,id=1
start_farspan second tap mirror -i s0 -d both -t erspan3:10.9.0.2,id=2 --json
end second INT || wrong "status $?"
at a ping -q -c 1 -W 20 10.1.0.2 >/dev/null || wrong "the ping itself"
end_mirror sent=2
nothing_left "two at once"
until_true 5 "no process of farspan" gone
finish
