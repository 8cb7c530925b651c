# SPDX-License-Identifier: Apache-2.0
"""One /64 floods new flows, then a thousand of them do: the others keep being served.

    client  (floods from all over its /64, then from anywhere) ─┐
    client2 (works) ────────────────────────────────────────────┤ gateway (nat64) ── server
    client3 (works) ────────────────────────────────────────────┘

Pass: while one /64 floods, every new connection, echo and ping of the others succeeds, the
flooder is stopped at its own limits and told so, and counted by name. While a thousand made-up
/64s flood, the limits in all hold, what was established goes on without a loss, and when it is
over everybody begins new flows again.
"""

import itertools
import socket
import time
from contextlib import ExitStack

from lab import wait_until
from lab.topology import SERVER
from packets import TCP, UDP, IPv6, gateway_wire
from probes import (
    Background,
    UdpEcho,
    all_answered,
    conversation,
    echo_once,
    settled_ping,
    tcp_pair,
    udp_client,
)

TIME_LIMIT = 90
LIMITS = {
    "client_prefix": 64,
    "sessions_per_client": 300,
    "ports_per_client": 200,
    "half_open_per_client": 40,
    "new_sessions_per_second": 100,
    "half_open": 400,
    "new_sessions_per_second_in_all": 500,
}
OWN = ("client_half_open_limit", "client_port_limit", "client_rate_limit")
IN_ALL = ("half_open_limit", "rate_limit")


class Flood(Background):
    """Sends packets in the background, with a breath now and then."""

    def __init__(self, lab, packets):
        super().__init__()
        self.sent = 0
        self._wire = gateway_wire(lab)
        self._packets = itertools.cycle([bytes(packet) for packet in packets])

    def __exit__(self, *_):
        super().__exit__()
        self._wire.__exit__()

    def step(self):
        self._wire.send(next(self._packets))
        self.sent += 1
        if self.sent % 64 == 0:
            time.sleep(0.02)


def run(case):
    lab = case.lab(clients=3)
    nat64 = case.nat64(lab, {"limits": LIMITS})
    lab.server.drop_incoming("tcp dport 6666", "udp dport 9000-9999")
    server6 = nat64.address6(SERVER)
    with ExitStack() as stack:
        stack.enter_context(UdpEcho(lab.server, SERVER, 7))
        known = stack.enter_context(udp_client(lab.clients[1], server6, 7))
        case.require("client2 has a flow", echo_once(known, b"x", attempts=3))
        one_customer(case, lab, nat64, server6, known)
        many_customers(case, lab, nat64, server6, known)


def syn(number, source, server6):
    return IPv6(src=source, dst=server6) / TCP(sport=1024 + number % 60000, dport=6666, flags="S")


def datagram(number, source, server6):
    return IPv6(src=source, dst=server6) / UDP(sport=1024 + number, dport=9000 + number % 1000)


def one_customer(case, lab, nat64, server6, known):
    packets = [
        make(number, f"2001:db8:c1::{number % 4096 + 16:x}", server6)
        for number in range(2000)
        for make in (syn, datagram)
    ]
    with Flood(lab, packets) as flood:
        wait_until(lambda: all(nat64.drops().get(r) for r in OWN[:1] + OWN[2:]), "the limits")
        slowest = others_work(case, lab, server6, "one /64 floods")
        pinged = settled_ping(lab.clients[2], server6)
        case.check("one /64 floods: ping", all_answered(pinged), pinged)
        case.check("one /64 floods: client2's flow", echo_once(known, b"y", attempts=3))
    drops = nat64.drops()
    case.check("told by name", sum(drops.get(reason, 0) for reason in OWN) > 500, drops)
    case.check("nobody met a limit in all", not any(drops.get(r) for r in IN_ALL), drops)
    rows = nat64.sessions("--client", "2001:db8:c1::/64")
    limit = LIMITS["sessions_per_client"]
    case.check(f"the flooder has at most {limit} sessions", len(rows) <= limit, len(rows))
    case.note(f"{flood.sent} packets of the flood; the slowest of 20 connections {slowest:.2f} s")


def others_work(case, lab, server6, label):
    """Ten new connections and ten new UDP flows of each of the two; returns the slowest."""
    slowest = 0.0
    for node in lab.clients[1:]:
        for number in range(10):
            began = time.monotonic()
            port = 5001 + number
            with tcp_pair(node, lab.server, server6, SERVER, port, timeout=10) as (c, s, _):
                fine = conversation(c, s)
            slowest = max(slowest, time.monotonic() - began)
            with udp_client(node, server6, 7) as client:
                fine = echo_once(client, b"new", attempts=2) and fine
            case.check(f"{label}: {node.role}'s flow number {number + 1}", fine)
    return slowest


def many_customers(case, lab, nat64, server6, known):
    packets = [
        make(number, f"2001:db8:f{number % 1000:03x}::{number % 7 + 1}", server6)
        for number in range(4000)
        for make in (syn, datagram)
    ]
    before = nat64.session_count()
    with tcp_pair(lab.clients[2], lab.server, server6, SERVER, 5100, timeout=10) as (c, s, _):
        with Flood(lab, packets):
            began = time.monotonic()
            wait_until(lambda: all(nat64.drops().get(r) for r in IN_ALL), "the limits in all")
            for number in range(20):
                case.check(f"flood of many: conversation {number + 1}", conversation(c, s))
                fine = echo_once(known, b"z", attempts=3)
                case.check(f"flood of many: echo {number + 1}", fine)
            lasted = time.monotonic() - began
    allowed = LIMITS["new_sessions_per_second_in_all"] * (lasted + 3)
    made = nat64.session_count() - before
    case.check(f"at most {allowed:.0f} new sessions", made <= allowed, made)
    case.note(f"{made} sessions made in {lasted:.1f} s of a flood from 1000 prefixes")
    over(case, lab, nat64, server6)


def over(case, lab, nat64, server6):
    """Half-open connections of the flood are still there for their four minutes; what does not
    add to them begins at once."""
    wait_until(lambda: begins_udp(lab, server6), "a new UDP flow when it is over")
    got = nat64.call("explain", "--json", "--from", "2001:db8:c2::2", "--to", server6)
    case.check("explain says what stands against TCP", "half_open_limit" in got.stdout, got)
    with lab.clients[1].socket(socket.AF_INET6, socket.SOCK_STREAM) as stream:
        case.check("TCP is told so", stream.connect_ex((server6, 5001)) != 0)


def begins_udp(lab, server6):
    with udp_client(lab.clients[1], server6, 7) as client:
        try:
            return echo_once(client, b"new")
        except PermissionError:  # ICMPv6 1/1: not yet
            return False
