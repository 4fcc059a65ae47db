# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# What the network tests share: namespaces, wires, captures, and farspan itself. Each test sources this file first.
#
# A test works in namespaces of its own and in the directory $work; both go away with it, however it ends. Nothing here waits for a time to
# pass: it waits for a condition, and gives up, failing the test, when that does not come about.
#
# Order of an exact test: captures on, mirror on, traffic, fence, mirror off, captures off, compare. A fence is a frame that is known to
# come last: when it is in a capture, everything before it is.

set -eu

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
FARSPAN=${FARSPAN:-farspan}
TAGS=${TAGS:-tags.bpf.o}
prefix=fst-$$-
work=$(mktemp -d "${TMPDIR:-/tmp}/farspan-net.XXXXXX")
namespaces=()
jobs_started=()
failures=0

fail() {
	echo "FAILED: $*" >&2
	exit 1
}

# Goes on, so that one run shows all that is wrong; finish() ends the test.
wrong() {
	echo "WRONG: $*" >&2
	failures=$((failures + 1))
}

skip() {
	echo "$*"
	exit 77
}

finish() {
	[ $failures = 0 ] || fail "$failures wrong"
}

# end_within SIGNAL: for whatever is left in the namespaces of the test; false when nothing is
end_within() {
	local name pids=
	for name in "${namespaces[@]}"; do pids+=" $(ip netns pids "$prefix$name" 2>/dev/null | paste -sd ' ')"; done
	# shellcheck disable=SC2086 # several, or none
	[ -n "${pids// /}" ] && { kill "-$1" $pids 2>/dev/null || true; }
}

# Whoever started them: a process that stays keeps the test's CPU from all others.
end_all_within() {
	local until=$((SECONDS + 5))
	while end_within TERM && [ $SECONDS -lt $until ]; do sleep 0.05; done
	end_within KILL || true
}

