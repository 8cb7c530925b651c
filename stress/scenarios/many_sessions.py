# SPDX-License-Identifier: Apache-2.0
"""Many sessions: a hundred thousand of them while `show sessions --json` is read over and over.

    client (forged sources of its /64) ── gateway (nat64) ── server

Pass: all flows get a session; listing them while traffic runs yields valid JSON, every session
that exists throughout exactly once; filters and limits work; an established conversation is not
held up by the listing for longer than a second; memory stays below half a KiB a session.
"""

import random
import threading
import time

from lab.topology import CLIENT, SERVER
from packets import UDP, IPv6, gateway_wire
from probes import conversation, tcp_pair

TIME_LIMIT = 120
SOURCES, PORTS = 2000, 50


def run(case):
    lab = case.lab()
    nat64 = case.nat64(lab)
    lab.server.drop_incoming("udp dport 9")
    server6 = nat64.address6(SERVER)
    before = nat64.process.resident_kib()
    with (
        gateway_wire(lab) as wire,
        tcp_pair(lab.client, lab.server, server6, SERVER, 5001) as (client, server, _),
    ):
        fill(wire, server6)
        count = nat64.session_count()
        case.check("nearly all flows have a session", count > 0.97 * SOURCES * PORTS, count)
        grown = nat64.process.resident_kib() - before
        case.note(f"{count} sessions, resident memory grown by {grown} KiB")
        # The pool's own tables are at most 16 x 768 KiB.
        case.check("memory", grown < count // 2 + 16 * 768, f"{grown} KiB")
        listings, slowest = list_during_conversation(case, nat64, client, server)
        case.note(f"{listings} listings, slowest answer meanwhile {slowest * 1000:.0f} ms")
        case.check("no answer took a second", slowest < 1.0, slowest)
    some = nat64.sessions("--client", CLIENT)
    case.check("a filter by client", 1 <= len(some) < 100, len(some))
    case.equal("a limit", len(nat64.sessions("--limit", "7")), 7)
    case.equal("a filter by protocol", len(nat64.sessions("--protocol", "icmp")), 0)
    table = nat64.call("show", "sessions", "--limit", "5")
    case.succeeds("a table for a person", table)


def fill(wire, server6):
    """SOURCES x PORTS datagrams, each a flow of its own, UDP checksum kept right by hand."""
    base = bytes(IPv6(src="2001:db8:c1::", dst=server6) / UDP(sport=1024, dport=9) / b"flow")
    checksum = int.from_bytes(base[46:48], "big")
    packets = []
    for source in range(SOURCES):
        for port in range(PORTS):
            packet = bytearray(base)
            packet[22:24] = (0x1000 + source).to_bytes(2, "big")
            packet[40:42] = (2000 + port).to_bytes(2, "big")
            total = (0xFFFF & ~checksum) + 0x1000 + source + 2000 + port + (0xFFFF & ~1024)
            while total > 0xFFFF:
                total = (total & 0xFFFF) + (total >> 16)
            packet[46:48] = ((0xFFFF & ~total) or 0xFFFF).to_bytes(2, "big")
            packets.append(bytes(packet))
    random.shuffle(packets)
    wire.flood(packets, pause_every=64)


def list_during_conversation(case, nat64, client, server):
    """Returns (complete listings, longest exchange seconds)."""
    slowest, listings, stop = 0.0, 0, threading.Event()

    def talk():
        nonlocal slowest
        while not stop.is_set():
            began = time.monotonic()
            if not conversation(client, server, 100):
                slowest = float("inf")
                return
            slowest = max(slowest, time.monotonic() - began)
            time.sleep(0.01)

    thread = threading.Thread(target=talk)
    thread.start()
    try:
        for _ in range(3):
            sessions = nat64.sessions()
            keys = {
                (row["protocol"], row["client"], row["mapped"], row["server"]) for row in sessions
            }
            case.equal("no session is listed twice", len(keys), len(sessions))
            case.check("all are listed", len(sessions) > 0.97 * SOURCES * PORTS, len(sessions))
            listings += 1
    finally:
        stop.set()
        thread.join()
    return listings, slowest
