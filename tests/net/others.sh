#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Other people's filters, qdiscs and mirrors on the same interface, and other mirrors of ours: each works as if it were alone, and stays.
#
#     a ---- s0 [ bridge ] s1 ---- b        s0 is mirrored by somebody else to t0, and by ours; s1 has an old ingress qdisc
#            u0 ---- col
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

bridge_topology 1500 1600
pings=50
ip -n ${prefix}tap link add t0 index 4242 type veth peer name t1
ip -n ${prefix}tap link set t0 up
ip -n ${prefix}tap link set t1 up
at tap tc qdisc add dev s0 clsact
at tap tc filter add dev s0 ingress prio 1 bpf da obj "$TAGS" sec mirror
at tap tc filter add dev s0 egress prio 7 bpf da obj "$TAGS" sec mirror
at tap tc qdisc add dev s1 handle ffff: ingress

# What others have made, without the numbers that the kernel gives.
theirs() {
	at tap tc qdisc show
	at tap tc filter show dev s0 ingress
	at tap tc filter show dev s0 egress
}

# Copies that the other mirrors have made.
other_mirror() {
	ip -n ${prefix}tap -s -j link show t0 | jq '.[0].stats64.tx.packets'
}

pings() {
	at a ping -q -i 0.002 -c $pings 10.1.0.2 >"$work/ping" || wrong "pings: $(cat "$work/ping")"
}

theirs >"$work/before"
count=$(other_mirror)
for way in "" --clsact; do
	echo "-- ${way:-best way}: with another mirror of ours and one of others"
	# shellcheck disable=SC2086 # nothing, or an option
	start_farspan second tap mirror --json $way -i s0 -d both -t erspan3:10.9.0.2,id=2 icmp
	# shellcheck disable=SC2086 # nothing, or an option
	mirror tap $way -i s0 -d both -t erspan2:10.9.0.2,id=1
	pings
	! said mirror blind && ! said second blind || wrong "a mirror of ours or one behind it is called blinding"
	end second || wrong "second mirror: status $?"
	pings
	end_mirror seen=$((4 * pings)) sent=$((4 * pings))
	"$here/counters.py" "$work/second.out" seen=$((2 * pings)) sent=$((2 * pings)) || wrong "the counters of the second mirror"
	pings
	count=$((count + 6 * pings))
	equal "copies of the other mirror" $count "$(other_mirror)"
	theirs >"$work/after"
	cmp -s "$work/before" "$work/after" || wrong "what others had is not as before: $(diff "$work/before" "$work/after")"
done

echo "-- others come and go while the mirror runs"
mirror tap --clsact -i s0 -d both -t erspan2:10.9.0.2,id=1
at tap tc filter add dev s0 egress prio 9 bpf da obj "$TAGS" sec mirror
pings
at tap tc filter del dev s0 egress prio 9
at tap tc filter del dev s0 ingress prio 1 handle 1 bpf
pings
end_mirror seen=$((4 * pings)) sent=$((4 * pings))
# The first round: once on its way in, twice on its way out; the second: once on its way out.
equal "copies of the other mirror" $((count + 4 * pings)) "$(other_mirror)"
equal "filters of others" 1 "$(at tap tc filter show dev s0 egress | grep -c mirror_to)"

echo "-- a mirror by mirred, from before ours on and made behind it, and its clsact, taken away and made again while ours is in it"
at tap tc qdisc del dev s0 clsact
mirred() {
	at tap tc qdisc replace dev s0 clsact
	at tap tc filter add dev s0 ingress protocol all prio 3 u32 match u32 0 0 action mirred egress mirror dev t0
}
mirred
for way in "" --clsact; do
	count=$(other_mirror)
	# shellcheck disable=SC2086 # nothing, or an option
	mirror tap $way -i s0 -d rx -t erspan2:10.9.0.2,id=1
	pings
	at tap tc qdisc del dev s0 clsact
	[ -z "$way" ] || until_said mirror "interface s0: the program had been removed, and is back"
	mirred
	pings
	! said mirror libbpf && ! said mirror blind || wrong "what is said of it: $(cat "$work/mirror.err")"
	end_mirror seen=$((2 * pings)) sent=$((2 * pings))
	equal "copies of the other mirror" $((count + 2 * pings)) "$(other_mirror)"
	equal "filters of others" 1 "$(at tap tc filter show dev s0 ingress | grep -c 'action order')"
done

order() {
	at tap "$here/stranger.py" order s0 "$1"
}

# order_is DIRECTION NAME...
order_is() {
	local where=$1
	shift
	[ "$(order "$where")" = "$*" ]
}

# said_last NAME TEXT: it is in what NAME has said of its state last.
said_last() {
	tac "$work/$1.err" | sed '/farspan: mirroring/q' | grep -qF "$2"
}

said_last_not() {
	! said_last "$@"
}

echo "-- programs of others that end the chain before ours"
status=0
order rx >/dev/null 2>&1 || status=$?
if [ $status = 77 ]; then
	echo "this kernel has no tcx"
