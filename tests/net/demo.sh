#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# ./demo works, leaves the recording it names, and nothing else; interrupted, it leaves nothing at all running.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

export TMPDIR=$work
others=$(ip netns list | sort)
"$here/../../demo" >"$work/demo.txt" || fail "./demo: status $?: $(cat "$work/demo.txt")"
recording=$(grep -o '/[^ ]*/mirrored.pcapng' "$work/demo.txt" | head -n 1)
[ -s "$recording" ] || wrong "no recording: $(cat "$work/demo.txt")"
equal "namespaces" "$others" "$(ip netns list | sort)"
equal "files besides" "" "$(find "$work" -mindepth 1 -maxdepth 1 ! -name demo.txt ! -name 'farspan-demo.*')"
rm -rf "$(dirname "$recording")"

running() {
	[ "$(ip netns list | sort)" != "$others" ]
}

spawn demo "$here/../../demo"
until_true 20 "the demo to make its namespaces" running
status=0
end demo INT || status=$?
equal "status of an interrupted demo" 130 $status
equal "namespaces after an interrupt" "$others" "$(ip netns list | sort)"
finish
