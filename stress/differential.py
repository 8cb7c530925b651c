# SPDX-License-Identifier: Apache-2.0
"""The same packets through two translators, each in a lab of its own, and what comes out of
either in a form that can be compared.

The client's and the server's kernels are silenced, so whatever arrives on their links comes
from a translator or from the gateway's kernel. Order is kept all the way, so what belongs to a
packet has arrived when a later one, which both translate, has: `Pair.pass_through`.
"""

import random

from lab import LabError
from lab.topology import CLIENT, SERVER
from packets import (
    ICMP,
    IP,
    TCP,
    UDP,
    ICMPv6DestUnreach,
    ICMPv6EchoReply,
    ICMPv6EchoRequest,
    ICMPv6PacketTooBig,
    ICMPv6ParamProblem,
    ICMPv6TimeExceeded,
    IPOption,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
    Raw,
    gateway_wire,
    server_wire,
)

MAPPED = "192.0.2.3"
_MARK = b"the last of these "
_QUIET = """
table inet quiet {
  chain input {
    type filter hook input priority -300; policy drop;
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
  }
}
"""


class Pair:
    """The two links of one lab with a translator between them."""

    def __init__(self, case, lab, server6):
        self.server6 = server6
        for node in (lab.client, lab.server):
            node.nft(_QUIET)
        self.left = case.stack.enter_context(gateway_wire(lab))
        self.right = case.stack.enter_context(server_wire(lab))
        self._number = 0

    def pass_through(self, packets, outbound):
        """(what left to the server, what left to the client), as lists of bytes."""
        for packet in packets:
            (self.left if outbound else self.right).send(packet)
        to_server, to_client = [], []
        for _ in range(2):  # what the gateway's kernel answers passes the translator again
            header = IPv6(src=CLIENT, dst=self.server6, hlim=64)
            to_server += self._until_mark(self.left, self.right, header)
            to_client += self._until_mark(self.right, self.left, IP(src=SERVER, dst=MAPPED))
        return to_server, to_client

    def _until_mark(self, sender, receiver, header):
        self._number += 1
        mark = _MARK + b"%08d" % self._number
        for _ in range(5):
            sender.send(header / UDP(sport=33333, dport=33334) / Raw(mark))
            arrived = receiver.collect(lambda data: data.endswith(mark), timeout=2.0)
            if arrived is not None:
                return [data for data in arrived if not _is_noise(data)]
        raise LabError("a translator lets even good packets pass no more")


def _is_noise(data):
    """Marks of an earlier round; ARP, neighbour and multicast listener discovery."""
    if data[0] >> 4 not in (4, 6) or _MARK in data:
        return True
    is_discovery = data[6] == 58 and 133 <= data[40] <= 137
    return data[0] >> 4 == 6 and (is_discovery or data[24] == 0xFF)


