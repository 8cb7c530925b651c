#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Checks docs/rfc-map.md against the code and the tests.

Every `RFC n §s` (and `RFC n REQ-m`) that a comment in core, backends or platform cites has
exactly one row; every row is cited by somebody, names one file that exists, and one or more
tests that exist: `RFC 6146 §3.8:` is the beginning of a TEST_CASE name, `stress/hairpin` a
scenario. docs/rfc-compliance.md is checked for its tests as well: nothing may count as done by
a test that is not there.

    tools/check_rfc_map.py --missing    prints rows for what has none, ready to paste
"""

import os
import re
import sys
from collections import defaultdict

sys.dont_write_bytecode = True

from check_common import Problem, TreeTest, cpp_files, main, read, report

MAP = "docs/rfc-map.md"
COMPLIANCE = "docs/rfc-compliance.md"
SECURITY = "docs/security.md"
CITING = ("core", "backends", "platform")
DONE = ("✅", "⚠️")

SECTION = r"§\d+(?:\.\d+)*"
REQUIREMENT = r"REQ-\d+"
# "RFC 6146 §3.4, §3.5 and §3.6", "RFC 6146 §3.4-§3.8" and "RFC 5508 REQ-2" name all they show.
CITATION = re.compile(
    rf"RFC (\d+) ((?:{SECTION}|{REQUIREMENT})"
    rf"(?:(?:, | and |, and | to | or |-)(?:{SECTION}|{REQUIREMENT}))*)"
)
TEST_CASE = re.compile(
    r'TEST_CASE(?:_FIXTURE\(\s*\w+\s*,|_TEMPLATE\(|\()\s*' r'((?:"(?:\\.|[^"\\])*"\s*)+)'
)
ROW = re.compile(r"^\|\s*RFC (\d+) (§[\d.]+|REQ-\d+)\s*\|([^|]*)\|([^|]*)\|([^|]*)\|\s*$")
TICKED = re.compile(r"`([^`]+)`")


def key_order(key):
    number, what = key
    return int(number), [int(n) for n in re.findall(r"\d+", what)]


def joined(text):
    """Comments that a line break cuts in two, made whole."""
    return re.sub(r"[ \t]*\n[ \t]*//[/!]?<?[ \t]*", " ", text)


def citations(root):
    """(rfc, section) -> [(path, line)]."""
    found = defaultdict(list)
    for path in cpp_files(root, *CITING):
        for match in CITATION.finditer(joined(read(root, path))):
            for what in re.findall(rf"{SECTION}|{REQUIREMENT}", match[2]):
                found[match[1], what].append((path, 0))
    return {key: [(p, line_of(root, p, key)) for p, _ in where] for key, where in found.items()}


def line_of(root, path, key):
    """The first line that shows the section, for the message."""
    for number, line in enumerate(read(root, path).split("\n"), 1):
        if re.search(re.escape(key[1]) + r"(?![\d.]*\d)", line):
            return number
    return 1


def tests(root):
    """The names of all test cases, scenarios as stress/name, fuzz targets as fuzz/name."""
    names = set()
    for path in cpp_files(root, "tests"):
        for match in TEST_CASE.finditer(read(root, path)):
            names.add("".join(re.findall(r'"((?:\\.|[^"\\])*)"', match[1])))
    directory = os.path.join(root, "stress", "scenarios")
    if os.path.isdir(directory):
        names |= {f"stress/{f[:-3]}" for f in os.listdir(directory) if f.endswith(".py")}
    directory = os.path.join(root, "fuzz", "corpus")
    if os.path.isdir(directory):
        names |= {f"fuzz/{target}" for target in os.listdir(directory)}
    return names


def exists(name, known):
    if name.startswith(("stress/", "fuzz/")):
        return name in known
    return any(test.startswith(name) for test in known)


def check_map(root, cited, known):
    rows = {}
    lines = read(root, MAP).split("\n") if os.path.exists(os.path.join(root, MAP)) else []
    for number, line in enumerate(lines, 1):
        match = ROW.match(line)
        if not match:
            if re.match(r"^\|\s*RFC \d", line):
                yield Problem(MAP, number, "row is not `| RFC n §s | rule | file | tests |`")
            continue
        key = match[1], match[2]
        if key in rows:
            yield Problem(MAP, number, f"RFC {key[0]} {key[1]} has a row already, line {rows[key]}")
        rows[key] = number
        yield from check_row(root, number, key, match[4], match[5], cited, known)
    for key in sorted(cited.keys() - rows.keys(), key=key_order):
        path, line = cited[key][0]
        yield Problem(path, line, f"RFC {key[0]} {key[1]} has no row in {MAP}")


def check_row(root, number, key, file_cell, test_cell, cited, known):
    if key not in cited:
        yield Problem(MAP, number, f"nobody cites RFC {key[0]} {key[1]}")
    files = TICKED.findall(file_cell)
    if len(files) != 1:
        yield Problem(MAP, number, f"{len(files)} files, one is wanted")
    for path in files:
        if not os.path.isfile(os.path.join(root, path)):
            yield Problem(MAP, number, f"no file {path}")
    named = TICKED.findall(test_cell)
    if not named:
        yield Problem(MAP, number, "no test")
    for name in named:
        if not exists(name, known):
            yield Problem(MAP, number, f"no test '{name}'")


def check_claims(root, page, known):
    """A row that claims ✅ or ⚠️ names tests that exist; ✅ names at least one."""
    if not os.path.exists(os.path.join(root, page)):
        return
    for number, line in enumerate(read(root, page).split("\n"), 1):
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|") or len(cells) < 2 or cells[-2] not in (*DONE, "❌", "–"):
            continue
        named = TICKED.findall(cells[-1])
        if cells[-2] == "✅" and not named:
            yield Problem(page, number, "✅ without a test")
        for name in named:
            if not exists(name, known):
                yield Problem(page, number, f"no test '{name}'")


def missing_rows(root, cited, known):
    lines = read(root, MAP) if os.path.exists(os.path.join(root, MAP)) else ""
    have = {(m[1], m[2]) for m in map(ROW.match, lines.split("\n")) if m}
    for key in sorted(cited.keys() - have, key=key_order):
        places = [path for path, _ in cited[key]]
        sources = [path for path in places if path.endswith(".cpp")] or places
        path = max(sorted(set(sources)), key=sources.count)
        prefix = f"RFC {key[0]} {key[1]}"
        fitting = [t for t in known if re.match(re.escape(prefix) + r"(?![.\d])", t)]
        test = f"`{prefix}`" if fitting else "?"
        yield f"| {prefix} | ? | `{path}` | {test} |"


def check(root, arguments):
    cited, known = citations(root), tests(root)
    if arguments.missing:
        for row in missing_rows(root, cited, known):
            print(row)
        return 0
    problems = [*check_map(root, cited, known)]
    for page in (COMPLIANCE, SECURITY):
        problems += check_claims(root, page, known)
    return report("check_rfc_map", problems, f"{len(cited)} cited rules, each has its test")


def options(parser):
    parser.add_argument("--missing", action="store_true", help="print the rows that are missing")


class SelfTest(TreeTest):
    TREE = {
        "core/a.cpp": "// RFC 1 §2.3: do it (RFC\n// 1 §4, §5 and RFC 2 REQ-7).\n",
        "tests/a_test.cpp": 'TEST_CASE("RFC 1 §2.3: it is "\n          "done") {}\n',
        "stress/scenarios/b.py": "",
        MAP: "| rule | what | file | tests |\n|---|---|---|---|\n"
        "| RFC 1 §2.3 | do it | `core/a.cpp` | `RFC 1 §2.3:` |\n"
        "| RFC 1 §4 | x | `core/a.cpp` | `stress/b` |\n"
        "| RFC 1 §5 | x | `core/a.cpp` | `stress/b` |\n"
        "| RFC 2 REQ-7 | x | `core/a.cpp` | `RFC 1 §2.3: it is done` |\n",
        COMPLIANCE: "| 1 | x | ✅ | `stress/b` |\n| 2 | x | ❌ | |\n",
    }

    def problems(self, **changes):
        files = dict(self.TREE)
        for path, (old, new) in changes.items():
            path = {"map": MAP, "code": "core/a.cpp", "done": COMPLIANCE}[path]
            self.assertIn(old, files[path])
            files[path] = files[path].replace(old, new)
        root = self.make(files)
        cited, known = citations(root), tests(root)
        found = [*check_map(root, cited, known), *check_claims(root, COMPLIANCE, known)]
        return [str(p) for p in found]

    def refused(self, why, **changes):
        found = self.problems(**changes)
        self.assertTrue(any(why in text for text in found), found)

    def test_a_good_tree_is_accepted(self):
        self.assertEqual(self.problems(), [])

    def test_citation_without_row(self):
        self.refused("core/a.cpp:2: RFC 1 §5 has no row", map=("| RFC 1 §5 |", "| RFC 1 §6 |"))
        self.refused("RFC 1 §2 has no row", code=("§2.3", "§2"))

    def test_row_without_citation(self):
        self.refused("nobody cites RFC 1 §5", code=(", §5", ""))

    def test_two_rows(self):
        self.refused("has a row already", map=("RFC 1 §5", "RFC 1 §4"))

    def test_missing_file(self):
        self.refused("no file core/b.cpp", map=("`core/a.cpp`", "`core/b.cpp`"))
        self.refused("0 files", map=("`core/a.cpp`", "core/a.cpp"))

    def test_missing_test(self):
        self.refused("no test 'RFC 1 §9", map=("`RFC 1 §2.3:`", "`RFC 1 §9:`"))
        self.refused("no test 'stress/c'", map=("`stress/b`", "`stress/c`"))
        self.refused("no test", map=("`stress/b`", ""))

    def test_malformed_row(self):
        self.refused("row is not", map=("| RFC 1 §5 | x |", "| RFC 1 §5, §6 | x |"))

    def test_compliance_needs_tests(self):
        self.refused("✅ without a test", done=("`stress/b`", ""))
        self.refused("no test 'stress/c'", done=("`stress/b`", "`stress/c`"))

    def test_missing_rows_are_printed(self):
        root = self.make({k: v for k, v in self.TREE.items() if k != MAP})
        rows = list(missing_rows(root, citations(root), tests(root)))
        self.assertEqual(rows[0], "| RFC 1 §2.3 | ? | `core/a.cpp` | `RFC 1 §2.3` |")
        self.assertEqual(rows[3], "| RFC 2 REQ-7 | ? | `core/a.cpp` | ? |")


if __name__ == "__main__":
    sys.exit(main("check_rfc_map", __doc__, check, options))
