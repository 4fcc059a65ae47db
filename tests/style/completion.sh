#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What bash offers for some beginnings of a command line. usage: completion.sh COMPLETION
set -eu
# shellcheck source=/dev/null
. "$1"
failures=0
breaks=$' \t\n"\'><=;|&(:' # bash's own

# offers LINE WORD...: exactly these, in any order
offers() {
	local line=$1 got expected
	shift
	COMP_LINE=$line
	COMP_POINT=${#line}
	COMP_WORDBREAKS=$breaks
	COMPREPLY=()
	_farspan
	got=$(printf '%s\n' "${COMPREPLY[@]}" | sort)
	expected=$(printf '%s\n' "$@" | sort)
	if [ "$got" != "$expected" ]; then
		printf '"%s": expected %s, got %s\n' "$line" "${expected//$'\n'/ }" "${got//$'\n'/ }"
		failures=$((failures + 1))
	fi
}

# Behind a ':' or '=' bash takes only what follows.
offers 'farspan mi' mirror
offers 'farspan mirror --tru' --truncate
offers 'farspan mirror -d ' rx tx both
offers 'farspan mirror --direction=t' tx
offers 'farspan mirror -i l' lo
offers 'farspan mirror -i lo -t erspan' erspan1: erspan2: erspan3:
offers 'farspan collect -f erspan' erspan: erspan1: erspan2: erspan3:
offers 'farspan collect -f erspan:' any
offers 'farspan mirror -t erspan2:10.9.0.2,i' 10.9.0.2,id= 10.9.0.2,index=
offers 'farspan mirror -t erspan2:10.9.0.2,id=3,i' 3,index=
offers 'farspan mirror -t erspan3:[fd00::2],hw' '2],hwid='
offers 'farspan mirror -t erspan3:[fd00::2],granularity=' 100us 100ns
offers 'farspan mirror -t gre:10.9.0.2,dev=l' lo
offers 'farspan mirror --to=vlan:lo,tp' lo,tpid=
offers 'farspan mirror -t interface:l' lo
offers 'farspan collect --sample f' flow:
offers 'farspan decode -l --j' --json
offers 'farspan mirror -c ' ''
offers 'farspan nonsense --' ''
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
farspan() { # one that runs has these
	[ "$*" != "completion sessions" ] || printf '%s\n' web api
	[ "$*" != "completion sessions -S x/y.sock" ] || echo other
}
touch "$directory/web.session" "$directory/db.session" "$directory/web.conf"
_farspan_directories=("$directory" "$directory/none")
offers 'farspan show w' web
offers 'farspan enable web d' db
offers 'farspan enable a' api
offers 'farspan enable -S x/y.sock o' other
offers 'farspan completion z' zsh
offers "farspan check $directory/d" "$directory/db.session"
offers 'farspan doctor -i l' lo
offers 'farspan doctor -t erspan2:10.9.0.2,ttl=3,i' 3,id= 3,index=

breaks=$' \t\n' # somebody's who does not like that
offers 'farspan mirror -t erspan2:10.9.0.2,id=3,i' erspan2:10.9.0.2,id=3,index=
exit $((failures > 0))
