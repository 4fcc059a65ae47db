#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# "farspan collect" on other kernels: the guest is the collector. Then both ends in the guest, in namespaces with veth pairs, where the
# collector is a relay too; and the guest's interface in a VRF. What was recorded or relayed is what was sent, byte by byte; and whatever
# ends a collector, nothing of it stays.
#
#     tap  u0 ---- c0  guest         10.9.0.1, fd09::1 to 10.9.0.2, fd09::2
#
# usage: ours_collect.sh KERNEL [OPTION-OF-FARSPAN...]
# shellcheck source=tests/peers/lib.sh
. "$(dirname "$0")/lib.sh"

kernel=$1
way=${2:-}
namespace tap
boot "$kernel" u0=tap/u0
guest_uplink tap u0 $mac_u 10.9.0.1 fd09::1 $mac_c 10.9.0.2 fd09::2 1500
"$here/make_outer.py" "$work" $mac_u $mac_c 10.9.0.1 10.9.0.2 fd09::1 fd09::2
frames=$(("$("$here/compare.py" count "$work/inner.pcap")" + "$("$here/compare.py" count "$work/raw.pcap")"))
inside_state before

# stop_collect [COUNTER=NUMBER...]
stop_collect() {
	inside_end collect
	"$here/collected.py" counters "$work/collect.out" "$@" || wrong "the counters of the collector: $(cat "$work/collect.err")"
	inside 'cat /tmp/collected.pcapng; rm /tmp/collected.pcapng' >"$work/collected.pcapng"
	"$here/collected.py" recording "$work/collect.out" "$work/collected.pcapng" || wrong "the recording"
}

echo "-- $kernel ${way:-best way}: every format and option"
capture tap u0 answers -Q in
inside_start collect collect --json $way -w /tmp/collected.pcapng
send_to_collector "$work/outer.pcap"
stop_collect written=$frames lost=0 late=0 duplicate=0 restarted=0
end_capture answers
"$here/collected.py" refused "$work/collect.out" "$work/refused.json" || wrong "what was refused"
"$here/collected.py" sessions "$work/collect.out" "$work/sessions.json" || wrong "the sessions"
compare same "$work/inner.pcap+$work/raw.pcap" "$work/collected.pcapng"
# The guest's GRE module would answer what came in fragments, although we got it.
equal "ICMP errors" 0 "$(tshark -n -r "$work/answers.pcap" -Y 'icmp.type == 3 || icmpv6.type == 1 || icmpv6.type == 4' 2>/dev/null | wc -l)"

echo "-- $kernel ${way:-best way}: one session of one sender"
inside_start collect collect --json $way -f erspan:10.9.0.2,id=100,remote=10.9.0.0/30 -w /tmp/collected.pcapng
send_to_collector "$work/outer.pcap"
stop_collect written=3

for signal in INT KILL; do
	echo "-- $kernel ${way:-best way}: ended by $signal"
	inside_start collect collect $way -w /tmp/collected.pcapng
	inside_state while
	! cmp -s "$work/before" "$work/while" || wrong "a running collector shows nowhere"
	inside_end collect $signal
	inside_nothing_left "$signal"
done

echo "-- $kernel ${way:-best way}: both ends in the guest"
inside <<END
for name in a col; do
	ip netns add \$name
	ip netns exec \$name /bin/sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
	ip -n \$name link set lo up
