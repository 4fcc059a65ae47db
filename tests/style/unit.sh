#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The systemd unit is right, and leaves the daemon little to do harm with: an exposure of 2.5 at most. What records is a process of the same
# unit, which confines itself further: a unit with exactly the settings of recorder.service, which tests/net/record_files.sh finds to be as
# that says, would be exposed by 1.0 at most.
#
# usage: unit.sh UNIT
set -eu
command -v systemd-analyze >/dev/null || { echo "needs systemd-analyze"; exit 77; }
here=$(dirname "$0")
# systemd takes /sys/fs/bpf itself from everybody who may not change the kernel's tunables, whatever this says, but not what is below.
grep -qx 'ReadWritePaths=-/sys/fs/bpf/farspan' "$1" || { echo "what goes on without farspand cannot be kept"; exit 1; }
calls_of() {
	grep -o "$1" "$2" | sed 's/.*[(=]//; s/)//' | tr ' ' '\n' | sort -u | grep -vx openat2 # which is refused
}
kept=$(calls_of 'SCMP_SYS([a-z0-9_]*)' "$here/../../src/host/sandbox.c")
[ "$kept" = "$(calls_of 'SystemCallFilter=.*' "$here/recorder.service")" ] ||
	{ echo "recorder.service has other calls than src/host/sandbox.c"; exit 1; }
systemd-analyze security --offline=true --threshold=25 "$1" | tail -n 1
systemd-analyze security --offline=true --threshold=10 "$here/recorder.service" | tail -n 1
