#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The mirroring selftests of Linux, written anew for farspan: each row of selftests/rows that belongs here, in the topology that it names,
# and what has arrived in the end is exactly what the rows say.
#
# usage: selftests.sh            the rows "host", on the kernel of this machine
#        selftests.sh KERNEL     the rows "guest", in a guest with that kernel
# shellcheck source=tests/peers/lib.sh
. "$(dirname "$0")/lib.sh"

kernel=${1:-}
[ -z "$kernel" ] && place=host || place=guest
cases=$peers/selftests

# cases COMMAND...: with the functions of cases.sh
cases() {
	printf "P='%s' F='%s' W='%s'\n" "$1" "$2" "$3"
	cat "$cases/cases.sh"
	shift 3
	printf '%s\n' "$@"
}

mapfile -t rows < <("$cases/selftests.py" script $place)

if [ $place = host ]; then
	namespace h1 tap h2 h3
	# On one CPU the frames, and what follows them, keep their order.
	run() { cases "$prefix" "$FARSPAN" "$work" "$@" | taskset -c "$cpu" sh -eu; }
	run setup
	for name in h3p h4p; do capture h3 $name $name -Q in; done
	run "${rows[@]}" >"$work/log" || wrong "the cases end at: $(tail -n 3 "$work/log")"
	for name in h3p h4p; do end_capture $name; done
else
	boot "$kernel"
	! is_older "$kernel" 6.1.192 || skip "a kernel of 6.1.192 or newer: with 6.1.176 bonds do not let go of a member by LACP"
	inside <<-'END'
		for name in h1 tap h2 h3; do
			ip netns add $name
			nsenter --net=/run/netns/$name sh -c 'cd /proc/sys/net/ipv6/conf/default
				for key in accept_ra=0 router_solicitations=0 dad_transmits=0 addr_gen_mode=1; do echo ${key#*=} >${key%=*}; done'
			ip -n $name link set lo up
		done
	END
	run() { cases "" /bin/farspan /tmp "$@" | inside; }
	run setup
	inside_captures "h3/h3p h3p -Q in" "h3/h4p h4p -Q in"
	run "${rows[@]}" >"$work/log" || wrong "the cases end at: $(tail -n 3 "$work/log")"
	end_inside_captures h3p h4p
fi
"$cases/selftests.py" check $place "$work/log" "$work/h3p.pcap" "$work/h4p.pcap" || wrong "what arrived"
finish
