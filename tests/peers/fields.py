#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
usage: fields.py CAPTURE [COUNT:KEY=VALUE,...]...

What "farspan decode" says of each packet is what tshark says, in every field that tshark shows. With expectations: exactly COUNT mirror
packets have all of those values, in the words of "farspan decode --json", and there are no mirror packets besides.
"""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))
import pdml  # noqa: E402


def decode(path):
    command = [os.environ["FARSPAN"], "decode", "-r", path, "--json"]
    result = subprocess.run(command, capture_output=True, check=True)
    return [json.loads(line) for line in result.stdout.splitlines()]


def disagreements(ours, theirs):
    if len(ours) != len(theirs):
        yield f"{len(ours)} packets, tshark has {len(theirs)}"
    for mine, other in zip(ours, theirs):
        fragment = other.pop("is_fragment")
        if fragment and other["kind"] != "none":
            # tshark counts from the start of the reassembled payload, farspan from the IP header in front of it.
            other["inner_off"] += 20 if ":" not in other["outer_src"] else 40
        differ = {key: (mine.get(key), value) for key, value in other.items() if mine.get(key) != value}
        if differ:
            yield f"packet {mine['n']}: (farspan, tshark) {differ}"


def matches(packet, wanted):
    return all(str(packet.get(key)).lower() == value for key, value in wanted)


def unexpected(packets, expectations):
    total = 0
    for expectation in expectations:
        count, _, keys = expectation.partition(":")
        wanted = [key.partition("=")[::2] for key in keys.split(",")]
        total += int(count)
        found = sum(matches(packet, wanted) for packet in packets)
        if found != int(count):
            yield f"{found} packets with {keys}, expected {count}"
    if expectations and total != len(packets):
        yield f"{len(packets)} mirror packets, expected {total}"


def main(path, *expectations):
    ours = decode(path)
    packets = [packet for packet in ours if packet["kind"] != "none"]
    wrong = list(disagreements(ours, pdml.read(path))) + list(unexpected(packets, expectations))
    print("\n".join(wrong[:10] or [f"{len(packets)} mirror packets: farspan and tshark agree on every field"]))
    return 1 if wrong or not packets else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
