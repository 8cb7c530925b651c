# SPDX-License-Identifier: Apache-2.0
"""Real networks on one machine: the lab that demo, stress scenarios and benchmarks share.

A `Lab` is a chain of network namespaces (an IPv6-only client, the gateway under test, an
IPv4-only server, optionally more clients and routers), a `Process` is a program running in
one of them, and a translator (`Nat64`, `Tayga`) is what makes the gateway a gateway.

What does NOT live here: opinions about what passes (stress/) or is fast (bench/lab/).
Needs root. Everything made is removed when the lab closes, also when its owner is killed.
"""

from .cgroup import Cgroup
from .clat import Clat
from .console import Console, exit_on_signals, require_root
from .errors import LabError, wait_until
from .namespace import Namespace
from .process import Process
from .servers import Dns64, Iperf3Server, NameServer, WebServer
from .topology import Lab
from .translators import Masquerade, Nat64, Tayga, TaygaMasquerade

__all__ = [
    "Cgroup",
    "Clat",
    "Console",
    "Dns64",
    "Iperf3Server",
    "Lab",
    "LabError",
    "Masquerade",
    "Namespace",
    "NameServer",
    "Nat64",
    "Process",
    "Tayga",
    "TaygaMasquerade",
    "WebServer",
    "exit_on_signals",
    "require_root",
    "wait_until",
]
