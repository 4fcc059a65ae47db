#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What goes wrong in practice is found: each trouble is made, and must be told with the thing it is about; without it, it must not be.
#
#     tap  u0 ---- c0  col        10.9.0.1 to 10.9.0.2; tap has a second way out, p1, and an interface to mirror, p0
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

uplink_topology 1600
for name in p0 p1; do
	at tap ip link add $name type veth peer name x$name
	at tap ip link set $name up
	at tap ip link set x$name up
done
at tap ip address add 10.8.0.1/24 dev p1
to=(-t erspan2:10.9.0.2)

# doctor STATUS ARGUMENT...: what it finds is in $work/found, a line of "SEVERITY CHECK SUBJECT TEXT" each
doctor() {
	local expected=$1 status=0
	shift
	at tap "$FARSPAN" doctor --json "$@" >"$work/json" 2>"$work/err" || status=$?
	equal "status of doctor $*" "$expected" $status
	jq -r '.findings[] | "\(.severity) \(.check) \(.subject) \(.text)"' "$work/json" >"$work/found" ||
		wrong "doctor $*: no JSON: $(cat "$work/err")"
	jq -e '[.findings[] | select(.severity == "problem")] | length == '"$(jq .problems "$work/json")" "$work/json" >/dev/null ||
		wrong "doctor $*: the number of problems"
}

# finds TEXT, and finds_no TEXT: a line begins with it
finds() {
	grep -q "^$1" "$work/found" || wrong "'$1' is not found: $(cat "$work/found")"
}

finds_no() {
	! grep -q "^$1" "$work/found" || wrong "'$1' is found: $(grep "^$1" "$work/found")"
}

echo "-- nothing wrong"
at tap ping -q -c 1 -W 10 10.9.0.2 >/dev/null
doctor 0 -i p0 "${to[@]}"
finds "fine route 10.9.0.2 goes out of u0 from 10.9.0.1, 1600 bytes"
finds "fine neighbour 10.9.0.2 "
finds "fine nftables  lets mirror packets through"
finds "fine kernel eBPF programs of tc"
finds "fine capabilities mirroring"
for trouble in mtu uplink rp_filter others link interface sessions offload; do
	finds_no "[a-z]* $trouble "
done
finds_no "problem"

echo "-- the way"
doctor 1 -i p0 -t erspan2:10.77.0.1
finds "problem route 10.77.0.1 no route to 10.77.0.1"
doctor 1 -i p0 -t erspan2:10.9.0.1
finds "problem route 10.9.0.1 10.9.0.1 is an address of this host"
doctor 1 -i p0 -t erspan2:10.9.0.2,local=10.9.0.50
finds "problem route 10.9.0.2 no route to 10.9.0.2 from 10.9.0.50"
doctor 1 -i nosuch0 "${to[@]}" -t interface:nosuch1
finds "problem interface nosuch0 no source is there"
finds "problem interface nosuch1 "
at tap ping -q -c 1 -W 1 10.9.0.3 >/dev/null || true
until_true 20 "the neighbour that fails" sh -c "ip -n ${prefix}tap neigh show 10.9.0.3 | grep -qE 'FAILED|INCOMPLETE'"
doctor 1 -i p0 -t erspan2:10.9.0.3
finds "problem neighbour 10.9.0.3 the next hop 10.9.0.3 does not answer on u0"
doctor 0 -i p0 -t erspan2:10.9.0.4
finds "note neighbour 10.9.0.4 nobody has asked"
at tap ip link set dev u0 mtu 1500
doctor 0 -i p0 "${to[@]}"
finds "warning mtu .*frames of p0, up to 1514 bytes, will be cut to 1464 .*raise its MTU to 1550"
at tap ip link set dev u0 mtu 1600
doctor 0 -i u0 "${to[@]}"
finds "warning uplink u0 is mirrored and carries the copies"
at tap ip link set xp0 down
doctor 0 -i p0 "${to[@]}"
finds "warning link p0 the source has no carrier"
doctor 1 -i p1 -t interface:p0
finds "problem link p0 has no carrier"
at tap ip link set xp0 up

