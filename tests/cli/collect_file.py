#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""farspan collect from a capture file: the frames, what the recording says of them, and the counts."""
import csv
import glob
import json
import os
import random
import subprocess
import sys
import tempfile
import unittest

from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

import captures
import packets

FARSPAN = os.environ["FARSPAN"]
NAMES = 4  # type of the block of names
DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "captures")


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.input = os.path.join(directory.name, "in.pcap")
        self.output = os.path.join(directory.name, "out.pcapng")

    def run_collect(self, *arguments):
        return subprocess.run([FARSPAN, "collect", *arguments], capture_output=True, check=False)

    def collect(self, path, *arguments):
        """The summary, whose sum holds, and the blocks of the file."""
        result = self.run_collect("-r", path, "-w", self.output, "--json", *arguments)
        self.assertEqual(result.returncode, 0, result.stderr)
        summary = json.loads(result.stdout)
        counted = sum(summary["refused"].values()) + sum(summary["dropped"].values())
        self.assertEqual(summary["received"], summary["written"] + summary["reassembled"] + counted)
        blocks = captures.read_pcapng(self.output)
        self.assertEqual(summary["written"], sum(kind == "packet" for kind, _ in blocks))
        self.assertEqual(summary["bytes"], sum(len(block["data"]) for kind, block in blocks if kind == "packet"))
        return summary, blocks


class Captures(Case):
    def expected(self, name):
        """Frames of the packets that are tunnels themselves, in order, by the offsets in the table."""
        outer = captures.read_pcap(f"{DATA}/{name}.pcap")
        with open(f"{DATA}/{name}.tsv", encoding="utf-8") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                if row["kind"] and row["note"] != "inside-icmp-error":
                    at = int(row["inner_off"])
                    yield row, outer[int(row["pkt"]) - 1][at:at + int(row["inner_len"])]

    def test_captures(self):
        total = 0
        for path in sorted(glob.glob(DATA + "/*.tsv")):
            name = os.path.basename(path)[:-4]
            expected = list(self.expected(name))
            summary, blocks = self.collect(f"{DATA}/{name}.pcap")
            found = [block for kind, block in blocks if kind == "packet"]
            self.assertEqual([block["data"] for block in found], [frame for _, frame in expected], name)
            self.assertEqual(summary["refused"].pop("not_tunnel"), summary["received"] - len(expected))
            self.assertEqual(sum(summary["refused"].values()), 0)
            for block, (row, _) in zip(found, expected):
                flags = {"0": b"\1\0\0\0", "1": b"\2\0\0\0", "": None}[row["dir"]]
                self.assertEqual(block["options"].get(2), flags)
                self.assertEqual(block["options"].get(5), int(row["gre_seq"]).to_bytes(8, "little") if row["gre_seq"] else None)
                self.assertEqual(block["options"].get(1), b"truncated by the sender" if row["trunc"] == "1" else None)
            total += len(expected)
        self.assertEqual(total, 309)

    def test_inner_files(self):
        """The frames alone, as another program took them out."""
        for path in sorted(glob.glob(DATA + "/*.inner.pcap")):
            name = os.path.basename(path)[:-11]
            if name == "ovs-tx2":
                continue  # holds the frames that ICMP errors quote as well
            self.collect(f"{DATA}/{name}.pcap")
            frames = [block["data"] for kind, block in captures.read_pcapng(self.output) if kind == "packet"]
            self.assertEqual(frames, captures.read_pcap(path), name)

    def test_tshark_reads_it(self):
        self.collect(DATA + "/ovs-tx2.pcap")
        fields = ["interface_name", "interface_description", "packet_id", "packet_flags_direction", "drop_count"]
        command = ["tshark", "-n", "-r", self.output, "-T", "fields"] + [word for field in fields for word in ("-e", "frame." + field)]
        lines = [line.split("\t") for line in subprocess.run(command, capture_output=True, check=True, text=True).stdout.splitlines()]
        self.assertEqual(len(lines), 30)
        self.assertEqual({line[0] for line in lines}, {"erspan2 fd08::1 id 21", "erspan2 10.8.0.1 id 11", "erspan3 10.8.0.1 id 12 hwid 7",
                                                       "gre 10.8.0.1 key 77", "vxlan 10.8.0.1 vni 5005"})
        self.assertIn(["erspan2 fd08::1 id 21", "ERSPAN Type II from fd08::1 to fd08::2", "74", "", ""], lines)
        self.assertEqual(sum(line[3] == "0x00000002" for line in lines), 6)


