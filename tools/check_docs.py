#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the documentation against the tree.

- Every relative link in a Markdown file leads to a file that exists, and to a heading there.
- docs/adr/README.md lists every record with its title and status.
- docs/man/nat64.yaml.5 describes exactly the keys of config/schema.cpp, with their defaults and
  help: that part of the page is made from the table (`tools/check_docs.py --write`).
- man pages have no warnings, where `man` is installed.
"""

import os
import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True

from check_common import Problem, TreeTest, main, read, report, tree

SCHEMA = "config/schema.cpp"
PAGE = "docs/man/nat64.yaml.5"
RECORDS = "docs/adr"
BEGIN = '.\\" keys: begin, made by tools/check_docs.py --write from config/schema.cpp'
END = '.\\" keys: end'

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
TEXT = r'(?:"(?:\\.|[^"\\])*"\s*)+'
FIELD = re.compile(rf"\.(\w+)\s*=\s*({TEXT}|[\w:]+)")


# ---- links ----


def anchors(text):
    """The anchors that headings get, as GitHub makes them."""
    found = set()
    for heading in re.findall(r"^#+ (.*)$", without_code(text), re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        found.add(re.sub(r"[^\w\- ]", "", plain).replace(" ", "-"))
    return found


def without_code(text):
    return re.sub(r"^```.*?^```", lambda m: "\n" * m[0].count("\n"), text, flags=re.M | re.S)


def check_links(root):
    for path in tree(root):
        if not path.endswith(".md"):
            continue
        for number, line in enumerate(without_code(read(root, path)).split("\n"), 1):
            for target in LINK.findall(line):
                trouble = check_link(root, path, target)
                if trouble:
                    yield Problem(path, number, trouble)


def check_link(root, path, target):
    if re.match(r"[a-z]+:", target):
        return None
    name, _, anchor = target.partition("#")
    other = os.path.normpath(os.path.join(os.path.dirname(path), name)) if name else path
    if not os.path.exists(os.path.join(root, other)):
        return f"no file {other}"
    if anchor and anchor not in anchors(read(root, other)):
        return f"no heading #{anchor} in {other}"
    return None


# ---- decision records ----


def record_row(root, name):
    text = read(root, f"{RECORDS}/{name}")
    title = re.match(r"# \d+: (.*)", text)
    status = re.search(r"^Status: (.*)$", text, re.MULTILINE)
    if not title or not status:
        return None
    return f"| {name[:4]} | [{title[1]}]({name}) | {status[1]} |"


def check_records(root):
    if not os.path.isdir(os.path.join(root, RECORDS)):
        return
    index = read(root, f"{RECORDS}/README.md").split("\n")
    for name in sorted(os.listdir(os.path.join(root, RECORDS))):
        if not re.match(r"\d{4}-.*\.md$", name):
            continue
        row = record_row(root, name)
        if row is None:
            yield Problem(f"{RECORDS}/{name}", 1, "no title `# NNNN: ...` or no `Status:` line")
        elif row not in index:
            yield Problem(f"{RECORDS}/README.md", 1, f"does not list: {row}")


# ---- configuration keys ----


def unquote(text):
    return "".join(re.findall(r'"((?:\\.|[^"\\])*)"', text)).replace('\\"', '"')


def schema_keys(text):
    """The rows of the table, as dicts."""
    for entry in text.split("{.path")[1:]:
        fields = dict(FIELD.findall(".path" + entry.split("\n});")[0]))
        yield {k: unquote(v) if v.startswith('"') else v for k, v in fields.items()}


def escaped(text):
    return text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")


def page_keys(root):
    """The key reference in mdoc."""
    lines = [BEGIN, ".Bl -tag -width Ds"]
    refused = []
    for key in schema_keys(read(root, SCHEMA)):
        if key.get("support") == "Support::NotYet":
            meaning = f" ({key['values']})" if "values" in key else ""
            refused.append(key["path"] + meaning)
            continue
        lines.append(f".It Sy {escaped(key['path'])}")
        lines.append(escaped(sentence(key["help"])))
        if key.get("type") == "Type::Map":
            continue
        if "values" in key:
            lines.append(escaped(sentence(f"Value: {key['values']}")))
        if "default_text" in key:
            lines.append(escaped(sentence(f"Default: {key['default_text']}")))
        if key.get("reload") != "Reload::Yes":
            lines.append("Fixed while nat64 runs.")
    lines += [".El", ".Pp", "Known, but not supported by this version and refused by name,"]
    lines += ["unless the value is the one in parentheses, which says what happens anyway:"]
    lines.append(escaped(", ".join(refused) + "."))
    return [*lines, END]


def sentence(text):
    text = text[0].upper() + text[1:]
    return text if text.endswith(".") else text + "."


def check_keys(root):
    if not os.path.exists(os.path.join(root, PAGE)):
        return
    wanted = page_keys(root)
    lines = read(root, PAGE).split("\n")
    if BEGIN not in lines or END not in lines:
        yield Problem(PAGE, 1, f"no part between `{BEGIN}` and `{END}`")
        return
    first, last = lines.index(BEGIN), lines.index(END)
    have = lines[first : last + 1]
    for offset in range(max(len(have), len(wanted))):
        if have[offset : offset + 1] != wanted[offset : offset + 1]:
            text = f"is not what {SCHEMA} says; run tools/check_docs.py --write"
            yield Problem(PAGE, first + offset + 1, text)
            return


def write_keys(root):
    lines = read(root, PAGE).split("\n")
    lines[lines.index(BEGIN) : lines.index(END) + 1] = page_keys(root)
    with open(os.path.join(root, PAGE), "w", encoding="utf-8") as stream:
        stream.write("\n".join(lines))


# ---- man pages ----


def check_pages(root):
    if not shutil.which("man") or not shutil.which("groff"):
        return
    for path in tree(root):
        if not re.match(r"docs/man/.*\.[1-8]$", path):
            continue
        environment = {**os.environ, "MANROFFSEQ": "", "MANWIDTH": "80", "LC_ALL": "C.UTF-8"}
        done = subprocess.run(
            ["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", os.path.join(root, path)],
            capture_output=True,
            text=True,
            env=environment,
            check=False,
        )
        for warning in done.stderr.strip().split("\n"):
            if warning:
                yield Problem(path, 1, warning)


def check(root, arguments):
    if arguments.write:
        write_keys(root)
        return 0
    checks = (check_links, check_records, check_keys, check_pages)
    problems = [problem for one in checks for problem in one(root)]
    return report("check_docs", problems, "links, records, keys and man pages as they are")


def options(parser):
    parser.add_argument("--write", action="store_true", help=f"refresh the keys in {PAGE}")


class SelfTest(TreeTest):
    def test_links(self):
        root = self.make(
            {
                "a.md": "# One two: `x`\n[b](docs/b.md#deep) [me](#one-two-x) [w](https://x.y)\n",
                "docs/b.md": "## Deep\n```\n# code\n[no](nothing)\n```\n",
            }
        )
        self.assertEqual(list(check_links(root)), [])
        root = self.make({"a.md": "x\n[b](b.md)\n[c](#d)\n"})
        found = [str(p) for p in check_links(root)]
        self.assertEqual(found, ["a.md:2: no file b.md", "a.md:3: no heading #d in a.md"])

    def test_records(self):
        record = "# 0001: Title\n\nStatus: accepted\n"
        row = "| 0001 | [Title](0001-t.md) | accepted |\n"
        good = {f"{RECORDS}/0001-t.md": record, f"{RECORDS}/README.md": row}
        self.assertEqual(list(check_records(self.make(good))), [])
        bad = {**good, f"{RECORDS}/README.md": row.replace("accepted", "open")}
        self.assertEqual(len(list(check_records(self.make(bad)))), 1)
        bad = {**good, f"{RECORDS}/0001-t.md": "no title\n"}
        self.assertEqual(len(list(check_records(self.make(bad)))), 1)

    def test_keys(self):
        schema = (
            '    {.path = "m", .type = Type::Map, .help = "map"},\n'
            '    {.path = "m.a",\n .values = "1",\n .default_text = "\\"1\\"",\n'
            '     .help = "one "\n "two",\n .read = read::limit<&L::x, 1>},\n'
            '    {.path = "n", .help = "no", .support = Support::NotYet},\n'
            '    {.path = "o", .values = "1", .help = "no", .support = Support::NotYet},\n});\n'
        )
        page = f".Dd x\n{BEGIN}\n{END}\n"
        root = self.make({SCHEMA: schema, PAGE: page})
        self.assertEqual(len(list(check_keys(root))), 1)
        write_keys(root)
        self.assertEqual(list(check_keys(root)), [])
        text = read(root, PAGE)
        wanted = [".It Sy m", "Map.", ".It Sy m.a", "One two.", "Value: 1.", 'Default: "1".']
        for line in (*wanted, "n, o (1)."):
            self.assertIn(line, text.split("\n"))
        root = self.make({SCHEMA: schema.replace("two", "three"), PAGE: text})
        self.assertEqual(len(list(check_keys(root))), 1)


if __name__ == "__main__":
    sys.exit(main("check_docs", __doc__, check, options))
