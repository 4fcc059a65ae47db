# SPDX-License-Identifier: BSD-2-Clause
"""
Rows of many sessions: a farspand with 1,000 of them on 100 interfaces. A row is valid only if all of them are active in the end. There is
no alternative; what they are to reach is absolute.
"""
import json
import os
import subprocess
import tempfile
import time

import frame
from frame import BUILD, FARSPAN, PREFIX, at, inside, ip, run

FARSPAND = os.path.join(BUILD, "src", "daemon", "farspand")
SESSIONS, INTERFACES, CHANGES = 1000, 100, 5
FIRST = ("chrt", "-f", "20")  # what else runs on the machine waits

ROWS = {
    "scale-start": frame.Row("farspand starts with 1,000 sessions on 100 interfaces, until all are active", 5, unit="s"),
    "scale-change": frame.Row("one of 1,000 sessions changed in its file, until farspan apply returns", 20, unit="ms"),
    "scale-memory": frame.Row("memory of farspand with 1,000 sessions", 64, unit="MiB"),
}


class Daemon:
    def __init__(self, directory):
        self.directory = directory
        self.words = ("-S", os.path.join(directory, "run", "farspan.sock"))

    def __enter__(self):
        words = inside("dut", *FIRST, FARSPAND, "-D", self.directory, "-R", os.path.join(self.directory, "run"))
        start = time.monotonic()
        self.process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
        said = ""
        while "farspand: ready" not in said:
            said = self.process.stderr.readline()
            if not said:
                raise RuntimeError("farspand ended")
        self.start_s = time.monotonic() - start
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.communicate(timeout=60)

    def apply(self):
        start = time.monotonic()
        run(*FIRST, FARSPAN, "apply", *self.words)
        return (time.monotonic() - start) * 1000

    def active(self):
        sessions = json.loads(run(FARSPAN, "show", "--json", *self.words))["sessions"]
        return sum(one["state"] == "active" for one in sessions)

    def memory_mib(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) / 1024


class Stage(frame.Namespaces):
    names = ("dut", "col")

    def __enter__(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="farspan-bench.")
        self.found = {}
        return super().__enter__()

    def make(self):
        os.mkdir(os.path.join(self.temporary.name, "run"))
        ip("dut", "link", "add", "u0", "type", "veth", "peer", "name", "c0", "netns", PREFIX + "col")
        ip("dut", "address", "add", "10.9.0.1/24", "dev", "u0")
        ip("col", "link", "set", "c0", "up")
        ip("dut", "link", "set", "u0", "up")
        ip("dut", "neigh", "replace", "10.9.0.2", "lladdr", "02:00:00:00:09:02", "dev", "u0", "nud", "permanent")
        links = "".join(f"link add v{i} type veth peer name w{i}\nlink set v{i} up\nlink set w{i} up\n" for i in range(INTERFACES))
        at("dut", "ip", "-batch", "-", input=links)
        for i in range(SESSIONS):
            self.write(i, i)

    def __exit__(self, *_):
        super().__exit__()
        self.temporary.cleanup()

    def write(self, number, identifier):
        with open(os.path.join(self.temporary.name, f"s{number}.session"), "w", encoding="ascii") as file:
            file.write(f"[Source]\nInterface=v{number % INTERFACES}\nDirection=rx\n\n"
                       f"[Destination]\nType=erspan2\nRemote=10.9.0.2\nSessionID={identifier}\n")

    def measure(self, rounds):
        figures, whole = {name: [] for name in ROWS}, True
        for turn in range(rounds):
            with Daemon(self.temporary.name) as daemon:
                figures["scale-start"].append(daemon.start_s)
                whole = whole and daemon.active() == SESSIONS
                for change in range(CHANGES):
                    self.write(7, 8 + turn * CHANGES + change)
                    figures["scale-change"].append(daemon.apply())
                whole = whole and daemon.active() == SESSIONS
                figures["scale-memory"].append(daemon.memory_mib())
        return figures, whole

    def row(self, name, rounds):
        if not self.found:
            self.found, self.whole = self.measure(rounds)
        return frame.result(name, ROWS[name], {"ours": self.found[name]}, self.whole)
