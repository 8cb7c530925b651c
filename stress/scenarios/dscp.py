# SPDX-License-Identifier: Apache-2.0
"""Fixed codepoints: what `dscp` says holds for each packet of a flow, and ECN marks stay.

    client ── gateway (nat64) ── server

Pass: with `dscp: {to_ipv4: 46, to_ipv6: 0}` five datagrams of one flow arrive at the server with
codepoint 46 and five answers at the client with 0, each with the ECN bits it was sent with;
without `dscp` codepoints arrive as they were sent.
"""

import socket

from lab.topology import SERVER

PORT = 7000
PACKETS = 5
SENT = 10 << 2 | 1  # AF11, ECT(1)


def run(case):
    observe(case, "fixed", {"dscp": {"to_ipv4": 46, "to_ipv6": 0}}, 46 << 2 | 1, 0 << 2 | 1)
    observe(case, "copied", {}, SENT, SENT)


def observe(case, label, configuration, at_server, at_client):
    lab = case.lab()
    nat64 = case.nat64(lab, configuration)
    server = lab.server.socket(
        socket.AF_INET, socket.SOCK_DGRAM, bind=(SERVER, PORT), timeout=5
    )
    client = lab.client.socket(socket.AF_INET6, socket.SOCK_DGRAM, bind=("::", 0), timeout=5)
    with server, client:
        server.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
        server.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, SENT)
        client.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, 1)
        client.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, SENT)
        there, back = [], []
        for _ in range(PACKETS):
            client.sendto(b"there", (nat64.address6(SERVER), PORT))
            octet, sender = received(server)
            there.append(octet)
            server.sendto(b"back", sender)
            back.append(received(client)[0])
    case.equal(f"{label}: type of service at the server", there, [at_server] * PACKETS)
    case.equal(f"{label}: traffic class at the client", back, [at_client] * PACKETS)


def received(receiver):
    """The octet that a datagram came with, and its sender."""
    _, notes, _, sender = receiver.recvmsg(100, 100)
    octet = int.from_bytes(notes[0][2][:1], "little")
    return octet, sender
