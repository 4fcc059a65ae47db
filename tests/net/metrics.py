#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""metrics.py SOCKET SAMPLE...: whether the metrics of a running farspand are what Prometheus takes, by its own reader, and as it advises to
name them; and whether they have each SAMPLE, a metric with its labels, as in 'farspan_collector_frames_total{session="a"}', perhaps with
" VALUE" behind it."""

import re
import subprocess
import sys

from prometheus_client.parser import text_string_to_metric_families

text = subprocess.run(["curl", "-sf", "--unix-socket", sys.argv[1], "http://farspan/metrics"], check=True, capture_output=True,
                      text=True).stdout
problems = []

# The reader takes more than the server does: order, and what is there twice.
family, families, samples = None, {}, {}
for line in text.splitlines():
    meta = re.fullmatch(r"# (HELP|TYPE) ([a-z][a-z0-9_]*) (.+)", line)
    sample = re.fullmatch(r'([a-z][a-z0-9_]*(?:\{[a-z_]+="[^"\\\n]*"(?:,[a-z_]+="[^"\\\n]*")*\})?) (-?[0-9.e+-]+)', line)
    if meta and meta[1] == "HELP" and meta[2] not in families:
        family = meta[2]
        families[family] = None
    elif meta and meta[1] == "TYPE" and meta[2] == family and not families[family]:
        families[family] = meta[3]
    elif sample and sample[1].split("{")[0] == family and families[family] and sample[1] not in samples:
        samples[sample[1]] = sample[2]
    else:
        problems.append(f"not in its place, or there twice: {line}")

for name, kind in families.items():
    if kind not in ("counter", "gauge"):
        problems.append(f"{name} is a {kind}")
    elif (kind == "counter") != name.endswith("_total"):
        problems.append(f"{name} is a {kind}")
    elif re.search(r"_(sum|count|bucket)$|_(ns|us|ms|s|milliseconds|kb|mb|kilobytes|bits)(_|$)|counter|gauge", name):
        problems.append(f"{name} is a name of something else")

read = {sample.name: family.type for family in text_string_to_metric_families(text) for sample in family.samples}
with_samples = {sample.split("{")[0] for sample in samples}
if set(read) != with_samples or any(families[name] != kind for name, kind in read.items()):
    problems.append(f"read in another way: {set(read) ^ with_samples}")
if len(families) < 30:
    problems.append(f"no more than {len(families)} families")
for wanted in sys.argv[2:]:
    name, _, value = wanted.partition(" ")
    if name not in samples or value not in ("", samples[name]):
        problems.append(f"{wanted} is missing, or is {samples.get(name)}")
print("\n".join(problems))
sys.exit(1 if problems else 0)
