# SPDX-License-Identifier: Apache-2.0
"""Fragments in any order, doubled, overlapping, missing: whole datagrams or nothing.

    client (packet socket) ──┐
    client2 ─────────────────┴ gateway (nat64) ── server (packet socket, UDP echo)

Pass: of a datagram in three fragments, from IPv6 to IPv4, back, and back without UDP checksum,
every order arrives whole, and so does every order of the three and any of them twice; where one
is lost, nothing arrives; where one overlaps others, nothing arrives, and the translator has refused
each packet of which it held the overlap. Ten thousand stray fragments do not keep later datagrams
from arriving (bounded memory), and take nothing away from another source: a fragment of its that
came before them still has its place.
"""

import itertools
import os
import random
import socket
import struct

from lab import wait_until
from lab.topology import CLIENT, SERVER
from packets import IP, UDP, IPv6, IPv6ExtHdrFragment, Raw, gateway_wire, server_wire
from probes import UdpEcho, echo_once, udp_client

TIME_LIMIT = 90
WHOLE, CUT = 2408, (0, 1000, 2000)  # bytes of UDP, and where it is cut
LATER = 3  # the piece that is the middle one, eight bytes too late

_identifications = itertools.count(1000)  # of all ways: some pieces are waited for long


def run(case):
    lab = case.lab(clients=2)
    nat64 = case.nat64(lab, {"timeouts": {"fragments": "1m"}})
    os.sched_setaffinity(0, {0})  # two processors could change the order of what we send
    server6 = nat64.address6(SERVER)
    outside = lab.server.socket(socket.AF_INET, socket.SOCK_DGRAM, bind=(SERVER, 9), timeout=2)
    inside = udp_client(lab.client, server6, 9, source_port=4000)
    with outside, inside, gateway_wire(lab) as wire, server_wire(lab) as wire4:
        outbound = Way("outbound", wire, outside, CLIENT, server6, (4000, 9))
        datagram, mapped = learn(inside, outside)
        case.require("a binding", datagram == b"first")
        back = (9, mapped[1])
        every_way(case, nat64, outbound, 10)
        every_way(case, nat64, Way("inbound", wire4, inside, SERVER, mapped[0], back), 10)
        unsummed = Way("inbound, no checksum", wire4, inside, SERVER, mapped[0], back, False)
        every_way(case, nat64, unsummed, 18)
        with gateway_wire(lab, "client2") as other:
            theirs = Way("client2", other, outside, "2001:db8:c2::2", server6, (4000, 9))
            payload, pieces = theirs.datagram()
            other.send(pieces[2])
            other.send(pieces[1])
            strays(wire, server6)
            case.check("daemon runs", nat64.process.alive)
            other.send(pieces[0])
            heard = theirs.hear(payload, theirs.marker())
            case.check("another source's fragments", payload in heard, len(heard))
        wait_until(lambda: outbound.arrives((0, 1, 2)), "a datagram after the strays", 15)
        case.check("arrives after ten thousand strays", True)
    with UdpEcho(lab.server, SERVER, 7), udp_client(lab.client, server6, 7) as client:
        case.check("and so does a real one", echo_once(client, b"z" * 5000, attempts=3))
    case.check("strays are counted", nat64.drops().get("fragment_limit", 0) > 9000, nat64.drops())


def learn(inside, outside):
    """A datagram, and the transport address it came from."""
    inside.send(b"first")
    return outside.recvfrom(100)


def every_way(case, nat64, way, refused):
    """Each arrangement of three fragments that is of interest. `refused`: of how many with an
    overlap the translator holds both pieces, so that it sees the overlap itself."""
    for order in itertools.permutations(range(3)):
        case.check(f"{way.name}: order {order}", way.arrives(order))
    for order in doubled():
        case.check(f"{way.name}: one twice, {order}", way.arrives(order))
    for order in itertools.permutations(range(3), 2):
        case.check(f"{way.name}: one lost, {order}", not way.arrives(order))
    before = nat64.drops().get("fragment_overlap", 0)
    for order in itertools.permutations((0, 1, 2, LATER)):
        if order[-1] != LATER:  # else it comes behind a whole datagram
            case.check(f"{way.name}: an overlap, {order}", not way.arrives(order))
    seen = nat64.drops().get("fragment_overlap", 0) - before
    case.equal(f"{way.name}: overlaps that were held", seen, refused)


def doubled():
    """Every order of the three with one of them twice."""
    return sorted({order for n in range(3) for order in itertools.permutations((0, 1, 2, n))})


class Way:
    """From one packet socket through the translator to a UDP socket on its other side."""

    def __init__(self, name, wire, heard, source, target, ports, summed=True):
        self.name = name
        self._wire, self._heard = wire, heard
        self._from_to, self._ports = {"src": source, "dst": target}, ports
        self._summed = summed
        self._id = 0

    def arrives(self, order):
        """Whether a datagram does of which these pieces are sent, in this order. What was sent
        behind it has come by then, and more time if it is still missing."""
        payload, pieces = self.datagram()
        for index in order:
            self._wire.send(pieces[index])
        return payload in self.hear(payload, self.marker())

    def datagram(self):
        """(payload, its three pieces and the one that is too late)"""
        self._id = next(_identifications)
        payload = random.randbytes(WHOLE - 8)
        body = self._transport(payload)
        pieces = [
            self._piece(at, body[at:end], end < WHOLE)
            for at, end in zip(CUT, (*CUT[1:], WHOLE))
        ]
        return payload, [*pieces, self._piece(CUT[1] + 8, body[CUT[1] : CUT[2]], True)]

    def marker(self):
        """A datagram of one packet, sent now."""
        payload = random.randbytes(16)
        self._wire.send(self._header(None) / Raw(self._transport(payload)))
        return payload

    def hear(self, payload, marker):
        """What comes until both have, or nothing more does after the marker."""
        heard = set()
        self._heard.settimeout(5)
        try:
            while not {payload, marker} <= heard:
                heard.add(self._heard.recv(65535))
                if marker in heard:
                    self._heard.settimeout(0.05)
        except TimeoutError:
            pass
        return heard

    def _transport(self, payload):
        source, target = self._ports
        packet = self._header(None) / UDP(sport=source, dport=target) / Raw(payload)
        body = bytearray(bytes(packet)[-8 - len(payload) :])
        if not self._summed:
            struct.pack_into("!H", body, 6, 0)
        return bytes(body)

    def _header(self, fragment):
        """`fragment`: (offset, whether more follow), or None for a whole packet."""
        offset, more = fragment or (0, False)
        if ":" not in self._from_to["src"]:
            return IP(**self._from_to, proto=17, id=self._id, frag=offset // 8, flags=int(more))
        if fragment is None:
            return IPv6(**self._from_to, nh=17)
        extension = IPv6ExtHdrFragment(nh=17, offset=offset // 8, m=int(more), id=self._id)
        return IPv6(**self._from_to) / extension

    def _piece(self, offset, data, more):
        return bytes(self._header((offset, more)) / Raw(data))


def strays(wire, server6):
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
