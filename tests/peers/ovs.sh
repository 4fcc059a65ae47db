# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Open vSwitch with its userspace datapath, as a peer: needs nothing of the kernel but veth pairs. On top of tests/peers/lib.sh.
#
#     sw:  br-phy 10.9.0.1, fd09::1 [ u0 ] ---- c0  col   10.9.0.2, fd09::2      the switch's address is that of br-phy
#          br-int [ p1, tunnel ports ]
#               |
#               h1  host
#
# Ports of br-int forward what the test's flows say, and nothing else.

# shellcheck source=tests/peers/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
ports=()

vsctl() {
	ovs-vsctl --db="unix:$work/ovs/db.sock" "$@"
}

ofctl() {
	at sw ovs-ofctl -O OpenFlow15 "$@"
}

# start_ovs COLLECTOR-NAMESPACE: the topology above, with the other end of the underlay there.
start_ovs() {
	command -v ovs-vswitchd >/dev/null || skip "no ovs-vswitchd"
	export OVS_RUNDIR=$work/ovs OVS_LOGDIR=$work/ovs OVS_DBDIR=$work/ovs OVS_SYSCONFDIR=$work/ovs
	mkdir "$work/ovs"
	namespace sw host
	wire sw u0 $mac_u "$1" c0 $mac_c 9216
	wire sw p1 $mac_s0 host h1 $mac_a 9000
	local end
	for end in "sw u0" "sw p1" "$1 c0" "host h1"; do
		# shellcheck disable=SC2086 # namespace and interface
		offload $end tx off tso off gro off
	done
	ovsdb-tool create "$work/ovs/conf.db" /usr/share/openvswitch/vswitch.ovsschema
	spawn ovsdb ovsdb-server "$work/ovs/conf.db" --remote="punix:$work/ovs/db.sock" --unixctl="$work/ovs/db.ctl" --log-file="$work/ovs/db.log"
	until_true 10 "ovsdb-server" vsctl --no-wait init
	spawn vswitchd nsenter --net="/run/netns/${prefix}sw" ovs-vswitchd "unix:$work/ovs/db.sock" --unixctl="$work/ovs/switch.ctl" \
		--log-file="$work/ovs/switch.log" --disable-system
	vsctl --timeout=20 add-br br-phy -- set bridge br-phy datapath_type=netdev other_config:hwaddr="$mac_u" -- add-port br-phy u0 \
		-- set interface br-phy mtu_request=9216 -- set interface u0 mtu_request=9216 ||
		fail "Open vSwitch does not start: $(tail -n 5 "$work/ovs/switch.log")"
	vsctl --timeout=20 add-br br-int -- set bridge br-int datapath_type=netdev fail-mode=secure -- add-port br-int p1 \
		-- set interface p1 mtu_request=9000
	ip -n ${prefix}sw link set br-phy mtu 9216 up
	addresses sw br-phy 10.9.0.1/24 fd09::1/64
	addresses "$1" c0 10.9.0.2/24 fd09::2/64
	neighbour "$1" c0 10.9.0.1 $mac_u
	neighbour "$1" c0 fd09::1 $mac_u
	local address
	for address in 10.9.0.2 fd09::2; do
		at sw ovs-appctl -t "$work/ovs/switch.ctl" tnl/neigh/set br-phy $address $mac_c >/dev/null || fail "the switch's neighbour $address"
	done
}

# port NAME TYPE OPTION=VALUE...: a tunnel port of br-int.
port() {
	local name=$1 type=$2 options=()
	shift 2
	for option in "$@"; do options+=("options:$option"); done
	vsctl --timeout=20 add-port br-int "$name" -- set interface "$name" type="$type" "${options[@]}"
	ports+=("$name")
}

# trunk NAMESPACE: its c2 is wired to port p2 of br-int
trunk() {
	wire sw p2 02:00:00:00:05:12 "$1" c2 02:00:00:00:05:22 9000
	offload sw p2 tx off tso off gro off
	offload "$1" c2 tx off tso off gro off
	vsctl --timeout=20 add-port br-int p2 -- set interface p2 mtu_request=9000
}

# flow FLOW...
flow() {
	local one
	for one in "$@"; do ofctl add-flow br-int "$one" || fail "the switch refuses $one"; done
}

# What the datapath has learnt of flows and mirrors as they were goes, its counts into those of the flows.
forget_flows() {
	at sw ovs-appctl -t "$work/ovs/switch.ctl" revalidator/purge
}

# hits MATCH: packets that the flow with that text has counted; the counts of the datapath included.
hits() {
	forget_flows
	ofctl --names dump-flows br-int | grep -F -- "$1" | sed -n 's/.*n_packets=\([0-9]*\).*/\1/p'
}
