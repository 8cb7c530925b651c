# SPDX-License-Identifier: Apache-2.0
"""ICMP errors reach programs as the errors they know, in both directions.

    client ── gateway (nat64) ── v4hop1 ── server

Pass: a closed UDP port is "connection refused" at the sender on either side; an unreachable
host or network and a prohibited one are their IPv6 counterparts; a closed TCP port is refused
at once; an error refreshes and creates no session.
"""

import errno
import socket
import time

from lab.topology import CLIENT, SERVER
from packets import ICMP, IP, UDP, ICMPv6DestUnreach, Wire
from probes import UdpEcho, echo_once, error_of, udp_client

STATIC = "192.0.2.3"


def run(case):
    lab = case.lab(v4hops=1)
    nat64 = case.nat64(lab, {"static": [{"ipv6": CLIENT, "ipv4": STATIC}]})
    router = lab.nodes["v4hop1"]
    router.ip("route add unreachable 203.0.113.128/30")
    router.ip("route add prohibit 203.0.113.132/30")
    for what, target, wanted in (
        ("closed port", SERVER, {"ECONNREFUSED"}),
        ("unreachable network", "203.0.113.129", {"ENETUNREACH", "EHOSTUNREACH"}),
        ("prohibited network", "203.0.113.133", {"EACCES"}),
    ):
        with udp_client(lab.client, nat64.address6(target), 9999, all_errors=True) as client:
            got = errno.errorcode.get(error_of(client))
        case.check(f"client, {what}", got in wanted, f"got {got}, wanted {wanted}")
    with udp_client(lab.server, STATIC, 9999) as client:
        got = errno.errorcode.get(error_of(client))
        case.equal("server, closed port of the client", got, "ECONNREFUSED")
    for side, node, target in (
        ("client", lab.client, nat64.address6(SERVER)),
        ("server", lab.server, STATIC),
    ):
        family = socket.AF_INET6 if ":" in target else socket.AF_INET
        with node.socket(family, socket.SOCK_STREAM) as stream:
            got = errno.errorcode.get(stream.connect_ex((target, 9998)))
        case.equal(f"{side}: closed TCP port", got, "ECONNREFUSED")
    without_a_trace(case, lab, nat64, router)


def without_a_trace(case, lab, nat64, router):
    """Errors about a live flow and about one that never was: seen by the client, no more."""
    server6 = nat64.address6(SERVER)
    with (
        Wire(lab.server, "v4hop1", (router, "server")) as wire,
        Wire(lab.client, "gateway") as heard,
        UdpEcho(lab.server, SERVER, 7),
        udp_client(lab.client, server6, 7, source_port=4000) as live,
    ):
        case.require("a flow", echo_once(live, b"x", attempts=3))
        before = sessions(nat64)
        time.sleep(2)
        for port in (4000, 4001):
            quoted = IP(src=STATIC, dst=SERVER) / UDP(sport=port, dport=7) / b"x"
            wire.send(IP(src=SERVER, dst=STATIC) / ICMP(type=3, code=13) / quoted)
            seen = heard.receive(lambda p, port=port: quotes(p, port))
            case.check(f"an error about port {port} reaches the client", seen is not None)
        after = sessions(nat64)
        case.equal("no session is created", set(after), set(before))
        fresher = {key for key in before if after.get(key, 0) > before[key] - 1}
        case.equal("no session is refreshed", fresher, set())


def sessions(nat64):
    """{who with whom: seconds left}"""
    return {
        (row["protocol"], row["client"], row["server"]): row["expires_in"]
        for row in nat64.sessions()
    }


def quotes(packet, port):
    return ICMPv6DestUnreach in packet and bytes(packet)[88:90] == port.to_bytes(2, "big")
