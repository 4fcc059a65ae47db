#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Frames with headers of every length, and flows.

usage: make_headers.py headers FILE ENDS   ENDS: a line for each frame, with its name and where L2, L3 and L4 end in it
       make_headers.py flows FILE COUNT    of each flow two datagrams there and two back, the ports from 1001 on to 7
"""
import struct
import sys

MACS = bytes.fromhex("020000000b01 020000000a01")
TAGS = {"no tag": "", "a tag": "8100 0064", "two tags": "88a8 00c8 8100 0064"}
PAYLOAD = bytes(200)
UDP, ICMP, SCTP = struct.pack(">HHHH", 1, 2, 208, 0), bytes([8, 0, 0, 0, 0, 1, 0, 1]), struct.pack(">HHII", 1, 2, 3, 4)
FIRST, LATER = struct.pack(">HI", 1, 9), struct.pack(">HI", 0x101, 9)


def tcp(options):
    return struct.pack(">HHIIBBHHH", 1, 2, 3, 4, (20 + options) << 2, 16, 100, 0, 0) + bytes(options)


def ipv4(protocol, options, rest, fragment=0, addresses=bytes([10, 1, 0, 1, 10, 1, 0, 2])):
    start = 0x45 + options // 4
    return struct.pack(">BBHHHBBH", start, 0, 20 + options + len(rest), 1, fragment, 64, protocol, 0) + addresses + b"\1" * options


def ipv6(following, extensions, rest):
    address = bytes.fromhex("fd01" + "00" * 13 + "01")
    return struct.pack(">IHBB", 6 << 28, len(extensions) + len(rest), following, 64) + address * 2 + extensions


def extension(following, units):
    return bytes([following, units]) + bytes(units * 8 + 6)


def authentication(following, words):
    return bytes([following, words - 2]) + bytes(words * 4 - 2)


def over_ipv4():
    transports = {"UDP": (17, UDP), "TCP": (6, tcp(0)), "TCP and options": (6, tcp(12)), "TCP, longest": (6, tcp(40)), "SCTP": (132, SCTP),
                  "ICMP": (1, ICMP), "another protocol": (99, b"")}
    for options in (0, 4, 40):
        for name, (protocol, header) in transports.items():
            yield f"{name} over IPv4, {options} bytes of options", 0x0800, ipv4(protocol, options, header + PAYLOAD), header
    yield "a later fragment of IPv4", 0x0800, ipv4(17, 0, PAYLOAD, fragment=100), b""


def over_ipv6():
    rows = {
        "UDP": (17, b"", UDP),
        "ICMP": (58, b"", ICMP),
        "hop-by-hop": (0, extension(6, 0), tcp(20)),
        "hop-by-hop and destination": (0, extension(60, 1) + extension(17, 2), UDP),
        "routing": (43, extension(17, 2), UDP),
        "authentication": (51, authentication(6, 6), tcp(20)),
        "all of them": (0, extension(43, 0) + extension(51, 1) + authentication(60, 7) + extension(17, 0), UDP),
        "a first fragment": (44, b"\x11\0" + FIRST, UDP),
        "a later fragment": (44, b"\x11\0" + LATER, b""),
    }
    for name, (following, extensions, header) in rows.items():
        yield f"{name} over IPv6", 0x86DD, ipv6(following, extensions, header + PAYLOAD), header


def headers():
    for name, tags in TAGS.items():
        link = MACS + bytes.fromhex(tags)
        for what, ethertype, network, transport in (*over_ipv4(), *over_ipv6(), ("not IP", 0x88B5, b"", b"")):
            frame = link + struct.pack(">H", ethertype) + network + transport + PAYLOAD
            ends = len(link) + 2, len(link) + 2 + len(network), len(link) + 2 + len(network + transport)
            yield f"{what}, {name}".replace(" ", "_"), frame, ends


def flows(count):
    there, back = bytes([10, 1, 0, 1, 10, 1, 0, 2]), bytes([10, 1, 0, 2, 10, 1, 0, 1])
    for number in range(4 * count):
        port, turn = 1001 + number % count, number // count
        datagram = struct.pack(">HHHH", *((port, 7) if turn % 2 == 0 else (7, port)), 8 + 20, 0) + bytes(20)
        yield MACS + b"\x08\0" + ipv4(17, 0, datagram, addresses=there if turn % 2 == 0 else back) + datagram


def write(path, frames):
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for frame in frames:
            out.write(struct.pack("<IIII", 1700000000, 0, len(frame), len(frame)) + frame)


def main(what, path, rest):
    if what == "flows":
        write(path, flows(int(rest)))
        return
    rows = list(headers())
    write(path, [frame for _, frame, _ in rows])
    with open(rest, "w", encoding="ascii") as out:
        for name, _, ends in rows:
            print(name, *ends, file=out)


main(*sys.argv[1:])
