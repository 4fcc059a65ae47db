#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A relay that knows what was received: fields kept, rules that choose destinations and set fields, and a hook. What leaves is read by
# tshark and compared with what relayed.py says of each packet. Everything is sent twice: the first packets of a session are handed on by
# user space, the later ones by the kernel.
#
#     tap  u0 ---- c0  col  d0 ---- e0  far      10.9.0.1 and 10.9.0.7 to 10.9.0.2; 10.8.0.1 to 10.8.0.2 and 10.8.0.3
#
# usage: relay.sh DIRECTORY-OF-EXAMPLE-OBJECTS
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

examples=$1
FARSPAND=${FARSPAND:-farspand}
uplink_topology
namespace far
wire col d0 02:00:00:00:08:01 far e0 02:00:00:00:08:02 1700
addresses col d0 10.8.0.1/24
for address in 10.8.0.2 10.8.0.3; do
	addresses far e0 $address/24
	neighbour col d0 $address 02:00:00:00:08:02
done
swallow far e0
"$here/relayed.py" make "$work/sent.pcap" $mac_u $mac_c

has_left() {
	[ "$("$here/relayed.py" count "$work/relayed.pcap")" = "$1" ]
}

# relayed CASE COUNT ARGUMENT...: the packets twice through a relay with these arguments, of which COUNT packets come each time
relayed() {
	local case=$1 count=$2
	shift 2
	echo "-- $case"
	start_farspan collect col collect --json "$@"
	powerless "$(cat "$work/collect.pid")" 0000000000002000 # CAP_NET_RAW, to mark frames
	capture far e0 relayed -Q in 'proto gre or udp port 4789'
	for times in 1 2; do
		send_to_collector "$work/sent.pcap"
		until_true 20 "what leaves the relay" has_left $((count * times))
	done
	end collect || wrong "farspan collect: status $?: $(cat "$work/collect.err")"
	end_capture relayed
	"$here/relayed.py" check "$work/relayed.pcap" "$case" 2 || wrong "$case"
	equal "packets received" 800 "$(jq .packets "$work/collect.out")"
}

# destinations FIELD EXPECTED...: of each destination in turn
destinations() {
	local field=$1
	shift
	equal "frames $field" "$*" "$(jq -r "[.destinations[].$field] | join(\" \")" "$work/collect.out")"
}

relayed all_kept 400 -t erspan3:10.8.0.2,keep=all
relayed some_kept 400 -t erspan2:10.8.0.2,id=9,index=5,keep=index+cos
relayed ruled 643 -t erspan2:10.8.0.2,id=1,index=2 -t erspan2:10.8.0.3,id=4,index=2 \
	--match 'id=7,vlan=10-15+20 -> id=99,hwid=33,sgt=44,direction=tx,type=erspan3,to=2' \
	--match 'type=erspan3,direction=tx,hwid=5+7 -> index=77,vlan=4000,cos=6,to=1' \
	--match 'vni=8 -> vni=12345,type=vxlan,to=1' \
	--match 'remote=10.9.0.7,key=7+9 -> to=none' \
	--match 'index=1100-1200 -> to=1+2' --match 'sgt=30061 -> to=1+2' --match 'cos=3 -> to=2'
destinations sent 612 580 50 44
destinations elsewhere 188 220 750 756
destinations lost 0 0 0 0

echo "-- the same by farspand, as a file"
mkdir "$work/sessions"
# rule LINE...: a section
rule() {
	printf '%s\n' "[Match]" "$@" >>"$work/sessions/ruled.session"
}
for type in erspan gre vxlan; do printf '%s\n' "[Source]" "Type=$type"; done >"$work/sessions/ruled.session"
printf '%s\n' "[Destination]" "Type=erspan2" "Remote=10.8.0.2" "SessionID=1" "ERSPANIndex=2" \
	"[Destination]" "Type=erspan2" "Remote=10.8.0.3" "SessionID=4" "ERSPANIndex=2" >>"$work/sessions/ruled.session"
