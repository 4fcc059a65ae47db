#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# farspand is killed under traffic and started again: sessions go on or end as OnCrash says, nothing is missed, nothing is left.
#
#     a ---- s0 [ bridge ] s1 ---- b         s0, s1 are mirrored
#            u0 ---- col                     what arrives is counted, number by number
#
# usage: crash.sh [OPTION...]               of farspand; KILLS=1000 in the environment: so many at random moments
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

FARSPAND=${FARSPAND:-farspand}
KILLS=${KILLS:-4}
options=("$@")
mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf || skip "needs a bpf file system"
bridge_topology 1500 1600
mkdir "$work/tap"
pins=/sys/fs/bpf/farspan/$(at tap /usr/bin/python3 -c '
import socket
one = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
print("%x" % int.from_bytes(one.getsockopt(socket.SOL_SOCKET, 71, 8), "little"))  # SO_NETNS_COOKIE')
trap 'rm -rf "$pins"; clean_up' EXIT
capabilities=--bounding-set=-all,+bpf,+perfmon,+net_admin,+net_raw # those of the unit

# launch: farspand with the files of $work/tap; start: and it is ready
launch() {
	spawn tap nsenter --net="/run/netns/${prefix}tap" setpriv "$capabilities" "$FARSPAND" -D "$work/tap" -R "$work/tap.run" "${options[@]}"
}

start() {
	launch
	until_said tap "farspand: ready"
}

# crash: no message of the shell about it
crash() {
	end tap KILL 2>/dev/null || true
}

# session NAME ONCRASH INTERFACE ID [LINE...]: a file, there in one step
session() {
	local file=$work/tap/$1.session
	printf '%s\n' "[Session]" "OnCrash=$2" "${@:5}" "[Source]" "Interface=$3" "Direction=rx" "[Destination]" "Type=erspan2" \
		"Remote=10.9.0.2" "SessionID=$4" >"$file.new"
	mv "$file.new" "$file"
}

# show FILTER: what a jq filter makes of each session
show() {
	"$FARSPAN" show -S "$work/tap.run/farspan.sock" --json | jq -c ".sessions[] | $1" | paste -sd' '
}

shows() {
	[ "$(show "$1")" = "$2" ]
}

# traffic: pings without end; end_traffic: sets $pings to their number
traffic() {
	spawn pings nsenter --net="/run/netns/${prefix}a" ping -q -i 0.002 10.1.0.2
}

end_traffic() {
	end pings || fail "the pings themselves"
	pings=$(sed -n 's/ packets transmitted.*//p' "$work/pings.out")
}

# go_on: until some more packets have left by the uplink
go_on() {
	local before
	before=$(uplink)
	until_true 20 "more copies" more_than "$before"
}

uplink() {
	ip -n "${prefix}tap" -s -j link show u0 | jq '.[0].stats64.tx.packets'
}

more_than() {
	[ "$(uplink)" -gt $(($1 + 50)) ]
}

# numbers CAPTURE SESSION: "COUNT holes HOLES" of its sequence numbers, which begin with 0, in the order of arrival
numbers() {
	dissect "$1" -Y "erspan.spanid == $2" -e gre.sequence_number |
		awk '$1 != next_number { holes++ } { next_number = $1 + 1 } END { print NR, "holes", holes + 0 }'
}

# What could be left, without what counts or ages.
state() {
	ip -n "${prefix}tap" -o link show | sed 's/qlen.*//'
	at tap tc qdisc show
	local iface
	for iface in s0 s1; do
		at tap tc filter show dev $iface ingress
		at tap tc filter show dev $iface egress
	done
	at tap bpftool net show | sed 's/ id [0-9]*//g'
	find "$pins" 2>/dev/null || true
	pgrep -f "$FARSPAND -D $work/tap" || true
}

# Private pairs: one for what goes on, one for what ends.
has_pairs() {
	[ "$(ip -n "${prefix}tap" -o link show | grep -c 'fs[0-9a-f]*-seg@')" = "$1" ]
}

as_before() {
	state >"$work/after" && cmp -s "$work/before" "$work/after"
}

nothing_left() {
	until_true 20 "everything to be gone after $1: $(diff "$work/before" "$work/after" 2>&1 || true)" as_before
}

state >"$work/before"

echo "-- killed under traffic, what is to go on goes on: no copy is missed, numbers and counters go on"
session goes continue s0 1
session ends stop s0 2
start
capture col c0 copies
traffic
go_on
crash
go_on
start
! at tap "$FARSPAND" -D "$work/tap" -R "$work/other.run" 2>"$work/second" || wrong "a second daemon"
go_on
end_traffic
fence tap u0 copies
equal "the counters" "[\"ends\",\"active\",true] [\"goes\",\"active\",true]" \
	"$(show '[.name, .state, (.actual.destinations[0].rx | .seen == .sent and .seen > 0)]')"
goes='.actual.destinations[0].rx | .sent'
equal "of what goes on" "$pings" "$(show "select(.name == \"goes\") | $goes")"

echo "-- what changed in the meantime counts from the next start on, for the session that goes on"
crash
session goes continue s0 1 Filter=udp
session new continue s1 3 CPUs=0-$(($(nproc) - 1)) # its copies take the way over other CPUs
of_the_unit=$capabilities
capabilities+=,+sys_admin # which CPUs steer is written where the namespace of tap has to be mounted
rm "$work/tap/ends.session"
start
equal "the sessions" "[\"goes\",\"active\"] [\"new\",\"active\"]" "$(show '[.name, .state]')"
at b ping -q -c 20 -i 0.002 10.1.0.1 >/dev/null || fail "the pings themselves"
crash
at b ping -q -c 20 -i 0.002 10.1.0.1 >/dev/null || fail "the pings themselves"
start
at b ping -q -c 20 -i 0.002 10.1.0.1 >/dev/null || fail "the pings themselves"
until_true 20 "the copies of all CPUs" shows "select(.name == \"new\") | $goes" 60
fence tap u0 copies
end_capture copies
equal "filtered" "[\"goes\",$((pings + 60)),60,$pings] [\"new\",60,0,60]" \
	"$(show '[.name, (.actual.destinations[0].rx | .seen, .filter, .sent)]')"
equal "numbers of what goes on" "$pings holes 0" "$(numbers copies 1)"
equal "numbers of what is new" "60 holes 0" "$(numbers copies 3)"
capabilities=$of_the_unit
ended=$(numbers copies 2)
[ "${ended%% *}" -lt "$pings" ] || wrong "what was to end did not: $ended, $pings frames"

echo "-- what is in no file any more is removed by the next start, all of it by the end"
crash
rm "$work"/tap/*.session
session ends stop s1 2
start
equal "the session" "[\"ends\",\"active\"]" "$(show '[.name, .state]')"
[ ! -e "$pins" ] || wrong "left: $(find "$pins")"
crash
nothing_left "a kill"

echo "-- an upgrade under traffic: no copy is missed, of no session, and what is in no file goes on too"
session goes continue s0 1
session ends stop s0 2
# What runs is this copy, whose name then is another's.
cp "$FARSPAND" "$work/farspand"
FARSPAND=$work/farspand
start
api="curl -s --unix-socket $work/tap.run/farspan.sock http://farspan/v1/sessions"
$api/api -X PUT -d '{"sources": [{"interface": "s0", "direction": "rx"}], "destinations": [{"type": "gre", "remote": "10.9.0.2"}]}' \
	>/dev/null
capture col c0 copies
traffic
go_on
cp "$work/farspand" "$work/farspand.new"
mv "$work/farspand.new" "$work/farspand"
kill -USR2 "$(cat "$work/tap.pid")"
until_true 20 "the new version" sh -c "grep -c 'farspand: ready' $work/tap.err | grep -q 2"
go_on
end_traffic
fence tap u0 copies
end_capture copies
equal "the counters" "[\"api\",\"active\",$pings] [\"ends\",\"active\",$pings] [\"goes\",\"active\",$pings]" \
	"$(show "[.name, .state, ($goes)]")"
equal "numbers of what goes on" "$pings holes 0" "$(numbers copies 1)"
equal "numbers of what ends when farspand is killed" "$pings holes 0" "$(numbers copies 2)"
equal "copies of what is in no file" "$pings" "$(sums copies "gre.proto == 0x6558")"
crash
until_true 20 "what is to end to have ended" has_pairs 1
start
end tap TERM || wrong "the end: status $?: $(cat "$work/tap.err")"
nothing_left "an upgrade"

echo "-- killed $KILLS times at any moment, it is as configured when it is started again"
# some_files: those of some sessions, with something that differs
some_files() {
	rm -f "$work"/tap/*.session
	((RANDOM % 4 == 0)) || session one continue s0 1 "Filter=len > $((RANDOM % 60))" "Truncate=$((RANDOM % 2 ? 200 : 300))"
	((RANDOM % 4 == 0)) || session two continue s1 "$((RANDOM % 2 + 2))"
	((RANDOM % 4 == 0)) || session three stop s0 4
	local kinds=(stop continue)
	((RANDOM % 2)) || session four ${kinds[RANDOM % 2]} s1 5
}

for ((kill = 1; kill <= KILLS; kill++)); do
	some_files
	launch
	sleep "0.$((RANDOM % 4))$((RANDOM % 10))" # any moment will do
	((RANDOM % 2)) || some_files
	crash
	[ $((kill % 10)) = 0 ] || [ "$kill" = "$KILLS" ] || continue
	start
	wanted=$(cd "$work/tap" && find . -name '*.session' | sort | sed 's/..\(.*\).session/["\1","active"]/' | paste -sd' ')
	equal "after $kill kills" "$wanted" "$(show '[.name, .state]')"
	before=$(show "$goes")
	at a ping -q -c 5 -i 0.002 10.1.0.2 >/dev/null || fail "the pings themselves"
	expected=$(for number in $before; do echo -n "$((number + 5)) "; done)
	equal "five frames after $kill kills" "${expected% }" "$(show "$goes")"
	end tap TERM || wrong "the end: status $?: $(cat "$work/tap.err")"
	nothing_left "$kill kills"
done
finish
