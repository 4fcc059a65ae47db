#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
usage: make_marker.py FILE SOURCE-MAC DESTINATION-MAC SOURCE DESTINATION PORT

A marker packet as NX-OS sends it, and an ERSPAN Type III packet with a timestamp that only the marker explains.
"""
import logging
import struct
import sys
import time

logging.getLogger("scapy").setLevel(logging.ERROR)
from scapy.contrib.erspan import ERSPAN_III  # noqa: E402
from scapy.layers.inet import GRE, IP, UDP  # noqa: E402
from scapy.layers.l2 import Ether  # noqa: E402
from scapy.packet import Raw  # noqa: E402
from scapy.utils import wrpcap  # noqa: E402


def main(file, source_mac, destination_mac, source, destination, port):
    outer = Ether(src=source_mac, dst=destination_mac) / IP(src=source, dst=destination)
    marker = bytes(25) + struct.pack("!BQII", 37, 0x123400001000, int(time.time()) + 37, 0) + bytes(12) + b"\xa5" * 4
    frame = Ether(src="02:00:00:00:00:aa", dst="02:00:00:00:00:bb", type=0x88B7) / Raw(bytes(50))
    stamped = GRE(proto=0x22EB, seqnum_present=1, sequence_number=1) / ERSPAN_III(session_id=9, timestamp=0x2000, gra=3)
    wrpcap(file, [outer / UDP(sport=5000, dport=int(port)) / Raw(marker), outer / stamped / frame])


if __name__ == "__main__":
    main(*sys.argv[1:])