class Made(Case):
    def test_all_kinds(self):
        made = list(packets.all_kinds(4))
        captures.write_pcap(self.input, [data for _, data in made])
        summary, blocks = self.collect(self.input)
        self.assertEqual(summary["written"], len(made))
        frames = {name: bytes(frame) for name, frame in packets.frames()}
        found = [block["data"] for kind, block in blocks if kind == "packet"]
        self.assertEqual(found, [frames[name.split(" in ")[0]] for name, _ in made])

    def test_fragments(self):
        datas = []
        for version in (4, 6):
            datas += packets.fragments(version)[0][::-1]
        captures.write_pcap(self.input, datas)
        summary, blocks = self.collect(self.input)
        self.assertEqual((summary["received"], summary["written"], summary["reassembled"]), (6, 2, 4))
        for (_, block), version in zip([block for block in blocks if block[0] == "packet"], (4, 6), strict=True):
            whole = packets.fragments(version)[1]
            self.assertEqual(block["data"], whole[14 + (20 if version == 4 else 40) + 16:])
        captures.write_pcap(self.input, datas[:2] + datas[3:])
        summary, _ = self.collect(self.input)
        self.assertEqual((summary["written"], summary["reassembled"], summary["refused"]["fragment_incomplete"]), (1, 2, 2))

    def test_raw_interface(self):
        rng = random.Random(4)
        inner = bytes(IP(src="172.16.0.1", dst="172.16.0.2") / UDP(sport=1, dport=2))
        frame = bytes(next(iter(packets.frames()))[1])
        datas = []
        for ft, payload in ((0, frame), (2, inner), (0, frame), (2, inner), (7, frame)):
            header = bytearray(packets.erspan3(random.Random(1), ft=ft))
            datas.append(bytes(Ether(**packets.MACS) / packets.with_ip(rng, 4, 47, packets.gre(rng, 0x22EB, bytes(header) + payload))))
        captures.write_pcap(self.input, datas)
        summary, blocks = self.collect(self.input)
        self.assertEqual(summary["refused"]["frame_type"], 1)
        self.assertEqual([(kind, block.get("link", block.get("interface"))) for kind, block in blocks[1:]],
                         [(NAMES, None), ("interface", 1), ("packet", 0), (NAMES, None), ("interface", 101), ("packet", 1), ("packet", 0),
                          ("packet", 1), ("statistics", 0), ("statistics", 1)])

    def test_sources(self):
        summary, _ = self.collect(DATA + "/ovs-tx2.pcap", "-f", "erspan2:any,id=11,remote=10.8.0.0/24", "-f", "vxlan:10.8.0.2,vni=5005")
        self.assertEqual((summary["received"], summary["written"]), (42, 12))
        refused = {name: count for name, count in summary["refused"].items() if count}
        self.assertEqual(refused, {"not_tunnel": 12, "not_wanted_type": 12, "sender_not_allowed": 6})
        summary, _ = self.collect(DATA + "/ovs-tx2.pcap", "-f", "vxlan:10.8.0.3", "-f", "erspan2:10.8.0.2,id=12")
        refused = {name: count for name, count in summary["refused"].items() if count}
        self.assertEqual(refused, {"not_tunnel": 12, "not_wanted_type": 12, "wrong_destination": 12, "session_not_wanted": 6})

    def test_count(self):
        summary, _ = self.collect(DATA + "/ovs-tx2.pcap", "-c", "7")
        self.assertEqual(summary["written"], 7)


class Failures(Case):
    def test_pipe(self):
        self.collect(DATA + "/kernel-tx.pcap")
        with open(self.output, "rb") as file:
            expected = file.read()
        with open(DATA + "/kernel-tx.pcap", "rb") as file:
            result = subprocess.run([FARSPAN, "collect", "-r", "-", "-w", "-"], stdin=file, capture_output=True, check=True)
        self.assertEqual(result.stdout, expected)
        self.assertIn("46 packets received, 46 frames written", result.stderr.decode())

    def test_cut_input(self):
        with open(DATA + "/kernel-tx.pcap", "rb") as file:
            content = file.read()
        with open(self.input, "wb") as file:
            file.write(content[:-1])
        result = self.run_collect("-r", self.input, "-w", self.output)
        self.assertEqual(result.returncode, 1)
        self.assertIn(f"farspan: {self.input}: cut short at offset {len(content) - 1}", result.stderr.decode())
        self.assertEqual(sum(kind == "packet" for kind, _ in captures.read_pcapng(self.output)), 45)

    def test_full_output(self):
        result = self.run_collect("-r", DATA + "/kernel-tx.pcap", "-w", "/dev/full", "--json")
        self.assertEqual(result.returncode, 1)
        self.assertIn("farspan: /dev/full: cannot write: No space left on device", result.stderr.decode())
        summary = json.loads(result.stdout)
        self.assertEqual((summary["received"], summary["written"], summary["dropped"]["write_error"]), (46, 0, 46))

    def test_same_file(self):
        captures.write_pcap(self.input, [b"x" * 60])
        result = self.run_collect("-r", self.input, "-w", self.input)
        self.assertEqual(result.returncode, 1)
        self.assertIn("is both read and written", result.stderr.decode())
        self.assertEqual(len(captures.read_pcap(self.input)), 1)


if __name__ == "__main__":
    sys.exit(unittest.main())
