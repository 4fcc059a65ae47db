# SPDX-License-Identifier: BSD-2-Clause
"""
Rows of the source. A row is valid only if every mirrored frame arrived at the collector's end of the wire, as a frame of the wire with
right checksums, of which a sample is looked at.
"""
import dataclasses
import os
import statistics
import struct
import subprocess
import tempfile

import frame
from frame import BUILD, FARSPAN, PREFIX, at, inside, ip, run, wait_until

SESSION_SET = os.path.join(BUILD, "tests", "net", "session_set")
DROP = os.path.join(BUILD, "src", "bpf", "monitor.bpf.o")  # drops whatever comes
BLAST = os.path.join(BUILD, "bench", "blast")
STREAM = os.path.join(frame.HERE, "stream.py")
CPU, OTHER_CPU = "1", "0"
SEGMENTS = 44
SAMPLE = 40
TURNS = 8  # in which what is sent is measured
SHORT_TURNS = 60  # the same of frames that come through several interfaces in turn
TCP_SECONDS = 2
PRIORITY = 20
FIRST = ("chrt", "-f", str(PRIORITY))  # what else runs on the machine waits
PLAIN, OURS, THEIRS = "s0", ("s3", "rx"), ("s4", "rx")  # what frames to be forwarded come through
THROUGH = (PLAIN, OURS[0], THEIRS[0])
ROUTER = "02:00:00:00:00:01"  # their address
OUTER = 50  # bytes of Ethernet, IPv4 and ERSPAN II with GRE, or VXLAN with UDP
FRAME_MAX = 1514


