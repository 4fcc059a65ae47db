#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Many sessions in one process: 1,000 over 100 interfaces, 200 on one of them, changed while frames pass. The sums of each are exact.
#
#     v1 ---- w1 ... v100 ---- w100      frames are sent on w*, and mirrored from v*
#     u0 ---- col
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

uplink_topology 1600
for i in $(seq 100); do
	echo "link add v$i type veth peer name w$i"
	echo "link set v$i up"
	echo "link set w$i up"
done | ip -n "${prefix}tap" -batch -
at tap "$here/many.py" "$SESSION_SET" || wrong "many.py"
equal "programs and devices left behind" "" "$(at tap ip -o link show | grep -o 'fs[0-9a-f]*-seg' || true)"
finish
