#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Every length from 14 to 9014 bytes that is special, and what is not IP: ARP, LLDP, spanning tree with its length field, neighbour
# discovery, unknown EtherTypes, tags of every kind, frames that end inside of their headers.
#
#     a ---- s0 [ bridge ]         rx: sent raw by a; tx: sent raw on s0
#            u0 ---- col           reference: what a saw
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

bridge_topology 9000 9216
"$here/make_frames.py" "$work/frames.pcap"
count=$("$here/compare.py" count "$work/frames.pcap")

# one DIRECTION DESTINATION
one() {
	local from=a iface=a0 seen=out
	[ "$1" = rx ] || { from=tap iface=s0 seen=in; }
	echo "-- $1 to $2"
	later=yes capture col c0 copies -Q in
	later=yes capture a a0 reference -Q $seen
	mirror tap -i s0 -d "$1" -t "$2"
	capturing copies reference
	at $from "$here/traffic.py" frames $iface "$work/frames.pcap"
	fence $from $iface reference copies
	end_mirror
	end_capture reference copies
	equal "frames sent" "$count" "$("$here/compare.py" count "$work/reference.pcap")"
	compare same "$work/reference.pcap" "erspan:$work/copies.pcap"
}

for destination in erspan1:10.9.0.2 'erspan1:[fd09::2]' erspan2:10.9.0.2 'erspan2:[fd09::2]' erspan3:10.9.0.2 'erspan3:[fd09::2]'; do
	one rx "$destination"
	one tx "$destination"
done
finish
