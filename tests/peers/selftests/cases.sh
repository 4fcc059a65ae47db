# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=dash
# The topologies and steps of the table in "rows", on a machine or in a guest: the shells of both know them. Namespaces h1, tap, h2 and h3
# are there, with $P in front of their names; $F is farspan, $W a directory.
#
#     h1  h1p ---- swp1 [ tap: br1 ] swp2 ---- h2p  h2        10.1.0.1 and 10.1.0.2; "source" is mirrored, as a rule swp1
#         h1q ---- swp5   swp3 ---- h3p  h3                   10.9.0.1 to 10.9.0.2, fd09::1 to fd09::2
#                         swp4 ---- h4p
#
# What is sent to the collector is captured in h3 and compared with the table afterwards. Each count of the table pings with a size of its
# own, by which the copies are told apart.

mac_h3=02:00:00:00:09:02
size=100 # of the next ping
mirrors='' tunnel='' case=''

on() {
	where=$1
	shift
	nsenter --net="/run/netns/$P$where" "$@"
}

# Links, addresses and routes of a namespace, one command a line.
batch() {
	/bin/ip -n "$P$1" -batch -
}

# until_so WHAT COMMAND...
until_so() {
	what=$1 rounds=400
	shift
	until "$@" >/dev/null 2>&1; do
		rounds=$((rounds - 1))
		[ $rounds -gt 0 ] || stop "$case: waited in vain for $what: $(for name in $mirrors; do cat "$W/$name.err"; done)"
		sleep 0.05
	done
}

stop() {
	echo "FAILED: $*"
	exit 1
}

setup() {
	batch tap <<-END
		link add swp1 type veth peer name h1p address 02:00:00:00:0a:01 netns ${P}h1
		link add swp5 type veth peer name h1q address 02:00:00:00:0a:02 netns ${P}h1
		link add swp2 type veth peer name h2p address 02:00:00:00:0b:01 netns ${P}h2
		link add swp3 address 02:00:00:00:09:01 type veth peer name h3p address $mac_h3 netns ${P}h3
		link add swp4 type veth peer name h4p netns ${P}h3
	END
	on tap sh -c 'echo 1 >/proc/sys/net/ipv4/conf/all/arp_ignore' # the device below a macvlan would answer for it
	printf 'link set %s up\n' swp1 swp2 swp3 swp4 swp5 | batch tap
	printf 'link set %s up\n' h3p h4p | batch h3
}

# As if it were new: what a topology made goes.
reset() {
	end
	if [ -n "$tunnel" ]; then
		on tap "$F" tunnel del ours
		/bin/ip -n "${P}h3" link del theirs
		tunnel=
	fi
	for name in tap h1 h2 h3; do
		/bin/ip -n "$P$name" -o -d link show | awk '/ (bridge|bond|team|vlan|macvlan) / { print "link del", $2 }' |
			sed 's/[@:].*//' |
			/bin/ip -n "$P$name" -force -batch - 2>/dev/null || true
	done
	batch tap <<-END
		address flush dev swp1
		address flush dev swp3
		address flush dev swp4
		neighbour flush all
		neighbour flush nud permanent
		link set swp1 up
		link set swp3 up
		link set swp4 up
		link set swp5 up
		link add br1 address 02:00:00:00:05:03 type bridge mcast_snooping 0
		link set swp1 master br1
		link set swp2 master br1
		link set br1 up
	END
	batch h1 <<-END
		neighbour flush all
		link set h1q down
		address flush dev h1p
		address add 10.1.0.1/24 dev h1p
		link set h1p up
	END
	batch h2 <<-END
		neighbour flush all
		address flush dev h2p
		address add 10.1.0.2/24 dev h2p
		address add 10.1.0.22/24 dev h2p
		link set h2p up
	END
	batch h3 <<-END
		address flush dev h3p
		neighbour flush all
		link set h3p address $mac_h3 up
		link set h4p up
	END
	sources="-i swp1" remote4=10.9.0.2 remote6=fd09::2 keys='' keys4='' keys6='' filter='' versions='4 6'
	from=h1 to=h2 from_address=10.1.0.1 to_address=10.1.0.2
}

