#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Many mirrors.

usage: cycles.py ended COUNT COMMAND...      starts COMMAND so often, several at a time; interrupts each when it says that it mirrors
       cycles.py killed COUNT COMMAND...     the same, but kills each at a random moment, every tenth together with its children
       cycles.py send PAIRS FRAMES           so many frames out of each of the interfaces m0a, m1a, ...
"""
import os
import random
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

AT_A_TIME = 6
LONGEST = 0.3 # seconds until a kill: a start takes about a third of it


def start(command):
    return subprocess.Popen(command, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)


def end(command):
    with start(command) as process:
        said = b""
        while b"mirroring" not in said:
            line = process.stderr.readline()
            said += line
            if not line:
                break
        process.send_signal(signal.SIGINT)
        said += process.stderr.read()
    if process.returncode:
        print(said.decode(), file=sys.stderr)
    return process.returncode == 0


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return [int(child) for child in file.read().split()]
    except OSError:
        return []


def kill(number, after, command):
    with start(command) as process:
        time.sleep(after) # the moment is the point
        for child in children(process.pid) if number % 10 == 9 else []:
            os.kill(child, signal.SIGKILL)
        process.kill()
    return True


def send(pairs, frames):
    frame = bytes.fromhex("0200000000fe0200000000fd88b6") + bytes(46)
    for number in range(pairs):
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
            sender.bind((f"m{number}a", 0))
            for _ in range(frames):
                sender.send(frame)
    return True


def main(what, count, *rest):
    count = int(count)
    if what == "send":
        return 0 if send(count, int(rest[0])) else 1
    moments = random.Random(count)
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        if what == "ended":
            results = list(pool.map(lambda _: end(rest), range(count)))
        else:
            results = list(pool.map(lambda number: kill(number, moments.uniform(0, LONGEST), rest), range(count)))
    print(f"{sum(results)} of {count}")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
