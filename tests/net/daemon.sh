#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# farspand: sessions from files and over the socket, changed in place; copies at a collector, which is a session too, in another namespace.
#
#     a ---- s0 [ bridge ] s1 ---- b         s0, s1 are mirrored by the farspand in tap
#            u0 ---- col                     the farspand in col collects
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

FARSPAND=${FARSPAND:-farspand}
bridge_topology 1500 1600 collector
pings=20
mkdir "$work/tap" "$work/col"
# As the unit has it: a user of its own with these capabilities. Its files are its own, those of the sessions may be root's.
user=(--reuid 65533 --regid 65533 --clear-groups)
for set in --bounding-set --inh-caps --ambient-caps; do
	user+=("$set=-all,+bpf,+perfmon,+net_admin,+net_raw")
done
chmod 711 "$work" # the socket is for others too

# daemon NAMESPACE OPTION...: a farspand with the files of $work/NAMESPACE
daemon() {
	local name=$1
	shift
	mkdir -p "$work/$name.run"
	chown 65533 "$work/$name" "$work/$name.run"
	spawn "$name" nsenter --net="/run/netns/$prefix$name" setpriv "${user[@]}" "$FARSPAND" -D "$work/$name" -R "$work/$name.run" "$@"
	until_said "$name" "farspand: ready"
}

# ask METHOD PATH [BODY]: of the farspand in tap, as any program would
ask() {
	curl -s -X "$1" --unix-socket "$work/tap.run/farspan.sock" "http://farspan$2" ${3:+-d "$3"}
}

# show NAMESPACE FILTER: what a jq filter makes of each session
show() {
	"$FARSPAN" show -S "$work/$1.run/farspan.sock" --json | jq -c ".sessions[] | $2"
}

# shows NAMESPACE FILTER EXPECTED
shows() {
	[ "$(show "$1" "$2")" = "$3" ]
}

# session NAMESPACE NAME LINE...: a file, there in one step
session() {
	local file=$work/$1/$2.session
	shift 2
	printf '%s\n' "$@" >"$file.new"
	mv "$file.new" "$file"
}

ping_b() {
	at a ping -q -c $pings -i 0.002 10.1.0.2 >/dev/null || fail "the pings themselves"
}

seen='[.name, .state, (.actual.destinations[0] | .rx.seen, .rx.filter, .rx.sent)]'

echo "-- a file is a session, a collector the other"
session col all "[Source]" "Type=erspan2" "Local=10.9.0.2" "[Destination]" "Type=pcapng" "File=$work/col/all.pcapng"
daemon col
web() {
	session tap web "[Session]" "Description=Web & <more>" "Filter=$1" "[Source]" "Interface=s0" "Direction=rx" \
		"[Destination]" "Type=erspan2" "Remote=10.9.0.2" "SessionID=7"
}
web icmp
daemon tap --others-read --metrics 127.0.0.1:9417 --page
until_true 20 "the collector" shows col '[.name, .kind, .state]' '["all","collector","active"]'
ping_b
equal "of the mirror" "[\"web\",\"active\",$pings,0,$pings]" "$(show tap "$seen")"
until_true 20 "the copies" shows col '[.actual.packets, .actual.lost]' "[$pings,0]"

echo "-- a changed file is a changed session, which goes on"
web udp
until_true 20 "the other filter" shows tap .wanted.filter '"udp"'
ping_b
equal "of the changed mirror" "[\"web\",\"active\",$((2 * pings)),$pings,$pings]" "$(show tap "$seen")"
equal "the totals" "$(show tap '.actual.destinations[0].rx | [.seen, .sent, .sent_bytes, .attempted - .sent]')" \
	"$(show tap '.totals | [.seen, .passed, .bytes, .dropped]')"
equal "the totals of the collector" "$(show col '[.actual.counters.received, .actual.packets, .actual.bytes, .actual.lost]')" \
	"$(show col '.totals | [.seen, .passed, .bytes, .dropped]')"

echo "-- what takes a privilege that farspand does not have is pending, and nothing else is"
session tap steered "[Session]" "CPUs=0" "[Source]" "Interface=s1" "[Destination]" "Type=erspan2" "Remote=10.9.0.2" "SessionID=8"
"$FARSPAN" apply -S "$work/tap.run/farspan.sock" || wrong "apply with a session that cannot be steered"
equal "which of them goes" '["steered","pending",true] ["web","active",false]' \
	"$(show tap '[.name, .state, (.why | contains("to steer to CPUs"))]' | paste -sd' ')"
