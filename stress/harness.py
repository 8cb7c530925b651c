# SPDX-License-Identifier: Apache-2.0
"""What a scenario holds in its hands: labs, a translator, and checks that can fail.

Every nat64 that a scenario started must still run at its end, be able to account for every
packet, stop cleanly within seconds with exit code 0, and have reported no sanitizer error:
checked here, for all of them.
"""

import json
import os
import traceback
from contextlib import ExitStack

from accounting import Account
from lab import Lab, LabError, Nat64, TaygaMasquerade, wait_until

_SANITIZER = ("AddressSanitizer", "UndefinedBehaviorSanitizer", "runtime error:", "ThreadSan")


class Failed(Exception):
    """A check on which the rest of the scenario depends did not hold."""


class Skipped(Exception):
    """This machine lacks what the scenario is about."""


class Case:
    """One run of one scenario."""

    def __init__(self, arguments, console):
        self.executable = arguments.executable
        self.uses_tayga = arguments.translator == "tayga"
        self.console = console
        self.checks = 0
        self.failed = []
        self.notes = []
        self.skipped = ""
        self.long = arguments.long
        self.stack = ExitStack()
        self._labs = []
        self._daemons = []

    def lab(self, **options):
        """A new Lab; it lasts until the scenario ends."""
        lab = self.stack.enter_context(Lab(self.console, **options))
        self._labs.append(lab)
        return lab

    def translator(self, lab, config=None, **options):
        """nat64 in the gateway, or tayga + masquerade where the scenario allows it."""
        if self.uses_tayga:
            return TaygaMasquerade(lab)
        return self.nat64(lab, config, **options)

    def nat64(self, lab, config=None, **options):
        daemon = Nat64(lab, config, executable=self.executable, **options)
        self._daemons.append(daemon)
        return daemon

    def check(self, what, holds, detail=""):
        """Records whether `what` holds; the scenario goes on either way."""
        self.checks += 1
        if holds:
            if self.console.verbose:
                self.console.success(what)
        else:
            self.failed.append(f"{what}: {_readable(detail)}" if detail != "" else what)
            self.console.failure(self.failed[-1])
        return bool(holds)

    def equal(self, what, got, wanted):
        return self.check(what, got == wanted, f"got {got!r}, wanted {wanted!r}")

    def require(self, what, holds, detail=""):
        """Like check, but the scenario ends here if it does not hold."""
        if not self.check(what, holds, detail):
            raise Failed(what)

    def succeeds(self, what, done):
        """`done` is a finished program (Namespace.run); shows what it said if it failed."""
        said = (done.stdout + done.stderr)[-600:] if done.returncode else ""
        return self.check(what, done.returncode == 0, f"exit {done.returncode}: {said}")

    def note(self, text):
        """Something measured that is worth reading but decides nothing."""
        self.notes.append(text)
        self.console.line(f"    · {text}")

    def skip(self, why):
        """Ends the scenario without a verdict: for what the machine lacks, never for doubt."""
        self.skipped = why
        raise Skipped(why)

    def stopped(self, daemon):
        """The scenario has ended this daemon itself: no check at the end."""
        self._daemons.remove(daemon)

    def finish(self):
        for daemon in self._daemons:
            if daemon.process is None:
                continue
            if self.check(
                f"{daemon.name} still runs at the end",
                daemon.process.alive,
                f"exit code {daemon.process.exit_code}",
            ):
                self._books_balance(daemon)
                self.equal(f"{daemon.name} stops with exit code 0", daemon.stop(), 0)
            log = daemon.process.log()
            self.check(
                f"{daemon.name} has no sanitizer report",
                not any(mark in log for mark in _SANITIZER),
            )

    def _books_balance(self, daemon):
        try:
            wait_until(lambda: Account(daemon).balances(), "the books to balance")
            self.check(f"{daemon.name} accounts for every packet", True)
        except LabError as trouble:
            account = Account(daemon)
            detail = f"{trouble}: {account.unaccounted} of {account.received} missing"
            self.check(f"{daemon.name} accounts for every packet", False, detail)

    def logs(self):
        for lab in self._labs:
            for process in lab.processes:
                if process.name.startswith(("nat64", "tayga")):
                    yield process.log_tail()


def _readable(detail):
    """A finished program is what it printed; a long text is its beginning."""
    if hasattr(detail, "returncode"):
        detail = f"exit {detail.returncode}: {detail.stdout}{detail.stderr}"
    text = str(detail).strip()
    return text if len(text) <= 800 else text[:800] + " …"


def run_one(scenario, arguments, console):
    """Runs it in this process; writes the result as JSON to the path in arguments.one."""
    case = Case(arguments, console)
    verdict = "failed"
    try:
        with case.stack:
            if case.uses_tayga and not scenario.tayga:
                case.skipped = f"not for {arguments.translator}"
                verdict = "skipped"
            else:
                try:
                    _guarded(case, scenario)
                finally:
                    if case.failed:
                        for log in case.logs():
                            console.line(log)
                verdict = _verdict(case)
    except (KeyboardInterrupt, SystemExit):
        verdict = "failed"
    result = {"verdict": verdict, "checks": case.checks, "failed": case.failed}
    result.update(notes=case.notes, skipped=case.skipped)
    temporary = arguments.one + ".new"
    with open(temporary, "w", encoding="utf-8") as stream:
        json.dump(result, stream)
    os.replace(temporary, arguments.one)
    return 0 if verdict != "failed" else 1


def _verdict(case):
    if case.failed:
        return "failed"
    if case.skipped:
        return "skipped"
    return "passed" if case.checks else "failed"


def _guarded(case, scenario):
    try:
        scenario.run(case)
    except Failed:
        pass  # recorded by require()
    except Skipped:
        pass  # recorded by skip()
    except LabError as trouble:
        case.failed.append(f"the lab: {trouble}")
        case.console.failure(case.failed[-1])
    except Exception as surprise:  # a bug in the scenario must not pass for a success
        case.failed.append(f"{type(surprise).__name__}: {surprise}")
        case.console.line(traceback.format_exc(), "red")
    case.finish()
