#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The switch that sends mirror traffic gets no ICMP error from a host that collects it, and does get them from the same host without: about
# packets that nobody takes, and about fragments that others do not follow.
#
#     tap  u0 ---- c0  col
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

uplink_topology
"$here/make_outer.py" "$work" $mac_u $mac_c 10.9.0.1 10.9.0.2 fd09::1 fd09::2
"$here/make_many.py" first "$work/first.pcap" $mac_u $mac_c 10.9.0.1 10.9.0.2 fd09::1 fd09::2
# Fragments are given up after a second, and errors are not rationed.
at col sysctl -qw net.ipv4.ipfrag_time=1 net.ipv6.ip6frag_time=1 net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
unreachable='icmp.type == 3 || icmpv6.type == 1 || icmpv6.type == 4'
exceeded='icmp.type == 11 || icmpv6.type == 3'

errors() {
	tshark -n -r "$work/answers.pcap" -Y "$1" 2>/dev/null | wc -l
}

# How many packets the host of the collector has given up for want of fragments.
given_up() {
	at col cat /proc/net/snmp /proc/net/snmp6 | awk '/^Ip:/ && !n { for (n = 1; n < NF && $n != "ReasmTimeout"; n++); next }
		/^Ip:/ { sum += $n } /^Ip6ReasmTimeout/ { sum += $2 } END { print sum + 0 }'
}

gave_up() {
	[ "$(given_up)" -ge "$1" ]
}

some_exceeded() {
	[ "$(errors "$exceeded")" -ge 2 ]
}

echo "-- nobody collects"
capture tap u0 answers -Q in
send_to_collector "$work/outer.pcap"
send_to_collector "$work/first.pcap"
until_true 20 "errors about the fragments" some_exceeded
end_capture answers
[ "$(errors "$unreachable")" -gt 0 ] || wrong "without a collector there are no ICMP errors either: this test shows nothing"

for way in "" --clsact; do
	echo "-- collected, ${way:-best way}"
	gone=$(given_up)
	capture tap u0 answers -Q in
	# shellcheck disable=SC2086 # nothing, or an option
	collect $way
	send_to_collector "$work/outer.pcap"
	send_to_collector "$work/first.pcap"
	until_true 20 "the fragments to be given up" gave_up $((gone + 2))
	# And others' errors leave: this one about a packet to a port that nobody has.
	at tap bash -c 'echo x >/dev/udp/10.9.0.2/9'
	until_true 20 "the error about a closed port" sh -c "[ \$(tcpdump -n -r '$work/answers.pcap' 'icmp[0] == 3' 2>/dev/null | wc -l) = 1 ]"
	end_collect
	end_capture answers
	equal "ICMP errors while collecting" 1 "$(errors "$unreachable || $exceeded")"
done
finish