class Generator:
    """Random packets that an RFC has something to say about; `server6` is what stands for the
    server on the IPv6 side. Each case is (packets, is it outbound)."""

    def __init__(self, seed, server6):
        self.rng = random.Random(seed)
        self.server6 = server6

    def case(self):
        outbound = self.rng.random() < 0.5
        kind = self.rng.choice(("plain",) * 5 + ("fragments", "error", "error", "headers"))
        packet = getattr(self, f"_{kind}")(outbound)
        packets = packet if isinstance(packet, list) else [packet]
        packets = [bytes(one) for one in packets]
        if kind == "plain" and self.rng.random() < 0.3:
            packets = [self._damaged(one) for one in packets]
        return packets, outbound

    def _ip6(self, **fields):
        rng = self.rng
        return IPv6(
            **{
                "src": CLIENT,
                "dst": self.server6,
                "tc": rng.choice((0, 0, 0x2E << 2, rng.randrange(256))),
                "fl": rng.choice((0, rng.randrange(1 << 20))),
                "hlim": rng.choice((5, 64, 255)),
                **fields,
            }
        )

    def _ip4(self, **fields):
        rng = self.rng
        return IP(
            **{
                "src": SERVER,
                "dst": MAPPED,
                "tos": rng.choice((0, 0, 0x2E << 2, rng.randrange(256))),
                "ttl": rng.choice((5, 64, 255)),
                "flags": rng.choice(("DF", 0)),
                "id": rng.randrange(1 << 16),
                **fields,
            }
        )

    def _transport(self, outbound, size):
        rng = self.rng
        data = Raw(rng.randbytes(size))
        ports = {"sport": rng.randrange(1, 1 << 16), "dport": rng.randrange(1, 1 << 16)}
        choice = rng.randrange(10)
        if choice < 3:
            return UDP(**ports) / data
        if choice == 3:
            return UDP(**ports, chksum=0) / data
        if choice < 7:
            flags = rng.choice(("S", "SA", "A", "PA", "FA", "R", "RA"))
            return TCP(**ports, flags=flags, seq=rng.randrange(1 << 32)) / data
        fields = {"id": rng.randrange(1 << 16), "seq": rng.randrange(1 << 16)}
        if choice < 9:
            if outbound:
                return rng.choice((ICMPv6EchoRequest, ICMPv6EchoReply))(**fields) / data
            return ICMP(type=rng.choice((0, 8)), **fields) / data
        return data  # of a protocol that the header below names

    def _size(self):
        return self.rng.choice((0, 1, 7, 100, 1200, 1232, 1233, 1400, self.rng.randrange(1400)))

    def _plain(self, outbound, size=None):
        size = self._size() if size is None else size
        inner = self._transport(outbound, size)
        protocol = {"nh" if outbound else "proto": self.rng.choice((132, 47, 50, 253))}
        fields = protocol if isinstance(inner, Raw) else {}
        return (self._ip6 if outbound else self._ip4)(**fields) / inner

    def _headers(self, outbound):
        rng = self.rng
        if not outbound:
            option = rng.choice((b"\x07\x07\x04\x00\x00\x00\x00", b"\x01" * 4, b"\x94\x04\x00\x00"))
            return self._ip4(options=[IPOption(option)]) / UDP(sport=9, dport=9) / Raw(b"x" * 30)
        header = rng.choice(
            (
                IPv6ExtHdrDestOpt(),
                IPv6ExtHdrHopByHop(),
                IPv6ExtHdrRouting(type=0, segleft=0, addresses=["2001:db8::1"]),
                IPv6ExtHdrFragment(id=rng.randrange(1 << 32), offset=0, m=0),
            )
        )
        return self._ip6() / header / UDP(sport=9, dport=9) / Raw(b"x" * rng.randrange(1000))

    def _fragments(self, outbound):
        """In order; what one translator keeps for later the other has sent before."""
        rng = self.rng
        whole = bytes(self._plain(outbound, size=1400))
        head, piece = 40 if outbound else 20, 8 * rng.randrange(20, 100)
        body, ident = whole[head:], rng.randrange(1 << 32)
        pieces = []
        for at in range(0, len(body), piece):
            part, more = body[at : at + piece], int(at + piece < len(body))
            if outbound:
                header = IPv6(whole[:40])
                header.plen = None
                fragment = IPv6ExtHdrFragment(nh=header.nh, offset=at // 8, m=more, id=ident)
                header.nh = 44
                pieces.append(header / fragment / Raw(part))
            else:
                header = IP(whole[:20])
                header.len = header.chksum = None
                header.flags, header.frag, header.id = more, at // 8, ident & 0xFFFF
                pieces.append(header / Raw(part))
        return pieces

    def _error(self, outbound):
        """About a packet that went the other way, from its destination or a router."""
        rng = self.rng
        data = Raw(rng.randbytes(rng.choice((0, 8, 64, 500))))
        ports = {"sport": 4000, "dport": 53}
        inner = rng.choice((UDP(**ports), TCP(**ports, flags="A")))
        if outbound:
            about = IPv6(src=self.server6, dst=CLIENT, hlim=60) / inner / data
            error = rng.choice(
                (
                    ICMPv6DestUnreach(code=rng.randrange(8)),
                    ICMPv6PacketTooBig(mtu=rng.choice((0, 1280, 1400, 1500, 9000))),
                    ICMPv6TimeExceeded(code=rng.randrange(3)),
                    ICMPv6ParamProblem(code=rng.randrange(3), ptr=rng.randrange(48)),
                )
            )
            return self._ip6() / error / about
        mtu = rng.choice((0, 68, 576, 1400, 9000))
        about = IP(src=MAPPED, dst=SERVER, ttl=60, flags=rng.choice(("DF", 0))) / inner / data
        error = rng.choice(
            (
                ICMP(type=3, code=rng.randrange(16), nexthopmtu=mtu),
                ICMP(type=11, code=rng.randrange(3)),
                ICMP(type=12, code=rng.randrange(3), ptr=rng.randrange(24)),
                ICMP(type=4),
            )
        )
        return self._ip4() / error / about

    def _damaged(self, data):
        """Behind the IP header, so that it arrives."""
        data = bytearray(data)
        start = 40 if data[0] >> 4 == 6 else 20
        for _ in range(self.rng.randrange(1, 4)):
            if len(data) > start:
                data[self.rng.randrange(start, len(data))] = self.rng.randrange(256)
        return bytes(data)
