# SPDX-License-Identifier: BSD-2-Clause
"""
Rows of the collector. The unit is nanoseconds of CPU per mirrored frame, in the kernel and in the receiving process, without those of the
generator. A row is valid only if every frame that was sent was recorded or delivered, by both.
"""
import dataclasses
import json
import os
import subprocess
import tempfile
import time

import frame
from frame import BUILD, FARSPAN, at, inside, ip, processes, run, scheduled_ns

FEED = os.path.join(BUILD, "bench", "feed")
DROP = os.path.join(BUILD, "bench", "feed.bpf.o")
SENDER_CPU, RECEIVER_CPU = "0", "1"
PRIORITY, PRIORITY_KERNEL = "20", "30"
REAL_TIME = ("chrt", "-f", PRIORITY)  # what else runs on the machine waits


class Stage(frame.Namespaces):
    """src  u0 ---- c0  col 10.9.0.2: frames leave u0 in bursts; c0 takes them in NAPI, whoever receives them"""

    names = ("src", "col")
    real_time = False

    def __enter__(self):
        # Beside the build: recordings go to the file systems of disks, whose pages cost otherwise than memory's.
        self.files = tempfile.TemporaryDirectory(prefix="farspan-bench.", dir=frame.BUILD)
        return super().__enter__()

    def make(self):
        ip("src", "link", "add", "u0", "type", "veth", "peer", "name", "c0", "netns", frame.PREFIX + "col")
        for name, link in (("src", "u0"), ("col", "c0")):
            ip(name, "link", "set", link, "mtu", "1700", "up")
        at("col", "ethtool", "-K", "c0", "gro", "on")
        ip("col", "address", "add", "10.9.0.2/24", "dev", "c0")
        self.mac = frame.link("col", "c0")["address"]

    def __exit__(self, *_):
        super().__exit__()
        self.files.cleanup()

    def feed(self, interface, size, count, sessions, rate=0):
        words = (*(REAL_TIME if self.real_time else ()), "taskset", "-c", SENDER_CPU, FEED, interface, self.mac, "10.9.0.1", "10.9.0.2",
                 str(size), str(count), str(sessions), str(rate))
        return float(at("src", *words))

    def file(self, name):
        return os.path.join(self.files.name, name)

    def row(self, name, rounds):
        row = ROWS[name]
        if row.rate:
            on_one_core(self, True)
            figures, whole = frame.alternate(1, *[lambda make=make: highest_rate(self, make, row.size) for make in (row.ours, row.theirs)])
            on_one_core(self, False)
            return frame.result(name, row, figures, whole)
        once = [lambda make=make, number=number: measure(self, make(self, row.size), row.size, row.count, number)
                for make, number in zip((row.ours, row.theirs), row.sessions)]
        figures, whole = frame.alternate(rounds, *once)
        return frame.result(name, row, figures, whole)


def arrived(interface):
    return frame.link("col", interface)["stats64"]["rx"]["packets"]


class Process:
    """A receiver that is a process. ready: what it says when it is, on its standard error or, with merged, on either output."""

    merged = False

    def __init__(self, topology, ready, *words):
        self.topology, self.ready, self.words = topology, ready, words

    def __enter__(self):
        words = inside("col", *(REAL_TIME if self.topology.real_time else ()), "taskset", "-c", RECEIVER_CPU, *self.words)
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT if self.merged else subprocess.PIPE,
                                        text=True)
        self.said = ""
        while self.ready not in self.said:
            line = (self.process.stdout if self.merged else self.process.stderr).readline()
            if not line:
                raise RuntimeError(f"{self.words[0]}: {self.said}")
            self.said += line
        time.sleep(0.2)
        self.before = scheduled_ns(self.process.pid)
        return self

    def settle(self):
        """Until it has no more to do."""
        last, now = 0, scheduled_ns(self.process.pid)
        for _ in range(20):
            time.sleep(0.2)
            last, now = now, scheduled_ns(self.process.pid)
            if now - last < 3000000:
                break
        return now - self.before

    def __exit__(self, *_):
        self.process.send_signal(2)
        out, err = self.process.communicate(timeout=60)
        self.out, self.said = out, self.said + (err or "")


class Recorder(Process):
    """One of other people's, of which the recording tells how many packets it has."""

    merged = True

    def settle(self):
        time.sleep(1.2)  # it is woken when a block of its ring is full, or a second old
        return super().settle()

    def frames(self):
        counted = run("capinfos", "-Mc", self.topology.file("theirs")).split()
        return int(counted[-1])


def tcpdump(topology, _size):
    return Recorder(topology, "listening on", "tcpdump", "-i", "c0", "-n", "-B", "131072", "-s", "2000", "-Z", "root", "-w",
                    topology.file("theirs"), "proto", "gre")


def dumpcap(topology, _size):
    return Recorder(topology, "Capturing on", "dumpcap", "-q", "-i", "c0", "-B", "128", "-s", "2000", "-f", "proto gre", "-w",
                    topology.file("theirs"))


def netsniff(topology, _size):
    return Recorder(topology, "Running!", "netsniff-ng", "--in", "c0", "--out", topology.file("theirs"), "--ring-size", "128MiB", "-s",
                    "-f", "ip proto 47")


class Farspan(Process):
    def __init__(self, topology, *options):
        super().__init__(topology, "farspan: collecting", FARSPAN, "collect", "-q", "--json", "-i", "c0", *options)

    def frames(self):
        summary = json.loads(self.out)
        lost = sum(summary["dropped"].values()) + sum(one["lost"] for one in summary["destinations"])
        for one in summary["destinations"]:
            lost += summary["packets"] - one["sent"]
        return summary["packets"] - lost if "-w" not in self.words else summary["written"] - lost


