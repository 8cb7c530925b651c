# SPDX-License-Identifier: Apache-2.0
"""Bursts of UDP: what nat64 writes as one super-packet arrives datagram by datagram.

    client ── gateway (nat64, both kinds of napt, tun.offload auto and off) ── server

The daemon is stopped until a burst waits in its TUN, so it finds all of it at once. Nothing
behind it aggregates or sums, so what arrives is what would be on a wire.

Pass: both ways every datagram arrives alone, in order, byte for byte, its checksum right where
it was right and wrong where it was wrong; IPv4 identifications differ. With tun.offload auto
they were far fewer writes, with off as many. Bursts over sockets and datagrams too big for the
link behind are treated like single ones. With napt: kernel the same, but that datagrams with a
wrong checksum do not arrive, because conntrack knows no flow of theirs: no row has mended one.
"""

import os
from contextlib import contextmanager

from lab.topology import CLIENT, SERVER
from packets import IP, UDP, ICMPv6PacketTooBig, IPv6, Raw, Wire, gateway_wire, server_wire
from probes import UdpEcho, link_packets, udp_client

TIME_LIMIT = 90
MODES = (("daemon", "auto"), ("daemon", "off"), ("kernel", "auto"), ("kernel", "off"))
CLIENT_PORT, SERVER_PORT = 4000, 5000
PLAIN = {"tso": "off", "gso": "off", "gro": "off", "tx": "off"}
WRONG = 0x1234
# (payload size, checksum or None for the right one)
BURST = (
    [(100, None)] * 20
    + [(33, None), (100, None), (100, WRONG), (100, None), (0, None), (1, None)]
    + [(1200, None)] * 70
    + [(900, None)] * 3
    + [(901, WRONG)] * 3
    + [(18, None)] * 50
)


def run(case):
    lab = case.lab()
    for node, interface in ((lab.gateway, "client"), (lab.gateway, "server")):
        node.set_features(interface, PLAIN)
    for napt, offload in MODES:
        with translator(case, lab, napt, offload) as nat64:
            label = f"{napt}, {offload}"
            rows = nat64.show("status")["tun"]["udp_segmentation"]
            case.equal(f"{label}: the kernel cuts UDP", rows, offload == "auto")
            with gateway_wire(lab) as left, server_wire(lab) as right:
                mapped = to_server(case, lab, nat64, rows, left, right)
                to_client(case, lab, nat64, rows, left, right, mapped)
            over_sockets(case, lab, nat64, label)
    lab.gateway.ip("link set server mtu 1400")
    for napt, offload in MODES:
        with translator(case, lab, napt, offload) as nat64:
            too_big(case, lab, nat64, f"{napt}, {offload}")


@contextmanager
def translator(case, lab, napt, offload):
    nat64 = case.nat64(lab, {"napt": napt, "tun": {"name": "nat64", "offload": offload}})
    yield nat64
    case.equal(f"{napt}, {offload}: stops", nat64.stop(), 0)
    case.stopped(nat64)


def to_server(case, lab, nat64, rows, left, right):
    """Returns the address and port that the flow has on the IPv4 side."""
    header = IPv6(src=CLIENT, dst=nat64.address6(SERVER))
    burst = [built(header, CLIENT_PORT, SERVER_PORT, *one, i) for i, one in enumerate(BURST)]
    left.send(burst[0])
    first = right.receive(lambda p: UDP in p and p[UDP].dport == SERVER_PORT)
    case.require("the flow exists", first is not None)
    writes = burst_through(case, lab, nat64, left, burst)
    got = [arrival(right, SERVER_PORT) for _ in expected(nat64)]
    label = f"to the server, {nat64.config['napt']}, rows {rows}"
    compare(case, label, got, expected(nat64))
    numbers = [p.id for p in got if p is not None]
    case.check("identifications differ", len(set(numbers)) > 0.9 * len(numbers), numbers)
    case.check(f"writes {label}", *few(writes, rows, len(got)))
    return first.src, first[UDP].sport


