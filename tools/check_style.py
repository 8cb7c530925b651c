#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Checks what neither the compiler nor clang-format sees.

Every source file: SPDX line first, no tabs, no blanks at a line's end, one newline at the end
of the file, lines of at most 96 columns in C++ and 100 in Python and shell (characters, not
bytes), nothing that only makes sense on one machine or in one tracker. C++ besides: snake_case
file names, `#pragma once` in headers, no `using namespace` in headers but for literals, 1 to 15
lines of prose below the SPDX line (none in a test, or in the .cpp of a header that has them).
A line that has a good reason to differ says so, on it or the line before: `style: reason`.
Clang-tidy is silenced for one check by name and with a reason: `NOLINT(check): reason`.
"""

import os
import re
import sys

sys.dont_write_bytecode = True

from check_common import CPP, Problem, TreeTest, code_without_strings, main, read, report
from check_common import tree, without_raw_strings

SPDX = "SPDX-License-Identifier: "
LICENCES = ("Apache-2.0", "(BSD-2-Clause OR GPL-2.0-only)")
WIDTH = {"cpp": 96, "script": 100}
PROSE_MOST = 15
# GitHub-flavoured and legal text, data and configuration of other programs are not judged.
UNJUDGED = ("LICENSE", ".md", ".pcap", ".pcapng", ".bin", ".json", ".map", ".txt")
NAME = re.compile(r"^[a-z0-9_]+(\.bpf)?\.(cpp|hpp|c|h)$")
ALLOWED = re.compile(r"style:\s*\S+")
SILENCED = re.compile(r"//\s*NOLINT(?!END)\w*(?!\w*\([\w*.,\s-]+\): \S)")

# What must not stand anywhere, documentation included. Written so that this file is clean.
FORBIDDEN = [
    (re.compile(r"(?<![\w.])/(?:work|home/\w+|root|tmp/bash_jobs\S*)/"), "path of one machine"),
    (
        re.compile(
            r"\b(?:registry\.npmjs|pypi|files\.pythonhosted|deb\.debian|crates|proxy\.golang)"
            r"\.(?:org|io)\b"
        ),
        "host of a package registry",
    ),
    (re.compile(r"\bissue\s+" r"#\d", re.IGNORECASE), "number of an issue"),
    (re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b(?!\(#\d+\))"), "open task without a number"),
]


def kind_of(path, text):
    """cpp, script, build, text or None (not judged)."""
    name = os.path.basename(path)
    if name == "rules":  # a makefile, which needs tabs
        return "text"
    if path.endswith(CPP):
        return "cpp"
    if path.endswith((".py", ".sh")) or text.startswith("#!"):
        return "script"
    if name == "meson.build":
        return "build"
    if path.endswith(UNJUDGED) or "/man/" in f"/{path}" or name.startswith("."):
        return "text"
    return None


def is_allowed(lines, index):
    return any(ALLOWED.search(line) for line in lines[max(0, index - 1) : index + 1])


def check_lines(path, kind, lines, code):
    """`code` is the lines without raw strings, which may have tabs and be long."""
    width = WIDTH.get(kind)
    for index, line in enumerate(lines):
        if width and len(code[index]) > width and "http" not in line:
            yield index, f"{len(line)} columns, {width} are allowed"
        if "\t" in code[index] and kind != "text":
            yield index, "tab"
        if line != line.rstrip() and not path.endswith(".md"):
            yield index, "blanks at the end of the line"
        for pattern, what in FORBIDDEN:
            match = pattern.search(line)
            if match:
                yield index, f"{what}: '{match[0]}'"


def check_spdx(lines):
    index = 1 if lines[0].startswith("#!") else 0
    line = lines[index] if index < len(lines) else ""
    if SPDX not in line:
        yield index, "the SPDX line comes first"
    elif line.split(SPDX)[1].removesuffix(" */").strip() not in LICENCES:
        yield index, f"licence is none of {', '.join(LICENCES)}"


def check_cpp(path, lines, code, has_header):
    name = os.path.basename(path)
    if not NAME.match(name):
        yield 0, f"file name '{name}' is not snake_case"
    prose = 0
    while prose + 1 < len(lines) and lines[prose + 1].startswith("//"):
        prose += 1
    header = path.endswith((".hpp", ".h"))
    least = 0 if has_header or path.startswith("tests/") and not header else 1
    # A .h is shared with C and says it in a block comment.
    if not path.endswith(".h") and not least <= prose <= PROSE_MOST:
        yield 1, f"{prose} lines of prose below the SPDX line, not {least} to {PROSE_MOST}"
    if header and "#pragma once" not in lines:
        yield 0, "no #pragma once"
    for index, line in enumerate(lines):
        if SILENCED.search(line):
            yield index, "NOLINT without the name of a check and a reason"
    for index, line in enumerate(code):
        if header and re.match(r"\s*using namespace (?!std::\w*literals;)", line):
            yield index, "using namespace in a header"


def check_file(path, text, has_header=False):
    kind = kind_of(path, text)
    if kind is None or not text:
        return []
    lines = text.split("\n")
    code = without_raw_strings(text).split("\n") if kind == "cpp" else lines
    found = list(check_lines(path, kind, lines, code))
    if kind in ("cpp", "script", "build"):
        found += check_spdx(lines)
        if lines[-1] or (len(lines) > 1 and not lines[-2]):
            found.append((len(lines) - 1, "the file does not end in one newline"))
    if kind == "cpp":
        found += check_cpp(path, lines, code_without_strings(text).split("\n"), has_header)
    return [Problem(path, i + 1, text) for i, text in found if not is_allowed(lines, i)]


def check(root, _arguments):
    problems = []
    count = 0
    paths = tree(root)
    for path in paths:
        try:
            text = read(root, path)
        except UnicodeDecodeError:
            continue  # captures and other data
        has_header = path.endswith(".cpp") and path[:-3] + "hpp" in paths
        problems += check_file(path.replace(os.sep, "/"), text, has_header)
        count += 1
    return report("check_style", problems, f"{count} files as agreed")


HEADER = "// SPDX-License-Identifier: Apache-2.0\n// What lives here.\n#pragma once\n"
SOURCE = "// SPDX-License-Identifier: Apache-2.0\n// What lives here.\n"


class SelfTest(TreeTest):
    def refused(self, path, text, why):
        found = [p.text for p in check_file(path, text)]
        self.assertEqual(len(found), 1, found)
        self.assertIn(why, found[0])

    def test_good_files_are_accepted(self):
        self.assertEqual(check_file("core/a_b.hpp", HEADER + "int x;\n"), [])
        self.assertEqual(check_file("core/a_b.cpp", SOURCE + "int x;\n"), [])
        script = "#!/bin/bash\n# SPDX-License-Identifier: Apache-2.0\n"
        self.assertEqual(check_file("tools/x", script), [])

    def test_spdx_line(self):
        self.refused("core/a.cpp", "\n// What lives here.\n", "SPDX line comes first")
        self.refused("core/a.cpp", SOURCE.replace("Apache-2.0", "MIT"), "licence is none of")
        self.refused("tools/x", "#!/bin/bash\nset -e\n", "SPDX line comes first")

    def test_names(self):
        self.refused("core/AbC.cpp", SOURCE, "snake_case")
        self.refused("core/a-b.cpp", SOURCE, "snake_case")

    def test_pragma_once(self):
        self.refused("core/a.hpp", HEADER.replace("#pragma once\n", "int x;\n"), "pragma once")

    def test_prose(self):
        self.refused("core/a.cpp", SOURCE.split("\n")[0] + "\nint x;\n", "0 lines of prose")
        self.refused("core/a.cpp", SOURCE + "// more\n" * 15, "16 lines of prose")
        self.refused("tests/a.hpp", HEADER.replace("// What lives here.\n", ""), "0 lines of prose")
        bare = SOURCE.split("\n")[0] + "\nint x;\n"
        self.assertEqual(check_file("core/a.cpp", bare, has_header=True), [])
        self.assertEqual(check_file("tests/a_test.cpp", bare), [])

    def test_width_counts_characters(self):
        self.assertEqual(check_file("core/a.cpp", SOURCE + "//" + "§" * 94 + "\n"), [])
        self.refused("core/a.cpp", SOURCE + "//" + "§" * 95 + "\n", "97 columns")

    def test_white_space(self):
        self.refused("core/a.cpp", SOURCE + "\tint x;\n", "tab")
        raw = 'auto s = R"x(a\n\tb ")\n' + "c" * 100 + '\n)x";\n'
        self.assertEqual(check_file("core/a.cpp", SOURCE + raw), [])
        self.refused("core/a.cpp", SOURCE + "int x; \n", "blanks")
        self.refused("core/a.cpp", SOURCE + "int x;", "one newline")
        self.refused("core/a.cpp", SOURCE + "int x;\n\n", "one newline")

    def test_using_namespace(self):
        self.refused("core/a.hpp", HEADER + "using namespace std;\n", "using namespace")
        self.assertEqual(check_file("core/a.hpp", HEADER + "// using namespace std;\n"), [])
        literals = "using namespace std::chrono_literals;\n"
        self.assertEqual(check_file("core/a.hpp", HEADER + literals), [])

    def test_silenced_checks(self):
        for lint in ("NOLINT", "NOLINT: why", "NOLINT(a-check)", "NOLINTNEXTLINE(a-check):"):
            self.refused("core/a.cpp", SOURCE + f"int x; // {lint}\n", "name of a check")
        for lint in ("NOLINT(a-b): why", "NOLINTBEGIN(a-b, c-d): why", "NOLINTEND(a-b, c-d)"):
            self.assertEqual(check_file("core/a.cpp", SOURCE + f"int x; // {lint}\n"), [])

    def test_forbidden_words(self):
        for word, why in (
            ("/wo" "rk/main/x", "path of one machine"),
            ("registry.npmjs" ".org", "host of a package registry"),
            ("is" "sue #12", "number of an issue"),
            ("TO" "DO: later", "open task"),
        ):
            self.refused("core/a.cpp", SOURCE + f"// {word}\n", why)
            self.refused("docs/x.md", f"see {word}\n", why)
        self.assertEqual(check_file("core/a.cpp", SOURCE + "// TO" "DO(#7): later\n"), [])

    def test_a_reason_allows_it(self):
        self.assertEqual(check_file("core/a.cpp", SOURCE + "\tint x; // style: table\n"), [])


if __name__ == "__main__":
    sys.exit(main("check_style", __doc__, check))
