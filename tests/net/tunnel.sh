#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Tunnel devices: hosts talk through them as if by a wire. Every type, over IPv4 and IPv6; what others put on one; monitor mode; the device
# and its process end together, whoever ends them.
#
#     tap  t0 ==== u0 ---- c0 ==== t0  col      10.5.0.1, fd05::1 to 10.5.0.2, fd05::2 inside
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

uplink_topology 1600

# farspan_in NAMESPACE ARGUMENT...
farspan_in() {
	local where=$1
	shift
	at "$where" "$FARSPAN" "$@"
}

# processes NAMESPACE: those of its tunnels
processes() {
	ip netns pids "$prefix$1" | while read -r pid; do
		{ tr '\0' ' ' <"/proc/$pid/cmdline"; } 2>/dev/null | grep -q ' tunnel add ' && echo "$pid"
	done | paste -sd ' '
}

# main_process NAMESPACE: the one that its helpers belong to; numbers of processes say nothing of their order
main_process() {
	local pid
	for pid in $(processes "$1"); do
		[ "$(cat "/proc/$pid/comm")" != farspan ] || echo "$pid"
	done
}

none_left() {
	[ -z "$(processes "$1")" ]
}

tunnel() {
	local where=$1
	shift
	farspan_in "$where" tunnel add "$@" || fail "farspan tunnel add $*"
}

# pair TYPE LOCAL REMOTE KEY VALUE...
pair() {
	local type=$1 one=$2 other=$3
	shift 3
	tunnel tap t0 type "$type" local "$one" remote "$other" "$@"
	tunnel col t0 type "$type" local "$other" remote "$one" "$@"
	addresses tap t0 10.5.0.1/24 fd05::1/64
	addresses col t0 10.5.0.2/24 fd05::2/64
}

remove() {
	farspan_in tap tunnel del t0 || wrong "tunnel del in tap"
	farspan_in col tunnel del t0 || wrong "tunnel del in col"
	# What cleans up after a process is itself one, and ends after it.
	until_true 20 "no process of tap's tunnel to be left" none_left tap
	until_true 20 "no process of col's tunnel to be left" none_left col
}

ping_through() {
	at tap ping -q -c 3 -i 0.05 -W 20 "$1" >"$work/ping.out" || wrong "ping $*: $(cat "$work/ping.out")"
}

# The frames of one row: the ping, in the capture of the uplink, as tshark reads it.
seen_on_wire() {
	[ "$(tshark -n -r "$work/wire.pcap" -Y "$1" 2>/dev/null | wc -l)" -ge 2 ]
}

row() {
	local filter=$1
	shift
	echo "-- $*"
	pair "$@"
	capture col c0 wire
	ping_through 10.5.0.2
	ping_through fd05::2
	end_capture wire
	seen_on_wire "$filter" || wrong "what is on the wire is not $filter"
	remove
}

row 'gre.proto == 0x88be && gre.flags.sequence_number == 0' erspan1 10.9.0.1 10.9.0.2
row 'erspan.spanid == 7 && icmp' erspan2 10.9.0.1 10.9.0.2 id 7 ttl 9
row 'erspan.spanid == 7 && erspan.hw == 5 && erspan.direction == 1 && icmp' erspan3 10.9.0.1 10.9.0.2 id 7 hwid 5 direction tx
row 'erspan.spanid == 8 && ipv6.hlim == 9 && icmp' erspan2 fd09::1 fd09::2 id 8 ttl 9
row 'erspan.spanid == 8 && ipv6.opt.tel == 4 && icmpv6' erspan3 fd09::1 fd09::2 id 8 encaplimit 4
row 'gre.key == 77 && gre.proto == 0x6558 && icmp' gre 10.9.0.1 10.9.0.2 key 77 seq yes
row 'vxlan.vni == 5 && ipv6.opt.tel == 0 && udp.length == 114 && icmp' vxlan fd09::1 fd09::2 vni 5 encaplimit 0
row 'erspan.spanid == 6 && icmp' erspan2 10.9.0.1 10.9.0.2 id 6 --clsact

echo "-- a file by TCP, in super-packets; the device's processes hold nothing of who made it"
exec {held}>"$work/held"
pair erspan2 10.9.0.1 10.9.0.2 id 9
equal "the MTU" "$((1600 - 20 - 8 - 8 - 14))" "$(ip -n "${prefix}tap" -j link show t0 | jq '.[0].mtu')"
"$here/traffic.py" tcp ${prefix}tap ${prefix}col 10.5.0.2 5001 4000000 >/dev/null || wrong "TCP through the tunnel"

for pid in $(processes tap); do
	! readlink "/proc/$pid/fd/"* | grep -Fx "$work/held" || wrong "process $pid has a descriptor of its caller's"
done
exec {held}>&-

echo "-- what tc puts on it goes through"
at tap tc qdisc add dev lo clsact
at tap tc filter add dev lo egress u32 match u32 0 0 action mirred egress mirror dev t0
capture col t0 inside -Q in udp port 4242
at tap bash -c 'for i in 1 2 3 4 5; do echo "$i" >/dev/udp/127.0.0.1/4242; done' 2>/dev/null || true
until_true 10 "five frames that tc mirrored" sh -c '[ "$(tcpdump -n -r "$1" 2>/dev/null | wc -l)" -ge 5 ]' - "$work/inside.pcap"
end_capture inside
at tap tc qdisc del dev lo clsact

