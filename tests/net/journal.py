#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""journal.py COMMAND...: runs a command whose standard error is a journal's, in a mount namespace where /run is free, and prints what it
logs by the journal's protocol, an object of JSON per entry; what it writes to the standard error itself comes behind "text: "."""
import json
import os
import signal
import socket
import subprocess
import sys

POLL_S = 0.2

os.makedirs("/run/systemd/journal")
journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
journal.bind("/run/systemd/journal/socket")
os.chmod("/run/systemd/journal/socket", 0o666)
journal.settimeout(POLL_S)
with os.fdopen(os.memfd_create("stderr"), "w+") as text:
    status = os.fstat(text.fileno())
    command = subprocess.Popen(sys.argv[1:], stderr=text, env={**os.environ, "JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"})
    signal.signal(signal.SIGTERM, lambda number, frame: command.send_signal(number))
    ended = False
    while not ended:
        ended = command.poll() is not None  # what was logged before that is still to be read
        try:
            while True:
                print(json.dumps(dict(line.split("=", 1) for line in journal.recv(65536).decode().splitlines())), flush=True)
        except TimeoutError:
            pass
    text.seek(0)
    for line in text:
        print("text:", line, end="")
sys.exit(command.returncode)
