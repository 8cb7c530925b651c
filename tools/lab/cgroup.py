# SPDX-License-Identifier: Apache-2.0
"""A control group around one program: how much memory it may use, how much of a CPU.

Works with both versions of cgroups, whichever the machine has mounted. The group has the lab's
name, so the lab's guard removes it when nothing else did.
"""

import os

from .errors import LabError, wait_until

_ROOT = "/sys/fs/cgroup"
_PERIOD_US = 100_000


class Cgroup:
    """`controller` is "memory" or "cpu". Use it in a `with` block."""

    def __init__(self, lab, controller):
        self.controller = controller
        self.version = 1 if os.path.isdir(f"{_ROOT}/{controller}") else 2
        parent = f"{_ROOT}/{controller}" if self.version == 1 else _ROOT
        self.path = os.path.join(parent, os.path.basename(lab.dir) + controller)
        try:
            if self.version == 2:
                _write(f"{_ROOT}/cgroup.subtree_control", f"+{controller}")
            os.mkdir(self.path)
        except OSError as error:
            raise LabError(f"no control group for {controller}: {error}") from None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        wait_until(lambda: not self.processes(), "the control group to be empty")
        os.rmdir(self.path)

    @staticmethod
    def available(lab, controller):
        try:
            with Cgroup(lab, controller):
                return True
        except LabError:
            return False

    def add(self, pid):
        _write(f"{self.path}/cgroup.procs", str(pid))

    def wrapper(self):
        """Words before a command that start it inside the group. `ip netns exec` mounts a /sys
        of its own without control groups: ours is reached through our root directory."""
        procs = f"/proc/{os.getpid()}/root{self.path}/cgroup.procs"
        return ("sh", "-c", f'echo $$ >{procs} && exec "$@"', "sh")

    def processes(self):
        with open(f"{self.path}/cgroup.procs", encoding="ascii") as stream:
            return stream.read().split()

    def limit_memory(self, size):
        """Bytes."""
        name = "memory.limit_in_bytes" if self.version == 1 else "memory.max"
        _write(f"{self.path}/{name}", str(size))

    def limit_cpu(self, share):
        """1.0 is one whole CPU."""
        quota = int(share * _PERIOD_US)
        if self.version == 1:
            _write(f"{self.path}/cpu.cfs_period_us", str(_PERIOD_US))
            _write(f"{self.path}/cpu.cfs_quota_us", str(quota))
        else:
            _write(f"{self.path}/cpu.max", f"{quota} {_PERIOD_US}")

    def out_of_memory_kills(self):
        name = "memory.oom_control" if self.version == 1 else "memory.events"
        with open(f"{self.path}/{name}", encoding="ascii") as stream:
            facts = dict(line.split() for line in stream)
        return int(facts.get("oom_kill", 0))


def _write(path, text):
    with open(path, "w", encoding="ascii") as stream:
        stream.write(text)
