#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Our tunnel devices and those of Linux as the two ends of one tunnel: hosts talk through them in both directions, every type, over IPv4
# and IPv6, with full-size packets.
#
#     guest  t1.. ==== u0 ---- c0 ==== t1..  col      10.9.0.1, fd09::1 to 10.9.0.2, fd09::2
#
# usage: kernel_tunnel.sh KERNEL
# shellcheck source=tests/peers/lib.sh
. "$(dirname "$0")/lib.sh"

namespace col
boot "$1" u0=col/c0
guest_uplink col c0 $mac_c 10.9.0.2 fd09::2 $mac_u 10.9.0.1 fd09::1

# The guest's device, and ours.
theirs4="local 10.9.0.1 remote 10.9.0.2" ours4="local 10.9.0.2 remote 10.9.0.1"
theirs6="local fd09::1 remote fd09::2" ours6="local fd09::2 remote fd09::1"
rows=(
	"erspan $theirs4 erspan_ver 0 | erspan1 $ours4"
	"erspan $theirs4 seq key 30 erspan_ver 1 erspan 123 | erspan2 $ours4 id 30 index 99"
	"erspan $theirs4 seq key 31 erspan_ver 2 erspan_dir ingress erspan_hwid 17 | erspan3 $ours4 id 31 hwid 4"
	"ip6erspan $theirs6 seq key 1023 erspan_ver 1 erspan 5 encaplimit 9 | erspan2 $ours6 id 1023 encaplimit 4"
	"ip6erspan $theirs6 seq key 0 erspan_ver 2 erspan_dir egress erspan_hwid 63 encaplimit none | erspan3 $ours6 id 0"
	"gretap $theirs4 key 77 | gre $ours4 key 77"
	"ip6gretap $theirs6 key 78 | gre $ours6 key 78"
	"vxlan $theirs4 id 5000 dstport 4789 | vxlan $ours4 vni 5000"
	"vxlan $theirs6 id 5001 dstport 4790 udp6zerocsumrx | vxlan $ours6 vni 5001 port 4790" # or it would drop what has no UDP checksum
)

number=0
for row in "${rows[@]}"; do
	number=$((number + 1))
	read -r type rest <<<"${row% |*}"
	echo "ip link add t$number type $type $rest"
	echo "ip link set t$number up"
	echo "ip address add 10.40.$number.1/24 dev t$number"
done | inside || fail "the guest refuses"
# At once: each has its process to wait for.
number=0 adding=()
for row in "${rows[@]}"; do
	number=$((number + 1))
	# shellcheck disable=SC2086 # words
	at col "$FARSPAN" tunnel add t$number type ${row#*| } &
	adding+=($!)
done
for ((number = ${#rows[@]}; number; number--)); do
	wait "${adding[number - 1]}" || fail "farspan tunnel: ${rows[number - 1]#*| }"
	addresses col t$number 10.40.$number.2/24
done

number=0
for row in "${rows[@]}"; do
	number=$((number + 1))
	echo "-- $row"
	at col ping -q -c 3 -i 0.1 -W 20 10.40.$number.1 >"$work/ping" || wrong "from us: $(cat "$work/ping")"
	# As much as the guest's device takes at once.
	at col ping -q -c 3 -i 0.1 -W 20 -M "do" -s 1372 10.40.$number.1 >"$work/ping" || wrong "full-size, from us: $(cat "$work/ping")"
	echo "ping -q -c 3 -i 0.1 -W 20 10.40.$number.2" | inside >"$work/ping" || wrong "from the guest: $(cat "$work/ping")"
done
deleting=()
for ((; number; number--)); do
	at col "$FARSPAN" tunnel del t$number &
	deleting+=($!)
done
for number in "${!deleting[@]}"; do wait "${deleting[number]}" || wrong "tunnel del t$((${#rows[@]} - number))"; done
finish
