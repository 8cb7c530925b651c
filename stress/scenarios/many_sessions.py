# SPDX-License-Identifier: Apache-2.0
"""Many sessions: a million of them while `show sessions --json` is read over and over.

    client (forged sources of its /64) ── gateway (nat64) ── server

Pass: all flows get a session; listing them while traffic runs yields valid JSON, every session
that exists throughout exactly once; filters and limits work; an established conversation is
answered during each listing, also while one is stuck because nobody reads it; memory stays below
half a KiB a session, and a listing costs the daemon no memory to speak of.
"""

import os
import random
import re
import signal
import time

from lab import wait_until
from lab.topology import CLIENT, SERVER
from packets import UDP, IPv6, gateway_wire
from probes import Background, conversation, tcp_pair

TIME_LIMIT = 180
SOURCES, PORTS = 20000, 50
FLOWS = SOURCES * PORTS
LISTING_KIB = 8192  # all sessions as JSON are 200 MB


def run(case):
    # A sanitized build keeps what it frees, 256 MB of it, which is not what is measured here.
    os.environ.setdefault("ASAN_OPTIONS", "quarantine_size_mb=1")
    lab = case.lab()
    # The sixteen addresses of the lab would be too few for a million.
    config = {"pool": ["192.0.2.0/26"], "limits": {"sessions": 1_500_000}}
    nat64 = case.nat64(lab, config)
    lab.server.drop_incoming("udp dport 9")
    server6 = nat64.address6(SERVER)
    before = nat64.process.resident_kib()
    with (
        gateway_wire(lab) as wire,
        tcp_pair(lab.client, lab.server, server6, SERVER, 5001) as (client, server, _),
    ):
        fill(wire, server6)
        count = nat64.session_count()
        case.check("nearly all flows have a session", count > 0.97 * FLOWS, count)
        full = nat64.process.resident_kib()
        case.note(f"{count} sessions, resident memory grown by {full - before} KiB")
        # The pool's own tables are at most 64 x 768 KiB.
        case.check("memory", full - before < count // 2 + 64 * 768, f"{full - before} KiB")
        ping = lab.start("client", "ping", "ping", "-n", "-q", "-i", "0.02", server6)
        with Chatter(client, server) as chatter:
            for number in range(3):
                list_all(case, nat64, chatter, f"listing {number}")
            abandon(case, nat64)
            stuck(case, lab, nat64, chatter)
        ping.signal(signal.SIGINT)
        ping.wait_exit()
        sent, received = re.findall(r"(\d+) (?:packets transmitted|received)", ping.log())
        # One may be under way at the end.
        case.check("no ping is lost meanwhile", int(sent) - int(received) <= 1, ping.log())
        case.note(f"meanwhile {ping.log().splitlines()[-1]}")
        grown = nat64.process.resident_kib() - full
        case.check("listing needs little memory", grown < LISTING_KIB, f"{grown} KiB")
    some = nat64.sessions("--client", CLIENT)
    case.check("a filter by client", 1 <= len(some) < 100, len(some))
    case.equal("a limit", len(nat64.sessions("--limit", "7")), 7)
    case.equal("a filter by protocol", len(nat64.sessions("--protocol", "icmp")), 1)
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


class Chatter(Background):
    """An established conversation that goes on in the background."""

    def __init__(self, client, server):
        super().__init__()
        self.ends = (client, server)
        self.answers, self.broken = 0, False

    def step(self):
        if not conversation(*self.ends, 100):
            self.broken = True
            self.stop()
            return
        self.answers += 1
        time.sleep(0.005)


def list_all(case, nat64, chatter, label):
    answers = chatter.answers
    sessions = nat64.sessions()
    case.check(f"{label}: answers meanwhile", chatter.answers > answers + 1, chatter.broken)
    keys = {(row["protocol"], row["client"], row["mapped"], row["server"]) for row in sessions}
    case.equal(f"{label}: no session is listed twice", len(keys), len(sessions))
    enough = len(sessions) > 0.97 * FLOWS
    case.check(f"{label}: all are listed", enough, len(sessions))


def abandon(case, nat64):
    """A person who has seen enough: the reader goes away after three lines."""
    command = f"{nat64.executable} show sessions --socket {nat64.socket} | head -3"
    done = nat64.lab.gateway.run("bash", "-c", command)
    case.equal("a reader that leaves has its lines", len(done.stdout.splitlines()), 3)
    case.check("and the daemon runs on", nat64.process.alive)


def stuck(case, lab, nat64, chatter):
    """A reader that never reads: its connection waits, nobody else does."""
    command = f"{nat64.executable} show sessions --json --socket {nat64.socket} | sleep 600"
    reader = lab.start("gateway", "reader", "bash", "-c", command)
    answers = chatter.answers
    wait_until(lambda: chatter.answers > answers + 100 or chatter.broken, "answers", 60)
    case.check("answers while a listing is stuck", not chatter.broken)
    case.check("others can list meanwhile", len(nat64.sessions("--limit", "9")) == 9)
    reader.stop()
