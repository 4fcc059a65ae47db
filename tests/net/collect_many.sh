#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The collector under what is many, stopped or changing: multicast groups, several interfaces, 1,000 sessions while it is stopped, and the
# wall clock set by an hour both ways while it runs.
#
#     tap  u0 ---- c0  col
#          u1 ---- c1             10.7.0.1 to 10.7.0.2
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

uplink_topology
wire tap u1 02:00:00:00:07:01 col c1 02:00:00:00:07:02
addresses tap u1 10.7.0.1/24
addresses col c1 10.7.0.2/24
neighbour tap u1 10.7.0.2 02:00:00:00:07:02
neighbour col c1 10.7.0.1 02:00:00:00:07:01

# send IFACE FILE ADDRESS
send() {
	at tap "$here/traffic.py" frames "$1" "$work/$2"
	at tap ping -q -c 1 -W 20 "$3" >/dev/null || fail "the wire of $1"
}

is_member() {
	at col ip maddress show dev "$1" | grep -qw "$2"
}

echo "-- multicast groups: joined on the interfaces that are listened on, left at the end"
"$here/make_many.py" groups "$work/groups.pcap" $mac_u 10.9.0.1 fd09::1
collect -f erspan:239.1.2.3 -f 'erspan:[ff05::123]' -i c0
is_member c0 239.1.2.3 || wrong "not a member of 239.1.2.3 on c0"
is_member c0 ff05::123 || wrong "not a member of ff05::123 on c0"
! is_member c1 239.1.2.3 || wrong "a member of 239.1.2.3 on c1"
send u0 groups.pcap 10.9.0.2
end_collect written=20
! is_member c0 239.1.2.3 || wrong "still a member of 239.1.2.3"
equal "sessions by address" "239.1.2.3 ff05::123" "$(jq -r '[.sessions[].destination] | sort | join(" ")' "$work/collect.out")"
collect -f erspan:239.1.2.3
for iface in c0 c1; do is_member $iface 239.1.2.3 || wrong "not a member of 239.1.2.3 on $iface"; done
ip -n ${prefix}col link add c2 type veth peer name c3
ip -n ${prefix}col link set c2 up
ip -n ${prefix}col link set c3 up
ip -n ${prefix}col address add 10.6.0.1/24 dev c2
until_true 20 "an interface that comes later to be a member" is_member c2 239.1.2.3
end_collect written=0
ip -n ${prefix}col link del c2

"$here/make_many.py" sessions "$work/sessions.pcap" $mac_u $mac_c 10.9.0.1 10.9.0.2 5
"$here/make_many.py" sessions "$work/sessions1.pcap" 02:00:00:00:07:01 02:00:00:00:07:02 10.7.0.1 10.7.0.2 5

echo "-- 1,000 sessions of each of two interfaces, sent while it is stopped"
collect -i c0 -i c1 --time source
equal "interfaces" 1 "$(grep -c 'collecting on 2 interfaces' "$work/collect.err")"
pid=$(cat "$work/collect.pid")
kill -STOP "$pid"
send u0 sessions.pcap 10.9.0.2
send u1 sessions1.pcap 10.7.0.2
kill -CONT "$pid"
end_collect written=10000 lost=0 late=0 duplicate=0 restarted=0
equal "sessions" 2000 "$(jq '.sessions | length' "$work/collect.out")"
equal "source times" 10000 "$(jq '[.sessions[].time.exact] | add' "$work/collect.out")"

echo "-- only one of them"
collect -i c1
send u0 sessions.pcap 10.9.0.2
send u1 sessions1.pcap 10.7.0.2
end_collect written=5000

STEP=${STEP:-$(dirname "$TAGS")/step_clock.so}
if [ -n "$(LD_PRELOAD=$STEP "$FARSPAN" --version 2>&1 >/dev/null)" ]; then
	echo "-- without the test of the clock: nothing can be preloaded"
	finish
	exit 0
fi

# ahead WALL MONOTONIC: by how many seconds the collector's clocks are ahead from now on, which it notices within a second
ahead() {
	perl -e 'print pack("qq", @ARGV)' -- "$1" "$2" | dd of="$work/ahead" conv=notrunc status=none
}

noticed() {
	local told
	told=$(jq -s 'map(select(.time_ms))[-1].time_ms // 0' "$work/collect.out")
	[ $(((told / 1000 - $(date +%s) - $1) ** 2)) -lt 3600 ]
}

# times FROM TO: how many recorded frames lie so many seconds from now
times() {
	local now file
	now=$(date +%s)
	for file in "$work"/step-*.pcapng; do
		tshark -n -r "$file" -Y "frame.time_epoch > $((now + $1)) && frame.time_epoch < $((now + $2))" -T fields -e frame.number 2>/dev/null
	done | wc -l
}

echo "-- the clock is set forward by an hour, and back by two"
ahead 0 0
export STEP_CLOCK=$work/ahead LD_PRELOAD=$STEP
start_farspan collect col collect --json --stats 1 -w "$work/step-%s.pcapng" -G 1800
unset STEP_CLOCK LD_PRELOAD
for seconds in 0 3600 -3600; do
	ahead $seconds 0
	until_true 20 "the clock to be noticed" noticed $seconds
	send u0 sessions.pcap 10.9.0.2
done
end collect || wrong "farspan collect: status $?"
jq -s last "$work/collect.out" >"$work/summary"
"$here/collected.py" counters "$work/summary" written=15000 lost=0 late=0 restarted=0 || wrong "the counters"
equal "frames of now, of an hour later, of an hour before" "5000 5000 5000" "$(times -1800 1800) $(times 1800 5400) $(times -5400 -1800)"

echo "-- the table of sessions is full: after five minutes those that are silent make room, though the kernel delivers their frames"
"$here/make_many.py" senders "$work/all.pcap" $mac_u $mac_c 10.9.0.2 4160
for part in first=1-1000 full=1001-4097 new=4097-4160; do
	editcap -F pcap -r "$work/all.pcap" "$work/${part%=*}.pcap" "${part#*=}"
done
ahead 0 0
export STEP_CLOCK=$work/ahead LD_PRELOAD=$STEP
start_farspan collect col collect -i c0 --json --stats 1 -t interface:span0
unset STEP_CLOCK LD_PRELOAD
for file in first first full; do send u0 $file.pcap 10.9.0.2; done
until_true 30 "the table to be seen full" grep -q '"sessions":4096,' "$work/collect.out"
ahead 301 301
until_true 30 "64 sessions to end" grep -q '"ended":64' "$work/collect.out"
for file in new new new; do send u0 $file.pcap 10.9.0.2; done
end collect || wrong "farspan collect: status $?"
jq -s last "$work/collect.out" >"$work/summary"
equal "frames taken, delivered and refused" "5288 5288 1" \
	"$(jq -r '"\(.packets) \(.destinations[0].sent) \(.dropped.session_table_full)"' "$work/summary")"
equal "frames of sessions, those included that are no more" 5288 "$(jq '[(.sessions[], .ended) | .packets] | add' "$work/summary")"
equal "sessions at the place of others, and their frames" "64 192" \
	"$(jq -r '[.sessions[] | select(.sender == "10.9.9.5" and .packets == 3)] | "\(length) \(map(.packets) | add)"' "$work/summary")"
finish
