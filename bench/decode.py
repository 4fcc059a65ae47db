# SPDX-License-Identifier: BSD-2-Clause
"""
Rows of reading captures: a file of 1 GB of ERSPAN Type II, decoded to a line per packet. The unit is seconds of CPU of the process, which
is what it takes on a machine that does nothing else. A row is valid only if both wrote a line for each packet. tshark reads the first
packets alone, or the row would take minutes; what it takes for them is multiplied.
"""
import dataclasses
import os
import resource
import struct
import subprocess
import tempfile

import frame
import source
from frame import FARSPAN

CAPTURE_BYTES = 1000 * 1000 * 1000
TSHARK_PACKETS = 50000
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
    """theirs: what reads the capture, with its path behind it; first: only so many packets of it."""
    theirs: tuple
    first: int = None


ROWS = {
    "decode-tcpdump": Row("1 GB decoded, a line per packet", 0.5, "tcpdump -r", "s of CPU", theirs=("tcpdump", "-n", "-Z", "root", "-r")),
    "decode-tshark": Row("1 GB decoded, a line per packet", 0.02, "tshark -T fields", "s of CPU", first=TSHARK_PACKETS,
                         theirs=("tshark", "-n", "-c", str(TSHARK_PACKETS),
                                 "-T", "fields", *[word for name in FIELDS for word in ("-e", name)], "-r")),
}


class Stage:
    def __enter__(self):
        self.directory = tempfile.TemporaryDirectory(prefix="farspan-bench.", dir="/dev/shm")
        self.path = os.path.join(self.directory.name, "capture.pcap")
        self.packets = make_capture(self.path)
        return self

    def __exit__(self, *_):
        self.directory.cleanup()

    def read(self, *words, first=None):
        """The CPU time for all packets, and whether there is a line for each that was read."""
        expected = first or self.packets

        def limit():
            resource.setrlimit(resource.RLIMIT_CPU, (120, 120))

        with subprocess.Popen((*words, self.path), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, preexec_fn=limit) as process:
            lines = 0
            while data := process.stdout.read(1 << 20):
                lines += data.count(b"\n")
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = status
        return (used.ru_utime + used.ru_stime) * self.packets / expected, lines >= expected and not status

    def row(self, name, rounds):
        row = ROWS[name]
        ours, theirs = lambda: self.read(FARSPAN, "decode", "-r"), lambda: self.read(*row.theirs, first=row.first)
        return frame.result(name, row, *frame.alternate(rounds, ours, theirs))