else
	spawn stranger nsenter --net=/run/netns/${prefix}tap "$here/stranger.py" stand s0 tx
	until_said stranger standing
	mirror tap -i s0 -d both -t erspan2:10.9.0.2,id=1
	said mirror "partly blind at worst: program stranger (id" || wrong "nothing is said of the stranger: $(cat "$work/mirror.err")"
	said mirror "on s0 tx stands before ours and may end the chain" || wrong "what is said of it: $(cat "$work/mirror.err")"
	spawn newcomer nsenter --net=/run/netns/${prefix}tap "$here/stranger.py" stand s0 rx
	until_said newcomer standing
	until_true 20 "ours to be in front again" order_is rx farspan_rx stranger
	pings
	! said mirror "on s0 rx" || wrong "who was overtaken is called blinding"
	end stranger TERM || true
	until_true 20 "the mirror to say that nobody is in front" said_last_not mirror blind
	pings
	# What is received, twice; what is sent, only when nobody ended the chain any more.
	end_mirror seen=$((3 * pings)) sent=$((3 * pings))
	order_is rx stranger || wrong "the programs that are left: $(order rx)"
	end newcomer TERM || true
fi

mirror tap --clsact -i s0 -d rx -t erspan2:10.9.0.2,id=1
at tap tc filter add dev s0 ingress prio 1 handle 9 bpf da obj "$TAGS" sec end
until_said mirror "partly blind at worst: filter bpf of priority 1 on s0 rx stands before ours"
pings
at tap tc filter del dev s0 ingress prio 1 handle 9 bpf
until_true 20 "the mirror to say that no filter is in front" said_last_not mirror blind
pings
end_mirror seen=$pings sent=$pings

echo "-- an XDP program, which stands before all of tc; and that of a collector of ours, which takes nothing else"
at tap ip link set dev s0 xdpgeneric obj "$TAGS" sec xdp
mirror tap -i s0 -d both -t erspan2:10.9.0.2,id=1
said mirror "partly blind at worst: XDP program take_all (id" || wrong "nothing is said of XDP: $(cat "$work/mirror.err")"
said mirror "on s0 rx stands before ours and may take frames" || wrong "what is said of XDP: $(cat "$work/mirror.err")"
at tap ip link set dev s0 xdpgeneric off
until_true 20 "the mirror to say that no XDP program is in front" said_last_not mirror blind
pings
at tap ip link set dev s0 xdpdrv obj "$TAGS" sec xdp
until_true 20 "the mirror to say that one is" said_last mirror "on s0 rx stands before ours and may take frames"
at tap ip link set dev s0 xdpdrv off
end_mirror seen=$((2 * pings)) sent=$((2 * pings))
at tap ip link set dev s0 xdpgeneric obj "$TAGS" sec xdp
mirror tap -i s0 -d tx -t erspan2:10.9.0.2,id=1
said mirror "on s0 tx may send frames past ours" || wrong "what is said of XDP: $(cat "$work/mirror.err")"
end_mirror
at tap ip link set dev s0 xdpgeneric off
start_farspan collector tap collect -i u0 -w "$work/never.pcapng"
said collector "(XDP)" || wrong "how the collector takes packets: $(cat "$work/collector.err")"
mirror tap -i u0 -d both -t interface:t0
! said mirror blind || wrong "the collector is called blinding: $(cat "$work/mirror.err")"
end_mirror
end collector || wrong "farspan collect: status $?"

# What the uplink has dropped, by its own counters: a veth counts a frame that its peer does not take once or twice, as the kernel goes.
uplink_dropped() {
	ip -n ${prefix}tap -s -j link show u0 | jq '.[0].stats64.tx | .dropped + .errors'
}

echo "-- copies that the uplink drops"
ip -n ${prefix}col link set c0 mtu 300
had=$(uplink_dropped)
mirror tap -i s0 -d both -t erspan2:10.9.0.2,id=1
at a ping -q -s 500 -i 0.002 -c $pings 10.1.0.2 >"$work/ping" || wrong "pings: $(cat "$work/ping")"
end_mirror seen=$((2 * pings)) sent=$((2 * pings))
dropped=$(($(uplink_dropped) - had))
[ $dropped -ge $((2 * pings)) ] || wrong "the uplink dropped $dropped only"
equal "what the uplink dropped" "u0 $dropped" "$(jq -r '.destinations[0] | "\(.uplink) \(.link_dropped)"' "$work/mirror.out")"
said mirror "interface u0: dropped $dropped frames that it was to send" || wrong "nothing is said of it: $(cat "$work/mirror.err")"
ip -n ${prefix}col link set c0 mtu 1600

echo "-- an old ingress qdisc"
mirror tap -i s1 -d both -t erspan2:10.9.0.2,id=1
pings
end_mirror seen=$((2 * pings)) sent=$((2 * pings))
! at tap "$FARSPAN" mirror --clsact -i s1 -t erspan2:10.9.0.2 2>"$work/err" || wrong "clsact beside an old ingress qdisc"
grep -q "the interface has an old 'ingress' qdisc" "$work/err" || wrong "what is said of it: $(cat "$work/err")"
at tap tc qdisc show dev s1 | grep -q '^qdisc ingress ffff:' || wrong "the old qdisc has gone"

echo "-- more than there is room for"
many=()
for number in $(seq 65); do many+=(-i "x$number"); done
! "$FARSPAN" mirror "${many[@]}" -t erspan2:10.9.0.2 2>"$work/err" || wrong "65 interfaces"
grep -q 'more than 64 interfaces are given; a pattern' "$work/err" || wrong "what is said of them: $(cat "$work/err")"
many=()
for number in $(seq 17); do many+=(-t "erspan2:10.9.0.2,id=$number"); done
! "$FARSPAN" mirror -i s0 "${many[@]}" 2>"$work/err" || wrong "17 destinations"
grep -q 'more than 16 destinations are given' "$work/err" || wrong "what is said of them: $(cat "$work/err")"
finish
