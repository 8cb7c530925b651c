# SPDX-License-Identifier: Apache-2.0
"""napt: kernel: limits of connections, of rates and of clients; one's limit is not the other's.

    client, client2 ── gateway (nat64, kernel NAPT) ── server

Pass: the connection after `sessions_per_client` is refused (ICMPv6 1/1) while the others go on;
`new_sessions_per_second` lets so many through and no more, and the next second again; `show drops`
and the metrics tell of each packet that these two refuse, also after a reload that changes the
rules; a client
prefix with `addresses_per_client` addresses gets no further one; when the inner pool is used up new
clients are told (ICMPv6 1/3), counted, and `show pool` shows it. Through all of it the other client
works.
"""

import errno
from contextlib import ExitStack

from lab import wait_until
from lab.topology import SERVER
from packets import UDP, IPv6, gateway_wire
from probes import UdpEcho, echo_once, error_of, udp_client

SESSIONS, RATE = 20, 10
POOL = "100.64.0.0/29"  # without the first, the last and the gateway's: five clients


def run(case):
    connections(case)
    rates(case)
    addresses(case)
    pool(case)


def connections(case):
    lab = case.lab(clients=2)
    nat64 = case.nat64(lab, {"napt": "kernel", "limits": {"sessions_per_client": SESSIONS}})
    server6 = nat64.address6(SERVER)
    with ExitStack() as stack:
        stack.enter_context(UdpEcho(lab.server, SERVER, 7))
        flows = [stack.enter_context(udp_client(lab.client, server6, 7)) for _ in range(SESSIONS)]
        answered = [echo_once(flow, b"x", attempts=3) for flow in flows]
        case.equal("connections up to the limit", answered.count(True), SESSIONS)
        with udp_client(lab.client, server6, 7, all_errors=True) as one_more:
            got = errno.errorcode.get(error_of(one_more))
        case.equal("one more", got, "EACCES")
        case.equal("counted", nat64.drops().get("client_session_limit"), 1)
        case.equal("and refused", nat64.show("status")["packets"]["refused"], 1)
        answered = [echo_once(flow, b"y", attempts=3) for flow in flows]
        case.equal("those before it go on", answered.count(True), SESSIONS)
        with udp_client(lab.clients[1], server6, 7) as other:
            case.check("the other client", echo_once(other, b"x", attempts=3))
        limits = {"sessions_per_client": SESSIONS, "new_sessions_per_second": 1000}
        nat64.write_config({**nat64.config, "limits": limits})
        case.succeeds("a reload", nat64.call("reload"))
        with udp_client(lab.client, server6, 7, all_errors=True) as one_more:
            got = errno.errorcode.get(error_of(one_more))
        case.equal("one more after a reload", got, "EACCES")
        case.equal("counted on", nat64.drops().get("client_session_limit"), 2)


def rates(case):
    lab = case.lab(clients=2)
    nat64 = case.nat64(lab, {"napt": "kernel", "limits": {"new_sessions_per_second": RATE}})
    server6 = nat64.address6(SERVER)
    with UdpEcho(lab.server, SERVER, 7) as echo, gateway_wire(lab) as wire:
        burst(wire, server6, range(1000, 1000 + 10 * RATE))
        wait_until(lambda: len(echo.seen) >= RATE, "the first ones")
        with udp_client(lab.clients[1], server6, 7) as other:
            case.check("the other client meanwhile", echo_once(other, b"x", attempts=3))
        seen = len(echo.seen) - 1
        case.check("a burst gets through in part", RATE <= seen <= 3 * RATE, seen)
        refused = nat64.drops().get("client_rate_limit", 0)
        case.equal("the rest of it is counted", refused, 10 * RATE - seen)
        with udp_client(lab.client, server6, 7) as later:
            wait_until(lambda: echo_once(later, b"x"), "the next second")
        case.check("the next second lets it through", True)


def burst(wire, server6, ports, source="2001:db8:c1::2"):
    for port in ports:
        wire.send(IPv6(src=source, dst=server6) / UDP(sport=port, dport=7) / b"burst")


def addresses(case):
    lab = case.lab(clients=2)
    limits = {"client_prefix": 64, "addresses_per_client": 3}
    nat64 = case.nat64(lab, {"napt": "kernel", "limits": limits, "icmp": {"rate": 1000}})
    server6 = nat64.address6(SERVER)
    with UdpEcho(lab.server, SERVER, 7), gateway_wire(lab) as wire:
        for number in range(16, 32):
            burst(wire, server6, [4000], f"2001:db8:c1::{number:x}")
        wait_until(lambda: nat64.drops().get("client_address_limit", 0) == 13, "13 refusals")
        case.equal("clients of the prefix", len(nat64.bindings()), 3)
        with udp_client(lab.clients[1], server6, 7) as other:
            case.check("another prefix", echo_once(other, b"x", attempts=3))


def pool(case):
    lab = case.lab(clients=2)
    nat64 = case.nat64(lab, {"napt": "kernel", "inner_pool": POOL})
    server6 = nat64.address6(SERVER)
    with (
        UdpEcho(lab.server, SERVER, 7),
        udp_client(lab.clients[1], server6, 7) as known,
        gateway_wire(lab) as wire,
    ):
        case.require("one client", echo_once(known, b"x", attempts=3))
        for number in range(16, 20):
            burst(wire, server6, [4000], f"2001:db8:c1::{number:x}")
        wait_until(lambda: len(nat64.bindings()) == 5, "a full pool")
        row = nat64.show("pool")["pool"][0]
        case.equal("show pool: used", row["used"], 5)
        with udp_client(lab.client, server6, 7, all_errors=True) as one_more:
            got = errno.errorcode.get(error_of(one_more))
        case.equal("the next client is told", got, "EHOSTUNREACH")
        case.check("counted", nat64.drops().get("pool_exhausted", 0) >= 1, nat64.drops())
        case.check("those before it go on", echo_once(known, b"y", attempts=3))
