# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# What the tests with real peers share: guests with kernels of Debian, and comparing what their fields say. On top of tests/net/lib.sh.
#
# A guest is a machine under software emulation. Its interfaces are wired to interfaces of the test's namespaces, so that the same tools
# send to it and capture what it sends. Commands go over an interface of its own, never over the wires under test.

peers=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/net/lib.sh
. "$peers/../net/lib.sh"
guests=$peers/../../cache/guests
programs=("$FARSPAN") # what a guest has besides its own tools
machine=()            # more options for QEMU

# is_older KERNEL VERSION: whether the guest with that kernel has one from before that version, as the packages of the first months have
is_older() {
	local version
	version=$(readlink "$guests/$1" | sed 's/^[^_]*_//; s/-.*//')
	[ "$version" != "$2" ] && printf '%s\n' "$version" "$2" | sort -V -C
}

# boot VERSION IFACE=NAMESPACE/IFACE...: a guest whose IFACE is wired to the one named behind it, which is made. Ready when this returns.
boot() {
	local image=$guests/$1 devices=() names=control number=0 wire why
	why=$(cat "$image.why" 2>/dev/null) || why="tests/peers/guest/fetch has not been run"
	[ -e "$image/vmlinuz" ] || skip "no kernel $1 for a guest: $why"
	command -v qemu-system-x86_64 >/dev/null || skip "no qemu-system-x86_64"
	[ -c /dev/net/tun ] || skip "no /dev/net/tun, for the guest's interfaces"
	shift
	namespace guest
	device control
	for wire in "$@"; do
		names=$names,${wire%%=*}
		device "${wire%%=*}"
	done
	"$peers/guest/initramfs" --add "$work/programs.cpio" "${programs[@]}"
	cat "$image/initramfs" "$work/programs.cpio" >"$work/initramfs"
	spawn guest nsenter --net="/run/netns/${prefix}guest" qemu-system-x86_64 -M q35 -accel tcg -cpu max -smp 1 -m 384 -nodefaults -no-reboot \
		-display none -serial stdio -kernel "$image/vmlinuz" -initrd "$work/initramfs" "${machine[@]}" "${devices[@]}" \
		-append "console=ttyS0 panic=-1 mitigations=off nokaslr no_timer_check quiet guest.interfaces=$names"
	until_true 5 "the guest's interfaces" ip -n ${prefix}guest link show control
	for wire in "$@"; do
		until_true 5 "the guest's interfaces" ip -n ${prefix}guest link show "${wire%%=*}"
		move "${wire%%=*}" "${wire#*=}"
	done
	addresses guest control 192.0.2.1/30
	ip -n ${prefix}guest link set control up
	until_true 200 "the guest to be ready" said_or_dead guest "guest is ready"
	said guest "guest is ready" || fail "the guest does not start: $(cat "$work/guest.out" "$work/guest.err")"
	grep -ao 'guest is ready.*' "$work/guest.out"
}

# device NAME: one more network card; in boot() only.
device() {
	devices+=(-netdev "tap,id=$1,ifname=$1,script=no,downscript=no"
		-device "virtio-net-pci,netdev=$1,romfile=,mac=$(printf '02:0e:00:00:00:%02x' $number)")
	number=$((number + 1))
}

# move NAME NAMESPACE/IFACE: with room for what a sender is ahead of the slow guest
move() {
	local where=${2%/*} iface=${2#*/}
	ip -n ${prefix}guest link set "$1" netns "$prefix$where"
	ip -n "$prefix$where" link set "$1" name "$iface" txqueuelen 50000
}

