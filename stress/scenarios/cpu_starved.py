# SPDX-License-Identifier: Apache-2.0
"""The CPU is taken away: the daemon runs on two hundredths of one.

    client (TCP, UDP) ── gateway (nat64 in a control group) ── server

Pass: an established connection carries its megabytes all the same, later; a flood that it has no
time for is dropped by the kernel's queue and breaks nothing; the control socket answers within
ten seconds; timers catch up: nothing outlives its time by more than the starvation; given its CPU
back, the daemon is at once as quick as before.
"""

import time

from lab import Cgroup, wait_until
from lab.topology import SERVER
from packets import UDP, IPv6, gateway_wire
from probes import UdpEcho, bulk, conversation, echo_once, tcp_pair, udp_client

TIME_LIMIT = 90
SHARE = 0.02
UDP_TIMEOUT = 3


def run(case):
    lab = case.lab()
    if not Cgroup.available(lab, "cpu"):
        case.skip("no control group for the CPU can be made here")
    nat64 = case.nat64(lab, {"timeouts": {"udp": f"{UDP_TIMEOUT}s", "unsafe": True}})
    server6 = nat64.address6(SERVER)
    lab.server.drop_incoming("udp dport 9")
    group = case.stack.enter_context(Cgroup(lab, "cpu"))
    with (
        UdpEcho(lab.server, SERVER, 7),
        tcp_pair(lab.client, lab.server, server6, SERVER, 5001, timeout=30) as (c, s, _),
    ):
        case.require("works", conversation(c, s))
        group.limit_cpu(SHARE)
        group.add(nat64.process.pid)
        spent = nat64.process.cpu_seconds()
        began = time.monotonic()
        with gateway_wire(lab) as wire:
            wire.flood(flood(server6))
        for number in range(3):
            case.check(f"starved: conversation {number}", conversation(c, s, 100000))
        asked = time.monotonic()
        case.succeeds("starved: it can be asked", nat64.call("show", "status"))
        case.check("within ten seconds", time.monotonic() - asked < 10)
        share = (nat64.process.cpu_seconds() - spent) / (time.monotonic() - began)
        case.check("it was starved indeed", share < 5 * SHARE, share)
        case.note(f"{share:.3f} of a CPU; a status in {time.monotonic() - asked:.1f} s")
        group.limit_cpu(1.0)
        wait_until(lambda: not nat64.bindings("--protocol", "udp"), "the timers to catch up", 15)
        case.check("timers have caught up", True)
        with udp_client(lab.client, server6, 7) as flow:
            case.check("fed: UDP works", echo_once(flow, b"x", attempts=2))
        began = time.monotonic()
        case.check("fed: a fast transfer", bulk(c, s, 50 << 20))
        case.note(f"fed again: 50 MB in {time.monotonic() - began:.2f} s")


def flood(server6):
    """A thousand flows, each datagram sent twenty times."""
    once = [
        bytes(IPv6(src="2001:db8:c1::2", dst=server6) / UDP(sport=port, dport=9) / b"flood")
        for port in range(1024, 2024)
    ]
    return once * 20