def record(topology, _size):
    return Farspan(topology, "-w", topology.file("ours"))


def deliver(topology, _size):
    return Farspan(topology, "-t", "interface:span0")


def tee(topology, _size):
    return Farspan(topology, "-t", "interface:span0", "-w", topology.file("ours"))


class Drop:
    """XDP_DROP of everything: the least that receiving can cost."""

    def __init__(self, _topology, _size):
        pass

    def __enter__(self):
        ip("col", "link", "set", "dev", "c0", "xdpdrv", "obj", DROP, "program", "drop")
        self.before = arrived("c0")
        return self

    @staticmethod
    def settle():
        return 0

    def __exit__(self, *_):
        self.count = arrived("c0") - self.before
        ip("col", "link", "set", "dev", "c0", "xdpdrv", "off")

    def frames(self):
        return self.count


@dataclasses.dataclass(kw_only=True)
class Row(frame.Row):
    """ours and theirs make what receives so many frames of so many bytes; sessions: how many ours and theirs have to tell apart."""
    ours: object
    theirs: object
    size: int
    count: int = 0
    sessions: tuple = (1, 1)
    rate: bool = False # the figure is the highest rate at which they keep up


ROWS = {
    "record-64": Row("64 B, record", 0.20, "tcpdump -w", ours=record, theirs=tcpdump, size=64, count=200000),
    "record-512": Row("512 B, record", 0.30, "tcpdump -w", ours=record, theirs=tcpdump, size=512, count=80000),
    "record-1500": Row("1500 B, record", 0.40, "tcpdump -w", ours=record, theirs=tcpdump, size=1500, count=35000),
    "record-dumpcap": Row("64 B, record", 0.20, "dumpcap", ours=record, theirs=dumpcap, size=64, count=100000),
    "record-netsniff": Row("64 B, record", 0.20, "netsniff-ng", ours=record, theirs=netsniff, size=64, count=100000),
    "rate-64": Row("64 B, record, highest rate with at most 1 % lost, one core", 3.0, "tcpdump -w", "1000 frames/s", True, ours=record,
                   theirs=tcpdump, size=64, rate=True),
    "deliver-64": Row("64 B, deliver", 4.5, "XDP_DROP", ours=deliver, theirs=Drop, size=64, count=400000),
    "tee-64": Row("64 B, record and deliver", 0.50, "tcpdump -w alone", ours=tee, theirs=tcpdump, size=64, count=200000),
    "sessions-64": Row("64 B, record, 1,000 sessions", 1.15, "1 session", ours=record, theirs=record, size=64, count=200000,
                       sessions=(1000, 1)),
}


# ---- the highest rate ----

RATE_LOWEST, RATE_HIGHEST = 100000, 3200000  # frames per second, between which it is looked for
RATE_STEPS = 6
RATE_SECONDS = 0.5
LOSS_MAX = 0.01
TRIES = 2  # what other programs do in interrupts disturbs one now and then
BACKLOG_MAX = 0.1


def on_one_core(topology, on):
    """Whether c0's packets are received by a thread of its own, which shares a CPU with who records them and has it to themselves."""
    run("ip", "netns", "exec", frame.PREFIX + "col", "sh", "-c", f"echo {int(on)} >/sys/class/net/c0/threaded")
    topology.real_time = on


def pin_receivers():
    for pid in processes("napi/c0-"):
        run("taskset", "-p", "-c", RECEIVER_CPU, pid)
        run("chrt", "-f", "-p", PRIORITY_KERNEL, pid)


def keeps_up(topology, receiver, size, rate):
    """Hardly anything is lost, and when the last frame came hardly anything was left to do, however large the buffers."""
    count = int(rate * RATE_SECONDS)
    with receiver as running:
        topology.feed("u0", size, 64, 1)  # it learns the session
        pin_receivers()
        running.settle()
        running.before = scheduled_ns(running.process.pid)
        topology.feed("u0", size, count, 1, rate)
        in_time = scheduled_ns(running.process.pid) - running.before
        all_of_it = running.settle()
    return running.frames() - 64 >= count * (1 - LOSS_MAX) and all_of_it - in_time <= all_of_it * BACKLOG_MAX


def highest_rate(topology, make, size):
    low, high = RATE_LOWEST, RATE_HIGHEST
    for _ in range(RATE_STEPS):
        middle = int((low * high) ** 0.5)
        if any(keeps_up(topology, make(topology, size), size, middle) for _ in range(TRIES)):
            low = middle
        else:
            high = middle
    return low / 1000, low > RATE_LOWEST


# ---- CPU time ----

def measure(topology, receiver, size, count, sessions):
    """CPU per frame, and whether all frames came."""
    threads = processes("ksoftirqd/")
    with receiver as running:
        topology.feed("u0", size, sessions * 64, sessions)  # it learns the sessions
        running.settle()
        if isinstance(running, Process):
            running.before = scheduled_ns(running.process.pid)
        base = topology.feed("-", size, count, sessions)
        before = sum(map(scheduled_ns, threads))
        sending = topology.feed("u0", size, count, sessions)
        busy = running.settle()
        softirq = sum(map(scheduled_ns, threads)) - before
    return sending - base + (busy + softirq) / count, running.frames() == count + sessions * 64
