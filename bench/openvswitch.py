# SPDX-License-Identifier: BSD-2-Clause
"""
Rows against Open vSwitch with its userspace datapath: both take mirrored frames from c0, at a pace that both keep up with, and hand them to
an interface on which a capture listens. The unit is nanoseconds of CPU per frame, in the kernel and in the process that delivers, without
those of the generator and the capture. A row is valid only if all but 1 % of the frames arrived on that interface.
"""
import dataclasses
import os
import subprocess
import tempfile
import time

import collector
import frame
from collector import RECEIVER_CPU, at, inside, ip
from frame import processes, run, scheduled_ns, wait_until

RATE = 40000  # frames per second
LOSS_MAX = 0.01  # what other programs do in interrupts disturbs too
SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"


class Listener:
    """A capture of all that arrives on an interface of col, kept nowhere."""

    def __init__(self, interface):
        words = inside("col", "taskset", "-c", collector.SENDER_CPU, "tcpdump", "-i", interface, "-n", "-s", "2000", "-Z", "root", "-w",
                       "/dev/null")
        self.process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
        while "listening on" not in self.process.stderr.readline():
            if self.process.poll() is not None:
                raise RuntimeError(f"tcpdump on {interface} ended")

    def end(self):
        self.process.send_signal(2)
        self.process.communicate(timeout=20)


class Ours:
    interface = "span0"

    def __init__(self, stage):
        self.farspan = collector.Farspan(stage, "-t", "interface:span0")

    def __enter__(self):
        self.farspan.__enter__()
        self.process = self.farspan.process
        return self

    def __exit__(self, *_):
        self.farspan.__exit__()


class Switch:
    """A switch that has the wire's address, and forwards what comes to its port of type erspan to the veth pair p1 - h1."""

    interface = "h1"

    def __init__(self, stage):
        self.mac = stage.mac
        self.started = []

    def ctl(self, *words):
        return at("col", "ovs-vsctl", "--timeout=20", f"--db=unix:{self.directory}/db.sock", *words)

    def start(self, *words):
        with open(os.path.join(self.directory, "log"), "a", encoding="utf-8") as log:
            words = inside("col", *collector.REAL_TIME, "taskset", "-c", RECEIVER_CPU, *words)
            self.process = subprocess.Popen(words, stdout=log, stderr=log, env=self.env)
        self.started.append(self.process)

    def __enter__(self):
        try:
            self.make()
        except BaseException:
            self.__exit__()
            raise
        return self

    def make(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="farspan-bench.")
        self.directory = self.temporary.name
        self.env = os.environ | {f"OVS_{name}DIR": self.directory for name in ("RUN", "LOG", "DB", "SYSCONF")}
        run("ovsdb-tool", "create", f"{self.directory}/db", SCHEMA)
        ip("col", "link", "add", "p1", "type", "veth", "peer", "name", "h1")
        for name in ("p1", "h1"):
            ip("col", "link", "set", name, "up")
        ip("col", "address", "del", "10.9.0.2/24", "dev", "c0")
        self.start("ovsdb-server", f"{self.directory}/db", f"--remote=punix:{self.directory}/db.sock", f"--unixctl={self.directory}/db.ctl")
        wait_until(lambda: os.path.exists(f"{self.directory}/db.sock"), "ovsdb-server")
        self.ctl("--no-wait", "init")
        self.start("ovs-vswitchd", f"unix:{self.directory}/db.sock", f"--unixctl={self.directory}/switch.ctl", "--disable-system")
        self.ctl("add-br", "br-phy", "--", "set", "bridge", "br-phy", "datapath_type=netdev", f"other_config:hwaddr={self.mac}",
                 "--", "add-port", "br-phy", "c0")
        self.ctl("add-br", "br-int", "--", "set", "bridge", "br-int", "datapath_type=netdev", "fail-mode=secure", "--", "add-port",
                 "br-int", "p1", "--", "add-port", "br-int", "er", "--", "set", "interface", "er", "type=erspan",
                 "options:remote_ip=flow", "options:key=flow", "options:erspan_ver=flow")
        ip("col", "link", "set", "br-phy", "up")
        ip("col", "address", "replace", "10.9.0.2/24", "dev", "br-phy")
        run(*inside("col", "ovs-ofctl", "add-flow", "br-int", "in_port=er,actions=output:p1"), env=self.env)
        time.sleep(1)  # the switch looks at addresses that often

    def __exit__(self, *_):
        for process in reversed(self.started):
            process.terminate()
            process.wait(timeout=20)
        ip("col", "link", "del", "p1")
        ip("col", "address", "replace", "10.9.0.2/24", "dev", "c0")
        self.temporary.cleanup()


@dataclasses.dataclass(kw_only=True)
class Row(frame.Row):
    size: int
    count: int = 20000


ROWS = {
    "deliver-ovs": Row("64 B, deliver to an interface with a listener", 0.15, "Open vSwitch in user space, port of type erspan -> veth",
                       size=64),
}


class Stage(collector.Stage):
    def measure(self, receiver, row):
        """CPU per frame, and whether all frames came."""
        with receiver as running:
            listener = Listener(running.interface)
            self.feed("u0", row.size, 64, 1, RATE)
            time.sleep(0.5)
            base = self.feed("-", row.size, row.count, 1, RATE)
            threads = processes("ksoftirqd/") + [running.process.pid]
            arrived, before = collector.arrived(running.interface), sum(map(scheduled_ns, threads))
            sending = self.feed("u0", row.size, row.count, 1, RATE)
            time.sleep(0.3)
            spent = sum(map(scheduled_ns, threads)) - before
            came = collector.arrived(running.interface) - arrived
            listener.end()
        return sending - base + spent / row.count, came >= row.count * (1 - LOSS_MAX)

    def row(self, name, rounds):
        row = ROWS[name]
        self.real_time = True
        figures = frame.alternate(rounds, lambda: self.measure(Ours(self), row), lambda: self.measure(Switch(self), row))
        return frame.result(name, row, *figures)
