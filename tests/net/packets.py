# SPDX-License-Identifier: BSD-2-Clause
"""
Reads captures and takes tunnels off, written from the standards alone and sharing nothing with farspan, so that the tests can disagree
with it.
"""
import struct
from collections import namedtuple

ETHERNET, RAW = 1, 101
TAGS = (0x8100, 0x88A8)
FENCE = b"farspan-test-fence"

# interface: (name, description) in a pcapng file; options: of the packet block, code -> bytes
Packet = namedtuple("Packet", "time_ns link data original interface options")
Mirrored = namedtuple("Mirrored", "kind ip source destination ttl tos df fragment mac_source mac_destination gre seq erspan inner length")


def read(path):
    """Every packet of a pcap or pcapng file, in either byte order. A file that ends inside of a packet is an error."""
    with open(path, "rb") as file:
        data = file.read()
    magic = data[:4]
    if magic == b"\x0a\x0d\x0d\x0a":
        return list(read_pcapng(data))
    return list(read_pcap(data))


def read_pcap(data):
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    magic, _, _, _, _, _, link = struct.unpack_from(order + "IHHiIII", data)
    unit = {0xA1B2C3D4: 1000, 0xA1B23C4D: 1}[magic]
    at = 24
    while at < len(data):
        seconds, fraction, captured, original = struct.unpack_from(order + "IIII", data, at)
        at += 16
        if at + captured > len(data):
            raise ValueError("the capture ends inside of a packet")
        yield Packet(seconds * 10**9 + fraction * unit, link & 0xFFFF, data[at:at + captured], original, None, {})
        at += captured


def options(order, data):
    found = {}
    at = 0
    while at + 4 <= len(data):
        code, length = struct.unpack_from(order + "HH", data, at)
        if code == 0:
            break
        found.setdefault(code, data[at + 4:at + 4 + length])
        at += 4 + (length + 3 & ~3)
    return found


def blocks(data):
    """(byte order, type, body) of each block; both lengths must agree."""
    order = "<"
    at = 0
    while at < len(data):
        kind, = struct.unpack_from("<I", data, at)
        if kind == 0x0A0D0D0A:
            order = "<" if data[at + 8:at + 12] == b"\x4d\x3c\x2b\x1a" else ">"
        kind, length = struct.unpack_from(order + "II", data, at)
        if at + length > len(data) or struct.unpack_from(order + "I", data, at + length - 4)[0] != length:
            raise ValueError(f"a block at {at} is cut or has two lengths")
        yield order, kind, data[at + 8:at + length - 4]
        at += length


def read_pcapng(data):
    interfaces = []
    for order, kind, body in blocks(data):
        if kind == 0x0A0D0D0A:
            interfaces = []
        elif kind == 1:
            link, _, _ = struct.unpack_from(order + "HHI", body)
            had = options(order, body[8:])
            resolution = had.get(9, b"\x06")[0]
            interfaces.append((link, 10 ** (9 - resolution), (had.get(2, b"").decode(), had.get(3, b"").decode())))
        elif kind == 6:
            number, high, low, captured, original = struct.unpack_from(order + "IIIII", body)
            link, unit, names = interfaces[number]
            had = options(order, body[20 + (captured + 3 & ~3):])
            yield Packet((high << 32 | low) * unit, link, body[20:20 + captured], original, names, had)


def statistics(path):
    """[(interface name, options)] of the interface statistics blocks."""
    with open(path, "rb") as file:
        data = file.read()
    names, found = [], []
    for order, kind, body in blocks(data):
        if kind == 1:
            names.append(options(order, body[8:]).get(2, b"").decode())
        elif kind == 5:
            found.append((names[struct.unpack_from(order + "I", body)[0]], options(order, body[12:])))
    return found


def untag(frame):
    """(tags, EtherType, offset of what follows)"""
    tags, at = [], 12
    while len(frame) >= at + 4 and struct.unpack_from(">H", frame, at)[0] in TAGS:
        tags.append(struct.unpack_from(">HH", frame, at))
        at += 4
    return tags, struct.unpack_from(">H", frame, at)[0], at + 2


def ip_of(data):
    """(version, source, destination, ttl, tos, df, fragment, protocol, payload) of an IP packet, None if it is none."""
    if len(data) >= 20 and data[0] >> 4 == 4:
        size = (data[0] & 15) * 4
        tos, total = data[1], struct.unpack_from(">H", data, 2)[0]
        flags, = struct.unpack_from(">H", data, 6)
        return 4, data[12:16], data[16:20], data[8], tos, flags >> 14 & 1, bool(flags & 0x3FFF), data[9], data[size:total]
    if len(data) >= 40 and data[0] >> 4 == 6:
        head, length, following, hops = struct.unpack_from(">IHBB", data)
        return 6, data[8:24], data[24:40], hops, head >> 20 & 255, 0, following == 44, following, data[40:40 + length]
    return None


