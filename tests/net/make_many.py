#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
usage: make_many.py sessions FILE MAC MAC FROM TO EACH     ERSPAN Type III of 1,000 sessions, EACH packets of each, in turn, on time
       make_many.py senders FILE MAC MAC TO COUNT          Type II, COUNT packets, each of another session, 1,000 of each sender
       make_many.py groups FILE MAC FROM FROM6             Type II to the groups 239.1.2.3, ff05::123 and 239.9.9.9, 10 packets each
       make_many.py flows FILE MAC MAC FROM TO COUNT       Type II and III: COUNT TCP connections, three segments both ways each, some with
                                                           VLAN tags, and 10 frames without IP; of every fourth connection GRE in the frame
       make_many.py first FILE MAC MAC FROM TO FROM6 TO6   of a packet of Type II the first fragment alone, over IPv4 and IPv6
       make_many.py flood COUNT                            a pcap on the standard output: COUNT packets of Type II to 10.0.0.2, each from
                                                           another sender and of another session; those from 11.0.0.0/8 are every second
       make_many.py bomb DEPTH                             a pcap: ERSPAN in ERSPAN, DEPTH times in one packet, without a frame
"""
import logging
import struct
import sys
import time

logging.getLogger("scapy").setLevel(logging.ERROR)
from scapy.layers.inet import GRE, IP, TCP, UDP  # noqa: E402
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment  # noqa: E402
from scapy.layers.l2 import Dot1Q, Ether  # noqa: E402
from scapy.packet import Raw  # noqa: E402
from scapy.utils import wrpcap  # noqa: E402

INNER = bytes(Ether(src="02:00:00:00:00:aa", dst="02:00:00:00:00:bb") / IP(src="192.0.2.1", dst="192.0.2.2") / UDP(sport=1, dport=2))


def pcap_header(link):
    return struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, link)


def record(data):
    return struct.pack("<IIII", 1, 0, len(data), len(data)) + data


def type2(session, seq):
    return struct.pack(">HHIII", 0x1000, 0x88BE, seq, 1 << 28 | session, 0) + INNER


def sessions(file, source_mac, destination_mac, source, destination, each):
    length = 20 + 28 + len(INNER) + 4
    link = bytes(Ether(src=source_mac, dst=destination_mac, type=0x800))
    outer = link + bytes(IP(src=source, dst=destination, proto=47, len=length))
    made = []
    for seq in range(int(each)):
        for session in range(1000):
            now = time.time_ns()
            header = struct.pack(">HHIIIHH", 0x1000, 0x22EB, seq, 2 << 28 | session, now & 0xFFFFFFFF, 0, 0x8000 | 3 << 1 | 1)
            sub = struct.pack(">II", 7 << 26, now >> 32)
            made.append(outer + header + sub + INNER + struct.pack(">HH", session, seq))
    with open(file, "wb") as out:
        out.write(pcap_header(1) + b"".join(map(record, made)))


def senders(file, source_mac, destination_mac, destination, count):
    link = bytes(Ether(src=source_mac, dst=destination_mac, type=0x800))
    outer = [link + bytes(IP(src=f"10.9.9.{sender + 1}", dst=destination, proto=47, len=20 + 16 + len(INNER))) for sender in range(5)]
    with open(file, "wb") as out:
        out.write(pcap_header(1) + b"".join(record(outer[i // 1000] + type2(i % 1000, 0)) for i in range(int(count))))


def groups(file, source_mac, source, source6):
    made = []
    for group, mac in (("239.1.2.3", "01:00:5e:01:02:03"), ("ff05::123", "33:33:00:00:01:23"), ("239.9.9.9", "01:00:5e:09:09:09")):
        ip = IPv6(src=source6, dst=group, nh=47) if ":" in group else IP(src=source, dst=group, proto=47)
        made += [Ether(src=source_mac, dst=mac) / ip / Raw(type2(5, seq)) for seq in range(10)]
    wrpcap(file, made)


def flows(file, source_mac, destination_mac, source, destination, count):
    made = []
    ends = "02:00:00:00:00:aa", "02:00:00:00:00:bb"

    def mirror(frame):
        number = len(made)
        erspan = struct.pack(">II", 1 << 28 | 5, 0) if number % 2 else struct.pack(">IIHH", 2 << 28 | 6, 0, 0, 0)
        gre = struct.pack(">HHI", 0x1000, 0x88BE if number % 2 else 0x22EB, number // 2)
        outer = Ether(src=source_mac, dst=destination_mac) / IP(src=source, dst=destination, proto=47)
        made.append(outer / Raw(gre + erspan + bytes(frame)))

    for turn in range(3):
        for flow in range(int(count)):
            for back in (False, True):
                ip = IPv6 if flow % 3 == 0 else IP
                addresses = ("fd77::1", f"fd77::{flow + 2:x}") if ip is IPv6 else ("192.0.2.1", f"198.51.100.{flow % 250}")
                ports = 20000 + flow, 443
                link = Ether(src=ends[back], dst=ends[not back])
                if flow % 5 == 0:
                    link /= Dot1Q(vlan=7 + back)
                inner = link / ip(src=addresses[back], dst=addresses[not back])
                # A tunnel in the frame makes user space take a look at it.
                inner /= GRE() / IP() if flow % 4 == 3 else TCP(sport=ports[back], dport=ports[not back], seq=turn)
                mirror(inner / Raw(struct.pack(">HBB", flow, back, turn)))
    for _ in range(10):
        mirror(Ether(src=ends[0], dst=ends[1], type=0x88B5) / Raw(b"no IP"))
    wrpcap(file, made)


def first(file, source_mac, destination_mac, source, destination, source6, destination6):
    link = Ether(src=source_mac, dst=destination_mac)
    part = Raw(type2(5, 1)[:56])
    wrpcap(file, [link / IP(src=source, dst=destination, proto=47, flags="MF", id=7) / part,
                  link / IPv6(src=source6, dst=destination6) / IPv6ExtHdrFragment(nh=47, m=1, id=7) / part])


def flood(count):
    out = sys.stdout.buffer
    out.write(pcap_header(101))
    for number in range(int(count)):
        source = (10 + number % 2) << 24 | number >> 1
        data = struct.pack(">BBHHHBBHII", 0x45, 0, 20 + 16 + len(INNER), 0, 0, 64, 47, 0, source, 0x0A000002) + type2(number & 1023, number)
        out.write(record(data))
        if number == 20000:
            out.flush()
            print("begun", file=sys.stderr, flush=True)
            input_line = sys.stdin.readline()
            if not input_line:
                return


def bomb(depth):
    """Type I in Type I while it fits, 38 bytes a layer; or, deeper, IP in GRE in IP, 24 bytes a layer, below one Type I."""
    layers, packet = int(depth), bytes(20)
    for layer in range(layers):
        last = layer == layers - 1
        ethernet = INNER[:12] + b"\x08\0" if layers <= 1700 or last else b""
        packet = struct.pack(">HH", 0, 0x88BE if ethernet else 0x0800) + ethernet + packet
        packet = struct.pack(">BBHHHBBHII", 0x45, 0, 20 + len(packet), 0, 0, 64, 47, 0, 0x0A000001, 0x0A000002) + packet
    sys.stdout.buffer.write(pcap_header(101) + record(packet))


if __name__ == "__main__":
    modes = sessions, senders, groups, flows, first, flood, bomb
    {mode.__name__: mode for mode in modes}[sys.argv[1]](*sys.argv[2:])
