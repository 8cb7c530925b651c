# SPDX-License-Identifier: Apache-2.0
"""A clean stop leaves nothing behind, by SIGTERM and by SIGINT, idle and under load.

    client (iperf3) ── gateway (nat64) ── server (iperf3)

Pass: links, addresses, routes, rules, nftables, forwarding sysctls and the socket are after the
stop what they were before the start, exit code 0, within five seconds.
"""

import os
import signal
import time

from lab import Iperf3Server
from lab.topology import SERVER
from probes import all_answered, settled_ping


def run(case):
    lab = case.lab()
    Iperf3Server(lab)
    before = lab.gateway.snapshot()
    nat64 = case.nat64(lab, start=False)
    case.stopped(nat64)
    server6 = nat64.address6(SERVER)
    for number, loaded in ((signal.SIGTERM, False), (signal.SIGINT, False), (2, True)):
        name = f"{signal.Signals(number).name}{' under load' if loaded else ''}"
        nat64.start()
        done = settled_ping(lab.client, server6)
        case.check(f"{name}: works before", all_answered(done), done.stdout)
        case.check(f"{name}: a socket exists", os.path.exists(nat64.socket))
        load = None
        if loaded:
            load = lab.start("client", "load", "iperf3", "-c", server6, "-t", "30")
            load.wait_ready(lambda: nat64.session_count() >= 2, "have connected")
        began = time.monotonic()
        nat64.process.signal(number)
        case.equal(f"{name}: exit code", nat64.process.wait_exit(10), 0)
        case.check(f"{name}: stops in time", time.monotonic() - began < 5)
        after = lab.gateway.snapshot()
        for part, text in before.items():
            case.equal(f"{name}: {part} as before", after[part], text)
        case.check(f"{name}: no socket is left", not os.path.exists(nat64.socket))
        if load:
            load.stop()