said tap "steered: not permitted: CAP_" || wrong "nothing in the log: $(tail -n 3 "$work/tap.err")"
rm "$work/tap/steered.session"
"$FARSPAN" apply -S "$work/tap.run/farspan.sock" || wrong "apply without it"
equal "untouched" "[\"web\",\"active\",$((2 * pings)),$pings,$pings]" "$(show tap "$seen")"

echo "-- a file with errors changes nothing, and all of them are told"
session tap bad "[Session]" "Colour=red" "[Source]" "Interface=s0" "[Destination]" "Type=erspan2" "Remote=10.9.0.300"
! "$FARSPAN" apply -S "$work/tap.run/farspan.sock" 2>"$work/apply.err" || wrong "bad files were applied"
grep -q 'bad.session:2:1: .*Colour' "$work/apply.err" || wrong "the key is not told: $(cat "$work/apply.err")"
grep -q 'bad.session:7:.*10.9.0.300' "$work/apply.err" || wrong "the address is not told: $(cat "$work/apply.err")"
rm "$work/tap/bad.session"
"$FARSPAN" apply -S "$work/tap.run/farspan.sock" || wrong "apply without the bad file"
equal "untouched" "[\"web\",\"active\",$((2 * pings)),$pings,$pings]" "$(show tap "$seen")"

echo "-- over the socket: put, patched, kept, disabled, deleted; nobody else is touched"
curl -sN --unix-socket "$work/tap.run/farspan.sock" http://farspan/v1/events >"$work/events" &
jobs_started+=($!)
until_true 20 "the stream of events" grep -q hello "$work/events"
ask PUT /v1/sessions/api '{"sources": [{"interface": "s1"}], "destinations": [{"type": "gre", "remote": "10.9.0.2"}]}' >/dev/null
equal "both" '"api" "web"' "$(show tap .name | paste -sd' ')"
equal "it is in no file" "web.session" "$(ls "$work/tap")"
changed='[{"type": "gre", "remote": "10.9.0.2", "ttl": 9}]'
ask PATCH /v1/sessions/api "{\"filter\": \"arp\", \"destinations\": $changed, \"persist\": true}" >/dev/null
equal "it is in a file" "Filter=arp" "$(grep Filter "$work/tap/api.session")"
equal "as export prints it" "$(cat "$work/tap/api.session")" "$("$FARSPAN" export -S "$work/tap.run/farspan.sock" api)"
"$FARSPAN" disable -S "$work/tap.run/farspan.sock" api || wrong "disable"
equal "disabled" '["api","off"] ["web","active"]' "$(show tap '[.name, .state]' | paste -sd' ')"
equal "for good" "Enabled=no" "$(grep Enabled "$work/tap/api.session.d/enabled.conf")"
"$FARSPAN" apply -S "$work/tap.run/farspan.sock" || wrong "apply with the drop-in"
equal "still disabled" '["api","off"] ["web","active"]' "$(show tap '[.name, .state]' | paste -sd' ')"
status=0
"$FARSPAN" enable -S "$work/tap.run/farspan.sock" 2>/dev/null || status=$?
equal "the status of a command line without a name" 2 $status
"$FARSPAN" enable --runtime -S "$work/tap.run/farspan.sock" api || wrong "enable"
equal "not for good" "Enabled=no" "$(grep Enabled "$work/tap/api.session.d/enabled.conf")"
ask DELETE /v1/sessions/api >/dev/null
until_true 20 "the last event" grep -q deleted "$work/events"
equal "what was told of it" \
	"created - state active changed destinations[0].ttl,filter changed enabled state off changed enabled state active deleted -" \
	"$(jq -r 'select(.session == "api") | .event, .state // (.keys // ["-"] | join(","))' "$work/events" | paste -sd' ')"
equal "deleted" "web.session" "$(ls "$work/tap")"
chown 0 "$work/tap"
kept='{"persist": true, "sources": [{"interface": "s1"}], "destinations": [{"type": "gre", "remote": "10.9.0.2"}]}'
equal "what cannot be kept is refused" "$work/tap/api.session.new: Permission denied" \
	"$(ask PUT /v1/sessions/api "$kept" | jq -r .error)"
