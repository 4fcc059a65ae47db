#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Runs session_set with many sessions, sends frames past them, and compares what they counted.

many.py SESSION_SET
"""
import collections
import socket
import subprocess
import sys

ETHERTYPE_TEST = 0x88B5
UDP = bytes.fromhex("02000000aa01 02000000aa02 0800" "4500001e000000004011f0690a0200010a020002" "13881389000a0000 5858")
OTHER = bytes.fromhex("02000000aa01 02000000aa02 88b5") + b"other" * 10
wrong = 0


def equal(what, expected, got):
    global wrong
    if expected != got:
        print(f"WRONG: {what}: expected {expected}, got {got}", file=sys.stderr)
        wrong += 1


class Set:
    """The process with the sessions; wanted maps a name to interface, direction, destination and filter."""

    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def do(self, *lines):
        answer = []
        for line in lines:
            self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        for _ in lines:
            while (said := self.process.stdout.readline().strip()) != "done":
                if not said:
                    sys.exit("session_set ended")
                answer.append(said)
        return answer

    def apply(self, wanted):
        answer = self.do(*(f"want {name} {words}" for name, words in wanted.items()), "apply")
        print(f"{len(wanted)} sessions: {answer[0]}{' ms' if answer[0].startswith('applied') else ''}")
        return answer[0]

    def counters(self):
        """name: state, seen, excluded, attempted, dropped, sent, and why"""
        rows = {}
        for line in self.do("counters"):
            name, state, *rest = line.split(" ", 7)
            numbers = [int(n) for n in rest[:5]]
            equal(f"{name}: seen", numbers[1] + numbers[2], numbers[0])
            rows[name] = (state, *numbers, " ".join(rest[5:]))
        return rows


def sender(interface):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    sock.bind((interface, ETHERTYPE_TEST))
    return sock


def destination(number):
    return f"erspan2:10.9.0.2,id={number % 1024}"


def over_interfaces(sessions):
    """1,000 sessions, ten on each of 100 interfaces: each sees what passes its own, and twice the same is no change."""
    wanted = {f"s{n}": f"v{n % 100 + 1} rx {destination(n)}" for n in range(1000)}
    sessions.apply(wanted)
    sockets = [sender(f"w{n + 1}") for n in range(100)]
    for number, sock in enumerate(sockets):
        for _ in range(number % 7 + 1):
            sock.send(OTHER)
    sessions.apply(wanted)
    for sock in sockets:
        sock.send(OTHER)
    rows = sessions.counters()
    equal("sessions", len(wanted), len(rows))
    for n in range(1000):
        seen = n % 100 % 7 + 2
        equal(f"s{n}", ("active", seen, 0, seen, 0, seen, ""), rows[f"s{n}"])


def on_one(sessions):
    """200 sessions on one interface, under frames that go on: whatever changes, none misses one, and the others are left alone."""
    sock = sender("w1")
    wanted = {f"o{n}": f"v1 rx {destination(n)} udp port {5001 if n % 2 else 7}" for n in range(200)}
    sessions.apply(wanted)
    for turn in range(20):
        for _ in range(50):
            sock.send(UDP)
            sock.send(OTHER)
        changed = dict(wanted)
        changed["o0"] = f"v1 rx {destination(turn)} udp port {turn + 1}"
        changed["o1"] = f"v1 rx erspan3:10.9.0.2,id={turn} udp port 5001"
        sessions.do(*(f"want {name} {words}" for name, words in changed.items()), "apply")
    rows = sessions.counters()
    for n in range(200):
        sent = 1000 if n % 2 else 0
        equal(f"o{n}", ("active", 2000, 2000 - sent, sent, 0, sent, ""), rows[f"o{n}"])


def alone(sessions):
    """What one waits for, or cannot have, is its own affair; what is wrong changes nothing."""
    good = {"good": f"v2 rx {destination(1)}"}
    sessions.apply(good)
    sender("w2").send(OTHER)
    equal("a wrong filter", "refused bad: ", sessions.apply(good | {"bad": f"v2 rx {destination(2)} no such word"})[:13])
    sender("w2").send(OTHER)
    sessions.apply(good | {"late": f"nope rx {destination(2)}", "lost": "v2 rx erspan2:10.77.0.2"})
    sender("w2").send(OTHER)
    equal("all three", {
        "good": ("active", 3, 0, 3, 0, 3, ""),
        "late": ("pending", 0, 0, 0, 0, 0, "interface 'nope': no such interface"),
        "lost": ("pending", 1, 0, 1, 1, 0, "no route to 10.77.0.2"),
    }, sessions.counters())
    equal("more than there is room for", "refused all sessions together have 1025 destinations, and at most 1024 are possible",
          sessions.apply({f"s{n}": f"v{n % 100 + 1} rx {destination(n)}" for n in range(1025)}))


def too_many(sessions):
    """What has no room in the program of an interface is told, and the others go on."""
    rows = sessions.apply({f"t{n}": f"v3 rx {destination(n)}" for n in range(258)}) and sender("w3").send(OTHER) and sessions.counters()
    text = "interface 'v3': all sessions together copy this direction to more than 256 destinations"
    equal("who has room", {("active", 1, 0, 1, 0, 1, ""): 256, ("pending", 0, 0, 0, 0, 0, text): 2},
          dict(collections.Counter(row for name, row in rows.items() if name[0] == "t")))


def main(path):
    sessions = Set(path)
    over_interfaces(sessions)
    on_one(sessions)
    too_many(sessions)
    alone(sessions)
    sessions.do("stop")
    equal("after the end", ("active", 3, 0, 3, 0, 3, ""), sessions.counters()["good"])
    sessions.process.stdin.close()
    equal("exit status", 0, sessions.process.wait())
    sys.exit(1 if wrong else 0)


main(*sys.argv[1:])
