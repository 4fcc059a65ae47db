#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Every field of every format as tshark reads it from what the mirror sends: those that are set on the command line, and those that are
# taken from the frame.
#
#     a ---- s0 [ bridge ] s1 ---- b         one ping from a to b: its request is rx at s0, its reply tx
#            u0 ---- col
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

bridge_topology 1500 1600
ifindex=$(ip -n ${prefix}tap -o link show s0 | cut -d: -f1)

outer4=(eth.src eth.dst eth.type ip.src ip.dst ip.ttl ip.dsfield ip.flags.df ip.flags.mf ip.proto ip.checksum.status)
outer6=(eth.src eth.dst eth.type ipv6.src ipv6.dst ipv6.hlim ipv6.tclass ipv6.nxt)
gre=(gre.flags_and_version gre.proto)
erspan2=(erspan.version erspan.vlan erspan.cos erspan.encap erspan.truncated erspan.spanid erspan.index)
erspan3=(erspan.version erspan.vlan erspan.cos erspan.bso erspan.truncated erspan.spanid erspan.sgt erspan.p erspan.ft erspan.hw
	erspan.direction erspan.gra erspan.o)

# taken TAGS DESTINATION: one ping; leaves the capture in "copies", the time before and after it in since_ns and until_ns.
taken() {
	tagged "$1"
	capture col c0 copies -Q in
	mirror tap -i s0 -d both -t "$2"
	since_ns=$(date +%s%N)
	at a ping -q -c 1 -Q 184 -W 20 10.1.0.2 >"$work/ping" || fail "the ping itself"
	until_ns=$(date +%s%N)
	fence a a0 copies
	end_mirror sent=3
	end_capture copies
}

# shown FIELD...: of request and reply, the outermost occurrence of each field, as tshark writes it
shown() {
	local field arguments=()
	for field in "$@"; do arguments+=(-e "$field"); done
	tshark -n -r "$work/copies.pcap" -o ip.check_checksum:TRUE -Y icmp -T fields -E separator=' ' -E occurrence=f "${arguments[@]}" 2>/dev/null
}

# is WHAT EXPECTED FIELD...
is() {
	local what=$1 expected=$2
	shift 2
	equal "$what" "$expected" "$(shown "$@")"
}

both() {
	printf '%s\n%s' "$1" "$1"
}

echo "-- defaults"
taken none erspan2:10.9.0.2
is "outer IPv4" "$(both "$mac_u $mac_c 0x0800 10.9.0.1 10.9.0.2 64 0x00 1 0 47 1")" "${outer4[@]}"
is "GRE" "$(both "0x1000 0x88be")" "${gre[@]}"
is "GRE sequence" $'0\n1' gre.sequence_number
is "Type II" "$(both "1 0 0 0 0 0 $ifindex")" "${erspan2[@]}"
taken none 'erspan3:[fd09::2]'
is "outer IPv6" "$(both "$mac_u $mac_c 0x86dd fd09::1 fd09::2 64 0x00000000 47")" "${outer6[@]}"
is "GRE" "$(both "0x1000 0x22eb")" "${gre[@]}"
is "GRE sequence" $'0\n1' gre.sequence_number
is "Type III" $'2 0 0 0 0 0 0 1 0 0 0 0 0\n2 0 0 0 0 0 0 1 0 0 1 0 0' "${erspan3[@]}"

echo "-- as set"
ip -n ${prefix}tap address add 10.9.0.77/32 dev u0
taken none erspan1:10.9.0.2,ttl=9,tos=184,local=10.9.0.77
is "outer IPv4" "$(both "$mac_u $mac_c 0x0800 10.9.0.77 10.9.0.2 9 0xb8 1 0 47 1")" "${outer4[@]}"
is "GRE" "$(both "0x0000 0x88be")" "${gre[@]}"
is "no ERSPAN header" "$(both " ")" erspan.version erspan.spanid
taken none 'erspan1:[fd09::2],ttl=255,tos=255'
is "outer IPv6" "$(both "$mac_u $mac_c 0x86dd fd09::1 fd09::2 255 0x000000ff 47")" "${outer6[@]}"
taken none 'erspan2:[fd09::2],id=1023,index=1048575,ttl=1,tos=4,encaplimit=7'
is "outer IPv6" "$(both "$mac_u $mac_c 0x86dd fd09::1 fd09::2 1 0x00000004 60")" "${outer6[@]}"
is "encapsulation limit" "$(both "47 0x04 1 7")" ipv6.dstopts.nxt ipv6.opt.type ipv6.opt.length ipv6.opt.tel
is "Type II" "$(both "1 0 0 0 0 1023 1048575")" "${erspan2[@]}"
taken none erspan2:10.9.0.2,id=1,index=0
is "Type II" "$(both "1 0 0 0 0 1 0")" "${erspan2[@]}"
taken none erspan3:10.9.0.2,id=513,hwid=63,sgt=65535
is "Type III" $'2 0 0 0 0 513 65535 1 0 63 0 0 0\n2 0 0 0 0 513 65535 1 0 63 1 0 0' "${erspan3[@]}"

