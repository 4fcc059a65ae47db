#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""usage: make_flood.py FILE MAC MAC FROM TO COUNT LENGTH    COUNT packets of ERSPAN Type II with frames of LENGTH bytes, numbered"""
import struct
import sys

from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.utils import PcapWriter

SESSION = 1000


def main(path, source_mac, destination_mac, source, destination, count, length):
    inner = bytes(Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP(src="10.1.0.1", dst="10.1.0.2") / UDP(sport=1, dport=2))
    inner += bytes(int(length) - len(inner))
    outer = Ether(src=source_mac, dst=destination_mac) / IP(src=source, dst=destination, ttl=64, proto=47)
    header = bytes(outer / bytes(16 + len(inner)))[:len(outer)]
    with PcapWriter(path, linktype=1) as writer:
        for number in range(int(count)):
            writer.write(header + struct.pack(">HHIII", 0x1000, 0x88BE, number, 1 << 28 | SESSION, 0) + inner)


if __name__ == "__main__":
    main(*sys.argv[1:])