# underlay IFACE-OF-TAP IFACE-OF-H3
underlay() {
	batch tap <<-END
		link set $1 up
		address add 10.9.0.1/24 dev $1
		address add fd09::1/64 dev $1 nodad
	END
	batch h3 <<-END
		link set $2 up
		address add 10.9.0.2/24 dev $2
		address add fd09::2/64 dev $2 nodad
	END
}

# ---- mirrors ----

# mirror NAME DIRECTION DESTINATION...
mirror() {
	name=$1 direction=$2
	shift 2
	rm -f "$W/$name.err"
	# shellcheck disable=SC2086 # several sources
	nsenter --net="/run/netns/${P}tap" "$F" mirror -q --wait $sources -d "$direction" "$@" ${filter:+"$filter"} \
		>"$W/$name.out" 2>"$W/$name.err" </dev/null &
	echo $! >"$W/$name.pid"
	mirrors="$mirrors $name"
}

started() {
	for name in $mirrors; do
		kill -0 "$(cat "$W/$name.pid")" || return 1
		grep -qs 'farspan: mirroring' "$W/$name.err" || return 1
	done
}

await_mirrors() {
	until_so "the mirrors" started
}

# end [NAME...]: of all if none is named
end() {
	# shellcheck disable=SC2048 # names are words
	for name in ${*:-$mirrors}; do
		kill -TERM "$(cat "$W/$name.pid")"
		wait "$(cat "$W/$name.pid")" || stop "mirror $name: $(cat "$W/$name.err")"
		mirrors=$(for other in $mirrors; do [ "$other" = "$name" ] || echo "$other"; done)
	done
}

# Both directions to both addresses; Type III tells the directions apart.
mirror_both() {
	mirror both both -t "erspan3:$remote4,id=1$keys$keys4" -t "erspan3:[$remote6],id=1$keys$keys6"
	await_mirrors
}

# ways COUNT: so many destinations of each mirror have a way by now
ways() {
	for name in $mirrors; do
		[ "$(awk '/: mirroring / { n = 0 } / -> / { n++ } END { print n + 0 }' "$W/$name.err")" = "$1" ] || return 1
	done
}

await_ways() {
	until_so "$1 destinations to have a way" ways "$1"
}

# ---- steps ----

# pinged NAMESPACE ADDRESS OF-ADDRESS SIZE
pinged() {
	on "$1" /bin/ping -q -c 10 -i 0.002 -W 20 -I "$2" -s "$4" "$3" >"$W/ping" || stop "the pings themselves: $(cat "$W/ping")"
}

# arrived EXPECTED: what was sent before has arrived at the collector; where copies are expected, there is a way for pings too
arrived() {
	case $1 in
	0*) ;;
	*) [ "$versions" = 0 ] || on tap /bin/ping -q -c 1 -W 20 $remote4 >"$W/ping" || stop "the way to the collector: $(cat "$W/ping")" ;;
	esac
}

# restored: what was in the way of the copies is gone; what that did to the neighbours is over when this returns.
restored() {
	on tap /bin/ping -q -c 1 -W 20 $remote4 >"$W/ping" || stop "the way back: $(cat "$W/ping")"
	on tap /bin/ping -q -c 1 -W 20 $remote6 >"$W/ping" || stop "the way back: $(cat "$W/ping")"
	await_ways 2
}

# count EXPECTED: told to whoever compares, with the size of the pings from "from"; those from "to" are one byte longer
count() {
	echo "count|$case|$size|$1|$versions|$to"
	pinged $from $from_address $to_address $size
	pinged $to $to_address $from_address $((size + 1))
	arrived "$1"
	size=$((size + 2))
}

step_end() { end; }

step_end_ipv4() { end ipv4; }

