#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# run.sh PROGRAM SEEDS [DICTIONARY]: fuzzes for FUZZ_SECONDS (10) from the seeds. A failing input is left in the current directory.
set -eu
corpus=$(mktemp -d)
trap 'rm -rf "$corpus"' EXIT
# What it says of a failure, 77, means to meson that the test was skipped.
"$1" -error_exitcode=1 -timeout_exitcode=1 \
	-max_total_time="${FUZZ_SECONDS:-10}" -print_final_stats=1 -verbosity=1 ${3:+-dict="$3"} "$corpus" "$2"
