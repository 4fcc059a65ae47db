#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
usage: counters.py FILE [NAME=NUMBER...]

Reads what "farspan mirror --json" printed. Its sums must hold in each direction, and the total's NAMEs must have those NUMBERs; a NAME
without a number is printed.
"""
import json
import os
import re
import sys

ROWS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "src", "bpf", "counters.def")


def classes():
    found = {}
    with open(ROWS, encoding="utf-8") as file:
        for name, kind in re.findall(r"^COUNTER\((\w+), (\w+),", file.read(), re.M):
            found.setdefault(kind, []).append(name)
    return found


def main(path, *wanted):
    with open(path, encoding="utf-8") as file:
        report = json.load(file)
    rows, wrong = classes(), []
    for part in ("rx", "tx", "total"):
        counters = report[part]
        excluded, drops = (sum(counters[name] for name in rows[kind]) for kind in ("excluded", "drop"))
        if counters["seen"] != excluded + counters["attempted"]:
            wrong.append(f"{part}: seen {counters['seen']} is not excluded {excluded} + attempted {counters['attempted']}")
        if counters["attempted"] != counters["sent"] + drops:
            wrong.append(f"{part}: attempted {counters['attempted']} is not sent {counters['sent']} + dropped {drops}")
    for name, equals, number in (item.partition("=") for item in wanted):
        value = report["total"][name]
        if not equals:
            print(value)
        elif value != int(number):
            wrong.append(f"{name}: expected {number}, got {value}")
    if wrong:
        print("\n".join(wrong), json.dumps(report["total"]), sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
