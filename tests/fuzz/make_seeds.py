#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Writes the seed corpora: make_seeds.py [DIRECTORY]. A small file for each way through the decoder; the first byte switches the target."""

import pathlib
import struct
import sys
import zlib

INNER = bytes.fromhex("02000000000c02000000000d88b5") + bytes(range(18))
TAGGED = bytes.fromhex("02000000000c02000000000d88a80064810000c888b5") + bytes(range(8))
LINK = bytes.fromhex("02000000000a02000000000b")
TYPE2 = bytes.fromhex("100088be000000011abcb55500054321")
TYPE3 = bytes.fromhex("100022eb000000012abcb55589abcdef")
VXLAN = bytes.fromhex("0800000012345600")
GENEVE = bytes.fromhex("0280655812345600") + bytes.fromhex("01028001deadbeef")
TZSP = bytes.fromhex("01000001") + bytes.fromhex("0a01ff002904000005dc01")
PACKET_SIZE = 240  # struct farspan_packet on 64 bits, of which the fields from link_dst on are used
IP_VERSION_AT = 21


def ethernet(ethertype, payload, tags=b""):
    return LINK + tags + struct.pack(">H", ethertype) + payload


def ipv4(protocol, payload, options=b"", fragment=0x4000):
    words = 5 + len(options) // 4
    header = struct.pack(">BBHHHBBH", 0x40 | words, 0, 4 * words + len(payload), 0x1234, fragment, 64, protocol, 0)
    return header + bytes([10, 0, 0, 1, 10, 0, 0, 2]) + options + payload


def ipv6(next_header, payload, length=None):
    header = struct.pack(">IHBB", 0x60000000, len(payload) if length is None else length, next_header, 64)
    return header + b"\xfd" + bytes(14) + b"\x01\xfd" + bytes(14) + b"\x02" + payload


def udp(port, payload):
    return struct.pack(">HHHH", 0xC000, port, 8 + len(payload), 0) + payload


def gre(bits, protocol, payload):
    """With a right checksum if bit 8 asks for one."""
    options = (b"\0\0\0\0" if bits & 8 else b"") + (b"\xde\xad\xbe\xef" if bits & 2 else b"") + (b"\0\0\0\1" if bits & 1 else b"")
    packet = bytearray(struct.pack(">HH", bits << 12, protocol) + options + payload)
    if bits & 8:
        padded = bytes(packet) + b"\0" * (len(packet) % 2)
        total = sum(struct.unpack(f">{len(padded) // 2}H", padded))
        while total >> 16:
            total = (total & 0xFFFF) + (total >> 16)
        packet[4:6] = struct.pack(">H", ~total & 0xFFFF)
    return bytes(packet)


def subheader(platf):
    return TYPE3 + b"\xbe\xef\x82\xad" + struct.pack(">II", platf << 26 | 0x2A5BEEF & 0x3FFFFFF, 0xCAFEF00D)


def nested(count):
    payload = INNER
    for i in range(count):
        tunnels = [(47, gre(0, 0x88BE, payload)), (47, TYPE2 + payload), (47, gre(2, 0x6558, payload)), (17, udp(4789, VXLAN + payload))]
        payload = ethernet(0x0800, ipv4(*tunnels[i % 4]))
    return payload


