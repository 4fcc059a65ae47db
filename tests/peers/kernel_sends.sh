#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What the tunnel devices of Linux send, of every type and over IPv4 and IPv6, arrives in our collector: each frame once, byte by byte,
# and each field as tshark reads it.
#
#     guest  u0 ---- c0  col         10.9.0.1, fd09::1 to 10.9.0.2, fd09::2
#
# usage: kernel_sends.sh KERNEL
# shellcheck source=tests/peers/lib.sh
. "$(dirname "$0")/lib.sh"

namespace col
boot "$1" u0=col/c0
guest_uplink col c0 $mac_c 10.9.0.2 fd09::2 $mac_u 10.9.0.1 fd09::1

from="local 10.9.0.1 remote 10.9.0.2"
from6="local fd09::1 remote fd09::2"
declare -A device=(
	[er1]="erspan $from erspan_ver 0"
	[er2]="erspan $from seq key 30 erspan_ver 1 erspan 123"
	[er3]="erspan $from seq key 31 erspan_ver 2 erspan_dir egress erspan_hwid 17 ttl 9 tos 0xb8"
	[er62]="ip6erspan $from6 seq key 1023 erspan_ver 1 erspan 1048575"
	[er63]="ip6erspan $from6 seq key 0 erspan_ver 2 erspan_dir ingress erspan_hwid 63"
	[er63n]="ip6erspan $from6 seq key 41 erspan_ver 2 erspan_dir egress erspan_hwid 0 encaplimit none"
	[gre]="gretap $from"
	[grek]="gretap $from key 77 seq csum"
	[gre6]="ip6gretap $from6 key 78"
	[vx]="vxlan $from id 5000 dstport 4789 udpcsum"
	[vx6]="vxlan $from6 id 16777215 dstport 4789"
)
declare -A says=(
	[er1]="kind=erspan1,outer_src=10.9.0.1"
	[er2]="kind=erspan2,outer_src=10.9.0.1,session=30,index=123,en=0,vlan=0,truncated=false"
	[er3]="kind=erspan3,outer_src=10.9.0.1,session=31,hwid=17,direction=egress,gra=0,p=1,o=0,ft=0,ttl=9,tos=184,truncated=false"
	[er62]="kind=erspan2,outer_src=fd09::1,session=1023,index=1048575,en=0,truncated=false"
	[er63]="kind=erspan3,outer_src=fd09::1,session=0,hwid=63,direction=ingress,truncated=false"
	[er63n]="kind=erspan3,outer_src=fd09::1,session=41,hwid=0,direction=egress,truncated=false"
	[gre]="kind=gre,outer_src=10.9.0.1,key=none"
	[grek]="kind=gre,outer_src=10.9.0.1,key=77"
	[gre6]="kind=gre,outer_src=fd09::1,key=78"
	[vx]="kind=vxlan,outer_src=10.9.0.1,vni=5000"
	[vx6]="kind=vxlan,outer_src=fd09::1,vni=16777215"
)
names=("${!device[@]}")
each=12 many=300 numbered=6 captures=() expected=() # frames through each device
tunnels='ip proto 47 or ip6 proto 47 or ip6 proto 60 or udp port 4789'

# Frames to an address that never answers; each device has a network of its own.
make_devices() {
	local name number=0
	for name in "${names[@]}"; do
		number=$((number + 1))
		echo "ip link add $name type ${device[$name]}"
		echo "ip link set $name mtu 5000 up"
		echo "ip address add 10.30.$number.1/24 dev $name"
		echo "ip neigh replace 10.30.$number.2 lladdr 02:00:00:00:0e:02 dev $name"
	done | inside || fail "the guest refuses"
}

# ping_each SCRIPT: at once for every device, with its name and number as $name and $number; "pinged COUNT ARGUMENT..." sends exactly so
# many.
ping_each() {
	local number=0 name
	{
		cat <<-'END'
			pinged() {
				ping -q -c "$@" 10.30.$number.2 >/tmp/ping.$number || true
				grep -q "^$1 packets transmitted" /tmp/ping.$number
			}
		END
		for name in "${names[@]}"; do
			number=$((number + 1))
			echo "{ name=$name number=$number; $1; echo sent >/tmp/sent.$number; } &"
		done
		echo "wait; [ \$(cat /tmp/sent.* | wc -l) = $number ]; rm /tmp/sent.*"
	} | inside || fail "the pings themselves"
}

pings() {
	ping_each 'for size in 0 56 1400 4000; do pinged 3 -i 0.01 -W 0.01 -s $size; done'
}

# Through the devices that number what they send: more than a collector may take for late.
many_pings() {
	ping_each "case \$name in er1 | gre | gre6 | vx*) ;; *) pinged $many -i 0.002 -W 0.01 ;; esac"
}

# What was sent before has arrived when this returns.
arrived() {
	inside "ping -q -c 1 -W 20 10.9.0.2 >/dev/null" || fail "the wire to the collector"
}

# start NAME...: captures in the guest, at our end of the wire, and the collector.
start() {
	inside_captures "$@"
	capture col c0 outer -Q in "$tunnels"
	collect --clsact # XDP takes packets before a capture could see them
}

# stop [COUNTER=NUMBER...]: everything that start() started.
stop() {
	arrived
	end_collect lost=0 late=0 duplicate=0 "$@"
	end_capture outer
	"$here/collected.py" recording "$work/collect.out" "$work/collected.pcapng" || wrong "the recording"
}

