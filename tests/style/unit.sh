#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The systemd unit is right, and leaves the daemon little to do harm with: an exposure of 2.5 at most.
#
# usage: unit.sh UNIT
set -eu
command -v systemd-analyze >/dev/null || { echo "needs systemd-analyze"; exit 77; }
systemd-analyze security --offline=true --threshold=25 "$1" | tail -n 1
