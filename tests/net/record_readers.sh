#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Readers of a recording that is being made: through a pipe, one that stops and goes on, one that is killed; through TCP (pcap-over-IP),
# tshark, one that takes nothing, one that leaves; and tshark with the collector as an interface of its own (extcap). Receiving never waits
# for them, and what they did not get is counted.
#
#     tap  u0 ---- c0  col
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

uplink_topology
"$here/make_outer.py" "$work" $mac_u $mac_c 10.9.0.1 10.9.0.2 fd09::1 fd09::2
frames=$(("$("$here/compare.py" count "$work/inner.pcap")" + "$("$here/compare.py" count "$work/raw.pcap")"))
# More than pipe and buffer hold.
"$here/make_flood.py" "$work/flood.pcap" $mac_u $mac_c 10.9.0.1 10.9.0.2 8000 1400
mkfifo "$work/pipe"

into_pipe() {
	spawn collect nsenter --net="/run/netns/${prefix}col" sh -c 'exec "$0" collect -w - >"$1"' "$FARSPAN" "$work/pipe"
	until_said collect "farspan: collecting"
}

# number NAME: of the summary in words; 0 if it is not there
number() {
	sed -nE "s/(.*[ ,])?$1 ([0-9]+).*/\\2/p; s/(.* )?([0-9]+) $1.*/\\2/p" "$work/collect.err" | awk '{ sum += $1 } END { print sum + 0 }'
}

echo "-- a reader that stops, and goes on"
spawn reader sh -c 'exec cat <"$0" >"$1"' "$work/pipe" "$work/piped.pcapng"
into_pipe
send_to_collector "$work/outer.pcap"
kill -STOP "$(cat "$work/reader.pid")"
send_to_collector "$work/flood.pcap"
send_to_collector "$work/outer.pcap"
kill -CONT "$(cat "$work/reader.pid")"
end collect || wrong "farspan collect: status $?: $(cat "$work/collect.err")"
wait "$(cat "$work/reader.pid")" || wrong "cat: status $?"
written=$(number "frames written") full=$(number pipe_full)
equal "frames written or dropped" $((2 * frames + 8000)) $((written + $full))
[ "$full" -gt 0 ] || wrong "nothing was dropped: $(cat "$work/collect.err")"
equal "frames the reader got" "$written" "$("$here/recorded.py" complete "$work/piped.pcapng")"

echo "-- a reader that is stopped for ever"
spawn reader sh -c 'exec cat <"$0" >"$1"' "$work/pipe" "$work/piped.pcapng"
into_pipe
kill -STOP "$(cat "$work/reader.pid")"
send_to_collector "$work/flood.pcap"
end collect || wrong "farspan collect: status $?: $(cat "$work/collect.err")"
written=$(number "frames written") full=$(number pipe_full)
equal "frames written or dropped" 8000 $((written + $full))
end reader KILL || true

echo "-- a reader that is killed"
spawn reader sh -c 'exec cat <"$0" >/dev/null' "$work/pipe"
into_pipe
send_to_collector "$work/outer.pcap"
end reader KILL || true
send_to_collector "$work/outer.pcap"
status=0
wait "$(cat "$work/collect.pid")" || status=$?
equal "status" 1 $status
said collect "standard output: cannot write: Broken pipe" || wrong "the reason: $(cat "$work/collect.err")"
refused=$(sed -n 's/^  refused: //p' "$work/collect.err" | tr ',' '\n' | awk '{ sum += $2 } END { print sum + 0 }')
equal "frames written, lost, refused or merged" "$(number "packets received")" \
	$(($(number "frames written") + $(number write_error) + refused + $(number reassembled)))