rule SessionID=7 VLAN=10-15+20 SetSessionID=99 SetERSPANHardwareId=33 SetERSPANSecurityGroup=44 SetERSPANDirection=tx SetType=erspan3 To=2
rule Type=erspan3 ERSPANDirection=tx ERSPANHardwareId=5+7 SetERSPANIndex=77 SetVLAN=4000 SetCOS=6 To=1
rule VNI=8 SetVNI=12345 SetType=vxlan To=1
rule Remote=10.9.0.7 Key=7+9 To=none
rule ERSPANIndex=1100-1200 To=1+2
rule ERSPANSecurityGroup=30061 To=1+2
rule COS=3 To=2
spawn daemon nsenter --net="/run/netns/${prefix}col" "$FARSPAND" -D "$work/sessions" -R "$work/run"
until_said daemon "farspand: ready"
daemon_says() {
	[ "$("$FARSPAN" show -S "$work/run/farspan.sock" --json | jq -c ".sessions[0] | [.state, .actual.packets]")" = "$1" ]
}
until_true 20 "the relay of farspand" daemon_says '["active",0]'
capture far e0 relayed -Q in 'proto gre or udp port 4789'
for times in 1 2; do
	send_to_collector "$work/sent.pcap"
	until_true 20 "what leaves the relay" has_left $((643 * times))
done
until_true 20 "the frames to be counted" daemon_says '["active",800]'
end daemon || wrong "farspand: status $?: $(cat "$work/daemon.err")"
end_capture relayed
"$here/relayed.py" check "$work/relayed.pcap" ruled 2 || wrong "by farspand"

relayed split 133 -t interface:span0 -t erspan2:10.8.0.2,id=3,index=2 --match 'type=erspan -> to=1' --match 'any -> to=2'
destinations sent 534 266
destinations lost 0 0
relayed hooked 134 -t erspan2:10.8.0.2 -t erspan2:10.8.0.3 --hook "$examples/hook_relay.bpf.o"
destinations sent 136 132
destinations refused 664 668
destinations lost 0 0
said collect "(tc, as a relay by rules or a hook needs it)" || wrong "nothing is said of tc: $(cat "$work/collect.err")"
echo "-- what cannot be"
# refused STATUS TEXT ARGUMENT...
refused() {
	local status=0 expected=$1 text=$2
	shift 2
	at col timeout 20 "$FARSPAN" collect -t erspan2:10.8.0.2 "$@" >"$work/refused" 2>&1 || status=$?
	[ $status = "$expected" ] && grep -qF -- "$text" "$work/refused" ||
		wrong "$*: status $status, $(cat "$work/refused") instead of $text"
}
refused 2 "rule 'id=7' has no ->" --match 'id=7'
refused 2 "unknown key 'colour' before the ->; allowed: type, id, index" --match 'colour=red -> to=1'
refused 2 "unknown key 'ttl' behind the ->; allowed: type, id, index" --match 'any -> ttl=1'
refused 2 "there is no destination 2 to choose" --match 'any -> to=2'
refused 2 "must say what becomes of what it takes" --match 'id=7 -> '
refused 2 "packets of this type have no vni" --match 'type=erspan2,vni=7 -> to=1'
refused 2 "id must be any, or at most 16 numbers" --match 'id=2000 -> to=1'
refused 2 "rule 'any -> id=2000': id must be a number from 0 to 1023" --match 'any -> id=2000'
refused 1 "hook '$here/hook.sh': not an eBPF object file" --hook "$here/hook.sh"
printf '%s\n' '#include <linux/bpf.h>' '#include <bpf/bpf_helpers.h>' '#include <farspan_hook.h>' \
	'char LICENSE[] SEC("license") = FARSPAN_HOOK_LICENSE;' \
	'int farspan_hook(struct __sk_buff *skb, struct farspan_meta *meta) { return meta->received.kind; }' >"$work/h.c"
clang -target bpf -O2 -g -I"$here/../../include" -isystem "/usr/include/$(gcc -print-multiarch)" -c "$work/h.c" -o "$work/h.o" ||
	fail "clang"
refused 1 "invalid mem access 'mem_or_null'" --hook "$work/h.o"
finish