step_end_ipv6() { end ipv6; }

step_ttl() {
	end
	keys=,ttl=$1
	mirror_both
}

step_remote() {
	end
	remote4=${1%+*} remote6=${1#*+}
	mirror_both
}

step_uplink_down() {
	/bin/ip -n "${P}tap" link set swp3 down
	await_ways 0
}

step_uplink_up() {
	batch tap <<-END
		link set swp3 up
		address replace fd09::1/64 dev swp3 nodad
	END
	await_ways 2
}

step_route_del() {
	batch tap <<-END
		route del 10.8.0.0/24
		route del fd08::/64
	END
	await_ways 0
}

step_route_add() {
	batch tap <<-END
		route replace 10.8.0.0/24 via 10.9.0.2
		route replace fd08::/64 via fd09::2
	END
	await_ways 2
}

step_other_host() { to_address=10.1.0.22; }

step_this_host() { to_address=10.1.0.2; }

step_neighbour_del() {
	batch tap <<-END
		neighbour del 10.9.0.2 dev swp3
		neighbour del fd09::2 dev swp3
	END
}

# A port of the bridge on the way to the collector: disabled, forwarding
step_port() {
	case $1 in
	disabled) bridge -n "${P}tap" link set dev swp3 state 0 ;;
	forwarding)
		bridge -n "${P}tap" link set dev swp3 state 3
		restored
		;;
	esac
}

# member_is IFACE-OF-TAP IFACE-OF-H3: what the bonds of both ends send on
member_is() {
	/bin/ip -n "${P}tap" -d link show lag | grep -q "active_slave $1 " && /bin/ip -n "${P}h3" -d link show hlag | grep -q "active_slave $2 "
}

step_slave_down() {
	/bin/ip -n "${P}tap" link set "$1" down
	case $1 in
	swp3) until_so "the second member" member_is swp4 h4p ;;
	swp4) until_so "the first member" member_is swp3 h3p ;;
	esac
}

step_slave_up() {
	/bin/ip -n "${P}tap" link set "$1" up
	until_so "$1 to be up" member_up "$1"
}

member_up() {
	/bin/ip -n "${P}tap" -d link show "$1" | grep -q 'mii_status UP'
}

# members_in_use NAMESPACE IFACE...: those that send and receive, as LACP has it
members_in_use() {
	place=$1
	shift
	for member in "$@"; do /bin/ip -n "$P$place" -d link show "$member"; done | grep -c 'ad_actor_oper_port_state 63 '
}

# aggregated COUNT: so many members are in use at both ends
aggregated() {
	[ "$(members_in_use tap swp3 swp4)$(members_in_use h3 h3p h4p)" = "$1$1" ]
}

step_lacp_down() {
	/bin/ip -n "${P}tap" link set "$1" down
	until_so "one member" aggregated 1
}

step_lacp_up() {
	/bin/ip -n "${P}tap" link set "$1" up
	until_so "both members" aggregated 2
}

step_cpu_del() { bridge -n "${P}tap" vlan del dev br1 vid 555 self; }

step_cpu_add() {
	bridge -n "${P}tap" vlan add dev br1 vid 555 self
	restored
}

step_egress_del() { bridge -n "${P}tap" vlan del dev swp3 vid 555; }

step_egress_add() {
	bridge -n "${P}tap" vlan add dev swp3 vid 555
	restored
}

step_egress_untagged() {
	bridge -n "${P}tap" vlan add dev swp3 vid 555 pvid untagged
}

# Sticky: whatever the collector itself sends teaches the bridge nothing else.
step_roam() {
	bridge -n "${P}tap" vlan add dev "$1" vid 555
	bridge -n "${P}tap" fdb replace $mac_h3 dev "$1" vlan 555 master static sticky
	[ "$1" != swp3 ] || restored
}

step_source_down() {
	/bin/ip -n "${P}tap" link set swp1 down
	until_so "the other member" other_member
}

