#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
usage: relayed.py make FILE SOURCE-MAC DESTINATION-MAC     packets of every type, to 10.9.0.2, each with fields of its own
       relayed.py count CAPTURE                             how many packets are in it so far
       relayed.py check CAPTURE CASE TIMES                  what left the relay, in the words of tshark, is what the case asks for

The number of a packet is the identification of the IP header in its frame: by that one it is known again behind the relay. A case is a
function from a packet to what leaves the relay for it, written anew here and not asked of farspan.
"""
import struct
import subprocess
import sys
from collections import Counter, namedtuple
from socket import inet_aton

import packets as captures

Packet = namedtuple("Packet", "n type sender id index direction hwid sgt vlan cos tagged truncated seq")
# What tshark says of a packet that left: to whom, type, and fields; None: it has none such.
Left = namedtuple("Left", "n to type id index direction hwid sgt vlan cos truncated seq", defaults=[None] * 9)
TO, OTHER = "10.8.0.2", "10.8.0.3"


def packets():
    """Of two senders; VLANs 10 to 29, in a tag or in the ERSPAN header alone."""
    for n in range(400):
        kind = ("erspan2", "erspan3", "erspan3", "vxlan", "gre", "erspan1")[n % 6]
        yield Packet(n=n, type=kind, sender=("10.9.0.1", "10.9.0.7")[n // 6 % 2], id=7 + n // 12 % 3, index=1000 + n, direction=n // 6 % 2,
                     hwid=5 + n // 24 % 3, sgt=30000 + n, vlan=10 + n % 20, cos=n // 20 % 8, tagged=n % 5 == 0, truncated=n % 11 == 0,
                     seq=100000 + 7 * n)


def header(p):
    erspan = p.vlan << 16 | p.cos << 13 | (3 if p.tagged else 2) << 11 | p.truncated << 10 | p.id
    if p.type == "erspan1":
        return 47, struct.pack(">HH", 0, 0x88BE)
    if p.type == "erspan2":
        return 47, struct.pack(">HHIII", 0x1000, 0x88BE, p.seq, 1 << 28 | erspan, p.index)
    if p.type == "erspan3":
        erspan &= ~(3 << 11)
        return 47, struct.pack(">HHIIII", 0x1000, 0x22EB, p.seq, 2 << 28 | erspan, 1, p.sgt << 16 | p.hwid << 4 | p.direction << 3)
    if p.type == "gre":
        return 47, struct.pack(">HHII", 0x3000, 0x6558, p.id, p.seq)
    return 17, struct.pack(">II", 1 << 27, p.id << 8)


def ip(source, destination, number, protocol, payload):
    header = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), number, 0, 64, protocol, 0, inet_aton(source), inet_aton(destination))
    total = sum(struct.unpack(">10H", header))
    total = (total & 0xFFFF) + (total >> 16)
    return header[:10] + struct.pack(">H", ~(total + (total >> 16)) & 0xFFFF) + header[12:] + payload


def udp(source, destination, payload):
    return struct.pack(">HHHH", source, destination, 8 + len(payload), 0) + payload


def packet(p, macs):
    tag = struct.pack(">HH", 0x8100, p.cos << 13 | p.vlan) if p.tagged else b""
    inner = bytes.fromhex("0200000000bb0200000000aa") + tag + b"\x08\x00" + ip("192.0.2.1", "192.0.2.2", p.n, 17, udp(9, 9, bytes(40)))
    protocol, tunnel = header(p)
    payload = tunnel + inner
    if protocol == 17:
        payload = udp(50000, 4789, payload)
    link = bytes.fromhex((macs[1] + macs[0]).replace(":", ""))
    return link + b"\x08\x00" + ip(p.sender, "10.9.0.2", 0, protocol, payload)


def make(path, *macs):
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
        for p in packets():
            data = packet(p, macs)
            file.write(struct.pack("<IIII", 1, 0, len(data), len(data)) + data)


def count(path):
    """Of a capture that is still being written: of what is whole."""
    found = 0
    try:
        for _ in captures.read_pcap(open(path, "rb").read()):
            found += 1
    except (ValueError, struct.error):
        pass
    print(found)


# ---- what leaves ----

def shows(p):
    """What was received, as far as the type has it."""
    erspan = p.type in ("erspan2", "erspan3")
    return {
        "id": p.id if p.type != "erspan1" else None,
        "index": p.index if p.type == "erspan2" else None,
        "direction": p.direction if p.type == "erspan3" else None,
        "hwid": p.hwid if p.type == "erspan3" else None,
        "sgt": p.sgt if p.type == "erspan3" else None,
        "vlan": p.vlan if erspan or p.tagged else 0,
        "cos": p.cos if erspan or p.tagged else 0,
        "truncated": p.truncated and erspan,
        "seq": p.seq if erspan or p.type == "gre" else None,
    }


def as_type(n, to, kind, known):
    """What a packet of that type says of what is known, where something must be said of everything."""
    has = {"erspan2": "id index vlan cos truncated seq", "erspan3": "id direction hwid sgt vlan cos truncated seq", "vxlan": "id",
           "gre": "id seq"}[kind].split()
    return Left(n=n, to=to, type=kind, **{name: int(known[name] or 0) for name in has})


def all_kept(p):
    """keep=all in Type III: only what was not received is the relay's own."""
    known = shows(p)
    yield as_type(p.n, TO, "erspan3", {**known, "seq": known["seq"] if known["seq"] is not None else -1})


