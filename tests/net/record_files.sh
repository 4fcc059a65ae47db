#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Recordings live: files that follow each other, files for each session, compressed ones; killed while they change; stopped for a while;
# with few descriptors, little memory and no privileges. Each file is complete, and the sums hold.
#
#     tap  u0 ---- c0  col
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

BREAK_OUT_LIB=${BREAK_OUT_LIB:-$(dirname "$TAGS")/break_out.so}
uplink_topology
"$here/make_outer.py" "$work" $mac_u $mac_c 10.9.0.1 10.9.0.2 fd09::1 fd09::2
frames=$(("$("$here/compare.py" count "$work/inner.pcap")" + "$("$here/compare.py" count "$work/raw.pcap")"))
sessions=$(jq length "$work/sessions.json")

# record ARGUMENT...: "farspan collect" in col, writing to files in $work/files, through the command in $limit.
limit=()
record() {
	rm -rf "$work/files"
	mkdir "$work/files"
	spawn collect nsenter --net="/run/netns/${prefix}col" "${limit[@]}" "$FARSPAN" collect --json "$@"
	until_said collect "farspan: collecting"
}

# end_record FRAMES: all of them are in complete files.
end_record() {
	end collect || wrong "farspan collect: status $?: $(cat "$work/collect.err")"
	"$here/collected.py" counters "$work/collect.out" written="$1" || wrong "the counters of the collector"
	equal "frames in $(find "$work/files" -type f | wc -l) files" "$1" "$("$here/recorded.py" complete "$work"/files/*)"
}

several() {
	[ "$(find "$work/files" -type f | wc -l)" -ge "$1" ] || wrong "fewer files than $1: $(ls "$work/files")"
}

echo "-- by size"
record -w "$work/files/x.pcapng" -C 2k
send_to_collector "$work/outer.pcap"
send_to_collector "$work/outer.pcap"
end_record $((2 * frames))
several 5

echo "-- by size, compressed"
record -w "$work/files/x.pcapng.zst" -C 2k --fsync rotate
send_to_collector "$work/outer.pcap"
end_record "$frames"
several 3

