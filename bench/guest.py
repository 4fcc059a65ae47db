# SPDX-License-Identifier: BSD-2-Clause
"""
Rows inside of a guest with a kernel of Debian, against that kernel's own erspan device (guest.sh). The unit is instructions of the guest's
CPU per frame, beyond what the same frames take without a mirror: a guest is emulated, so that times say nothing. A row is valid only if
every copy arrived, and a sample of both are frames in ERSPAN Type II with right checksums.
"""
import dataclasses
import os
import signal
import subprocess
import tempfile

import frame
import source
from frame import FARSPAN, HERE

COUNT, SAMPLE = 2000, 40
HEADER = bytes.fromhex("1000 88be")  # of GRE, with a sequence number
SESSION = 30
GRE_AT, SESSION_AT = 34, 44  # in the copy, with the 10 bits of the session at the end of two bytes


@dataclasses.dataclass(kw_only=True)
class Row(frame.Row):
    kernel: str


def guest_row(kernel):
    return Row(f"64 B forwarded, ERSPAN II, in a guest with Linux {kernel}", 1.0, "tc u32 + mirred -> kernel erspan device, same guest",
               "instructions added", kernel=kernel)


ROWS = {f"guest-{kernel}": guest_row(kernel) for kernel in ("6.1", "6.12")}


def is_right(packet):
    session = int.from_bytes(packet[SESSION_AT:SESSION_AT + 2], "big") & 0x3FF
    return packet[GRE_AT:].startswith(HEADER) and session == SESSION and source.frame_is_right(packet[source.OUTER:])


def sample_is_right(path):
    packets = source.read_pcap(path)
    return len(packets) == SAMPLE and all(map(is_right, packets))


class Stage:
    def __enter__(self):
        self.directory = tempfile.TemporaryDirectory(prefix="farspan-bench.")
        return self

    def __exit__(self, *_):
        self.directory.cleanup()

    def row(self, name, rounds):
        row = ROWS[name]
        figures, whole = {side: [] for side in frame.SIDES}, True
        words = (os.path.join(HERE, "guest.sh"), row.kernel, str(rounds), str(COUNT), str(SAMPLE), self.directory.name)
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
                              env=os.environ | {"FARSPAN": FARSPAN, "BLAST": source.BLAST}) as process:
            try:
                out, err = process.communicate()
            except BaseException:
                frame.send(process.pid, signal.SIGTERM)
                raise
        if process.returncode:
            raise RuntimeError((err + out).strip())
        for line in out.splitlines():
            base, *measured = map(float, line.split())
            for side, figure, copies in zip(frame.SIDES, measured[::2], measured[1::2]):
                figures[side].append(figure - base)
                whole = whole and copies == COUNT
        right = all(sample_is_right(os.path.join(self.directory.name, f"{side}.pcap")) for side in frame.SIDES)
        return frame.result(name, row, figures, whole and right)
