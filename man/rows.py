#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Fills a template with what stands in the tables of the source: commands, options, endpoint types, keys, counters. Manual and completions are
made of such templates, so that a new row appears in both by itself.

usage: man/rows.py SOURCE-DIR TEMPLATE OUTPUT DEPFILE

A line "@@NAME@@" or "@@NAME ARGUMENT@@" of the template is replaced by what the function of that name in FILLERS makes.
"""
import os
import re
import sys
from collections import ChainMap

# How the values of a key are written, by its form in keys.def: for the manual, and to be offered by completions.
FORMS = {
    "number": ("{min}..{max}", ""),
    "numbers": ("{min}..{max}[+FIRST-LAST...]", ""),
    "direction": ("rx|tx", "rx tx"),
    "address": ("ADDRESS", ""),
    "prefixes": ("PREFIX[+PREFIX...]", ""),
    "interface": ("IFACE", "@interface"),
    "granularity": ("100us|100ns", "100us 100ns"),
    "netns": ("NAMESPACE", ""),
    "platform": ("1|3|4|5|6|7", "1 3 4 5 6 7"),
    "flag": ("yes|no", "yes no"),
    "limit": ("{min}..{max}|none", "none"),
    "tos": ("{min}..{max}|inherit", "inherit"),
    "mtu_policy": ("truncate|fragment|drop", "truncate fragment drop"),
    "length_policy": ("truncate|drop", "truncate drop"),
    "tag_type": ("0x8100|0x88a8", "0x8100 0x88a8"),
    "kept": ("all|FIELD[+FIELD...]", "all id index direction hwid sgt vlan cos seq"),
    "choice": ("none|NUMBER[+NUMBER...]", ""),
}
# What completions offer as the value of an option. The rest, and what is not an option, is left to the user.
VALUES = {
    "interface": "@interface",
    "to": "@to",
    "from": "@from",
    "hook": "@file",
    "read": "@file",
    "write": "@file",
    "socket": "@file",
    "direction": "rx tx both",
    "speed": "2x 10x 0.5x",
    "sample": "random: count: flow:",
    "sort": "name frames bits loss state",
    "truncate": "l2 l3 l4",
    "compress": "zstd",
    "fsync": "none rotate",
    "time": "receive source",
    "time-stamp-type": "host adapter",
    "inner": "all fabricpath vntag ttag cmd fcs tag tag_likely",
}
# And for words that are no options.
WORDS = {
    "apply": "@session",
    "check": "@file",
    "completion": "bash zsh sessions",
    "cost": "@session",
    "disable": "@session",
    "doctor": "@file",
    "enable": "@session",
    "export": "@session",
    "import": "@file",
    "show": "@session",
}
SIDES = {"to": ("ENDPOINT_DESTINATION", 0), "from": ("ENDPOINT_SOURCE", 16)}

TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|/\*.*?\*/|//[^\n]*|.', re.S)
LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"')


class Source:
    """The source tree, as far as it has been read."""

    def __init__(self, top):
        self.top = top
        self.texts = {}

    def text(self, path):
        """A file without comments and line continuations."""
        if path not in self.texts:
            with open(os.path.join(self.top, path), encoding="utf-8") as file:
                tokens = TOKEN.findall(file.read())
            self.texts[path] = "".join(" " if token.startswith(("/*", "//")) else token for token in tokens).replace("\\\n", " ")
        return self.texts[path]

    def files(self, folder):
        return [f"{folder}/{name}" for name in sorted(os.listdir(os.path.join(self.top, folder)))]


# ---- reading C ----

def unquote(text):
    return text.replace("\\n", "\n").replace('\\"', '"').replace("\\\\", "\\")


def arguments(text, start):
    """The arguments between the bracket at start and the one that closes it. Strings are put together and unquoted."""
    parts, depth = [""], 0
    for token in TOKEN.findall(text[start:]):
        depth += token in "({"
        depth -= token in ")}"
        if depth == 0:
            break
        if depth == 1 and token == ",":
            parts.append("")
        elif depth > 1 or token not in "({":
            parts[-1] += token
    return ["".join(map(unquote, LITERAL.findall(part))) if '"' in part else " ".join(part.split()) for part in parts]


def rows(text, opening):
    """Every row of a table, a row being whatever stands behind the opening."""
    found = [arguments(text, match.end() - 1) for match in re.finditer(opening, text)]
    if not found:
        sys.exit(f"man/rows.py: no row that starts with {opening}")
    return found


def definition(text, name):
    """The body of a macro."""
    return re.search(rf"^\s*#\s*define\s+{name}\b(?:\([^)]*\))?(.*)$", text, re.M)[1]


class Constants(dict):
    """Values of the enumerations and macros in some C text. Their expressions are also Python's."""

    def __init__(self, text):
        super().__init__()
        self.macros = {name: (parameter, body) for name, parameter, body in
                       re.findall(r"^\s*#\s*define\s+(\w+)(?:\((\w+)\))?\s+(\S.*)$", text, re.M)}
        for body in re.findall(r"\benum\b\s*\w*\s*\{([^{}=#]*)\}", text):
            self.update((name, number) for number, name in enumerate(re.findall(r"\w+", body)))

    def __missing__(self, name):
        parameter, body = self.macros[name]
        if not parameter:
            return self.value(body)
        return lambda argument: self.value(body, {parameter: argument})

    def value(self, expression, scope=None):
        expression = re.sub(r"\b(\d+)u\b", r"\1", expression)
        return eval(expression, {"__builtins__": {}}, ChainMap(scope or {}, self)) # pylint: disable=eval-used