def to_client(case, lab, nat64, rows, left, right, mapped):
    header = IP(src=SERVER, dst=mapped[0], flags="DF")
    burst = [built(header, SERVER_PORT, mapped[1], *one, i) for i, one in enumerate(BURST)]
    writes = burst_through(case, lab, nat64, right, burst, len(expected(nat64)))
    got = [arrival(left, CLIENT_PORT) for _ in expected(nat64)]
    label = f"to the client, {nat64.config['napt']}, rows {rows}"
    compare(case, label, got, expected(nat64))
    case.check(f"writes {label}", *few(writes, rows, len(got)))


def built(header, source, destination, size, checksum, number):
    payload = payload_of(size, number)
    udp = UDP(sport=source, dport=destination)
    if checksum is not None:
        udp.chksum = checksum
    return bytes(header / udp / Raw(payload))


def burst_through(case, lab, nat64, wire, burst, arriving=None):
    """Sends `burst`, of which `arriving` get to the TUN, while the daemon sleeps. What it returns
    counts the writes since then."""
    arriving = len(burst) if arriving is None else arriving
    before = link_packets(lab.gateway, "nat64")[0]
    nat64.process.suspend()
    with Wire(lab.gateway, "nat64") as tun:
        for packet in burst:
            wire.send(packet)
        waiting = tun.sees_off(arriving)
    nat64.process.resume()
    case.equal("the burst waited in the TUN", waiting, arriving)
    return lambda: link_packets(lab.gateway, "nat64")[0] - before


def arrival(wire, port):
    return wire.receive(lambda p: UDP in p and p[UDP].dport == port)


def expected(nat64):
    """[(payload, is its checksum right?)] of what arrives from BURST."""
    numbered = enumerate(BURST)
    all_of_it = [(payload_of(size, i), checksum is None) for i, (size, checksum) in numbered]
    untracked = nat64.config["napt"] == "kernel"
    return [(payload, right) for payload, right in all_of_it if right or not untracked]


def payload_of(size, number):
    return bytes((number + i) % 256 for i in range(size))


def compare(case, label, got, wanted):
    seen = [p and (bytes(p[UDP].payload)[: p[UDP].len - 8], has_right_checksum(p)) for p in got]
    wrong = [i for i, (a, b) in enumerate(zip(seen, wanted)) if a != b]
    case.equal(f"{label}: as they were sent, in order", wrong, [])


def has_right_checksum(packet):
    again = packet.copy()
    del again[UDP].chksum
    return type(packet)(bytes(again))[UDP].chksum == packet[UDP].chksum


def few(writes, rows, datagrams):
    """About one write for each run of equal datagrams and each 64 KB of it, or one for each."""
    count = writes()
    return (count <= datagrams / 4 if rows else count >= datagrams), count


def over_sockets(case, lab, nat64, label):
    """Checksums that the kernel has left to the device, many sizes, echoed by the server."""
    sent = [os.urandom(size) for size in [700] * 40 + [50] + [1] * 30 + [1400] * 5]
    with (
        UdpEcho(lab.server, SERVER, 7) as echo,
        udp_client(lab.client, nat64.address6(SERVER), echo.port, timeout=5) as client,
    ):
        client.send(b"first")
        case.equal(f"{label}: the first comes back", client.recv(100), b"first")
        nat64.process.suspend()
        for payload in sent:
            client.send(payload)
        nat64.process.resume()
        got = [client.recv(65535) for _ in sent]
    case.check(f"{label}: sockets get what was sent, in order", got == sent)


def too_big(case, lab, nat64, label):
    """A burst whose datagrams do not fit the link behind the gateway is answered like one."""
    header = IPv6(src=CLIENT, dst=nat64.address6(SERVER))
    small = built(header, 4001, SERVER_PORT, 10, None, 0)
    burst = [built(header, 4001, SERVER_PORT, 1432, None, i) for i in range(10)]
    with gateway_wire(lab) as left, server_wire(lab) as right:
        left.send(small)
        case.check(f"{label}: the small one arrives", arrival(right, SERVER_PORT) is not None)
        burst_through(case, lab, nat64, left, burst)
        answer = left.receive(lambda p: ICMPv6PacketTooBig in p)
        case.require(f"{label}: an ICMPv6 error comes back", answer is not None)
        case.equal(f"{label}: with the MTU of the link", answer[ICMPv6PacketTooBig].mtu, 1420)
        quoted = bytes(answer[ICMPv6PacketTooBig].payload)
        case.equal(f"{label}: about this flow", quoted[8:44], burst[0][8:44])
