#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# wire_symbols.sh LIBRARY MAP: the library defines the functions of the map, no more and no less, and uses only the memory functions.
set -eu

symbols=$(nm -D "$1" | awk '{ sub(/@.*/, "", $NF); print $(NF - 1), $NF }')
needed=$(printf '%s\n' "$symbols" | awk '$1 == "U" && $2 !~ /^mem(cpy|move|set|cmp)$/ { print $2 }')
defined=$(printf '%s\n' "$symbols" | awk '$1 == "T" { print $2 }' | sort)
wanted=$(grep -oE 'farspan_[a-z_]+' "$2" | sort)

[ -z "$needed" ] || echo "not freestanding:" $needed
[ "$defined" = "$wanted" ] || printf 'defined:\n%s\nwanted:\n%s\n' "$defined" "$wanted"
[ -z "$needed" ] && [ "$defined" = "$wanted" ] && [ -n "$defined" ]
