#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The collector writes into a pipe, from which tshark reads while it runs; and a reader that goes away ends it with an error. What it takes
# follows the addresses of its host.
#
#     tap  u0 ---- c0  col, pipe to tshark
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

uplink_topology
"$here/make_outer.py" "$work" $mac_u $mac_c 10.9.0.1 10.9.0.2 fd09::1 fd09::2
frames=$(("$("$here/compare.py" count "$work/inner.pcap")" + "$("$here/compare.py" count "$work/raw.pcap")"))

read_lines() {
	[ "$(wc -l <"$work/reader.out")" -ge "$1" ]
}

# into_pipe: what reads from $work/pipe has been started before.
into_pipe() {
	spawn collect nsenter --net="/run/netns/${prefix}col" sh -c 'exec "$0" collect -w - >"$1"' "$FARSPAN" "$work/pipe"
	until_said collect "farspan: collecting"
}

mkfifo "$work/pipe"
spawn reader sh -c 'exec tshark -n -l -r - <"$1" 2>/dev/null' sh "$work/pipe"
into_pipe
send_to_collector "$work/outer.pcap"
until_true 60 "tshark to show all frames while the collector runs" read_lines $frames
end collect || wrong "farspan collect: status $?: $(cat "$work/collect.err")"
wait "$(cat "$work/reader.pid")" || wrong "tshark: status $?"
equal "frames that tshark read" $frames "$(wc -l <"$work/reader.out")"

echo "-- the reader goes away"
spawn reader sh -c 'exec head -c 100 <"$1" >/dev/null' sh "$work/pipe"
into_pipe
send_to_collector "$work/outer.pcap"
wait "$(cat "$work/reader.pid")" || wrong "head: status $?"
send_to_collector "$work/outer.pcap"
status=0
wait "$(cat "$work/collect.pid")" || status=$?
equal "status of farspan collect" 1 $status
said collect "standard output" || wrong "it does not name what failed: $(cat "$work/collect.err")"

echo "-- an address goes: what is sent to it is taken no more, although its session is known"
mkdir "$work/second"
"$here/make_outer.py" "$work/second" $mac_u $mac_c 10.9.0.1 10.9.0.3 fd09::1 fd09::3
editcap -F pcap -r "$work/second/outer.pcap" "$work/second/one.pcap" 1

# passed: how many packets were for no address of the host.
passed() {
	at col nstat -asz IpInAddrErrors | awk '$1 == "IpInAddrErrors" { print $2 }'
}

one_passes() {
	local before
	before=$(passed)
	send_to_collector "$work/second/one.pcap"
	sent=$((sent + 1))
	[ "$(passed)" -eq $((before + 1)) ]
}

sent=0
at col ip address add 10.9.0.3/24 dev c0
collect
until [ $sent -eq 3 ]; do
	! one_passes || wrong "a packet to an address of the host was not taken"
done
at col ip address del 10.9.0.3/24 dev c0
until one_passes; do
	[ $sent -lt 300 ] || fail "what is sent to an address that has gone is still taken"
	sleep 0.1
done
end_collect written=$((sent - 1))
finish
