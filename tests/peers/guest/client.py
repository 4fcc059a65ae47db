#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""usage: client.py ADDRESS <SCRIPT: runs the shell script inside of a guest, prints what it prints, and exits with its status."""
import socket
import sys
import time

PORT, CONNECT_S, ANSWER_S = 23, 10, 240


def connect(address):
    """The guest says that it is ready a moment before it listens."""
    until = time.monotonic() + CONNECT_S
    while True:
        try:
            return socket.create_connection((address, PORT), timeout=CONNECT_S)
        except ConnectionRefusedError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)


def main(address):
    with connect(address) as guest:
        guest.settimeout(ANSWER_S)
        guest.sendall(sys.stdin.buffer.read())
        guest.shutdown(socket.SHUT_WR)
        answer = bytearray()
        while data := guest.recv(1 << 16):
            answer += data
    output, _, status = bytes(answer).removesuffix(b"\n").rpartition(b"\n")
    sys.stdout.buffer.write(output)
    return int(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
