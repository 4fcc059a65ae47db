#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Copies made ready on other CPUs: the same frames, and each flow in order although its sender may change CPU.
#
#     a ---- s0 [ bridge ] s1 ---- b         s0 is mirrored
#            u0 ---- col                     reference: what arrived at b
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

[ "$(nproc)" -gt 1 ] || skip "needs two CPUs"
other=0
claim_cpu other
bridge_topology 1500 9216
bytes=3000000

for tags in none two; do
	echo "-- tags: $tags"
	tagged $tags
	capture col c0 copies -Q in
	mirror tap --cpus "$other" -i s0 -d rx -t erspan2:10.9.0.2,id=1
	capture b b0 reference -Q in
	sha=$(taskset -c "$cpu" "$here/traffic.py" tcp ${prefix}a ${prefix}b 10.1.0.2 5001 $bytes) || fail "the transfer itself"
	fence a a0 reference copies
	end_mirror
	end_capture reference
	end_capture copies
	compare same "$work/reference.pcap" "erspan:$work/copies.pcap"
	compare order "$work/reference.pcap" "erspan:$work/copies.pcap"
	compare stream "erspan:$work/copies.pcap" 5001 $bytes "$sha"
	compare sequence "$work/copies.pcap"
done

echo "-- a CPU that is not there"
! at tap "$FARSPAN" mirror --cpus 1000 -i s0 -t erspan2:10.9.0.2 2>"$work/err" || wrong "CPU 1000 was accepted"
grep -q 'CPU 1000 is not' "$work/err" || wrong "what is said of CPU 1000: $(cat "$work/err")"
left=$(ip -n ${prefix}tap -o link show | grep -c ': fs' || true)
equal "devices left" 0 "$left"
finish
