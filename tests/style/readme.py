#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The commands that README.md shows exist: ./scripts are there and executable, farspan's own commands are in its --help."""
import os
import re
import subprocess
import sys


def main(farspan):
    top = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    help_text = subprocess.run([farspan, "--help"], capture_output=True, text=True, check=True).stdout
    with open(os.path.join(top, "README.md"), encoding="utf-8") as file:
        readme = file.read()
    wrong = []
    scripts = set(re.findall(r"(?<![\w./])\./([a-z][\w/.-]*)", readme))
    commands = set(re.findall(r"\bfarspan ([a-z]+)\b", "\n".join(re.findall(r"```.*?```|`[^`]+`", readme, re.S))))
    links = {link for link in re.findall(r"\]\(([^)#]+)", readme) if "://" not in link}
    wrong += [f"./{name} is no program" for name in scripts if not os.access(os.path.join(top, name), os.X_OK)]
    wrong += [f"farspan {name} is not in --help" for name in commands if not re.search(rf"\b{name}\b", help_text)]
    wrong += [f"{link} does not exist" for link in links if not os.path.exists(os.path.join(top, link))]
    if not scripts or not commands:
        wrong.append("README.md shows no command")
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
