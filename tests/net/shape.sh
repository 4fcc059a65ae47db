#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What a session leaves out and how much of a frame it copies: VLANs, samples, rates, truncation. Every frame is counted somewhere.
#
#     a ---- s0 [ bridge ] s1 ---- b         s0 is mirrored
#            u0 ---- col
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

bridge_topology 1500 1600
datagrams=600

# shaped OPTION...: datagrams of 100 bytes from a to b, mirrored over Type II
shaped() {
	echo "-- $*"
	mirror tap -i s0 -d rx -t erspan2:10.9.0.2,id=5 "$@"
	"$here/traffic.py" udp ${prefix}a ${prefix}b 10.1.0.2 5002 $datagrams 100 >"$work/udp" || fail "the datagrams themselves"
}

between() {
	[ "$2" -ge "$3" ] && [ "$2" -le "$4" ] || wrong "$1: $2, not from $3 to $4"
}

counter() {
	"$here/counters.py" "$work/mirror.out" "$1"
}

shaped --sample count:10
end_mirror seen=$datagrams sent=$((datagrams / 10)) sample=$((datagrams * 9 / 10))

# Six standard deviations of 600 draws of 1 in 3: 200 +- 70.
shaped --sample random:3
end_mirror seen=$datagrams
between "random sample" "$(counter sent)" 130 270

# One flow is sent whole or not at all.
shaped --sample flow:2
end_mirror seen=$datagrams
case $(counter sent) in 0 | "$datagrams") ;; *) wrong "half a flow: $(counter sent) of $datagrams" ;; esac

# A bucket that a test cannot fill again: one frame each 1000 seconds, none in advance.
shaped --rate 8kbit,burst=0ms
end_mirror seen=$datagrams attempted=$datagrams
between "frames within 8 kbit/s" "$(counter sent)" 1 20
equal "frames over the rate" $((datagrams - $(counter sent))) "$(counter rate)"

shaped --vlan 5,10-20
end_mirror seen=$datagrams vlan=$datagrams sent=0
shaped --vlan 0
end_mirror seen=$datagrams sent=$datagrams

for tags in one two; do
	tagged $tags
	shaped --vlan 100,200
	end_mirror seen=$datagrams sent=$datagrams
	shaped --vlan 0-99
	end_mirror seen=$datagrams vlan=$datagrams
	capture col c0 copies -Q in
	shaped --strip-tag
	end_mirror sent=$datagrams
	fence a a0
	end_capture copies
	compare tags "erspan:$work/copies.pcap" "$([ $tags = one ] && echo 0 || echo 1)"
done
tagged none

# cut OPTION BYTES: copies of 142-byte frames have that length, and say T. The fence goes over the uplink itself: its copy would be cut too.
cut() {
	capture col c0 copies -Q in
	capture b b0 reference -Q in
	shaped --truncate "$1"
	end_mirror sent=$datagrams truncated=$datagrams
	fence tap u0 copies
	end_capture copies
	end_capture reference
	compare cut "$work/reference.pcap" "$work/copies.pcap" "$2"
}

cut 64 64
cut l2 14
cut l3 34
tagged one
cut l2 18
cut l4 46
tagged none
finish
