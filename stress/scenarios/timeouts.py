# SPDX-License-Identifier: Apache-2.0
"""Every class of lifetime by the real clock, shortened by `timeouts: {unsafe: true}`.

    client ── gateway (nat64: udp 2 s, icmp 3 s, transitory 4 s, established 10 s) ── server

Pass: a UDP session, a ping, a SYN that nobody answers, a connection that both ends have closed, one
that was reset and one whose ends have vanished (its own lifetime and the transitory one, during
which its client is probed) each live as long as they are to, never shorter and not much longer; a
piece of a packet waits its two seconds. What is used meanwhile lives on.
"""

import socket
import struct
import time

from lab import wait_until
from lab.topology import CLIENT, SERVER
from packets import UDP, ICMPv6EchoRequest, IPv6, IPv6ExtHdrFragment, Raw, gateway_wire
from probes import UdpEcho, conversation, echo_once, tcp_pair, udp_client

UDP_TIME, ICMP, TRANSITORY, ESTABLISHED, FRAGMENTS = 2, 3, 4, 10, 2
TIMEOUTS = {
    "udp": f"{UDP_TIME}s",
    "icmp": f"{ICMP}s",
    "tcp_transitory": f"{TRANSITORY}s",
    "tcp_established": f"{ESTABLISHED}s",
    "unsafe": True,
}
SILENT, CLOSED, RESET, VANISHED, LIVELY = 6666, 5001, 5002, 5003, 5004


def run(case):
    lab = case.lab()
    nat64 = case.nat64(lab, {"timeouts": TIMEOUTS})
    server6 = nat64.address6(SERVER)
    lab.server.drop_incoming(f"tcp dport {SILENT}", "udp dport 9", "icmp type echo-request")
    with (
        gateway_wire(lab) as wire,
        UdpEcho(lab.server, SERVER, 7),
        udp_client(lab.client, server6, 7) as used,
        tcp_pair(lab.client, lab.server, server6, SERVER, LIVELY) as (client, server, _),
        tcp_pair(lab.client, lab.server, server6, SERVER, VANISHED),
    ):
        vanish(lab)
        begun = {"vanished": (time.monotonic(), ESTABLISHED + TRANSITORY)}
        begin(lab, wire, server6, begun)
        present = set(begun)
        wait_until(lambda: names(nat64) >= present, "all sessions")
        lived = {}

        def all_gone():
            case.check("the UDP flow in use", echo_once(used, b"x", attempts=3))
            case.check("the connection in use", conversation(client, server))
            now, gone = time.monotonic(), present - names(nat64) - set(lived)
            lived.update({name: now - begun[name][0] for name in gone})
            return lived.keys() == present

        wait_until(all_gone, "the sessions to end", timeout=60, interval=0.1)
        for name, (_, seconds) in begun.items():
            said = f"{lived[name]:.1f} s of {seconds}"
            case.note(f"{name}: {said}")
            case.check(f"{name}: not too short", lived[name] >= seconds, said)
            case.check(f"{name}: not too long", lived[name] < seconds + 10, said)
    fragment(case, lab, nat64, server6)


def begin(lab, wire, server6, begun):
    """Each class once; the time is taken before the last packet that counts."""
    with tcp_pair(lab.client, lab.server, server6, SERVER, CLOSED):
        begun["closed"] = time.monotonic(), TRANSITORY
    with tcp_pair(lab.client, lab.server, server6, SERVER, RESET) as (client, _, _):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        begun["reset"] = time.monotonic(), TRANSITORY
    with lab.client.socket(socket.AF_INET6, socket.SOCK_STREAM) as client:
        client.setblocking(False)
        begun["unanswered"] = time.monotonic(), TRANSITORY
        client.connect_ex((server6, SILENT))
    begun["udp"] = time.monotonic(), UDP_TIME
    wire.send(IPv6(src=CLIENT, dst=server6) / UDP(sport=4009, dport=9) / b"x")
    begun["icmp"] = time.monotonic(), ICMP
    wire.send(IPv6(src=CLIENT, dst=server6) / ICMPv6EchoRequest(id=77))


def vanish(lab):
    """Neither end of that connection hears, or answers, anything any more."""
    rules = f"tcp sport {VANISHED} drop; tcp dport {VANISHED} drop"
    for node in (lab.client, lab.server):
        node.nft(
            "table inet vanished {\n"
            f" chain in {{ type filter hook prerouting priority -301; {rules}; }}\n"
            f" chain out {{ type filter hook output priority -301; {rules}; }}\n}}\n"
        )


def names(nat64):
    """Which of the sessions of begin() there are."""
    by_port = {SILENT: "unanswered", CLOSED: "closed", RESET: "reset", VANISHED: "vanished"}
    found = set()
    for row in nat64.sessions():
        port = int(row["server"].rsplit(":", 1)[-1]) if ":" in row["server"] else 0
        if row["protocol"] == "icmp":
            found.add("icmp")
        elif row["protocol"] == "udp" and port == 9:
            found.add("udp")
        else:
            found.add(by_port.get(port))
    return found - {None}


def fragment(case, lab, nat64, server6):
    def lost():
        return nat64.drops().get("fragment_timeout", 0)

    before = lost()
    piece = IPv6ExtHdrFragment(nh=17, offset=100, m=1, id=9) / Raw(b"s" * 800)
    with gateway_wire(lab) as wire:
        began = time.monotonic()
        wire.send(IPv6(src=CLIENT, dst=server6) / piece)
        wait_until(lambda: lost() > before, "the piece to be given up")
    waited = time.monotonic() - began
    case.check("a piece waits its time", FRAGMENTS <= waited < FRAGMENTS + 8, waited)