# ---- the tables ----

def commands(source):
    return [(name, help_text) for name, _, help_text in rows(source.text("src/cli/main.c"), r"\{(?=\"\w+\", cmd_)")]


def command_texts(source, command):
    """The files of a command, the headers of src/cli that they include, and what commands share that have their options in common."""
    paths = [path for path in source.files("src/cli")
             if re.search(rf"/{command}_\w+\.[ch]$", path) or f"\nint cmd_{command}(" in source.text(path)]
    for path in list(paths):
        paths += ["src/" + name for name in re.findall(r'#include "(cli/\w+\.h)"', source.text(path)) if "src/" + name not in paths]
    paths += [path[:-1] + "c" for path in paths if path.endswith("_command.h")]
    return "\n".join(source.text(path) for path in paths)


def help_of(text):
    """What --help says of each option, first line only."""
    lines = unquote("\n".join(LITERAL.findall(text))).split("\n")
    found = [re.match(r" +(?:(-\w)(?:, |  ))?(--[\w-]+)?(?: ?[A-Z]\S*)?  +(\S.*)", line) for line in lines]
    return {name: match[3] for match in found if match for name in (match[2] or match[1],) if name}


def options(source, command):
    """Rows (letter, name, takes a value, help), the letter being empty if there is none."""
    text = command_texts(source, command)
    found = re.findall(r'\{\s*"([\w-]+)",\s*(no|required|optional)_argument,\s*NULL,\s*(\S+?)\s*\}', text)
    said = help_of(text)
    return [("-" + value[1] if value[0] == "'" else "", "--" + name, takes != "no", said.get("--" + name, ""))
            for name, takes, value in found]


def endpoint_constants(source):
    return Constants("\n".join(map(source.text, ("include/farspan.h", "src/model/endpoint.h", "src/model/endpoint.c"))))


def types(source, side):
    """Rows (name, bits, help) of the endpoint types of a side."""
    constants = endpoint_constants(source)
    table = source.text("src/model/endpoint.c").split("endpoint_types[] = {")[1].split("};")[0]
    wanted = 1 << constants[SIDES[side][0]]
    return [(name, constants.value(kinds), help_text) for name, kinds, sides, help_text in rows(table, r"\{(?=\")")
            if constants.value(sides) & wanted]


def file_keys(source, side):
    """As keys(), by the names in files."""
    return keys(source, side, 2)


