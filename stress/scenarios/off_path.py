# SPDX-License-Identifier: Apache-2.0
"""Off-path forgeries: who knows addresses and ports of a connection, but no sequence number.

    client ── gateway (nat64, then napt: kernel) ── server, and on its link a forger

Pass: RST, RST with ACK, SYN, SYN with ACK, data and FIN, all in the server's name and with any
sequence number, and ICMP errors that quote the connection with another one, end neither the
connection nor its mapping: after each of them it carries data both ways, and it still does after
an idle time longer than the transitory lifetime. With napt: daemon a RST is seen to shorten the
session's lifetime and the next packet to undo that, and a FIN, alone, to leave it as it is (RFC
6146 §3.5.2.2). No path MTU is learned of what was forged.
"""

import random
import time

from lab import wait_until
from lab.topology import SERVER
from packets import ICMP, IP, TCP, Raw, server_wire
from probes import conversation, tcp_pair

PORT = 5001
SEGMENTS = {"RST": "R", "RST, ACK": "RA", "SYN": "S", "SYN, ACK": "SA", "data": "PA", "FIN": "FA"}
ERRORS = {"host unreachable": (3, 1), "port unreachable": (3, 3), "too big": (3, 4)}
TRANSITORY = 3


def run(case):
    for napt in ("daemon", "kernel"):
        forge(case, napt)


def forge(case, napt):
    lab = case.lab()
    lifetimes = {"tcp_established": "1h", "tcp_transitory": f"{TRANSITORY}s", "unsafe": True}
    nat64 = case.nat64(lab, {"napt": napt, "timeouts": lifetimes})
    server6 = nat64.address6(SERVER)
    with (
        server_wire(lab) as wire,
        tcp_pair(lab.client, lab.server, server6, SERVER, PORT) as (client, server, mapped),
    ):
        case.require(f"{napt}: the connection", conversation(client, server))
        for name, packet in forgeries(mapped):
            for _ in range(20):
                packet[TCP].seq = random.getrandbits(32)
                wire.send(packet)
            if napt == "daemon" and name.startswith("RST"):
                # What the client has yet to acknowledge of the data may undo those above.
                wait_until(
                    lambda: wire.send(packet) or state(nat64) == "trans", f"{name} to be heeded"
                )
            case.check(f"{napt}: goes on after {name}", conversation(client, server))
            if napt == "daemon":
                wanted = "v4_fin_rcv" if name == "FIN" else "established"
                case.equal(f"daemon: state after {name}", state(nat64), wanted)
        time.sleep(2 * TRANSITORY)  # the scenario is about time passing
        case.check(f"{napt}: goes on after a silence", conversation(client, server))
        case.equal(f"{napt}: its mapping", server.getpeername(), mapped)
        route = lab.client.run("ip", "-6", "route", "get", server6, check=True).stdout
        case.check(f"{napt}: no path MTU", " mtu " not in route, route)


def forgeries(mapped):
    """(name, packet of which the sequence number is to be filled in)"""
    address, port = mapped
    for name, (kind, code) in ERRORS.items():
        quote = IP(src=address, dst=SERVER) / TCP(sport=port, dport=PORT, flags="A")
        error = ICMP(type=kind, code=code, nexthopmtu=1000 if code == 4 else 0)
        yield name, IP(src="198.51.100.77", dst=address) / error / quote
    for name, flags in SEGMENTS.items():
        segment = TCP(sport=PORT, dport=port, flags=flags, ack=random.getrandbits(32))
        yield name, IP(src=SERVER, dst=address) / segment / Raw(b"x" * 8 * (name == "data"))


def state(nat64):
    rows = nat64.sessions("--protocol", "tcp")
    return rows[0]["state"] if len(rows) == 1 else rows
