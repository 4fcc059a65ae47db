#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
The table of the selftests: "rows" beside this file says what its columns are.

usage: selftests.py script PLACE                  what a shell that has read cases.sh runs for the rows of a place: host, guest
       selftests.py check PLACE LOG CAPTURE...    every row of the place has run, as LOG says, and what the collector got is exactly that
       selftests.py table                         docs/selftests.md: rows as a table
       selftests.py compare TEST...               docs/selftests.md is that, and the tests that rows name are among these
"""
import os
import shlex
import subprocess
import sys
from collections import Counter

HERE = os.path.dirname(os.path.abspath(__file__))
DOCUMENT = os.path.join(HERE, "..", "..", "..", "docs", "selftests.md")
PLACES = {"host": "passes", "guest": "passes, in a guest"}
COLLECTOR = "02:00:00:00:09:02"
ENDS = ("02:00:00:00:0a:01", "02:00:00:00:0b:01")
REQUEST, ANSWER = 8, 0
DIRECTIONS = (RECEIVED, SENT) = (0, 1)
SESSION = "1"
FIELDS = ("frame.protocols", "eth.dst", "eth.src", "vlan.id", "ip.src", "ipv6.src", "ip.ttl", "ipv6.hlim", "erspan.spanid",
          "erspan.direction", "icmp.type", "ip.len")
ICMP_HEADERS = 28
RSPAN_VLAN = 551  # of what is received; one more: of what is sent
LOCAL = "10.9.0.1+fd09::1"
KEY = "(outer IP, 0 received 1 sent, ICMP type, bytes, outer VLAN, TTL, source, inner VLAN)"


class Row:
    def __init__(self, number, line):
        self.number = number
        self.script, self.case, self.where, self.topology, self.rest = (part.strip() for part in line.split("|", 4))

    def counts(self):
        return [step for step in self.rest.split() if step[0].isdigit()]

    def pings(self):
        return [step for step in self.rest.split() if step.partition("=")[0] == "ping"]


def rows():
    with open(os.path.join(HERE, "rows"), encoding="utf-8") as file:
        lines = [line for line in file if line.strip() and not line.startswith("#")]
    return [Row(number, line) for number, line in enumerate(lines)]


def rows_of(place):
    return [row for row in rows() if row.where == place]


def script(place):
    for row in rows_of(place):
        print("run", row.number, shlex.quote(row.topology), *map(shlex.quote, row.rest.split()))
    print("reset")
    return 0


# ---- what arrived ----

def expected_of(step, versions):
    """(version of the outer packets, count, (their VLAN, TTL and source, VLAN of the mirrored frame)) of a step of the table."""
    numbers, _, options = step.partition(":")
    options = dict(option.split("=") for option in options.split(",") if option)
    counts = numbers.split("/")
    for place, version in enumerate(versions):
        local = dict(zip((4, 6), options.get("local", LOCAL).split("+"))).get(version)
        yield version, int(counts[min(place, len(counts) - 1)]), (int(options.get("vlan", 0)), int(options.get("ttl", 64)), local,
                                                                  int(options.get("inner", 0)))


def read_log(path):
    """Lines of the counts, each the fields behind "count", and how often each row has pinged."""
    counts, pinged = [], Counter()
    with open(path, encoding="utf-8") as file:
        for line in file:
            kind, _, rest = line.rstrip("\n").partition("|")
            if kind == "count":
                counts.append(rest.split("|"))
            elif kind == "pinged":
                pinged[int(rest)] += 1
    return counts, pinged


def not_run(place, counts, pinged):
    """Every count and every ping of every row has been there, and no other."""
    for row in rows_of(place):
        steps = [step for number, _, step, _, _ in counts if int(number) == row.number]
        if steps != row.counts() or pinged[row.number] != len(row.pings()):
            yield f"{row.script}, {row.case}: {steps} have run, and {pinged[row.number]} pings; the table says {row.rest}"


def wanted(counts):
    """KEY -> frames; and the ends of each size."""
    frames, ends = Counter(), {}
    for _, size, step, versions, to in counts:
        size = int(size)
        for version, number, headers in expected_of(step, [int(version) for version in versions.split()]):
            for received, sent, bytes_ in ((REQUEST, ANSWER, size), (ANSWER, REQUEST, size + 1)):
                frames[version, RECEIVED, received, bytes_, *headers] += number
                frames[version, SENT, sent, bytes_, *headers] += number
        if to == "h2":
            ends[size, REQUEST] = ends[size + 1, ANSWER] = ENDS
            ends[size, ANSWER] = ends[size + 1, REQUEST] = ENDS[::-1]
    return frames, ends


def packets(path):
    command = ["tshark", "-n", "-r", path, "-Y", "icmp.type == 0 || icmp.type == 8", "-T", "fields"]
    for field in FIELDS:
        command += ["-e", field]
    output = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    for line in output.splitlines():
        yield dict(zip(FIELDS, (value.split(",") for value in line.split("\t"))))


def describe(packet):
    """As in wanted(), and source and destination of the mirrored frame; None if it is not to the collector, or no copy."""
    inner = int(packet["icmp.type"][-1]), int(packet["ip.len"][-1]) - ICMP_HEADERS
    frame = packet["eth.src"][-1], packet["eth.dst"][-1]
    vlans = [int(vlan) for vlan in packet["vlan.id"] if vlan] + [0]
    outer, is_erspan, _ = packet["frame.protocols"][0].partition(":erspan:")
    if not is_erspan:
        return ((0, vlans[0] - RSPAN_VLAN, *inner, 0, 64, None, vlans[1]), frame) if vlans[0] - RSPAN_VLAN in DIRECTIONS else None
    if packet["eth.dst"][0] != COLLECTOR or packet["erspan.spanid"][0] != SESSION:
        return None
    version = 6 if ":ipv6" in outer else 4
    ttl, source = (packet[field][0] for field in (("ipv6.hlim", "ipv6.src") if version == 6 else ("ip.ttl", "ip.src")))
    vlans = vlans if ":vlan" in outer else [0, *vlans]
    return (version, int(packet["erspan.direction"][0]), *inner, vlans[0], int(ttl), source, vlans[1]), frame


def arrived(captures, ends):
    """As wanted() says; and what is wrong with the frames themselves."""
    frames, wrong = Counter(), []
    for packet in (packet for path in captures for packet in packets(path)):
        found = describe(packet)
        if not found:
            continue
        key, frame = found
        frames[key] += 1
        if (key[3], key[2]) in ends and frame != ends[key[3], key[2]]:
            wrong.append(f"a frame of {key} is from and to {frame}")
    return frames, wrong


def check(place, log, *captures):
    counts, pinged = read_log(log)
    wrong = list(not_run(place, counts, pinged))
    frames, ends = wanted(counts)
    got, wrong_frames = arrived(captures, ends)
    names = {}
    for number, size, step, _, _ in counts:
        row = rows()[int(number)]
        names[int(size)] = names[int(size) + 1] = f"{row.script}, {row.case}, {row.rest} at {step}"
    for key in sorted(frames.keys() | got.keys(), key=str):
        if frames[key] != got[key]:
            wrong.append(f"{names.get(key[3], 'no row')}: {KEY} {key}: {got[key]} frames, expected {frames[key]}")
    wrong += wrong_frames
    print("\n".join(wrong[:20] or [f"{len(rows_of(place))} rows, {sum(got.values())} copies, each as the table says"]))
    return 1 if wrong else 0


# ---- the table for people ----

HEAD = """\
# The mirroring selftests of Linux, and farspan