chown 65533 "$work/tap"
equal "and is not there" '"web"' "$(show tap .name)"
equal "a name that is not there" "session 'none': there is none" "$(ask GET /v1/sessions/none | jq -r .error)"
equal "a name that is no text" "there is nothing of that name" "$(ask DELETE /v1/sessions/%ff | jq -r .error)"
equal "the other" "[\"web\",\"active\",$((2 * pings)),$pings,$pings]" "$(show tap "$seen")"
"$here/metrics.py" "$work/tap.run/farspan.sock" 'farspan_session_state{session="web",state="active"} 1' \
	'farspan_session_cpu_seconds_total{session="web"}' \
	"farspan_mirror_sent_total{session=\"web\",destination=\"0\",direction=\"rx\"} $pings" || wrong "the metrics of a mirror"
"$here/metrics.py" "$work/col.run/farspan.sock" 'farspan_collector_lost_frames{session="all"} 0' \
	'farspan_collector_ring_used_bytes{session="all"}' 'farspan_collector_delay_seconds{session="all"}' \
	"farspan_collector_frames_total{session=\"all\"} $pings" || wrong "the metrics of a collector"
number='<td class="number">' # seen, passed on, dropped
row="<tr><td>web<br><small>Web &amp; &lt;more&gt;</small><td>mirror<td class=\"active\">active<td>"
row+="$number$((2 * pings))$number$pings$number"0
echo "-- by TCP: metrics, and the page of the sessions if asked for"
tcp() {
	at tap curl -s "$@"
}
tcp http://127.0.0.1:9417/metrics | grep '^farspan_session_state{session="web",state="active"} 1$' >"$work/null" ||
	wrong "metrics by TCP"
tcp http://127.0.0.1:9417/ | grep -Fx "$row" >"$work/null" || wrong "the page: $(tcp http://127.0.0.1:9417/)"
equal "and nothing else" 404 "$(tcp -o "$work/null" -w '%{http_code}' http://127.0.0.1:9417/v1/sessions)"
equal "and no changes" 404 "$(tcp -o "$work/null" -w '%{http_code}' -X POST http://127.0.0.1:9417/)"

echo "-- what it costs, of the kernel's measure: each frame of the time is seen, and each copy counted"
cost() {
	jq -r "$1" "$work/cost.out"
}
spawn cost "$FARSPAN" cost -S "$work/tap.run/farspan.sock" --json --seconds 3600 web
until_said cost "farspan: measuring"
web icmp
until_true 20 "the first filter" shows tap .wanted.filter '"icmp"'
ping_b
end cost || wrong "cost: $(cat "$work/cost.err")"
equal "of web, and of all that were asked for" "web mirror $pings $pings $pings $pings" \
	"$(cost '[.sessions[] | .name, .kind, .seen, .copies] + [.total.seen, .total.copies] | join(" ")')"
equal "it costs something" true "$(cost '.sessions[0] | .cpu_ns > 0 and .ns_per_copy > 0 and .core_share > 0')"
"$FARSPAN" cost -S "$work/tap.run/farspan.sock" | grep -Eq '^in all +[0-9]' || wrong "cost as text"
! "$FARSPAN" cost -S "$work/tap.run/farspan.sock" none 2>"$work/cost.err" || wrong "cost of no session"
grep -q "session 'none': there is none" "$work/cost.err" || wrong "what cost says: $(cat "$work/cost.err")"
web udp
until_true 20 "the filter as it was" shows tap .wanted.filter '"udp"'

