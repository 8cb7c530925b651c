# SPDX-License-Identifier: Apache-2.0
"""TCP where path MTU discovery is broken: `mtu.clamp_mss` lets connections work all the same.

    client ── v6hop1 ──1400── gateway (nat64) ──1380── v4hop1 ── server
    client and server do not hear ICMP errors about packets that are too big

Pass: without it a transfer hangs in either direction; with `mtu: {ipv6: 1400, ipv4: 1380,
clamp_mss: true}` both ends are told 1340 by SYN and SYN-ACK and 5 MB each way arrive whole; the
smaller of an end's own is not raised.
"""

import socket

from lab.topology import SERVER
from packets import TCP, Wire
from probes import bulk, tcp_pair

MTU = {"ipv6": 1400, "ipv4": 1380}
LINKS = {"v6hop1-gateway": 1400, "gateway-v4hop1": 1380}
LARGEST = 1340
SMALL = 800


def run(case):
    for clamp in (False, True):
        lab = case.lab(v6hops=1, v4hops=1, mtu=LINKS)
        lab.client.drop_incoming("icmpv6 type packet-too-big")
        lab.server.drop_incoming("icmp type destination-unreachable")
        nat64 = case.nat64(lab, {"mtu": {**MTU, "clamp_mss": clamp}})
        transfer(case, lab, nat64.address6(SERVER), clamp)
        if clamp:
            own_is_smaller(case, lab, nat64.address6(SERVER))


def transfer(case, lab, server6, clamp):
    with (
        Wire(lab.client, "v6hop1") as at_client,
        Wire(lab.server, "v4hop1") as at_server,
        tcp_pair(lab.client, lab.server, server6, SERVER, 5001, timeout=3) as (client, server, _),
    ):
        told = mss_of(at_client.receive(is_syn)), mss_of(at_server.receive(is_syn))
        if not clamp:
            case.check("without: the ends are told more", max(told) > LARGEST, told)
            case.check("without: a transfer hangs", not bulk(server, client, 5 << 20))
            return
        case.equal("client and server are told", told, (LARGEST, LARGEST))
        case.check("5 MB to the server", bulk(client, server, 5 << 20))
        case.check("5 MB to the client", bulk(server, client, 5 << 20))


def own_is_smaller(case, lab, server6):
    with (
        Wire(lab.server, "v4hop1") as at_server,
        lab.server.socket(socket.AF_INET, socket.SOCK_STREAM, bind=(SERVER, 5002)) as listener,
        lab.client.socket(socket.AF_INET6, socket.SOCK_STREAM) as client,
    ):
        listener.listen(1)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SMALL)
        client.connect((server6, 5002))
        case.equal("a smaller one stays", mss_of(at_server.receive(is_syn)), SMALL)


def is_syn(packet):
    return TCP in packet and "S" in packet[TCP].flags


def mss_of(packet):
    return dict(packet[TCP].options).get("MSS") if packet is not None else None