def keys(source, side, column=1):
    """Rows (name, form, minimum, maximum, default, names of types, help)."""
    constants = endpoint_constants(source)
    found = []
    for row in rows(source.text("src/model/keys.def"), r"\bKEY\("):
        name, (form, least, most, default, taken_by, help_text) = row[column], row[4:10]
        bits = constants.value(taken_by) >> SIDES[side][1] & 0xffff
        names = [type_name for type_name, kinds, _ in types(source, side) if kinds & bits]
        default = default.split("; as source: ")
        if names:
            found.append((name, form, least, most, default[-1 if side == "from" else 0], names, help_text))
    return found


def match_keys(source, half, column):
    """Rows as keys() has them, without types, of one half of a rule: "from" is what it takes, "to" what it sets."""
    constants = endpoint_constants(source)
    ours = constants.value("KIND_MATCH")
    taken = ours if half == "to" else ours | constants.value("KINDS_ALL")
    for row in rows(source.text("src/model/keys.def"), r"\bKEY\("):
        form, (least, most, default, taken_by, help_text) = row[4], row[5:10]
        if row[0] not in ("marker", "port", "from_vrf") and constants.value(taken_by) >> SIDES[half][1] & taken:
            yield row[column], form, least, most, default, help_text


# How the values of session keys are written, by their form in session_keys.def, where it is not the help that says so.
SESSION_FORMS = {
    "text": "TEXT",
    "string": "TEXT",
    "flag": "yes|no",
    "unless": "yes|no",
    "number": "NUMBER",
    "interfaces": "IFACE...",
    "name": "IFACE",
    "direction": "rx|tx|both",
    "on_crash": "continue|stop",
    "netns": "NAMESPACE",
    "vlans": "LIST",
    "cpus": "LIST",
    "inner": "LIST",
    "time_stamp_type": "host|adapter",
    "sample": "N",
    "rate": "RATE",
    "burst": "TIME",
    "truncate": "LENGTH",
    "size": "SIZE",
    "listen": "[ADDRESS:]PORT",
    "compress": "zstd",
    "sync": "none|rotate|SECONDS",
}


def session_keys(source, part):
    """Rows (name in files, value, default, help) of the keys of a part."""
    return [(row[2], SESSION_FORMS[row[4]], row[8], row[9])
            for row in rows(source.text("src/model/session_keys.def"), r"\bSESSION_KEY\(") if row[3] == part]


def mirror_counters(source):
    return rows(source.text("src/bpf/counters.def"), r"\bCOUNTER\(")


def collect_counters(source):
    reasons = rows(definition(source.text("include/farspan.h"), "FARSPAN_REASONS"), r"\bX\(")
    return (rows(definition(source.text("src/engine/collect.h"), "COLLECT_COUNTERS"), r"\bX\(") +
            [(name, "refused", text) for name, text in reasons if name != "ok"])


def decoded_fields(source):
    """Names of what farspan decode shows, in its order."""
    table = source.text("src/cli/decoded.c").split("struct row rows[] = {")[1].split("};")[0]
    return [row[0] for row in rows(table, r"\b(?:ROW|QUIET|ROW_AS)\(")]


# ---- the manual ----

def escape(text):
    return re.sub(r"([\\*_`#])", r"\\\1", text)


def sentence(text):
    return text[0].upper() + text[1:] + "."


def manual_types(source, side):
    for name, _, help_text in types(source, side):
        yield f"*{escape(name)}*\n\t{escape(sentence(help_text))}\n"


def manual_file_keys(source, side):
    return manual_keys(source, side, file_keys)


def manual_session_keys(source, part):
    for name, value, default, help_text in session_keys(source, part):
        yield f"*{escape(name)}*=_{escape(value)}_\n\t{sentence(help_text)} Default: {escape(default)}.\n"


def manual_keys(source, side, table=keys):
    every = {name for _, _, _, _, _, names, _ in table(source, side) for name in names}
    for name, form, least, most, default, names, help_text in table(source, side):
        value = FORMS[form][0].format(min=least, max=most)
        of = "every type" if set(names) == every else ", ".join(names)
        yield f"*{escape(name)}*=_{escape(value)}_\n\t{escape(sentence(help_text))} Default: {escape(default)}. Of {of}.\n"


