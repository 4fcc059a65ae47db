#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
usage: make_captures.py DIRECTORY         writes there captures that are hard to replay: cut, of several link types, with strange times
"""
import os
import struct
import sys

TO, FROM = bytes.fromhex("020000000afe"), bytes.fromhex("020000000afd")
SECOND = 10**9
NEVER = None


def frame(length, number=0):
    return (TO + FROM + struct.pack(">HI", 0x88B6, number) + bytes(i & 255 for i in range(length)))[:length]


def pcap(path, packets, order="<", link=1, unit=1):
    """packets: (time in ns, captured bytes, original length)"""
    with open(path, "wb") as file:
        file.write(struct.pack(order + "IHHiIII", 0xA1B23C4D if unit == 1 else 0xA1B2C3D4, 2, 4, 0, 0, 262144, link))
        for time, data, length in packets:
            file.write(struct.pack(order + "IIII", time // SECOND, time % SECOND // unit, len(data), length) + data)


def block(kind, body):
    length = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + length + body + length


def pcapng(path, links, packets):
    """packets: (interface, time or NEVER, captured bytes, original length)"""
    with open(path, "wb") as file:
        file.write(block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)))
        for link in links:
            file.write(block(1, struct.pack("<HHI", link, 0, 0) + struct.pack("<HHB3xHH", 9, 1, 9, 0, 0)))
        for interface, time, data, length in packets:
            padded = data + bytes(-len(data) % 4)
            if time is NEVER:
                file.write(block(3, struct.pack("<I", length) + padded))
            else:
                file.write(block(6, struct.pack("<IIIII", interface, time >> 32, time & 0xFFFFFFFF, len(data), length) + padded))


def main(directory):
    at = lambda name: os.path.join(directory, name)
    whole = [frame(41 + number, number) for number in range(40)] # half of them longer than 60 bytes
    times = [1700000000 * SECOND + number * 1000001 for number in range(40)]
    cut = [(time, data[:60], len(data)) for time, data in zip(times, whole)]
    pcap(at("uncut.pcap"), [(time, data, len(data)) for time, data in zip(times, whole)])
    pcap(at("cut.pcap"), cut)
    pcap(at("cut-big.pcap"), cut, ">", unit=1000)
    pcapng(at("cut.pcapng"), [1], [(0, *packet) for packet in cut])

    tagged = TO + FROM + struct.pack(">HHH", 0x8100, 5, 0x0800)
    fit = [tagged + bytes(2), frame(14), frame(9230, 2)]
    odd = [frame(65554), frame(200000), frame(13), tagged, b""]
    pcap(at("long.pcap"), [(0, data, len(data)) for data in fit + odd])
    pcap(at("long-whole.pcap"), [(0, data, len(data)) for data in fit])

    pcap(at("cooked.pcap"), [(0, bytes(80), 80)], link=113)
    pcapng(at("mixed.pcapng"), [1, 101], [(0, 1, frame(60), 60), (1, 2, bytes(60), 60), (0, 3, frame(60), 60)])

    pcap(at("timed.pcap"), [(step * SECOND // 2, frame(60), 60) for step in range(5)])
    year = 365 * 86400 * SECOND
    odd_times = [50 * year, 50 * year - 1000, NEVER, 10 * year, 10 * year + 1000, 9 * year]
    pcapng(at("back.pcapng"), [1], [(0, time, frame(60), 60) for time in odd_times])


if __name__ == "__main__":
    main(*sys.argv[1:])
