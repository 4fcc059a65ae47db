#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
farspan check on files of every kind of mistake: each NAME.session, and each directory, of tests/data/sessions with what NAME.expected says
of it, to the letter; "..." stands for any end of a line. What is good is accepted without a word.
"""
import glob
import json
import os
import subprocess
import sys

FARSPAN = os.environ["FARSPAN"]
TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "sessions")


def check(*arguments):
    return subprocess.run([FARSPAN, "check", *arguments], capture_output=True, text=True, check=False, cwd=TOP, timeout=20)


def same(expected, got):
    return got.startswith(expected[:-3]) if expected.endswith("...") else got == expected


def compare(path, expected, result):
    """Problems with what was said of one path."""
    got = (result.stdout + result.stderr).split("\n")
    if len(got) != len(expected) or not all(map(same, expected, got)):
        yield f"{path}: expected\n" + "\n".join(expected) + "\ngot\n" + "\n".join(got)
    wrong = any(line and "warning:" not in line and "nothing wrong" not in line for line in expected)
    if result.returncode != wrong:
        yield f"{path}: status {result.returncode}"


def check_json(path, result):
    report = json.loads(check("--json", path).stdout)
    places = [f"{item['file']}:{item['line']}:{item['column']}:" if item["line"] else item["file"] + ":" for item in report["findings"]]
    said = [line for line in result.stderr.split("\n") if line and not line.startswith("  ")]
    if len(said) != len(places) or not all(map(str.startswith, said, places)):
        yield f"{path}: --json has {places}"


def main():
    problems = []
    cases = sorted(glob.glob("bad/*.expected", root_dir=TOP) + glob.glob("sets/*.expected", root_dir=TOP))
    for case in cases:
        path = case.removesuffix(".expected") + (".session" if case.startswith("bad") else "")
        with open(os.path.join(TOP, case), encoding="utf-8") as file:
            expected = file.read().split("\n")
        result = check(path)
        problems += list(compare(path, expected, result)) + list(check_json(path, result))
    good = glob.glob("good/*.session", root_dir=TOP)
    result = check(*good)
    if result.returncode or result.stderr or result.stdout != f"{len(good)} sessions, nothing wrong\n":
        problems.append(f"good: {result.returncode} {result.stdout}{result.stderr}")
    missing = check("nowhere.session")
    if missing.returncode != 1 or missing.stderr != "nowhere.session: No such file or directory\n":
        problems.append(f"missing: {missing}")
    if check("--nonsense").returncode != 2:
        problems.append("an unknown option is accepted")
    print("\n".join(problems))
    return 1 if problems or len(cases) < 15 or len(good) < 3 else 0


if __name__ == "__main__":
    sys.exit(main())
