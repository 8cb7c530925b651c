# SPDX-License-Identifier: Apache-2.0
"""One network namespace: run programs in it, open sockets in it, set it up.

Sockets can be opened directly from Python (`Namespace.socket`): a socket stays in the
namespace where it was made, so one process can hold both ends of a conversation and needs
no helper programs. The calling thread changes namespace for an instant only.
"""

import ctypes
import os
import re
import socket
import subprocess
from contextlib import contextmanager

from .errors import LabError

_libc = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000
# ethtool's short names, and what it calls them when it shows them.
_FEATURES = {
    "tso": "tcp-segmentation-offload",
    "gso": "generic-segmentation-offload",
    "gro": "generic-receive-offload",
    "tx": "tx-checksumming",
}


class Namespace:
    """`role` is what people call it ("client"), `name` what `ip netns` does."""

    def __init__(self, role, name, console):
        self.role = role
        self.name = name
        self.console = console

    def ip(self, *words):
        """`ip -n NAME words…`; a string is split, so ip("link set lo up") works."""
        argv = [part for word in words for part in str(word).split()]
        self._call(["ip", "-n", self.name, *argv])

    def sysctl(self, **settings):
        """sysctl(net__ipv4__ip_forward=1): '__' stands for the dot."""
        pairs = [f"{key.replace('__', '.')}={value}" for key, value in settings.items()]
        self._call(self.prefix() + ["sysctl", "-qw", *pairs])

    def nft(self, ruleset):
        """Loads a ruleset in nft syntax."""
        self._call(self.prefix() + ["nft", "-f", "-"], input=ruleset)

    def drop_incoming(self, *matches):
        """Drops what one of `matches` (nft syntax) matches, before anything else sees it."""
        rules = "\n".join(f"    {match} drop" for match in matches)
        self.nft(
            "table inet lab_drop {\n  chain input {\n"
            f"    type filter hook prerouting priority -300\n{rules}\n  }}\n}}\n"
        )

    def set_features(self, interface, wanted):
        """`ethtool -K` with {feature: "on" or "off"}; returns the features that this kernel
        would not set so."""
        words = [word for pair in wanted.items() for word in pair]
        self.run("ethtool", "-K", interface, *words)
        shown = self.run("ethtool", "-k", interface, check=True).stdout
        now = dict(re.findall(r"^\s*([\w-]+): (on|off)", shown, re.M))
        return {key for key, value in wanted.items() if now[_FEATURES.get(key, key)] != value}

    def prefix(self):
        return ["ip", "netns", "exec", self.name]

    def run(self, *argv, timeout=30.0, check=False, input=None, env=None, binary=False):
        """Runs a program to its end. A non-zero exit raises only with check=True.

        A program that outlives its timeout is killed and reported as exit code 124, as
        timeout(1) does: for a check that is a failure like any other, not an accident.
        """
        argv = [str(word) for word in argv]
        self.console.trace(self.role, argv)
        try:
            done = subprocess.run(
                self.prefix() + argv,
                stdin=None if input is not None else subprocess.DEVNULL,
                input=input,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                timeout=timeout,
                env={**os.environ, "LC_ALL": "C.UTF-8", **(env or {})},
                text=not binary,
                errors=None if binary else "replace",
            )
        except subprocess.TimeoutExpired as slow:
            empty = b"" if binary else ""
            partial = [part or b"" for part in (slow.stdout, slow.stderr)]
            if not binary:
                partial = [
                    part.decode(errors="replace") if isinstance(part, bytes) else part
                    for part in partial
                ]
            done = subprocess.CompletedProcess(
                argv, 124, partial[0] or empty, partial[1] or empty
            )
        if check and done.returncode != 0:
            raise LabError(
                f"[{self.role}] {' '.join(argv)} exited {done.returncode}:\n"
                f"{done.stdout}{done.stderr}"
            )
        return done

    @contextmanager
    def entered(self):
        """The calling thread is in this namespace for the duration of the block."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        there = os.open(f"/run/netns/{self.name}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _setns(there)
            yield self
        finally:
            _setns(home)
            os.close(there)
            os.close(home)

    def socket(self, family, kind, protocol=0, bind=None, timeout=5.0):
        """A socket of this namespace. `bind` as for socket.bind."""
        with self.entered():
            made = socket.socket(family, kind, protocol)
        if family in (socket.AF_INET, socket.AF_INET6):
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.settimeout(timeout)
        if bind is not None:
            made.bind(bind)
        return made

    def links(self):
        """Names of the interfaces."""
        shown = self.run("ip", "-o", "link", "show", check=True).stdout
        return {line.split(":")[1].strip().split("@")[0] for line in shown.splitlines()}

    def links_up(self):
        """Whether all links (loopback has no such state) are up with carrier."""
        shown = self.run("ip", "-br", "link", "show", "type", "veth", check=True).stdout
        return all(line.split()[1] == "UP" for line in shown.splitlines())

    def snapshot(self):
        """Everything a well-behaved program must leave as it was, as comparable text."""
        parts = {
            "links": ["ip", "-o", "link", "show"],
            "addresses": ["ip", "-o", "addr", "show"],
            "routes4": ["ip", "-4", "route", "show", "table", "all"],
            "routes6": ["ip", "-6", "route", "show", "table", "all"],
            "rules4": ["ip", "-4", "rule", "show"],
            "rules6": ["ip", "-6", "rule", "show"],
            "nftables": ["nft", "list", "ruleset"],
        }
        taken = {key: self.run(*argv, check=True).stdout for key, argv in parts.items()}
        taken["sysctls"] = self.run(
            "sysctl", "-n", "net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"
        ).stdout
        return taken

    def _call(self, argv, input=None):
        self.console.trace(self.role, argv)
        done = subprocess.run(argv, input=input, text=True, capture_output=True, timeout=30)
        if done.returncode != 0:
            raise LabError(f"[{self.role}] {' '.join(argv)}: {done.stderr.strip()}")


def _setns(descriptor):
    if _libc.setns(descriptor, _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns to a network namespace")
