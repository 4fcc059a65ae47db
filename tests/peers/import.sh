#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What users have set up with the kernel's own tunnel devices and classifiers becomes sessions that say the same.
#
#     guest  u0 ---- c0  col
#
# usage: import.sh KERNEL
# shellcheck source=tests/peers/lib.sh
. "$(dirname "$0")/lib.sh"

namespace col
boot "$1" u0=col/c0
guest_uplink col c0 $mac_c 10.9.0.2 fd09::2 $mac_u 10.9.0.1 fd09::1

inside <<-'END' || fail "the guest refuses"
	for name in p0 p1 p2 p3 p4; do ip link add $name type veth peer name x$name; ip link set $name up; done
	from="local 10.9.0.1 remote 10.9.0.2"
	ip link add er1 type erspan $from erspan_ver 0
	ip link add er2 type erspan $from seq key 30 erspan_ver 1 erspan 123
	ip link add er3 type ip6erspan local fd09::1 remote fd09::2 seq key 31 erspan_ver 2 erspan_dir egress erspan_hwid 17 ttl 9 \
		tclass 0x20 flowlabel 0x12345
	ip link add grek type gretap $from key 77 seq csum nopmtudisc fwmark 5
	ip link add in2 type erspan local 10.9.0.1 remote 10.9.0.7 seq key 40 erspan_ver 1
	ip link add any type erspan external
	for name in p0 p1 p2 p3; do tc qdisc add dev $name clsact; done
	tc filter add dev p0 ingress matchall action mirred egress mirror dev er2
	tc filter add dev p0 egress matchall action mirred egress mirror dev er2
	tc filter add dev p1 ingress protocol ip prio 1 flower ip_proto tcp dst_port 443 src_ip 10.1.0.0/16 action mirred egress mirror dev er3
	tc filter add dev p1 ingress protocol ip prio 2 flower ip_flags frag action mirred egress mirror dev er1
	tc filter add dev p2 egress matchall action mirred egress mirror dev grek action mirred egress mirror dev p4
	tc filter add dev p3 ingress protocol ipv6 flower dst_mac 02:00:00:00:00:01 action mirred egress mirror dev any
	mkdir /tmp/sessions
	farspan import /tmp/sessions >/tmp/files 2>/tmp/notes
	farspan check -q /tmp/sessions 2>/tmp/wrong
END
[ -z "$(inside 'cat /tmp/wrong')" ] || wrong "what is imported is not right: $(inside 'cat /tmp/wrong')"

# says NAME LINE...: the session NAME has exactly these lines, its description and what is empty aside.
says() {
	local name=$1 got
	shift
	got=$(inside "grep -v -e '^Description=' -e '^\$' /tmp/sessions/$name.session") || wrong "no session $name"
	[ "$got" = "$(printf '%s\n' "$@")" ] || wrong "$name says: $got"
}

says p0-er2 '[Session]' '[Source]' Interface=p0 \
	'[Destination]' Type=erspan2 Remote=10.9.0.2 SessionID=30 ERSPANIndex=123 Local=10.9.0.1
says p1-er3 '[Session]' 'Filter=ip and ip proto 6 and src net 10.1.0.0/16 and tcp dst port 443' '[Source]' Direction=rx Interface=p1 \
	'[Destination]' Type=erspan3 Remote=fd09::2 SessionID=31 ERSPANHardwareId=17 Local=fd09::1 TTL=9 \
	TOS=32 IPv6FlowLabel=74565 EncapsulationLimit=4
says p1-er1 '# What flower of priority 2 matches could not be said whole as a filter: see "tc filter show dev p1 ingress".' \
	'# tc may end at an earlier rule of p1; here each session sees every frame.' \
	'[Session]' Filter=ip '[Source]' Direction=rx Interface=p1 '[Destination]' Type=erspan1 Remote=10.9.0.2 Local=10.9.0.1
says p2-grek '[Session]' '[Source]' Direction=tx Interface=p2 '[Destination]' Type=gre Remote=10.9.0.2 Key=77 Sequence=yes \
	Checksum=yes Local=10.9.0.1 DontFragment=no FirewallMark=5
says p2-p4 '# tc may end at an earlier rule of p2; here each session sees every frame.' \
	'[Session]' '[Source]' Direction=tx Interface=p2 '[Destination]' Type=interface Interface=p4
says in2 '# Delete the device in2 first: this session makes one of that name.' '[Session]' \
	'[Source]' Type=erspan2 Local=10.9.0.1 SessionID=40 Remote=10.9.0.7 '[Destination]' Type=interface Interface=in2
equal "files" 6 "$(inside 'wc -l </tmp/files')"
notes=$(inside 'cat /tmp/notes')
case $notes in *'on p3, ingress, flower'*'(external)'*) ;; *) wrong "p3 is not told: $notes" ;; esac
finish
