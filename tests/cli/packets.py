# SPDX-License-Identifier: BSD-2-Clause
"""Outer packets of every form, made with scapy; ERSPAN headers bit by bit, since scapy's know no subheaders."""
import random
import struct

from scapy.layers.inet import GRE, ICMP, IP, TCP, UDP, IPOption_Router_Alert, fragment
from scapy.layers.inet6 import (IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, IPv6ExtHdrRouting, PadN,
                                fragment6)
from scapy.layers.l2 import ARP, LLC, STP, Dot1AD, Dot1Q, Dot3, Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Raw

MACS = {"src": "02:00:00:00:00:0b", "dst": "02:00:00:00:00:0a"}
INNER = {"src": "02:00:00:00:00:0d", "dst": "02:00:00:00:00:0c"}


def bits(*fields):
    """(value, width)... as bytes, the first highest."""
    number = width = 0
    for value, size in fields:
        assert 0 <= value < 1 << size
        number, width = number << size | value, width + size
    return number.to_bytes(width // 8, "big")


def frames():
    """Mirrored frames: name, Ethernet."""
    ip = IP(src="172.16.0.1", dst="172.16.0.2")
    yield "udp", Ether(**INNER) / ip / UDP(sport=1000, dport=2000) / Raw(b"x" * 40)
    yield "tcp", Ether(**INNER) / ip / TCP(sport=1000, dport=2000) / Raw(b"y" * 1300)
    yield "v6", Ether(**INNER) / IPv6(src="fd00::1", dst="fd00::2") / UDP(sport=1000, dport=2000) / Raw(b"z" * 20)
    yield "arp", Ether(**INNER) / ARP(psrc="172.16.0.1", pdst="172.16.0.2")
    yield "tagged", Ether(**INNER) / Dot1Q(vlan=7, prio=5) / ip / UDP(sport=1000, dport=2000)
    yield "double", Ether(**INNER) / Dot1AD(vlan=100) / Dot1Q(vlan=7) / ip / UDP(sport=1000, dport=2000)
    yield "stp", Dot3(src=INNER["src"], dst="01:80:c2:00:00:00") / LLC() / STP()


def erspan2(rng):
    return bits((1, 4), (rng.randrange(4096), 12), (rng.randrange(8), 3), (rng.randrange(4), 2), (rng.randrange(2), 1),
                (rng.randrange(1024), 10), (0, 12), (rng.randrange(1 << 20), 20))


def platform(rng, platf_id):
    word = rng.randrange(1 << 32)
    fill = {1: ((0, 14), (rng.randrange(4096), 12)), 3: ((0, 12), (rng.randrange(1 << 14), 14)), 4: ((0, 26),),
            5: ((rng.randrange(1024), 10), (rng.randrange(1 << 16), 16)), 6: ((rng.randrange(1024), 10), (rng.randrange(1 << 16), 16)),
            7: ((0, 6), (rng.randrange(1 << 20), 20))}[platf_id]
    return bits((platf_id, 6), *fill, (0 if platf_id == 4 else word, 32))


def erspan3(rng, platf_id=None, ft=0):
    header = bits((2, 4), (rng.randrange(4096), 12), (rng.randrange(8), 3), (rng.randrange(4), 2), (rng.randrange(2), 1),
                  (rng.randrange(1024), 10), (rng.randrange(1 << 32), 32), (rng.randrange(1 << 16), 16), (rng.randrange(2), 1),
                  (ft, 5), (rng.randrange(64), 6), (rng.randrange(2), 1), (rng.randrange(4), 2), (platf_id is not None, 1))
    return header + (platform(rng, platf_id) if platf_id is not None else b"")


def gre(rng, proto, payload, seq=True, key=False, checksum=False):
    """scapy computes no checksum over a payload it does not know as a layer; the header is packed here."""
    flags = checksum << 15 | key << 13 | seq << 12
    options = (struct.pack("!I", rng.randrange(1 << 32)) if key else b"") + (struct.pack("!I", rng.randrange(1 << 32)) if seq else b"")
    if not checksum:
        return struct.pack("!HH", flags, proto) + options + payload
    whole = struct.pack("!HHI", flags, proto, 0) + options + payload
    padded = whole + b"\0" * (len(whole) % 2)
    total = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return whole[:4] + struct.pack("!HH", ~total & 0xFFFF, 0) + whole[8:]


def udp(rng, port, payload):
    return struct.pack("!HHHH", 49152 + rng.randrange(16384), port, len(payload) + 8, 0) + payload


def tunnels(rng, frame):
    """(name, IP protocol, what follows the IP header) of every kind around the frame."""
    yield "erspan1", 47, gre(rng, 0x88BE, frame, seq=False)
    yield "erspan2", 47, gre(rng, 0x88BE, erspan2(rng) + frame)
    yield "erspan2 key", 47, gre(rng, 0x88BE, erspan2(rng) + frame, key=True)
    yield "erspan2 checksum", 47, gre(rng, 0x88BE, erspan2(rng) + frame, checksum=True)
    yield "erspan3", 47, gre(rng, 0x22EB, erspan3(rng) + frame)
    yield "erspan3 key checksum", 47, gre(rng, 0x22EB, erspan3(rng) + frame, key=True, checksum=True)
    yield "erspan3 without seq", 47, gre(rng, 0x22EB, erspan3(rng) + frame, seq=False)
    yield "erspan3 of 88be", 47, gre(rng, 0x88BE, erspan3(rng) + frame)
    yield "erspan2 of 22eb", 47, gre(rng, 0x22EB, erspan2(rng) + frame)
    for platf_id in (1, 3, 4, 5, 6, 7):
        yield f"erspan3 platform {platf_id}", 47, gre(rng, 0x22EB, erspan3(rng, platf_id) + frame)
    for mask in range(8):
        yield f"gre {mask}", 47, gre(rng, 0x6558, frame, seq=bool(mask & 1), key=bool(mask & 2), checksum=bool(mask & 4))
    vxlan = bytes(VXLAN(vni=rng.randrange(1 << 24), flags="Instance")) + frame
    yield "vxlan", 17, udp(rng, 4789, vxlan)
    for options in (b"", b"\x01\x02\x03\0", b"\x01\x02\x80\x01" + rng.randbytes(4) + b"\x01\x02\x03\0"):
        flags = (len(options) // 4) << 8 | rng.randrange(2) << 7 | (len(options) > 4) << 6
        header = struct.pack("!HHI", flags, 0x6558, rng.randrange(1 << 24) << 8)
        yield f"geneve {len(options)}", 17, udp(rng, 6081, header + options + frame)
    for tags in (b"", b"\0\0", b"\x0a\x01\xf0\x29\x04\0\0\x05\xdc"):
        yield f"tzsp {len(tags)}", 17, udp(rng, 37008, b"\1\0\0\1" + tags + b"\1" + frame)


def with_ip(rng, version, protocol, payload, form=""):
    fields = {"tos": rng.randrange(256), "ttl": rng.randrange(1, 256)}
    if version == 4:
        options = [IPOption_Router_Alert()] if form == "options" else []
        return IP(src="10.0.0.1", dst="10.0.0.2", proto=protocol, options=options, id=rng.randrange(65536), **fields) / Raw(payload)
    base = IPv6(src="2001:db8::1", dst="fd00:0:0:1::2", tc=fields["tos"], hlim=fields["ttl"], fl=rng.randrange(1 << 20))
    if form == "hop":
        return base / IPv6ExtHdrHopByHop(options=[PadN(optdata=b"\0" * 4)], nh=protocol) / Raw(payload)
    if form == "all":
        return base / IPv6ExtHdrHopByHop(options=[PadN(optdata=b"\0" * 12)], nh=60) / IPv6ExtHdrDestOpt(
            options=[PadN(optdata=b"\0" * 4)], nh=43) / IPv6ExtHdrRouting(addresses=["fd00::9"], segleft=0, nh=44) / IPv6ExtHdrFragment(
                id=7, nh=60) / IPv6ExtHdrDestOpt(options=[PadN(optdata=b"\0" * 4)], nh=protocol) / Raw(payload)
    base.nh = protocol
    return base / Raw(payload)


def all_kinds(seed):
    """(name, Ethernet bytes): every tunnel around every frame, with the other forms of the outer headers dealt out in turn."""
    rng = random.Random(seed)
    links = [Ether(**MACS), Ether(**MACS) / Dot1Q(vlan=999), Ether(**MACS) / Dot1AD(vlan=5) / Dot1Q(vlan=6, prio=3)]
    forms = [(4, ""), (6, ""), (4, "options"), (6, "hop"), (6, "all")]
    for frame_name, frame in frames():
        for tunnel_name, protocol, payload in tunnels(rng, bytes(frame)):
            version, form = forms[rng.randrange(len(forms))]
            link = rng.randrange(3)
            packet = links[link] / with_ip(rng, version, protocol, payload, form)
            data = bytes(packet)
            if rng.randrange(2):
                data += b"\xee" * rng.randrange(1, 12)  # padding of the link
            yield f"{frame_name} in {tunnel_name}, IPv{version} {form}, {link} tags", data


def no_tunnels():
    """Things that are in the same places and are none."""
    link = Ether(**MACS)
    ip = IP(src="10.0.0.1", dst="10.0.0.2")
    yield "icmp", bytes(link / ip / ICMP())
    yield "tcp", bytes(link / ip / TCP(dport=4789))
    yield "udp", bytes(link / ip / UDP(sport=5000, dport=5001) / Raw(b"q" * 30))
    yield "arp", bytes(link / ARP())
    geneve = Raw(bytes.fromhex("0000080000000500")) / IP(src="1.1.1.1", dst="2.2.2.2") / UDP(sport=1, dport=2)
    yield "geneve ip", bytes(link / ip / UDP(sport=5000, dport=6081) / geneve)
    yield "tzsp alive", bytes(link / ip / UDP(sport=5000, dport=37008) / Raw(bytes.fromhex("01040000")))
    yield "gre ip", bytes(link / ip / GRE() / IP(src="1.1.1.1", dst="2.2.2.2") / UDP(sport=1, dport=2))
    inner = IP(src="10.0.0.2", dst="10.0.0.1", proto=47) / Raw(gre(random.Random(1), 0x88BE, erspan2(random.Random(1)) + b"z" * 60))
    yield "icmp error", bytes(link / ip / ICMP(type=3, code=2) / inner)


def differing():
    """Packets that tshark is known to see in another way."""
    link = Ether(**MACS)
    rng = random.Random(2)
    frame = bytes(next(iter(frames()))[1])
    ip = IP(src="10.0.0.1", dst="10.0.0.2", proto=47)
    udp = IP(src="10.0.0.1", dst="10.0.0.2")
    yield "udp from 4789", bytes(link / udp / UDP(sport=4789, dport=5000) / Raw(b"q" * 30))
    yield "vxlan without I", bytes(link / udp / UDP(sport=5000, dport=4789) / Raw(b"\0" * 8 + frame))
    yield "erspan2 on version 0", bytes(link / ip / Raw(gre(rng, 0x88BE, b"\0" * 8 + frame)))
    inner = bytes(IP(src="172.16.0.1", dst="172.16.0.2") / UDP(sport=1, dport=2))
    yield "erspan3 with IP", bytes(link / ip / Raw(gre(rng, 0x22EB, erspan3(rng, ft=2) + inner)))
    yield "gre routing", bytes(link / ip / Raw(struct.pack("!HHII", 0x4000, 0x6558, 0, 0) + frame))
    wrong = gre(rng, 0x88BE, erspan2(rng) + frame, checksum=True)
    yield "wrong gre checksum", bytes(link / ip / Raw(wrong[:-1] + bytes([wrong[-1] ^ 1])))
    short = struct.pack("!HHHH", 5000, 4789, 4, 0) + b"\x08\0\0\0\0\0\5\0" + frame
    yield "udp length 4", bytes(link / IP(src="10.0.0.1", dst="10.0.0.2", proto=17) / Raw(short))


def fragments(version, size=1400, seed=5):
    """The fragments, in order, of one ERSPAN Type II packet in Ethernet, and that packet whole."""
    rng = random.Random(seed)
    frame = bytes(Ether(**INNER) / IP(src="172.16.0.1", dst="172.16.0.2") / UDP(sport=1, dport=2) / Raw(rng.randbytes(3800)))
    payload = gre(rng, 0x88BE, erspan2(rng) + frame)
    whole = with_ip(rng, version, 47, payload)
    if version == 4:
        pieces = fragment(whole, fragsize=size)
    else:
        header = whole.copy()
        header.remove_payload()
        header.nh = 44
        pieces = fragment6(header / IPv6ExtHdrFragment(nh=47, id=rng.randrange(1 << 32)) / Raw(payload), size)
    return [bytes(Ether(**MACS) / piece) for piece in pieces], bytes(Ether(**MACS) / whole)
