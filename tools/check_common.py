# SPDX-License-Identifier: Apache-2.0
"""What the check_*.py tools share: walking the tree, telling comments from code, reporting."""

import argparse
import os
import re
import sys
import unittest
from dataclasses import dataclass

SKIPPED = {"build", "__pycache__", "subprojects"}
HIDDEN_BUT_OURS = {".ci"}
CPP = (".cpp", ".hpp", ".h", ".c")


@dataclass(frozen=True, order=True)
class Problem:
    path: str
    line: int
    text: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.text}"


def tree(root):
    """Every file of the source tree, relative to root, sorted."""
    found = []
    for directory, names, files in os.walk(root):
        names[:] = sorted(n for n in names if n not in SKIPPED and not hidden(n))
        for name in files:
            found.append(os.path.relpath(os.path.join(directory, name), root))
    return sorted(found)


def hidden(name):
    return name.startswith(".") and name not in HIDDEN_BUT_OURS


def cpp_files(root, *layers):
    """C and C++ files, of these top directories only if any are named."""
    for path in tree(root):
        if path.endswith(CPP) and (not layers or path.split(os.sep)[0] in layers):
            yield path


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as stream:
        return stream.read()


_RAW = r'\bR"(?P<mark>[^(\s]*)\(.*?\)(?P=mark)"'
# A raw string, a string, a character, a line or a block comment, whichever comes first.
_TOKEN = re.compile(
    _RAW
    + r'|"(?:\\.|[^"\\\n])*"'
    + r"|'(?:\\.|[^'\\\n])'"
    + r"|//[^\n]*"
    + r"|/\*.*?\*/",
    re.DOTALL,
)


def code_only(text):
    """The text with comments blanked out; line numbers stay."""
    return _TOKEN.sub(lambda m: _blank(m) if m[0][0] == "/" else m[0], text)


def code_without_strings(text):
    """The text with comments and string literals blanked out; line numbers stay."""
    return _TOKEN.sub(_blank, text)


def without_raw_strings(text):
    """The text without what stands in raw strings, which no tool may break; lines stay."""
    return re.sub(_RAW, lambda m: "\n" * m[0].count("\n"), text, flags=re.DOTALL)


def _blank(match):
    return re.sub(r"[^\n]", " ", match[0])


def report(tool, problems, passed):
    """Prints the problems and one closing line; the exit code."""
    for problem in sorted(problems):
        print(problem)
    if problems:
        print(f"{tool}: {len(problems)} problem{'s' if len(problems) > 1 else ''}")
        return 1
    print(f"{tool}: {passed}")
    return 0


def main(tool, document, check, extend=lambda parser: None):
    """Argument handling of all three tools. check(root, arguments) returns an exit code."""
    parser = argparse.ArgumentParser(
        prog=f"tools/{tool}.py",
        description=document,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    parser.add_argument("--root", default=here, help="the source tree (default: this one)")
    parser.add_argument("--self-test", action="store_true", help="show that it can fail")
    extend(parser)
    arguments = parser.parse_args()
    if arguments.self_test:
        program = unittest.main(module="__main__", argv=[tool], exit=False, verbosity=1)
        return 0 if program.result.wasSuccessful() else 1
    return check(arguments.root, arguments)


class TreeTest(unittest.TestCase):
    """Base of the self-tests: a small source tree in memory, written to a fresh directory."""

    def make(self, files):
        import tempfile

        holder = tempfile.TemporaryDirectory(prefix="n64-check-")
        self.addCleanup(holder.cleanup)
        for path, text in files.items():
            full = os.path.join(holder.name, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "w", encoding="utf-8") as stream:
                stream.write(text)
        return holder.name


sys.dont_write_bytecode = True
