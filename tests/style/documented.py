#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
What farspan knows is documented: every option, endpoint type and key stands in farspan(8), every counter in farspan-counters(7), every
option in the completion too, and what the completion offers is accepted.

usage: documented.py FARSPAN MANUAL COUNTERS COMPLETION
"""
import json
import os
import re
import subprocess
import sys
import tempfile

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
EMPTY_PCAP = bytes.fromhex("d4c3b2a1 0200 0400 00000000 00000000 00000400 01000000".replace(" ", ""))
COMPLAINTS = ("unknown option", "has no key", "unknown type", "must be")


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False)


def manual_terms(manual):
    """The words of the built manual, section by section."""
    with open(manual, encoding="utf-8") as file:
        plain = re.sub(r"\\f[BIRP]|\\&", "", file.read())
    sections = re.split(r"^\.SH (.+)$", plain, flags=re.M)
    return {name: set(re.findall(r"--?[\w-]*\w|[\w-]*\w", body)) for name, body in zip(sections[1::2], sections[2::2])}


def help_terms(farspan, command):
    text = run(farspan, command, "--help").stdout
    options = set(re.findall(r"^ +(-\w)\b", text, re.M)) | set(re.findall(r"^ +(?:-\w, +)?(--[\w-]+)", text, re.M))
    endpoints = set(re.findall(r"^  ([a-z]\w*) ", text, re.M))
    return options, endpoints


def counters(farspan):
    with open(os.path.join(TOP, "src", "bpf", "counters.def"), encoding="utf-8") as file:
        found = set(re.findall(r"^COUNTER\((\w+)", file.read(), re.M))
    with tempfile.NamedTemporaryFile(suffix=".pcap") as empty:
        empty.write(EMPTY_PCAP)
        empty.flush()
        summary = json.loads(run(farspan, "collect", "-r", empty.name, "-w", empty.name + "ng", "--json").stdout)
        os.unlink(empty.name + "ng")
    return found | set(summary["refused"]) | set(summary["dropped"]) | {"received", "written", "unrecorded", "reassembled", "marker"}


def table(completion, question):
    return run("bash", "-c", '. "$1" && _farspan_table "$2"', "bash", completion, question).stdout.split()


def check_manual(farspan, manual, commands):
    sections = manual_terms(manual)
    for command in commands:
        options, endpoints = help_terms(farspan, command)
        documented = sections["OPTIONS OF " + command.upper()] | sections["SHAPE"]
        yield from (f"farspan(8): {command} {option} is missing" for option in sorted(options - documented))
        yield from (f"farspan(8): type or key {name} is missing" for name in sorted(endpoints - sections["ENDPOINTS"]))
        if not options:
            yield f"{command} --help shows no option"


def check_counters(farspan, manual):
    documented = set().union(*manual_terms(manual).values())
    yield from (f"farspan-counters(7): {name} is missing" for name in sorted(counters(farspan) - documented))


def check_options(farspan, manual, completion, commands):
    sections = manual_terms(manual)
    for command in commands:
        offered = set(table(completion, f"options:{command}"))
        said, _ = help_terms(farspan, command)
        yield from (f"completion: {command} {option} is missing" for option in sorted(said - offered))
        documented = sections["OPTIONS OF " + command.upper()] | sections["SHAPE"]
        yield from (f"farspan(8): {command} {option} is missing" for option in sorted(offered - documented))
        for option in offered:
            error = run(farspan, command, option).stderr
            if "unknown option" in error:
                yield f"completion: {error.strip()}"


def check_endpoints(farspan, completion):
    for side, command, option in (("to", "mirror", "-t"), ("from", "collect", "-f")):
        _, said = help_terms(farspan, command)
        types = table(completion, f"types:{side}")
        keys = {key for name in types for key in table(completion, f"keys:{side}:{name}")}
        yield from (f"completion: {command} offers no {name}" for name in sorted(said - keys - set(types)))
        for name in types:
            for key in table(completion, f"keys:{side}:{name}"):
                values = table(completion, f"key:{side}:{name}:{key}")
                yield from check_values(farspan, [command, option], f"{name}:192.0.2.1,{key}=", values)


def check_values(farspan, command, text, values):
    """A key is known; without a value it is refused for its value alone. A value is accepted."""
    error = run(farspan, *command, text).stderr
    if any(complaint in error for complaint in COMPLAINTS[:3]) or "no interface given" in error:
        yield f"completion: {text}: {error.strip()}"
    for value in values:
        error = run(farspan, *command, text + value).stderr
        if not value.startswith("@") and any(complaint in error for complaint in COMPLAINTS):
            yield f"completion: {text}{value}: {error.strip()}"


def main(farspan, manual, counters_manual, completion):
    commands = re.findall(r"^  (\w+) ", run(farspan, "--help").stdout, re.M)
    wrong = list(check_options(farspan, manual, completion, commands)) + list(check_manual(farspan, manual, commands))
    wrong += list(check_counters(farspan, counters_manual)) + list(check_endpoints(farspan, completion))
    if sorted(commands) != sorted(table(completion, "commands")):
        wrong.append(f"completion: commands are {table(completion, 'commands')}, not {commands}")
    print("\n".join(dict.fromkeys(wrong)))
    return 1 if wrong or not commands else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
