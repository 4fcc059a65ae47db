#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
usage: stream.py sink                          takes one TCP transfer and prints its megabits per second
       stream.py source ADDRESS SECONDS        makes it

The sink has the kernel throw the bytes away where they lie (MSG_TRUNC), so that its core is free for what else a row has it do: what is
measured is the sender's core, and a mirror's on the other one, not how fast a program copies what it receives.
"""
import socket
import sys
import time

PORT = 5201
CHUNK = 128 << 10
ROOM = 8 << 20


def sink():
    with socket.create_server(("", PORT)) as server, server.accept()[0] as connection:
        room, total, start = bytearray(ROOM), 0, time.monotonic()
        while taken := connection.recv_into(room, ROOM, socket.MSG_TRUNC):
            total += taken
        print(total * 8 / 1e6 / (time.monotonic() - start))


def source(address, seconds):
    with socket.create_connection((address, PORT)) as connection:
        chunk, end = bytes(CHUNK), time.monotonic() + seconds
        while time.monotonic() < end:
            connection.sendall(chunk)


if sys.argv[1] == "sink":
    sink()
else:
    source(sys.argv[2], float(sys.argv[3]))
