#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The kernel's verifier accepts every program of an eBPF object, as it is before user space has set its constants.
#
# usage: verifier.sh OBJECT
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

# In a mount namespace of its own, so that nothing can stay pinned.
load='mount -t bpf none "$2" && bpftool prog loadall "$1" "$2/programs" >&2 && ls "$2/programs"'
mkdir "$work/bpf"
unshare --mount sh -c "$load" sh "$1" "$work/bpf" >"$work/programs" || fail "$(basename "$1")"
[ -s "$work/programs" ] || fail "there is no program in $1"
cat "$work/programs"
