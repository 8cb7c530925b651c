# SPDX-License-Identifier: Apache-2.0
"""What a person sees: one line of plain English per step, colours only where they work."""

import os
import signal
import sys

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


class Console:
    """Narrates to one stream. Verbose also echoes every command that the lab runs."""

    def __init__(self, stream=sys.stdout, verbose=False):
        self.stream = stream
        self.verbose = verbose
        self.colour = stream.isatty() and not os.environ.get("NO_COLOR")

    def paint(self, text, *styles):
        if not self.colour or not styles:
            return text
        return "".join(f"\033[{_CODES[style]}m" for style in styles) + text + "\033[0m"

    def line(self, text="", *styles):
        print(self.paint(text, *styles), file=self.stream, flush=True)

    def step(self, text):
        self.line()
        self.line("==> " + text, "bold", "cyan")

    def command(self, where, argv):
        """Shows a command the way a person would type it in namespace `where`."""
        self.line(f"    {where}$ {' '.join(quote(word) for word in argv)}", "yellow")

    def output(self, text, limit=0):
        """Indented output of a program; `limit` keeps the first lines only."""
        lines = text.rstrip().splitlines()
        kept = lines[:limit] if limit else lines
        for line in kept:
            self.line("    " + line)
        if len(lines) > len(kept):
            self.line(f"    … {len(lines) - len(kept)} more lines", "dim")

    def success(self, text):
        self.line("    ✔ " + text, "green")

    def failure(self, text):
        self.line("    ✘ " + text, "red")

    def trace(self, where, argv):
        if self.verbose:
            self.line(f"[{where}] {' '.join(quote(word) for word in argv)}", "dim")


def quote(word):
    plain = word and all(c.isalnum() or c in "-_./:=@%+,[]" for c in word)
    return word if plain else "'" + word.replace("'", "'\\''") + "'"


def exit_on_signals():
    """SIGTERM and SIGHUP unwind the stack as Ctrl-C does, so that `with` blocks clean up."""

    def leave(number, _frame):
        signal.signal(number, signal.SIG_IGN)
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)


def require_root(program):
    if os.geteuid() != 0:
        sys.exit(f"{program}: network namespaces need root: sudo {program}")
