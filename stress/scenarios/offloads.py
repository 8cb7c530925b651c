# SPDX-License-Identifier: Apache-2.0
"""Offloads on and off: segmentation, receive aggregation and checksums, in every mixture.

    client ── gateway (nat64, tun.offload auto and off) ── server
    ethtool -K on all ends: gso, tso, gro, tx checksums

Pass: 8 MB each way over TCP, UDP with UDP_SEGMENT, odd sizes and ping arrive whole whichever
offloads are on.
"""

import os
import socket

from lab.topology import SERVER
from probes import UdpEcho, all_answered, bulk, echo_once, ping, tcp_pair, udp_client

TIME_LIMIT = 120
ALL = ("tso", "gso", "gro", "tx", "tx-udp-segmentation")
MAY_BE_FIXED = {"tx-udp-segmentation"}  # not every kernel's veth lets one switch it
MIXTURES = {
    "all on": dict.fromkeys(ALL, "on"),
    "no segmentation": {"tso": "off", "gso": "off", "tx-udp-segmentation": "off"},
    "no aggregation": {"gro": "off"},
    "aggregation, no segmentation": {"gro": "on", "tso": "off", "gso": "off"},
    "no checksums": {"tx": "off", "tso": "off", "tx-udp-segmentation": "off"},
    "all off": dict.fromkeys(ALL, "off"),
}
UDP_SEGMENT = 103


def run(case):
    lab = case.lab()
    ends = [
        (lab.client, "gateway"),
        (lab.gateway, "client"),
        (lab.gateway, "server"),
        (lab.server, "gateway"),
    ]
    for offload in ("auto", "off"):
        nat64 = case.nat64(lab, {"tun": {"name": "nat64", "offload": offload}})
        tun = nat64.show("status")["tun"]
        case.equal(f"tun.offload {offload}: TSO", tun["tcp_segmentation"], offload == "auto")
        for name, mixture in MIXTURES.items():
            wanted = {feature: mixture.get(feature, "on") for feature in ALL}
            refused = {
                feature
                for node, interface in ends
                for feature in node.set_features(interface, wanted)
            }
            case.check(f"{name}: can be had here", refused <= MAY_BE_FIXED, refused)
            traffic(case, lab, nat64, f"tun.offload {offload}, {name}")
        case.equal(f"tun.offload {offload}: stops", nat64.stop(), 0)
        case.stopped(nat64)


def traffic(case, lab, nat64, label):
    server6 = nat64.address6(SERVER)
    with tcp_pair(lab.client, lab.server, server6, SERVER, 5001, timeout=10) as (c, s, _):
        case.check(f"{label}: TCP to the server", bulk(c, s, 8 << 20))
        case.check(f"{label}: TCP to the client", bulk(s, c, 8 << 20))
    with UdpEcho(lab.server, SERVER, 7) as echo:
        with udp_client(lab.client, server6, 7) as client:
            for size in (0, 1, 17, 1001, 1452, 3001):
                case.check(f"{label}: UDP {size}", echo_once(client, os.urandom(size), 2))
        case.check(f"{label}: UDP_SEGMENT", segmented(lab, server6, echo))
    done = ping(lab.client, server6, count=2, size=1401)
    case.check(f"{label}: ping", all_answered(done), done.stdout)


def segmented(lab, server6, echo):
    """20 datagrams of 1200 bytes and one of 77 in one send: they come back one by one."""
    with udp_client(lab.client, server6, echo.port) as client:
        client.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 1200)
        data = os.urandom(20 * 1200 + 77)
        client.send(data)
        wanted = {data[at : at + 1200] for at in range(0, len(data), 1200)}
        try:
            while wanted:
                wanted.discard(client.recv(65535))
        except TimeoutError:
            return False
    return True