def parts_of(frame):
    """((version, source, destination, protocol, id), offset, more, payload, how to make a packet of a payload) of an outer packet."""
    _, kind, at = untag(frame)
    if kind == 0x0800:
        size = (frame[at] & 15) * 4
        total, ident, flags = struct.unpack_from(">HHH", frame, at + 2)

        def remake(payload):
            return frame[:at + 2] + struct.pack(">HHH", size + len(payload), ident, 0) + frame[at + 8:at + size] + payload

        key = 4, frame[at + 12:at + 16], frame[at + 16:at + 20], frame[at + 9], ident
        return key, (flags & 0x1FFF) * 8, bool(flags & 0x2000), frame[at + size:at + total], remake
    length, protocol = struct.unpack_from(">HB", frame, at + 4)
    if kind != 0x86DD or protocol != 44:
        return None
    inner, _, offset, ident = struct.unpack_from(">BBHI", frame, at + 40)

    def remake_ipv6(payload):
        return frame[:at + 4] + struct.pack(">HB", len(payload), inner) + frame[at + 7:at + 40] + payload

    key = 6, frame[at + 8:at + 24], frame[at + 24:at + 40], inner, ident
    return key, offset & 0xFFF8, bool(offset & 1), frame[at + 48:at + 40 + length], remake_ipv6


def defragmented(packets):
    """The packets of a capture, those that came in fragments put together; raises ValueError if one of them is not whole."""
    found, waiting = [], {}
    for packet in packets:
        kind = untag(packet.data)[1]
        parts = parts_of(packet.data) if kind in (0x0800, 0x86DD) else None
        if not parts or not (parts[1] or parts[2]):
            found.append(packet)
            continue
        key, offset, more, payload, remake = parts
        waiting.setdefault(key, {})[offset] = payload
        if more:
            continue
        pieces = sorted(waiting.pop(key).items())
        if any(start != sum(len(piece) for _, piece in pieces[:number]) for number, (start, _) in enumerate(pieces)):
            raise ValueError(f"fragments of {key} are missing or overlap")
        found.append(packet._replace(data=remake(b"".join(piece for _, piece in pieces))))
    if waiting:
        raise ValueError(f"{len(waiting)} packets have no last fragment")
    return found


ERSPAN2 = "version vlan cos en t session index"
ERSPAN3 = "version vlan cos bso t session timestamp sgt p ft hwid d gra o"


def erspan_of(payload, words):
    first, = struct.unpack_from(">I", payload)
    common = {"version": first >> 28, "vlan": first >> 16 & 0xFFF, "cos": first >> 13 & 7, "t": first >> 10 & 1, "session": first & 0x3FF}
    if words == 2:
        return dict(common, en=first >> 11 & 3, index=struct.unpack_from(">I", payload, 4)[0] & 0xFFFFF)
    stamp, sgt, last = struct.unpack_from(">IHH", payload, 4)
    return dict(common, bso=first >> 11 & 3, timestamp=stamp, sgt=sgt, p=last >> 15, ft=last >> 10 & 31, hwid=last >> 4 & 63,
                d=last >> 3 & 1, gra=last >> 1 & 3, o=last & 1)


def mirrored_of(frame):
    """What an outer frame carries, None if it is no ERSPAN."""
    _, kind, at = untag(frame)
    ip = ip_of(frame[at:]) if kind in (0x0800, 0x86DD) else None
    if ip and ip[7] == 17 and struct.unpack_from(">H", ip[8], 2)[0] == 4789:
        return Mirrored("vxlan", *ip[:7], frame[6:12], frame[0:6], None, None, None, ip[8][16:], len(frame) - at)
    if not ip or ip[7] != 47:
        return None
    version, source, destination, ttl, tos, df, fragment, _, payload = ip
    flags, protocol = struct.unpack_from(">HH", payload)
    if protocol not in (0x88BE, 0x22EB, 0x6558):
        return None
    skip = 4 + 4 * bool(flags & 0x8000) + 4 * bool(flags & 0x2000)
    seq = struct.unpack_from(">I", payload, skip)[0] if flags & 0x1000 else None
    start = skip + (4 if flags & 0x1000 else 0)
    erspan, name = None, "gre" if protocol == 0x6558 else "erspan1"
    if protocol == 0x6558:
        start = skip + 4 * bool(flags & 0x1000)
        if flags & 0x8000 and ones_complement(payload) != 0xFFFF:
            raise ValueError("a GRE checksum is wrong")
    elif flags & 0x1000:
        words = {1: 2, 2: 3}[payload[start] >> 4]
        name, erspan = f"erspan{words}", erspan_of(payload[start:], words)
        start += 4 * words + (8 if words == 3 and erspan["o"] else 0)
    return Mirrored(name, version, source, destination, ttl, tos, df, fragment, frame[6:12], frame[0:6], (flags, protocol), seq, erspan,
                    payload[start:], len(frame) - at)


def ones_complement(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def checksum_right(ip):
    """Whether the TCP or UDP checksum of what ip_of() gave is right; None if it has none to look at."""
    version, source, destination, _, _, _, fragment, protocol, payload = ip
    if fragment or protocol not in (6, 17):
        return None
    pseudo = source + destination + struct.pack(">IHBB", len(payload), 0, 0, protocol) if version == 6 else (
        source + destination + struct.pack(">BBH", 0, protocol, len(payload)))
    return ones_complement(pseudo + payload) == 0xFFFF
