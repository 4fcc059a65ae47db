#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
usage: collected.py counters SUMMARY [NAME=NUMBER...]   the sums of what "farspan collect --json" printed hold, and NAMEs (counters, or
                                                        reasons of refusal or loss) have those NUMBERs
       collected.py refused SUMMARY FILE.json           exactly those packets were refused, for those reasons
       collected.py sessions SUMMARY FILE.json          exactly those sessions have been seen, with so many frames
       collected.py recording SUMMARY FILE.pcapng       interfaces, sequence numbers and statistics of the recording agree with the summary
"""
import json
import struct
import sys
from collections import Counter

from packets import read, statistics

SEQUENCE, DIRECTION = 5, 2  # options of a packet block
RECEIVED = 4                # option of a statistics block


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def differ(what, expected, got):
    if expected != got:
        print(f"{what}: expected {expected}, got {got}")
    return expected != got


def counters(summary, *wanted):
    found = load(summary)
    refused, dropped = found["refused"], found["dropped"]
    total = found["written"] + found["unrecorded"] + found["reassembled"] + found["marker"] + sum(refused.values()) + sum(dropped.values())
    wrong = differ("received, as the sum of written, unrecorded, reassembled, marker, refused and dropped", total, found["received"])
    every = dict(found, **refused, **dropped)
    for name, _, number in (item.partition("=") for item in wanted):
        wrong |= differ(name, int(number), every[name])
    if wrong:
        print(json.dumps(found))
    return not wrong


def refused(summary, expected):
    got = {name: number for name, number in load(summary)["refused"].items() if number}
    return not differ("refused", load(expected), got)


def sessions(summary, expected):
    got = Counter()
    for session in load(summary)["sessions"]:
        got[f"{session['kind']} {session.get('id', '')}".strip()] += session["packets"]
    return not differ("sessions", load(expected), dict(sorted(got.items())))


def recording(summary, path):
    found = load(summary)
    packets = read(path)
    # What is IP without Ethernet has an interface of its own in the file.
    names = Counter(packet.interface[0].removesuffix(" ip") for packet in packets)
    expected = {session["name"]: session["packets"] for session in found["sessions"]}
    wrong = differ("frames by the name of their interface", expected, dict(names))
    for session in found["sessions"]:
        numbers = [struct.unpack("<Q", packet.options[SEQUENCE])[0] for packet in packets
                   if packet.interface[0].removesuffix(" ip") == session["name"] and SEQUENCE in packet.options]
        if "lost" in session:
            wrong |= differ(f"sequence numbers of {session['name']}", session["packets"], len(set(numbers)))
    counted = sum(struct.unpack("<Q", options[RECEIVED])[0] for _, options in statistics(path) if RECEIVED in options)
    wrong |= differ("frames by the statistics blocks", len(packets) + found["lost"], counted)
    directions = Counter(struct.unpack("<I", packet.options[DIRECTION])[0] & 3 for packet in packets
                         if packet.interface[0].startswith("erspan3") and DIRECTION in packet.options)
    print(f"{len(packets)} frames of {len(names)} interfaces, Type III: {directions[1]} inbound, {directions[2]} outbound")
    return not wrong


if __name__ == "__main__":
    actions = {"counters": counters, "refused": refused, "sessions": sessions, "recording": recording}
    sys.exit(0 if actions[sys.argv[1]](*sys.argv[2:]) else 1)
