#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""farspan collect from a capture file: the frames, what the recording says of them, and the counts."""
import csv
import glob
import json
import os
import random
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

import captures
import packets

FARSPAN = os.environ["FARSPAN"]
NAMES = 4  # type of the block of names
MANY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "net", "make_many.py")
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
        self.assertEqual(summary["received"], summary["written"] + summary["reassembled"] + summary["marker"] + counted)
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

    def compressed(self, content):
        return subprocess.run(["zstd", "-qc", "--check"], input=content, capture_output=True, check=True).stdout

    def test_compressed(self):
        """With zstd, in one piece or several, from a file or a pipe; cut or damaged, up to there, and said."""
        with open(f"{DATA}/ovs-rspan.pcap", "rb") as file:
            content = file.read()
        _, plain = self.collect(f"{DATA}/ovs-rspan.pcap")
        frames = [block["data"] for kind, block in plain if kind == "packet"]
        half = len(content) // 2 + 5
        pieces = self.compressed(content[:half]), self.compressed(b""), self.compressed(content[half:])
        for data in self.compressed(content), b"".join(pieces):
            with open(self.input, "wb") as file:
                file.write(data)
            for path in self.input, "-":
                with open(self.input, "rb") as stdin:
                    result = subprocess.run([FARSPAN, "collect", "-r", path, "-w", self.output], stdin=stdin, capture_output=True,
                                            check=False)
                self.assertEqual(result.returncode, 0, result.stderr)
                self.assertEqual([block["data"] for kind, block in captures.read_pcapng(self.output) if kind == "packet"], frames)
        data = pieces[0] + pieces[2]
        damaged = bytearray(data)
        damaged[-1] ^= 1 # of the checksum
        faults = (data[:-1], "cut short"), (bytes(damaged), "damaged"), (data + b"more of it", "damaged"), (pieces[0], "cut short")
        for wrong, said in faults:
            with open(self.input, "wb") as file:
                file.write(wrong)
            result = self.run_collect("-r", self.input, "-w", self.output)
            self.assertEqual(result.returncode, 1)
            self.assertIn(said, result.stderr.decode())
            found = [block["data"] for kind, block in captures.read_pcapng(self.output) if kind == "packet"]
            self.assertEqual(found, frames[:len(found)])
            self.assertGreaterEqual(len(found), len(frames) // 3)
        with open(self.input, "wb") as file:
            file.write(self.compressed(content)[:40])
        result = self.run_collect("-r", self.input, "-w", self.output)
        self.assertEqual((result.returncode, result.stderr.decode().count("is cut short, behind offset 0 of")), (1, 1), result.stderr)

    def test_inner_files(self):
        """The frames alone, as another program took them out."""
        for path in sorted(glob.glob(DATA + "/*.inner.pcap")):
            name = os.path.basename(path)[:-11]
            if name == "ovs-tx2":
                continue  # holds the frames that ICMP errors quote as well
            self.collect(f"{DATA}/{name}.pcap")
            frames = [block["data"] for kind, block in captures.read_pcapng(self.output) if kind == "packet"]
            self.assertEqual(frames, captures.read_pcap(path), name)

    def test_shared_counter(self):
        """Open vSwitch numbers all ERSPAN sessions with one counter: nothing is lost there, though each session alone has gaps."""
        summary, blocks = self.collect(DATA + "/ovs-tx.pcap")
        self.assertEqual((summary["lost"], summary["gaps"], summary["restarted"]), (0, 0, 0))
        self.assertEqual(summary["shared_counters"], [{"sender": "10.8.0.1", "destination": "10.8.0.2", "sessions": 2, "gaps": 0,
                                                       "lost": 0, "late": 0, "duplicate": 0, "restarted": 0}])
        self.assertEqual([session.get("counter") for session in summary["sessions"]], ["shared"] * 2)
        # Until it is known, after eight numbers, the gaps are the sessions'.
        self.assertLessEqual(sum(int.from_bytes(block["options"].get(4, b""), "little") for kind, block in blocks if kind == "packet"), 8)
        summary, _ = self.collect(DATA + "/kernel-mirred.pcap")
        self.assertEqual((summary["lost"], summary["shared_counters"]), (0, []))

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
        self.assertEqual({row["sender"]: (row["packets"], row["reason"]) for row in summary["refused_senders"]},
                         {"10.8.0.1": (12, "not_wanted_type"), "fd08::1": (6, "sender_not_allowed")})
        self.assertEqual(summary["refused_of_others"], 0)
        summary, _ = self.collect(DATA + "/ovs-tx2.pcap", "-f", "vxlan:10.8.0.3", "-f", "erspan2:10.8.0.2,id=12")
        refused = {name: count for name, count in summary["refused"].items() if count}
        self.assertEqual(refused, {"not_tunnel": 12, "not_wanted_type": 12, "wrong_destination": 12, "session_not_wanted": 6})

    def test_matching(self):
        def refused(*sources):
            summary, _ = self.collect(DATA + "/ovs-tx2.pcap", *(word for source in sources for word in ("-f", source)))
            return summary["written"], {name: count for name, count in summary["refused"].items() if count and name != "not_tunnel"}

        self.assertEqual(refused("erspan:any,id=1+9-11+20-0x20"), (12, {"not_wanted_type": 12, "session_not_wanted": 6}))
        self.assertEqual(refused("erspan:any,id=any"), (18, {"not_wanted_type": 12}))
        self.assertEqual(refused("gre:any,key=70-80", "vxlan:any,vni=5000-6000"), (12, {"not_wanted_type": 18}))
        self.assertEqual(refused("erspan3:any,hwid=1+6-8,direction=tx"), (6, {"not_wanted_type": 24}))
        self.assertEqual(refused("erspan:any,hwid=8-63"), (0, {"not_wanted_type": 12, "hwid_not_wanted": 18}))
        self.assertEqual(refused("erspan:any,direction=rx"), (0, {"not_wanted_type": 12, "direction_not_wanted": 18}))
        self.assertEqual(refused("erspan2:any,vlan=1-4095"), (0, {"not_wanted_type": 18, "vlan_not_wanted": 12}))
        self.assertEqual(refused("erspan2:any,index=1048575"), (0, {"not_wanted_type": 18, "index_not_wanted": 12}))
        for source, text in (("erspan:any,id=5-4", "id must be any, or at most 16 numbers and ranges from 0 to 1023, as in 1+5-9, not"),
                             ("erspan:any,id=1024", "not '1024'"), ("erspan:any,id=1+", "not '1+'"),
                             ("gre:any,id=1", "gre has no key 'id'"),
                             ("erspan:any,direction=both", "direction must be rx or tx, not 'both'"),
                             ("vxlan:any,vni=" + "+".join("1" * 17), "at most 16 numbers")):
            result = self.run_collect("-r", self.input, "-w", self.output, "-f", source)
            self.assertEqual(result.returncode, 2)
            self.assertIn(text, result.stderr.decode())

    def test_outputs(self):
        """Each source to its own file, the most specific one first, whatever the order."""
        names = [os.path.join(os.path.dirname(self.output), name) for name in ("a", "b", "c")]
        words = ["-f", "erspan:any", "-f", "vxlan:any", "-w", names[0], "-f", "erspan:any,id=11", "-w", names[1],
                 "-f", "erspan:any,remote=10.0.0.0/8", "-w", names[2]]
        result = self.run_collect("-r", DATA + "/ovs-tx2.pcap", "--json", *words)
        self.assertEqual(result.returncode, 0, result.stderr)
        summary = json.loads(result.stdout)
        self.assertEqual(summary["written"], 24)
        self.assertEqual(summary["recordings"], [{"file": name, "written": count, "lost": 0} for name, count in zip(names, (12, 0, 12))])
        found = []
        for name in names:
            blocks = captures.read_pcapng(name)
            found.append({fields["options"][2].decode() for kind, fields in blocks if kind == "interface"})
        self.assertEqual(found, [{"erspan2 fd08::1 id 21", "vxlan 10.8.0.1 vni 5005"}, set(),
                                 {"erspan2 10.8.0.1 id 11", "erspan3 10.8.0.1 id 12 hwid 7"}])
        for words, text in ((["-w", "x", "-f", "gre:any", "-w", "y"], "a frame is recorded once"),
                            (["-f", "gre:any", "-w", "x", "-f", "vxlan:any", "-w", "x"], "'x' is the file of two sources"),
                            (["-f", "gre:any", "-w", "x", "-f", "vxlan:any"], "the frames of the last -f go nowhere"),
                            (["-f", "gre:any", "-C", "1", "-f", "vxlan:any", "-w", "x"], "need a file to write")):
            result = self.run_collect("-r", DATA + "/ovs-tx2.pcap", *words)
            self.assertEqual(result.returncode, 2)
            self.assertIn(text, result.stderr.decode())

    def test_inner(self):
        """What switches leave in and take out: undone as asked, kept otherwise."""
        rng = random.Random(8)
        frame = bytes(next(iter(packets.frames()))[1])
        macs, rest = frame[:12], frame[12:]
        vntag, ttag, cmd = b"\x89\x26\0\1\0\2", b"\x89\x88" + b"t" * 6, b"\x89\x09\1\1\0\1\0\7"
        fabricpath = b"\2\0\0\0\0\1\2\0\0\0\0\2\x89\x03\0\1"
        tag = b"\x81\0" + struct.pack("!H", 5 << 13 | 77)
        sent = [("vntag", macs + vntag + rest, frame), ("ttag", macs + ttag + rest, frame), ("cmd", macs + cmd + rest, frame),
                ("fabricpath", fabricpath + frame, frame), ("fcs", frame + struct.pack("<I", zlib.crc32(frame)), frame),
                ("tag", frame, macs + tag + rest), (None, frame, frame)]
        datas = []
        for name, data, _ in sent:
            header = packets.bits((1, 4), (77, 12), (5, 3), (2 if name == "tag" else 0, 2), (0, 1), (9, 10), (0, 32))
            datas.append(bytes(Ether(**packets.MACS) / packets.with_ip(rng, 4, 47, packets.gre(rng, 0x88BE, header + data))))
        captures.write_pcap(self.input, datas)

        def found(*words):
            result = self.run_collect("-r", self.input, "-w", self.output, "--json", *words)
            self.assertEqual(result.returncode, 0, result.stderr)
            blocks = [fields for kind, fields in captures.read_pcapng(self.output) if kind == "packet"]
            self.assertEqual([len(block["data"]) for block in blocks], [block["original"] for block in blocks])
            return json.loads(result.stdout)["cleaned"], [block["data"] for block in blocks]

        self.assertEqual(found(), (0, [data for _, data, _ in sent]))
        self.assertEqual(found("--inner", "all"), (6, [right for _, _, right in sent]))
        for name, _, _ in sent[:-1]:
            self.assertEqual(found("--inner", name), (1, [right if part == name else data for part, data, right in sent]))
        self.assertEqual(found("--inner", "vntag", "-f", "erspan:any", "--inner", "fcs,tag"),
                         (3, [right if part in ("vntag", "fcs", "tag") else data for part, data, right in sent]))
        for wrong in ("", "vntag,", "vlan", "all,fcs"):
            result = self.run_collect("-r", self.input, "-w", self.output, "--inner", wrong)
            self.assertEqual(result.returncode, 2)
            self.assertIn(f"not '{wrong}'", result.stderr.decode())

    def test_time(self):
        """Timestamps of Type III, in every way that they can be told, and markers; both times are in the recording."""
        rng = random.Random(9)
        frame = bytes(next(iter(packets.frames()))[1])
        start = 1763700000 * 10**9 + 4321

        def type3(session, gra, ticks, platform=None):
            header = packets.bits((2, 4), (0, 16), (0, 1), (0, 1), (session, 10), (ticks & 0xFFFFFFFF, 32), (0, 16), (1, 1), (0, 5), (0, 6),
                                  (1, 1), (gra, 2), (platform is not None, 1))
            sub = b"" if platform is None else packets.bits((platform[0], 6), (0, 26), (platform[1], 32))
            return bytes(Ether(**packets.MACS) / packets.with_ip(rng, 4, 47, packets.gre(rng, 0x22EB, header + sub + frame)))

        def marker(ticks, at, port=50000):
            data = bytes(25) + struct.pack("!BQII", 37, ticks, at // 10**9 + 37, at % 10**9 // 1000) + bytes(12) + b"\xa5" * 4
            return bytes(Ether(**packets.MACS) / packets.with_ip(rng, 4, 17, packets.udp(rng, port, data)))

        def ways(at):
            """(session, quality, unit, packet): of a frame seen at that time"""
            yield 1, "wrap", 100000, type3(1, 0, at // 100000)
            yield 2, "wrap", 100, type3(2, 1, at // 100)
            yield 3, "exact", 1, type3(3, 2, at % 10**9, (5, at // 10**9))
            yield 4, "exact", 100, type3(4, 1, at // 100, (3, at // 100 >> 32))
            yield 5, "exact", 1, type3(5, 3, at, (7, at >> 32))
            yield 6, "none", 1, type3(6, 3, at)

        sent = []  # (received, seen, quality, unit, packet)
        for i in range(30):
            seen = start + i * 10**8
            sent += [(seen + 1000000 + n, seen, quality, unit, data) for n, quality, unit, data in ways(seen)]
        # A clock of its own, and what it showed at a time.
        sent.append((start + 4 * 10**9, None, "marker", None, marker(0x700000000000 + 12345, start + 3 * 10**9 - 4321)))
        sent.append((start + 5 * 10**9, start + 3 * 10**9 - 4321 + 2 * 10**9 - 700, "marker", 1,
                     type3(7, 1, 12345 + 2 * 10**7 - 7)))
        sent.append((start + 6 * 10**9, None, "other", None, marker(1, start, 50001)))
        with open(self.input, "wb") as file:
            file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1))
            for received, _, _, _, data in sent:
                file.write(struct.pack("<IIII", received // 10**9, received % 10**9, len(data), len(data)) + data)

        for words in ([], ["--time", "receive"], ["--time", "source"]):
            summary, blocks = self.collect(self.input, "-f", "erspan:any,marker=50000", *words)
            self.assertEqual((summary["marker"], summary["refused"]["not_tunnel"], summary["written"]), (1, 1, 181))
            found = [fields for kind, fields in blocks if kind == "packet"]
            for block, (received, seen, quality, unit, _) in zip(found, [row for row in sent if row[1]], strict=True):
                comment = block["options"].get(1, b"").decode()
                at = seen // unit * unit
                if not words or quality == "none":
                    self.assertEqual((block["time_ns"], comment), (received, ""))
                elif words[1] == "receive":
                    self.assertEqual((block["time_ns"], comment),
                                     (received, f"sent {at // 10**9}.{at % 10**9:09}, clock {quality}"))
                else:
                    self.assertEqual((block["time_ns"], comment),
                                     (at, f"received {received // 10**9}.{received % 10**9:09}, clock {quality}"))
        times = {session["id"]: session["time"] for session in summary["sessions"]}
        for session, quality, _, _ in ways(start):
            self.assertEqual({name: times[session][name] for name in ("exact", "marker", "wrap", "fit", "none")},
                             {"exact": 0, "marker": 0, "wrap": 0, "fit": 0, "none": 0, quality: 30})
        self.assertEqual((times[3]["delay_min_ns"], times[3]["delay_max_ns"], times[3]["jitter_ns"]), (1000003, 1000003, 0))
        self.assertNotIn("delay_min_ns", times[6])

    def test_silent_sessions(self):
        """The table is full. Sessions that have been silent for five minutes make room, 64 in a second, and come back as others."""
        link_and_ip = bytes(Ether(**packets.MACS) / IP(src="10.0.0.1", dst="10.0.255.2", proto=47, len=52))

        def outer(session):
            erspan = struct.pack(">HHIII", 0x1000, 0x88BE, 0, 1 << 28 | session % 1024, 0)
            frame = struct.pack(">12sHH", bytes(12), 0x9000, session)
            return link_and_ip[:28] + bytes([session // 1024]) + link_and_ip[29:] + erspan + frame

        refused = [(2, 5000)]
        sent = [(1, session) for session in range(4096)] + refused
        sent += [(2, session) for session in range(64, 4096)] + [(400, 4095), (401, 4095)]
        sent += [(402, session) for session in (3, *range(5001, 5064))] + [(402, 70)]
        with open(self.input, "wb") as file:
            file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1))
            for seconds, session in sent:
                file.write(struct.pack("<IIII", seconds, 0, len(outer(session)), len(outer(session))) + outer(session))
        expected = [session for seconds, session in sent if (seconds, session) not in refused]
        summary, blocks = self.collect(self.input)
        self.assertEqual((summary["dropped"]["session_table_full"], summary["packets"]), (1, len(expected)))
        self.assertEqual(summary["ended"], {"sessions": 64, "packets": 64, "bytes": 64 * 16, "truncated": 0, "cleaned": 0})
        self.assertEqual(len(summary["sessions"]), 4096)
        names = [fields["options"][2].decode() for kind, fields in blocks if kind == "interface"]
        self.assertEqual(len(names), 4096 + 64)
        frames = [fields for kind, fields in blocks if kind == "packet"]
        for session, frame in zip(expected, frames, strict=True):
            self.assertEqual(names[frame["interface"]], f"erspan2 10.0.{session // 1024}.1 id {session % 1024}")
            self.assertEqual(frame["data"][-2:], struct.pack(">H", session))
        # As many as there were packets, also of an interface whose session ended.
        self.assertEqual([sum(frame["interface"] == i for frame in frames) for i in (3, 70, 4096)], [1, 3, 1])
        told = {fields["interface"]: struct.unpack("<Q", fields["options"][4])[0] for kind, fields in blocks if kind == "statistics"}
        self.assertEqual([told[i] for i in (3, 70, 4096)], [1, 3, 1])
        self.assertEqual((len(told), sum(told.values())), (4096 + 64, len(expected)))
        # A file each: none is written by two.
        directory = self.output + ".d"
        os.mkdir(directory)
        result = self.run_collect("-r", self.input, "-w", directory + "/%{session}", "--per-session")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(len(os.listdir(directory)), 4096 + 64)
        for name, frames in (("erspan2-10.0.0.1-id-3", 1), ("erspan2-10.0.0.1-id-3-4097", 1), ("erspan2-10.0.0.1-id-70", 3)):
            found = captures.read_pcapng(f"{directory}/{name}")
            self.assertEqual([fields["data"][-2:] for kind, fields in found if kind == "packet"],
                             [struct.pack(">H", int(name.split("-")[3]))] * frames)

    def test_count(self):
        summary, _ = self.collect(DATA + "/ovs-tx2.pcap", "-c", "7")
        self.assertEqual(summary["written"], 7)


class Hostile(Case):
    @staticmethod
    def memory(process):
        with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
            return {line.split(":")[0]: int(line.split()[1]) for line in file if line.startswith("Vm")}

    def test_flood(self):
        """A million packets, each of another sender and session. Once the table is full nothing grows, and there is nothing to read."""
        count = 1000000
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with subprocess.Popen([MANY, "flood", str(count)], stdin=subprocess.PIPE, **pipes) as flood, \
                subprocess.Popen([FARSPAN, "collect", "-r", "-", "-w", self.output, "--json", "-f", "erspan2:any,remote=10.0.0.0/8"],
                                 stdin=flood.stdout, **pipes) as collect:
            flood.stdout.close()
            self.assertEqual(flood.stderr.readline(), b"begun\n")
            # What is still in the pipe are some hundred packets; the table of 4096 was full after 8192.
            before = self.memory(collect)
            flood.stdin.write(b"\n")
            flood.stdin.flush()
            self.assertEqual(flood.wait(), 0)
            after = self.memory(collect) if collect.poll() is None else before
            out, err = collect.communicate()
        self.assertEqual(collect.returncode, 0, err)
        summary = json.loads(out)
        self.assertEqual((summary["received"], len(summary["sessions"]), summary["written"]), (count, 4096, 4096))
        self.assertEqual(summary["refused"]["sender_not_allowed"], count // 2)
        self.assertEqual(len(summary["refused_senders"]), 64)
        self.assertEqual(sum(row["packets"] for row in summary["refused_senders"]) + summary["refused_of_others"], count // 2)
        self.assertEqual(summary["dropped"]["session_table_full"], count // 2 - 4096)
        self.assertEqual(after["VmSize"], before["VmSize"])
        self.assertLessEqual(after["VmRSS"] - before["VmRSS"], 128)
        # The summary has a line a session, and a few besides.
        self.assertLess(len(err.splitlines()), 4096 + 10)

    def test_bombs(self):
        """Tunnels in tunnels, as deep as a packet can be, with little stack. The deepest are of IP in GRE, which is no mirror's."""
        for depth, counts in ((1, {}), (8, {}), (9, {"depth": 1}), (1700, {"depth": 1}), (2700, {})):
            with open(self.input, "wb") as file:
                subprocess.run([MANY, "bomb", str(depth)], stdout=file, check=True)
            command = f"ulimit -s 256; exec {FARSPAN} collect --json -r {self.input} -w {self.output}"
            result = subprocess.run(["sh", "-c", command], capture_output=True, check=False)
            self.assertEqual(result.returncode, 0, result.stderr)
            summary = json.loads(result.stdout)
            self.assertEqual({name: number for name, number in summary["refused"].items() if number}, counts, depth)
            self.assertEqual(summary["written"], 1 - len(counts))

    def test_file_limit(self):
        """A file that may not get longer (RLIMIT_FSIZE) is an error like others, and what is in it can be read."""
        command = f"ulimit -f 2; exec {FARSPAN} collect -r {DATA}/kernel-tx.pcap -w {self.output}"
        result = subprocess.run(["bash", "-c", command], capture_output=True, check=False)
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn(b"out.pcapng: cannot write: File too large", result.stderr)
        self.assertGreater(sum(kind == "packet" for kind, _ in captures.read_pcapng(self.output)), 0)

    def test_little_memory(self):
        """With any limit of memory the frames are all there, or it says that there is none."""
        version = subprocess.run(["sh", "-c", f"ulimit -v 1048576; exec {FARSPAN} --version"], capture_output=True, check=False)
        if version.returncode:
            self.skipTest("a sanitizer needs all memory there is")
        results = set()
        for megabytes in (*range(8, 40, 2), 64):
            command = f"ulimit -v {megabytes * 1024}; exec {FARSPAN} collect --json -r {DATA}/kernel-tx.pcap -w {self.output}"
            result = subprocess.run(["sh", "-c", command], capture_output=True, check=False)
            if result.returncode == 0:
                self.assertEqual(json.loads(result.stdout)["written"], 46)
            elif result.returncode == 1:
                self.assertIn(b"memory", result.stderr)
            else:
                self.assertEqual(result.returncode, 127, result.stderr)  # not even the libraries can be loaded
            results.add(result.returncode)
        self.assertIn(0, results)


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
