#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
usage: stream.py sink                          takes one TCP transfer and prints its megabits per second
       stream.py source ADDRESS SECONDS        makes it; descriptor 3: the interfaces and their counters of where the copies arrive

The sink has the kernel throw the bytes away where they lie (MSG_TRUNC): a program that copies what it receives takes more of the core that
both are on than the transfer itself. The source goes on when the copies of what it sent before have arrived, however fast it could be, so
that the figure is what a mirror keeps up with and not how much its queues lose.
"""
import os
import socket
import struct
import sys
import time

PORT = 5201
CHUNK = 128 << 10
UNDER_WAY = 500  # copies at most, and those of a chunk; the kernel's queues have room for a thousand frames
ROOM = 8 << 20
COPIES = 3
SEGS_OUT = 136  # where struct tcp_info has what the connection has sent, in frames of the wire
PATIENCE = 1  # seconds in which copies come, or never will
PAUSE = 20e-6


def sink():
    with socket.create_server(("", PORT)) as server, server.accept()[0] as connection:
        room, total, start = bytearray(ROOM), 0, time.monotonic()
        while taken := connection.recv_into(room, ROOM, socket.MSG_TRUNC):
            total += taken
        print(total * 8 / 1e6 / (time.monotonic() - start))


def copies():
    for line in os.pread(COPIES, 8192, 0).splitlines():
        name, _, counters = line.partition(b":")
        if name.strip() == b"c0":
            return int(counters.split()[1])
    raise RuntimeError("no c0")


def wait_for(count):
    end = time.monotonic() + PATIENCE
    while copies() < count and time.monotonic() < end:
        time.sleep(PAUSE)


def source(address, seconds):
    before = copies()
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, CHUNK)
        connection.connect((address, PORT))
        chunk, end = bytes(CHUNK), time.monotonic() + seconds
        while time.monotonic() < end:
            connection.sendall(chunk)
            info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, SEGS_OUT + 4)
            wait_for(before + struct.unpack_from("I", info, SEGS_OUT)[0] - UNDER_WAY)


if sys.argv[1] == "sink":
    sink()
else:
    source(sys.argv[2], float(sys.argv[3]))
