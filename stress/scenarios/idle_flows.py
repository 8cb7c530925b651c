# SPDX-License-Identifier: Apache-2.0
"""Idle flows: a quiet TCP connection survives, a quiet UDP binding goes when its time has come.

    client ── gateway (nat64, timeouts of seconds by `unsafe: true`) ── server

Pass: a TCP connection idle for more than twice tcp_established works on, because the daemon
probes the client (an empty ACK with sequence number 0, RFC 6146 §3.5.2.2) and the answer keeps
it; with the ends gone it expires; a UDP binding disappears after its timeout, and the next
datagram makes a new one.
"""

import time

from lab import wait_until
from lab.topology import SERVER
from packets import TCP, gateway_wire
from probes import UdpEcho, conversation, echo_once, tcp_pair, udp_client

TIME_LIMIT = 90
ESTABLISHED, TRANSITORY, UDP = 4, 3, 3


def run(case):
    lab = case.lab()
    timeouts = {
        "udp": f"{UDP}s",
        "tcp_established": f"{ESTABLISHED}s",
        "tcp_transitory": f"{TRANSITORY}s",
        "unsafe": True,
    }
    nat64 = case.nat64(lab, {"timeouts": timeouts})
    server6 = nat64.address6(SERVER)
    with (
        gateway_wire(lab) as wire,
        UdpEcho(lab.server, SERVER, 7),
        udp_client(lab.client, server6, 7) as udp,
        tcp_pair(lab.client, lab.server, server6, SERVER, 5001) as (client, server, _),
    ):
        case.check("UDP works", echo_once(udp, b"x"))
        case.check("TCP works", conversation(client, server))
        case.equal("two bindings", len(nat64.bindings()), 2)
        probe = wire.receive(is_probe, timeout=30)
        case.require("the client is probed", probe is not None)
        case.equal("from the server's port", (probe.src, probe[TCP].sport), (server6, 5001))
        status = nat64.show("status")
        case.check("the probe is counted", status["tcp_probes"] >= 1, status["tcp_probes"])
        time.sleep(1.5 * ESTABLISHED)
        case.check("TCP works after idling", conversation(client, server))
        case.equal("the UDP binding is gone", protocols(nat64.bindings()), {"tcp"})
        case.check("UDP works again", echo_once(udp, b"x"))
        # Both ends fall silent for good: probes stay unanswered.
        for node in (lab.client, lab.server):
            node.drop_incoming("tcp sport 5001", "tcp dport 5001")
        wait_until(lambda: not nat64.bindings(), "all bindings to expire", timeout=30)
    case.equal("no session is left", nat64.session_count(), 0)


def is_probe(packet):
    return TCP in packet and (packet[TCP].flags, packet[TCP].seq, packet[TCP].ack) == ("A", 0, 0)


def protocols(bindings):
    return {binding["protocol"] for binding in bindings}
