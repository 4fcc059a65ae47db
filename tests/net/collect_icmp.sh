#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The switch that sends mirror traffic gets no ICMP error from a host that collects it, and does get them from the same host without.
#
#     tap  u0 ---- c0  col
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

uplink_topology
"$here/make_outer.py" "$work" $mac_u $mac_c 10.9.0.1 10.9.0.2 fd09::1 fd09::2

errors() {
	tshark -n -r "$work/answers.pcap" -Y 'icmp.type == 3 || icmpv6.type == 1 || icmpv6.type == 4' 2>/dev/null | wc -l
}

capture tap u0 answers -Q in
collect
send_to_collector "$work/outer.pcap"
send_to_collector "$work/outer.pcap"
end_collect
end_capture answers
equal "ICMP errors while collecting" 0 "$(errors)"

capture tap u0 answers -Q in
send_to_collector "$work/outer.pcap"
end_capture answers
[ "$(errors)" -gt 0 ] || wrong "without a collector there are no ICMP errors either: this test shows nothing"
finish
