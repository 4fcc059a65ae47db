#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""api_wild.py SOCKET [SEED [ROUNDS]]: a running farspand gets requests that are cut, torn, piled up, wrong in every part, and some that are
right; it answers the right ones rightly, and has the sessions that those ask for and no others. It has no session at first, and none in
the end."""

import json
import random
import socket
import sys

SOCKET = sys.argv[1]
random.seed(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
ROUNDS = int(sys.argv[3]) if len(sys.argv) > 3 else 300
GOOD = {"enabled": False, "sources": [{"interface": "x0"}], "destinations": [{"type": "erspan2", "remote": "192.0.2.1", "id": 7}]}
PATHS = ["/v1/sessions/wild", "/v1/sessions", "/v1/sessions/", "/v1/sessions/a/b", "/v1/sessions/%00", "/v1/sessions/..", "/v1/status",
         "/v1/reload", "/v1/sessions/wild/enable", "/v1/sessions/wild/disable", "/", "", "*", "/v1/cost", "/metrics", "/v1/" + "x" * 5000]
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW", "", "G\0T"]
SCRAPS = ["{", "[" * 2000, "null", "\"", "{}", "{\"name\":1}", "{\"sources\":{}}", "\xff\xfe", "1e999", "{\"a\":1,\"a\":2}", "\\u0000", "",
          " " * 4096]


def connect():
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(30)
    connection.connect(SOCKET)
    return connection


def request(method, path, body=b"", extra=""):
    return f"{method} {path} HTTP/1.1\r\nHost: farspan\r\n{extra}Content-Length: {len(body)}\r\n\r\n".encode("latin-1") + body


def answers(connection, count=1):
    """Status and body of each answer."""
    with connection.makefile("rb") as file:
        for _ in range(count):
            status, length = int(file.readline().split()[1]), 0
            while (line := file.readline().strip()):
                name, _, value = line.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            yield status, file.read(length).decode()


def answer(connection):
    return next(answers(connection))


def ask(method, path, value=None):
    connection = connect()
    connection.sendall(request(method, path, json.dumps(value).encode() if value is not None else b"", "Connection: close\r\n"))
    result = answer(connection)
    connection.close()
    return result


def mutate(data):
    data = bytearray(data)
    for _ in range(random.randint(1, 6)):
        at = random.randrange(len(data) + 1)
        kind = random.randrange(4)
        if kind == 0 and at < len(data):
            data[at] = random.randrange(256)
        elif kind == 1:
            data[at:at] = bytes(random.randrange(256) for _ in range(random.randint(1, 20)))
        elif kind == 2:
            del data[at:at + random.randint(1, 20)]
        else:
            data[at:at] = random.choice(SCRAPS).encode("latin-1")
    return bytes(data)


def wild_session():
    """A body that is nearly a session, and never one: it has a key that is none."""
    session = json.loads(json.dumps(GOOD))
    session[random.choice(["filter", "sample", "colour", "vlan"])] = random.choice([[], {}, 1.5, "\n", "x" * 70000, -1, [[[]]]])
    session["no such key"] = 1
    return json.dumps(session).encode()


def tear(connection, data):
    """Wrong bytes, the beginning alone, or bytes one by one; farspand may have heard enough before the last of them."""
    kind = random.randrange(3)
    try:
        if kind == 0:
            connection.sendall(mutate(data).replace(b"wild", b"w\x01ld"))
        elif kind == 1:
            connection.sendall(data[:random.randrange(len(data))])
        else:
            for i in range(0, min(len(data), 400)):
                connection.sendall(data[i:i + 1])
    except ConnectionError:
        pass


def throw():
    """Something wrong, and perhaps the end of the connection in its middle."""
    connection = connect()
    kind = random.randrange(5)
    if kind < 3:
        body = random.choice([wild_session(), random.choice(SCRAPS).encode("latin-1"), b""])
        tear(connection, request(random.choice(METHODS), random.choice(PATHS[1:]), body))
    elif kind == 3:
        connection.sendall(request("PUT", "/v1/sessions/wild", wild_session()))
        status, text = answer(connection)
        assert status == 400 and json.loads(text)["error"], (status, text)
    else:
        connection.sendall(b"".join(request("GET", "/v1/status") for _ in range(20)))
        assert [status for status, _ in answers(connection, 20)] == [200] * 20
    connection.close()


wanted = set()
for turn in range(ROUNDS):
    throw()
    if turn % 10 == 0:
        name = f"right{turn // 20}"
        method = "PUT" if name not in wanted else "DELETE"
        status, said = ask(method, f"/v1/sessions/{name}", GOOD if method == "PUT" else None)
        assert status == 200, (method, name, status, said)
        wanted ^= {name}
found = json.loads(ask("GET", "/v1/sessions")[1])["sessions"]
assert {session["name"] for session in found} == wanted, (found, wanted)
for session in found:
    del session["wanted"]["name"]
    assert session["wanted"] == GOOD, session
    assert ask("DELETE", f"/v1/sessions/{session['name']}")[0] == 200
assert not json.loads(ask("GET", "/v1/sessions")[1])["sessions"]
