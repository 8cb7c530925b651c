# SPDX-License-Identifier: Apache-2.0
"""The kinds of packets that scenario `malformed` sends, with the drop reason each must get.

A reason of None means that the kernel may discard it before nat64 sees it, or that several
treatments are right; the scenario then only demands that nothing is lost uncounted.
"""

import os

from lab.topology import CLIENT, GATEWAY_IPV4, SERVER
from packets import (
    ICMP,
    IP,
    TCP,
    UDP,
    ICMPv6DestUnreach,
    ICMPv6EchoRequest,
    ICMPv6PacketTooBig,
    ICMPv6Unknown,
    IPOption,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrRouting,
    Raw,
)

BAD_TRANSPORT = "bad_transport_header"
STATIC = "192.0.2.3"  # whole-host entry: inbound packets have a binding


def from_client(server6, nat64):
    """IPv6 side. {name: (packet, reason)}"""
    ip = IPv6(src=CLIENT, dst=server6)
    data = Raw(b"x" * 64)
    datagram = UDP(sport=4000, dport=9) / data
    kinds = {
        "UDP header cut short": (
            IPv6(src=CLIENT, dst=server6, nh=17) / Raw(b"\x0f\xa0\x00\x09"),
            BAD_TRANSPORT,
        ),
        "UDP length beyond the packet": (
            ip / UDP(sport=1, dport=9, len=2000) / data,
            BAD_TRANSPORT,
        ),
        "UDP length below eight": (ip / UDP(sport=1, dport=9, len=3) / data, BAD_TRANSPORT),
        "UDP without checksum over IPv6": (ip / UDP(sport=4000, dport=9, chksum=0), None),
        "TCP header of 8 bytes": (ip / TCP(dport=80, flags="S", dataofs=2), BAD_TRANSPORT),
        "TCP offset beyond the packet": (
            ip / TCP(dport=80, flags="S", dataofs=15),
            BAD_TRANSPORT,
        ),
        "TCP with all flags": (ip / TCP(dport=80, flags="FSRPAUEC"), None),
        "TCP with no flags": (ip / TCP(sport=4999, dport=80, flags=0), None),
        "ICMPv6 of one byte": (
            IPv6(src=CLIENT, dst=server6, nh=58) / Raw(b"\x80"),
            BAD_TRANSPORT,
        ),
        "unknown ICMPv6 type": (
            ip / ICMPv6Unknown(type=200, code=0) / data,
            "unknown_icmp_type",
        ),
        "router advertisement": (
            ip / ICMPv6Unknown(type=134, code=0) / data,
            "unknown_icmp_type",
        ),
        "ICMPv6 error with nothing in it": (
            ip / ICMPv6DestUnreach(code=1),
            "bad_quoted_packet",
        ),
        "ICMPv6 error quoting garbage": (
            ip / ICMPv6DestUnreach(code=1) / Raw(b"\xff" * 60),
            "bad_quoted_packet",
        ),
        "ICMPv6 error about an ICMPv6 error": (
            ip / ICMPv6DestUnreach(code=1) / IPv6(src=server6, dst=CLIENT)
            / ICMPv6DestUnreach(code=1) / data,
            "quoted_icmp_error",
        ),
        "packet too big about a stranger's flow": (
            ip / ICMPv6PacketTooBig(mtu=0) / IPv6(src="2001:db8:99::1", dst="2001:db8:99::2")
            / datagram,
            "bad_quoted_packet",
        ),
        "routing header with segments left": (
            ip / IPv6ExtHdrRouting(type=0, segleft=1, addresses=["2001:db8::1"]) / datagram,
            "source_route",
        ),
        "extension header past the end": (
            IPv6(src=CLIENT, dst=server6, nh=60) / Raw(b"\x11\xff" + b"\0" * 14),
            "bad_extension_header",
        ),
        "thirty extension headers": (
            chain(ip, [IPv6ExtHdrDestOpt() for _ in range(30)]) / datagram,
            "bad_extension_header",
        ),
        "two fragment headers": (
            ip / IPv6ExtHdrFragment(id=1, m=0) / IPv6ExtHdrFragment(id=2, m=0) / datagram,
            "bad_extension_header",
        ),
        "fragment beyond 65535": (
            IPv6(src=CLIENT, dst=server6) / IPv6ExtHdrFragment(nh=17, offset=8191, m=0, id=5)
            / Raw(b"x" * 64),
            "bad_fragment",
        ),
        "fragment of odd length": (
            IPv6(src=CLIENT, dst=server6) / IPv6ExtHdrFragment(nh=17, offset=0, m=1, id=6)
            / Raw(b"x" * 13),
            "bad_fragment",
        ),
        "empty fragment": (
            IPv6(src=CLIENT, dst=server6) / IPv6ExtHdrFragment(nh=17, offset=3, m=1, id=7),
            "bad_fragment",
        ),
        "unknown transport protocol": (
            IPv6(src=CLIENT, dst=server6, nh=132) / data,
            "unknown_protocol",
        ),
        "no next header": (IPv6(src=CLIENT, dst=server6, nh=59), "unknown_protocol"),
        "source inside the prefix": (
            IPv6(src=nat64.address6("198.51.100.66"), dst=server6) / datagram,
            "source_in_prefix",
        ),
        "to 127.0.0.1": (to(nat64, "127.0.0.1") / datagram, "illegal_destination"),
        "to 0.0.0.0": (to(nat64, "0.0.0.0") / datagram, "illegal_destination"),
        "to 224.0.0.1": (to(nat64, "224.0.0.1") / datagram, "illegal_destination"),
        "to 255.255.255.255": (to(nat64, "255.255.255.255") / datagram, "illegal_destination"),
        "to 169.254.1.1": (to(nat64, "169.254.1.1") / datagram, "illegal_destination"),
        "to an address of the machine": (to(nat64, "203.0.113.1") / datagram, None),
        # Leaves as IPv4 and comes straight back: gateway.ipv4 is routed to the TUN. Datagrams
        # could come back as one (docs/adr/0034-udp-rows.md).
        "to gateway.ipv4": (
            to(nat64, GATEWAY_IPV4) / ICMPv6EchoRequest(id=8, seq=1, data=b"x" * 64),
            "not_in_pool",
        ),
        "to an unused pool address": (to(nat64, "192.0.2.14") / datagram, "no_binding"),
        "TCP data without a session": (
            ip / TCP(sport=4998, dport=80, flags="PA") / data,
            None,  # translated without a session, RFC 6146 §3.5.2.2
        ),
        "hop limit 1 at the translator": (
            IPv6(src=CLIENT, dst=server6, hlim=2) / datagram,
            None,
        ),
        "version 7": (b"\x70" + bytes(ip / datagram)[1:], None),
        "payload length too long": (
            bytes(ip / datagram)[:4] + b"\xff\xff" + bytes(ip / datagram)[6:],
            None,
        ),
        "random bytes": (b"\x60" + os.urandom(99), None),
    }
    return kinds