echo "-- the host"
if at tap nft add table inet t 2>/dev/null; then
	at tap nft add chain inet t in '{ type filter hook input priority 0; policy accept; }'
	at tap nft add chain inet t more
	at tap nft add rule inet t in tcp dport 22 drop
	at tap nft add rule inet t in jump more
	doctor 0 --listen 0 -f erspan
	finds "fine nftables"
	at tap nft add rule inet t more ip protocol '{ esp, gre }' counter drop
	doctor 0 --listen 0 -f erspan -f vxlan:any
	finds "warning nftables inet t in drops GRE"
	finds_no "warning nftables inet t in drops VXLAN"
	doctor 0 -i p0 "${to[@]}"
	finds "fine nftables"
	at tap nft insert rule inet t in meta l4proto gre accept
	doctor 0 --listen 0 -f erspan
	finds_no "warning nftables"
	at tap nft add chain inet t strict '{ type filter hook input priority 10; policy drop; }'
	at tap nft add rule inet t strict udp dport 4000-5000 accept
	doctor 0 --listen 0 -f erspan -f vxlan:any -f geneve:any
	finds "warning nftables inet t strict drops GRE"
	finds "warning nftables inet t strict drops GENEVE"
	finds_no "warning nftables inet t strict drops VXLAN"
	advice=$(jq -r '.findings[] | select(.check == "nftables" and (.text | contains("GRE"))) | .advice' "$work/json")
	# What it says to do helps.
	at tap sh -c "$advice" || wrong "the advice does not work: $advice"
	doctor 0 --listen 0 -f erspan
	finds_no "warning nftables"
	at tap nft delete table inet t
else
	echo "no nftables in this kernel: not tried"
fi
sources=(protocol all u32 match u32 0 0 action mirred egress)
at tap tc qdisc add dev p0 clsact
at tap tc filter add dev p0 egress prio 7 "${sources[@]}" mirror dev p1
at tap tc filter add dev p0 ingress prio 8 "${sources[@]}" redirect dev p1
doctor 0
finds "note others p0 tc mirrors what it sends to p1 (u32, priority 7)"
finds "warning others p0 tc redirects what it receives to p1 (u32, priority 8)"
at tap tc qdisc del dev p0 clsact

echo "-- files"
mkdir "$work/sessions"
printf '[Source]\nType=erspan\nRemote=10.9.0.2\nInterface=p1\n[Destination]\nType=pcapng\nFile=/nowhere/a.pcapng\n' \
	>"$work/sessions/a.session"
for rp in "0 0" "1 1" "1 2"; do
	at tap sysctl -q "net.ipv4.conf.all.rp_filter=${rp% *}" "net.ipv4.conf.p1.rp_filter=${rp#* }"
	doctor 0 --listen 0 "$work/sessions"
	if [ "$rp" = "1 1" ]; then
		finds "warning rp_filter p1 is strict, and the way back to 10.9.0.2 is another one"
	else
		finds_no "warning rp_filter"
	fi
done
printf '[Session]\nFilter=tcp prot\n[Source]\nInterface=p0\n[Destination]\nType=erspan2\nRemote=10.9.0.2\n' >"$work/sessions/b.session"
printf 'nonsense\n' >"$work/sessions/c.session"
doctor 1 --listen 0 "$work/sessions"
finds "problem sessions $work/sessions/b.session filter: "
finds "problem sessions $work/sessions/c.session 'nonsense' is not of the form"

echo "-- senders"
cat >"$work/sender.py" <<'END'
import socket, time
tunnel = socket.socket(socket.AF_INET, socket.SOCK_RAW, 47)
frame = bytes(12) + b"\x08\x00" + bytes(46)
for number in range(600):
    for session in (7, 9):
        packet = b"\x10\x00\x88\xbe" + number.to_bytes(4, "big") + bytes([0x10, 0, 0, session]) + bytes(4) + frame
        tunnel.sendto(packet, ("10.9.0.1", 0))
    time.sleep(0.05)
END
at tap sysctl -q net.ipv4.conf.all.rp_filter=0
spawn sender nsenter --net="/run/netns/${prefix}col" /usr/bin/python3 "$work/sender.py"
doctor 0 --listen 2 -f erspan2:any,id=7
finds "warning senders 10.9.0.2 sent [0-9]* packets to 10.9.0.1 within 2000 ms that are refused: of a session that is not collected"
finds "fine senders  [0-9]* mirrored frames came within 2000 ms, of 1 session"
doctor 0 -f erspan2:any,remote=10.9.0.99
finds "warning senders 10.9.0.2 sent [0-9]* packets to 10.9.0.1 within 1000 ms that are refused: from a sender that is not allowed"
finds "note senders  no mirrored frame that would be taken came within 1000 ms"
end sender KILL || true
doctor 0 -i p0 "${to[@]}"
finds_no "[a-z]* senders"

echo "-- no privilege"
chmod 755 "$work"
install -m 755 "$FARSPAN" "$work/farspan"
status=0
at tap setpriv --reuid=65534 --regid=65534 --clear-groups "$work/farspan" doctor -i p0 "${to[@]}" >"$work/out" 2>"$work/err" || status=$?
equal "status without privilege" 1 $status
grep -q '^PROBLEM *capabilities mirroring: not permitted: CAP_BPF' "$work/out" || wrong "capabilities: $(cat "$work/out")"
status=0
at tap "$FARSPAN" doctor --nonsense >"$work/out" 2>"$work/err" || status=$?
equal "status of an unknown option" 2 $status
finish
