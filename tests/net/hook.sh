#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The user's hook: the example objects rewrite fields, frames and remotes, and refuse, as tshark reads it back; faulty objects are refused
# with the reason; sums hold.
#
#     a ---- s0 [ bridge ] s1 ---- b         a ping from a to b, and what else a row needs
#            u0 ---- col
#
# usage: hook.sh DIRECTORY-OF-EXAMPLE-OBJECTS
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

examples=$1
bridge_topology 1500 1600
ip -n "${prefix}col" address add 10.9.0.3/24 dev c0
neighbour tap u0 10.9.0.3 $mac_c

# hooked EXAMPLE TAGS DESTINATION
hooked() {
	echo "-- $1, tags: $2, to $3"
	tagged "$2"
	capture col c0 copies -Q in
	mirror tap -i s0 -d both -t "$3" --hook "$examples/$1.bpf.o"
}

ping_once() {
	at a ping -q -c 1 -W 20 10.1.0.2 >"$work/ping" || fail "the ping itself"
}

# end_hooked COUNTER=NUMBER...: waits until the copies that the sums promise are captured
end_hooked() {
	at tap ping -q -c 1 -W 20 10.9.0.2 >/dev/null || fail "the uplink"
	end_mirror "$@"
	end_capture copies
}

# is WHAT EXPECTED FILTER FIELD...: one line for each copy that matches
is() {
	local what=$1 expected=$2 filter=$3 field arguments=()
	shift 3
	for field in "$@"; do arguments+=(-e "$field"); done
	equal "$what" "$expected" \
		"$(tshark -n -r "$work/copies.pcap" -o ip.check_checksum:TRUE -Y "$filter" -T fields -E separator=' ' "${arguments[@]}" 2>/dev/null)"
}

# The tests' tags have VLAN 100, priority 5 (one), or 200 outside of it (two).
for destination in erspan2:10.9.0.2,id=1 erspan3:10.9.0.2,id=1; do
	hooked hook_tenant one "$destination"
	ping_once
	at a "$here/traffic.py" frame a0 untagged
	end_hooked hook=0 sent=3
	vlan=$(tshark -n -r "$work/copies.pcap" -Y icmp -T fields -e vlan.id 2>/dev/null | head -n 1)
	is "session id" "$vlan"$'\n'"$vlan" icmp erspan.spanid
done
hooked hook_tenant none vxlan:10.9.0.2,vni=7
ping_once
end_hooked hook=2 sent=0

hooked hook_private none erspan2:10.9.0.2
ping_once
end_hooked sent=2
is "senders" $'10.9.0.1,10.1.0.0\n10.9.0.1,10.1.0.0' 'erspan && icmp' ip.src

hooked hook_divide none erspan3:10.9.0.2,id=5,hwid=9
ping_once
at a bash -c 'echo to somebody >/dev/udp/10.1.0.2/4242'
at a bash -c 'echo login >/dev/tcp/10.1.0.2/22' 2>/dev/null || true # SYN, and its RST
end_hooked hook=2
is "ICMP goes where it went" $'10.9.0.2,10.1.0.2 9\n10.9.0.2,10.1.0.1 9' 'erspan && (icmp.type == 8 || icmp.type == 0)' ip.dst erspan.hw
is "UDP goes elsewhere" "10.9.0.3,10.1.0.2 1 3 5 1,1" 'udp && !icmp' ip.dst erspan.direction erspan.hw erspan.spanid ip.checksum.status
equal "SSH goes nowhere" 0 "$(tshark -n -r "$work/copies.pcap" -Y tcp 2>/dev/null | wc -l)"

echo "-- faulty hooks"
compiled() {
	clang -target bpf -O2 -g -I"$here/../../include" -isystem "/usr/include/$(gcc -print-multiarch)" -c "$work/h.c" -o "$work/h.o" ||
		fail "clang"
}

# faulty TEXT [FILE]: the hook in $work/h.c, or FILE
faulty() {
	local text=$1 status=0 object=${2:-$work/h.o}
	[ -n "${2:-}" ] || compiled
	at tap timeout 20 "$FARSPAN" mirror -i s0 -t erspan2:10.9.0.2 --hook "$object" >"$work/faulty" 2>&1 || status=$?
	[ $status = 1 ] && grep -qF -- "$text" "$work/faulty" ||
		wrong "faulty hook: status $status, $(cat "$work/faulty") instead of $text"
}
head='#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <farspan_hook.h>
char LICENSE[] SEC("license") = FARSPAN_HOOK_LICENSE;'
printf '%s\nint farspan_hook(struct __sk_buff *skb, struct farspan_meta *meta) { return meta->number; }\n' "$head" >"$work/h.c"
faulty "invalid mem access 'mem_or_null'"
printf '%s\nint other(struct __sk_buff *skb) { return skb->len; }\n' "$head" >"$work/h.c"
faulty "has no function int farspan_hook"
faulty "No such file or directory" "$work/nowhere.o"
faulty "not an eBPF object file" "$here/hook.sh"
equal "what the refused ones left" "" "$(ip -n "${prefix}tap" -o link show | grep '^[0-9]*: fs' || true)"
finish
