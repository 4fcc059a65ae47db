#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# In a guest with another kernel of Debian: UDP frames that m0 receives are forwarded, and mirrored by farspan and by tc mirred to the kernel's
# erspan device in turn. Prints for each round the CPU time per frame, in ns, without a mirror, with ours and with theirs, and how many
# frames in all were sent and copies of ours and theirs arrived. The time is that of the emulator: other load does not change it.
#
#     guest  m0 [ forwards ] m1 ---- p1 sink
#                            u0 ---- c0 col      copies
#
# usage: guest.sh KERNEL ROUNDS COUNT      with FARSPAN and BLAST, the programs
# shellcheck source=tests/peers/lib.sh
. "$(dirname "$0")/../tests/peers/lib.sh"
rounds=$2 count=$3 ours=0 theirs=0

programs+=("$BLAST")
boot "$1" >&2
pid=$(cat "$work/guest.pid")
inside <<END
ip netns add sink
ip netns add col
ip link add m0 type veth peer name p0
ip link add m1 type veth peer name p1 netns sink
ip link add u0 type veth peer name c0 netns col
ethtool -K u0 tx off tso off >/dev/null
for name in m0 p0 m1 u0; do ip link set \$name mtu 1600 up; done
ip -n sink link set p1 up
ip -n col link set c0 mtu 1600 up
ip address add 10.1.0.2/24 dev m0
ip address add 10.2.0.2/24 dev m1
ip address add 10.9.0.1/24 dev u0
ip neigh replace 10.2.0.1 lladdr 02:00:00:00:0e:99 dev m1 nud permanent
ip neigh replace 10.9.0.2 lladdr 02:00:00:00:0e:98 dev u0 nud permanent
sysctl -qw net.ipv4.ip_forward=1
END

cpu_ns() {
	cat /proc/"$pid"/task/*/schedstat | awk '{ sum += $1 } END { print sum }'
}

copies() {
	inside "ip netns exec col cat /sys/class/net/c0/statistics/rx_packets 2>/dev/null || ip -n col -s link show c0" |
		awk 'NF == 1 { print; exit } /RX:/ { getline; print $2; exit }'
}

# blast COUNT
blast() {
	inside "blast forward m0 \$(cat /sys/class/net/m0/address) 10.1.0.1 10.2.0.1 64 $1 >/dev/null" || fail "blast in the guest"
}

# measure WHAT: in $WHAT_ns, and what arrived added to $WHAT
measure() {
	local before start
	blast 64
	before=$(copies)
	start=$(cpu_ns)
	blast "$count"
	printf -v "$1_ns" %s $((($(cpu_ns) - start) / count))
	printf -v "$1" %s $((${!1:-0} + $(copies) - before))
}

for ((round = 0; round < rounds; round++)); do
	measure base
	inside_start mirror mirror -q -i m0 -d rx -t erspan2:10.9.0.2,id=30
	measure ours
	inside_end mirror
	inside <<-END
		ip link add er2 type erspan local 10.9.0.1 remote 10.9.0.2 seq key 30 erspan_ver 1 erspan 123
		ip link set er2 up
		tc qdisc add dev m0 clsact
		tc filter add dev m0 ingress u32 match u32 0 0 action mirred egress mirror dev er2
	END
	measure theirs
	inside "tc qdisc del dev m0 clsact; ip link del er2"
	echo "$base_ns $ours_ns $theirs_ns"
done
echo "$((rounds * count)) $ours $theirs"