echo "-- tunnel devices are sessions too: made, put back, changed, removed"
# device NAMESPACE LOCAL REMOTE LINE...
device() {
	local where=$1 local=$2 remote=$3
	shift 3
	session "$where" wan "[Tunnel]" "Name=t9" "Type=gre" "Local=$local" "Remote=$remote" "$@"
}
# is_there NAMESPACE: another than was there before
is_there() {
	[ "$(show "$1" 'select(.name == "wan") | [.kind, .state, .actual.there]')" = '["tunnel","active",true]' ] &&
		ip -n "$prefix$1" -o link show t9 | cut -d: -f1 >"$work/$1.fresh" && [ -s "$work/$1.fresh" ] &&
		! cmp -s "$work/$1.fresh" "$work/$1.number" &&
		mv "$work/$1.fresh" "$work/$1.number"
}
has_tunnel() {
	until_true 30 "the tunnel device of $1" is_there "$1"
	addresses "$1" t9 "$2"
}
through() {
	at tap ping -q -c 1 -W 1 10.5.0.2
}
device col 10.9.0.2 10.9.0.1 "Key=9"
device tap 10.9.0.1 10.9.0.2 "Key=9" "TTL=8"
has_tunnel col 10.5.0.2/24
has_tunnel tap 10.5.0.1/24
until_true 30 "the other end" through
at tap ip link del t9
until_said tap "wan: tunnel 't9': somebody removed the interface"
has_tunnel tap 10.5.0.1/24
until_true 30 "the other end, through the new device" through
device tap 10.9.0.1 10.9.0.2 "Key=9" "TTL=9"
until_true 30 "the changed tunnel device" is_there tap
session tap other "[Tunnel]" "Name=t9" "Type=gre" "Remote=10.9.0.2" "Key=8"
! "$FARSPAN" apply -S "$work/tap.run/farspan.sock" 2>"$work/apply.err" || wrong "one device of two sessions"
grep -q 'session wan makes the interface t9, as session other does' "$work/apply.err" || wrong "two devices: $(cat "$work/apply.err")"
rm "$work/tap/other.session" "$work/tap/wan.session" "$work/col/wan.session"
no_device() {
	! at "$1" ip link show t9
}
until_true 30 "the device to be removed from tap" no_device tap
until_true 30 "the device to be removed from col" no_device col

echo "-- who may read may not change"
as_nobody() {
	setpriv --reuid 65534 --regid 65534 --clear-groups curl -s --unix-socket "$work/tap.run/farspan.sock" "$@"
}
equal "reading" '["web","active"]' "$(as_nobody http://farspan/v1/sessions | jq -c '.sessions[] | [.name, .state]')"
equal "what is whose" "666 65533 600 65533" "$(stat -c '%a %u' "$work/tap.run/farspan.sock" "$work/tap.run/lock" | paste -sd' ')"
socket=$work/col.run/farspan.sock
equal "not even reading, of the other" "000 660" "$(setpriv --reuid 65534 --regid 65534 --clear-groups \
	curl -s -o /dev/null -w '%{http_code}' --unix-socket "$socket" http://farspan/v1/sessions || true) $(stat -c %a "$socket")"
equal "changing" 403 "$(as_nobody -o /dev/null -w '%{http_code}' -X DELETE http://farspan/v1/sessions/web)"

echo "-- it is what its description says"
"$here/openapi.py" "$work/tap.run/farspan.sock" "$here/../../docs/openapi.json" "$here/../../src/daemon/routes.c" || wrong "openapi.json"

echo "-- who follows events and does not read them is dropped"
# This one is started as systemd would: when somebody comes to the socket, with a journal for its standard error.
command -v systemd-socket-activate >/dev/null || skip "needs systemd-socket-activate"
namespace idle
mkdir "$work/idle" "$work/idle.run"
# shellcheck disable=SC2016 # for the other shell
spawn idle nsenter --net="/run/netns/${prefix}idle" unshare --mount --propagation private \
	sh -c 'mount -t tmpfs tmpfs /run && exec "$@"' sh "$here/journal.py" \
	systemd-socket-activate -E JOURNAL_STREAM -l "$work/idle.run/farspan.sock" "$FARSPAND" -D "$work/idle" -R "$work/idle.run"
until_true 30 "the socket of the idle farspand" test -S "$work/idle.run/farspan.sock"
printf '[Nonsense\n' >"$work/idle/x.session"
! "$FARSPAN" apply -S "$work/idle.run/farspan.sock" 2>/dev/null || wrong "a bad file was applied"
curl -s --unix-socket "$work/idle.run/farspan.sock" -X PUT http://farspan/v1/sessions/logged -o /dev/null \
	-d '{"enabled": false, "sources": [{"interface": "x0"}], "destinations": [{"type": "gre", "remote": "192.0.2.1"}]}'