What the kernel's `tools/testing/selftests/net/forwarding/mirror_*.sh` ask of `tc mirred` and the gretap devices, asked of farspan; and
what else there is for ERSPAN in the kernel and in Open vSwitch. A case sends 10 pings from each side through what is mirrored, once per
step: exactly 10 copies of the requests and 10 of the answers arrive, or exactly none, of each direction, over IPv4 and over IPv6 (ERSPAN
Type III; or in a VLAN), with the mirrored frame's own addresses and tag and the outer VLAN, TTL and source that are due. Where mirroring is
set up, farspan starts; where something else changes, it runs on.

Most cases run on the machine's kernel (test "selftests"); those that need VLAN devices, bonds, teams or the kernel's erspan devices run in
a guest with Debian's kernel 6.1 (test "selftests_6.1"; `tests/peers/selftests.sh 6.12` for the other). This page is made of the table that
these tests run, `tests/peers/selftests/rows`, by `tests/peers/selftests/selftests.py table`; a test compares them.

| script | case | steps | result |
|---|---|---|---|
"""


def result(row):
    if row.where == "-":
        return f"does not apply: {row.rest}"
    if row.where in PLACES:
        return PLACES[row.where]
    return f"passes, as {row.where}: {row.rest}"


def document():
    lines = []
    for row in rows():
        steps = row.rest.replace("_", " ") if row.where in PLACES else ""
        lines.append(f"| {row.script} | {row.case} | {steps} | {result(row)} |")
    return HEAD + "\n".join(lines) + "\n"


def table():
    print(document(), end="")
    return 0


def compare(*tests):
    with open(DOCUMENT, encoding="utf-8") as file:
        wrong = [] if file.read() == document() else ["docs/selftests.md is not what selftests.py table prints"]
    for row in rows():
        if row.where not in PLACES and row.where != "-" and row.where not in tests:
            wrong.append(f"{row.script}, {row.case}: there is no test {row.where}")
        if row.where in PLACES and not row.counts() + row.pings():
            wrong.append(f"{row.script}, {row.case}: it counts nothing")
    print("\n".join(wrong or [f"{len(rows())} rows"]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit({"script": script, "check": check, "table": table, "compare": compare}[sys.argv[1]](*sys.argv[2:]))
