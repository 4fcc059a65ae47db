#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A disk that gets full and has room again, a directory that is removed, a link in the way: frames that are not in a file are counted,
# those that are can be read, recording goes on by itself, and the user hears of it.
#
#     tap  u0 ---- c0  col
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

uplink_topology
"$here/make_outer.py" "$work" $mac_u $mac_c 10.9.0.1 10.9.0.2 fd09::1 fd09::2
frames=$(("$("$here/compare.py" count "$work/inner.pcap")" + "$("$here/compare.py" count "$work/raw.pcap")"))

# A file system of its own for the recordings, in a mount namespace that goes with its last process.
disk=$work/disk
mkdir "$disk"
spawn mounter unshare --mount --propagation private sh -c 'mount -t tmpfs -o size=1m none "$0" && echo mounted && exec sleep 600' "$disk"
until_said mounter mounted
# By its own root: the one of the mount namespace may be another.
on_disk() {
	local mounter
	mounter=/proc/$(cat "$work/mounter.pid")
	nsenter --mount="$mounter/ns/mnt" --root="$mounter/root" "$@"
}

record() {
	local mounter
	mounter=/proc/$(cat "$work/mounter.pid")
	spawn collect nsenter --net="/run/netns/${prefix}col" --mount="$mounter/ns/mnt" --root="$mounter/root" "$FARSPAN" collect --json "$@"
	until_said collect "farspan: collecting"
}

send() {
	send_to_collector "$work/outer.pcap"
	sent=$((sent + frames))
}

# Some frames are lost; those that are in files are those that are counted. The status tells.
end_record() {
	local written lost status=0
	end collect || status=$?
	equal "status" 1 "$status"
	"$here/collected.py" counters "$work/collect.out" || wrong "the counters of the collector"
	written=$(jq .written "$work/collect.out") lost=$(jq .dropped.write_error "$work/collect.out")
	equal "frames written or lost" $sent $((written + lost))
	[ "$lost" -gt 0 ] || wrong "nothing was lost"
	equal "frames in the files" "$written" "$(on_disk "$here/recorded.py" "$@")"
}

echo "-- a full disk that gets room again"
sent=0
record -w "$disk/x.pcapng"
send
on_disk dd if=/dev/zero of="$disk/filler" bs=1k count=2000 2>/dev/null || true
for ((i = 0; i < 8; i++)); do send; done
until_said collect "No space left on device"
said collect "$disk/x.pcapng" || said collect "x.pcapng" || wrong "the file is not named: $(cat "$work/collect.err")"
on_disk rm "$disk/filler"
send_until_again() {
	send
	said collect "recording again"
}
until_true 20 "the recording to go on" send_until_again
end_record complete "$disk/x.pcapng"
on_disk rm "$disk/x.pcapng"

echo "-- a full disk and a ring: each file is whole"
on_disk dd if=/dev/zero of="$disk/filler" bs=1k count=900 2>/dev/null
record -w "$disk/x.pcapng" -C 8k -W 20
for ((i = 0; i < 6; i++)); do send; done
until_said collect "No space left on device"
end collect || true
"$here/collected.py" counters "$work/collect.out" || wrong "the counters of the collector"
on_disk sh -c '"$0" whole "$1"/x*' "$here/recorded.py" "$disk" >/dev/null || wrong "files on a full disk"
on_disk sh -c 'rm "$0"/*' "$disk"

echo "-- the directory is removed, and made again"
sent=0
on_disk mkdir "$disk/d"
record -w "$disk/d/x.pcapng"
send
on_disk rm -r "$disk/d"
until_said collect "was removed"
for ((i = 0; i < 3; i++)); do send; done
until_said collect "No such file or directory"
status=0
end collect || status=$?
equal "status" 1 $status
"$here/collected.py" counters "$work/collect.out" || wrong "the counters of the collector"
[ "$(jq .dropped.write_error "$work/collect.out")" -ge $((3 * frames)) ] || wrong "frames that no file can have are not counted"

echo "-- links in the way"
on_disk ln -s target "$disk/link"
status=0
on_disk "$FARSPAN" collect -r "$work/outer.pcap" -w "$disk/link" 2>"$work/link.err" || status=$?
equal "status" 1 $status
grep -q "symbolic link" "$work/link.err" || wrong "links: $(cat "$work/link.err")"
on_disk test ! -e "$disk/target" || wrong "the link was followed"
finish
