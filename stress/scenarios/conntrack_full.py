# SPDX-License-Identifier: Apache-2.0
"""The kernel's connection tracking table is full, with napt: kernel.

    client ── gateway (nat64, napt: kernel; conntrack filled with others' entries) ── server

Pass: while it is full the flows that exist go on, new ones fail, the daemon lives, does not spin
and can be asked; when there is room again new flows work at once, without a restart.
"""

import time

from lab import LabError, wait_until
from lab.topology import SERVER
from probes import UdpEcho, conversation, echo_once, tcp_pair, udp_client

ALONE = True
TIME_LIMIT = 120


def run(case):
    lab = case.lab()
    nat64 = case.nat64(lab, {"napt": "kernel"})
    server6 = nat64.address6(SERVER)
    size = int(lab.gateway.run("sysctl", "-n", "net.netfilter.nf_conntrack_max").stdout)
    if size > 300_000:
        case.skip(f"the table has {size} entries and can only be made smaller for the machine")
    with (
        UdpEcho(lab.server, SERVER, 7),
        udp_client(lab.client, server6, 7) as old,
        tcp_pair(lab.client, lab.server, server6, SERVER, 5001) as (client, server, _),
    ):
        case.require("UDP works", echo_once(old, b"x", attempts=3))
        case.require("TCP works", conversation(client, server))
        began = time.monotonic()
        fill(lab, size)
        case.note(f"{used(lab)} of {size} entries, in {time.monotonic() - began:.1f} s")
        case.require("the table is full", used(lab) >= size)
        spent = nat64.process.cpu_seconds()
        case.check("full: the old TCP connection goes on", conversation(client, server, 100000))
        case.check("full: the old UDP flow goes on", echo_once(old, b"y", attempts=2))
        with udp_client(lab.client, server6, 7, timeout=1.0) as new:
            case.check("full: a new flow fails", not echo_once(new, b"z"))
        case.check("full: the daemon lives", nat64.process.alive)
        case.succeeds("full: it can be asked", nat64.call("show", "status"))
        spent = nat64.process.cpu_seconds() - spent
        case.check("full: it does not spin", spent < 1.0, spent)
        lab.gateway.run("conntrack", "-D", "-s", "198.18.0.0/15", timeout=60)
        try:
            wait_until(lambda: works_anew(lab, server6), "a new flow", 10)
            case.check("room again: new flows work", True)
        except LabError as trouble:
            case.check("room again: new flows work", False, trouble)
        case.check("room again: the old TCP connection goes on", conversation(client, server))


def fill(lab, size):
    """Assured entries, which the kernel does not evict to make room."""
    lines = (
        f"-A -p udp -s 198.18.{n >> 14 & 255}.{n >> 6 & 255} -d 198.19.0.1"
        f" --sport {n & 63 | 1024} --dport 9 -t 600 -u ASSURED,SEEN_REPLY\n"
        for n in range(size)
    )
    path = lab.write("entries", "".join(lines))
    lab.gateway.run("conntrack", "-R", path, timeout=100)


def used(lab):
    return int(lab.gateway.run("conntrack", "-C").stdout)


def works_anew(lab, server6):
    with udp_client(lab.client, server6, 7, timeout=1.0) as new:
        return echo_once(new, b"z")
