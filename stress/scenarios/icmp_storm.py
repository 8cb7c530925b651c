# SPDX-License-Identifier: Apache-2.0
"""ICMP error storms: thousands of errors from both sides, and packets that provoke thousands.

    client (forged errors; packets to 127.0.0.1) ── gateway (nat64, icmp.rate 50) ── server

Pass: errors that quote a live flow pass and change nothing about it; those that quote nothing of
ours are counted and dropped; of the errors that packets provoke, no more leave than the rate
allows; a TCP connection and a UDP flow are answered throughout, and there are as many sessions
as before.
"""

import threading
import time

from lab import wait_until
from lab.topology import CLIENT, SERVER
from packets import ICMP, IP, UDP, ICMPv6DestUnreach, IPv6, gateway_wire, server_wire
from probes import UdpEcho, conversation, echo_once, tcp_pair, udp_client

STATIC, NOBODY = "192.0.2.3", "192.0.2.9"
RATE, STORM = 50, 4000


def run(case):
    lab = case.lab()
    config = {"static": [{"ipv6": CLIENT, "ipv4": STATIC}], "icmp": {"rate": RATE}}
    nat64 = case.nat64(lab, config)
    server6 = nat64.address6(SERVER)
    with (
        gateway_wire(lab) as from_client,
        server_wire(lab) as from_server,
        UdpEcho(lab.server, SERVER, 7),
        udp_client(lab.client, server6, 7, source_port=4000) as udp,
        tcp_pair(lab.client, lab.server, server6, SERVER, 5001) as (client, server, _),
    ):
        case.require("UDP works", echo_once(udp, b"x", attempts=3))
        case.require("TCP works", conversation(client, server))
        sessions = nat64.session_count()
        for name, wire, packets in (
            ("errors about a live flow, inwards", from_server, inward_errors(STATIC)),
            ("errors about nothing, inwards", from_server, inward_errors(NOBODY)),
            ("errors about a live flow, outwards", from_client, outward_errors(server6, 7)),
            ("packets that are refused", from_client, refused(nat64.address6("127.0.0.1"))),
        ):
            storm(case, nat64, name, wire, packets, lambda: conversation(client, server))
        # What the storm told the client's kernel about this flow is the next one's to hear.
        udp.close()
        with udp_client(lab.client, server6, 7) as fresh:
            case.check("UDP works afterwards", echo_once(fresh, b"x", attempts=3))
        case.check("no session is lost", nat64.session_count() >= sessions)


def storm(case, nat64, name, wire, packets, talk):
    before, began = nat64.show("status"), time.monotonic()
    thread = threading.Thread(target=lambda: wire.flood(packets, pause_every=64))
    thread.start()
    talks = [talk()]
    while thread.is_alive():
        talks.append(talk())
    thread.join()
    case.check(f"{name}: {len(talks)} answers meanwhile", all(talks), talks)
    sent = before["packets"]["received"] + 0.9 * len(packets)
    wait_until(lambda: nat64.show("status")["packets"]["received"] >= sent, "the storm to pass")
    after, seconds = nat64.show("status"), time.monotonic() - began
    made = after["icmp_errors"]["sent"] - before["icmp_errors"]["sent"]
    limited = after["icmp_errors"]["limited"] - before["icmp_errors"]["limited"]
    case.note(f"{name}: {made} errors of our own in {seconds:.1f} s, {limited} held back")
    # The bucket holds a second's worth.
    case.check(f"{name}: the rate holds", made <= RATE * (seconds + 1) + 1, made)
    dropped = after["packets"]["dropped"] - before["packets"]["dropped"]
    useless = "nothing" in name or "refused" in name
    case.equal(f"{name}: dropped", dropped >= 0.9 * len(packets), useless)
    if "refused" in name:
        case.check(f"{name}: and is used up", limited > 0, limited)
    case.equal(f"{name}: no session is made", after["sessions"] <= before["sessions"], True)


def inward_errors(mapped):
    """From a router of the IPv4 side, about what this address is said to have sent."""
    quoted = IP(src=mapped, dst=SERVER) / UDP(sport=4000, dport=7) / b"x"
    return [bytes(IP(src=SERVER, dst=mapped) / ICMP(type=3, code=1) / quoted)] * STORM


def outward_errors(server6, port):
    """From the client, about what it is said to have got."""
    quoted = IPv6(src=server6, dst=CLIENT) / UDP(sport=port, dport=4000) / b"x"
    return [bytes(IPv6(src=CLIENT, dst=server6) / ICMPv6DestUnreach(code=3) / quoted)] * STORM


def refused(loopback6):
    return [bytes(IPv6(src=CLIENT, dst=loopback6) / UDP(sport=4001, dport=7) / b"x")] * STORM