echo "-- pcap-over-IP: tshark, one that takes nothing, one that leaves"
spawn collect nsenter --net="/run/netns/${prefix}col" "$FARSPAN" collect --json --listen 0 -w "$work/collected.pcapng"
until_said collect "farspan: collecting"
address=$(sed -n 's/^farspan: pcap-over-IP on //p' "$work/collect.err")
at col ss -Hltn | grep -q "127.0.0.1:${address##*:} " || wrong "not on the loopback alone: $(at col ss -Hltn)"
send_to_collector "$work/outer.pcap"
clients() {
	[ "$(at col ss -Htn state established "sport = :${address##*:}" | wc -l)" = "$1" ]
}
# client NAME: connects, and reads nothing.
client() {
	# shellcheck disable=SC2016 # for the other shell
	spawn "$1" nsenter --net="/run/netns/${prefix}col" bash -c 'exec 3<>"/dev/tcp/$0/$1" && exec sleep 600' "${address%:*}" "${address##*:}"
}
# shellcheck disable=SC2016
spawn tshark nsenter --net="/run/netns/${prefix}col" sh -c 'exec tshark -n -l -i "TCP@$0" -c "$1" -T fields -e frame.number 2>"$2"' \
	"$address" "$frames" "$work/tshark.log"
until_true 10 "tshark to connect" clients 1
client idle
until_true 10 "the idle client to connect" clients 2
client leaves
until_true 10 "the third client to connect" clients 3
end leaves KILL || true
send_to_collector "$work/outer.pcap"
wait "$(cat "$work/tshark.pid")" || wrong "tshark: status $?: $(cat "$work/tshark.log")"
equal "frames that tshark read" "$frames" "$(wc -l <"$work/tshark.out")"
send_to_collector "$work/flood.pcap"
end collect || wrong "farspan collect: status $?: $(cat "$work/collect.err")"
"$here/collected.py" counters "$work/collect.out" written=$((2 * frames + 8000)) || wrong "the counters of the collector"
equal "frames in the file" $((2 * frames + 8000)) "$("$here/recorded.py" complete "$work/collected.pcapng")"
got() {
	jq ".destinations[] | select(.destination | startswith(\"pcap-over-ip\")) | .$1" "$work/collect.out"
}
equal "clients" 3 "$(got clients)"
equal "frames sent or lost by clients" "$(got offered)" $(($(got sent) + $(got lost)))
[ "$(got lost)" -gt 0 ] || wrong "the idle client lost nothing"

echo "-- an interface of tshark (extcap)"
directory=$(tshark -G folders 2>/dev/null | sed -n 's/^Extcap path:[[:space:]]*//p')
mkdir "$work/extcap"
printf '#!/bin/sh\nexec "%s" extcap "$@"\n' "$FARSPAN" >"$work/extcap/farspan"
# It sees no other programs of that kind, and nobody else sees ours.
printf '#!/bin/sh\nmount --bind "%s" "%s" && exec tshark "$@"\n' "$work/extcap" "$directory" >"$work/tshark"
chmod +x "$work/extcap/farspan" "$work/tshark"
unshare --mount "$work/tshark" -D 2>/dev/null | grep "farspan (Mirrored frames: ERSPAN" >"$work/null" || wrong "tshark -D does not list it"
spawn tshark nsenter --net="/run/netns/${prefix}col" unshare --mount "$work/tshark" -n -l -i farspan -o extcap.farspan.interface:c0 \
	-o extcap.farspan.from:"erspan:any gre:any vxlan:any geneve:any tzsp:any" -c "$frames" -a duration:100 -T fields \
	-e frame.interface_name
feeds() {
	alive tshark || fail "tshark ended: $(cat "$work/tshark.err")"
	at col ip -json link show c0 | jq -e '.[0].xdp' >"$work/null"
}
until_true 20 "the collector of tshark" feeds
send_to_collector "$work/outer.pcap"
wait "$(cat "$work/tshark.pid")" || wrong "tshark: status $?: $(cat "$work/tshark.err")"
equal "frames that tshark read" "$frames" "$(wc -l <"$work/tshark.out")"
equal "of a session" "$(jq '."erspan2 100"' "$work/sessions.json")" "$(grep -cx "erspan2 .* id 100" "$work/tshark.out")"
status=0
"$FARSPAN" extcap --extcap-interface farspan --extcap-capture-filter ip --capture --fifo "$work/pipe" 2>"$work/null" || status=$?
equal "status of a capture filter" 2 $status
finish
