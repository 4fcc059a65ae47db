# SPDX-License-Identifier: BSD-2-Clause
"""
Rows of reading captures: a file of 1 GB of ERSPAN Type II, decoded to a line per packet, into a file. The unit is seconds of wall time,
from the start of the process to its end; both files are in memory. A row is valid only if both wrote a line for each packet. tshark reads
the first packets alone, or the row would take minutes; what it takes for them beyond what it takes for one is multiplied.
"""
import dataclasses
import os
import resource
import struct
import subprocess
import tempfile
import time

import frame
import source
from frame import FARSPAN

CAPTURE_BYTES = 1000 * 1000 * 1000
TSHARK_PACKETS = 100000
SIZES = (64, 64, 64, 128, 576, 576, 1514, 1514, 1514, 1514)  # of mirrored frames, one after the other
FIELDS = ("frame.number", "ip.src", "ip.dst", "gre.proto", "erspan.spanid", "tcp.dstport", "udp.dstport")


def packet(size, number):
    """A mirrored UDP frame; number makes it one of many flows."""
    udp = struct.pack("!HHHH", 1024 + number, 53, size - 34, 0) + bytes(size - 42)
    inner = bytes.fromhex("020000000002 020000000001 0800") + ipv4(17, udp, number)
    return bytes.fromhex("020000000902 020000000901 0800") + ipv4(47, struct.pack("!HHII", 0x1000, 0x88BE, number, 0x10000005) +
                                                                  struct.pack("!I", 0) + inner, 0)


def ipv4(protocol, payload, number):
    header = struct.pack("!BBHHHBBHII", 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0, 0x0A010001 + number, 0x0A010002)
    return header[:10] + struct.pack("!H", 0xFFFF ^ source.ones_sum(header)) + header[12:] + payload


def make_capture(path):
    """Returns how many packets it has."""
    packets = [packet(SIZES[i % len(SIZES)], i) for i in range(1000)]
    block = b"".join(struct.pack("<IIII", 1700000000, i, len(data), len(data)) + data for i, data in enumerate(packets))
    blocks = CAPTURE_BYTES // len(block)
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for _ in range(blocks):
            file.write(block)
    return blocks * len(packets)


@dataclasses.dataclass(kw_only=True)
class Row(frame.Row):
    """theirs: what reads the capture, with its path behind it; first: only so many packets of it, their number behind -c."""
    theirs: tuple
    first: int = None


ROWS = {
    "decode-tcpdump": Row("1 GB decoded, a line per packet", 0.5, "tcpdump -r", "s", theirs=("tcpdump", "-n", "-Z", "root", "-r")),
    "decode-tshark": Row("1 GB decoded, a line per packet", 0.02, "tshark -T fields", "s", first=TSHARK_PACKETS,
                         theirs=("tshark", "-n", "-T", "fields", *[word for name in FIELDS for word in ("-e", name)], "-r")),
}


class Stage:
    def __enter__(self):
        self.directory = tempfile.TemporaryDirectory(prefix="farspan-bench.", dir="/dev/shm")
        self.path = os.path.join(self.directory.name, "capture.pcap")
        self.packets = make_capture(self.path)
        return self

    def __exit__(self, *_):
        self.directory.cleanup()

    def read(self, expected, *words):
        """How long it takes, and whether there is a line for each packet that is expected."""
        def limit():
            resource.setrlimit(resource.RLIMIT_CPU, (120, 120))

        with open(os.path.join(self.directory.name, "lines"), "w+b") as output:
            start = time.monotonic()
            status = subprocess.run(words, stdout=output, stderr=subprocess.DEVNULL, preexec_fn=limit, check=False).returncode
            took = time.monotonic() - start
            output.seek(0)
            lines = 0
            while data := output.read(1 << 20):
                lines += data.count(b"\n")
        return took, lines >= expected and status == 0

    def read_first(self, first, *words):
        """As if all were read."""
        (one, one_whole), (some, some_whole) = [self.read(count, *words, "-c", str(count)) for count in (1, first)]
        return one + (some - one) * (self.packets - 1) / (first - 1), one_whole and some_whole

    def row(self, name, rounds):
        row = ROWS[name]
        theirs = (*row.theirs, self.path)
        return frame.result(name, row, *frame.alternate(
            rounds, lambda: self.read(self.packets, FARSPAN, "decode", "-r", self.path),
            lambda: self.read_first(row.first, *theirs) if row.first else self.read(self.packets, *theirs)))
