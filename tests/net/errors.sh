#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What cannot work is refused at once: with the right exit status, one line that names the object, and nothing left behind.
#
#     tap, with an uplink and no traffic
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

bridge_topology 1500 1600
links=$(ip -n ${prefix}tap -o link show | wc -l)

# refused STATUS TEXT... -- COMMAND...: each TEXT must be in what it says, which is one line on standard error
refused() {
	local status=$1 got=0 text texts=()
	shift
	while [ "$1" != -- ]; do
		texts+=("$1")
		shift
	done
	shift
	at tap timeout 10 "$@" >"$work/out" 2>"$work/err" </dev/null || got=$?
	equal "status of $*" "$status" $got
	equal "lines of $*" 1 "$(wc -l <"$work/err")"
	equal "output of $*" 0 "$(wc -c <"$work/out")"
	for text in "${texts[@]}"; do
		grep -qF -- "$text" "$work/err" || wrong "'$text' is not in what $* said: $(cat "$work/err")"
	done
	equal "links after $*" "$links" "$(ip -n ${prefix}tap -o link show | wc -l)"
}

m=("$FARSPAN" mirror)
to=(-t erspan2:10.9.0.2)

echo "-- the command line"
refused 2 "nonsense" -- "$FARSPAN" nonsense
refused 2 "mirror" "option" -- "${m[@]}" --nonsense
refused 2 "'--s' may be any of --speed, --spread, --strip-tag, --sample" -- "${m[@]}" -i s0 "${to[@]}" --s 5
refused 2 "-i" -- "${m[@]}" "${to[@]}"
refused 2 "-t" -- "${m[@]}" -i s0
refused 2 "sideways" "rx, tx or both" -- "${m[@]}" -i s0 -d sideways "${to[@]}"
refused 2 "'0'" -- "${m[@]}" -i s0 -c 0 "${to[@]}"
refused 2 "'12x'" -- "${m[@]}" -i s0 -c 12x "${to[@]}"
refused 2 "1024" "1023" "id" -- "${m[@]}" -i s0 -t erspan2:10.9.0.2,id=1024
refused 2 "1048576" "1048575" "index" -- "${m[@]}" -i s0 -t erspan2:10.9.0.2,index=1048576
refused 2 "64" "63" "hwid" -- "${m[@]}" -i s0 -t erspan3:10.9.0.2,hwid=64
refused 2 "256" "255" "ttl" -- "${m[@]}" -i s0 -t erspan2:10.9.0.2,ttl=256
refused 2 "ttl" "255" -- "${m[@]}" -i s0 -t erspan2:10.9.0.2,ttl=0
refused 2 "256" "255" "tos" -- "${m[@]}" -i s0 -t erspan2:10.9.0.2,tos=256
refused 2 "id" -- "${m[@]}" -i s0 -t erspan2:10.9.0.2,id=
refused 2 "-1" "id" -- "${m[@]}" -i s0 -t erspan2:10.9.0.2,id=-1
refused 2 "4294967297" "id" -- "${m[@]}" -i s0 -t erspan2:10.9.0.2,id=4294967297
refused 2 "hwid" "erspan2" -- "${m[@]}" -i s0 -t erspan2:10.9.0.2,hwid=3
refused 2 "index" "erspan3" -- "${m[@]}" -i s0 -t erspan3:10.9.0.2,index=3
refused 2 "portid" "16383" "16384" "platform 3" -- "${m[@]}" -i s0 -t erspan3:10.9.0.2,platform=3,portid=16384
refused 2 "portid needs platform 1, 3, 5, 6 or 7" -- "${m[@]}" -i s0 -t erspan3:10.9.0.2,portid=1
refused 2 "switchid" "platform 5 or 6" -- "${m[@]}" -i s0 -t erspan3:10.9.0.2,platform=7,switchid=1
refused 2 "domainid needs platform 1" -- "${m[@]}" -i s0 -t erspan3:10.9.0.2,platform=5,domainid=1
refused 2 "destinations 1 and 3" -- "${m[@]}" -i s0 "${to[@]}" -t interface:u0 "${to[@]}"
refused 2 "-r" -- "${m[@]}" -i s0 "${to[@]}" --speed 1
refused 2 "-r" -- "${m[@]}" -i s0 "${to[@]}" --loop 1
refused 2 "1 to 4294967295" "'0'" -- "${m[@]}" -i s0 "${to[@]}" --sample 0
refused 2 "8kbit to 1000gbit" "1001gbit" -- "${m[@]}" -i s0 "${to[@]}" --rate 1001gbit
refused 2 "only one" -- "${m[@]}" -r /nosuch "${to[@]}" --speed 1 --pps 5
refused 2 "id" "erspan1" -- "${m[@]}" -i s0 -t erspan1:10.9.0.2,id=3
refused 2 "colour" -- "${m[@]}" -i s0 -t erspan2:10.9.0.2,colour=3
refused 2 "erspan4" "erspan3" -- "${m[@]}" -i s0 -t erspan4:10.9.0.2
refused 2 "span0" "interface:NAME" -- "$FARSPAN" collect -t span0
refused 2 "x.pcapng" "collect -w" -- "$FARSPAN" collect -t x.pcapng
refused 2 "10.9.0.999" -- "${m[@]}" -i s0 -t erspan2:10.9.0.999
refused 2 "erspan2" -- "${m[@]}" -i s0 -t erspan2
refused 2 "id" -- "${m[@]}" -i s0 -t erspan2:10.9.0.2,id=1,id=2
refused 2 "local" -- "${m[@]}" -i s0 -t erspan2:10.9.0.2,local=fd09::1

