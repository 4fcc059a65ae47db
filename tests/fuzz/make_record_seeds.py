#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Writes the seed corpora of the recorder's targets: make_record_seeds.py [DIRECTORY]."""

import pathlib
import struct
import sys

from make_seeds import INNER, TYPE2, ethernet, ipv4, ipv6

OUTER = ethernet(0x0800, ipv4(47, TYPE2 + INNER))
IP = OUTER[14:]


def pcap(order, magic, link, packets):
    records = b"".join(struct.pack(order + "IIII", 1, 2, len(data), len(data)) + data for data in packets)
    return struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, link) + records


def block(order, kind, body):
    body += b"\0" * (-len(body) % 4)
    return struct.pack(order + "II", kind, len(body) + 12) + body + struct.pack(order + "I", len(body) + 12)


def pcapng(order):
    options = struct.pack(order + "HHB3xHHqHH", 9, 1, 0x94, 14, 8, -5, 0, 0)
    yield block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))
    yield block(order, 1, struct.pack(order + "HHI", 1, 0, 40))
    yield block(order, 1, struct.pack(order + "HHI", 113, 0, 0) + options)
    yield block(order, 0x0BAD, b"skipped")
    yield block(order, 6, struct.pack(order + "IIIII", 0, 1, 2, len(OUTER), 99) + OUTER)
    cooked = b"\0" * 14 + b"\x81\0\0\5\x08\0" + IP
    yield block(order, 2, struct.pack(order + "HHIIII", 1, 0, 1, 2, len(cooked), len(cooked)) + cooked)
    yield block(order, 3, struct.pack(order + "I", len(OUTER)) + OUTER[:40])


def row(packet, seconds=0):
    return struct.pack(">BH", seconds, len(packet)) + packet


def step(number, timestamp, session=0, upper=0, clock=1 << 5, passed=0x10000008):
    return struct.pack(">BIIIBI", session, number, timestamp, upper, clock, passed)


def fragments4():
    payload = TYPE2 + INNER + bytes(30)
    cuts = [0, 16, 40, len(payload)]
    for start, end in zip(cuts, cuts[1:]):
        yield ipv4(47, payload[start:end], fragment=start // 8 | (0x2000 if end < len(payload) else 0))


def fragments6():
    payload = TYPE2 + INNER
    yield ipv6(44, struct.pack(">BBHI", 47, 0, 0 | 1, 7) + payload[:24])
    yield ipv6(44, struct.pack(">BBHI", 47, 0, 24, 7) + payload[24:])


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "seeds")
    four, six = list(fragments4()), list(fragments6())
    seeds = {
        "fuzz_capture": {
            "pcap": pcap("<", 0xA1B2C3D4, 1, [OUTER, OUTER]),
            "pcap_big_ns": pcap(">", 0xA1B23C4D, 101, [IP]),
            "pcap_null": pcap("<", 0xA1B2C3D4, 0, [b"\2\0\0\0" + IP]),
            "pcap_cut": pcap("<", 0xA1B2C3D4, 1, [OUTER])[:-1],
            "pcapng": b"".join(pcapng("<")),
            "pcapng_both": b"".join(pcapng(">")) + b"".join(pcapng("<")),
        },
        "fuzz_reassembly": {
            "ipv4": b"".join(map(row, four)),
            "ipv4_reversed": b"".join(map(row, four[::-1])),
            "ipv4_twice": b"".join(map(row, [four[0]] + four)),
            "ipv4_overlap": row(four[0]) + row(ipv4(47, b"\xff" * 16, fragment=0x2001)) + row(four[1]),
            "ipv4_late": row(four[0]) + row(four[1], 31) + row(four[2]),
            "ipv6": b"".join(map(row, six)),
        },
        "fuzz_recording": {
            "full": bytes([0, 0, 9, 3, 0, 0, 50, 4, 77, 1, 2, 2, 0, 0, 7, 6, 0, 2, 0, 1, 3, 3, 0]),
            "short_writes": bytes([1, 0, 1, 5, 30, 1, 2, 3, 0, 2, 0, 5, 0, 0, 9, 2, 0, 6, 0, 2, 0, 0, 4]),
            "not_cut": bytes([0, 0, 9, 7, 0, 4, 40, 1, 3, 2, 0, 0, 1, 2, 0, 6, 0, 2, 0, 0, 5, 3, 0]),
        },
        "fuzz_trackers": {
            "in_order": b"".join(step(n, n * 1000) for n in range(20)),
            "again": b"".join(step(n % 12, n * 1000, clock=0) for n in range(30)),
            "shared": b"".join(step(n, n * 1000, session=n % 3, upper=7, clock=0x80 | 1 << 5 | 3) for n in range(30)),
            "wrap_30": b"".join(step(0x3FFFFFF8 + n & 0x3FFFFFFF, 0xFFFFFFF0 + n & 0xFFFFFFFF, clock=2 << 5) for n in range(20)),
            "steps": b"".join(step(n, n * 100000, session=4 * (n == 10), passed=0xFFFFFF10 if n == 10 else 0x40000008) for n in range(20)),
            "marker": b"".join(step(n, n * 100000, session=8, clock=3 << 5) for n in range(20)),
        },
    }
    for target, files in seeds.items():
        (root / target).mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (root / target / name).write_bytes(content)


if __name__ == "__main__":
    main()
