#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""embed.py OUTPUT SHELL FILE...: C source with the files, as src/cli/completion_texts.h has them."""
import json
import sys

output, *pairs = sys.argv[1:]
with open(output, "w", encoding="utf-8") as out:
    print('#include "cli/completion_texts.h"\n\nconst struct completion_text completion_texts[] = {', file=out)
    for shell, path in zip(pairs[::2], pairs[1::2]):
        with open(path, encoding="ascii") as file:
            lines = "\n".join(f"\t {json.dumps(line)}" for line in file)
        print(f'\t{{"{shell}",\n{lines}}},', file=out)
    print("\t{0, 0},\n};", file=out)