echo "-- a ring"
record -w "$work/files/x.pcapng" -C 2k -W 3
send_to_collector "$work/outer.pcap"
send_to_collector "$work/outer.pcap"
end collect || wrong "farspan collect: status $?: $(cat "$work/collect.err")"
"$here/collected.py" counters "$work/collect.out" written=$((2 * frames)) || wrong "the counters of the collector"
equal "the files of the ring" "x.pcapng0 x.pcapng1 x.pcapng2" "$(cd "$work/files" && echo *)"
"$here/recorded.py" complete "$work"/files/* >/dev/null || wrong "the files of the ring"

echo "-- in 24 descriptors, every type: one file, and one for each session"
# Without what this shell has open.
limit=(/usr/bin/python3 -c 'import os, sys; os.closerange(3, 1024); os.execvp(sys.argv[1], sys.argv[1:])' prlimit --nofile=24)
for way in "" --per-session; do
	# shellcheck disable=SC2086 # an option, or nothing
	record $way -w "$work/files/x.pcapng"
	send_to_collector "$work/outer.pcap"
	end_record "$frames"
done
limit=()
several "$sessions"

echo "-- for each session, with 64 MiB of address space"
limit=(prlimit --as=67108864)
record --per-session -w "$work/files/%{session}.pcapng"
limit=()
send_to_collector "$work/outer.pcap"
send_to_collector "$work/outer.pcap"
end_record $((2 * frames))
several "$sessions"

echo "-- by time, until there are enough: the end comes by itself"
record -w "$work/files/%s.pcapng" -G 1 -W 2
send_or_ended() {
	send_to_collector "$work/outer.pcap"
	! alive collect
}
until_true 20 "the end" send_or_ended
status=0
wait "$(cat "$work/collect.pid")" || status=$?
equal "status" 0 "$status"
"$here/collected.py" counters "$work/collect.out" write_error=0 || wrong "the counters of the collector"
equal "files" 2 "$(find "$work/files" -type f | wc -l)"
equal "frames in the files" "$(jq .written "$work/collect.out")" "$("$here/recorded.py" complete "$work"/files/*)"

echo "-- stopped, while packets come, and continued"
record -w "$work/files/x.pcapng"
kill -STOP "$(cat "$work/collect.pid")"
send_to_collector "$work/outer.pcap"
send_to_collector "$work/outer.pcap"
kill -CONT "$(cat "$work/collect.pid")"
end_record $((2 * frames))

echo "-- without privileges, but for the process that follows interfaces"
mkdir "$work/outside"
echo untouched >"$work/outside/victim"
limit=(env "LD_PRELOAD=$BREAK_OUT_LIB" "BREAK_OUT=$work/outside" "BREAK_OUT_RECORDINGS=$work/files")
record -w "$work/files/x.pcapng" -C 2k
limit=()
pid=$(cat "$work/collect.pid")
until_said collect "reading packets with no capabilities"
powerless "$pid"
equal "seccomp" 2 "$(awk '/^Seccomp:/ { print $2 }' "/proc/$pid/status")"
equal "what is not denied" "not denied:." "$(grep -F "not denied" "$work/collect.err")"
equal "a file of others" "victim untouched" "$(cd "$work/outside" && echo * "$(cat victim)")"
export BREAK_OUT=$work/outside BREAK_OUT_RECORDINGS=$work/outside
free=$(BREAK_OUT_FREE=1 LD_PRELOAD=$BREAK_OUT_LIB /bin/true 2>&1 | sed 's/not denied://' | wc -w)
[ "$free" -gt 20 ] || wrong "only $free things are denied to nobody else"
follower=$(pgrep -P "$pid" -x farspan-follow) || wrong "nobody follows interfaces"
wire tap u1 02:00:00:00:09:03 col c1 02:00:00:00:09:04
attached() {
	# A link of ours that appeared: packets on the new interface are taken.
	taskset -c "$cpu" nsenter --net="/run/netns/${prefix}tap" "$here/traffic.py" frames u1 "$work/outer.pcap" 02:00:00:00:09:04
	[ "$(find "$work/files" -type f | wc -l)" -gt 1 ]
}
until_true 20 "the new interface to be listened on" attached
end collect || wrong "farspan collect: status $?: $(cat "$work/collect.err")"
"$here/collected.py" counters "$work/collect.out" write_error=0 || wrong "the counters of the collector"
! kill -0 "$follower" 2>/dev/null || wrong "the process that follows interfaces is left"
ip -n "${prefix}tap" link del u1

echo "-- the process that follows interfaces is killed: the end, with a reason"
record -w "$work/files/x.pcapng"
kill -9 "$(pgrep -P "$(cat "$work/collect.pid")" -x farspan-follow)"
until_said collect "ended by somebody"
status=0
wait "$(cat "$work/collect.pid")" || status=$?
equal "status" 1 $status

echo "-- killed while files change"
no_follower() {
	! kill -0 "$follower"
}
for round in 1 2 3 4; do
	suffix=
	[ $((round % 4)) != 0 ] || suffix=.zst
	record -w "$work/files/x.pcapng$suffix" -C 1k -W 7
	# shellcheck disable=SC2016 # for the other shell
	spawn sender taskset -c "$cpu" sh -c 'while :; do nsenter --net="$0" "$@" >/dev/null; done' "/run/netns/${prefix}tap" \
		"$here/traffic.py" frames u0 "$work/outer.pcap" $mac_c
	for ((i = 0; i < round; i++)); do send_to_collector "$work/outer.pcap"; done
	follower=$(pgrep -P "$(cat "$work/collect.pid")" -x farspan-follow)
	end collect KILL || true
	end sender KILL || true
	several 5
	until_true 10 "nothing of it to be left" no_follower
	"$here/recorded.py" readable "$work"/files/* >/dev/null || wrong "a file after kill -9"
done
finish
