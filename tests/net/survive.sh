#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Collectors and tunnel devices go on while farspand is upgraded or killed: no frame is missed, counters go on; nothing is left in the end.
#
#     tap  t0 ==== u0 ---- c0 ==== t0  col  d0 ---- e0  far      10.5.0.1, 10.5.0.2 inside
#
# Pings from tap go through the tunnel, of which farspand in col has one end. What t0 of tap sends is mirrored to two collectors of that
# farspand: one records, one delivers to span0 and relays, out of d0.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

FARSPAND=${FARSPAND:-farspand}
uplink_topology 1600
namespace far
wire col d0 02:00:00:00:08:01 far e0 02:00:00:00:08:02
addresses col d0 10.8.0.1/24
neighbour col d0 10.8.0.2 02:00:00:00:08:02
mkdir "$work/col" "$work/col.run"
# As the unit has it: a user of its own with these capabilities.
user=(--reuid 65533 --regid 65533 --clear-groups)
for set in --bounding-set --inh-caps --ambient-caps; do
	user+=("$set=-all,+bpf,+perfmon,+net_admin,+net_raw")
done
chmod 711 "$work" # its files are its own
chown 65533 "$work/col" "$work/col.run"
# What runs is this copy, whose name then is another's.
cp "$FARSPAND" "$work/farspand"
chmod 755 "$work/farspand"

start() {
	spawn col nsenter --net="/run/netns/${prefix}col" setpriv "${user[@]}" "$work/farspand" -D "$work/col" -R "$work/col.run"
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

# rec LINE...: the session that records
rec() {
	session rec "[Session]" "$@" "[Source]" "Type=erspan2" "[Destination]" "Type=pcapng" "File=$work/col/rec.pcapng"
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
	packets tap t0 rx
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

# traffic: pings without end
traffic() {
	meet_inside
	spawn pings nsenter --net="/run/netns/${prefix}tap" ping -q -i 0.005 10.5.0.2
	go_on
}

# end_traffic: sets $pings to their number; all have come back
end_traffic() {
	end pings || fail "the pings themselves"
	pings=$(sed -n 's/ packets transmitted.*//p' "$work/pings.out")
	until_true 20 "the answers" answered
	equal "pings that came back" "$pings" "$(received)"
}

answered() {
	[ "$(received)" = "$pings" ]
}

# upgrade: of a farspand that has been ready once since it was started
upgrade() {
	cp "$work/farspand" "$work/farspand.new"
	mv "$work/farspand.new" "$work/farspand"
	kill -USR2 "$(cat "$work/col.pid")"
	until_true 20 "the new version" sh -c "grep -c 'farspand: ready' $work/col.err | grep -q 2"
}

children() {
	pgrep -c -P "$(cat "$work/col.pid")" '^farspan-[ct]' || true
}

# packets NAMESPACE INTERFACE rx|tx
packets() {
	ip -n "$prefix$1" -s -j link show "$2" | jq ".[0].stats64.$3.packets"
}

state >"$work/before"
active='["rec","active"] ["span","active"] ["wan","active"]'
spawn tunnel nsenter --net="/run/netns/${prefix}tap" "$FARSPAN" tunnel add t0 type gre local 10.9.0.1 remote 10.9.0.2 key 3 --foreground
until_said tunnel "tunnel t0 is there"
ip -n "${prefix}tap" link set t0 address 02:00:00:00:05:01
addresses tap t0 10.5.0.1/24
mirror tap -i t0 -d tx -t erspan2:10.9.0.2 -t vxlan:10.9.0.2,vni=5 icmp

echo "-- an upgrade under traffic, and killed: no frame is missed, counters go on, by the same processes"
rec OnCrash=continue
session span "[Session]" "OnCrash=continue" "[Source]" "Type=vxlan" "VNI=5" "[Destination]" "Type=interface" "Interface=span0" \
	"[Destination]" "Type=erspan2" "Remote=10.8.0.2"
session wan "[Session]" "OnCrash=continue" "[Tunnel]" "Name=t0" "Type=gre" "Local=10.9.0.2" "Remote=10.9.0.1" "Key=3"
start
until_true 20 "the sessions" shows '[.name, .state]' "$active"
before=$(workers)
traffic
upgrade
go_on
equal "children of farspand" 3 "$(children)"
crash
go_on
equal "the processes without farspand" "$before" "$(workers)"
start
until_true 20 "what goes on" shows '[.name, .state]' "$active"
go_on
end_traffic
until_true 20 "the counters" shows '[.state, .actual.packets, .actual.lost]' \
	"[\"active\",$pings,0] [\"active\",$pings,0] [\"active\",null,null]"
equal "delivered and relayed" "$pings $pings" "$(packets col span0 rx) $(packets col d0 tx)"
equal "the processes" "$before" "$(workers)"
equal "children of farspand" 0 "$(children)"

echo "-- what changed while it was dead is another process, and what is in no file any more ends"
crash
rec OnCrash=stop
rm "$work/col/span.session"
start
until_true 20 "what goes on" shows '[.name, .state, .actual.packets]' '["rec","active",0] ["wan","active",null]'
equal "the recording of the one before" "$pings" "$(tshark -n -r "$work/col/rec.pcapng.1" 2>/dev/null | wc -l)"
equal "the tunnel" "$(grep tunnel <<<"$before")" "$(workers | grep tunnel)"
! grep -qx "$(workers | grep collect)" <<<"$before" || wrong "the process of another session: $(workers)"
! ip -n "${prefix}col" link show span0 2>/dev/null || wrong "span0 is still there"

echo "-- what is to stop goes on through an upgrade, and not when farspand is killed; an end ends what goes on"
before=$(workers)
upgrade
equal "the processes" "$before" "$(workers)"
crash
until_true 20 "one to end" worked "$(grep tunnel <<<"$before")"
start
end col TERM || wrong "the end: status $?: $(cat "$work/col.err")"
until_true 20 "everything to be gone" as_before
end tunnel || wrong "the tunnel in tap: $(cat "$work/tunnel.err")"
end_mirror
finish
