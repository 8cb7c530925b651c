# SPDX-License-Identifier: Apache-2.0
"""napt: kernel: a client that returns after a restart is the one that it was.

    client, client2, client3 ── gateway (nat64, kernel NAPT, restarted and killed) ── server

Pass: after SIGTERM and a new start, and after SIGKILL and a new start, the inner addresses are
kept for those who had them, also on a machine that has been up for days, and each client has its
own again, whatever the order in which they return; a UDP flow and a TCP connection from before go
on, with the public port they had; a client that is new meanwhile gets an address of its own.
"""

import signal

from lab import wait_until
from lab.topology import SERVER
from probes import UdpEcho, conversation, echo_once, tcp_pair, udp_client


def run(case):
    lab = case.lab(clients=3)
    nat64 = case.nat64(lab, {"napt": "kernel"})
    server6 = nat64.address6(SERVER)
    first, second, stranger = lab.clients
    with (
        UdpEcho(lab.server, SERVER, 7) as echo,
        udp_client(first, server6, 7) as one,
        udp_client(second, server6, 7) as two,
        tcp_pair(first, lab.server, server6, SERVER, 5001, timeout=20) as (c, s, _),
    ):
        flows = [one, two]
        case.require("flows", all(echo_once(flow, b"x", attempts=3) for flow in flows))
        case.require("a connection", conversation(c, s))
        before, ports = hosts(nat64), set(echo.seen)
        case.equal("clients", len(before), 2)
        for name, end in (("SIGTERM", signal.SIGTERM), ("SIGKILL", signal.SIGKILL)):
            there = len(hosts(nat64))
            restart(nat64, end)
            # Nobody has come back yet: they wait for their owners.
            held = nat64.show("pool")["pool"][0]["held_back"]
            case.equal(f"{name}: addresses kept", held, there)
            if end == signal.SIGKILL:
                with udp_client(stranger, server6, 7) as three:
                    case.check(f"{name}: a new client", echo_once(three, b"z", attempts=3))
            flows.reverse()  # they return in another order than they came
            case.check(f"{name}: flows go on", all(echo_once(f, b"y", attempts=3) for f in flows))
            case.check(f"{name}: the connection goes on", conversation(c, s))
            after = hosts(nat64)
            kept = {client: after.get(client) for client in before}
            case.equal(f"{name}: inner addresses", kept, before)
            case.equal(f"{name}: no address twice", len(set(after.values())), len(after))
            mine = {peer for peer in echo.seen if peer in ports}
            case.equal(f"{name}: public ports", mine, ports)


def hosts(nat64):
    return {row["client"]: row["mapped"] for row in nat64.bindings()}


def restart(nat64, end):
    nat64.process.signal(end)
    wait_until(lambda: not nat64.process.alive, "its end")
    nat64.start()