done
ip link add s0 address $mac_s0 type veth peer name a0 address $mac_a netns a
ip link add g0 address 02:00:00:00:09:11 type veth peer name c0 address 02:00:00:00:09:12 netns col
for iface in s0 g0; do ip link set \$iface up; done
ip -n a link set a0 up
ip -n col link set c0 up
ip address add 10.1.0.3/24 dev s0
ip -n a address add 10.1.0.1/24 dev a0
ip address add 10.8.0.1/24 dev g0
ip -n col address add 10.8.0.2/24 dev c0
ip neigh replace 10.1.0.1 lladdr $mac_a dev s0 nud permanent
ip -n a neigh replace 10.1.0.3 lladdr $mac_s0 dev a0 nud permanent
ip neigh replace 10.8.0.2 lladdr 02:00:00:00:09:12 dev g0 nud permanent
ip -n col neigh replace 10.8.0.3 lladdr 02:00:00:00:09:11 dev c0 nud permanent # where the relay sends to: nobody, who does not answer
# What a wire would carry is finished, and cut into frames; what is mirrored at s0 is not.
ethtool -K s0 tx off tso off >/dev/null
ethtool -K g0 tx off tso off >/dev/null
ip netns exec a /bin/ethtool -K a0 tx off tso off gso off gro off >/dev/null
ip link set g0 mtu 9000
ip -n col link set c0 mtu 9000
dd if=/dev/urandom of=/tmp/data bs=1000 count=500 2>/dev/null
END
inside_state before
inside_captures "a/a0 at_a" "g0 relayed -Q in dst host 10.8.0.3"
inside_start collect --at col collect --json $way -w /tmp/collected.pcapng -t erspan3:10.8.0.3,id=9 -t erspan2:10.8.0.3,id=10,keep=seq
inside_start mirror mirror --json $way -i s0 -d both -t erspan2:10.8.0.2,id=7
inside <<END || fail "the traffic itself"
ip netns exec a /bin/nc -l -p 5001 <>/tmp/silent >/tmp/got &
until ip netns exec a /bin/grep -q ':1389 ' /proc/net/tcp /proc/net/tcp6; do sleep 0.05; done
nc 10.1.0.1 5001 </tmp/data
wait
cmp /tmp/data /tmp/got
for size in 0 1 56 1472 4000; do ping -q -c 10 -i 0.01 -W 20 -s \$size 10.1.0.1 | grep -q ' 10 received'; done
ping -q -c 1 -W 20 10.8.0.2 >/dev/null
END
inside_end mirror
stop_collect lost=0 late=0 duplicate=0
end_inside_captures at_a relayed
mirrored=$("$here/compare.py" count "$work/at_a.pcap")
[ "$mirrored" -ge 400 ] || wrong "only $mirrored frames"
"$here/counters.py" "$work/mirror.out" sent="$mirrored" || wrong "the counters of the mirror: $(cat "$work/mirror.err")"
"$here/collected.py" counters "$work/collect.out" written="$mirrored" || wrong "the counters of the collector"
compare same "$work/at_a.pcap" "$work/collected.pcapng"
compare checksums "$work/collected.pcapng"
compare same "$work/at_a.pcap+$work/at_a.pcap" "erspan:$work/relayed.pcap"
compare sequence "$work/relayed.pcap"
equal "what was relayed to each" "$mirrored $mirrored" "$(jq -r '[.destinations[].sent] | join(" ")' "$work/collect.out")"
inside_nothing_left "mirror and collector"

in_vrf() {
	guest_uplink_in_vrf fd09::2 "$mac_u" 10.9.0.1 fd09::1
}

if ! has_vrf; then
	finish
	exit
fi
echo "-- $kernel ${way:-best way}: a VRF, which goes and comes back"
in_vrf
inside_start collect collect --json $way "-f "{erspan,gre,vxlan,geneve,tzsp}":any,vrf=blue" -w /tmp/collected.pcapng
inside "ip link del blue"
inside "while bpftool link show | grep -q xdp || tc filter show dev u0 ingress | grep -q farspan; do sleep 0.1; done"
send_to_collector "$work/outer.pcap"
in_vrf
inside "until bpftool link show | grep -q xdp || tc filter show dev u0 ingress | grep -q farspan; do sleep 0.1; done"
send_to_collector "$work/outer.pcap"
stop_collect written=$frames lost=0 late=0 duplicate=0
compare same "$work/inner.pcap+$work/raw.pcap" "$work/collected.pcapng"
inside "! farspan collect -f erspan:any,vrf=red -w /tmp/x.pcapng" >"$work/err" || wrong "a VRF without interfaces was accepted"
grep -q "VRF 'red' has no Ethernet interface to collect from" "$work/err" || wrong "of an empty VRF it is said: $(cat "$work/err")"
finish
