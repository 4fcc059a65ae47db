#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
usage: make_frames.py FILE                  writes a capture of frames of every special length and kind; each differs from all others
       make_frames.py FILE OUTER INNER      writes the frames of INNER but those that came in a packet of OUTER, told by the time, which is
                                            an ICMP error that quotes a tunnel packet
"""
import struct
import sys

from packets import ip_of, read, untag

TO, FROM = bytes.fromhex("020000000afe"), bytes.fromhex("020000000afd")
GROUPS = {"lldp": "0180c200000e", "stp": "0180c2000000", "broadcast": "ffffffffffff", "nd": "3333ff000001"}


def fill(length, seed):
    return bytes((seed * 31 + i * 7) & 255 for i in range(length))


def plain(length):
    return (TO + FROM + struct.pack(">H", 0x88B6) + struct.pack(">H", length) + fill(length, length))[:length]


def to(group, kind, payload):
    return bytes.fromhex(GROUPS[group]) + FROM + struct.pack(">H", kind) + payload


def named():
    arp = struct.pack(">HHBBH", 1, 0x0800, 6, 4, 1) + FROM + bytes([10, 1, 0, 1]) + bytes(6) + bytes([10, 1, 0, 9])
    yield to("broadcast", 0x0806, arp)
    yield to("broadcast", 0x0806, arp + bytes(18))
    yield to("lldp", 0x88CC, b"\x02\x07\x04" + FROM + b"\x04\x05\x05eth0\x06\x02\x00\x78\x00\x00")
    yield to("stp", 0x0026, b"\x42\x42\x03" + bytes(35) + bytes(8))
    yield to("stp", 0x0100, b"\xaa\xaa\x03\x00\x00\x0c\x20\x00" + fill(0xF8, 1))
    yield to("nd", 0x86DD, struct.pack(">IHBB", 6 << 28, 24, 58, 255) + fill(16, 2) + fill(16, 3) + b"\x87\x00" + fill(22, 4))
    ipv4 = b"\x45\x00\x00\x2e" + bytes(5) + b"\x11\x00\x00\x0a\x01\x00\x01\x0a\x01\x00\x02"
    for tpid in (0x8100, 0x88A8, 0x9100):
        for tci in (0x0001, 0x0FFF, 0xF064, 0x0000, 0x1000):
            yield TO + FROM + struct.pack(">HHH", tpid, tci, 0x0800) + ipv4 + fill(26, tci)
            yield TO + FROM + struct.pack(">HHHHH", tpid, tci, 0x8100, 0x2003, 0x86DD) + fill(40, tci)
    yield TO + FROM + struct.pack(">HHHHHHH", 0x88A8, 1, 0x88A8, 2, 0x8100, 3, 0x0806) + arp
    # A frame that ends inside of its tag is none: the kernel itself drops it before anybody sees it.
    for kind in (0x0800, 0x86DD, 0x8100, 0x88A8, 0x0806, 0x8847, 0x8863, 0x88F7, 0x0000, 0x0600, 0xFFFF):
        for length in (0, 1, 2, 3, 4, 19, 20, 39, 40, 46)[5 if kind in (0x8100, 0x88A8) else 0:]:
            yield TO + FROM + struct.pack(">H", kind) + fill(length, kind & 255)


def frames():
    powers = [length + 2**power for power in range(8, 14) for length in (-1, 0, 1)]
    for length in sorted({*range(14, 132), *powers, *range(1440, 1524), 8999, 9000, 9001, 9013, 9014}):
        yield plain(length)
    yield from named()


def unquoted(outer, inner):
    errors = {packet.time_ns for packet in read(outer) if (ip_of(packet.data[untag(packet.data)[2]:]) or [0] * 8)[7] in (1, 58)}
    return [packet.data for packet in read(inner) if packet.time_ns not in errors]


def main(path, *captures):
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1))
        for number, frame in enumerate(unquoted(*captures) if captures else frames()):
            file.write(struct.pack("<IIII", 1, number, len(frame), len(frame)) + frame)


if __name__ == "__main__":
    main(*sys.argv[1:])
