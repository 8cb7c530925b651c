# SPDX-License-Identifier: Apache-2.0
"""Malformed and hostile packets from both sides: none crashes, each is accounted for.

    client (packet socket) ── gateway (nat64) ── server (packet socket)

Pass: for every kind below, what the kernel handed to the daemon equals what the daemon counts
as dropped or writes back: nothing vanishes uncounted; kinds that must never be forwarded are
dropped with the expected reason; 4000 random mutations of good packets change nothing about
that; at the end ping, UDP and TCP still work.
"""

import random

from lab import LabError, wait_until
from lab.topology import CLIENT, SERVER
from malformed_packets import from_client, from_server, good_packets, mutate
from packets import gateway_wire, server_wire
from probes import UdpEcho, all_answered, conversation, echo_once, link_packets, ping
from probes import tcp_pair, udp_client

TIME_LIMIT = 120
COPIES = 3
MUTATIONS = 2000


def run(case):
    lab = case.lab()
    static = [{"ipv6": CLIENT, "ipv4": "192.0.2.3"}]
    nat64 = case.nat64(lab, {"static": static, "icmp": {"rate": 100000}})
    server6 = nat64.address6(SERVER)
    with gateway_wire(lab) as left, server_wire(lab) as right:
        for wire, kinds in ((left, from_client), (right, from_server)):
            for name, (packet, reason) in kinds(server6, nat64).items():
                one_kind(case, lab, nat64, wire, name, bytes(packet), reason)
        seed = random.randrange(1 << 32)
        case.note(f"mutations with seed {seed}")
        rng = random.Random(seed)
        for name, wire, good in (
            ("client", left, good_packets(server6, nat64, outbound=True)),
            ("server", right, good_packets(server6, nat64, outbound=False)),
        ):
            wire.flood([mutate(rng, rng.choice(good)) for _ in range(MUTATIONS)])
            case.require(
                f"survives {MUTATIONS} mutations from the {name} (seed {seed})",
                nat64.process.alive,
                nat64.process.log_tail(),
            )
    still_works(case, lab, server6)


def one_kind(case, lab, nat64, wire, name, packet, reason):
    """COPIES of one packet. reason None: kernel or daemon may do with it what they like."""
    before, written, handed = account(lab, nat64)
    for _ in range(COPIES):
        wire.send(packet)
    case.require(f"{name}: the daemon survives", nat64.process.alive, nat64.process.log_tail())

    def settled():
        after, out, given = account(lab, nat64)
        dropped = sum(after.values()) - sum(before.values())
        enough = dropped + out - written >= given - handed
        wanted = reason is None or after.get(reason, 0) - before.get(reason, 0) >= COPIES
        return enough and wanted

    try:
        wait_until(settled, name, timeout=4)
        fine = True
    except LabError:
        fine = False
    after, out, given = account(lab, nat64)
    gained = {key: n - before.get(key, 0) for key, n in after.items() if n != before.get(key)}
    case.check(
        f"{name}: {COPIES} {'accounted for' if reason is None else 'dropped as ' + reason}",
        fine,
        f"handed over {given - handed}, drops {gained}, written {out - written}",
    )


def account(lab, nat64):
    """(drops by reason, packets written by the daemon, packets handed to the daemon)"""
    written, handed = link_packets(lab.gateway, "nat64")
    return nat64.drops(), written, handed


def still_works(case, lab, server6):
    done = ping(lab.client, server6)
    case.check("ping still works", all_answered(done), done.stdout)
    with UdpEcho(lab.server, SERVER, 7), udp_client(lab.client, server6, 7) as client:
        case.check("UDP still works", echo_once(client, b"x" * 1000, attempts=2))
    with tcp_pair(lab.client, lab.server, server6, SERVER, 5001) as (client, server, _):
        case.check("TCP still works", conversation(client, server))
