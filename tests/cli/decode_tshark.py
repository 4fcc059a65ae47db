#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""farspan decode against tshark, field by field, on captures of real senders and on packets of every form made with scapy."""
import csv
import glob
import json
import os
import subprocess
import sys
import tempfile
import unittest

import captures
import packets
import pdml

FARSPAN = os.environ["FARSPAN"]
DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "captures")


def decode(path):
    result = subprocess.run([FARSPAN, "decode", "-r", path, "--json"], capture_output=True, check=True)
    return [json.loads(line) for line in result.stdout.splitlines()]


# Packets of packets.differing() on which tshark and farspan do not agree: what farspan says, and why.
KNOWN = {
    "udp from 4789": ({"kind": "none"}, "tshark takes VXLAN's port for a source port as well; RFC 7348 has it as the destination"),
    "vxlan without I": ({"kind": "vxlan", "reason": "vxlan_flags"}, "tshark shows the frame though no network identifier is valid"),
    "erspan2 on version 0": ({"kind": "none", "reason": "bad_version"}, "tshark shows the header of a version that nobody defined"),
    "erspan3 with IP": ({"ft": 2, "inner_type": "0x0800", "inner_off": 54, "inner_len": 28}, "tshark does not look into frame type 2"),
    "gre routing": ({"kind": "none", "reason": "gre_routing"}, "tshark walks GRE source routes, which RFC 2784 removed"),
    "wrong gre checksum": ({"kind": "erspan2", "reason": "gre_checksum"}, "tshark shows what is behind a wrong checksum"),
    "udp length 4": ({"kind": "vxlan", "reason": "short_udp"}, "tshark knows the port, but reads nothing behind an impossible length"),
}


class Tshark(unittest.TestCase):
    maxDiff = None

    def compare(self, path, names=None):
        """Every field that tshark shows."""
        ours, theirs = decode(path), pdml.read(path)
        self.assertEqual(len(ours), len(theirs))
        self.assertTrue(ours)
        for i, (mine, other) in enumerate(zip(ours, theirs)):
            name = f"{os.path.basename(path)} packet {i + 1} {names[i] if names else ''}"
            fragment = other.pop("is_fragment")
            if fragment and other["kind"] != "none":
                # tshark counts from the start of the reassembled payload, farspan from the IP header in front of it.
                other["inner_off"] += 20 if ":" not in other["outer_src"] else 40
            self.assertEqual({key: mine.get(key) for key in other}, other, name)
            self.assertEqual(mine["n"], i + 1)
            if other["kind"] == "none" and not fragment:
                self.assertNotIn("inner_off", mine, name)
                self.assertNotIn("session", mine, name)

    def make(self, name):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        return os.path.join(directory.name, name)

    def test_captures(self):
        files = sorted(set(glob.glob(DATA + "/*.pcap")) - set(glob.glob(DATA + "/*.inner.pcap")))
        self.assertEqual(len(files), 11)
        for path in files:
            with self.subTest(path=os.path.basename(path)):
                self.compare(path)

    def test_all_kinds(self):
        for seed in range(3):
            made = list(packets.all_kinds(seed))
            path = self.make("all.pcap")
            captures.write_pcap(path, [data for _, data in made])
            self.compare(path, [name for name, _ in made])

    def test_all_kinds_raw_ip(self):
        made = [(name, data[14:]) for name, data in packets.all_kinds(9) if name.endswith("0 tags")]
        self.assertGreater(len(made), 30)
        path = self.make("raw.pcap")
        captures.write_pcap(path, [data for _, data in made], link=captures.RAW, order=">", nanoseconds=True)
        self.compare(path, [name for name, _ in made])

    def test_all_kinds_several_interfaces(self):
        made = list(packets.all_kinds(10))
        path = self.make("several.pcapng")
        cooked = {0x0800: b"\x08\0", 0x86DD: b"\x86\xdd"}
        blocks = []
        for i, (name, data) in enumerate(made):
            plain = name.endswith("0 tags") and i % 2
            kind = int.from_bytes(data[12:14], "big")
            blocks.append((1, b"\0\0\0\1\0\6" + b"\0" * 8 + cooked[kind] + data[14:]) if plain else (0, data))
        self.assertGreater(sum(interface for interface, _ in blocks), 10)
        captures.write_pcapng(path, [captures.ETHERNET, captures.SLL], blocks)
        captures.write_pcapng(path, [captures.ETHERNET, captures.SLL], blocks, order=">")
        self.compare(path, [name for name, _ in made] * 2)

    def test_no_tunnels(self):
        made = list(packets.no_tunnels())
        path = self.make("none.pcap")
        captures.write_pcap(path, [data for _, data in made])
        self.compare(path, [name for name, _ in made])

    def test_known_differences(self):
        made = dict(packets.differing())
        self.assertEqual(made.keys(), KNOWN.keys())
        path = self.make("known.pcap")
        captures.write_pcap(path, made.values())
        for name, mine, other in zip(made, decode(path), pdml.read(path), strict=True):
            del other["is_fragment"]
            expected = KNOWN[name][0]
            self.assertEqual({key: mine.get(key) for key in expected}, expected, name)
            # A row that tshark has come to agree with is out of date.
            self.assertNotEqual({key: mine.get(key) for key in other | expected}, other, name)

    def test_fragments(self):
        for version in (4, 6):
            pieces, _ = packets.fragments(version)
            self.assertEqual(len(pieces), 3)
            for order in (pieces, pieces[::-1], [pieces[1], pieces[0], pieces[2]], pieces[:2]):
                path = self.make("fragments.pcap")
                captures.write_pcap(path, order)
                self.compare(path)