other_member() {
	/bin/ip -n "${P}tap" -d link show agg | grep -q 'active_slave swp5 ' && /bin/ip -n "${P}h1" -d link show hagg | grep -q 'active_slave h1q '
}

# ---- topologies ----

topology_direct() {
	underlay swp3 h3p
	mirror_both
}

# The hosts know each other already: the first frame that is mirrored is a ping.
topology_first_packet() {
	on h1 /bin/ping -q -c 1 -W 20 10.1.0.2 >"$W/ping" || stop "the hosts themselves: $(cat "$W/ping")"
	topology_direct
}

# To each address by a mirror of its own.
topology_two_spans() {
	underlay swp3 h3p
	mirror ipv4 both -t "erspan3:$remote4,id=1"
	mirror ipv6 both -t "erspan3:[$remote6],id=1"
	await_mirrors
}

# The source address of the copies is none of the interface they leave by, which needs one of its own to ask for its neighbour.
topology_bound() {
	underlay swp3 h3p
	batch tap <<-END
		address add fe80::9:1/64 dev swp3 nodad
		address replace 10.9.5.1/32 dev lo
		address replace fd09:5::1/128 dev lo
	END
	keys4=,local=10.9.5.1,dev=swp3 keys6=,local=fd09:5::1,dev=swp3
	mirror_both
	await_ways 2
}

topology_bridge_1d() {
	batch tap <<-END
		link add br2 type bridge mcast_snooping 0
		link set swp3 master br2
	END
	underlay br2 h3p
	mirror_both
}

topology_bridge_1d_vlan() {
	batch tap <<-END
		link add br2 type bridge mcast_snooping 0
		link set swp3 master br2
		link set br2 up
		link add link br2 name br2.555 type vlan id 555
	END
	/bin/ip -n "${P}h3" link add link h3p name h3p.555 type vlan id 555
	underlay br2.555 h3p.555
	mirror_both
}

# port_555 PORT [FLAG...]: with br1 in that VLAN too
port_555() {
	port=$1
	shift
	bridge -n "${P}tap" vlan add dev "$port" vid 555 "$@"
	bridge -n "${P}tap" vlan add dev br1 vid 555 self
	/bin/ip -n "${P}tap" link add link br1 name br1.555 type vlan id 555
}

filter_vlans() {
	/bin/ip -n "${P}tap" link set br1 type bridge vlan_filtering 1
}

topology_bridge_1q() {
	filter_vlans
	/bin/ip -n "${P}tap" link set swp3 master br1
	port_555 swp3 pvid untagged
	underlay br1.555 h3p
	mirror_both
}

topology_vlan_bridge_1q() {
	filter_vlans
	/bin/ip -n "${P}tap" link set swp3 master br1
	port_555 swp3
	/bin/ip -n "${P}h3" link add link h3p name h3p.555 type vlan id 555
	underlay br1.555 h3p.555
	mirror_both
}

# first_member: both ends of the bonds send on their first members, whichever carrier came back first while they were made
first_member() {
	/bin/ip -n "${P}tap" link set lag type bond active_slave swp3
	/bin/ip -n "${P}h3" link set hlag type bond active_slave h3p
	member_is swp3 h3p
}

# bonds MODE: lag of swp3 and swp4, hlag of their other ends
bonds() {
	batch tap <<-END
		link set swp3 down
		link set swp4 down
		link add lag address 02:00:00:00:09:01 type bond mode $1 miimon 20 ${2:-}
		link set swp3 master lag
		link set swp4 master lag
		link set lag up
	END
	batch h3 <<-END
		link set h3p down
		link set h4p down
		link add hlag address $mac_h3 type bond mode $1 miimon 20 ${2:-}
		link set h3p master hlag
		link set h4p master hlag
		link set hlag up
	END
}

topology_bridge_1q_lag() {
	filter_vlans
	bonds active-backup
	/bin/ip -n "${P}tap" link set lag master br1
	port_555 lag pvid untagged
	underlay br1.555 hlag
	until_so "the first member" first_member
	mirror_both
}

