# SPDX-License-Identifier: Apache-2.0
"""Random packets through nat64 and through Debian's tayga: each difference has its reason.

    client ── gateway (nat64) ── server          client ── gateway (tayga) ── server
    the same packets, the same addresses; the client has 192.0.2.3 in both

Pass: whatever leaves on either side is the same, or differs in a way that docs/differential.md
lists with the RFC's section; nothing but what it lists.
"""

import os
import random
from collections import Counter

from differential import MAPPED, Generator, Pair
from differential_reasons import REASONS, reasons
from lab import Tayga
from lab.topology import CLIENT, SERVER
from lab.translators import NETWORK_SPECIFIC, REPOSITORY

TIME_LIMIT = 120
CASES = 400


def run(case):
    labs = [case.lab(), case.lab()]
    nat64 = case.nat64(
        labs[0],
        {
            "prefix": NETWORK_SPECIFIC,
            "static": [{"ipv6": CLIENT, "ipv4": MAPPED}],
            "icmp": {"rate": 100000},
        },
    )
    tayga = Tayga(labs[1], static=[(MAPPED, CLIENT)])
    server6 = nat64.address6(SERVER)
    pairs = [Pair(case, lab, server6) for lab in labs]
    seed = random.randrange(1 << 32)
    generator = Generator(seed, server6)
    counts = Counter()
    for _ in range(CASES * (20 if case.long else 1)):
        packets, outbound = generator.case()
        ours, theirs = (pair.pass_through(packets, outbound) for pair in pairs)
        found = set().union(*(reasons(packets, *sides) for sides in zip(ours, theirs)))
        if None in found:
            report(case, packets, ours, theirs)
        counts.update(found or {"the same"})
    case.note(f"seed {seed}: " + ", ".join(f"{n} {word}" for word, n in counts.most_common()))
    case.check("no difference without a reason", None not in counts)
    case.check("reasons are not all there is", counts["the same"] > 0, counts)
    case.check("tayga still runs", tayga.process.alive)
    with open(os.path.join(REPOSITORY, "docs", "differential.md"), encoding="utf-8") as document:
        text = document.read()
    case.equal("reasons not in the document", [w for w in REASONS if f"| {w} |" not in text], [])


def report(case, packets, ours, theirs):
    lines = [f"sent  {packet.hex()}" for packet in packets]
    for name, sides in (("nat64", ours), ("tayga", theirs)):
        for side, arrived in zip(("server", "client"), sides):
            lines += [f"{name} to the {side}  {packet.hex()}" for packet in arrived]
    case.console.line("\n".join(lines))
