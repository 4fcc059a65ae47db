#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# ./demo works, leaves the recording it names, and nothing else; interrupted, it leaves nothing at all running.

# With a list of namespaces of its own: those of others may come and go meanwhile.
if [ "$(id -u)" = 0 ] && [ -z "${FARSPAN_DEMO_INSIDE:-}" ]; then
	FARSPAN_DEMO_INSIDE=yes exec unshare --mount "$0"
fi
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

export TMPDIR=$work
mkdir -p /run/netns
mount -t tmpfs none /run/netns
"$here/../../demo" >"$work/demo.txt" || fail "./demo: status $?: $(cat "$work/demo.txt")"
recording=$(grep -o '/[^ ]*/mirrored.pcapng' "$work/demo.txt" | head -n 1)
[ -s "$recording" ] || wrong "no recording: $(cat "$work/demo.txt")"
equal "namespaces" "" "$(ip netns list)"
equal "files besides" "" "$(find "$work" -mindepth 1 -maxdepth 1 ! -name demo.txt ! -name 'farspan-demo.*')"
rm -rf "$(dirname "$recording")"

running() {
	[ -n "$(ip netns list)" ]
}

spawn demo "$here/../../demo"
until_true 20 "the demo to make its namespaces" running
status=0
end demo INT || status=$?
equal "status of an interrupted demo" 130 $status
equal "namespaces after an interrupt" "" "$(ip netns list)"
equal "processes after an interrupt" "" "$(pgrep -f "$work" || true)"
finish
