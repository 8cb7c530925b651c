# SPDX-License-Identifier: Apache-2.0
"""Malformed and hostile packets from both sides: none crashes, each is accounted for.

    client (packet socket) ── gateway (nat64) ── server (packet socket)

Pass: for every kind below, what the kernel handed to the daemon equals what the daemon counts
as translated, dropped or held; kinds that must never be forwarded are dropped with the expected
reason; 4000 random mutations of good packets do no harm; at the end ping, UDP and TCP still
work, and of all packets not one is unaccounted for.
"""

import random

from accounting import Account, handed_over
from lab import LabError, wait_until
from lab.topology import CLIENT, SERVER
from malformed_packets import from_client, from_server, good_packets, mutate
from packets import gateway_wire, server_wire
from probes import UdpEcho, all_answered, conversation, echo_once, ping
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
    a_quiet_log(case, nat64)


def one_kind(case, lab, nat64, wire, name, packet, reason):
    """COPIES of one packet. reason None: kernel or daemon may do with it what they like."""
    before, handed = Account(nat64), handed_over(lab)
    for _ in range(COPIES):
        wire.send(packet)
    case.require(f"{name}: the daemon survives", nat64.process.alive, nat64.process.log_tail())
    wanted = COPIES - 1 if reason == "syn_repeated" else COPIES

    def settled():
        given = handed_over(lab)
        now = Account(nat64)
        enough = reason is None or now.dropped(reason) - before.dropped(reason) >= wanted
        return enough and given == now.received and now.balances()

    fine = True
    try:
        wait_until(settled, name, timeout=10)
    except LabError:
        fine = False
    happened = f"handed over {handed_over(lab) - handed}, {Account(nat64).since(before)}"
    if case.console.verbose:
        case.note(f"{name}: {happened}")
    label = "accounted for" if reason is None else f"dropped as {reason}"
    case.check(f"{name}: {wanted} {label}", fine, happened)


def books_balance(case, lab, nat64):
    """Nothing is in the daemon's hands any more: received is translated plus dropped."""

    def balanced():
        account = Account(nat64)
        return account.unaccounted == 0 and account.received == handed_over(lab)

    try:
        wait_until(balanced, "the books to balance", timeout=40, interval=0.5)
        missing = 0
    except LabError:
        missing = Account(nat64).unaccounted
    case.equal("packets unaccounted for at the end", missing, 0)


def a_quiet_log(case, nat64):
    """Thousands of bad packets must not become thousands of lines."""
    lines = len(nat64.process.log().splitlines())
    case.check("the log stays short", lines < 100, lines)


def still_works(case, lab, server6):
    done = ping(lab.client, server6)
    case.check("ping still works", all_answered(done), done.stdout)
    with UdpEcho(lab.server, SERVER, 7), udp_client(lab.client, server6, 7) as client:
        case.check("UDP still works", echo_once(client, b"x" * 1000, attempts=2))
    with tcp_pair(lab.client, lab.server, server6, SERVER, 5001) as (client, server, _):
        case.check("TCP still works", conversation(client, server))
