#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What real senders sent, captured, is sent again on a wire: the collector records exactly the mirrored frames, and hands exactly them to
# an interface.
#
#     tap  u0 ---- c0  col  span0, which takes the addresses of the collectors of then
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

captures=$here/../data/captures
uplink_topology 9216
ip -n ${prefix}col address flush dev c0 scope global
addresses col c0 10.9.0.2/24 10.9.0.1/24 10.8.0.1/24 10.8.0.2/24 fd09::1/64 fd09::2/64 fd08::1/64 fd08::2/64
ip -n ${prefix}tap address flush dev u0 scope global
addresses tap u0 10.9.0.77/24
neighbour tap u0 10.9.0.2 $mac_c
neighbour col c0 10.9.0.77 $mac_u

all_seen() {
	[ "$("$here/compare.py" count "$work/seen.pcap")" = "$frames" ]
}

for inner in "$captures"/*.inner.pcap; do
	outer=${inner%.inner.pcap}.pcap
	name=$(basename "$outer")
	# Those of which only the first bytes were captured are no packets any more.
	[ "$name" != ovs-snap-er1.pcap ] || continue
	"$here/make_frames.py" "$work/expected.pcap" "$outer" "$inner"
	frames=$("$here/compare.py" count "$work/expected.pcap")
	echo "-- $name: $frames frames"
	collect -t interface:span0
	capture col span0 seen -Q in
	send_to_collector "$outer"
	until_true 20 "all frames on span0" all_seen
	end_capture seen
	end_collect written="$frames"
	equal "frames handed on" "$frames" "$(jq '.destinations[0].sent' "$work/collect.out")"
	[ "$frames" = 0 ] || compare same "$work/expected.pcap" "$work/collected.pcapng"
	[ "$frames" = 0 ] || compare same "$work/expected.pcap" "$work/seen.pcap"
done
finish
