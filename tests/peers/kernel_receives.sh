#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What our mirror sends, the tunnel devices of Linux take: every type over IPv4 and IPv6, each frame once and byte by byte, as their own
# tcpdump shows it. And what they do with a mirror that starts again.
#
#     a  a0 ---- s0  tap  u0 ---- u0  guest      s0 is mirrored; 10.9.0.1, fd09::1 to 10.9.0.2, fd09::2
#
# usage: kernel_receives.sh KERNEL
# shellcheck source=tests/peers/lib.sh
. "$(dirname "$0")/lib.sh"

namespace a tap
boot "$1" u0=tap/u0
guest_uplink tap u0 $mac_u 10.9.0.1 fd09::1 $mac_c 10.9.0.2 fd09::2 9216
wire a a0 $mac_a tap s0 $mac_s0
addresses a a0 10.1.0.1/24 fd01::1/64
addresses tap s0 10.1.0.3/24 fd01::3/64
for address in 10.1.0.3 fd01::3; do neighbour a a0 $address $mac_s0; done
for address in 10.1.0.1 fd01::1; do neighbour tap s0 $address $mac_a; done
offload a a0 tx off tso off gro off
offload tap s0 tx off tso off gro off

from="local 10.9.0.2 remote 10.9.0.1"
from6="local fd09::2 remote fd09::1"
declare -A device=(
	[er1]="erspan $from erspan_ver 0"
	[er2]="erspan $from seq key 30 erspan_ver 1 erspan 123"
	[er3]="erspan $from seq key 31 erspan_ver 2 erspan_dir ingress erspan_hwid 0"
	[er62]="ip6erspan $from6 seq key 1023 erspan_ver 1 erspan 123"
	[er63]="ip6erspan $from6 seq key 0 erspan_ver 2 erspan_dir ingress erspan_hwid 0"
	[gre]="gretap $from"
	[grek]="gretap $from key 77"
	[gre6]="ip6gretap $from6 key 78"
	[vx]="vxlan $from id 5000 dstport 4789"
	[vx6]="vxlan $from6 id 16777215 dstport 4789 udp6zerocsumrx" # or it would drop what has no UDP checksum
)
declare -A destination=(
	[er1]='erspan1:10.9.0.2'
	[er2]='erspan2:10.9.0.2,id=30,index=5'
	[er3]='erspan3:10.9.0.2,id=31,hwid=9'
	[er62]='erspan2:[fd09::2],id=1023'
	[er63]='erspan3:[fd09::2],id=0,granularity=100ns'
	[gre]='gre:10.9.0.2'
	[grek]='gre:10.9.0.2,key=77'
	[gre6]='gre:[fd09::2],key=78'
	[vx]='vxlan:10.9.0.2,vni=5000'
	[vx6]='vxlan:[fd09::2],vni=16777215'
)
names=("${!device[@]}")

# make NAME DEVICE: with GRO it would show what the kernel has merged
make() {
	inside <<-END || fail "the guest refuses $2"
		ip link add $1 type $2
		ethtool -K $1 gro off >/dev/null
		ip link set $1 mtu 9000 up
	END
}

# Everything that was sent has been handled in the guest when this returns.
arrived() {
	at tap ping -q -c 1 -W 20 10.9.0.2 >/dev/null || fail "the wire to the guest"
}

echo "-- every device at once"
for name in "${names[@]}"; do
	make "$name" "${device[$name]}"
	captures+=("$name $name -Q in")
	destinations+=(-t "${destination[$name]}")
done
inside "ethtool -K u0 gro off >/dev/null"
inside_captures "${captures[@]}"
capture a a0 at_a
mirror tap -i s0 -d both "${destinations[@]}"
for size in 0 1 56 1472 4000; do
	at a ping -q -c 3 -i 0.01 -W 20 -s $size 10.1.0.3 >/dev/null || fail "the pings themselves"
	at a ping -q -c 3 -i 0.01 -W 20 -s $size fd01::3 >/dev/null || fail "the pings themselves"
