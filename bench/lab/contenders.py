# SPDX-License-Identifier: Apache-2.0
"""Who is compared: the same three namespaces, with something else in the gateway each time.

    D  no gateway: client and server share one veth pair (only a baseline for CPU)
    P  plain kernel forwarding, IPv6 to IPv6
    M  kernel NAT44 masquerade, IPv4 to IPv4
    T  Debian's tayga + masquerade, IPv6 to IPv4
    N  nat64, napt: daemon, IPv6 to IPv4
    K  nat64, napt: kernel, IPv6 to IPv4 at the gateway's own address, as T

Every contender has a lab of its own; all stand ready at once and idle until it is their turn,
so that rounds can be interleaved.
"""

import os

from lab import Iperf3Server, Lab, Masquerade, Nat64, TaygaMasquerade
from lab.topology import CLIENT4, SERVER, SERVER6

NAMES = {
    "D": "no gateway",
    "P": "plain IPv6 forwarding",
    "M": "NAT44 masquerade",
    "T": "tayga + masquerade",
    "N": "nat64, napt: daemon",
    "K": "nat64, napt: kernel",
}
NAPT = {"N": "daemon", "K": "kernel"}


class Contender:
    """A lab with servers running: `target` as the client sees the server, `bind` as it is."""

    def __init__(self, letter, console, executable=None):
        self.letter = letter
        self.lab = Lab(console, dual_stack=True)
        self.daemon = None
        self.target, self.bind = SERVER6, SERVER6
        if letter == "D":
            self._join_directly()
        elif letter == "M":
            Masquerade(self.lab, CLIENT4)
            self.target, self.bind = SERVER, SERVER
        elif letter == "T" or letter in NAPT:
            if letter == "T":
                translator = TaygaMasquerade(self.lab)
            else:
                translator = Nat64(self.lab, {"napt": NAPT[letter]}, executable=executable)
            self.daemon = translator.process
            self.target, self.bind = translator.address6(SERVER), SERVER
        Iperf3Server(self.lab)

    def close(self):
        self.lab.close()

    def daemon_cpu(self):
        return self.daemon.cpu_seconds() if self.daemon else 0.0

    def _join_directly(self):
        client, server = self.lab.client, self.lab.server
        client.ip(f"link add direct type veth peer name direct netns {server.name}")
        client.ip("link set direct up")
        server.ip("link set direct up")
        client.ip("addr add 2001:db8:d::1/64 dev direct nodad")
        server.ip("addr add 2001:db8:d::2/64 dev direct nodad")
        self.target = self.bind = "2001:db8:d::2"


def available(executable):
    """All letters, without N and K where there is no nat64 to run."""
    return "DPMTNK" if os.access(executable, os.X_OK) else "DPMT"


def kernel_softirq_cpu():
    """Seconds spent by ksoftirqd so far: packet work that no process was charged for."""
    total = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/comm") as comm:
                if not comm.read().startswith("ksoftirqd/"):
                    continue
            with open(f"/proc/{pid}/schedstat") as stat:
                total += int(stat.read().split()[0])
        except (FileNotFoundError, ProcessLookupError):
            continue
    return total / 1e9