def from_server(server6, nat64):
    """IPv4 side. {name: (packet, reason)}"""
    ip = IP(src=SERVER, dst=STATIC)
    data = Raw(b"x" * 64)
    datagram = UDP(sport=9, dport=4000) / data
    quoted = IP(src=STATIC, dst=SERVER) / UDP(sport=4000, dport=9) / data
    kinds = {
        "UDP header cut short": (
            IP(src=SERVER, dst=STATIC, proto=17) / Raw(b"\0\x09"),
            BAD_TRANSPORT,
        ),
        "UDP length beyond the packet": (ip / UDP(dport=4000, len=2000) / data, BAD_TRANSPORT),
        "TCP header of 8 bytes": (ip / TCP(dport=80, flags="S", dataofs=2), BAD_TRANSPORT),
        "TCP header past the end": (ip / TCP(dport=80, flags="S", dataofs=15), BAD_TRANSPORT),
        "ICMP of one byte": (IP(src=SERVER, dst=STATIC, proto=1) / Raw(b"\x08"), BAD_TRANSPORT),
        "source route": (
            IP(src=SERVER, dst=STATIC, options=[IPOption(b"\x83\x07\x08\xcb\x00\x71\x0b")])
            / datagram,
            None,
        ),
        "timestamp request": (ip / ICMP(type=13) / data, "unknown_icmp_type"),
        "unknown ICMP type": (ip / ICMP(type=250) / data, "unknown_icmp_type"),
        "ICMP error with nothing in it": (ip / ICMP(type=3, code=1), "bad_quoted_packet"),
        "ICMP error quoting garbage": (
            ip / ICMP(type=3, code=1) / Raw(b"\xff" * 28),
            "bad_quoted_packet",
        ),
        "ICMP error about an ICMP error": (
            ip / ICMP(type=3, code=1) / IP(src=STATIC, dst=SERVER) / ICMP(type=3, code=1)
            / Raw(bytes(quoted)),
            "quoted_icmp_error",
        ),
        "fragmentation needed with MTU 0": (ip / ICMP(type=3, code=4) / quoted, None),
        "fragmentation needed with MTU 20": (
            ip / ICMP(type=3, code=4, nexthopmtu=20) / quoted,
            None,
        ),
        "unknown transport protocol": (
            IP(src=SERVER, dst=STATIC, proto=132) / data,
            "unknown_protocol",
        ),
        "fragment beyond 65535": (
            IP(src=SERVER, dst=STATIC, proto=17, frag=8191, id=4) / data,
            "bad_fragment",
        ),
        "fragment of odd length": (
            IP(src=SERVER, dst=STATIC, proto=17, flags="MF", id=5) / Raw(b"x" * 13),
            "bad_fragment",
        ),
        "to a port without binding": (IP(src=SERVER, dst="192.0.2.9") / datagram, "no_binding"),
        "SYN to a port without binding": (
            IP(src=SERVER, dst="192.0.2.9") / TCP(dport=99, flags="S"),
            "syn_repeated",  # RFC 6146 §3.5.2.2: the first is stored, none is forwarded
        ),
        "from 127.0.0.1": (IP(src="127.0.0.1", dst=STATIC) / datagram, None),
        "from a pool address": (IP(src="192.0.2.7", dst=STATIC) / datagram, None),
        "from 224.0.0.1": (IP(src="224.0.0.1", dst=STATIC) / datagram, None),
        "TTL 2": (IP(src=SERVER, dst=STATIC, ttl=2) / datagram, None),
        "wrong header checksum": (
            IP(src=SERVER, dst=STATIC, chksum=0x1234) / datagram,
            None,
        ),
        "header length 3": (b"\x43" + bytes(ip / datagram)[1:], None),
        "random bytes": (b"\x45" + os.urandom(99), None),
        "UDP without checksum": (ip / UDP(sport=9, dport=4000, chksum=0) / data, None),
    }
    return kinds