rm "$work/idle/x.session"
"$FARSPAN" apply -S "$work/idle.run/farspan.sock" || wrong "apply without the bad file"
curl -s --unix-socket "$work/idle.run/farspan.sock" -X DELETE http://farspan/v1/sessions/logged -o /dev/null
"$here/api_wild.py" "$work/idle.run/farspan.sock" || wrong "requests of every kind"
"$here/events.py" "$work/idle.run/farspan.sock" || wrong "events"
end idle TERM || wrong "the end of the idle farspand: status $?"
entries() {
	sed '/^text: /d' "$work/idle.out" | jq -c "select(.SYSLOG_IDENTIFIER == \"farspand\") | $1" | head -n 1
}
equal "an entry of the journal" '["6","ready",null]' "$(entries 'select(.MESSAGE == "ready") | [.PRIORITY, .MESSAGE, .FARSPAN_SESSION]')"
equal "one about a session" '["6","logged: set over the API"]' "$(entries 'select(.FARSPAN_SESSION == "logged") | [.PRIORITY, .MESSAGE]')"
equal "an error" '"3"' "$(entries 'select(.MESSAGE | contains("x.session:1:1: the name of a section")) | .PRIORITY')"
! grep -q "^text: farspand: " "$work/idle.out" || wrong "lines beside the journal: $(grep ^text: "$work/idle.out")"
test -S "$work/idle.run/farspan.sock" || wrong "the socket that was passed has been removed"

echo "-- a second one is refused, by directory and by network namespace"
! at tap "$FARSPAND" -D "$work/tap" -R "$work/tap.run" 2>"$work/second" || wrong "a second daemon of the directory"
! at tap "$FARSPAND" -D "$work/tap" -R "$work/other.run" 2>>"$work/second" || wrong "a second daemon of the namespace"
equal "what is said" 2 "$(grep -c 'another farspand runs already' "$work/second")"

echo "-- killed, it leaves nothing, and can be started again; its end is orderly"
end tap KILL || true
until_true 20 "its devices to be gone" sh -c "! ip -n ${prefix}tap -o link show | grep -q fs[0-9a-f]*-"
daemon tap --clsact
ping_b
equal "anew" "[\"web\",\"active\",$pings,$pings,0]" "$(show tap "$seen")"

echo "-- what others remove is put back, and told"
at tap tc qdisc del dev s0 clsact
until_said tap "interface s0: the program had been removed, and is back"
ping_b
equal "with the program back" "[\"web\",\"active\",$((2 * pings)),$((2 * pings)),0]" "$(show tap "$seen")"
at tap ip link del "$(at tap ip -o link show | grep -o 'fs[0-9a-f]*-seg' | head -n 1)"
until_said tap "private interfaces had been removed, and are back"
web icmp
until_true 20 "the other filter" shows tap .wanted.filter '"icmp"'
ping_b
equal "with the interfaces back" "[\"web\",\"active\",$((3 * pings)),$((2 * pings)),$pings]" "$(show tap "$seen")"
until_true 20 "their copies" shows col '[.actual.packets, .actual.lost]' "[$((3 * pings)),0]"

echo "-- a collector that delivers: flows for two workers, by a process without privileges"
session col workers "[Session]" "Spread=yes" "[Source]" "Type=vxlan" "VNI=5" "[Destination]" "Type=interface" "Interface=span0" \
	"[Destination]" "Type=interface" "Interface=span1"
worker='select(.name == "workers") | [.state, .actual.packets]'
until_true 20 "the workers' collector" shows col "$worker" '["active",0]'
session tap fan "[Source]" "Interface=s0" "Direction=rx" "[Destination]" "Type=vxlan" "Remote=10.9.0.2" "VNI=5"
until_true 20 "its mirror" shows tap 'select(.name == "fan").state' '"active"'
ping_b
until_true 20 "the frames" shows col "$worker" "[\"active\",$pings]"
for pid in $(pgrep -P "$(cat "$work/col.pid")" farspan-collect); do powerless "$pid"; done
# One flow: one of them has it.
equal "frames on the interfaces" "0 $pings" "$(for worker in span0 span1; do
	ip -n ${prefix}col -s -j link show $worker | jq '.[0].stats64.rx.packets'
done | sort -n | paste -sd ' ')"
rm "$work/tap/fan.session" "$work/col/workers.session"
until_true 20 "the workers' interfaces to go" sh -c "! ip -n ${prefix}col -o link show | grep -q ': span'"
until_true 20 "the copies" shows col '[.actual.packets, .actual.lost]' "[$((4 * pings)),0]"

