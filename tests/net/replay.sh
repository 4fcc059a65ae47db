#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Capture files as the source: every frame of the file ends in exactly one counter, and the copies are those of live traffic.
#
#     tap  u0 ---- c0  col
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

uplink_topology 9216
swallow col c0

# replay STATUS ARGUMENT...: runs to its end; its output is $work/mirror.out and .err.
replay() {
	local wanted=$1 status=0
	shift
	echo "-- $*"
	at tap "$FARSPAN" mirror --json "$@" >"$work/mirror.out" 2>"$work/mirror.err" <"${input:-/dev/null}" || status=$?
	equal "status" "$wanted" $status
	[ "$wanted" = 0 ] || cat "$work/mirror.err"
	! grep "blind" "$work/mirror.err" || wrong "a program of ours is said to hide frames"
}

# counted COUNTER=NUMBER... -- REPLAY-COUNTER=NUMBER...: the sums hold; counters that are not named are 0 behind the --.
counted() {
	local mirror=() read lost
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		mirror+=("$1")
		shift
	done
	"$here/counters.py" "$work/mirror.out" "${mirror[@]}" || wrong "the counters of the mirror"
	shift || true
	read=$(jq .replay.read "$work/mirror.out")
	lost=$(jq '[.replay | .link_type, .too_short, .not_taken, .lost] | add' "$work/mirror.out")
	equal "frames of the file that were seen" $((read - lost)) "$(jq '.destinations[0].rx.seen' "$work/mirror.out")"
	equal "what became of the frames" "$(echo "$*" | tr ' ' '\n' | sort | tr -d '\n')" \
		"$(jq -r '.replay | to_entries[] | select(.key != "file" and .value != 0) | "\(.key)=\(.value)"' "$work/mirror.out" | sort | tr -d '\n')"
}

# copied REFERENCE ARGUMENT...: the copies of REFERENCE, all of them, arrive.
copied() {
	local reference=$1
	shift
	capture col c0 copies -Q in
	replay 0 "$@"
	fence tap u0 copies
	end_capture copies
	compare same "$reference" "${form-erspan:}$work/copies.pcap"
}

received() {
	at tap cat /proc/net/snmp /proc/net/snmp6 | awk '/^Ip: [0-9]/ {print $4} /Ip6InReceives/ {print $2}'
}

sent_by_u0() {
	ip -n "${prefix}tap" -s -j link show u0 | jq '.[0].stats64.tx.packets'
}

arrived() {
	[ "$(sent_by_u0)" -ge "$1" ]
}

"$here/make_frames.py" "$work/frames.pcap"
frames=$("$here/compare.py" count "$work/frames.pcap")
"$here/make_captures.py" "$work"

got=$(received)
copied "$work/frames.pcap" -r "$work/frames.pcap" --topspeed -t 'erspan2:[fd09::2],id=1'
counted seen="$frames" sent="$frames" -- read="$frames"
compare sequence "$work/copies.pcap"
copied "$work/frames.pcap" -r "$work/frames.pcap" --pps 100000 --clsact -t erspan3:10.9.0.2,id=2
counted seen="$frames" sent="$frames" -- read="$frames"
equal "packets that this host's stack got" "$got" "$(received)"

replay 0 -r "$work/frames.pcap" --loop 3 --topspeed -t erspan2:10.9.0.2 -t 'erspan3:[fd09::2]' --sample count:2
counted seen=$((6 * frames)) sample=$((2 * (3 * frames / 2))) -- read=$((3 * frames))
replay 0 -r "$work/frames.pcap" --loop 0 --mbps 1000 -c 1000 -t erspan2:10.9.0.2
counted sent=1000 -- read="$(jq .replay.read "$work/mirror.out")"
replay 0 -r "$work/frames.pcap" --topspeed -t erspan2:10.9.0.2 --truncate 64 ether proto 0x0806
counted seen="$frames" sent=12 truncated=0 -- read="$frames"

# Whole packets of 64 KiB, tags, and what is too long or too short for any interface.
form="" copied "$work/long-whole.pcap" -r "$work/long.pcap" --topspeed -t interface:u0
counted sent=3 -- read=8 not_taken=2 too_short=3

# What was captured cut says so, in any direction of bytes, at any resolution of time.
for file in cut.pcap cut.pcapng cut-big.pcap; do
	capture col c0 copies -Q in
	replay 0 -r "$work/$file" --speed 1000x -t erspan2:10.9.0.2
	fence tap u0 copies
	end_capture copies
	compare cut "$work/uncut.pcap" "$work/copies.pcap" 60
	counted sent=40 truncated=20 -- read=40
done

# Other link types, at the start and behind it; a file that ends inside of a frame; one without any; standard input.
replay 1 -r "$work/cooked.pcap" -t erspan2:10.9.0.2
grep -q 'cooked.pcap: has frames of LINUX_SLL; only Ethernet can be replayed' "$work/mirror.err" || wrong "the message about cooked frames"
replay 0 -r "$work/mixed.pcapng" --topspeed -t erspan2:10.9.0.2
counted sent=2 -- read=3 link_type=1
head -c -10 "$work/frames.pcap" >"$work/short.pcap"
replay 1 -r "$work/short.pcap" --topspeed -t erspan2:10.9.0.2
grep -q 'short.pcap: cut short at offset' "$work/mirror.err" || wrong "the message about the file"
counted sent=$((frames - 1)) -- read=$((frames - 1))
head -c 24 "$work/frames.pcap" >"$work/empty.pcap"
replay 0 -r "$work/empty.pcap" --loop 0 -t erspan2:10.9.0.2
counted seen=0 --
input="$work/frames.pcap" replay 0 -r - --topspeed -t erspan2:10.9.0.2
counted sent="$frames" -- read="$frames"

# Its own time: never before it is due. Clocks that were set back or forth, times that are missing or out of order hold up nothing.
started=$(date +%s%N)
replay 0 -r "$work/timed.pcap" --speed 2 -t erspan2:10.9.0.2
counted sent=5 -- read=5
[ $(($(date +%s%N) - started)) -ge 1000000000 ] || wrong "two seconds at double speed took less than one"
replay 0 -r "$work/back.pcapng" -t erspan2:10.9.0.2
counted sent=6 -- read=6

echo "-- a pipe that says nothing: interrupted, and killed"
for signal in INT KILL; do
	mkfifo "$work/pipe"
	sent=$(sent_by_u0)
	exec 9<>"$work/pipe"
	head -c 2000 "$work/frames.pcap" >&9
	mirror tap -r "$work/pipe" -t erspan2:10.9.0.2
	until_true 20 "the frames" arrived $((sent + 39))
	end mirror $signal || true
	[ $signal = KILL ] || counted sent=39 -- read=39
	exec 9>&-
	rm "$work/pipe"
	until_true 20 "everything to be gone" sh -c "! nsenter --net=/run/netns/${prefix}tap ip -o link | grep -q farspan"
done

for words in '-i u0 -r x' '-r x -d tx' '-r - --loop 2' '-r x --speed 0' '-r x --speed 2 --pps 3' '--topspeed -i u0' '-r x --mbps 1x' \
	'-r x --loop -1'; do
	# shellcheck disable=SC2086 # words
	replay 2 $words -t erspan2:10.9.0.2
done
replay 1 -r /nowhere -t erspan2:10.9.0.2
finish