def good_packets(server6, nat64, outbound):
    """Valid packets as bytes, to be mutated."""
    data = Raw(b"0123456789abcdef" * 8)
    if outbound:
        ip = IPv6(src=CLIENT, dst=server6)
        quoted = IPv6(src=server6, dst=CLIENT) / UDP(sport=9, dport=4000) / data
        packets = [
            ip / UDP(sport=4000, dport=9) / data,
            ip / TCP(sport=4001, dport=80, flags="S", options=[("MSS", 1440)]),
            ip / ICMPv6EchoRequest(id=7, seq=1, data=b"x" * 64),
            ip / ICMPv6DestUnreach(code=4) / quoted,
            ip / IPv6ExtHdrFragment(id=9, m=1) / UDP(sport=4000, dport=9, len=400) / data,
            ip / IPv6ExtHdrDestOpt() / UDP(sport=4000, dport=9) / data,
        ]
    else:
        ip = IP(src=SERVER, dst=STATIC)
        quoted = IP(src=STATIC, dst=SERVER) / UDP(sport=4000, dport=9) / data
        packets = [
            ip / UDP(sport=9, dport=4000) / data,
            ip / TCP(sport=80, dport=4001, flags="SA", options=[("MSS", 1460)]),
            ip / ICMP(type=8, id=7, seq=1) / data,
            ip / ICMP(type=3, code=3) / quoted,
            IP(src=SERVER, dst=STATIC, flags="MF", id=9) / UDP(dport=4000, len=400) / data,
        ]
    return [bytes(packet) for packet in packets]


def mutate(rng, packet):
    """Up to four bytes changed after the version nibble's byte, sometimes cut or extended."""
    changed = bytearray(packet)
    for _ in range(rng.randint(1, 4)):
        # Addresses stay most of the time, or the kernel would route it elsewhere.
        at = rng.randrange(1, len(changed))
        if packet[0] >> 4 == 6 and 8 <= at < 40 and rng.random() < 0.9:
            continue
        if packet[0] >> 4 == 4 and 12 <= at < 20 and rng.random() < 0.9:
            continue
        changed[at] = rng.randrange(256)
    if rng.random() < 0.2:
        del changed[rng.randrange(20, len(changed)) :]
    if rng.random() < 0.1:
        changed += bytes(rng.randrange(64))
    if packet[0] >> 4 == 4:
        changed[10:12] = b"\0\0"
        changed[10:12] = header_checksum(changed[:20])
    elif rng.random() < 0.8 and len(changed) >= 40:
        changed[4:6] = (len(changed) - 40).to_bytes(2, "big")
    return bytes(changed)


def header_checksum(header):
    total = sum(int.from_bytes(header[at : at + 2], "big") for at in range(0, len(header), 2))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return (0xFFFF & ~total).to_bytes(2, "big")


def chain(packet, headers):
    for header in headers:
        packet = packet / header
    return packet


def to(nat64, ipv4):
    return IPv6(src=CLIENT, dst=nat64.address6(ipv4))
