#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
usage: make_outer.py DIRECTORY SOURCE-MAC DESTINATION-MAC IPV4-SOURCE IPV4-DESTINATION IPV6-SOURCE IPV6-DESTINATION

Mirror traffic as scapy defines it: every format and option. Writes
    outer.pcap     the packets on the wire
    inner.pcap     the mirrored Ethernet frames in them, in that order
    raw.pcap       the mirrored IP packets of Type III with frame type 2
    refused.json   what in outer.pcap must be refused: name of the reason -> packets
    sessions.json  the sessions: kind, id -> frames
"""
import json
import logging
import os
import struct
import sys
from collections import Counter

logging.getLogger("scapy").setLevel(logging.ERROR)
from scapy.contrib.erspan import ERSPAN_I, ERSPAN_II, ERSPAN_III, ERSPAN_PlatformSpecific  # noqa: E402
from scapy.layers.inet import GRE, ICMP, IP, UDP, IPOption_Router_Alert, fragment  # noqa: E402
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, fragment6, PadN  # noqa: E402
from scapy.layers.l2 import ARP, Dot1AD, Dot1Q, Ether  # noqa: E402
from scapy.layers.vxlan import VXLAN  # noqa: E402
from scapy.packet import Raw  # noqa: E402
from scapy.utils import wrpcap  # noqa: E402

PLATFORMS = (0x1, 0x3, 0x4, 0x5, 0x6, 0x7, 0x0)


class Maker:
    def __init__(self, macs, addresses):
        self.macs, self.addresses = macs, addresses
        self.outer, self.inner, self.raw, self.refused, self.sessions = [], [], [], Counter(), Counter()
        self.number = 0

    def link(self):
        return Ether(src=self.macs[0], dst=self.macs[1])

    def ip(self, version, **fields):
        source, destination = self.addresses[version]
        return IP(src=source, dst=destination, **fields) if version == 4 else IPv6(src=source, dst=destination, **fields)

    def frame(self, size=64):
        """A frame like no other."""
        self.number += 1
        return Ether(src="02:00:00:00:00:aa", dst="02:00:00:00:00:bb") / IP(src="192.0.2.1", dst="192.0.2.2", id=self.number) / (
            UDP(sport=20000 + self.number, dport=20000) / Raw(bytes((self.number + i) & 255 for i in range(size))))

    def add(self, packets, inner, session):
        self.outer += [self.link() / packet for packet in packets]
        self.inner.append(inner)
        self.sessions[f"{session}"] += 1

    def send(self, version, tunnel, session, inner=None, **fields):
        inner = inner or self.frame()
        self.add([self.ip(version, **fields) / tunnel / inner], inner, session)

    def refuse(self, version, payload, reason, **fields):
        self.outer.append(self.link() / self.ip(version, **fields) / payload)
        self.refused[reason] += 1


def erspan2(session, seq, **fields):
    return GRE(proto=0x88BE, seqnum_present=1, sequence_number=seq) / ERSPAN_II(ver=1, session_id=session, **fields)


def erspan3(session, seq, **fields):
    return GRE(proto=0x22EB, seqnum_present=1, sequence_number=seq) / ERSPAN_III(session_id=session, **fields)


def vxlan(vni):
    return UDP(sport=50000, dport=4789) / VXLAN(vni=vni, flags="Instance")


def geneve(vni, options=b"", protocol=0x6558):
    header = struct.pack("!HHI", len(options) // 4 << 8, protocol, vni << 8)
    return UDP(sport=50000, dport=6081) / Raw(header + options)


def tzsp(tags=b"", kind=0):
    return UDP(sport=50000, dport=37008) / Raw(struct.pack("!BBH", 1, kind, 1) + tags + b"\1")


def formats(make, version):
    for number in range(3):
        make.send(version, GRE(proto=0x88BE) / ERSPAN_I(), "erspan1")
        make.send(version, erspan2(100, number, vlan=5, cos=3, en=3, index=7), "erspan2 100")
        make.send(version, erspan2(1023, number), "erspan2 1023")
        make.send(version, erspan3(200, number, timestamp=number, hw=3, d=number & 1, gra=1, p=1, sgt_other=9), "erspan3 200")
        make.send(version, vxlan(5000), "vxlan 5000")
        make.send(version, geneve(7000, b"\1\2\3\1" * 2 * number), "geneve 7000")
        make.send(version, tzsp(b"\x0a\1\xf0" * number), "tzsp")
        make.send(version, GRE(proto=0x6558), "gre")
        make.send(version, GRE(proto=0x6558, key_present=1, key=77), "gre 77")
        make.send(version, GRE(proto=0x6558, key_present=1, key=78, seqnum_present=1, sequence_number=number, chksum_present=1), "gre 78")
    # Some senders keep the GRE protocol of Type II for Type III.
    make.send(version, GRE(proto=0x88BE, seqnum_present=1) / ERSPAN_III(session_id=201), "erspan3 201")
    for number, platform in enumerate(PLATFORMS):
        make.send(version, erspan3(300, number, o=1) / ERSPAN_PlatformSpecific(platf_id=platform, info1=5, info2=6), "erspan3 300")


def frames(make, version):
    tiny = Ether(src="02:00:00:00:00:aa", dst="02:00:00:00:00:bb", type=0x88B7)
    arp = Ether(src="02:00:00:00:00:aa", dst="ff:ff:ff:ff:ff:ff") / ARP(psrc="192.0.2.1", pdst="192.0.2.2")
    seq = 0
    for inner in (tiny, tiny / Raw(b"\1"), arp, make.frame(0), make.frame(1300),
                  Ether(src="02:00:00:00:00:aa", dst="02:00:00:00:00:bb") / Dot1Q(vlan=7, prio=2) / IP(dst="192.0.2.2") / ICMP(),
                  Ether(src="02:00:00:00:00:aa", dst="02:00:00:00:00:bb", type=0x88A8) / Dot1AD(vlan=8) / Dot1Q(vlan=9) / IP() / ICMP(),
                  Ether(src="02:00:00:00:00:aa", dst="02:00:00:00:00:bb") / IP() / erspan2(1, 1) / make.frame()):
        make.send(version, erspan2(400, seq), "erspan2 400", inner)
        seq += 1
    inner = IP(src="192.0.2.1", dst="192.0.2.2") / UDP(sport=1, dport=version) / Raw(b"frame type 2")
    make.outer.append(make.link() / make.ip(version) / erspan3(401, 0, ft=2) / inner)
    make.raw.append(inner)
    make.sessions["erspan3 401"] += 1


def headers(make):
    make.send(4, erspan2(500, 0), "erspan2 500", options=[IPOption_Router_Alert()])
    make.send(4, erspan2(500, 1), "erspan2 500", tos=0xB8, ttl=1, id=77, flags="DF")
    for seq, extension in enumerate((IPv6ExtHdrHopByHop(options=[PadN(optdata=b"\0" * 4)]), IPv6ExtHdrDestOpt(),
                                     IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt())):
        inner = make.frame()
        make.add([make.ip(6) / extension / erspan2(501, seq) / inner], inner, "erspan2 501")
    make.send(6, erspan2(501, 3), "erspan2 501", tc=0x88, fl=0x12345, hlim=1)


def fragments(make):
    for seq, turn in enumerate((lambda parts: parts, lambda parts: parts[::-1], lambda parts: parts[1:] + parts[:1])):
        inner = make.frame(4000)
        make.add(turn(fragment(make.ip(4, id=1000 + seq) / erspan2(600, seq) / inner, 1400)), inner, "erspan2 600")
        inner = make.frame(4000)
        whole = make.ip(6) / IPv6ExtHdrFragment(id=2000 + seq) / erspan2(601, seq) / inner
        make.add(turn(fragment6(whole, 1400)), inner, "erspan2 601")
        inner = make.frame(3000)
        make.add(turn(fragment(make.ip(4, id=3000 + seq) / vxlan(5001) / inner, 1200)), inner, "vxlan 5001")
        inner = make.frame(3000)
        unsummed = UDP(sport=50000, dport=4789, chksum=0) / VXLAN(vni=5002, flags="Instance")  # as Linux sends it, and RFC 6935 allows
        whole = make.ip(6) / IPv6ExtHdrFragment(id=4000 + seq) / unsummed / inner
        make.add(turn(fragment6(whole, 1200)), inner, "vxlan 5002")


def malformed(make, version):
    make.refuse(version, GRE(proto=0x88BE, seqnum_present=1) / Raw(b"\x50\0\0\0" + bytes(60)), "bad_version")
    make.refuse(version, GRE(proto=0x22EB, seqnum_present=1) / Raw(b"\x10\0"), "short_erspan")
    make.refuse(version, GRE(proto=0x22EB, seqnum_present=1) / Raw(b"\x20\0\0\0" + bytes(4)), "short_erspan")
    make.refuse(version, erspan3(1, 0, o=1) / Raw(b"\x0c\0\0\0"), "short_subheader")
    make.refuse(version, erspan2(1, 0) / Raw(bytes(13)), "short_inner")
    make.refuse(version, UDP(sport=50000, dport=6081) / Raw(b"\x40\0\x65\x58" + bytes(60)), "geneve_version")
    make.refuse(version, UDP(sport=50000, dport=6081) / Raw(b"\1\0\x65\x58" + bytes(7)), "short_geneve")
    make.refuse(version, UDP(sport=50000, dport=37008) / Raw(b"\1\0\0\1" + bytes(4)), "short_tzsp")
    make.refuse(version, geneve(1, protocol=0x800) / make.frame(), "not_tunnel")
    make.refuse(version, tzsp(kind=4), "not_tunnel")
    make.refuse(version, GRE(proto=0x6558, chksum_present=1, chksum=0x1234) / make.frame(), "gre_checksum")


def main(directory, *arguments):
    make = Maker(arguments[0:2], {4: arguments[2:4], 6: arguments[4:6]})
    for version in (4, 6):
        formats(make, version)
        frames(make, version)
        malformed(make, version)
    headers(make)
    fragments(make)
    wrpcap(os.path.join(directory, "outer.pcap"), make.outer)
    wrpcap(os.path.join(directory, "inner.pcap"), make.inner)
    wrpcap(os.path.join(directory, "raw.pcap"), make.raw, linktype=101)
    for name in ("refused", "sessions"):
        with open(os.path.join(directory, name + ".json"), "w", encoding="utf-8") as file:
            json.dump(getattr(make, name), file, indent=1, sort_keys=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
