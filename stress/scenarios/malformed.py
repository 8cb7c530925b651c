# SPDX-License-Identifier: Apache-2.0
"""Malformed and hostile packets from both sides: none crashes, each is accounted for.

    client (packet socket) ── gateway (nat64) ── server (packet socket)

Pass: for every kind below, what the kernel handed to the daemon equals what the daemon counts
as translated, dropped or held; kinds that must never be forwarded are dropped with the expected
reason; 4000 random mutations of good packets do no harm; at the end ping, UDP and TCP still
work, and of all packets not one is unaccounted for.
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
    books_balance(case, lab, nat64)


def one_kind(case, lab, nat64, wire, name, packet, reason):
    """COPIES of one packet. reason None: kernel or daemon may do with it what they like."""
    before = Account(lab, nat64)
    for _ in range(COPIES):
        wire.send(packet)
    case.require(f"{name}: the daemon survives", nat64.process.alive, nat64.process.log_tail())
    wanted = COPIES - 1 if reason == "syn_repeated" else COPIES

    def settled():
        now = Account(lab, nat64)
        enough = reason is None or now.dropped(reason) - before.dropped(reason) >= wanted
        return enough and now.handed == now.received and now.unaccounted <= now.held

    try:
        wait_until(settled, name, timeout=10)
        fine = True
    except LabError:
        fine = False
    if case.console.verbose:
        case.note(f"{name}: {Account(lab, nat64).since(before)}")
    case.check(
        f"{name}: {wanted} {'accounted for' if reason is None else 'dropped as ' + reason}",
        fine,
        Account(lab, nat64).since(before),
    )


class Account:
    """What the kernel handed over, and what the daemon says became of it, at one moment."""

    def __init__(self, lab, nat64):
        self.handed = link_packets(lab.gateway, "nat64")[1]
        self.drops = nat64.drops()
        status = nat64.show("status")
        packets = status["packets"]
        self.received = packets["received"]
        self.translated = sum(
            row[direction]["packets"]
            for row in status["protocols"]
            for direction in ("outbound", "inbound")
        )
        self.held = packets["held"] - packets["released"]
        # A hairpinned packet is translated twice; what is held is translated or dropped later;
        # what the device refuses has been translated.
        dropped = sum(n for key, n in self.drops.items() if not key.startswith("device_"))
        self.unaccounted = (
            self.received + packets["hairpinned"] - self.translated - dropped
        )

    def dropped(self, reason):
        return self.drops.get(reason, 0)

    def since(self, before):
        drops = {key: n - before.dropped(key) for key, n in self.drops.items()}
        return (
            f"handed over {self.handed - before.handed}, "
            f"received {self.received - before.received}, "
            f"translated {self.translated - before.translated}, "
            f"held {self.held - before.held}, "
            f"drops { {key: n for key, n in drops.items() if n} }"
        )


def books_balance(case, lab, nat64):
    """Nothing is in the daemon's hands any more: received is translated plus dropped."""

    def balanced():
        account = Account(lab, nat64)
        return account.unaccounted == 0 and account.handed == account.received

    try:
        wait_until(balanced, "the books to balance", timeout=40, interval=0.5)
        case.check("all packets are accounted for at the end", True)
    except LabError:
        account = Account(lab, nat64)
        case.check(
            "all packets are accounted for at the end",
            False,
            f"{account.unaccounted} of {account.received} are not, handed {account.handed}; "
            f"{account.drops}",
        )


def still_works(case, lab, server6):
    done = ping(lab.client, server6)
    case.check("ping still works", all_answered(done), done.stdout)
    with UdpEcho(lab.server, SERVER, 7), udp_client(lab.client, server6, 7) as client:
        case.check("UDP still works", echo_once(client, b"x" * 1000, attempts=2))
    with tcp_pair(lab.client, lab.server, server6, SERVER, 5001) as (client, server, _):
        case.check("TCP still works", conversation(client, server))