def some_kept(p):
    """id=9,index=5,keep=index+cos in Type II. VLAN and the rest are the relay's own."""
    known = shows(p)
    own = known["index"] if known["index"] is not None else 5
    yield as_type(p.n, TO, "erspan2", {**known, "id": 9, "index": own, "vlan": p.vlan if p.tagged else 0, "seq": -1})


def ruled(p):
    """The rules of relay.sh."""
    known = {**shows(p), "vlan": p.vlan if p.tagged else 0, "cos": p.cos if p.tagged else 0, "seq": -1}
    seen = shows(p)
    own = {**known, "id": 1, "index": 2, "direction": 0, "hwid": 0, "sgt": 0}
    if p.type in ("erspan2", "erspan3") and p.id == 7 and seen["vlan"] in (*range(10, 16), 20):
        yield as_type(p.n, OTHER, "erspan3", {**own, "id": 99, "hwid": 33, "sgt": 44, "direction": 1})
    elif p.type == "erspan3" and p.direction == 1 and p.hwid in (5, 7):
        yield as_type(p.n, TO, "erspan2", {**own, "index": 77, "vlan": 4000, "cos": 6})
    elif p.type == "vxlan" and p.id == 8:
        yield as_type(p.n, TO, "vxlan", {"id": 12345})
    elif p.sender == "10.9.0.7" and p.type == "gre" and p.id in (7, 9):
        return
    elif seen["index"] is not None and 1100 <= seen["index"] <= 1200 or seen["sgt"] == 30061:
        yield as_type(p.n, TO, "erspan2", own)
        yield as_type(p.n, OTHER, "erspan2", {**own, "id": 4})
    elif seen["cos"] == 3:
        yield as_type(p.n, OTHER, "erspan2", {**own, "id": 4})
    else:
        yield as_type(p.n, TO, "erspan2", own)
        yield as_type(p.n, OTHER, "erspan2", {**own, "id": 4})


def split(p):
    """ERSPAN goes to an interface, all else here."""
    if not p.type.startswith("erspan"):
        yield as_type(p.n, TO, "erspan2", {"id": 3, "index": 2, "vlan": p.vlan if p.tagged else 0, "cos": p.cos if p.tagged else 0,
                                           "truncated": 0, "seq": -1})


def hooked(p):
    """examples/hook_relay.bpf.c: by direction to the first or second, with the sender's last byte for an id; others nowhere."""
    known = {**shows(p), "vlan": p.vlan if p.tagged else 0, "cos": p.cos if p.tagged else 0, "seq": -1}
    if p.type == "erspan3":
        yield as_type(p.n, OTHER if p.direction else TO, "erspan2", {**known, "id": int(p.sender.split(".")[-1]), "index": p.sgt})


CASES = {"all_kept": all_kept, "some_kept": some_kept, "ruled": ruled, "split": split, "hooked": hooked}


# ---- what tshark says ----

FIELDS = ("ip.id", "ip.dst", "gre.proto", "gre.key", "vxlan.vni", "erspan.spanid", "erspan.direction", "erspan.hw",
          "erspan.sgt", "erspan.vlan", "erspan.cos", "erspan.truncated", "gre.sequence_number", "erspan.index")


def read(path):
    arguments = [word for field in FIELDS for word in ("-e", field)]
    result = subprocess.run(["tshark", "-n", "-r", path, "-Y", "ip.src == 192.0.2.1", "-T", "fields", "-E", "separator=;", *arguments],
                            capture_output=True, check=True, text=True)
    for line in result.stdout.splitlines():
        yield dict(zip(FIELDS, line.split(";")))


def number(text):
    return {"True": 1, "False": 0}.get(text) if text in ("True", "False") else int(text, 0)


def left(row, own_seq):
    to, n = row["ip.dst"].split(",")[0], number(row["ip.id"].split(",")[1])
    if row["vxlan.vni"]:
        return Left(n=n, to=to, type="vxlan", id=number(row["vxlan.vni"]))
    kind = {0x6558: "gre", 0x88BE: "erspan2", 0x22EB: "erspan3"}[number(row["gre.proto"])]
    known = {"id": number(row["erspan.spanid"] or row["gre.key"]), "seq": number(row["gre.sequence_number"])}
    names = {"vlan": "erspan.vlan", "cos": "erspan.cos", "truncated": "erspan.truncated", "direction": "erspan.direction",
             "hwid": "erspan.hw", "sgt": "erspan.sgt", "index": "erspan.index"}
    known.update({name: number(row[field]) if row[field] else 0 for name, field in names.items()})
    if own_seq(n):
        known["seq"] = -1
    return as_type(n, to, kind, known)


def check(path, case, times):
    expected = Counter()
    for p in packets():
        for one in CASES[case](p):
            expected[one] += int(times)
    own = {one.n for one in expected if one.seq == -1}
    got = Counter(left(row, own.__contains__) for row in read(path))
    for what, rows in (("missing", expected - got), ("too many", got - expected)):
        for one, count in list(rows.items())[:5]:
            print(f"{what}: {count} of {one}")
    if got != expected:
        return 1
    print(f"{case}: {sum(got.values())} packets, as they should be")
    return 0


if __name__ == "__main__":
    sys.exit({"make": make, "count": count, "check": check}[sys.argv[1]](*sys.argv[2:]))
