#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What tc and ip have set up becomes files of sessions that say the same, and that are right.
#
#     tap: p0 .. p3, each a pair with its end in tap; vx0, a VXLAN device on p3
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

namespace tap
for name in p0 p1 p2 p3; do
	at tap ip link add $name type veth peer name x$name
	at tap ip link set $name up
done
at tap ip address add 192.0.2.1/24 dev p3

at tap "$FARSPAN" import >"$work/none.out" 2>"$work/none.err" || wrong "nothing to import is an error"
equal "sessions of nothing" 0 "$(wc -c <"$work/none.out")"

at tap ip link add vx0 type vxlan id 77 local 192.0.2.1 remote 192.0.2.9 dstport 4790 ttl 9 tos 4 dev p3 ||
	skip "no VXLAN device in this kernel"
at tap ip link add vx1 type vxlan id 78 group 239.1.1.1 dstport 4791 dev p3
at tap ip link add vx2 type vxlan external dstport 4792
everything=(protocol all u32 match u32 0 0 action mirred egress)
at tap tc qdisc add dev p0 clsact
at tap tc filter add dev p0 ingress "${everything[@]}" mirror dev vx0 || skip "no mirred in this kernel"
at tap tc filter add dev p0 egress "${everything[@]}" mirror dev vx0
at tap tc qdisc add dev p1 handle ffff: ingress
at tap tc filter add dev p1 parent ffff: protocol ip prio 5 u32 match ip protocol 6 0xff match ip dport 443 0xffff \
	action mirred egress mirror dev p2
at tap tc filter add dev p1 parent ffff: protocol ipv6 prio 6 u32 match u32 0 0 action mirred egress mirror dev p2
at tap tc qdisc add dev p2 clsact
at tap tc filter add dev p2 ingress prio 1 "${everything[@]}" redirect dev p1
at tap tc filter add dev p2 egress prio 2 "${everything[@]}" mirror dev vx2

rules() {
	local name
	for name in p0 p1 p2; do
		at tap tc filter show dev $name ingress
		at tap tc filter show dev $name egress
	done
}
as_they_were=$(rules)

cat >"$work/expected" <<'END'
# p0-vx0.session
[Session]
Description=Mirror of p0 to vx0

[Source]
Interface=p0

[Destination]
Type=vxlan
Remote=192.0.2.9
VNI=77
DestinationPort=4790
Local=192.0.2.1
TTL=9
TOS=4
Uplink=p3

# p1-p2.session
[Session]
Description=Mirror of p1 to p2
Filter=ip and ip[8:4] & 0x00ff0000 = 0x00060000 and ip[20:4] & 0x0000ffff = 0x000001bb

[Source]
Direction=rx
Interface=p1

[Destination]
Type=interface
Interface=p2

# p1-p2-2.session
# tc may end at an earlier rule of p1; here each session sees every frame.
# The kernel does not tell of which direction u32 rules of one priority are: see Direction.
[Session]
Description=Mirror of p1 to p2
Filter=ip6

[Source]
Direction=rx
Interface=p1

[Destination]
Type=interface
Interface=p2
# The rule of tc on p2, ingress, u32 of priority 1, is no session: it redirects the frames themselves, it does not copy them.
# The rule of tc on p2, egress, u32 of priority 2, is no session: each of its packets says where it goes (external).
END
at tap "$FARSPAN" import >"$work/imported" || wrong "import: status $?"
# tc's order of keys is its own.
port='ip[20:4] & 0x0000ffff = 0x000001bb' protocol='ip[8:4] & 0x00ff0000 = 0x00060000'
text=$(cat "$work/imported")
[ "${text/"$port and $protocol"/"$protocol and $port"}" = "$(cat "$work/expected")" ] || wrong "what is imported: $text"

mkdir "$work/sessions"
at tap "$FARSPAN" import "$work/sessions" >"$work/files" 2>"$work/notes" || wrong "import to a directory: status $?"
equal "files" 3 "$(wc -l <"$work/files")"
equal "notes" 2 "$(wc -l <"$work/notes")"
at tap "$FARSPAN" check -q "$work/sessions" 2>"$work/check" || wrong "what is imported is not right"
grep -q "p0, up to 1514 bytes, will be cut to 1464 on the way through p3: raise its MTU to 1550" "$work/check" ||
	wrong "check does not see that the path is too narrow: $(cat "$work/check")"
equal "warnings" 1 "$(wc -l <"$work/check")"
status=0
at tap "$FARSPAN" import "$work/sessions" >"$work/files" 2>"$work/notes" || status=$?
equal "status over files that are there" 1 $status
grep -q 'File exists' "$work/notes" || wrong "does not say that files are there: $(cat "$work/notes")"
[ "$as_they_were" = "$(rules)" ] || wrong "the rules of tc have changed"
finish