clean_up() {
	trap - EXIT INT TERM
	local pid name
	for pid in "${jobs_started[@]}"; do
		kill -9 "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	end_all_within
	for name in "${namespaces[@]}"; do
		[ ! -e "/run/netns/$prefix$name" ] || ip netns del "$prefix$name" || true
	done
	rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

[ "$(id -u)" = 0 ] || skip "needs root, for network namespaces"

# claim_cpu NAME: in $NAME a CPU that no other test keeps its traffic on while this one runs: the queue inside of veth pairs is one per CPU,
# whoever they belong to. There are as many tests at a time as CPUs.
claim_cpu() {
	local number lock
	while :; do
		for ((number = 0; number < $(nproc); number++)); do
			exec {lock}</sys/devices/system/cpu/cpu$number
			if flock -n $lock; then
				printf -v "$1" %s $number
				return
			fi
			exec {lock}<&-
		done
		sleep 0.1
	done
}
cpu=${FARSPAN_TEST_CPU:-}
[ -n "$cpu" ] || claim_cpu cpu
export FARSPAN_TEST_CPU=$cpu # of a test within a test

# until_true SECONDS WHAT COMMAND...: runs COMMAND every 20 ms until it succeeds. SECONDS are what an idle machine may need; on a busy one
# it may be slower, so nothing is given up within half a minute.
until_true() {
	local rounds=$((($1 > 30 ? $1 : 30) * 50)) what=$2
	shift 2
	until "$@" >/dev/null 2>&1; do
		rounds=$((rounds - 1))
		[ $rounds -gt 0 ] || fail "waited in vain for $what"
		sleep 0.02
	done
}

# equal WHAT EXPECTED GOT
equal() {
	[ "$2" = "$3" ] || wrong "$1: expected $2, got $3"
}

# namespace NAME...: quiet ones, where nothing is sent that the test did not ask for. TCP has a window of some super-packets, no more: a
# veth pair's queue takes a thousand frames for all pairs of a CPU together, and what is under way must fit it at every stage, or copies
# are lost on the wire behind the mirror.
namespace() {
	local name
	for name in "$@"; do
		namespaces+=("$name") # first: an interrupt may come at any time
		ip netns add "$prefix$name"
		at "$name" sysctl -qw net.ipv6.conf.all.accept_ra=0 net.ipv6.conf.default.accept_ra=0 net.ipv6.conf.default.router_solicitations=0 \
			net.ipv6.conf.default.dad_transmits=0 net.ipv6.conf.default.addr_gen_mode=1 \
			net.ipv6.conf.default.mldv2_unsolicited_report_interval=1 net.ipv4.tcp_rmem="4096 131072 262144"
		ip -n "$prefix$name" link set lo up
	done
}

# at NAMESPACE COMMAND...
at() {
	local name=$1
	shift
	nsenter --net="/run/netns/$prefix$name" "$@"
}

# wire NAMESPACE IFACE MAC NAMESPACE IFACE MAC [MTU]: a veth pair, up at both ends.
wire() {
	ip -n "$prefix$1" link add "$2" address "$3" type veth peer name "$5" address "$6" netns "$prefix$4"
	ip -n "$prefix$1" link set "$2" mtu "${7:-1500}" up
	ip -n "$prefix$4" link set "$5" mtu "${7:-1500}" up
	# The kernel takes its time to notice the carrier, and drops what is sent before.
	until_true 5 "$2 to be up" is_up "$1" "$2"
	until_true 5 "$5 to be up" is_up "$4" "$5"
}

is_up() {
	ip -n "$prefix$1" -o link show "$2" | grep -q 'qdisc noqueue .*state UP'
}

# offload NAMESPACE IFACE FEATURE on|off...
offload() {
	local name=$1
	shift
	at "$name" ethtool -K "$@" >/dev/null 2>&1 || fail "ethtool -K $*"
}

# neighbour NAMESPACE IFACE ADDRESS MAC: known for ever, so that nobody asks.
neighbour() {
	ip -n "$prefix$1" neigh replace "$3" lladdr "$4" dev "$2" nud permanent
}

mac_a=02:00:00:00:0a:01 mac_s0=02:00:00:00:05:00 mac_s1=02:00:00:00:05:01 mac_b=02:00:00:00:0b:01 mac_u=02:00:00:00:09:01
mac_c=02:00:00:00:09:02

# The usual topology: a and b talk through the bridge of tap, where s0 is mirrored over the uplink u0 to col.
#
#     a                      tap                        b
#     10.1.0.1  a0 ---- s0 [ br0 10.1.0.3 ] s1 ---- b0  10.1.0.2      fd01::1, ::3, ::2
#                            u0  10.9.0.1                             fd09::1
#                            |
#                            c0  10.9.0.2                             fd09::2
#                           col
#
# bridge_topology MTU UPLINK-MTU [collector]: with "collector" there will be a real one in col, else what it gets is swallowed.
bridge_topology() {
	local mtu=$1 uplink_mtu=$2
	namespace a tap b col
	wire a a0 $mac_a tap s0 $mac_s0 "$mtu"
	wire tap s1 $mac_s1 b b0 $mac_b "$mtu"
	wire tap u0 $mac_u col c0 $mac_c "$uplink_mtu"
	ip -n "${prefix}tap" link add br0 address 02:00:00:00:05:03 type bridge mcast_snooping 0 ageing_time 0 forward_delay 0
	ip -n "${prefix}tap" link set br0 mtu "$mtu" up
	ip -n "${prefix}tap" link set s0 master br0
	ip -n "${prefix}tap" link set s1 master br0
	addresses a a0 10.1.0.1/24 fd01::1/64
	addresses b b0 10.1.0.2/24 fd01::2/64
	addresses tap br0 10.1.0.3/24 fd01::3/64
	local from
	for from in "a a0" "b b0" "tap br0"; do
		# shellcheck disable=SC2086 # namespace and interface
		meet $from
	done
	uplink_addresses
	until_true 5 "the bridge to forward" bridge_forwards
	# Segments and checksums are finished when a frame leaves for a or b, so that a capture there shows what a real wire would carry.
	offload tap s0 tx off tso off
	offload tap s1 tx off tso off
	offload tap u0 tx off tso off
	[ "${3:-}" = collector ] || swallow col c0
}

# swallow NAMESPACE IFACE: drops GRE behind the captures. A host without a collector would answer it with ICMP errors.
swallow() {
	at "$1" tc qdisc add dev "$2" clsact
	at "$1" tc filter add dev "$2" ingress bpf da obj "$TAGS" sec drop
}

bridge_forwards() {
	[ "$(at tap bridge -d link show | grep -c 'state forwarding')" = 2 ]
}

meet() {
	local address
	for address in 10.1.0.1 fd01::1; do neighbour "$1" "$2" $address $mac_a; done
	for address in 10.1.0.2 fd01::2; do neighbour "$1" "$2" $address $mac_b; done
	for address in 10.1.0.3 fd01::3; do neighbour "$1" "$2" $address 02:00:00:00:05:03; done
}

# addresses NAMESPACE IFACE ADDRESS...
addresses() {
	local name=$1 iface=$2 address
	shift 2
	for address in "$@"; do
		# An IPv6 address that is still being checked for duplicates takes no packets.
		case $address in
		*:*) ip -n "$prefix$name" address add "$address" dev "$iface" nodad ;;
		*) ip -n "$prefix$name" address add "$address" dev "$iface" ;;
		esac
	done
}

