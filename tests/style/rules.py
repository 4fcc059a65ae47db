#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Each rule of tools/style finds the one offence planted for it in a tree that is otherwise clean."""
import os
import shutil
import subprocess
import sys
import tempfile

LICENCE = "/* SPDX-License-Identifier: BSD-2-Clause */\n"
CLEAN = {
    "src/base/clean.h": LICENCE + "int clean(void);\n",
    "src/engine/clean.c": LICENCE + '#include "base/clean.h"\n#include "bpf/abi.h"\n#include <stdio.h>\n',
    "src/wire/clean.c": LICENCE + '#include "wire/clean.h"\n#include <farspan.h>\n#include <string.h>\n',
    "clean.sh": "#!/bin/sh\n# SPDX-License-Identifier: BSD-2-Clause\necho clean\n",
    "man/clean.1.scd": "clean(1)\n\n# NAME\n\nclean - nothing wrong here\n",
}
LONG_FUNCTION = LICENCE + "int f(int a)\n{\n" + "\ta++;\n" * 57 + "\treturn a;\n}\n"
# rule, file, content, what must be said; None: nothing, the offence is just not reached
PLANTED = [
    ("format", "src/base/bad.c", LICENCE + "int  a;\n", "src/base/bad.c:2"),
    ("includes", "src/model/bad.c", LICENCE + '#include "engine/mirror.h"\n', "src/model/bad.c:2"),
    ("includes", "src/record/bad.c", LICENCE + '#include "datapath/ring.h"\n', "src/record/bad.c:2"),
    ("includes", "src/record/bad.c", LICENCE + '#include "bpf/mirror_maps.h"\n', "src/record/bad.c:2"),
    ("includes", "src/wire/bad.c", LICENCE + "#include <stdio.h>\n", "src/wire/bad.c:2"),
    ("includes", "src/wire/bad.c", LICENCE + '#include "base/error.h"\n', "src/wire/bad.c:2"),
    ("includes", "src/engine/bad.c", LICENCE + "# include <bpf/libbpf.h>\n", "src/engine/bad.c:2"),
    ("includes", "src/base/bad.c", LICENCE + '#include "error.h"\n', "src/base/bad.c:2"),
    ("includes", "src/other/bad.c", LICENCE, "src/other/bad.c:1"),
    ("sizes", "src/base/bad.c", LONG_FUNCTION, "src/base/bad.c:2: f() has 61 lines"),
    ("sizes", "src/base/good.c", LONG_FUNCTION.replace("{\n\ta++;\n", "{\n"), None),
    ("sizes", "tests/bad.py", "# SPDX-License-Identifier: BSD-2-Clause\n" + "\n" * 800, "tests/bad.py:1: has 801 lines"),
    ("licence", "src/base/bad.h", "int a;\n", "src/base/bad.h:1"),
    ("licence", "bad", "#!/bin/sh\necho\n", "bad:1"),
    ("words", "README.md", "see /" + "home/me\n", "README.md:1: names a home directory"),
    ("words", "README.md", "end \n", "README.md:1: white space"),
    ("words", "README.md", "end", "README.md:1: no newline"),
    ("words", "src/base/bad.c", LICENCE + "/*" + "x" * 140 + "*/\n", "src/base/bad.c:2: has 144 columns"),
    ("shell", "bad.sh", "#!/bin/sh\n# SPDX-License-Identifier: BSD-2-Clause\ncd x; a=1\n", "bad.sh:3"),
    ("man", "man/bad.1.scd", "bad\n\n# NAME\n", "man/bad.1.scd:1"),
]


def write(top, path, content):
    os.makedirs(os.path.dirname(os.path.join(top, path)), exist_ok=True)
    with open(os.path.join(top, path), "w", encoding="utf-8") as file:
        file.write(content)


def style(tool, top, *rules):
    return subprocess.run([tool, "-C", top, *rules], capture_output=True, text=True, check=False)


def main(tool):
    failed = 0
    here = os.path.dirname(os.path.abspath(tool))
    for rule, path, content, said in [(None, "clean.sh", CLEAN["clean.sh"], None)] + PLANTED:
        with tempfile.TemporaryDirectory() as top:
            shutil.copy(os.path.join(here, "..", ".clang-format"), top)
            for name, text in CLEAN.items():
                write(top, name, text)
            write(top, path, content)
            result = style(tool, top, *([rule] if rule else []))
        if result.returncode == 77:
            print(result.stdout, end="")
            return 77
        good = (result.returncode == 1 and said in result.stdout) if said else (result.returncode == 0 and result.stdout == "")
        if not good:
            print(f"{rule} on {path}: expected {said!r}, got status {result.returncode}: {result.stdout}{result.stderr}")
            failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