echo "-- a collector's process that is killed is started again"
kill -9 "$(pgrep -P "$(cat "$work/col.pid")" farspan-collect)"
until_said col "all: its process was ended by signal 9"
until_true 20 "the collector again" shows col '[.state, .actual.packets]' "[\"active\",$((4 * pings))]"

echo "-- an interface that comes late is waited for, and again when it has gone"
session tap late "[Session]" "Filter=icmp" "[Source]" "Interface=late0" "Direction=tx" "[Destination]" "Type=gre" "Remote=10.9.0.2" "Key=5"
late='select(.name == "late") | [.state, .why, (.actual.destinations[0].tx | .attempted, .sent)]'
missing="\"interface 'late0': no such interface\""
until_true 20 "what waits" shows tap "$late" "[\"pending\",$missing,0,0]"
for copies in 3 6; do
	wire tap late0 02:00:00:00:07:00 b late1 02:00:00:00:07:01
	until_true 20 "the interface to be mirrored" shows tap "$late" "[\"active\",\"\",$((copies - 3)),$((copies - 3))]"
	addresses tap late0 10.77.0.1/24
	neighbour tap late0 10.77.0.2 $mac_b
	at tap ping -q -c 3 -i 0.002 -W 1 10.77.0.2 >/dev/null || true # nobody is there
	until_true 20 "the copies" shows tap "$late" "[\"active\",\"\",$copies,$copies]"
	ip -n ${prefix}tap link del late0
	until_true 20 "the interface to be missed" shows tap "$late" "[\"pending\",$missing,$copies,$copies]"
done
rm "$work/tap/late.session"
until_true 20 "the other session alone" shows tap .name '"web"'

echo "-- files that change and signals, a hundred times a second: the last of them counts, and no frame is missed"
spawn pings nsenter --net="/run/netns/${prefix}a" ping -q -i 0.002 10.1.0.2
for ((change = 1; change <= ${CHANGES:-60}; change++)); do
	web "icmp or port $change"
	((change % 2)) || kill -HUP "$(cat "$work/tap.pid")"
	sleep 0.01 # that is what a storm is
done
until_true 20 "the last filter" shows tap .wanted.filter "\"icmp or port $((change - 1))\""
end pings || fail "the pings themselves"
stormed=$(sed -n 's/ packets transmitted.*//p' "$work/pings.out")
equal "in the storm" "[\"web\",\"active\",$((4 * pings + stormed)),$((2 * pings)),$((2 * pings + stormed))]" "$(show tap "$seen")"
until_true 20 "the copies of the storm" shows col '[.actual.packets, .actual.lost]' "[$((4 * pings + stormed)),0]"

echo "-- a recording that cannot be written for a while, and one that ends by itself"
pid=$(pgrep -P "$(cat "$work/col.pid")" -x farspan-collect)
session col short "[Source]" "Type=tzsp" "[Destination]" "Type=pcapng" "File=$work/col/short.pcapng" "Seconds=1" "Files=1"
all_is() {
	ping_b
	shows col 'select(.name == "all") | [.state, (.why | endswith("cannot write: File too large"))]' "$1"
}
setpriv "${user[@]}" prlimit --fsize=1: --pid "$pid"
until_true 20 "what fails to be told" all_is '["degraded",true]'
said col "all.pcapng: cannot write: File too large" || wrong "nothing in the log: $(tail -n 3 "$work/col.err")"
setpriv "${user[@]}" prlimit --fsize=unlimited: --pid "$pid"
until_true 20 "the recording to go on" all_is '["active",false]'
until_said col "all.pcapng: recording again"
until_true 20 "the sums" shows col 'select(.name == "all").actual | .packets - .buffered == .counters.written + .counters.write_error' true
until_true 20 "the other to end" shows col 'select(.name == "short") | [.state, .why]' '["off","it has collected as much as it was to"]'
end tap TERM || wrong "the end of farspand: status $?"
end col TERM || wrong "the end of the collector's farspand: status $?"
equal "devices left behind" "" "$(ip -n ${prefix}tap -o link show | grep 'fs[0-9a-f]*-' || true)"
equal "frames recorded before it was killed" $((4 * pings)) "$(tshark -n -r "$work/col/all.pcapng.1" 2>/dev/null | wc -l)"
finish