class Stage(frame.Namespaces):
    """
        dut  s0, s3, s4 <- frames from inside the kernel, forwarded to; nothing is mirrored of s0, by ours of s3, by theirs of s4
             s1 ---- h0 sink 10.2.0.1, which drops them
             s2 ---- h2 sink 10.4.0.1, which takes TCP
             u0 ---- c0 collector 10.3.0.1, which counts and drops the copies; u0 sends wire-sized frames with finished checksums
    """

    names = ("dut", "sink", "col", "src")

    def make(self):
        for one, peer, other, mtu in (("s0", "p0", "src", 1600), ("s3", "p3", "src", 1600), ("s4", "p4", "src", 1600),
                                      ("s1", "h0", "sink", 1500), ("s2", "h2", "sink", 1500), ("u0", "c0", "col", 1600)):
            ip("dut", "link", "add", one, "type", "veth", "peer", "name", peer, "netns", PREFIX + other)
            ip("dut", "link", "set", one, "mtu", str(mtu), "up")
            ip(other, "link", "set", peer, "mtu", str(mtu), "up")
        for name, link, address in (("dut", "s0", "10.1.0.2/24"), ("dut", "s1", "10.2.0.2/24"), ("dut", "u0", "10.3.0.2/24"),
                                    ("dut", "s2", "10.4.0.2/24"), ("sink", "h0", "10.2.0.1/24"), ("sink", "h2", "10.4.0.1/24"),
                                    ("col", "c0", "10.3.0.1/24")):
            ip(name, "address", "add", address, "dev", link)
        for name, link, address, other, peer in (("dut", "s1", "10.2.0.1", "sink", "h0"), ("dut", "u0", "10.3.0.1", "col", "c0"),
                                                 ("dut", "s2", "10.4.0.1", "sink", "h2"), ("sink", "h2", "10.4.0.2", "dut", "s2")):
            ip(name, "neigh", "replace", address, "lladdr", self.mac(other, peer), "dev", link, "nud", "permanent")
        for one in THROUGH:
            ip("dut", "link", "set", one, "address", ROUTER)
        at("dut", "sysctl", "-qw", "net.ipv4.ip_forward=1", *(f"net.ipv4.conf.{one}.rp_filter=0" for one in ("all", *THROUGH)))
        # What is under way, with its copies, has room in the kernel's queue of a thousand packets, which all veth pairs share.
        at("sink", "sysctl", "-qw", "net.ipv4.tcp_rmem=4096 131072 262144")
        at("dut", "ethtool", "-K", "u0", "tx", "off", "tso", "off", "gso", "off")
        for name, link in (("sink", "h0"), ("col", "c0")):
            at(name, "tc", "qdisc", "add", "dev", link, "clsact")
            at(name, "tc", "filter", "add", "dev", link, "ingress", "bpf", "da", "obj", DROP, "sec", "tc")

    @staticmethod
    def mac(namespace, interface):
        return frame.link(namespace, interface)["address"]

    @staticmethod
    def copies():
        return frame.link("col", "c0")["stats64"]["rx"]["packets"]

    @staticmethod
    def forwarded():
        return frame.link("sink", "h0")["stats64"]["rx"]["packets"]

    def blast(self, kind, size, count, cpus=(CPU,), turns=1, through=(PLAIN,)):
        """
        Nanoseconds of CPU per packet, and how many copies of them arrived. Of each CPU that sends, all at once: of each turn: of each
        interface that forwarded frames come through.
        """
        before = self.copies()
        iface, to = (",".join(through), ROUTER) if kind == "forward" else ("s1", self.mac("sink", "h0"))
        words = (BLAST, kind, iface, to, "10.1.0.1", "10.2.0.1", str(size), str(count // turns), str(turns))
        running = [subprocess.Popen(inside("dut", "taskset", "-c", cpu, *words), stdout=subprocess.PIPE, text=True) for cpu in cpus]
        said = [process.communicate(timeout=120)[0].splitlines() for process in running]
        if any(process.returncode for process in running):
            raise RuntimeError(f"{' '.join(words)}: status {[process.returncode for process in running]}")
        return [[list(map(float, turn.split())) for turn in lines] for lines in said], self.copies() - before

    @staticmethod
    def segments():
        """That TCP has sent, as frames of the wire."""
        rows = [line.split() for line in at("dut", "cat", "/proc/net/snmp").splitlines() if line.startswith("Tcp:")]
        return int(dict(zip(*rows))["OutSegs"])

    def tcp(self):
        """
        Megabits per second of a TCP transfer whose both ends share one CPU, so that the other one has nothing but copies to make, and only
        with --cpus; and whether each of its segments has a copy.
        """
        before = self.copies(), self.segments()
        sink = subprocess.Popen(inside("sink", *FIRST, "taskset", "-c", CPU, STREAM, "sink"), stdout=subprocess.PIPE, text=True)
        try:
            wait_until(lambda: ":5201" in at("sink", "ss", "-Hltn"), "the sink")
            words = inside("dut", *FIRST, "taskset", "-c", CPU, STREAM, "source", "10.4.0.1", str(TCP_SECONDS))
            with frame.softirq_first((CPU, OTHER_CPU), PRIORITY):
                at("col", "sh", "-c", 'exec "$@" 3</proc/net/dev', "sh", *words)
            megabits = float(sink.communicate(timeout=20)[0])
        finally:
            sink.kill()
            sink.wait()
        return megabits, self.copies() - before[0] >= self.segments() - before[1]

    def row(self, name, rounds):
        row = ROWS[name]
        valid = row.growth or (contents_are_right(self, row.ours(), row, row.cut) and contents_are_right(self, row.theirs(), row, 0))
        figures, whole = measure_rounds(self, row, rounds)
        return frame.result(name, row, figures, bool(valid and whole))


# ---- what is compared ----

class Nothing:
    iface = PLAIN
    copies = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


ERSPAN2 = ("-t", "erspan2:10.3.0.1,id=5")
VXLAN = ("-t", "vxlan:10.3.0.1,vni=5")


class Farspan:
    def __init__(self, where, *options, copies=1):
        self.iface = where[0]
        self.words = ("-i", where[0], "-d", where[1], *options)
        self.copies = copies

    def __enter__(self):
        self.process = subprocess.Popen(inside("dut", FARSPAN, "mirror", "-q", *self.words), stderr=subprocess.PIPE, text=True)
        while "-> 10.3.0.1 " not in self.process.stderr.readline():
            if self.process.poll() is not None:
                raise RuntimeError("farspan mirror ended")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.communicate(timeout=20)


class FarspanSessions:
    """So many sessions on one interface, each with a filter of its own that matches nothing."""

    iface, copies = OURS[0], 0

    def __init__(self, count):
        self.count = count

    def __enter__(self):
        self.process = subprocess.Popen(inside("dut", SESSION_SET), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for i in range(self.count):
            self.process.stdin.write(f"want s{i} {self.iface} rx erspan2:10.3.0.1,id={i} {different(i)}\n")
        self.process.stdin.write("apply\n")
        self.process.stdin.flush()
        while not self.process.stdout.readline().startswith("applied"):
            if self.process.poll() is not None:
                raise RuntimeError("session_set ended")
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(timeout=30)


class Tc:
    """tc filters on an interface, and a device that they mirror to."""

    copies = 1
    device = None

    def __init__(self, where):
        self.iface = where[0]
        self.hook = "ingress" if where[1] == "rx" else "egress"

    def filters(self):
        return [("protocol", "all", "u32", "match", "u32", "0", "0")]

    def make(self):
        pass

    def __enter__(self):
        self.make()
        at("dut", "tc", "qdisc", "add", "dev", self.iface, "clsact")
        batch = "".join(f"filter add dev {self.iface} {self.hook} prio {i + 1} {' '.join(words)} action mirred egress mirror dev "
                        f"{self.device or 'u0'}\n" for i, words in enumerate(self.filters()))
        at("dut", "tc", "-b", "-", input=batch)
        return self

    def __exit__(self, *_):
        at("dut", "tc", "qdisc", "del", "dev", self.iface, "clsact")
        if self.device:
            ip("dut", "link", "del", self.device)


class MirredVxlan(Tc):
    """What people use today: everything goes to a vxlan device."""

    device = "vx0"

    def make(self):
        ip("dut", "link", "add", "vx0", "type", "vxlan", "id", "5", "remote", "10.3.0.1", "local", "10.3.0.2", "dstport", "4789", "dev",
           "u0")
        at("dut", "sysctl", "-qw", "net.ipv6.conf.vx0.disable_ipv6=1")
        ip("dut", "link", "set", "vx0", "mtu", "1550", "up")


class MirredUplink(Tc):
    """The floor: one clone and one transmission, nothing is wrapped."""


class ClsBpf(Tc):
    """tc's own classifier, one per expression, which match nothing."""

    copies = 0

    def __init__(self, where, expressions):
        super().__init__(where)
        self.expressions = expressions

    def filters(self):
        for expression in self.expressions:
            code = run("tcpdump", "-ddd", "-y", "EN10MB", expression).replace("\n", ",")
            yield ("protocol", "all", "bpf", "bytecode", f"'{code}'", "flowid", "1:1")


# ---- rows ----

EXPRESSION = "tcp dst port 443 and net 10.0.0.0/8"
LOCAL, BULK = ("s1", "tx"), ("s2", "tx")
VXLAN_DEVICE = "tc u32 + mirred -> kernel vxlan"


def different(number):
    return f"tcp dst port {1000 + number} and net 10.0.0.0/8"


@dataclasses.dataclass(kw_only=True)
class Row(frame.Row):
    """
    work: kind and size of what blast sends, or "tcp". ours and theirs make what is compared; cut: our copies have that many bytes. The
    figure is what CPU time is added to a packet, or the throughput of TCP.
    """
    work: tuple
    ours: object
    theirs: object
    count: int = 300000
    cut: int = 0
    cpus: tuple = (CPU,)


def added(title, work, target, ours, theirs, alternative=VXLAN_DEVICE, **more):
    return Row(title, target, alternative, "ns of CPU added", work=work, ours=ours, theirs=theirs, **more)


def throughput(title, target, ours, alternative=VXLAN_DEVICE, cut=0):
    return Row(title, target, alternative, "Mbit/s", True, work=("tcp",), ours=ours, theirs=lambda: MirredVxlan(BULK), cut=cut)


def nothing_matches(count):
    return lambda: ClsBpf(THEIRS, [different(i) for i in range(count)])


ROWS = {
    "forward-64": added("64 B forwarded, ERSPAN II", ("forward", 64), 0.55, lambda: Farspan(OURS, *ERSPAN2),
                        lambda: MirredVxlan(THEIRS)),
    "floor-64": added("64 B forwarded, ERSPAN II", ("forward", 64), 1.30, lambda: Farspan(OURS, *ERSPAN2),
                      lambda: MirredUplink(THEIRS), "tc u32 + mirred, no encapsulation"),
    "forward-1514": added("1514 B forwarded, ERSPAN II", ("forward", 1514), 0.60, lambda: Farspan(OURS, *ERSPAN2),
                          lambda: MirredVxlan(THEIRS)),
    "vxlan-64": added("64 B forwarded, VXLAN", ("forward", 64), 0.75, lambda: Farspan(OURS, *VXLAN), lambda: MirredVxlan(THEIRS)),
    "truncate-1514": added("1514 B forwarded, cut to 128 B", ("forward", 1514), 0.70,
                           lambda: Farspan(OURS, *ERSPAN2, "--truncate", "128"), lambda: MirredVxlan(THEIRS),
                           VXLAN_DEVICE + ", whole frames", cut=128),
    "local-64": added("64 B UDP made locally, ERSPAN II", ("local", 64), 0.65, lambda: Farspan(LOCAL, *ERSPAN2),
                      lambda: MirredVxlan(LOCAL), count=100000),
    "super-44": added("TCP super-packet of 44 frames, ERSPAN II", ("super", SEGMENTS), 1.10, lambda: Farspan(LOCAL, *ERSPAN2),
                      lambda: MirredVxlan(LOCAL), count=3000),
    "tcp-erspan2": throughput("TCP bulk, ERSPAN II", 1.00, lambda: Farspan(BULK, *ERSPAN2)),
    "tcp-vxlan": throughput("TCP bulk, VXLAN", 1.10, lambda: Farspan(BULK, *VXLAN)),
    "tcp-cpus": throughput("TCP bulk, ERSPAN II, --cpus", 1.40, lambda: Farspan(BULK, *ERSPAN2, "--cpus", OTHER_CPU)),
    "tcp-truncate": throughput("TCP bulk, cut to 128 B", 1.00, lambda: Farspan(BULK, *ERSPAN2, "--truncate", "128"),
                               VXLAN_DEVICE + ", whole frames", 128),
    "tcp-truncate-cpus": throughput("TCP bulk, cut to 128 B, --cpus", 1.45,
                                    lambda: Farspan(BULK, *ERSPAN2, "--truncate", "128", "--cpus", OTHER_CPU),
                                    VXLAN_DEVICE + ", whole frames", 128),
    "no-match-64": added("64 B forwarded, a filter that matches nothing", ("forward", 64), 1.00,
                         lambda: Farspan(OURS, *ERSPAN2, *EXPRESSION.split(), copies=0), lambda: ClsBpf(THEIRS, [EXPRESSION]),
                         "tc cls_bpf of the same expression"),
    "sessions-10": added("64 B forwarded, 10 sessions, none matches", ("forward", 64), 0.15, lambda: FarspanSessions(10),
                         nothing_matches(10), "as many tc cls_bpf filters"),
    "sessions-200": added("64 B forwarded, 200 sessions, none matches", ("forward", 64), 0.15, lambda: FarspanSessions(200),
                          nothing_matches(200), "as many tc cls_bpf filters"),
}


def grows(what, size, work, ours, theirs, alternative, **more):
    return Row(f"{what}: {size}", None, alternative, "ns of CPU added", growth=(what, size), work=work, ours=ours, theirs=theirs,
               **more)


def some_hosts(count):
    return " or ".join(f"host 192.0.2.{i + 1}" for i in range(count))


def grows_forwarded(what, size, frame_bytes, **more):
    return grows(what, size, ("forward", frame_bytes), lambda: Farspan(OURS, *ERSPAN2), lambda: MirredVxlan(THEIRS), VXLAN_DEVICE,
                 **more)


def grows_sessions(count):
    return grows("Sessions on one interface, none of which matches", count, ("forward", 64), lambda: FarspanSessions(count),
                 nothing_matches(count), "as many tc cls_bpf filters")


def grows_filter(count):
    return grows("Hosts in a filter, none of which matches", count, ("forward", 64),
                 lambda: Farspan(OURS, *ERSPAN2, some_hosts(count), copies=0), lambda: ClsBpf(THEIRS, [some_hosts(count)]),
                 "tc cls_bpf of the same expression")


def growth_rows():
    for size in (64, 256, 512, 1024, 1514):
        yield f"grow-size-{size}", grows_forwarded("Bytes of a frame, forwarded, ERSPAN II", size, size)
    for count in (1, 10, 50, 200):
        yield f"grow-sessions-{count}", grows_sessions(count)
    for count in (1, 8, 32):
        yield f"grow-filter-{count}", grows_filter(count)
    for cpus in ((CPU,), (CPU, OTHER_CPU)):
        yield f"grow-cores-{len(cpus)}", grows_forwarded("Cores that forward at once, 64 B, ERSPAN II", len(cpus), 64, cpus=cpus,
                                                         count=120000)


ROWS.update(growth_rows())


# ---- contents ----

def ones_sum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def frame_is_right(data):
    """Whether an Ethernet frame with IPv4 has right checksums and is none larger than a wire takes."""
    packet = data[14:]
    header, body = packet[:20], packet[20:struct.unpack("!H", packet[2:4])[0]]
    udp_without_sum = header[9] == 17 and body[6:8] == b"\0\0"
    pseudo = header[12:20] + struct.pack("!HH", header[9], len(body))
    return len(data) <= FRAME_MAX and ones_sum(header) == 0xFFFF and (udp_without_sum or ones_sum(pseudo + body) == 0xFFFF)


def is_cut_right(data, cut):
    """Whether that is as much of such a frame as is left of it, with the checksum of its IP header."""
    whole = 14 + struct.unpack("!H", data[16:18])[0]
    return len(data) == min(whole, cut) and ones_sum(data[14:34]) == 0xFFFF


def read_pcap(path):
    with open(path, "rb") as file:
        data = file.read()
    at_byte, frames = 24, []
    while at_byte < len(data):
        length = struct.unpack("<I", data[at_byte + 8:at_byte + 12])[0]
        frames.append(data[at_byte + 16:at_byte + 16 + length])
        at_byte += 16 + length
    return frames


def sample_is_right(topology, what, work, cut):
    """Mirrors a few packets and looks at the copies."""
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "pcap")
        words = inside("col", "tcpdump", "-i", "c0", "-Q", "in", "-c", str(SAMPLE), "-w", path, "--immediate-mode", "-s", "2000", "-Z",
                       "root")
        with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as capture:
            capture.stderr.readline()
            try:
                if work[0] == "tcp":
                    topology.tcp()
                else:
                    topology.blast(*work, SAMPLE, through=(what.iface,))
                capture.wait(timeout=20)
            except subprocess.TimeoutExpired:
                return False
            finally:
                capture.terminate()
        copies = [packet[outer_bytes(what):] for packet in read_pcap(path)]
    return len(copies) == SAMPLE and all(is_cut_right(one, cut) if cut else frame_is_right(one) for one in copies)


# ---- measuring ----

def outer_bytes(what):
    return 0 if isinstance(what, MirredUplink) else OUTER


def measure(topology, what, row):
    """The figure, and whether all copies arrived."""
    with what as running:
        if row.work[0] == "tcp":
            figure, whole = topology.tcp()
            return figure, whole
        of_cpus, copies = topology.blast(*row.work, row.count, row.cpus, TURNS, (running.iface,))
        # What else runs on the machine makes a turn dearer, never cheaper. Of several CPUs one may be alone in a turn: not the least, then.
        of_turns = min if len(row.cpus) == 1 else statistics.median
        figure = statistics.mean(of_turns(turn[0] for turn in turns) for turns in of_cpus)
        frames = row.work[1] if row.work[0] == "super" else 1
        return figure, copies == running.copies * row.count * frames * len(row.cpus)


def contents_are_right(topology, what, row, cut):
    with what as running:
        return not running.copies or sample_is_right(topology, running, row.work, cut)


def measure_in_turn(topology, row, rounds):
    """What is added, to what the same takes without a mirror immediately before."""
    def added_by(make):
        base = 0 if row.work[0] == "tcp" else measure(topology, Nothing(), row)[0]
        figure, whole = measure(topology, make(), row)
        return figure - base, whole

    return frame.alternate(rounds, lambda: added_by(row.ours), lambda: added_by(row.theirs))


def measure_beside(topology, row):
    """
    What each adds, to what the same takes without a mirror immediately before or behind, in the median of many short turns; and whether
    every frame was forwarded and all copies arrived. Both are there all the time, each on an interface of its own.
    """
    with row.ours() as ours, row.theirs() as theirs:
        before = topology.forwarded()
        (turns,), copies = topology.blast(*row.work, row.count, turns=SHORT_TURNS, through=(PLAIN, ours.iface, theirs.iface))
        whole = (topology.forwarded() - before, copies) == (len(THROUGH) * row.count, (ours.copies + theirs.copies) * row.count)
    return [statistics.median(turn[side] - turn[0] for turn in turns) for side in (1, 2)], whole


def measure_rounds(topology, row, rounds):
    if row.work[0] != "forward" or len(row.cpus) > 1:
        return measure_in_turn(topology, row, rounds)
    figures, wholes = zip(*(measure_beside(topology, row) for _ in range(rounds)))
    return dict(zip(frame.SIDES, map(list, zip(*figures)))), all(wholes)