done
# On one CPU, or a veth pair does not keep the order.
sha=$(taskset -c "$cpu" "$here/traffic.py" tcp ${prefix}a ${prefix}tap 10.1.0.3 5001 200000) || fail "the transfer itself"
taskset -c "$cpu" "$here/traffic.py" tcp ${prefix}tap ${prefix}a fd01::1 5002 200000 >/dev/null || fail "the transfer itself"
end_mirror
end_capture at_a
arrived
end_inside_captures "${names[@]}"
frames=$("$here/compare.py" count "$work/at_a.pcap")
[ "$frames" -ge 400 ] || wrong "only $frames frames"
"$here/counters.py" "$work/mirror.out" sent=$((frames * ${#names[@]})) || wrong "the counters of the mirror"
for name in "${names[@]}"; do
	echo "$name: ${destination[$name]}"
	compare same "$work/at_a.pcap" "$work/$name.pcap"
	compare order "$work/at_a.pcap" "$work/$name.pcap"
	compare stream "$work/$name.pcap" 5001 200000 "$sha"
done

# statistic NAME COUNTER
statistic() {
	inside "cat /sys/class/net/$1/statistics/$2"
}

# The mirror counts from 0 again. A device that checks the order drops what is behind the highest number that it has seen, as an error,
# and goes on where the new numbers reach it; one that was made without the check takes everything.
echo "-- a mirror that starts again"
inside "ip link del er2; ip link del er63"
make er2 "${device[er2]}"
make er63 "${device[er63]}"
make free "erspan $from oseq ikey 40 okey 40 erspan_ver 1 erspan 1"
for pings in 5 8; do
	mirror tap -i s0 -d both -t "${destination[er2]}" -t "${destination[er63]}" -t erspan2:10.9.0.2,id=40
	at a ping -q -c $pings -i 0.01 -W 20 10.1.0.3 >/dev/null || fail "the pings themselves"
	end_mirror sent=$((3 * 2 * pings))
done
arrived
for name in er2 er63; do
	equal "frames that $name took" $((10 + 16 - 10)) "$(statistic $name rx_packets)"
	equal "frames that $name dropped" 10 "$(statistic $name rx_errors)"
done
equal "frames that a device without the check took" $((10 + 16)) "$(statistic free rx_packets)"
equal "frames that a device without the check dropped" 0 "$(statistic free rx_errors)"

# matched DEVICE: "PREFERENCE COUNT" of its rules that have counted, in one line
matched() {
	inside "tc -s -j filter show dev $1 ingress" | jq -r '[.[] | select(.options.actions[0].stats.packets > 0) |
		"\(.pref) \(.options.actions[0].stats.packets)"] | join(", ")'
}

# Devices that give each packet its metadata, and a classifier of the kernel that reads them. What no other rule is for comes to the last.
echo "-- every field, as the kernel reads it"
inside <<-END || fail "the guest refuses metadata"
	for name in ${names[*]} free; do ip link del \$name; done
	ip link add meta type erspan external
	ip link add meta6 type ip6erspan external
	for name in meta meta6; do
		ip link set \$name up
		tc qdisc add dev \$name clsact
		tc filter add dev \$name ingress pref 9 protocol all matchall action drop
	done
	from="enc_src_ip 10.9.0.1 enc_dst_ip 10.9.0.2 enc_tos 0xb8/0xff enc_ttl 9/0xff"
	from6="enc_src_ip fd09::1 enc_dst_ip fd09::2 enc_ttl 64/0xff"
	tc filter add dev meta ingress pref 1 protocol all flower \$from enc_key_id 30 erspan_opts 1:5:0:0 action drop
	tc filter add dev meta ingress pref 2 protocol all flower \$from enc_key_id 31 erspan_opts 2:0:0:9 action drop
	tc filter add dev meta ingress pref 3 protocol all flower \$from enc_key_id 31 erspan_opts 2:0:1:9 action drop
	tc filter add dev meta6 ingress pref 1 protocol all flower \$from6 enc_key_id 1023 erspan_opts 1:1048575:0:0 action drop
	tc filter add dev meta6 ingress pref 2 protocol all flower \$from6 enc_key_id 0 erspan_opts 2:0:0:63 action drop
	tc filter add dev meta6 ingress pref 3 protocol all flower \$from6 enc_key_id 0 erspan_opts 2:0:1:63 action drop
END
capture tap u0 outer -Q out
mirror tap -i s0 -d both -t erspan2:10.9.0.2,id=30,index=5,tos=184,ttl=9 -t erspan3:10.9.0.2,id=31,hwid=9,tos=184,ttl=9 \
	-t 'erspan2:[fd09::2],id=1023,index=1048575' -t 'erspan3:[fd09::2],id=0,hwid=63'
at a ping -q -c 5 -i 0.01 -W 20 10.1.0.3 >/dev/null || fail "the pings themselves"
end_mirror sent=40
arrived
for name in meta meta6; do equal "frames that each rule of $name matched" "1 10, 2 5, 3 5" "$(matched $name)"; done
end_capture outer
fields "$work/outer.pcap" 10:kind=erspan2,session=30,index=5,tos=184,ttl=9 10:kind=erspan3,session=31,hwid=9,tos=184,ttl=9 \
	10:kind=erspan2,outer_src=fd09::1,session=1023,index=1048575 10:kind=erspan3,outer_src=fd09::1,session=0,hwid=63

echo "-- what it has no device for"
inside "ip link del meta; ip link del meta6"
mirror tap -i s0 -d both -t erspan2:10.9.0.2,id=999
at a ping -q -c 5 -i 0.01 -W 20 10.1.0.3 >/dev/null || wrong "the pings themselves"
end_mirror sent=10
finish