uplink_addresses() {
	addresses tap u0 10.9.0.1/24 fd09::1/64
	addresses col c0 10.9.0.2/24 fd09::2/64
	neighbour tap u0 10.9.0.2 $mac_c
	neighbour tap u0 fd09::2 $mac_c
	neighbour col c0 10.9.0.1 $mac_u
	neighbour col c0 fd09::1 $mac_u
	until_true 5 "the addresses of the uplink to be usable" usable
}

# The kernel's host takes nothing to an IPv6 address while it is tentative, if only for a moment.
usable() {
	[ -z "$(ip -n "${prefix}tap" -6 address show tentative)$(ip -n "${prefix}col" -6 address show tentative)" ]
}

# spawn NAME COMMAND...: in the background, output in $work/NAME.out and .err, process id in $work/NAME.pid.
spawn() {
	local name=$1
	shift
	# What an earlier one of that name said is not to be mistaken for this one's words.
	rm -f "$work/$name.out" "$work/$name.err" "$work/$name.pcap"
	# Background jobs of a script ignore SIGINT unless told otherwise; farspan and tcpdump end by it.
	"$here/traffic.py" run "$@" >"$work/$name.out" 2>"$work/$name.err" </dev/null &
	echo $! >"$work/$name.pid"
	jobs_started+=($!)
}

alive() {
	kill -0 "$(cat "$work/$1.pid")"
}

# end NAME [SIGNAL]: by SIGINT if not said otherwise; waits, returns its exit status.
end() {
	local pid status=0
	pid=$(cat "$work/$1.pid")
	kill "-${2:-INT}" "$pid" 2>/dev/null || true
	wait "$pid" || status=$?
	return $status
}

# said NAME TEXT: NAME's standard error or output has it; fails at once when NAME is gone without having said it.
said() {
	grep -qsF -- "$2" "$work/$1.err" "$work/$1.out"
}

said_or_dead() {
	said "$1" "$2" || ! alive "$1"
}

# until_said NAME TEXT
until_said() {
	until_true 20 "'$2' from $1" said_or_dead "$1" "$2"
	said "$1" "$2" || fail "$1 ended before it said '$2': $(cat "$work/$1.err")"
}

# capture NAMESPACE IFACE NAME [TCPDUMP-ARGUMENT...]: into $work/NAME.pcap, running when this returns; with later=yes only when capturing
# NAME... returns, so that several can start at the same time.
capture() {
	local name=$1 iface=$2 file=$3
	shift 3
	spawn "$file" nsenter --net="/run/netns/$prefix$name" tcpdump -i "$iface" -n -U --immediate-mode -s "${snaplen:-9400}" -B 131072 \
		--time-stamp-precision=nano -w "$work/$file.pcap" "$@"
	[ -n "${later:-}" ] || capturing "$file"
}

capturing() {
	local file
	for file in "$@"; do until_said "$file" "listening on"; done
}

# end_capture NAME...: and what they hold is whole.
end_capture() {
	local file
	for file in "$@"; do kill -INT "$(cat "$work/$file.pid")" 2>/dev/null || true; done
	for file in "$@"; do
		end "$file" || fail "tcpdump $file: $(cat "$work/$file.err")"
		said "$file" "0 packets dropped by kernel" || fail "tcpdump $file lost packets: $(cat "$work/$file.err")"
	done
}

# fence NAMESPACE IFACE CAPTURE...: sends the fence frame and waits until each of the captures has it once more than before. It goes to an
# address nobody has, so a bridge hands it on to all.
fence_text=farspan-test-fence
fence() {
	local name=$1 iface=$2 file
	shift 2
	local -A before
	for file in "$@"; do before[$file]=$(fences "$file"); done
	at "$name" "$here/traffic.py" frame "$iface" "$fence_text"
	for file in "$@"; do
		until_true 10 "the fence in $file" more_fences "$file" "${before[$file]}"
	done
}

fences() {
	grep -aoF $fence_text "$work/$1.pcap" | wc -l
}

more_fences() {
	[ "$(fences "$1")" -gt "$2" ]
}

compare() {
	"$here/compare.py" "$@" || wrong "compare.py $*"
}

# checksums CAPTURE COUNT [CHECK...]: the COUNT TCP and UDP checksums of the mirrored frames in it are all right, for compare.py, which does
# the other checks too, and for tshark but for one point: it calls 0xffff wrong where it would have written 0x0000 (RFC 1624). They are one
# number, and the kernel writes either.
checksums() {
	local capture=$1 count=$2 tshark status=0
	shift 2
	dissect "$capture" -E 'separator=|' -e tcp.checksum.status -e udp.checksum.status -e ip.checksum.status -e tcp.checksum \
		>"$work/dissected" &
	tshark=$!
	compare checksums "erspan:$work/$capture.pcap" ${1:+,} "$@"
	wait $tshark || status=$?
	equal "the status of tshark" 0 $status
	equal "right and wrong checksums in $capture" "$count 0" "$(judge_checksums <"$work/dissected")"
}