topology_lag_lacp() {
	bonds 802.3ad 'lacp_rate fast'
	/bin/ip -n "${P}tap" link add link lag name lag.555 type vlan id 555
	/bin/ip -n "${P}h3" link add link hlag name hlag.555 type vlan id 555
	underlay lag.555 hlag.555
	until_so "both members" aggregated 2
	mirror_both
}

# The collector is behind h3.
topology_routed() {
	topology_no_nexthop
	step_route_add
}

topology_no_nexthop() {
	underlay swp3 h3p
	batch h3 <<-END
		address replace 10.8.0.1/32 dev lo
		address replace fd08::1/128 dev lo
	END
	printf 'route del 10.8.0.0/24\nroute del fd08::/64\n' | /bin/ip -n "${P}tap" -force -batch - 2>/dev/null || true
	remote4=10.8.0.1 remote6=fd08::1
	mirror_both
}

topology_filter() {
	filter='host 10.1.0.2'
	topology_direct
}

topology_bogus_neighbour() {
	underlay swp3 h3p
	batch tap <<-END
		neighbour replace 10.9.0.2 lladdr 00:11:22:33:44:55 dev swp3 nud permanent
		neighbour replace fd09::2 lladdr 00:11:22:33:44:55 dev swp3 nud permanent
	END
	mirror_both
}

# ends_in_vlan: h1 and h2 talk in VLAN 111, tagged by themselves
ends_in_vlan() {
	batch h1 <<-END
		link add link h1p name h1p.111 type vlan id 111
		address flush dev h1p
		address add 10.1.0.1/24 dev h1p.111
		link set h1p.111 up
	END
	batch h2 <<-END
		link add link h2p name h2p.111 type vlan id 111
		address flush dev h2p
		address add 10.1.0.2/24 dev h2p.111
		link set h2p.111 up
	END
}

topology_vlan_source() {
	underlay swp3 h3p
	ends_in_vlan
	batch tap <<-END
		link set swp1 nomaster
		link set swp2 nomaster
		link add link swp1 name swp1.111 type vlan id 111
		link add link swp2 name swp2.111 type vlan id 111
		link set swp1.111 master br1
		link set swp2.111 master br1
		link set swp1.111 up
		link set swp2.111 up
	END
	sources="-i swp1.111"
	mirror_both
}

# What a VLAN carries is told apart by its number: 551 for what the source receives, 552 for what it sends.
mirror_rspan() {
	versions=0
	mirror rx rx -t "$1"
	mirror tx tx -t "$2"
	await_mirrors
}

topology_rspan() {
	mirror_rspan vlan:swp3,id=551 vlan:swp3,id=552
}

topology_rspan_tagged() {
	ends_in_vlan
	mirror_rspan vlan:swp3,id=551 vlan:swp3,id=552
}

topology_vlan_device() {
	batch tap <<-END
		link add link swp3 name swp3.551 type vlan id 551
		link add link swp3 name swp3.552 type vlan id 552
		link set swp3.551 up
		link set swp3.552 up
	END
	mirror_rspan interface:swp3.551 interface:swp3.552
}

# ---- sources ----

# local_end IFACE: h1 talks to an address of tap itself
local_end() {
	/bin/ip -n "${P}tap" address add 10.1.0.3/24 dev "$1"
	to=tap to_address=10.1.0.3
}

topology_bridge_source() {
	underlay swp3 h3p
	local_end br1
	sources="-i br1"
	mirror_both
}

topology_macvlan_source() {
	underlay swp3 h3p
	batch tap <<-END
		link set swp1 nomaster
		link add link swp1 name mv type macvlan mode private
		link set mv up
	END
	local_end mv
	sources="-i mv"
	mirror_both
}

