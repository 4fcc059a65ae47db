#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A mirror and a collector: what is sent is received, what is received is recorded, and it is what was on the wire.
#
#     a ---- s0 [ bridge ] s1 ---- b
#            u0 ---- col                     reference: what arrived at a and at b
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

# The transfer is paced, to 50 MB/s: the queue of a veth pair holds 1000 packets, and a wire that drops would not show much here.

bridge_topology 1500 1600 collector

# one DESTINATION
one() {
	local sent
	echo "-- $1"
	collect
	mirror tap -i s0 -d both -t "$1"
	capture a a0 at_a -Q in
	capture b b0 at_b -Q in
	"$here/traffic.py" tcp ${prefix}a ${prefix}b 10.1.0.2 5001 8000000 50000000 >"$work/sum" || fail "the transfer itself"
	"$here/traffic.py" udp ${prefix}b ${prefix}a fd01::1 5002 100 1000 || fail "the datagrams themselves"
	fence a a0 at_b
	fence b b0 at_a
	end_mirror
	end_capture at_a
	end_capture at_b
	sent=$("$here/counters.py" "$work/mirror.out" sent)
	at tap ping -q -c 1 -W 20 10.9.0.2 >/dev/null || fail "the wire to the collector"
	end_collect received="$sent" written="$sent" lost=0 duplicate=0 restarted=0
	compare same "$work/at_a.pcap+$work/at_b.pcap" "$work/collected.pcapng"
}

for destination in erspan1:10.9.0.2 erspan2:10.9.0.2,id=9 'erspan2:[fd09::2],id=9' erspan3:10.9.0.2,id=9 'erspan3:[fd09::2],id=9'; do
	one "$destination"
done
finish
