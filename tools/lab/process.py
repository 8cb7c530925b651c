# SPDX-License-Identifier: Apache-2.0
"""A long-running program in a namespace: its log, its readiness, its end.

Readiness is read from the kernel (/proc/PID/net lists listening sockets), not guessed from
log lines and not probed by connecting, which some servers would take for a client.
"""

import os
import signal
import subprocess

from .errors import LabError, wait_until

_TCP_LISTEN = "0A"

class Process:
    """Starts at construction; both output streams go to the file `log`."""

    def __init__(self, namespace, name, argv, log, env=None):
        self.namespace = namespace
        self.name = name
        self.argv = [str(word) for word in argv]
        self.log_path = log
        namespace.console.trace(namespace.role, self.argv + ["&"])
        with open(log, "ab") as sink:
            self._child = subprocess.Popen(
                namespace.prefix() + self.argv,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches us only; we stop it in order
                env={**os.environ, "LC_ALL": "C.UTF-8", **(env or {})},
            )

    @property
    def pid(self):
        return self._child.pid

    @property
    def alive(self):
        return self._child.poll() is None

    @property
    def exit_code(self):
        """None while running; negative for a signal, as subprocess has it."""
        return self._child.poll()

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as stream:
            return stream.read()

    def wait_ready(self, condition, what, timeout=15.0):
        """Polls condition(); a program that dies meanwhile is reported with its log."""

        def ready():
            if not self.alive:
                raise LabError(f"{self.name} exited {self.exit_code}:\n{self.log_tail()}")
            return condition()

        try:
            return wait_until(ready, f"{self.name}: {what}", timeout)
        except LabError as late:
            raise LabError(f"{late}\n{self.log_tail()}") from None

    def wait_listening(self, port, protocol="tcp", timeout=15.0):
        self.wait_ready(
            lambda: self.listens(port, protocol), f"{protocol} port {port}", timeout
        )

    def listens(self, port, protocol="tcp"):
        for table in (protocol, protocol + "6"):
            for line in self._socket_table(table):
                fields = line.split()
                local_port = int(fields[1].rsplit(":", 1)[1], 16)
                if local_port == port and (protocol == "udp" or fields[3] == _TCP_LISTEN):
                    return True
        return False

    def wait_exit(self, timeout=10.0):
        """Exit code, or LabError if it still runs."""
        wait_until(lambda: not self.alive, f"{self.name} to exit", timeout)
        return self.exit_code

    def signal(self, number):
        if self.alive:
            self._child.send_signal(number)

    def suspend(self):
        """SIGSTOP. When this returns none of its threads runs: each stops at its own time."""
        self.signal(signal.SIGSTOP)
        wait_until(lambda: self._thread_states() == {"T"}, f"{self.name} to be suspended")

    def resume(self):
        self.signal(signal.SIGCONT)

    def stop(self, timeout=5.0):
        """SIGTERM, then SIGKILL. Returns the exit code."""
        self.signal(signal.SIGTERM)
        try:
            return self._child.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            return self.exit_code

    def kill(self):
        self.signal(signal.SIGKILL)
        self._child.wait(10)

    def cpu_seconds(self):
        """CPU time of all its threads so far, to the nanosecond where schedstats are on."""
        total = 0
        for thread in os.listdir(f"/proc/{self.pid}/task"):
            try:
                with open(f"/proc/{self.pid}/task/{thread}/schedstat") as stat:
                    total += int(stat.read().split()[0])
            except FileNotFoundError:  # a thread that just ended
                continue
        return total / 1e9

    def resident_kib(self):
        """Resident memory now."""
        with open(f"/proc/{self.pid}/status") as status:
            for line in status:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1])
        raise LabError(f"{self.name} has no VmRSS")

    def _thread_states(self):
        states = set()
        for thread in os.listdir(f"/proc/{self.pid}/task"):
            with open(f"/proc/{self.pid}/task/{thread}/stat", encoding="ascii") as stat:
                states.add(stat.read().rpartition(")")[2].split()[0])
        return states

    def log_tail(self, lines=30):
        tail = self.log().splitlines()[-lines:]
        return "\n".join(f"    {self.name}| {line}" for line in tail)

    def _socket_table(self, table):
        # Between fork and exec the child still sees the sockets of our own namespace.
        try:
            home = os.stat(f"/proc/{self.pid}/ns/net").st_ino
            if home != os.stat(f"/run/netns/{self.namespace.name}").st_ino:
                return []
            with open(f"/proc/{self.pid}/net/{table}") as stream:
                return stream.readlines()[1:]
        except OSError:
            return []
