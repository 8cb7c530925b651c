# SPDX-License-Identifier: Apache-2.0
"""Hairpinning: IPv6 clients reach each other through their IPv4 transport addresses.

    client  ──┐
              gateway (nat64) ── server (tells each client its mapping)
    client2 ──┤
    client3 ──┘
    192.0.2.2:80 = [client2]:8080, 192.0.2.3 = client3

Pass: UDP to a dynamic mapping, TCP to a static port and ping to a whole-host entry arrive, and
the receiver sees the sender's own mapping below the prefix, never its IPv6 address (RFC 6146
§3.8); the packet goes round inside the daemon, not through the kernel, and loses two hops. A closed
port is "connection refused" at the sender. A datagram that each client hands on to the next one's
mapping comes back to the first, and has gone round once for each.
"""

import errno
import os
import socket

from lab.topology import SERVER
from probes import UdpEcho, all_answered, bulk, echo_once, error_of, ping, udp_client

CLIENT2, CLIENT3 = "2001:db8:c2::2", "2001:db8:c3::2"


def run(case):
    lab = case.lab(clients=3)
    static = [
        {"protocol": "tcp", "ipv6": f"[{CLIENT2}]:8080", "ipv4": "192.0.2.2:80"},
        {"ipv6": CLIENT3, "ipv4": "192.0.2.3"},
    ]
    nat64 = case.nat64(lab, {"static": static})
    udp(case, lab, nat64)
    tcp(case, lab, nat64)
    done = ping(lab.client, nat64.address6("192.0.2.3"))
    case.check("ping to the whole-host entry", all_answered(done), done.stdout)
    case.check("two hops away", "ttl=62" in done.stdout, done.stdout)
    done = ping(lab.client, nat64.address6("192.0.2.3"), size=3000)
    case.check("the same in fragments", all_answered(done), done.stdout)
    with udp_client(lab.client, nat64.address6("192.0.2.3"), 9) as closed:
        case.equal("a closed port", error_of(closed), errno.ECONNREFUSED)
    case.check("counted as hairpinned", hairpinned(nat64) > 50, hairpinned(nat64))
    chain(case, lab, nat64)


def hairpinned(nat64):
    return nat64.show("status")["packets"]["hairpinned"]


def chain(case, lab, nat64):
    """Each knows the next one's mapping only."""
    sockets = [
        node.socket(socket.AF_INET6, socket.SOCK_DGRAM, bind=("::", 6000)) for node in lab.clients
    ]
    with UdpEcho(lab.server, SERVER, 7) as rendezvous:
        for one in sockets:
            one.sendto(b"where am I?", (nat64.address6(SERVER), 7))
            one.recv(100)
        mapped = [(nat64.address6(address), port) for address, port in rendezvous.seen]
    before = hairpinned(nat64)
    sockets[0].sendto(b"hand on", mapped[1])
    for at, following in ((1, 2), (2, 0)):
        sockets[at].sendto(sockets[at].recv(100) + b" and on", mapped[following])
    case.equal("a chain of three", sockets[0].recv(100), b"hand on and on and on")
    case.equal("each of them once", hairpinned(nat64) - before, 3)
    for one in sockets:
        one.close()


def udp(case, lab, nat64):
    """client2 has talked to the server; client then sends to the mapping this made."""
    second = lab.clients[1]
    with UdpEcho(lab.server, SERVER, 7) as rendezvous:
        with udp_client(second, nat64.address6(SERVER), 7, source_port=4000) as known:
            case.require("client2 reaches the server", echo_once(known, b"hello"))
        with udp_client(lab.client, nat64.address6(SERVER), 7, source_port=5000) as other:
            case.require("client reaches the server", echo_once(other, b"hello"))
        (first_address, first_port), (own_address, own_port) = rendezvous.seen
    with UdpEcho(second, CLIENT2, 4000) as answering:
        mapped = nat64.address6(first_address)
        with udp_client(lab.client, mapped, first_port, source_port=5000) as client:
            for size in (100, 1400, 4000):
                case.check(f"UDP of {size} bytes", echo_once(client, os.urandom(size)))
        case.equal(
            "client2 sees the client's mapping",
            set(answering.seen),
            {(nat64.address6(own_address), own_port)},
        )


def tcp(case, lab, nat64):
    listen = ("2001:db8:c2::2", 8080)
    with lab.clients[1].socket(socket.AF_INET6, socket.SOCK_STREAM, bind=listen) as listener:
        listener.listen(1)
        client = lab.client.socket(socket.AF_INET6, socket.SOCK_STREAM, timeout=5)
        with client:
            client.connect((nat64.address6("192.0.2.2"), 80))
            accepted, peer = listener.accept()
            with accepted:
                accepted.settimeout(10)
                case.check("peer is a mapping", peer[0].startswith(nat64.prefix[:8]), peer)
                case.check("10 MB over hairpinned TCP", bulk(client, accepted, 10 << 20))
                case.check("10 MB back", bulk(accepted, client, 10 << 20))
