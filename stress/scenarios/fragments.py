# SPDX-License-Identifier: Apache-2.0
"""Fragments in any order, doubled, overlapping, missing: whole datagrams or nothing.

    client (packet socket) ──┐
    client2 ─────────────────┴ gateway (nat64) ── server (UDP echo)

Pass: a fragmented datagram whose fragments come in any order, or twice, arrives whole;
overlapping ones and incomplete ones never do and are counted; ten thousand stray fragments do
not keep later datagrams from arriving (bounded memory), and take nothing away from another
source: a fragment of its that came before them still has its place.
"""

import itertools
import random
import socket

from lab import wait_until
from lab.topology import CLIENT, SERVER
from packets import UDP, IPv6, IPv6ExtHdrFragment, Raw, fragment6, gateway_wire
from probes import UdpEcho, echo_once, udp_client

TIME_LIMIT = 90


def run(case):
    lab = case.lab(clients=2)
    nat64 = case.nat64(lab, {"timeouts": {"fragments": "1m"}})
    server6 = nat64.address6(SERVER)
    heard = lab.server.socket(socket.AF_INET, socket.SOCK_DGRAM, bind=(SERVER, 9), timeout=2)
    with heard, gateway_wire(lab) as wire:
        datagram = Datagram(server6)
        for order in itertools.permutations(range(3)):
            payload, parts = datagram.fragments()
            for index in order:
                wire.send(parts[index])
            case.check(f"order {order}", heard_payload(heard) == payload)
        payload, parts = datagram.fragments()
        for part in (parts[1], parts[1], parts[0], parts[2]):
            wire.send(part)
        case.check("one fragment twice", heard_payload(heard) in (payload, None))
        drain(heard)
        payload, parts = datagram.fragments()
        for part in (parts[0], shifted(parts[1], -8), parts[1], parts[2]):
            wire.send(part)
        case.check("overlapping fragments do not arrive", heard_payload(heard, 1) is None)
        with gateway_wire(lab, "client2") as other:
            payload, parts = Datagram(server6, "2001:db8:c2::2").fragments()
            other.send(parts[2])
            other.send(parts[1])
            strays(case, wire, server6)
            case.check("daemon runs", nat64.process.alive)
            other.send(parts[0])
            case.check("another source's fragments", heard_payload(heard, 5) == payload)
        payload, parts = datagram.fragments()
        wait_until(
            lambda: sent_and_heard(wire, datagram, heard), "a datagram after the strays", 15
        )
        case.check("arrives after ten thousand strays", True)
    with UdpEcho(lab.server, SERVER, 7), udp_client(lab.client, server6, 7) as client:
        case.check("and so does a real one", echo_once(client, b"z" * 5000, attempts=3))
    drops = nat64.drops()
    counted = {"fragment_limit", "fragment_timeout", "fragment_overlap"} & set(drops)
    case.check("strays are counted", counted, drops)


class Datagram:
    def __init__(self, server6, source=CLIENT):
        self.server6, self.source = server6, source
        self.id = 100

    def fragments(self):
        """(payload, three fragments)"""
        self.id += 1
        payload = random.randbytes(2400)
        packet = (
            IPv6(src=self.source, dst=self.server6)
            / IPv6ExtHdrFragment(id=self.id)
            / UDP(sport=4000, dport=9)
            / Raw(payload)
        )
        return payload, [bytes(part) for part in fragment6(packet, 1000)]


def shifted(part, by):
    """The same fragment at another offset: it overlaps its neighbour."""
    changed = IPv6(part)
    changed[IPv6ExtHdrFragment].offset += by // 8
    return bytes(changed)


def strays(case, wire, server6):
    """Middle fragments whose first fragment never comes."""
    template = bytearray(
        bytes(
            IPv6(src=CLIENT, dst=server6)
            / IPv6ExtHdrFragment(nh=17, offset=100, m=1, id=0)
            / Raw(b"s" * 1200)
        )
    )
    packets = []
    for number in range(10000):
        template[44:48] = (0x50000000 + number).to_bytes(4, "big")
        packets.append(bytes(template))
    wire.flood(packets, pause_every=128)


def sent_and_heard(wire, datagram, heard):
    payload, parts = datagram.fragments()
    for part in parts:
        wire.send(part)
    return heard_payload(heard, 1) == payload


def heard_payload(sock, timeout=2.0):
    sock.settimeout(timeout)
    try:
        return sock.recv(65535)
    except TimeoutError:
        return None


def drain(sock):
    while heard_payload(sock, 0.1) is not None:
        pass
