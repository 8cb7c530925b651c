#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Completion: what `nat64 --help` and `nat64 VERB --help` show is what the shells complete.

    completion_test.py NAT64

bash and fish run for real. zsh runs the function with its own helpers (_arguments, _describe)
replaced by ones that print what they were given.
"""

import os
import re
import subprocess
import sys
import tempfile
import unittest

NAT64 = sys.argv.pop(1)


def run(*argv, **options):
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, **options)
    assert done.returncode == 0, f"{argv}: {done.stderr}"
    return done.stdout


def verbs():
    listed = run(NAT64, "--help").split("Subcommands:\n")[1]
    return re.findall(r"^  (\S+)", listed, re.M)


def options_of(verb):
    """Every option that the help of `verb` lists, as {name: what its value is called}."""
    listed = run(NAT64, verb, "--help").partition("Options:\n")[2]
    found = {}
    for names, value in re.findall(r"^  (-\S+)(?: (\S+))?", listed, re.M):
        found.update({name: value for name in names.split(",")})
    return found


def choices(text):
    return text.split("|") if re.fullmatch(r"[a-z0-9-]+(\|[a-z0-9-]+)+", text) else []


class Completion(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.TemporaryDirectory()
        cls.scripts = {}
        for shell in ("bash", "zsh", "fish"):
            cls.scripts[shell] = os.path.join(cls.dir.name, shell)
            with open(cls.scripts[shell], "w", encoding="utf-8") as stream:
                stream.write(run(NAT64, "generate", shell))

    @classmethod
    def tearDownClass(cls):
        cls.dir.cleanup()

    def bash(self, *words):
        quoted = " ".join(f"'{word}'" for word in words)
        script = (
            f"source '{self.scripts['bash']}'; COMP_WORDS=(nat64 {quoted}); "
            f"COMP_CWORD={len(words)}; _nat64; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        )
        said = run("bash", "--norc", "-c", script, cwd=self.dir.name)
        return set(said.split())

    def fish(self, line):
        script = f"source {self.scripts['fish']}; complete -C '{line}'"
        said = run("fish", "--no-config", "-c", script, cwd=self.dir.name)
        return {row.split("\t")[0] for row in said.splitlines()}

    def zsh(self, *words):
        stubs = (
            "_arguments() { print -rl -- \"$@\" }; _describe() { print -rl -- ${(P)2} };"
            "compdef() { }; compadd() { print -rl -- \"$@\" };"
        )
        quoted = " ".join(f"'{word}'" for word in ("nat64", *words))
        script = (
            f"{stubs} source {self.scripts['zsh']}; words=({quoted});"
            f" CURRENT={len(words) + 1}; _nat64"
        )
        return run("zsh", "-f", "-c", script)

    def test_bash_completes_verbs_and_every_option(self):
        self.assertEqual(self.bash(""), {*verbs(), "--help", "--version"})
        for verb in verbs():
            self.assertEqual(self.bash(verb, "-"), set(options_of(verb)), verb)

    def test_bash_completes_values(self):
        for verb in verbs():
            for name, value in options_of(verb).items():
                if choices(value):
                    self.assertEqual(self.bash(verb, name, ""), set(choices(value)), name)
        self.assertEqual(self.bash("show", "--protocol", "t"), {"tcp"})
        self.assertEqual(self.bash("check", "-c", "ba"), {"bash"}, "a file")
        self.assertEqual(self.bash("show", "--client", ""), set(), "a prefix is the person's")
        self.assertLessEqual({"status", "sessions"}, self.bash("show", ""))
        self.assertIn("fish", self.bash("replay", "f"), "a file")

    def test_fish_completes_verbs_and_every_option(self):
        self.assertEqual(self.fish("nat64 "), set(verbs()))
        for verb in verbs():
            wanted = set(options_of(verb))
            self.assertLessEqual(wanted, self.fish(f"nat64 {verb} -"), verb)
        self.assertLessEqual({"status", "sessions"}, self.fish("nat64 show "))
        self.assertEqual(self.fish("nat64 show --protocol "), {"tcp", "udp", "icmp"})

    def test_zsh_completes_verbs_and_every_option(self):
        subprocess.run(["zsh", "-n", self.scripts["zsh"]], check=True)
        described = self.zsh("")
        for verb in verbs():
            self.assertRegex(described, rf"(?m)^{verb}:")
            offered = self.zsh(verb, "")
            for name in options_of(verb):
                self.assertRegex(offered, rf"(?m)(^|\)){name}\[", verb)
        self.assertIn("(tcp udp icmp)", self.zsh("show", ""))


if __name__ == "__main__":
    unittest.main()
