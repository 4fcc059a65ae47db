#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
usage: recorded.py whole FILE...      each file is whole blocks of one section, or empty, and tshark reads it; prints the number of frames
       recorded.py readable FILE...   the same, but for what was being written at the end
       recorded.py complete FILE...   and each has statistics of every interface, which agree with its frames

Files that end with .zst are read through zstd, which checks them.
"""
import struct
import subprocess
import sys

SECTION, INTERFACE, NAMES, STATISTICS, PACKET = 0x0A0D0D0A, 1, 4, 5, 6
RECEIVED, LOST = 4, 7  # options of statistics


def content(path, cut):
    if path.endswith(".zst"):
        return subprocess.run(["zstd", "-dqc", path], capture_output=True, check=not cut).stdout
    with open(path, "rb") as file:
        return file.read()


def blocks(path, cut):
    data, at = content(path, cut), 0
    while at < len(data):
        kind, length = struct.unpack_from("<II", data + bytes(8), at)
        if cut and length > len(data) - at:
            return
        if length > len(data) - at or struct.unpack_from("<I", data, at + length - 4)[0] != length:
            raise ValueError(f"{path}: byte {at}: a block that is not whole")
        yield kind, data[at + 8:at + length - 4]
        at += length


def options(body):
    at, found = 12, {}
    while at + 4 <= len(body):
        code, length = struct.unpack_from("<HH", body, at)
        if length == 8:
            found[code] = struct.unpack_from("<Q", body, at + 4)[0]
        at += 4 + (length + 3 & ~3)
    return found


def check(path, mode):
    kinds, counted, complete, cut = [], 0, mode == "complete", mode == "readable"
    for kind, body in blocks(path, cut):
        if kind == STATISTICS:
            counted += options(body)[RECEIVED] - options(body)[LOST]
        kinds.append(kind)
    frames, interfaces = kinds.count(PACKET), kinds.count(INTERFACE)
    if kinds and (kinds[0] != SECTION or kinds.count(SECTION) != 1 or kinds.count(NAMES) < interfaces):
        raise ValueError(f"{path}: not one section with a name for each interface: {kinds[:9]}")
    if complete and (not kinds or kinds.count(STATISTICS) != interfaces or counted != frames):
        raise ValueError(f"{path}: {frames} frames, {counted} by the statistics of {interfaces} interfaces")
    if cut and path.endswith(".zst"):
        return frames  # tshark reads nothing of a compressed file without its end
    command = ["tshark", "-n", "-r", path, "-T", "fields", "-e", "frame.number"]
    tshark = subprocess.run(command, capture_output=True, check=not cut, text=True)
    if len(tshark.stdout.split()) != frames or ("cut short" in tshark.stderr and not cut):
        raise ValueError(f"{path}: {frames} frames, tshark reads {len(tshark.stdout.split())}: {tshark.stderr}")
    return frames


if __name__ == "__main__":
    print(sum(check(path, sys.argv[1]) for path in sys.argv[2:]))
