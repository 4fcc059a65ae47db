#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Collectors and tunnel devices go on while farspand is killed or upgraded: no frame is missed, the counters go on, nothing is left.
#
#     tap  t0 ==== u0 ---- c0 ==== t0  col      10.5.0.1, 10.5.0.2 inside
#
# Pings from tap go through the tunnel, of which farspand in col has one end. What t0 of tap sends is mirrored to two collectors of that
# farspand: one records, one delivers to span0.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

FARSPAND=${FARSPAND:-farspand}
uplink_topology 1600
mkdir "$work/col" "$work/col.run"
# As the unit has it: a user of its own with these capabilities.
user=(--reuid 65533 --regid 65533 --clear-groups)
for set in --bounding-set --inh-caps --ambient-caps; do
	user+=("$set=-all,+bpf,+perfmon,+net_admin,+net_raw")
done
chmod 711 "$work"
chown 65533 "$work/col" "$work/col.run"
# What runs is this copy, whose name then is another's.
cp "$FARSPAND" "$work/farspand"
chmod 755 "$work/farspand"

launch() {
	spawn col nsenter --net="/run/netns/${prefix}col" setpriv "${user[@]}" "$work/farspand" -D "$work/col" -R "$work/col.run"
	jobs_started+=("$(cat "$work/col.pid")")
}

start() {
	launch
	until_said col "farspand: ready"
}

# crash: no message of the shell about it
crash() {
	end col KILL 2>/dev/null || true
}

# session NAME LINE...: a file, there in one step
session() {
	local file=$work/col/$1.session
	shift
	printf '%s\n' "$@" >"$file.new"
	mv "$file.new" "$file"
}

# sessions ONCRASH: all three
sessions() {
	session rec "[Session]" "OnCrash=$1" "[Source]" "Type=erspan2" "[Destination]" "Type=pcapng" "File=$work/col/rec.pcapng"
	session span "[Session]" "OnCrash=$1" "[Source]" "Type=vxlan" "VNI=5" "[Destination]" "Type=interface" "Interface=span0"
	session wan "[Session]" "OnCrash=$1" "[Tunnel]" "Name=t0" "Type=gre" "Local=10.9.0.2" "Remote=10.9.0.1" "Key=3"
}

# show FILTER: what a jq filter makes of each session
show() {
	"$FARSPAN" show -S "$work/col.run/farspan.sock" --json | jq -c ".sessions[] | $1" | paste -sd' '
}

shows() {
	[ "$(show "$1")" = "$2" ]
}

# workers: "NAME PID" of each, which need not be children of farspand
workers() {
	local pid
	for pid in $(ip netns pids "${prefix}col"); do
		sed "s/\$/ $pid/" "/proc/$pid/comm" 2>/dev/null || true
	done | grep -E '^farspan-(collect|tunnel) ' | sort
}

worked() {
	[ "$(workers)" = "$1" ]
}

# What could be left, without what counts or ages.
state() {
	ip -n "${prefix}col" -o link show | sed 's/qlen.*//'
	at col tc qdisc show
	at col bpftool net show | sed 's/ id [0-9]*//g'
	at col ss -xlH | grep -c '@farspan/' || true
	ip netns pids "${prefix}col" | xargs -r -I '{}' cat '/proc/{}/comm' 2>/dev/null || true
}

as_before() {
	state >"$work/after" && cmp -s "$work/before" "$work/after"
}

# received: pings that have come back so far
received() {
	ip -n "${prefix}tap" -s -j link show t0 | jq '.[0].stats64.rx.packets'
}

# go_on: until some more pings have come back
go_on() {
	local before
	before=$(received)
	until_true 20 "more pings" more_than "$before"
}

more_than() {
	[ "$(received)" -gt $(($1 + 30)) ]
}

meet_inside() {
	addresses col t0 10.5.0.2/24
	neighbour col t0 10.5.0.1 02:00:00:00:05:01
	neighbour tap t0 10.5.0.2 "$(ip -n "${prefix}col" -j link show t0 | jq -r ".[0].address")"
}

# traffic: pings without end, from the first of which on everything is counted
traffic() {
	meet_inside
	spawn pings nsenter --net="/run/netns/${prefix}tap" ping -q -i 0.005 10.5.0.2
	go_on
}

# end_traffic: sets $pings to their number, which all have come back and arrived
end_traffic() {
	end pings || fail "the pings themselves"
	pings=$(sed -n 's/ packets transmitted.*//p' "$work/pings.out")
	equal "pings that came back" "$pings" "$(sed -n 's/.* transmitted, \([0-9]*\) received.*/\1/p' "$work/pings.out")"
}

state >"$work/before"
active='["rec","active"] ["span","active"] ["wan","active"]'
spawn tunnel nsenter --net="/run/netns/${prefix}tap" "$FARSPAN" tunnel add t0 type gre local 10.9.0.1 remote 10.9.0.2 key 3 --foreground
until_said tunnel "tunnel t0 is there"
ip -n "${prefix}tap" link set t0 address 02:00:00:00:05:01
addresses tap t0 10.5.0.1/24
mirror tap -i t0 -d tx -t erspan2:10.9.0.2 -t vxlan:10.9.0.2,vni=5 icmp

echo "-- an upgrade under traffic: no frame is missed, counters go on, by the same processes"
sessions stop
start
until_true 20 "the sessions" shows '[.name, .state]' "$active"
before=$(workers)
traffic
cp "$work/farspand" "$work/farspand.new"
mv "$work/farspand.new" "$work/farspand"
kill -USR2 "$(cat "$work/col.pid")"
until_true 20 "the new version" sh -c "grep -c 'farspand: ready' $work/col.err | grep -q 2"
go_on
equal "the processes" "$before" "$(workers)"
end_traffic
until_true 20 "the counters" shows '[.state, .actual.packets, .actual.lost]' \
	"[\"active\",$pings,0] [\"active\",$pings,0] [\"active\",null,null]"
equal "delivered" "$pings" "$(ip -n "${prefix}col" -s -j link show span0 | jq '.[0].stats64.rx.packets')"
equal "children of farspand" "$(workers | wc -l)" "$(pgrep -c -P "$(cat "$work/col.pid")" 'farspan-(collect|tunnel)')"
finish