# inside [SCRIPT]: runs SCRIPT, or what stands on standard input, in the guest. It ends with the first command that fails.
inside() {
	if [ $# -gt 0 ]; then
		printf '%s\n' "$1" | inside
	else
		at guest "$peers/guest/client.py" 192.0.2.2
	fi
}

# inside_captures "[NAMESPACE/]IFACE NAME [TCPDUMP-ARGUMENT...]"...: in the guest, running when this returns.
inside_captures() {
	local capture iface name enter
	for capture in "$@"; do
		read -r iface name capture <<<"$capture"
		enter=
		[ "$iface" = "${iface#*/}" ] || enter="nsenter --net=/run/netns/${iface%/*}"
		cat <<-END
			rm -f /tmp/$name.err # what an earlier one said
			$enter tcpdump -Z root -i ${iface#*/} -n -U --immediate-mode -s 9400 -B 4096 --time-stamp-precision=nano -w /tmp/$name.pcap $capture \
				>/tmp/$name.err 2>&1 &
			echo \$! >/tmp/$name.pid
		END
	done >"$work/script"
	for capture in "$@"; do
		read -r iface name capture <<<"$capture"
		cat <<-END
			until grep -qs 'listening on' /tmp/$name.err; do
				kill -0 \$(cat /tmp/$name.pid) || { cat /tmp/$name.err; exit 1; }
				sleep 0.02
			done
		END
	done >>"$work/script"
	inside <"$work/script" || fail "tcpdump in the guest"
}

# end_inside_captures NAME...: into $work/NAME.pcap, and what they hold is whole.
end_inside_captures() {
	local name
	inside <<-END || fail "tcpdump in the guest lost packets"
		for name in $*; do kill -INT \$(cat /tmp/\$name.pid); done
		for name in $*; do
			until grep -q 'dropped by kernel' /tmp/\$name.err; do sleep 0.02; done
			grep -q '^0 packets dropped by kernel' /tmp/\$name.err || { cat /tmp/\$name.err; exit 1; }
		done
	END
	for name in "$@"; do
		inside "cat /tmp/$name.pcap" >"$work/$name.pcap" || fail "the guest's capture $name"
	done
}

# inside_start NAME [--at NAMESPACE] ARGUMENT...: farspan in the guest; ready when this returns. Files as spawn() makes them, in the
# guest's /tmp.
inside_start() {
	local name=$1 enter=
	shift
	if [ "$1" = --at ]; then
		enter="nsenter --net=/run/netns/$2"
		shift 2
	fi
	inside <<-END || fail "$name in the guest"
		rm -f /tmp/$name.out /tmp/$name.err # what an earlier one said
		setsid $enter farspan $* >/tmp/$name.out 2>/tmp/$name.err </dev/null &
		echo \$! >/tmp/$name.pid
		until grep -qs '^farspan: [a-z]*ing ' /tmp/$name.err; do
			kill -0 \$! 2>/dev/null || { tail -n 8 /tmp/$name.err | cut -c 1-200; exit 1; }
			sleep 0.02
		done
	END
}

# inside_end NAME [SIGNAL]: waits; leaves what it said in $work.
inside_end() {
	local name=$1 suffix
	inside <<-END || wrong "$name does not end"
		kill -${2:-TERM} \$(cat /tmp/$name.pid)
		n=0
		while kill -0 \$(cat /tmp/$name.pid) 2>/dev/null; do n=\$((n + 1)); [ \$n -lt 500 ]; sleep 0.02; done
	END
	for suffix in out err; do inside "cat /tmp/$name.$suffix" >"$work/$name.$suffix"; done
}

fields() {
	"$peers/fields.py" "$@" || wrong "fields.py $*"
}

# guest_uplink NAMESPACE IFACE MAC IPV4 IPV6 GUEST-MAC GUEST-IPV4 GUEST-IPV6 [MTU]: the guest's u0 and what it is wired to get their
# addresses, and know each other. What the guest sends is finished, as on a real wire.
guest_uplink() {
	local mtu=${9:-9000}
	ip -n "$prefix$1" link set "$2" address "$3" mtu "$mtu" up
	addresses "$1" "$2" "$4/24" "$5/64"
	neighbour "$1" "$2" "$7" "$6"
	neighbour "$1" "$2" "$8" "$6"
	inside <<-END
		ip link set u0 address $6 mtu $mtu up
		ethtool -K u0 tx off tso off >/dev/null
		ip address add $7/24 dev u0
		ip address add $8/64 dev u0
		ip neigh replace $4 lladdr $3 dev u0 nud permanent
		ip neigh replace $5 lladdr $3 dev u0 nud permanent
		sysctl -qw net.ipv6.conf.default.disable_ipv6=1
	END
}

# has_vrf: whether there are VRFs in the guest; then red is one without interfaces
has_vrf() {
	inside "ip link add red type vrf table 101" >/dev/null && return
	echo "this guest was made without VRFs"
	return 1
}

# guest_uplink_in_vrf IPV6 PEER_MAC PEER_IPV4 PEER_IPV6: the guest's interface becomes one of the VRF blue, and has again what the kernel
# forgets then
guest_uplink_in_vrf() {
	inside <<-END
		ip link add blue type vrf table 100
		ip link set blue up
		ip link set u0 master blue
		ip address replace $1/64 dev u0 nodad
		ip neigh replace $3 lladdr $2 dev u0 nud permanent
		ip neigh replace $4 lladdr $2 dev u0 nud permanent
	END
}

# What a program of ours could leave in the guest, without what counts or ages; in $work/NAME.
inside_state() {
	inside <<-'END' >"$work/$1" || fail "the state of the guest: $(cat "$work/$1")"
		ip -d link show | grep -v ' control: ' | sed 's/ qlen .*//; s/ gc_timer.*//'
		ip address show | grep -o 'inet.*scope'
		ip netns list
		tc qdisc show
		for path in /sys/class/net/*/address; do # not what is no interface
			path=${path%/address}
			ethtool -k ${path##*/} 2>/dev/null
		done
		bpftool prog show | grep -c name || true
		bpftool map show | grep -c name || true
		bpftool link show | grep -c type || true
		grep -rs . /proc/sys/net/ipv4/conf /proc/sys/net/ipv6/conf
		find /sys/fs/bpf /run /tmp -path '*farspan*' | grep -v '^/tmp' || true
		ps -o args | grep '^farspan' || true
	END
}

inside_as_before() {
	inside_state after && cmp -s "$work/before" "$work/after"
}

# inside_nothing_left WHAT: the guest is as it was when inside_state said what was before. Where a process could not clean up itself,
# another does soon.
inside_nothing_left() {
	local rounds=25
	until inside_as_before; do
		rounds=$((rounds - 1))
		if [ $rounds = 0 ]; then
			wrong "left in the guest after: $1"
			diff "$work/before" "$work/after" || true
			return 0
		fi
	done
}

# count_is CAPTURE COUNT: that many frames are in it by now
count_is() {
	[ "$("$here/compare.py" count "$work/$1.pcap")" = "$2" ]
}