echo "-- shown"
farspan_in tap tunnel show >"$work/shown"
grep -q 't0: erspan2 10.9.0.1 -> 10.9.0.2 id 9, mtu 1550, up' "$work/shown" || wrong "tunnel show: $(cat "$work/shown")"
equal "tunnel show --json" "t0" "$(farspan_in tap tunnel show --json | jq -r '.[].name')"

echo "-- removed by ip, ended by its process"
ip -n "${prefix}tap" link del t0
until_true 20 "the process to end with its device" none_left tap
kill -9 "$(main_process col)"
no_devices() {
	[ "$(ip -n "$prefix$1" -o link show type veth | grep -vc ' [uc]0@')" = 0 ]
}
until_true 20 "the device to end with its process" no_devices col
until_true 20 "no device to be left" no_devices tap
until_true 20 "no process to be left" none_left col

echo "-- monitor: for listeners only"
tunnel tap t0 type erspan2 local 10.9.0.1 remote 10.9.0.2 id 9
tunnel col t0 type erspan2 remote any id 9 # no other end to talk to: monitors by itself
equal "which of them monitor" "erspan2 any -> any, monitor erspan2 any -> any" "$(tunnel col t1 type erspan2 remote any id 8 monitor no
	for name in t0 t1; do farspan_in col tunnel show $name --json | jq -r '.[].tunnel'; done | paste -sd' ')"
farspan_in col tunnel del t1 || wrong "tunnel del in col"
addresses tap t0 10.5.0.1/24
neighbour tap t0 10.5.0.2 02:00:00:00:00:02
capture col t0 inside -Q in icmp
capture col c0 answers -Q out
at tap ping -q -c 3 -i 0.05 -W 1 10.5.0.2 >/dev/null || true
until_true 10 "what arrives" sh -c '[ "$(tcpdump -n -r "$1" 2>/dev/null | wc -l)" -ge 3 ]' - "$work/inside.pcap"
end_capture inside
end_capture answers
equal "answers" 0 "$("$here/compare.py" count "$work/answers.pcap")"
remove

echo "-- who takes less comes first, whoever was made first; and nobody takes the same as another"
addresses tap u0 10.9.0.7/24
neighbour col c0 10.9.0.7 $mac_u
for words in "number any id 7" "exact 10.9.0.1 id 7 iseq yes" "wild any id any" "remote 10.9.0.1 id any"; do
	# shellcheck disable=SC2086 # words
	set -- $words
	tunnel col "$1" type erspan2 local 10.9.0.2 remote "${@:2}"
done
! farspan_in col tunnel add again type erspan2 local 10.9.0.2 remote 10.9.0.1 id 7 2>"$work/again" || wrong "two that take the same"
grep -q "another one of erspan2 10.9.0.2 -> 10.9.0.1 id 7 takes the same packets" "$work/again" || wrong "two: $(cat "$work/again")"
# mirrored SENDER ID COUNT: packets of a session
mirrored() {
	at tap /usr/bin/python3 - "$@" <<-'END'
		import socket, sys
		sender, session, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
		with socket.socket(socket.AF_INET, socket.SOCK_RAW, 47) as tunnel:
		    tunnel.bind((sender, 0))
		    for number in range(count):
		        header = b"\x10\0\x88\xbe" + number.to_bytes(4, "big") + (0x1000 << 16 | session).to_bytes(4, "big") + bytes(4)
		        tunnel.sendto(header + bytes(12) + b"\x08\0" + bytes(46), ("10.9.0.2", 0))
	END
}
mirrored 10.9.0.1 7 2
mirrored 10.9.0.1 7 3 # of which only the last has a number that was not there before
mirrored 10.9.0.1 8 2
mirrored 10.9.0.7 7 3
mirrored 10.9.0.7 8 4
got() {
	for name in exact remote number wild; do ip -n "${prefix}col" -s -j link show $name | jq '.[0].stats64.rx.packets'; done | paste -sd ' '
}
has_got() {
	[ "$(got)" = "$1" ]
}
until_true 20 "the packets of exact, remote, number and wild: $(got)" has_got "3 2 3 4"
for name in exact remote number wild; do farspan_in col tunnel del $name || wrong "tunnel del $name"; done

echo "-- mistakes"
refused() {
	local text=$1 status=0
	shift
	farspan_in tap tunnel "$@" >"$work/refused.out" 2>&1 || status=$?
	[ $status != 0 ] && grep -qF -- "$text" "$work/refused.out" || wrong "tunnel $*: status $status, $(cat "$work/refused.out")"
}
refused "there is an interface 'u0' already" add u0 type erspan2 remote 10.9.0.2
refused "is not a tunnel of farspan" del u0
refused "no such interface" del t7
refused "type is missing" add t0 remote 10.9.0.2
refused "erspan2 has no key 'vni'; did you mean vrf? allowed: local," add t0 type erspan2 remote 10.9.0.2 vni 4
refused "ttl must be a number from 1 to 255" add t0 type erspan2 remote 10.9.0.2 ttl 0
refused "has 1 to 15 characters" add interface-too-long type erspan2 remote 10.9.0.2
refused "not 'up'" up t0
no_devices tap || wrong "a device is left behind"
finish