refused 2 "10.9.0.2" "erspan2:10.9.0.2" -- "${m[@]}" -i s0 -t 10.9.0.2
refused 2 "0.0.0.0" "host" -- "${m[@]}" -i s0 -t erspan2:0.0.0.0
refused 2 "224.1.1.1" "one host" -- "${m[@]}" -i s0 -t erspan2:224.1.1.1
refused 2 "fe80::2" "dev" -- "${m[@]}" -i s0 -t 'erspan2:[fe80::2]'
refused 2 "10.9.0.2" "link" -- "${m[@]}" -i s0 -t erspan2:10.9.0.2%u0
refused 2 "dev is given twice" -- "${m[@]}" -i s0 -t 'erspan2:[fe80::2%u0],dev=s1'
refused 2 "flowlabel" "IPv6" -- "${m[@]}" -i s0 -t erspan2:10.9.0.2,flowlabel=5
c=("$FARSPAN" collect)
refused 2 "70000" "65535" -- "${c[@]}" --listen 70000
refused 2 "::1:80" "brackets" -- "${c[@]}" --listen ::1:80
refused 2 "a b" "name of an interface" -- "${c[@]}" -t "interface:a b"
refused 2 "standard output" "-w" -- "${c[@]}" -w - -C 1
refused 2 "-w" -- "${c[@]}" -w ""
refused 2 "1 and 3 are the same" -- "${c[@]}" -f erspan:any,id=7 -f gre:any -f erspan:any,id=7 -w "$work/never.pcapng"
refused 2 "--truncate" "none" -- "${c[@]}" -w "$work/never.pcapng" --truncate 64

echo "-- the machine"
refused 1 "nosuch0" "no such interface" -- "${m[@]}" -i s0 -t 'erspan2:[fe80::2%nosuch0]'
refused 1 "nosuch0" "no such interface" -- "${m[@]}" -i nosuch0 "${to[@]}"
refused 1 "/nosuch" "No such file" -- "${m[@]}" -i s0 "${to[@]}" --hook /nosuch
refused 1 "10.77.0.1" "no route" -- "${m[@]}" -i s0 -t erspan2:10.77.0.1
refused 1 "10.9.0.255" "broadcast" -- "${m[@]}" -i s0 -t erspan2:10.9.0.255
refused 1 "fd77::1" "no route" -- "${m[@]}" -i s0 -t 'erspan2:[fd77::1]'
refused 1 "nosuch0" "no such interface" -- "${m[@]}" -i s0 -t erspan2:10.9.0.2,dev=nosuch0
refused 1 "10.9.0.50" -- "${m[@]}" -i s0 -t erspan2:10.9.0.2,local=10.9.0.50

echo "-- privilege"
# The program must be reachable for others: it is copied to where they may read it.
chmod 755 "$work"
install -m 755 "$FARSPAN" "$work/farspan"
refused 1 "CAP_" -- setpriv --reuid=65534 --regid=65534 --clear-groups "$work/farspan" mirror -i s0 "${to[@]}"
refused 1 "CAP_NET_ADMIN" -- setpriv --bounding-set=-net_admin --inh-caps=-net_admin "$work/farspan" mirror -i s0 "${to[@]}"
refused 1 "CAP_PERFMON" -- setpriv --bounding-set=-perfmon,-sys_admin "$work/farspan" mirror -i s0 "${to[@]}"
refused 1 "CAP_BPF" -- setpriv --bounding-set=-bpf,-sys_admin "$work/farspan" mirror -i s0 "${to[@]}"
refused 1 "CAP_NET_RAW" -- setpriv --bounding-set=-net_raw "$work/farspan" mirror -i s0 "${to[@]}" port 80
without=(setpriv --bounding-set=-sys_admin "$work/farspan" mirror -i s0 "${to[@]}")
refused 1 "CAP_SYS_ADMIN" -- "${without[@]}" --cpus 0
refused 1 "CAP_SYS_ADMIN" -- "${without[@]}" -i "a0,netns=${prefix}a"
refused 1 "CAP_SYS_ADMIN" -- "${without[@]}" -t "interface:b0,netns=${prefix}b"
[ "$(cat /proc/sys/kernel/bpf_stats_enabled)" = 1 ] || refused 1 "CAP_SYS_ADMIN" -- "${without[@]}" --cost
refused 1 "CAP_PERFMON" -- setpriv --bounding-set=-all,+bpf,+net_admin,+net_raw "$work/farspan" collect -w "$work/never.pcapng"
finish
