#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""events.py SOCKET: who follows the events of a running farspand and leaves them unread is told, and dropped, and nobody else is; sixteen
may follow, and as many again when those have left. The daemon has no session of the names that are used."""

import http.client
import json
import socket
import sys
import threading

NAME = "events-" + "x" * 56  # as long as they may be: what is told of it cannot all wait, however much a socket takes
MOST = 16
PAIRS = 4000  # of changes: more than can wait


class Connection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(sys.argv[1])


def follow():
    connection = Connection("farspan")
    connection.request("GET", "/v1/events")
    answer = connection.getresponse()
    connection.answer = answer
    return connection


def read(answer, events):
    for line in answer:
        events.append(json.loads(line))
        if events[-1].get("session") == "last":
            return


def change(connection, method, name):
    body = '{"enabled": false, "sources": [{"interface": "x0"}], "destinations": [{"type": "gre", "remote": "192.0.2.1"}]}'
    connection.request(method, "/v1/sessions/" + name, body if method == "PUT" else None)
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 200, (method, answer.status)


slow, keen = follow(), follow()
seen, unread = [], []
reader = threading.Thread(target=read, args=(keen.answer, seen))
reader.start()
changes = Connection("farspan")
for _ in range(PAIRS):
    change(changes, "PUT", NAME)
    change(changes, "DELETE", NAME)
change(changes, "PUT", "last")
reader.join(30)
change(changes, "DELETE", "last")
of_it = [event["event"] for event in seen if event.get("session") == NAME]
assert of_it.count("created") == of_it.count("deleted") == PAIRS, (of_it.count("created"), of_it.count("deleted"))
read(slow.answer, unread)
assert unread[0]["event"] == "hello" and unread[-1]["event"] == "slow", unread[-1]
keen.close()
slow.close()

for _ in range(2):
    followers = [follow() for _ in range(MOST)]
    while any(follower.answer.status != 200 for follower in followers):  # those before have just left
        followers = [follower if follower.answer.status == 200 else follow() for follower in followers]
    assert follow().answer.status == 503
    for follower in followers:
        follower.answer.close()
        follower.close()
