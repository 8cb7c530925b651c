# SPDX-License-Identifier: Apache-2.0
"""Why two translators may answer the same packets differently. Each reason is seen from what
was sent and what came out; the rule behind it is in docs/differential.md, under the same words.
"""

import struct
from dataclasses import dataclass

_ICMP, _TCP, _UDP, _ICMPV6 = 1, 6, 17, 58


@dataclass
class Packet:
    """An IP packet's fields, as far as they may be compared."""

    version: int
    traffic_class: int
    flow_label: int
    hop_limit: int
    protocol: int
    source: bytes
    destination: bytes
    identification: int
    dont_fragment: int
    fragment: tuple  # offset in units of 8 bytes, more fragments
    options: bytes
    body: bytes

    @property
    def is_fragment(self):
        return self.fragment != (0, 0)

    @property
    def is_first(self):
        return self.fragment[0] == 0

    @property
    def is_error(self):
        types = (1, 2, 3, 4) if self.version == 6 else (3, 4, 5, 11, 12)
        icmp = _ICMPV6 if self.version == 6 else _ICMP
        return self.protocol == icmp and self.is_first and self.body[0] in types

    def checksum_holds(self):
        return transport_sum(self) == 0xFFFF


def parse(data):
    return _parse6(data) if data[0] >> 4 == 6 else _parse4(data)


def _parse4(data):
    header = (data[0] & 15) * 4
    size, ident, word = struct.unpack_from("!HHH", data, 2)
    return Packet(
        version=4,
        traffic_class=data[1],
        flow_label=0,
        hop_limit=data[8],
        protocol=data[9],
        source=data[12:16],
        destination=data[16:20],
        identification=ident,
        dont_fragment=word >> 14 & 1,
        fragment=(word & 0x1FFF, word >> 13 & 1),
        options=data[20:header],
        body=data[header:size],
    )


def _parse6(data):
    first, size, protocol, hop_limit = struct.unpack_from("!IHBB", data)
    body, ident, fragment = data[40 : 40 + size], 0, (0, 0)
    while protocol in (0, 43, 44, 60) and len(body) >= 8:
        if protocol == 44:
            word, ident = struct.unpack_from("!HI", body, 2)
            fragment = (word >> 3, word & 1)
            protocol, body = body[0], body[8:]
            break
        protocol, body = body[0], body[8 + 8 * body[1] :]
    return Packet(
        version=6,
        traffic_class=first >> 20 & 255,
        flow_label=first & 0xFFFFF,
        hop_limit=hop_limit,
        protocol=protocol,
        source=data[8:24],
        destination=data[24:40],
        identification=ident & 0xFFFF,
        dont_fragment=0,
        fragment=fragment,
        options=b"",
        body=body,
    )


def ones_sum(data):
    data = bytes(data) + b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def transport_sum(packet):
    pseudo = packet.source + packet.destination
    pseudo += struct.pack("!II", len(packet.body), packet.protocol)
    return ones_sum((b"" if packet.protocol == _ICMP else pseudo) + packet.body)


@dataclass
class Case:
    """What was sent, and what came out of nat64 and of tayga on one side."""

    sent: list
    ours: list
    theirs: list

    @property
    def first(self):
        return self.sent[0]

    @property
    def only_ours(self):
        return len(self.ours) > len(self.theirs)

    @property
    def only_theirs(self):
        return len(self.ours) < len(self.theirs)

    @property
    def as_many(self):
        return len(self.ours) == len(self.theirs)


def _is_no_protocol_of_ours(case):
    known = (_TCP, _UDP, _ICMPV6 if case.first.version == 6 else _ICMP)
    return case.first.protocol not in known and not case.as_many


def _has_no_udp_checksum(case):
    first = case.first
    return first.protocol == _UDP and first.body[6:8] == b"\0\0" and case.only_ours


def _is_wrong_in_itself(case):
    """ICMP is summed anew by tayga, so it has to look at what was there."""
    icmp = case.first.protocol in (_ICMP, _ICMPV6)
    return icmp and not case.first.is_fragment and not case.first.checksum_holds()


def _lies_about_its_length(case):
    first = case.first
    if first.protocol == _UDP:
        return struct.unpack_from("!H", first.body, 4)[0] != len(first.body) and case.only_theirs
    return first.protocol == _TCP and not 20 <= (first.body[12] >> 4) * 4 <= len(first.body)


def _is_icmp_in_pieces(case):
    return case.first.is_fragment and case.first.protocol in (_ICMP, _ICMPV6) and case.only_ours


def _is_parameter_problem(case):
    first = case.first
    kinds = {4: (12,), 6: (4,)}
    return first.is_error and first.body[0] in kinds[first.version] and case.only_ours


def _has_mtu_of_nothing(case):
    first = case.first
    return first.is_error and first.version == 6 and first.body[0] == 2 and case.only_ours


def _is_address_unreachable(case):
    first = case.first
    return first.is_error and first.version == 6 and first.body[:2] == b"\1\3" and case.only_ours


APART = {
    "other transport protocols": _is_no_protocol_of_ours,
    "UDP without a checksum": _has_no_udp_checksum,
    "wrong ICMP checksum": _is_wrong_in_itself,
    "wrong transport length": _lies_about_its_length,
    "ICMP in fragments": _is_icmp_in_pieces,
    "parameter problem": _is_parameter_problem,
    "address unreachable": _is_address_unreachable,
    "packet too big without an MTU": _has_mtu_of_nothing,
}
IN_DETAIL = ("hop limit", "identification", "don't fragment", "quoted header")
REASONS = (*APART, *IN_DETAIL)


def reasons(sent, ours, theirs):
    """Words of REASONS; None for what has no reason. One side's packets, as bytes."""
    case = Case(*([parse(data) for data in packets] for packets in (sent, ours, theirs)))
    found = set()
    if case.as_many:
        for mine, other in zip(case.ours, case.theirs):
            found |= _compare(mine, other)
        if None not in found:
            return found
    return {word for word, applies in APART.items() if applies(case)} or {None}


def _compare(mine, other):
    """What differs between two packets; makes each difference good that has a reason."""
    found = set()
    if mine.hop_limit == other.hop_limit + 1:
        found.add("hop limit")
        other.hop_limit = mine.hop_limit
    if mine.version == 4 and not mine.is_fragment and not other.is_fragment:
        as_the_rfc_says = int(20 + len(mine.body) > 1260)
        if mine.dont_fragment == as_the_rfc_says != other.dont_fragment:
            found.add("don't fragment")
            other.dont_fragment = mine.dont_fragment
        if mine.identification != other.identification:
            found.add("identification")
            other.identification = mine.identification
    if mine.is_error and other.is_error and mine.body != other.body:
        found |= _compare_quotes(mine, other)
    if mine != other:
        found.add(None)
    return found


def _compare_quotes(mine, other):
    if mine.version != 4 or mine.body[:2] != other.body[:2] or mine.body[4:8] != other.body[4:8]:
        return set()
    found = _compare(_parse4(mine.body[8:]), _parse4(other.body[8:]))
    if None not in found and ones_sum(mine.body) == ones_sum(other.body) == 0xFFFF:
        other.body = mine.body
    return {"quoted header"} | found
