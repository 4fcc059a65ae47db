#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""farspan decode where tshark is no measure: refusals, strict reassembly, broken files, its command line and its output."""
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
from scapy.packet import Raw

import captures
import packets

FARSPAN = os.environ["FARSPAN"]
NAMES = ["n", "time", "kind", "outer_src", "outer_dst", "ttl", "tos", "seq", "key", "session", "vlan", "cos", "en", "bso", "truncated",
         "index", "timestamp", "sgt", "p", "ft", "hwid", "direction", "gra", "o", "platf_id", "domain_id", "port_id", "switch_id",
         "timestamp_upper", "vni", "oam", "critical", "options_len", "inner_off", "inner_len", "inner_dst", "inner_src", "inner_vlans",
         "inner_type", "inner_extra", "depth", "reason"]


def run(*arguments, **options):
    return subprocess.run([FARSPAN, "decode", *arguments], capture_output=True, check=False, **options)


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = os.path.join(directory.name, "x.pcap")

    def decode(self, *datas, link=captures.ETHERNET):
        captures.write_pcap(self.path, datas, link=link)
        result = run("-r", self.path, "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.stderr = result.stderr.decode()
        return [json.loads(line) for line in result.stdout.splitlines()]

    def reasons(self, *datas):
        return [line.get("reason") for line in self.decode(*datas)]


class Fragments(Case):
    def test_whole_is_in_the_last_line(self):
        for version, header in ((4, 20), (6, 40)):
            pieces, whole = packets.fragments(version)
            for order in (pieces, pieces[::-1]):
                lines = self.decode(*order, whole)
                for line in lines[:-2]:
                    self.assertEqual((line["kind"], line["reason"]), ("none", "fragment"))
                    self.assertNotIn("inner_off", line)
                completed, plain = lines[-2:]
                self.assertEqual(completed["inner_off"], header + 16)
                self.assertEqual(plain["inner_off"], 14 + header + 16)
                for line in (completed, plain):
                    for name in ("n", "time", "inner_off"):
                        del line[name]
                self.assertEqual(completed, plain)
                self.assertEqual(self.stderr, "")

    def test_missing(self):
        pieces, _ = packets.fragments(4)
        self.assertEqual(self.reasons(*pieces[:2]), ["fragment"] * 2)
        self.assertIn("2 incomplete", self.stderr)

    def test_duplicate(self):
        pieces, _ = packets.fragments(4)
        self.assertEqual(self.reasons(pieces[0], pieces[0], *pieces[1:]), ["fragment", "fragment_duplicate", "fragment", None])

    def test_overlap(self):
        for version in (4, 6):
            pieces, _ = packets.fragments(version, 1400)
            others, _ = packets.fragments(version, 1200)
            lines = self.decode(pieces[0], others[1], *pieces[1:])
            self.assertEqual([line.get("reason") for line in lines], ["fragment"] + ["fragment_overlap"] * 3)
            self.assertEqual({line["kind"] for line in lines}, {"none"})
            self.assertIn("4 overlapping", self.stderr)

    def test_overlap_that_changes_a_byte(self):
        pieces, _ = packets.fragments(4)
        other = pieces[1][:-1] + bytes([pieces[1][-1] ^ 1])
        self.assertEqual(self.reasons(pieces[0], pieces[1], other, pieces[2]), ["fragment", "fragment"] + ["fragment_overlap"] * 2)

    def test_cut_and_impossible(self):
        pieces, _ = packets.fragments(4)
        self.assertEqual(self.reasons(pieces[0][:-1]), ["fragment_cut"])
        head = bytes(Ether(**packets.MACS) / IP(src="10.0.0.1", dst="10.0.0.2", proto=47, flags="MF", len=31) / Raw(b"x" * 11))
        self.assertEqual(self.reasons(head), ["fragment_bad"])

    def test_other_protocols_are_left_alone(self):
        head = bytes(Ether(**packets.MACS) / IP(src="10.0.0.1", dst="10.0.0.2", proto=6, flags="MF") / Raw(b"x" * 16))
        self.assertEqual(self.reasons(head, head), ["fragment", "fragment"])

    def test_too_old(self):
        pieces, _ = packets.fragments(4)
        filler = bytes(Ether(**packets.MACS))
        # A packet a second: the last fragment comes 29 and a little over 30 seconds after the first.
        self.assertEqual(self.reasons(*pieces[:2], *[filler] * 27, pieces[2])[-1], None)
        self.assertEqual(self.reasons(*pieces[:2], *[filler] * 28, pieces[2])[-1], "fragment")


class Refusals(Case):
    def test_every_cut(self):
        """Each prefix of a packet has a reason, and no field that was not there."""
        frame = bytes(next(iter(packets.frames()))[1])
        rng = random.Random(3)
        whole = bytes(Ether(**packets.MACS) / packets.with_ip(rng, 4, 47, packets.gre(rng, 0x22EB, packets.erspan3(rng, 5) + frame)))
        lines = self.decode(*[whole[:size] for size in range(len(whole))])
        expected = ["short_link"] * 14 + ["short_ip"] * 20 + ["short_gre"] * 8 + ["short_erspan"] * 12 + ["short_subheader"] * 8
        expected += ["short_inner"] * 14
        expected += [None] * (len(whole) - len(expected))
        self.assertEqual([line.get("reason") for line in lines], expected)
        for size, line in enumerate(lines):
            self.assertEqual("outer_src" in line, size >= 34, size)
            self.assertEqual("seq" in line, size >= 42, size)
            self.assertEqual("session" in line, size >= 54, size)
            self.assertEqual("platf_id" in line, size >= 62, size)
            self.assertEqual("inner_off" in line, size >= 62, size)
            self.assertEqual("inner_dst" in line, size >= 76, size)

    def test_depth(self):
        frame = bytes(next(iter(packets.frames()))[1])
        for depth in range(1, 11):
            data = frame
            for _ in range(depth):
                tunnel = Raw(struct.pack("!HH", 0, 0x88BE) + data)
                data = bytes(Ether(**packets.MACS) / IP(src="10.0.0.1", dst="10.0.0.2", proto=47) / tunnel)
            line, = self.decode(data)
            self.assertEqual(line.get("depth", 1), min(depth, 8))
            self.assertEqual(line.get("reason"), "depth" if depth > 8 else None)
            self.assertEqual((line["kind"], line["inner_off"]), ("erspan1", 38))

    def test_frame_types(self):
        rng = random.Random(4)
        inner = bytes(IP(src="172.16.0.1", dst="172.16.0.2") / UDP(sport=1, dport=2))
        for ft in range(32):
            data = bytes(Ether(**packets.MACS) / packets.with_ip(rng, 4, 47, packets.gre(rng, 0x22EB, packets.erspan3(rng, ft=ft) + inner)))
            line, = self.decode(data)
            self.assertEqual(line["ft"], ft)
            self.assertEqual("inner_dst" in line, ft == 0)
            self.assertEqual(line.get("inner_type"), "0x0800" if ft == 2 else None if ft else "0xac10")
            self.assertEqual(line["inner_len"], 28)

    def test_inner_extra(self):
        addresses, rest = b"\2\0\0\0\0\x0c\2\0\0\0\0\x0d", b"\x88\xb5" + bytes(46)
        vntag, ttag, cmd = (bytes.fromhex(text) for text in ("892680010002", "8988112233445566", "8909010100011234"))
        fabricpath = bytes.fromhex("01bbcc0001000200001000008903" + "0060")
        rows = ((b"", addresses + rest, None), (b"", addresses + vntag + rest, ["vntag"]),
                (b"", addresses + ttag + b"\x81\0\0\5" + cmd + rest, ["ttag", "cmd"]),
                (fabricpath, addresses + vntag + rest, ["fabricpath", "vntag"]))
        for front, frame, extra in rows:
            for fcs in (b"", zlib.crc32(front + frame).to_bytes(4, "little")):
                link = Ether(**packets.MACS)
                tunnel = struct.pack("!HH", 0, 0x88BE) + front + frame + fcs
                data = bytes(link / packets.with_ip(random.Random(1), 4, 47, tunnel))
                line, = self.decode(data)
                names = (extra or []) + (["fcs"] if fcs else [])
                self.assertEqual(line.get("inner_extra"), names or None)
                shown = run("-r", self.path).stdout.decode().split()
                self.assertEqual([word for word in shown if "extra" in word], ["inner_extra=" + ",".join(names)] if names else [])
                # A frame that the capture cut has no checksum any more, and what comes next does not inherit it.
                self.assertNotIn("fcs", self.decode(data, data[:-1], data[:30])[1].get("inner_extra", []))
                self.assertNotIn("inner_extra", self.decode(data, data[:30])[1])

    def test_link_types(self):
        self.assertEqual([line["reason"] for line in self.decode(b"x" * 60, link=captures.USER0)], ["link_type"])
        arp = b"\0\0\0\1\0\6" + b"\0" * 8 + b"\x08\x06" + b"\0" * 28
        self.assertEqual(self.decode(arp, link=captures.SLL), [{"n": 1, "time": 0, "kind": "none"}])
        self.assertEqual([line["reason"] for line in self.decode(arp[:15], link=captures.SLL)], ["short_link"])

    def test_offset_counts_from_the_packet_in_the_file(self):
        frame = bytes(next(iter(packets.frames()))[1])
        ip = bytes(packets.with_ip(random.Random(1), 4, 47, struct.pack("!HH", 0, 0x88BE) + frame))
        for link, header in ((captures.RAW, b""), (captures.NULL, b"\2\0\0\0"), (captures.SLL, b"\0" * 14 + b"\x08\0"),
                             (captures.SLL2, b"\x08\0" + b"\0" * 18), (captures.ETHERNET, b"\0" * 12 + b"\x08\0")):
            line, = self.decode(header + ip, link=link)
            self.assertEqual((line["inner_off"], line["inner_len"]), (len(header) + 24, len(frame)))


class Output(Case):
    def setUp(self):
        super().setUp()
        self.datas = [data for _, data in packets.all_kinds(1)]
        captures.write_pcap(self.path, self.datas, nanoseconds=True)

    def test_names_and_order(self):
        seen = set()
        for line in run("-r", self.path, "--json").stdout.splitlines():
            pairs = json.loads(line, object_pairs_hook=list)
            names = [name for name, _ in pairs]
            self.assertEqual(names, [name for name in NAMES if name in names])
            seen.update(names)
        self.assertEqual(seen, set(NAMES) - {"reason", "depth", "inner_extra"})

    def test_forms(self):
        for n, line in enumerate(run("-r", self.path, "--json").stdout.splitlines()):
            fields = json.loads(line, parse_float=str)
            self.assertEqual(fields["n"], n + 1)
            self.assertEqual(fields["time"], f"{n}.{n:09d}")
            for name, value in fields.items():
                kind = {"truncated": bool, "oam": bool, "critical": bool, "inner_vlans": list, "time": str, "kind": str,
                        "direction": str, "outer_src": str, "outer_dst": str, "inner_dst": str, "inner_src": str,
                        "inner_type": str}.get(name, int)
                self.assertIs(type(value), kind, name)
            if "inner_type" in fields:
                self.assertRegex(fields["inner_type"], "^0x[0-9a-f]{4}$")

    def test_text(self):
        lines = run("-r", self.path).stdout.decode().splitlines()
        self.assertEqual(len(lines), len(self.datas))
        for n, line in enumerate(lines):
            self.assertRegex(line, rf"^{n + 1} {n}\.{n:09d} (erspan[123]|gre|vxlan|geneve|tzsp) [0-9a-f.:]+ > [0-9a-f.:]+ ttl=[0-9]+ ")

    def test_text_says_what_json_says(self):
        text = run("-r", self.path).stdout.decode().splitlines()
        for line, js in zip(text, run("-r", self.path, "--json").stdout.splitlines(), strict=True):
            fields = json.loads(js)
            for word in line.split()[6:]:
                name, value = word.split("=")
                other = fields[name]
                if isinstance(other, list):
                    other = ",".join(map(str, other))
                self.assertEqual(value, str(other).lower())
            # What the text leaves out is 0.
            shown = {word.split("=")[0] for word in line.split()[6:]} | {"n", "time", "kind", "outer_src", "outer_dst", "ttl"}
            self.assertEqual([name for name in fields if name not in shown and fields[name]], [])

    def test_count(self):
        for count in (1, 7, len(self.datas), 10**6):
            lines = run("-r", self.path, "-c", str(count)).stdout.splitlines()
            self.assertEqual(len(lines), min(count, len(self.datas)))

    def test_pipe(self):
        with open(self.path, "rb") as file:
            whole = file.read()
        self.assertEqual(run("-r", "-", "--json", input=whole).stdout, run("-r", self.path, "--json").stdout)

    def test_write_errors(self):
        with open("/dev/full", "wb") as full:
            result = subprocess.run([FARSPAN, "decode", "-r", self.path], stdout=full, stderr=subprocess.PIPE, check=False)
        self.assertEqual((result.returncode, result.stderr), (1, b"farspan: standard output: cannot write: No space left on device\n"))
        reader, writer = os.pipe()
        os.close(reader)
        with os.fdopen(writer, "wb") as pipe:
            result = subprocess.run([FARSPAN, "decode", "-r", self.path], stdout=pipe, stderr=subprocess.PIPE, check=False)
        self.assertEqual((result.returncode, result.stderr), (1, b"farspan: standard output: cannot write: Broken pipe\n"))


class Files(Case):
    def test_cut(self):
        datas = [data for _, data in packets.no_tunnels()]
        captures.write_pcap(self.path, datas)
        size = os.path.getsize(self.path)
        os.truncate(self.path, size - 1)
        result = run("-r", self.path, "--json")
        self.assertEqual(result.returncode, 1)
        self.assertEqual(len(result.stdout.splitlines()), len(datas) - 1)
        self.assertEqual(result.stderr.decode(), f"farspan: {self.path}: cut short at offset {size - 1}\n")

    def test_bad(self):
        bad = ((b"", "is empty"), (b"\x1f\x8b\x08\0", "is compressed with gzip"), (b"hello world", "is neither pcap nor pcapng"))
        for content, text in bad:
            with open(self.path, "wb") as file:
                file.write(content)
            result = run("-r", self.path)
            self.assertEqual((result.returncode, result.stdout), (1, b""))
            self.assertIn(f"farspan: {self.path}: {text}", result.stderr.decode())
        result = run("-r", "/nonexistent")
        self.assertEqual((result.returncode, result.stderr), (1, b"farspan: /nonexistent: cannot open: No such file or directory\n"))

    def test_hostile_length(self):
        captures.write_pcap(self.path, [b"x" * 60] * 2)
        with open(self.path, "r+b") as file:
            file.seek(24 + 76 + 8)
            file.write(struct.pack("<I", 0x7FFFFFFF))
        result = run("-r", self.path)
        self.assertEqual((result.returncode, len(result.stdout.splitlines())), (1, 1))
        self.assertIn("a packet of 2147483647 bytes, more than 262144, at offset 100", result.stderr.decode())


class CommandLine(unittest.TestCase):
    def test_wrong(self):
        for line, text in (("", "no file given (-r)"), ("-r", "option '-r' needs a value"), ("-r a b", "'b' is one word too many"),
                           ("-r a -r b", "only one file"), ("-lxl", "unknown option '-x'"), ("--nope", "unknown option '--nope'"),
                           ("--json=yes", "option '--json' takes no value"), ("-lr", "option '-r' needs a value"),
                           ("-r a -c 0", "count must be a number from 1 on, not '0'"), ("-r a -c 1x", "not '1x'"),
                           ("-r a -c -1", "not '-1'"), ("-r a -c 99999999999999999999999", "count must be")):
            arguments = line.split()
            result = run(*arguments)
            self.assertEqual((result.returncode, result.stdout), (2, b""), arguments)
            self.assertIn(text, result.stderr.decode())
            self.assertEqual(result.stderr.count(b"\n"), 1)

    def test_help(self):
        result = run("--help")
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        self.assertIn(b"usage: farspan decode -r FILE", result.stdout)


if __name__ == "__main__":
    sys.exit(unittest.main())
