# SPDX-License-Identifier: Apache-2.0
"""Limits per client: one customer's flood is one customer's problem (RFC 6888 §3 REQ-4).

    client  (SYN flood from its /64) ──┐
    client2 (too many ports) ──────────┤ gateway (nat64, limits per /64) ── server
    client3 (too many sessions) ───────┘

Pass: each client is stopped at its own limit, told so (ICMPv6 1/1) and counted; what it had
before goes on; the others do not notice.
"""

import errno
import socket
from contextlib import ExitStack

from lab import wait_until
from lab.topology import CLIENT, SERVER
from packets import TCP, IPv6, gateway_wire
from probes import UdpEcho, conversation, echo_once, error_of, tcp_pair, udp_client

HALF_OPEN, PORTS, SESSIONS = 32, 60, 120
LIMITS = {
    "client_prefix": 64,
    "half_open_per_client": HALF_OPEN,
    "ports_per_client": PORTS,
    "sessions_per_client": SESSIONS,
}


def run(case):
    lab = case.lab(clients=3)
    nat64 = case.nat64(lab, {"limits": LIMITS, "icmp": {"rate": 10000}})
    lab.server.drop_incoming("tcp dport 6666", "udp dport 9000-9999")
    server6 = nat64.address6(SERVER)
    with ExitStack() as stack:
        stack.enter_context(UdpEcho(lab.server, SERVER, 7))
        known = {}
        for node in lab.clients:
            known[node] = stack.enter_context(udp_client(node, server6, 7))
            case.require(f"{node.role} has a flow", echo_once(known[node], b"x", attempts=3))
        for abuse, reason in (
            (half_open, "client_half_open_limit"),
            (ports, "client_port_limit"),
            (sessions, "client_session_limit"),
        ):
            abuse(case, lab, nat64, server6)
            case.check(f"counted as {reason}", nat64.drops().get(reason, 0) > 0, nat64.drops())
            for node, flow in known.items():
                fine = echo_once(flow, b"y", attempts=3)
                case.check(f"{abuse.__name__}: {node.role}'s flow goes on", fine)


def half_open(case, lab, nat64, server6):
    """3000 SYNs from as many addresses of one /64."""
    lab.route_upper_half()
    with gateway_wire(lab) as wire:
        for number in range(3000):
            source = f"2001:db8:c1:0:8000::{number:x}"
            wire.send(IPv6(src=source, dst=server6) / TCP(sport=5000, dport=6666, flags="S"))
    wait_until(lambda: nat64.drops().get("client_half_open_limit"), "refusals")
    case.equal("half-open sessions", nat64.show("status")["protocols"][0]["sessions"], HALF_OPEN)
    with lab.client.socket(socket.AF_INET6, socket.SOCK_STREAM, bind=(CLIENT, 0)) as stream:
        got = errno.errorcode.get(stream.connect_ex((server6, 6666)))
    case.equal("one more is refused", got, "EACCES")
    for other in lab.clients[1:]:
        with tcp_pair(other, lab.server, server6, SERVER, 5001, timeout=20) as (c, s, _):
            case.check(f"{other.role} can connect", conversation(c, s))


def ports(case, lab, nat64, server6):
    """client2 uses one port after the other, until it may not."""
    hog = lab.clients[1]
    with ExitStack() as stack:
        flows = []
        while len(flows) <= PORTS:
            flow = stack.enter_context(udp_client(hog, server6, 7, all_errors=True))
            if (error := try_flow(flow)) is not None:
                break
            flows.append(flow)
        case.equal("a port too many is refused", errno.errorcode.get(error), "EACCES")
        used = len(nat64.bindings("--client", "2001:db8:c2::/64"))
        case.equal("client2's bindings", used, PORTS)
        answered = sum(echo_once(flow, b"z", attempts=3) for flow in flows)
        case.equal("those it has work on", answered, len(flows))
        with udp_client(lab.clients[2], server6, 7) as other:
            case.check("client3 gets another port", echo_once(other, b"x", attempts=3))


def sessions(case, lab, nat64, server6):
    """client3 sends to ever more ports of the server from one of its own."""
    hog = lab.clients[2]
    with hog.socket(socket.AF_INET6, socket.SOCK_DGRAM, bind=("::", 4000)) as sender:
        for port in range(9000, 9000 + 2 * SESSIONS):
            sender.sendto(b"x", (server6, port))
    with udp_client(hog, server6, 9999, source_port=4000, all_errors=True) as refused:
        got = errno.errorcode.get(error_of(refused))
    case.equal("a session too many is refused", got, "EACCES")
    count = len(nat64.sessions("--client", "2001:db8:c3::/64"))
    case.equal("client3's sessions", count, SESSIONS)


def try_flow(flow):
    """None if an answer comes, else the error's number."""
    try:
        return None if echo_once(flow, b"x", attempts=3) else errno.ETIMEDOUT
    except OSError as error:
        return error.errno
