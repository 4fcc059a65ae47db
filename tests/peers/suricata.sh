#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Suricata, which does not read Type III, raises its alerts on an interface that the collector makes of such packets: one for each frame
# that it should, while another one has nothing to say of the same frames where they are sent as Type III.
#
#     a ---- s0 [ bridge ] s1 ---- b          s0 is mirrored over u0 to col
#            u0 ---- c0  col   span0
# shellcheck source=tests/peers/lib.sh
. "$(dirname "$0")/lib.sh"
suricata=$(cd "$peers/../../cache/suricata/current" 2>/dev/null && pwd -P) ||
	skip "no Suricata: $(cat "$peers/../../cache/suricata/why" 2>/dev/null || echo "tests/peers/suricata/fetch has not been run")"
pings=25 datagrams=60

# watch NAME NAMESPACE IFACE: Suricata there; ready when this returns
watch() {
	mkdir "$work/$1"
	cat >"$work/$1.yaml" <<-END
		%YAML 1.1
		---
		default-log-dir: $work/$1
		classification-file: $suricata/etc/suricata/classification.config
		reference-config-file: $suricata/etc/suricata/reference.config
		outputs:
		  - fast: {enabled: yes, filename: alerts}
		af-packet:
		  - {interface: $3, threads: 1, use-mmap: yes}
		unix-command: {enabled: no}
	END
	spawn "$1" nsenter --net="/run/netns/$prefix$2" env LD_LIBRARY_PATH="$suricata/usr/lib/x86_64-linux-gnu" "$suricata/usr/bin/suricata" \
		-c "$work/$1.yaml" -S "$work/rules" --af-packet="$3" --pidfile "$work/$1/pid" -k none -v
	until_true 20 "Suricata on $3" said_or_dead "$1" "Engine started"
	said "$1" "Engine started" || fail "Suricata on $3: $(cat "$work/$1.out" "$work/$1.err")"
}

# alerts NAME ID: how many of that rule
alerts() {
	grep -c "\[1:$2:1\]" "$work/$1/alerts" || true
}

has_alerts() {
	[ "$(alerts "$1" "$2")" -ge "$3" ]
}

cat >"$work/rules" <<'END'
alert icmp any any -> any any (msg:"ping"; itype:8; content:"|de ad be ef|"; sid:1; rev:1;)
alert udp any any -> any 5002 (msg:"datagram"; dsize:>0; sid:2; rev:1;)
alert tcp any any -> any 5001 (msg:"connection"; flags:S; sid:3; rev:1;)
alert ip any any -> 10.9.0.2 any (msg:"mirror packet"; ip_proto:47; sid:4; rev:1;)
END
bridge_topology 1500 1600 collector
for end in "a a0" "b b0"; do
	# shellcheck disable=SC2086 # namespace and interface
	offload $end tx off tso off gro off
done
start_farspan collect col collect --json -f erspan3:10.9.0.2 -t interface:span0
watch span col span0
watch uplink tap u0
mirror tap -i s0 -d both -t erspan3:10.9.0.2,id=7
at a ping -q -c $pings -i 0.01 -p deadbeef 10.1.0.2 >/dev/null || fail "the pings themselves"
"$here/traffic.py" udp ${prefix}a ${prefix}b 10.1.0.2 5002 $datagrams 100 >/dev/null || fail "the datagrams themselves"
"$here/traffic.py" tcp ${prefix}a ${prefix}b 10.1.0.2 5001 300000 >/dev/null || fail "the transfer itself"
for rule in "span 1 $pings" "span 2 $datagrams" "span 3 1" "uplink 4 $((pings + datagrams))"; do
	# shellcheck disable=SC2086 # who, number and count
	until_true 20 "the alerts: $rule" has_alerts $rule
done
end_mirror
end span INT || wrong "Suricata on span0: $(tail -n 3 "$work/span.err")"
end uplink INT || wrong "Suricata on u0: $(tail -n 3 "$work/uplink.err")"
end collect || wrong "farspan collect: status $?: $(cat "$work/collect.err")"
equal "alerts for pings, datagrams and connections" "$pings $datagrams 1" "$(alerts span 1) $(alerts span 2) $(alerts span 3)"
equal "the same where they are sent as Type III" "0 0 0" "$(alerts uplink 1) $(alerts uplink 2) $(alerts uplink 3)"
finish
