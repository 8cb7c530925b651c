# SPDX-License-Identifier: Apache-2.0
"""One scenario in a process of its own: its time limit, its output, and what it left behind.

A scenario past its limit is told to stop and has GRACE seconds to clean up; after that it is
killed, and the guard processes of its labs remove the namespaces. What is left of them after
all that is a failure too.
"""

import glob
import json
import os
import subprocess
import sys
import tempfile
import time

from lab import LabError, wait_until

RUN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "run")
GRACE = 20  # seconds that a scenario past its limit has to clean up before SIGKILL


_NOTHING = {"verdict": "failed", "checks": 0, "notes": [], "skipped": ""}


class Running:
    """One scenario in a child process."""

    def __init__(self, scenario, arguments):
        self.scenario = scenario
        self.limit = scenario.time_limit * arguments.slow * (5 if arguments.long else 1)
        self.began = time.monotonic()
        handle, self.result_path = tempfile.mkstemp(prefix="n64-stress-")
        os.close(handle)
        self.output = tempfile.TemporaryFile("w+", errors="replace")
        argv = [sys.executable, RUN, scenario.name]
        argv += ["--one", self.result_path, "--executable", arguments.executable]
        argv += ["--translator", arguments.translator]
        argv += ["-v"] if arguments.verbose else []
        argv += ["--long"] if arguments.long else []
        self.child = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=self.output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.told_to_stop = False

    def finished(self):
        age = time.monotonic() - self.began
        if self.child.poll() is not None:
            return True
        if age > self.limit + GRACE:
            self.child.kill()  # its guard process removes the namespaces
            self.child.wait()
            return True
        if age > self.limit and not self.told_to_stop:
            self.told_to_stop = True
            self.child.terminate()
        return False

    def result(self):
        with open(self.result_path, encoding="utf-8") as stream:
            text = stream.read()
        os.unlink(self.result_path)
        self.output.seek(0)
        printed = self.output.read()
        result = json.loads(text) if text else dict(_NOTHING, failed=[])
        if self.told_to_stop:
            result["verdict"] = "failed"
            result["failed"].insert(0, f"did not finish within {self.limit:.0f} s")
        elif not text:
            result["failed"].append(f"ended with exit code {self.child.returncode}, no result")
        if left := self._left_behind():
            result["verdict"] = "failed"
            result["failed"].append(f"left behind: {', '.join(left)}")
        result["name"] = self.scenario.name
        result["seconds"] = round(time.monotonic() - self.began, 1)
        result["output"] = printed
        return result

    def _left_behind(self):
        """The guards of a killed scenario's labs need a moment."""
        try:
            wait_until(lambda: not remains(self.child.pid), "the guards")
        except LabError:
            return remains(self.child.pid)
        return []

    def abandon(self):
        self.child.terminate()
        try:
            self.child.wait(GRACE)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        os.unlink(self.result_path)


def remains(pid):
    """Namespaces of the labs of process `pid`."""
    return sorted(os.path.basename(path) for path in glob.glob(f"/run/netns/n64-{pid}-*"))


def sweep():
    """Removes namespaces whose lab is gone together with its guard: a machine that was reset
    with /run kept, or somebody who killed both."""
    for path in glob.glob("/run/netns/n64-*-*"):
        name = os.path.basename(path)
        owner = name.split("-")[1]
        if not owner.isdigit() or os.path.exists(f"/proc/{owner}") or _guarded(name):
            continue
        pids = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True)
        for pid in pids.stdout.split():
            subprocess.run(["kill", "-9", pid], check=False)
        subprocess.run(["ip", "netns", "del", name], check=False)


def _guarded(namespace):
    """Its lab's guard is about to remove it."""
    prefix = "-".join(namespace.split("-")[:3]) + "-"
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, "rb") as stream:
                words = stream.read().split(b"\0")
        except OSError:
            continue
        if b"lab-guard" in words and prefix.encode() in words:
            return True
    return False