taken none 'erspan3:[fd09::2],tos=inherit,flowlabel=74565,platform=5,portid=9,switchid=77,direction=tx'
is "outer IPv6" "$(both "64 0x000000b8 0x012345")" ipv6.hlim ipv6.tclass ipv6.flow
is "platform 5" "$(both "1 2 1 5 77 9")" erspan.o erspan.gra erspan.direction erspan.platid erspan.pid5.switchid erspan.pid5.port_index
taken none erspan3:10.9.0.2,tos=inherit,platform=1,domainid=1234,portid=4000000000
is "outer IPv4" "$(both 0xb8)" ip.dsfield
is "platform 1" "$(both "1 1 1234 4000000000")" erspan.o erspan.platid erspan.pid1.vsmid erspan.pid1.port_index

echo "-- from the frame"
for kind in 2 3; do
	taken one erspan$kind:10.9.0.2,id=5
	is "VLAN and COS, one tag" "$(both "100 3")" erspan.vlan erspan.cos
	is "tag in place" "$(both "100 3")" vlan.id vlan.priority
	[ $kind = 3 ] || is "En" "$(both 3)" erspan.encap
	taken two erspan$kind:10.9.0.2,id=5
	is "VLAN and COS, two tags" "$(both "200 5")" erspan.vlan erspan.cos
	is "outer tag in place" "$(both "200 5")" ieee8021ad.id ieee8021ad.priority
	[ $kind = 3 ] || is "En" "$(both 3)" erspan.encap
done

echo "-- time"
# time UNIT-NS: both timestamps, of 32 bits, lie between those taken around the ping
time_between() {
	local stamp first=$((since_ns / $1 & 0xffffffff)) span=$(((until_ns - since_ns) / $1 + 1))
	for stamp in $(shown erspan.timestamp); do
		[ $(((stamp - first) & 0xffffffff)) -le $span ] || wrong "timestamp $stamp is not within $span of $first, in units of $1 ns"
	done
}
taken none erspan3:10.9.0.2
is "granularity" "$(both 0)" erspan.gra
time_between 100000
taken none erspan3:10.9.0.2,granularity=100ns
is "granularity" "$(both 1)" erspan.gra
time_between 100

# whole_between UNIT-NS UPPER-FIELD [UNITS]: the same of all 64 bits, of which the upper half counts so many units
whole_between() {
	local upper lower stamp units=${3:-$((1 << 32))}
	while read -r upper lower; do
		stamp=$((upper * units + lower))
		[ $stamp -ge $((since_ns / $1)) ] && [ $stamp -le $((until_ns / $1)) ] ||
			wrong "$upper and $lower are not between $since_ns and $until_ns ns, in units of $1 ns"
	done <<<"$(shown "$2" erspan.timestamp)"
}

echo "-- platform subheaders, and the whole time in them"
platform=(erspan.o erspan.gra erspan.platid)
taken none erspan3:10.9.0.2,platform=3
is "platform 3" "$(both "1 0 3 $ifindex")" "${platform[@]}" erspan.pid3.port_index
whole_between 100000 erspan.pid3.timestamp
taken none erspan3:10.9.0.2,platform=4
is "platform 4" "$(both "1 0 4")" "${platform[@]}"
time_between 100000
taken none erspan3:10.9.0.2,platform=6,switchid=1023,portid=65535
is "platform 6" "$(both "1 2 6 1023 65535")" "${platform[@]}" erspan.pid5.switchid erspan.pid5.port_index
whole_between 1 erspan.pid5.timestamp 1000000000
taken none erspan3:10.9.0.2,platform=7,portid=1048575
is "platform 7" "$(both "1 3 7 1048575")" "${platform[@]}" erspan.pid7.source_index
whole_between 1 erspan.pid7.timestamp
finish