def manual_match_keys(column):
    def fill(source, half):
        for name, form, least, most, _, help_text in match_keys(source, half, column):
            value = FORMS[form][0].format(min=least, max=most)
            name = ("Set" if column == 2 and half == "to" and name != "To" else "") + name
            yield f"*{escape(name)}*=_{escape(value)}_\n\t{escape(sentence(help_text))}\n"
    return fill


def manual_counters(table):
    def fill(source, wanted):
        found = [(name, text) for name, kind, text in table(source) if kind == wanted]
        if not found:
            sys.exit(f"man/rows.py: no counter of the class {wanted}")
        for name, text in found:
            yield f"*{escape(name)}*\n\t{escape(sentence(text))}\n"
    return fill


def manual_fields(source, _):
    yield ", ".join(f"*{escape(name)}*" for name in decoded_fields(source)) + "."


# ---- completions ----

def shell_quote(text):
    return "'" + text.replace("'", "'\\''") + "'"


def case(pattern, words):
    return f"\t{pattern}) echo {shell_quote(' '.join(words))} ;;"


def shell_table(source, _):
    """Lines of a case in bash and zsh that answer with words."""
    yield case("commands", [name for name, _ in commands(source)])
    for command, _ in commands(source):
        table = options(source, command)
        yield case(f"options:{command}", [word for letter, name, _, _ in table for word in (letter, name) if word])
        yield case(f"valued:{command}", [word for letter, name, takes, _ in table if takes for word in (letter, name) if word])
        if command in WORDS:
            yield case(f"words:{command}", [WORDS[command]])
        for letter, name, takes, _ in table:
            if takes and name[2:] in VALUES:
                yield case("|".join(f"value:{command}:{word}" for word in (letter, name) if word), [VALUES[name[2:]]])
    for side in SIDES:
        yield case(f"types:{side}", [name for name, _, _ in types(source, side)])
        for type_name, _, _ in types(source, side):
            mine = [row for row in keys(source, side) if type_name in row[5]]
            yield case(f"keys:{side}:{type_name}", [row[0] for row in mine])
            for name, form, *_ in mine:
                if FORMS[form][1]:
                    yield case(f"key:{side}:{type_name}:{name}", [FORMS[form][1]])


def shell_help(source, _):
    """Lines of a case in zsh that answer with lines WORD:HELP."""
    yield "\tcommands) print -l " + " ".join(shell_quote(f"{name}:{text}") for name, text in commands(source)) + " ;;"
    for command, _ in commands(source):
        words = [shell_quote(f"{word}:{text}") for letter, name, _, text in options(source, command) for word in (letter, name) if word]
        yield f"\toptions:{command}) print -l -- {' '.join(words)} ;;"


FILLERS = {
    "types": manual_types,
    "keys": manual_keys,
    "file-keys": manual_file_keys,
    "match-keys": manual_match_keys(1),
    "match-file-keys": manual_match_keys(2),
    "session-keys": manual_session_keys,
    "mirror-counters": manual_counters(mirror_counters),
    "collect-counters": manual_counters(collect_counters),
    "decoded-fields": manual_fields,
    "shell-table": shell_table,
    "shell-help": shell_help,
}


def main(top, template, output, depfile):
    source = Source(top)
    with open(template, encoding="utf-8") as file:
        lines = file.read().split("\n")
    for number, line in enumerate(lines):
        place = re.fullmatch(r"@@([\w-]+)(?: ([\w-]+))?@@", line)
        if place:
            lines[number] = "\n".join(FILLERS[place[1]](source, place[2])).rstrip("\n")
    with open(output, "w", encoding="utf-8") as file:
        file.write("\n".join(lines))
    with open(depfile, "w", encoding="utf-8") as file:
        print(f"{output}: {os.path.abspath(__file__)} " + " ".join(os.path.join(top, path) for path in source.texts), file=file)


if __name__ == "__main__":
    main(*sys.argv[1:])