topology_vlan_local() {
	underlay swp3 h3p
	ends_in_vlan
	batch tap <<-END
		link set swp1 nomaster
		link add link swp1 name swp1.111 type vlan id 111
		link set swp1.111 up
	END
	local_end swp1.111
	sources="-i swp1.111"
	mirror_both
}

# aggregate TYPE: agg of swp1 and swp5, hagg of their other ends, up when this returns
aggregate() {
	batch tap <<-END
		link set swp1 nomaster
		link set swp1 down
		link set swp5 down
		link add agg type $1
	END
	batch h1 <<-END
		address flush dev h1p
		link set h1p down
		link set h1q down
		link add hagg type $1
	END
	if [ "$1" = team ]; then
		on tap teamnl agg setoption mode roundrobin
		on h1 teamnl hagg setoption mode roundrobin
	fi
	batch tap <<-END
		link set swp1 master agg
		link set swp5 master agg
		link set swp1 up
		link set swp5 up
		link set agg up
	END
	batch h1 <<-END
		link set h1p master hagg
		link set h1q master hagg
		link set h1p up
		link set h1q up
		link set hagg up
		address add 10.1.0.1/24 dev hagg
	END
	underlay swp3 h3p
	local_end agg
	sources="-i agg"
	until_so "agg to work" on h1 /bin/ping -q -c 1 -W 1 10.1.0.3
}

topology_bond_source() {
	aggregate "bond mode $1 miimon 20"
	mirror_both
}

topology_bond_and_members() {
	aggregate "bond mode balance-rr miimon 20"
	sources="-i swp1 -i agg -i swp5"
	mirror_both
}

topology_team_source() {
	aggregate team
	mirror_both
}

topology_team_and_members() {
	aggregate team
	sources="-i swp[15] -i agg"
	mirror_both
}

# ---- tunnel devices ----

# VERSION,TYPE: ours, named ours, to the kernel's, named theirs
topology_tunnel() {
	underlay swp3 h3p
	case $1 in
	4,*) addresses='10.9.0.1 10.9.0.2' kind=erspan ;;
	6,*) addresses='fd09::1 fd09::2' kind=ip6erspan ;;
	esac
	case $1 in
	*,1) version='erspan_ver 1 erspan 123' type=erspan2 ;;
	*,2) version='erspan_ver 2 erspan_dir egress erspan_hwid 7' type=erspan3 ;;
	esac
	# shellcheck disable=SC2086 # both addresses
	set -- $addresses
	batch h3 <<-END
		link add theirs type $kind local $2 remote $1 seq key 2 $version
		link set theirs mtu 1400 up
		address add 10.7.0.2/24 dev theirs
	END
	on tap "$F" tunnel add ours type $type local "$1" remote "$2" id 2 mtu 1400 >"$W/tunnel.out" 2>&1 || stop "$(cat "$W/tunnel.out")"
	tunnel=ours
	batch tap <<-END
		link set ours up
		address add 10.7.0.1/24 dev ours
	END
}

# Both ways; each asks for the other's address first.
step_ping() {
	on tap /bin/ping -q -c 10 -i 0.002 -W 20 -s "${1:-56}" 10.7.0.2 >"$W/ping" || stop "$case: pings: $(cat "$W/ping")"
	on h3 /bin/ping -q -c 10 -i 0.002 -W 20 -s "${1:-56}" 10.7.0.1 >"$W/ping" || stop "$case: pings: $(cat "$W/ping")"
	echo "pinged|$case"
}

# ---- all ----

# case NUMBER TOPOLOGY[=ARGUMENT] STEP...
last=none
run() {
	case=$1 topology=$2
	shift 2
	if [ "$topology" != "$last" ]; then
		reset
		argument=${topology#*=}
		"topology_${topology%%=*}" "$argument"
	fi
	last=$topology
	for step in "$@"; do
		case $step in
		[0-9]*) count "$step" ;;
		*=*) "step_${step%%=*}" "${step#*=}" ;;
		*) "step_$step" ;;
		esac
	done
}
