#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
usage: make_flood.py FILE MAC MAC FROM TO COUNT LENGTH [FIRST [WHOLE]]

COUNT packets of ERSPAN Type II with frames of LENGTH bytes, numbered from FIRST (0) on; behind them WHOLE packets of VXLAN with frames of
40,000 bytes, in fragments of 9,000.
"""
import struct
import sys

from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.utils import PcapWriter

SESSION = 1000


def fragments(outer, number, inner):
    data = struct.pack(">HHHHII", 1, 4789, 16 + len(inner), 0, 0x08000000, 5 << 8) + inner
    for at in range(0, len(data), 8976):
        part = data[at:at + 8976]
        ip = IP(src=outer[IP].src, dst=outer[IP].dst, proto=17, id=number, flags=int(at + len(part) < len(data)), frag=at // 8)
        yield bytes(Ether(src=outer.src, dst=outer.dst) / ip / part)


def main(path, source_mac, destination_mac, source, destination, count, length, first=0, whole=0):
    inner = bytes(Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP(src="10.1.0.1", dst="10.1.0.2") / UDP(sport=1, dport=2))
    inner += bytes(int(length) - len(inner))
    outer = Ether(src=source_mac, dst=destination_mac) / IP(src=source, dst=destination, ttl=64, proto=47)
    header = bytes(outer / bytes(16 + len(inner)))[:len(outer)]
    with PcapWriter(path, linktype=1) as writer:
        for number in range(int(first), int(first) + int(count)):
            writer.write(header + struct.pack(">HHIII", 0x1000, 0x88BE, number, 1 << 28 | SESSION, 0) + inner)
        for number in range(int(whole)):
            for fragment in fragments(outer, number, inner[:42] + bytes(39958)):
                writer.write(fragment)


if __name__ == "__main__":
    main(*sys.argv[1:])