# How many frames have a right checksum of TCP or UDP, and how many a wrong one of TCP, UDP or IP; fields have a value for each header.
judge_checksums() {
	awk -F'|' '{ same = $4 ~ /0xffff/; right += $1 ~ /1/ || $2 ~ /1/ || same; wrong += ($1 ~ /0/ && !same) || $2 ~ /0/ || $3 ~ /0/ }
		END { print right + 0, wrong + 0 }'
}

# dissect CAPTURE ARGUMENT...: fields of all its frames, as tshark sees them
dissect() {
	local capture=$1
	shift
	tshark -n -r "$work/$capture.pcap" -o tcp.check_checksum:TRUE -o udp.check_checksum:TRUE -o ip.check_checksum:TRUE \
		-o tcp.desegment_tcp_streams:FALSE -T fields "$@" 2>/dev/null
}

# sums CAPTURE FILTER: how many frames of it match, as tshark sees them
sums() {
	dissect "$1" -Y "$2" -e frame.number | wc -l
}

# tagged NONE|ONE|TWO: from now on a and b talk with that many VLAN tags.
tagged() {
	local host
	for host in "a a0" "b b0"; do
		# shellcheck disable=SC2086 # namespace and interface
		set -- "$1" $host
		at "$2" tc qdisc del dev "$3" clsact 2>/dev/null || true
		[ "$1" != none ] || continue
		at "$2" tc qdisc add dev "$3" clsact
		at "$2" tc filter add dev "$3" egress bpf da obj "$TAGS" sec "$1"
		at "$2" tc filter add dev "$3" ingress bpf da obj "$TAGS" sec none
	done
}

# start_farspan NAME NAMESPACE ARGUMENT...: in the background; ready when this returns.
start_farspan() {
	local name=$1 where=$2
	shift 2
	spawn "$name" nsenter --net="/run/netns/$prefix$where" "$FARSPAN" "$@"
	until_said "$name" "farspan: ${1}ing"
}

# mirror NAMESPACE ARGUMENT...: "farspan mirror" under the name "mirror".
mirror() {
	local where=$1
	shift
	start_farspan mirror "$where" mirror --json "$@"
}

# end_mirror [COUNTER=NUMBER...]: and its sums hold, exactly.
end_mirror() {
	end mirror || wrong "farspan mirror: status $?: $(cat "$work/mirror.err")"
	"$here/counters.py" "$work/mirror.out" "$@" || wrong "the counters of the mirror"
}

# A sender and a collector.
#
#     tap  u0 ---- c0  col        10.9.0.1, fd09::1 to 10.9.0.2, fd09::2
uplink_topology() {
	namespace tap col
	wire tap u0 $mac_u col c0 $mac_c "${1:-1500}"
	uplink_addresses
}

# collect ARGUMENT...: "farspan collect" in col under the name "collect", writing $work/collected.pcapng.
collect() {
	rm -f "$work/collected.pcapng"
	start_farspan collect col collect --json -w "$work/collected.pcapng" "$@"
}

# powerless PID [CAPABILITIES]: the process has no privileges but these, and of those that it has started only those have some that read no
# packets.
powerless() {
	equal "capabilities of what reads packets" "${2:-0000000000000000} ${2:-0000000000000000} 1" \
		"$(awk '/^(CapPrm|CapEff|NoNewPrivs):/ { print $2 }' "/proc/$1/status" | paste -sd ' ')"
	equal "what has privileges besides" "farspan-follow farspan-janitor" \
		"$(pgrep -P "$1" | sed 's|.*|/proc/&/comm|' | xargs cat | sort -u | paste -sd ' ')"
}

# send_to_collector FILE: its frames, and then waits until the host of the collector has handled them all: it answers in order.
send_to_collector() {
	taskset -c $cpu nsenter --net=/run/netns/${prefix}tap "$here/traffic.py" frames u0 "$1" $mac_c
	taskset -c $cpu nsenter --net=/run/netns/${prefix}tap ping -q -c 1 -W 20 10.9.0.2 >/dev/null || fail "the wire to the collector"
}

# end_collect [COUNTER=NUMBER...]: and its sums hold, exactly.
end_collect() {
	end collect || wrong "farspan collect: status $?: $(cat "$work/collect.err")"
	"$here/collected.py" counters "$work/collect.out" "$@" || wrong "the counters of the collector"
	tshark -n -r "$work/collected.pcapng" >"$work/collected.txt" 2>"$work/collected.err" || wrong "tshark cannot read the recording"
	! grep -qiE 'error|cut short|malformed block' "$work/collected.err" || wrong "tshark on the recording: $(cat "$work/collected.err")"
}
