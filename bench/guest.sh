#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# In a guest with another kernel of Debian: UDP frames that m0 receives are forwarded, and mirrored by farspan and by tc mirred to the
# kernel's erspan device in turn. Prints what a frame takes without a mirror, then with each of them and how many copies of each arrived,
# a line a round; and leaves a sample of the copies in OUT/ours.pcap and OUT/theirs.pcap.
#
# The guest's clock counts the instructions that its CPU executes, one a nanosecond (-icount): neither other load on the machine nor how
# fast the emulation is changes the figures.
#
#     p0 ---- m0 [ forwards ] m1 ---- p1 sink
#                             u0 ---- c0 col      copies, to a wrong MAC address: nothing looks into them
#
# usage: guest.sh KERNEL ROUNDS COUNT SAMPLE OUT      with FARSPAN and BLAST, the programs
# shellcheck source=tests/peers/lib.sh
. "$(dirname "$0")/../tests/peers/lib.sh"
rounds=$2 count=$3 sample=$4 out=$5
programs+=("$BLAST")
machine=(-icount shift=0)

"$peers/guest/fetch" >&2
boot "$1" >&2
inside <<-END || fail "the namespaces in the guest"
	for name in sink col; do
		ip netns add \$name
		nsenter --net=/run/netns/\$name sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
	done
	sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1 net.ipv4.ip_forward=1
	ip link add m0 type veth peer name p0
	ip link add m1 type veth peer name p1 netns sink
	ip link add u0 type veth peer name c0 netns col
	ethtool -K u0 tx off tso off gso off >/dev/null
	for name in p0 m0 m1 u0; do ip link set \$name mtu 1600 up; done
	ip -n sink link set p1 up
	ip -n col link set c0 mtu 1600 up
	ip address add 10.1.0.2/24 dev m0
	ip address add 10.2.0.2/24 dev m1
	ip address add 10.9.0.1/24 dev u0
	ip neigh replace 10.2.0.1 lladdr 02:00:00:00:0e:99 dev m1 nud permanent
	ip neigh replace 10.9.0.2 lladdr 02:00:00:00:0e:98 dev u0 nud permanent
END

# blast COUNT: what a frame took
blast() {
	inside "blast forward m0 \$(cat /sys/class/net/m0/address) 10.1.0.1 10.2.0.1 64 $1"
}

copies() {
	inside "ip -n col -s link show c0" | awk '/RX:/ { getline; print $2 }'
}

# measure [NAME]: prints what a frame takes and how many copies arrived; NAME: of these a sample is kept first.
measure() {
	local before figure
	if [ $# = 0 ]; then
		blast "$sample" >/dev/null # what is done once is done
	else
		inside_captures "col/c0 $1 -Q in"
		blast "$sample" >/dev/null
		end_inside_captures "$1"
		mv "$work/$1.pcap" "$out"
	fi
	before=$(copies)
	figure=$(blast "$count")
	echo "$figure $(($(copies) - before))"
}

for ((round = 0; round < rounds; round++)); do
	base=$(measure)
	inside_start mirror mirror -q -i m0 -d rx -t erspan2:10.9.0.2,id=30
	ours=$(measure ours)
	inside_end mirror
	inside <<-END || fail "the guest's erspan device"
		ip link add er2 type erspan local 10.9.0.1 remote 10.9.0.2 seq key 30 erspan_ver 1 erspan 123
		ip link set er2 up
		tc qdisc add dev m0 clsact
		tc filter add dev m0 ingress protocol all u32 match u32 0 0 action mirred egress mirror dev er2
	END
	theirs=$(measure theirs)
	inside "tc qdisc del dev m0 clsact; ip link del er2"
	echo "${base% *} $ours $theirs"
done