# A column of the .tsv files: our name, and how its text becomes our value.
TSV = {
    "outer_src": ("outer_src", str), "outer_dst": ("outer_dst", str), "gre_seq": ("seq", int),
    "gre_key": ("key", lambda text: int(text, 16)), "session": ("session", int), "vlan": ("vlan", int),
    "cos": ("cos", int), "trunc": ("truncated", lambda text: text == "1"),
    "index": ("index", int), "ts": ("timestamp", int), "sgt": ("sgt", int), "p": ("p", int), "ft": ("ft", int), "hwid": ("hwid", int),
    "dir": ("direction", lambda text: "egress" if text == "1" else "ingress"), "gra": ("gra", int), "o": ("o", int),
    "platid": ("platf_id", int), "vni": ("vni", int), "inner_off": ("inner_off", int), "inner_len": ("inner_len", int),
    "inner_dst": ("inner_dst", str), "inner_src": ("inner_src", str), "inner_type": ("inner_type", str),
}
KINDS = {"I": "erspan1", "II": "erspan2", "III": "erspan3", "GRE": "gre", "VXLAN": "vxlan", "": "none"}


class Tsv(unittest.TestCase):
    """The tables beside the captures, made on another day by another hand."""

    def check_row(self, row, mine, name):
        if row["note"] == "inside-icmp-error":  # the row is about the packet that the error quotes
            self.assertEqual(mine["kind"], "none", name)
            return
        self.assertEqual(mine["kind"], KINDS[row["kind"]], name)
        for column, (field, convert) in TSV.items():
            if row[column]:
                self.assertEqual(mine.get(field), convert(row[column]), f"{name} {field}")
            elif field not in ("outer_src", "outer_dst"):
                self.assertNotIn(field, mine, f"{name} {field}")
        if row["encap_bso"]:
            self.assertEqual(mine["en" if row["kind"] == "II" else "bso"], int(row["encap_bso"]), name)
        if row["kind"]:
            vlans = [int(tag.split("/")[0]) for tag in row["inner_vlans"].split(",") if tag]
            self.assertEqual(mine["inner_vlans"], vlans, name)

    def test_tables(self):
        rows = 0
        for path in sorted(glob.glob(DATA + "/*.tsv")):
            ours = decode(path[:-4] + ".pcap")
            with open(path, encoding="utf-8") as file:
                for mine, row in zip(ours, csv.DictReader(file, delimiter="\t"), strict=True):
                    rows += 1
                    self.check_row(row, mine, f"{os.path.basename(path)} packet {row['pkt']}")
        self.assertEqual(rows, 336)


if __name__ == "__main__":
    sys.exit(unittest.main())
