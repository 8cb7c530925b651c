# SPDX-License-Identifier: Apache-2.0
"""A stranger tries the gateway's own services through prefix||its-own-address.

    client ── gateway (nat64; sshd and DNS on all its addresses) ── server

Pass: with either napt and under either prefix, none of the gateway's addresses answers, not
loopback, not the broadcast addresses of its subnets, not those of a local route, not an address
or a local route that appears while nat64 runs; the stranger is told at once (ICMPv6 1/1); flows to
an address that becomes the gateway's end; an address that it loses is an ordinary destination
again. Services of others go on.
"""

import errno
import socket
import time
from contextlib import ExitStack

from lab import wait_until
from lab.topology import SERVER
from probes import UdpEcho, conversation, echo_once, error_of, tcp_pair, udp_client

TIME_LIMIT = 120
OWN = ("203.0.113.1", "192.168.77.1")  # towards the server, and a private network
MEANS_ALL = ("203.0.113.255", "203.0.113.0", "192.168.77.255")
NEVER = ("127.0.0.1", "0.0.0.0", "169.254.169.254", "255.255.255.255", "224.0.0.1")
BY_ROUTE = "203.0.113.208/28"  # no interface has any of it
OF_ROUTE = ("203.0.113.208", "203.0.113.210", "203.0.113.223")
NEW = "203.0.113.99"
NEW_ROUTE = "203.0.113.96/28"
SSH = 22


def run(case):
    for napt in ("daemon", "kernel"):
        for prefix in ("64:ff9b::/96", "2001:db8:64:64::/64"):
            probe(case, napt, prefix)


def probe(case, napt, prefix):
    lab = case.lab()
    label = f"{napt}, {prefix}"
    lab.gateway.ip("addr add 192.168.77.1/24 dev server")
    lab.gateway.ip(f"route add local {BY_ROUTE} dev lo")
    no_mail = {"prefix": "0.0.0.0/0", "protocol": "tcp", "ports": 25}
    destinations = {"private": True, "deny": [no_mail]}
    nat64 = case.nat64(lab, {"napt": napt, "prefix": prefix, "destinations": destinations})
    with ExitStack() as stack:
        ssh = stack.enter_context(
            lab.gateway.socket(socket.AF_INET, socket.SOCK_STREAM, bind=("0.0.0.0", SSH))
        )
        ssh.listen(8)
        ssh.settimeout(0.2)
        dns = stack.enter_context(UdpEcho(lab.gateway, "0.0.0.0", 53))
        stack.enter_context(UdpEcho(lab.server, SERVER, 7))
        known = stack.enter_context(udp_client(lab.client, nat64.address6(SERVER), 7))
        case.check(f"{label}: the server answers", echo_once(known, b"x", attempts=3))

        for address in (*OWN, *MEANS_ALL, *OF_ROUTE, *NEVER):
            refused(case, lab, nat64, address, label)
        blocked = connect_error(lab, nat64.address6(SERVER), 25)
        case.equal(f"{label}: SMTP to the server", blocked, "EACCES")

        for what, own in (("addr", f"{NEW}/24 dev server"), ("route", f"local {NEW_ROUTE} dev lo")):
            becomes_own(case, lab, nat64, f"{label}, {what}", what, own)
        case.check(f"{label}: sshd has seen nobody", nobody_came(ssh))
        case.equal(f"{label}: the DNS server has seen", dns.seen, [])
        with tcp_pair(lab.client, lab.server, nat64.address6(SERVER), SERVER, 80) as (c, s, _):
            case.check(f"{label}: the server's services go on", conversation(c, s))
        case.check(f"{label}: the first flow goes on", echo_once(known, b"y", attempts=3))
    drops = nat64.drops()
    for reason in ("own_address", "illegal_destination", "destination_denied"):
        case.check(f"{label}: counted as {reason}", drops.get(reason, 0) > 0, drops)


def refused(case, lab, nat64, address, label):
    server6 = nat64.address6(address)
    case.equal(f"{label}: ssh to {address}", connect_error(lab, server6, SSH), "EACCES")
    with udp_client(lab.client, server6, 53, all_errors=True) as client:
        got = errno.errorcode.get(error_of(client))
    case.equal(f"{label}: DNS at {address}", got, "EACCES")


def connect_error(lab, server6, port):
    with lab.client.socket(socket.AF_INET6, socket.SOCK_STREAM, timeout=5) as client:
        try:
            return errno.errorcode.get(client.connect_ex((server6, port)))
        except TimeoutError:
            return "ETIMEDOUT"


def becomes_own(case, lab, nat64, label, what, own):
    """An address of the server's moves to the gateway, and back; the gateway's is `own`."""
    lab.server.ip(f"addr add {NEW}/24 dev gateway")
    with UdpEcho(lab.server, NEW, 53), udp_client(
        lab.client, nat64.address6(NEW), 53, all_errors=True
    ) as client:
        case.check(f"{label}: {NEW} answers as the server's", echo_once(client, b"x", attempts=3))
        lab.server.ip(f"addr del {NEW}/24 dev gateway")
        lab.gateway.ip(f"{what} add {own}")
        news = NEW if what == "addr" else NEW_ROUTE
        wait_until(lambda: knows(nat64, news), f"nat64 to know that {news} is the gateway's")
        case.equal(f"{label}: a flow from before", errno.errorcode.get(error_of(client)), "EACCES")
    refused(case, lab, nat64, NEW, label)
    lab.gateway.ip(f"{what} del {own}")
    lab.server.ip(f"addr add {NEW}/24 dev gateway")
    with (
        UdpEcho(lab.server, NEW, 53),
        udp_client(lab.client, nat64.address6(NEW), 53) as client,
    ):
        ends = time.monotonic() + 10
        answered = False
        while not answered and time.monotonic() < ends:
            answered = echo_or_refused(client)
        case.check(f"{label}: {NEW} answers as the server's again", answered)
    lab.server.ip(f"addr del {NEW}/24 dev gateway")


def knows(nat64, address):
    return f"clients do not reach: {address}" in nat64.process.log()


def echo_or_refused(client):
    try:
        return echo_once(client, b"x")
    except OSError:
        return False


def nobody_came(listener):
    try:
        listener.accept()[0].close()
        return False
    except TimeoutError:
        return True
