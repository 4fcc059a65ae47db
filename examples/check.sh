#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# check.sh PROGRAM EXPECTED: runs the program and compares what it prints.
set -eu
printed=$("$1")
printf '%s\n' "$printed" | diff -u "$2" -
