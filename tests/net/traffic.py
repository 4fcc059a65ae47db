#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Traffic with a known content.

usage: traffic.py run COMMAND...                     COMMAND with signals as in a terminal (a shell's background jobs ignore SIGINT)
       traffic.py tcp FROM TO ADDRESS PORT BYTES [BYTES-PER-SECOND]
                                                     a TCP transfer between two namespaces; prints its SHA-256
       traffic.py http FROM TO ADDRESS PORT BYTES    one page of that many bytes, fetched by HTTP
       traffic.py udp FROM TO ADDRESS PORT COUNT SIZE [SEGMENT]
                                                     COUNT datagrams of SIZE bytes, each confirmed batch by batch; SEGMENT: the kernel cuts
                                                     each into datagrams of that size (UDP_SEGMENT)
       traffic.py frame IFACE TEXT [COUNT]           one broadcast-like frame, or COUNT, of a test EtherType with TEXT, sent raw
       traffic.py tap IFACE TEXT COUNT               as many such frames received by a tap device as sent by it, and taken from it
       traffic.py frames IFACE FILE [MAC]            the frames of a capture, sent raw, in their order; with MAC: all to that address

FROM and TO are paths of network namespaces, or names: /run/netns/NAME.
"""
import ctypes
import fcntl
import hashlib
import http.server
import json
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import time
import urllib.request

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
UDP_SEGMENT = 103
SO_MAX_PACING_RATE = 47
TUNSETIFF = 0x400454CA
IFF_TAP_NO_PI = 0x1002
BATCH = 16


def enter(namespace):
    path = namespace if "/" in namespace else "/run/netns/" + namespace
    with open(path, "rb") as file:
        if LIBC.setns(file.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns {path}")


def in_namespace(namespace, function, *arguments):
    """Runs function in a child process; returns (process id, file to read its report from)."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        status = 1
        try:
            os.close(reader)
            signal.alarm(60)
            enter(namespace)
            with os.fdopen(writer, "w", buffering=1, encoding="ascii") as report:
                function(report, *arguments)
            status = 0
        finally:
            os._exit(status)
    os.close(writer)
    return child, os.fdopen(reader, encoding="ascii")


def wait(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def tcp_receive(report, address, port):
    with socket.socket(family(address), socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(1)
        print("ready", file=report)
        connection, _ = listener.accept()
    digest, count = hashlib.sha256(), 0
    with connection:
        while True:
            data = connection.recv(1 << 20)
            if not data:
                break
            digest.update(data)
            count += len(data)
    print(count, digest.hexdigest(), file=report)


def tcp(source, target, address, port, length, rate=0):
    port, length = int(port), int(length)
    child, report = in_namespace(target, tcp_receive, address, port)
    report.readline()
    content = random.Random(length).randbytes(length)
    enter(source)
    with socket.create_connection((address, port), timeout=30) as connection:
        if rate:
            connection.setsockopt(socket.SOL_SOCKET, SO_MAX_PACING_RATE, int(rate))
        connection.sendall(content)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1)
    received = report.readline().split()
    digest = hashlib.sha256(content).hexdigest()
    print(digest)
    return wait(child) == 0 and received == [str(length), digest]


def http_serve(report, address, port, length):
    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"." * length)

        def log_message(self, *_):
            pass

    with http.server.HTTPServer((address, port), Page) as server:
        print("ready", file=report)
        server.handle_request()


def fetch(source, target, address, port, length):
    child, report = in_namespace(target, http_serve, address, int(port), int(length))
    report.readline()
    enter(source)
    with urllib.request.urlopen(f"http://{address}:{port}/", timeout=30) as page:
        return len(page.read()) == int(length) and wait(child) == 0


def udp_receive(report, address, port, count):
    with socket.socket(family(address), socket.SOCK_DGRAM) as receiver:
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        receiver.bind((address, port))
        print("ready", file=report)
        for number in range(count):
            _, sender = receiver.recvfrom(1 << 16)
            if number % BATCH == BATCH - 1 or number == count - 1:
                receiver.sendto(b"go on", sender)


def udp(source, target, address, port, count, size, segment=0):
    port, count, size, segment = int(port), int(count), int(size), int(segment)
    parts = -(-size // segment) if segment else 1
    child, report = in_namespace(target, udp_receive, address, port, count * parts)
    report.readline()
    content = random.Random(count)
    enter(source)
    with socket.socket(family(address), socket.SOCK_DGRAM) as sender:
        sender.settimeout(20)
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8 << 20)
        if segment:
            sender.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, segment)
        sender.connect((address, port))
        sent = 0
        for _ in range(count):
            sender.send(content.randbytes(size))
            for _ in range(sent // BATCH, (sent + parts) // BATCH):
                sender.recv(16)
            sent += parts
        if sent % BATCH:
            sender.recv(16)
    return wait(child) == 0


def send_raw(iface, frames):
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
        sender.bind((iface, 0))
        for frame in frames:
            sender.send(frame)
    return True


def frame_with(text):
    return bytes.fromhex("0200000000fe0200000000fd88b5") + text.encode().ljust(46, b"\0")


def is_up(iface):
    return json.loads(subprocess.check_output(["ip", "-j", "link", "show", iface]))[0]["operstate"] == "UP"


def tap(iface, text, count):
    frames = [frame_with(text)] * int(count)
    signal.alarm(60)
    with open("/dev/net/tun", "r+b", buffering=0) as device:
        fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", iface.encode(), IFF_TAP_NO_PI))
        while not is_up(iface):
            time.sleep(0.02)
        for frame in frames:
            device.write(frame)
        send_raw(iface, frames)
        return all(device.read(2048) == frame for frame in frames)


def frames_of(path, mac=None):
    from packets import read
    return [bytes.fromhex(mac.replace(":", "")) + packet.data[6:] if mac else packet.data for packet in read(path)]


def run(*command):
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.execvp(command[0], command)


def main(arguments):
    actions = {
        "run": run,
        "tcp": tcp,
        "udp": udp,
        "http": fetch,
        "frame": lambda iface, text, count="1": send_raw(iface, [frame_with(text)] * int(count)),
        "tap": tap,
        "frames": lambda iface, *capture: send_raw(iface, frames_of(*capture)),
    }
    return 0 if actions[arguments[0]](*arguments[1:]) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