echo "-- every device, $each frames each"
make_devices
for name in "${names[@]}"; do captures+=("$name $name -Q out"); done
start "${captures[@]}"
pings
stop written=$((each * ${#names[@]})) restarted=0
end_inside_captures "${names[@]}"
for name in "${names[@]}"; do
	expected+=("$each:${says[$name]}")
	references=${references:-}+$work/$name.pcap
done
fields "$work/outer.pcap" "${expected[@]}"
compare same "${references#+}" "$work/collected.pcapng"

echo "-- the same devices made anew: their sequence numbers start again, and not a frame is lost for it"
collect
many_pings
inside "for name in ${names[*]}; do ip link del \$name; done"
make_devices
pings
arrived
end_collect written=$((many * numbered + each * ${#names[@]})) lost=0 late=0 duplicate=0
restarted=$(jq '[.sessions[] | select(.restarted == 1)] | length' "$work/collect.out")
equal "sessions that started again" $numbered "$restarted"

# The bytes that arrive are wrong, whatever the two kernels have agreed on: refused by name, and nothing else is.
echo "-- GRE checksums that are left to a network card without such a thing"
unfinished=12
inside "ethtool -K u0 tx on >/dev/null"
collect
pings
arrived
end_collect written=$((each * ${#names[@]} - unfinished)) lost=0 late=0 duplicate=0 gre_checksum=$unfinished
inside "ethtool -K u0 tx off >/dev/null"

echo "-- VLAN tags"
inside <<END
for name in er2 er63; do
	ip link add link \$name name \$name.v type vlan id 100 egress-qos-map 0:5
	ip link set \$name.v up
done
ip address add 10.31.1.1/24 dev er2.v
ip address add 10.31.2.1/24 dev er63.v
ip neigh replace 10.31.1.2 lladdr 02:00:00:00:0e:02 dev er2.v
ip neigh replace 10.31.2.2 lladdr 02:00:00:00:0e:02 dev er63.v
END
start "er2 er2 -Q out" "er63 er63 -Q out"
inside "for net in 1 2; do ping -q -c 5 -i 0.01 -W 0.01 10.31.\$net.2 >/dev/null || true; done"
stop written=10 restarted=0
end_inside_captures er2 er63
fields "$work/outer.pcap" "5:kind=erspan2,session=30,vlan=100,en=3,inner_vlans=[100]" "5:kind=erspan3,session=0,vlan=100,inner_vlans=[100]"
compare same "$work/er2.pcap+$work/er63.pcap" "$work/collected.pcapng"

echo "-- tc mirred: what one interface receives to Type II over IPv4, what it sends to Type III over IPv6"
inside <<END
ip netns add h
ip netns exec h /bin/sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip link add m0 address 02:00:00:00:40:01 type veth peer name m1 address 02:00:00:00:40:02 netns h
ip link set m0 up
ip -n h link set m1 up
ethtool -K m0 tx off tso off gso off gro off >/dev/null
ip netns exec h /bin/ethtool -K m1 tx off tso off gso off gro off >/dev/null
ip address add 10.40.0.1/24 dev m0
ip -n h address add 10.40.0.2/24 dev m1
ip neigh replace 10.40.0.2 lladdr 02:00:00:00:40:02 dev m0
ip -n h neigh replace 10.40.0.1 lladdr 02:00:00:00:40:01 dev m1
tc qdisc add dev m0 clsact
tc filter add dev m0 ingress matchall action mirred egress mirror dev er2
tc filter add dev m0 egress matchall action mirred egress mirror dev er63
dd if=/dev/urandom of=/tmp/data bs=1000 count=100 2>/dev/null
END

transfer() {
	inside <<-END || fail "the transfer itself"
		rm -f /tmp/got
		ip netns exec h /bin/nc -l -p 5001 <>/tmp/silent >/tmp/got &
		until ip netns exec h /bin/grep -q ':1389 ' /proc/net/tcp /proc/net/tcp6; do sleep 0.05; done
		nc 10.40.0.2 5001 </tmp/data
		wait
		cmp /tmp/data /tmp/got
		ping -q -c 5 -i 0.01 -W 2 10.40.0.2 >/dev/null
	END
}

start "m0 received -Q in" "m0 sent -Q out"
transfer
stop restarted=0
end_inside_captures received sent
compare same "$work/received.pcap" "erspan2@$work/collected.pcapng"
compare same "$work/sent.pcap" "erspan3@$work/collected.pcapng"
fields "$work/outer.pcap"

if is_older "$1" 6.1.192; then
	echo "-- no devices that cut: this driver, of before 6.1.192, cuts elsewhere"
	finish
	exit
fi

echo "-- tc mirred to devices with an MTU of 1000, which cut"
inside <<END
tc qdisc del dev m0 clsact
tc qdisc add dev m0 clsact
tc filter add dev m0 ingress matchall action mirred egress mirror dev er2
tc filter add dev m0 egress matchall action mirred egress mirror dev er63n
ip link set er2 mtu 1000
ip link set er63n mtu 1000
END
start "m0 received -Q in" "m0 sent -Q out"
transfer
stop restarted=0
end_inside_captures received sent
compare cut "$work/received.pcap+$work/sent.pcap" "$work/outer.pcap" 1014
compare same "erspan:$work/outer.pcap" "$work/collected.pcapng"
cut=$("$FARSPAN" decode -r "$work/outer.pcap" --json | jq -s '[.[] | select(.truncated)] | length')
equal "frames that are marked as cut" "$cut" "$(jq '[.sessions[].truncated] | add' "$work/collect.out")"
finish
