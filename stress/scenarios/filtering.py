# SPDX-License-Identifier: Apache-2.0
"""Filtering, observed from the IPv4 side: who may use a mapping that somebody else's flow made.

    client ── gateway (nat64) ── server on 203.0.113.10, .11 and .12

Pass: the mapping is the same towards every server (endpoint-independent mapping); with
endpoint-independent filtering any address and port reaches the client through it, with address-
dependent filtering only addresses that the client has sent to, on any port.
"""

import socket

from lab import wait_until
from lab.topology import SERVERS

KNOWN, OTHER = SERVERS[0], SERVERS[1]


def run(case):
    for filtering, strangers in (("endpoint-independent", True), ("address-dependent", False)):
        lab = case.lab()
        nat64 = case.nat64(lab, {"filtering": filtering})
        observe(case, lab, nat64, filtering, strangers)


def observe(case, lab, nat64, label, strangers):
    def server_socket(address, port):
        return lab.server.socket(
            socket.AF_INET, socket.SOCK_DGRAM, bind=(address, port), timeout=2
        )

    client = lab.client.socket(
        socket.AF_INET6, socket.SOCK_DGRAM, bind=("::", 4000), timeout=1
    )
    known, same_host = server_socket(KNOWN, 7000), server_socket(KNOWN, 7001)
    other = server_socket(OTHER, 7000)
    with client, known, same_host, other:
        client.sendto(b"first", (nat64.address6(KNOWN), 7000))
        mapping = known.recvfrom(100)[1]
        for sender, what, wanted in (
            (known, "the peer", True),
            (same_host, "another port of the peer", True),
            (other, "a stranger", strangers),
        ):
            sender.sendto(what.encode(), mapping)
            case.equal(f"{label}: {what} reaches the client", received(client), wanted)
        client.sendto(b"second", (nat64.address6(OTHER), 7000))
        case.equal(f"{label}: same mapping for another server", other.recvfrom(100)[1], mapping)
        other.sendto(b"now known", mapping)
        case.check(f"{label}: who was sent to may answer", received(client))
    if not strangers:
        wait_until(lambda: nat64.drops().get("filtered"), "the counter 'filtered'")
        case.check(f"{label}: counted as filtered", nat64.drops()["filtered"] >= 1)


def received(client):
    try:
        client.recv(1000)
        return True
    except TimeoutError:
        return False
