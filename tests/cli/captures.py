# SPDX-License-Identifier: BSD-2-Clause
"""Capture files, written and read byte by byte, so that nobody's library decides what is in them."""
import struct

ETHERNET, RAW, SLL, SLL2, NULL, USER0 = 1, 101, 113, 276, 0, 147


def write_pcap(path, packets, link=ETHERNET, order="<", nanoseconds=False):
    """packets: bytes each; the time of packet i is i seconds and i fractions."""
    with open(path, "wb") as file:
        file.write(struct.pack(order + "IHHiIII", 0xA1B23C4D if nanoseconds else 0xA1B2C3D4, 2, 4, 0, 0, 262144, link))
        for i, data in enumerate(packets):
            file.write(struct.pack(order + "IIII", i, i, len(data), len(data)) + data)


def block(order, kind, body):
    body += b"\0" * (-len(body) % 4)
    return struct.pack(order + "II", kind, len(body) + 12) + body + struct.pack(order + "I", len(body) + 12)


def write_pcapng(path, links, packets, order="<"):
    """links: link type of each interface; packets: (interface, bytes). Times are in nanoseconds, 10**9 apart."""
    with open(path, "ab") as file:
        file.write(block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1)))
        for link in links:
            file.write(block(order, 1, struct.pack(order + "HHIHHBxxxHH", link, 0, 0, 9, 1, 9, 0, 0)))
        for i, (interface, data) in enumerate(packets):
            time = i * 10**9 + i
            file.write(block(order, 6, struct.pack(order + "IIIII", interface, time >> 32, time & 0xFFFFFFFF, len(data), len(data)) + data))


def read_pcap(path):
    """The packets of a microsecond, little-endian pcap file."""
    with open(path, "rb") as file:
        content = file.read()
    assert content[:4] == b"\xd4\xc3\xb2\xa1"
    packets, at = [], 24
    while at < len(content):
        length = struct.unpack_from("<I", content, at + 8)[0]
        packets.append(content[at + 16:at + 16 + length])
        at += 16 + length
    return packets


def read_options(body):
    options, at = {}, 0
    while at + 4 <= len(body):
        code, length = struct.unpack_from("<HH", body, at)
        if code == 0:
            break
        options.setdefault(code, body[at + 4:at + 4 + length])
        at += 4 + (length + 3) // 4 * 4
    return options


def read_pcapng(path):
    """A little-endian file as (type, fields) of each block; fields depend on the type."""
    with open(path, "rb") as file:
        content = file.read()
    blocks, at = [], 0
    while at < len(content):
        kind, length = struct.unpack_from("<II", content, at)
        body = content[at + 8:at + length - 4]
        assert struct.unpack_from("<I", content, at + length - 4)[0] == length
        if kind == 1:
            blocks.append(("interface", {"link": struct.unpack_from("<H", body)[0], "options": read_options(body[8:])}))
        elif kind == 6:
            interface, high, low, captured, original = struct.unpack_from("<IIIII", body)
            blocks.append(("packet", {"interface": interface, "time_ns": high << 32 | low, "original": original,
                                      "data": body[20:20 + captured], "options": read_options(body[20 + (captured + 3) // 4 * 4:])}))
        elif kind == 5:
            blocks.append(("statistics", {"interface": struct.unpack_from("<I", body)[0], "options": read_options(body[12:])}))
        else:
            blocks.append((kind, {}))
        at += length
    return blocks
