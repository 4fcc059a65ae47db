# SPDX-License-Identifier: BSD-2-Clause
"""What all rows share: commands, what belongs to a row, and how its figures become a result."""
import contextlib
import dataclasses
import json
import os
import signal
import statistics
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.join(HERE, "..", "build", "gcc")
FARSPAN = os.path.join(BUILD, "src", "cli", "farspan")
PREFIX = f"fsb-{os.getpid()}-"
SIDES = ("ours", "theirs")


@dataclasses.dataclass
class Row:
    """
    One comparison. target: what the ratio should be at most, or at least; what ours should be where there is no alternative. Modules have
    rows of their own kinds, with what is to be done. growth: what grows, and how large it is in this row, which has no target of its own.
    """
    title: str
    target: float = None
    alternative: str = None
    unit: str = "ns of CPU"
    at_least: bool = False
    growth: tuple = None


def run(*words, **options):
    done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=120, **options)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr}")
    return done.stdout


def children():
    """Processes that this one has started and that have not been waited for."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
                if int(file.read().rpartition(")")[2].split()[1]) == os.getpid():
                    found.append(int(pid))
        except OSError:
            pass
    return found


def send(pid, number):
    """To the process, and to what it has started if it leads a group of its own."""
    (os.killpg if os.getpgid(pid) == pid else os.kill)(pid, number)


@contextlib.contextmanager
def softirq_first(cpus, priority):
    """What the kernel has put off to its softirq threads of these CPUs does not wait for what else runs on the machine."""
    threads = [int(pid) for pid in run("pgrep", "-x", "|".join(f"ksoftirqd/{cpu}" for cpu in cpus)).split()]
    before = [(pid, os.sched_getscheduler(pid), os.sched_getparam(pid)) for pid in threads]
    try:
        for pid in threads:
            os.sched_setscheduler(pid, os.SCHED_FIFO, os.sched_param(priority))
        yield
    finally:
        for what in before:
            os.sched_setscheduler(*what)


def end_children():
    """What has to clean up is given the time for it."""
    for number, patience in ((signal.SIGTERM, 20), (signal.SIGKILL, 5)):
        for pid in children():
            send(pid, number)
        until = time.monotonic() + patience
        while children() and time.monotonic() < until:
            for pid in children():
                os.waitpid(pid, os.WNOHANG)
            time.sleep(0.02)


def leave_nothing():
    """Wherever the measuring was interrupted."""
    end_children()
    for name in os.listdir("/run/netns") if os.path.isdir("/run/netns") else ():
        if name.startswith(PREFIX):
            subprocess.run(["ip", "netns", "del", name], check=False)


def wait_until(condition, what):
    for _ in range(400):
        if condition():
            return
        time.sleep(0.05)
    raise RuntimeError(f"waited in vain for {what}")


def inside(name, *words):
    return ("nsenter", f"--net=/run/netns/{PREFIX}{name}", *words)


def at(name, *words, **options):
    return run(*inside(name, *words), **options)


def ip(name, *words):
    return run("ip", "-n", PREFIX + name, *words)


def link(name, interface):
    return json.loads(ip(name, "-j", "-s", "link", "show", interface))[0]


class Namespaces:
    """Network namespaces, and what make() puts there."""

    names = ()

    def __enter__(self):
        try:
            for name in self.names:
                run("ip", "netns", "add", PREFIX + name)
                at(name, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1")  # quiet
                ip(name, "link", "set", "lo", "up")
            self.make()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for name in self.names:
            subprocess.run(["ip", "netns", "del", PREFIX + name], check=False, stderr=subprocess.DEVNULL)

    def make(self):
        pass


def scheduled_ns(pid):
    """CPU time of all threads of a process."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as file:
            total += int(file.read().split()[0])
    return total


def processes(start):
    """Those whose names start so."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/comm", encoding="ascii", errors="replace") as file:
                if file.read().startswith(start):
                    found.append(pid)
        except OSError:
            pass
    return found


def alternate(rounds, ours, theirs):
    """Calls both in turn; each says its figure, and whether all was done. The figures of each side, and whether all was always done."""
    figures, whole = {side: [] for side in SIDES}, True
    for _ in range(rounds):
        for side, once in zip(SIDES, (ours, theirs)):
            figure, done = once()
            figures[side].append(figure)
            whole = whole and done
    return figures, whole


def result(name, row, figures, valid):
    """figures: of each side in rounds; those of theirs may be None, where there is no alternative."""
    found = {"name": name, "title": row.title, "alternative": row.alternative, "unit": row.unit, "target": row.target,
             "at_least": row.at_least, "growth": row.growth, "runs": len(figures.get("ours", ())), "valid": valid}
    for side in SIDES:
        values = figures.get(side)
        found[side] = round(statistics.median(values), 2) if values else None
        found[f"{side}_spread"] = [round(min(values), 2), round(max(values), 2)] if values else None
    found["ratio"] = round(found["ours"] / found["theirs"], 4) if found["ours"] is not None and found["theirs"] else None
    return found
