# SPDX-License-Identifier: Apache-2.0
"""SYN floods: from many IPv6 sources outwards, from many IPv4 sources inwards.

    client (victim's flow, and 60 000 forged sources) ── gateway (nat64) ── server

Pass: the established connection and an established UDP flow answer throughout; memory stays
bounded by the configured limits; after the flood the daemon still takes new connections of
established clients' prefixes or refuses them with a counter, never crashes. A server behind a
static entry answers the forged SYNs: new connections to it are refused while they fill the limit,
and accepted again when timeouts.tcp_transitory is over.
"""

import ipaddress
import random
import socket
from contextlib import closing

from lab import wait_until
from lab.topology import CLIENT, SERVER
from packets import IP, TCP, IPv6, gateway_wire, server_wire
from probes import UdpEcho, conversation, echo_once, tcp_pair, udp_client

PUBLISHED = "192.0.2.2"
TIME_LIMIT = 120
FLOOD = 60000
LIMIT = 20000


def run(case):
    unanswered(case)
    answered(case)


def unanswered(case):
    """Nobody listens where the SYNs go."""
    lab = case.lab()
    static = [{"protocol": "tcp", "ipv6": f"[{CLIENT}]:8080", "ipv4": f"{PUBLISHED}:80"}]
    nat64 = case.nat64(
        lab, {"static": static, "limits": {"sessions": LIMIT, "half_open_per_client": 64}}
    )
    lab.route_upper_half()
    # What the flood provokes must not drown the lab itself: no answers to it.
    lab.server.drop_incoming("tcp dport 6666")
    server6 = nat64.address6(SERVER)
    with (
        UdpEcho(lab.server, SERVER, 7),
        udp_client(lab.client, server6, 7) as udp,
        tcp_pair(lab.client, lab.server, server6, SERVER, 5001) as (client, server, _),
    ):
        case.require("UDP flow established", echo_once(udp, b"x"))
        case.require("TCP connection established", conversation(client, server))
        before = nat64.process.resident_kib()
        for name, flood in (("IPv6", flood6(lab, server6)), ("IPv4", flood4(lab))):
            for part in range(4):
                wire, packets = flood
                wire.flood(packets(FLOOD // 4))
                case.check(f"{name} flood {part}: TCP goes on", conversation(client, server))
                case.check(
                    f"{name} flood {part}: UDP goes on", echo_once(udp, b"y", attempts=3)
                )
                case.check(f"{name} flood {part}: daemon runs", nat64.process.alive)
            flood[0].__exit__()
        grown = nat64.process.resident_kib() - before
        case.note(f"resident memory {before} KiB, grown by {grown} KiB; {nat64.drops()}")
        # Tables are sized once; pages are touched as they fill. Half a KiB a session is plenty,
        # the pool's ports (16 addresses, 768 KB each at most) come on top.
        case.check("memory is bounded", grown < LIMIT // 2 + 16 * 768, f"{grown} KiB")
        count = nat64.session_count()
        case.check("sessions stay within the limit", count <= LIMIT, count)
    refusals = {
        "session_limit",
        "pool_exhausted",
        "client_half_open_limit",
        "no_binding",
        "syn_store_full",
    }
    drops = nat64.drops()
    case.check("refusals are counted", refusals & set(drops), drops)


def answered(case):
    """The published server sends its SYN+ACK to senders that there are not."""
    lab = case.lab()
    static = [{"protocol": "tcp", "ipv6": f"[{CLIENT}]:8080", "ipv4": f"{PUBLISHED}:80"}]
    limits = {"sessions_per_client": 100}  # half of them for those outside
    timeouts = {"tcp_transitory": "4s", "unsafe": True}
    nat64 = case.nat64(lab, {"static": static, "limits": limits, "timeouts": timeouts})
    lab.client.sysctl(net__ipv4__tcp_synack_retries=1)
    wire, packets = flood4(lab)
    with wire, lab.client.socket(socket.AF_INET6, socket.SOCK_STREAM, bind=("::", 8080)) as port:
        port.listen(64)
        client, server = connected(lab, port)
        with closing(client), closing(server):

            def full():
                wire.flood(packets(20))
                return nat64.drops().get("client_session_limit")

            wait_until(full, "the forged SYNs to fill the limit")
            wait_until(lambda: reaches(lab, port), "the published server", timeout=30)
            case.check("the connection from before goes on", conversation(client, server))


def connected(lab, port):
    """A connection from outside to the published server: its two ends."""
    client = lab.server.socket(socket.AF_INET, socket.SOCK_STREAM, timeout=1.0)
    try:
        client.connect((PUBLISHED, 80))
        server, _ = port.accept()
    except OSError:
        client.close()
        raise
    server.settimeout(5.0)
    return client, server


def reaches(lab, port):
    try:
        client, server = connected(lab, port)
    except TimeoutError:
        return False
    with closing(client), closing(server):
        return conversation(client, server)


def flood6(lab, server6):
    """SYNs from random addresses of the upper half of the client's /64."""
    wire = gateway_wire(lab)
    template = bytes(IPv6(src=CLIENT, dst=server6) / TCP(sport=1024, dport=6666, flags="S"))

    def packets(count):
        return [_forged6(template) for _ in range(count)]

    return wire, packets


def flood4(lab):
    """SYNs from random IPv4 sources to the static port."""
    wire = server_wire(lab)
    template = bytes(IP(src="198.51.100.200", dst=PUBLISHED) / TCP(dport=80, flags="S"))

    def packets(count):
        return [_forged4(template) for _ in range(count)]

    return wire, packets


def _forged6(template):
    """New source address and port, checksum corrected by the change (RFC 1624)."""
    packet = bytearray(template)
    packet[16:24] = random.randbytes(8)  # interface identifier
    packet[16] |= 0x80
    packet[40:42] = random.randint(1024, 65535).to_bytes(2, "big")
    return _fix(packet, template, (16, 24), (40, 42), 56)


def _forged4(template):
    packet = bytearray(template)
    source = ipaddress.IPv4Address("198.18.0.0") + random.randrange(1 << 17)
    packet[12:16] = source.packed
    packet[20:22] = random.randint(1024, 65535).to_bytes(2, "big")
    _fix(packet, template, (12, 16), (12, 12), 10)
    return _fix(packet, template, (12, 16), (20, 22), 36)


def _fix(packet, before, first, second, position):
    total = 0xFFFF & ~int.from_bytes(before[position : position + 2], "big")
    for begin, end in (first, second):
        for at in range(begin, end, 2):
            total += 0xFFFF & ~int.from_bytes(before[at : at + 2], "big")
            total += int.from_bytes(packet[at : at + 2], "big")
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    packet[position : position + 2] = (0xFFFF & ~total).to_bytes(2, "big")
    return bytes(packet)