def frames():
    erspan2 = TYPE2 + INNER
    yield "type1", ethernet(0x0800, ipv4(47, gre(0, 0x88BE, INNER)))
    yield "type2", ethernet(0x0800, ipv4(47, erspan2))
    yield "type2_padded", ethernet(0x0800, ipv4(47, erspan2)) + bytes(6)
    yield "type2_tagged", ethernet(0x0800, ipv4(47, TYPE2 + TAGGED), b"\x88\xa8\x00\x01\x81\x00\x00\x02")
    yield "type2_ipv6", ethernet(0x86DD, ipv6(47, erspan2))
    yield "type2_options", ethernet(0x0800, ipv4(47, erspan2, bytes.fromhex("9404000001010100")))
    yield "type3", ethernet(0x0800, ipv4(47, TYPE3 + b"\xbe\xef\x82\xac" + INNER))
    yield "type3_88be", ethernet(0x0800, ipv4(47, gre(1, 0x88BE, TYPE3[8:] + b"\0\0\x80\0" + INNER)))
    yield "type3_ip", ethernet(0x0800, ipv4(47, TYPE3 + b"\0\0\x08\0" + ipv4(6, bytes(20))))
    for platf in (0, 1, 3, 4, 5, 6, 7):
        yield f"type3_platf{platf}", ethernet(0x0800, ipv4(47, subheader(platf) + INNER))
    yield "gre", ethernet(0x0800, ipv4(47, gre(0, 0x6558, INNER)))
    yield "gre_all", ethernet(0x0800, ipv4(47, gre(11, 0x6558, INNER)))
    yield "gre_foreign", ethernet(0x0800, ipv4(47, gre(0, 0x0800, ipv4(6, bytes(20)))))
    yield "gre_version", ethernet(0x0800, ipv4(47, bytes.fromhex("3081880b0000000000000000")))
    yield "vxlan", ethernet(0x0800, ipv4(17, udp(4789, VXLAN + INNER)))
    yield "geneve", ethernet(0x0800, ipv4(17, udp(6081, GENEVE + INNER)))
    yield "geneve_ip", ethernet(0x86DD, ipv6(17, udp(6081, bytes.fromhex("0000080000000500") + ipv4(6, bytes(20)))))
    yield "geneve_version", ethernet(0x0800, ipv4(17, udp(6081, b"\x40" + GENEVE[1:] + INNER)))
    yield "tzsp", ethernet(0x0800, ipv4(17, udp(37008, TZSP + INNER)))
    yield "tzsp_plain", ethernet(0x86DD, ipv6(17, udp(37008, bytes.fromhex("0100000101") + INNER)))
    yield "tzsp_alive", ethernet(0x0800, ipv4(17, udp(37008, bytes.fromhex("01040000"))))
    yield "vxlan_ipv6", ethernet(0x86DD, ipv6(17, udp(4789, VXLAN + INNER)))
    chain = bytes.fromhex("3c000104000000002b000104000000002c000400000000002f000000cafe0001")
    yield "extensions", ethernet(0x86DD, ipv6(0, chain + erspan2))
    yield "jumbo", ethernet(0x86DD, ipv6(0, bytes.fromhex("2f00c20400010000") + erspan2, 0))
    yield "fragment", ethernet(0x0800, ipv4(47, erspan2, b"", 0x2000))
    yield "fragment_ipv6", ethernet(0x86DD, ipv6(44, bytes.fromhex("2f0005a989abcdef") + erspan2))
    yield "nested8", nested(8)
    yield "nested9", nested(9)
    yield "arp", ethernet(0x0806, bytes(28))


def mirrored():
    """What switches leave in frames; in front of each what to undo, the kind and En, flags, COS and VLAN."""
    vntag, ttag, cmd = bytes.fromhex("892680010002"), bytes.fromhex("8988112233445566"), bytes.fromhex("8909010100011234")
    fabricpath = bytes.fromhex("01bbcc0001000200001000008903" + "0060")
    addresses, rest = INNER[:12], INNER[12:]
    chain = addresses + vntag + b"\x81\x00\xa0\x05" + cmd + ttag + rest
    yield "plain", b"\x7f\x05\0\0\0\0" + INNER
    yield "chain", b"\x7f\x82\0\5\1\x23" + chain
    yield "chain_kept", b"\x08\x05\0\0\0\0" + chain
    yield "fabricpath", b"\x7f\x05\0\0\0\0" + fabricpath + chain
    yield "fabricpath_kept", b"\x7e\x42\0\0\0\1" + fabricpath + chain
    yield "fcs", b"\x7f\x03\0\0\1\x23" + INNER + zlib.crc32(INNER).to_bytes(4, "little")
    yield "fcs_chain", b"\x1f\x05\0\0\0\0" + chain + zlib.crc32(chain).to_bytes(4, "little")
    yield "eight", b"\x7f\x42\0\7\x0f\xff" + addresses + 9 * ttag + rest
    yield "ip", b"\x7f\x03\1\0\0\1" + ipv4(6, bytes(20))


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "seeds")
    decode, roundtrip, inner = root / "fuzz_decode", root / "fuzz_roundtrip", root / "fuzz_inner"
    for directory in (decode, roundtrip, inner):
        directory.mkdir(parents=True, exist_ok=True)
    for name, frame in frames():
        (decode / name).write_bytes(b"\0" + frame)
    (decode / "raw_ipv4").write_bytes(b"\1" + ipv4(47, TYPE2 + INNER))
    (decode / "raw_ipv6_port").write_bytes(b"\3" + ipv6(17, udp(8472, VXLAN + INNER)))
    for name, data in mirrored():
        (inner / name).write_bytes(data)
    for name, frame in frames():
        if name in ("type1", "type2_tagged", "type2_ipv6", "type3_88be", "type3_platf5", "gre_all", "vxlan", "geneve", "tzsp",
                    "extensions"):
            (roundtrip / name).write_bytes(b"\0" + frame)
    for kind in range(1, 8):
        fields = bytearray(PACKET_SIZE)
        fields[IP_VERSION_AT] = 4 if kind & 1 else 6
        (roundtrip / f"fields{kind}").write_bytes(b"\2" + fields + bytes([kind, kind & 1, 0, 0, 1, 1, 1, 0]) + INNER)


if __name__ == "__main__":
    main()
