#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""openapi.py SOCKET DESCRIPTION ROUTES: whether a running farspand is what docs/openapi.json describes.

Its examples are run by curl, in an order in which they can be, and the answers have the described members and no others; the errors that
are described are brought about where that can be done from outside; what is not described is refused. ROUTES is the file with the table
of the routes, which has the same ones. The session of the examples is gone afterwards."""

import http.client
import json
import os
import re
import socket
import subprocess
import sys

SOCKET, DESCRIPTION, ROUTES = sys.argv[1:]
METHODS = ("get", "put", "post", "patch", "delete")
NOBODY = 65534
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int}
TEXTS = {"text/plain": "# HELP", "text/html": "<!DOCTYPE html>"}
problems = []


class Connection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(SOCKET)


def ask(method, path, body=None):
    connection = Connection("farspan")
    connection.request(method.upper(), path, body)
    answer = connection.getresponse()
    kind = (answer.getheader("Content-Type") or "").split(";")[0]
    # A stream has no end: its first line is what there is to see.
    text = answer.readline() if kind == "application/x-ndjson" else answer.read()
    connection.close()
    return answer.status, kind, text.decode()


def ask_allowed(method, path):
    connection = Connection("farspan")
    connection.request(method.upper(), path, "{}")
    answer = connection.getresponse()
    connection.close()
    return answer.status, set((answer.getheader("Allow") or "").lower().split(", "))


def ask_by_curl(method, path, body):
    command = ["curl", "-siN", "--unix-socket", SOCKET, "-X", method.upper(), "http://farspan" + path]
    with subprocess.Popen(command + (["-d", body] if body else []), stdout=subprocess.PIPE) as curl:
        head = "".join(iter(lambda: curl.stdout.readline().decode().strip("\r\n") + "\n", "\n"))
        kind = re.search(r"^content-type: *([^;\s]*)", head, re.M | re.I)
        text = curl.stdout.readline() if "x-ndjson" in kind[1] else curl.stdout.read()
        curl.terminate()
    return int(head.split()[1]), kind[1], text.decode()


def ask_as_nobody(method, path, body):
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        return ask(method, path, body)
    finally:
        os.seteuid(0)
        os.setegid(0)


def resolve(schema):
    while "$ref" in schema:
        found = API
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        schema = found
    return schema


def object_faults(value, schema, where):
    known = schema.get("properties", {})
    for name in schema.get("required", []):
        if name not in value:
            yield f"{where}.{name} is missing"
    for name, member in value.items():
        extra = schema.get("additionalProperties", {})
        if name in known:
            yield from faults(member, known[name], f"{where}.{name}")
        elif extra is False:
            yield f"{where}.{name} is not described"
        else:
            yield from faults(member, extra, f"{where}.{name}")


def faults(value, schema, where="answer"):
    """What of the value is not as the schema says."""
    schema = resolve(schema)
    kind = schema.get("type")
    if value is None and schema.get("nullable"):
        return
    for part in schema.get("allOf", []):
        yield from faults(value, part, where)
    if "oneOf" in schema and sum(not list(faults(value, part, where)) for part in schema["oneOf"]) != 1:
        yield f"{where} is not one of those described: {value}"
    if kind and (not isinstance(value, TYPES[kind]) or (kind == "integer" and isinstance(value, bool))):
        yield f"{where} is no {kind}: {value}"
    elif "enum" in schema and value not in schema["enum"]:
        yield f"{where} is {value}, not one of {schema['enum']}"
    elif kind == "object":
        yield from object_faults(value, schema, where)
    elif kind == "array":
        for i, item in enumerate(value):
            yield from faults(item, schema["items"], f"{where}[{i}]")


def check(what, operation, status, answer):
    """The answer has that status, and what is described for it."""
    got, kind, text = answer
    described = operation["responses"].get(str(status))
    if got != status:
        problems.append(f"{what}: status {got}, not {status}: {text}")
    elif not described or kind not in described["content"]:
        problems.append(f"{what}: an answer {status} with {kind} is not described")
    elif kind in TEXTS:
        if not text.startswith(TEXTS[kind]):
            problems.append(f"{what}: {text[:80]}")
    else:
        problems.extend(f"{what}, {status}: {fault}" for fault in faults(json.loads(text), described["content"][kind]["schema"]))


def operations():
    """Method, path, the path of the example, the operation: what makes the session first, what removes it last."""
    found = []
    for path, item in API["paths"].items():
        example = path
        for parameter in item.get("parameters", []):
            example = example.replace("{%s}" % parameter["name"], parameter["example"])
        found += [(method, path, example, item[method]) for method in METHODS if method in item]
    return sorted(found, key=lambda row: (row[0] == "delete", row[3]["operationId"] != "createSession"))


def check_routes():
    with open(ROUTES, encoding="utf-8") as file:
        table = re.findall(r'^\t\{"([A-Z]+)", "(/[^"]*)"', file.read(), re.M)
    served = {(method.lower(), path.replace("*", "{name}")) for method, path in table}
    described = {(method, path) for method, path, _, _ in operations()}
    problems.extend(f"{method} {path} is not described" for method, path in served - described)
    problems.extend(f"{method} {path} is described, but not in the table" for method, path in described - served)


def check_errors(method, path, example, operation, body):
    what = f"{method} {path}"
    if method != "get":
        check(f"{what} by nobody", operation, 403, ask_as_nobody(method, example, body))
    if "404" in operation["responses"]:
        check(f"{what} of nothing", operation, 404, ask(method, path.replace("{name}", "nothing"), body))
    if body:
        wrong = json.dumps({**json.loads(body), "name": "lab2", "colour": "red"})
        check(f"{what} with a list", operation, 400, ask(method, example, "[]"))
        check(f"{what} with a wrong key", operation, 400, ask(method, example, wrong))


def run_examples():
    for method, path, example, operation in operations():
        body = None
        if "requestBody" in operation:
            content = operation["requestBody"]["content"]["application/json"]
            body = json.dumps(content["example"])
            problems.extend(f"{method} {path}: {fault}" for fault in faults(content["example"], content["schema"], "example"))
        check_errors(method, path, example, operation, body)
        check(f"{method} {path}", operation, 200, ask_by_curl(method, example, body))
        if operation["operationId"] == "createSession":
            check(f"{method} {path} again", operation, 409, ask(method, example, body))


def check_others():
    """Nothing answers that is not described."""
    for path, item in API["paths"].items():
        for method in METHODS:
            if method in item:
                continue
            status, allowed = ask_allowed(method, path.replace("{name}", "nothing"))
            if status != 405:
                problems.append(f"{method} {path} is not described, but answers {status}")
            if allowed - {"head"} != set(METHODS) & set(item):
                problems.append(f"{method} {path}: allowed are {allowed}")
    if ask("get", "/v1/nothing")[0] != 404:
        problems.append("/v1/nothing is something")


with open(DESCRIPTION, encoding="utf-8") as description:
    API = json.load(description)
check_routes()
run_examples()
check_others()
print("\n".join(problems) or f"{len(operations())} operations as described")
sys.exit(1 if problems or len(operations()) < 11 else 0)
