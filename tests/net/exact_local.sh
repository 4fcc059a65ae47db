#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What the mirroring host itself sends and receives, many connections at once, both directions: iperf3 to and from the bridge's own address.
#
#     a ---- s0 [ br0 10.1.0.3 ]
#            u0 ---- col             reference: what a sent (segmented by a) and what arrived at a
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

bridge_topology 1500 9216
offload a a0 tx off tso off
spawn server nsenter --net=/run/netns/${prefix}tap iperf3 -s -p 5201 --forceflush
until_said server "Server listening"
for reverse in "" -R --bidir; do
	for destination in 'erspan2:10.9.0.2,id=9' 'erspan3:[fd09::2],id=9'; do
		echo "-- iperf3 $reverse to $destination"
		later=yes capture col c0 copies -Q in
		later=yes capture a a0 reference
		mirror tap -i s0 -d both -t "$destination"
		capturing copies reference
		# shellcheck disable=SC2086 # nothing, or an option
		at a iperf3 -c 10.1.0.3 -p 5201 -P 4 -n 4M -b 400M $reverse >"$work/client.out" || fail "iperf3: $(cat "$work/client.out")"
		fence a a0 reference copies
		fence tap s0 reference copies
		end_mirror
		end_capture reference copies
		checksums copies "$("$here/compare.py" count "$work/reference.pcap")" \
			same "$work/reference.pcap" "erspan:$work/copies.pcap" , sequence "$work/copies.pcap"
	done
done
finish
