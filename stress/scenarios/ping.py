# SPDX-License-Identifier: Apache-2.0
"""Ping: ICMP queries of all sizes, whole and fragmented, from both sides.

    client ── gateway (nat64) ── server
    192.0.2.3 = whole-host static entry for the client

Pass: every ping of 0 to 1452 bytes, of 3000 and of 8000 (fragments) is answered whole, with and
without DF where it fits; several clients' pings with the same identifier do not mix; the server
can ping the client through its static entry, 3000 bytes included.
"""

from lab.topology import CLIENT, SERVER, SERVERS
from probes import all_answered, ping

TAYGA = True
TIME_LIMIT = 90


def run(case):
    lab = case.lab()
    translator = case.translator(lab, {"static": [{"ipv6": CLIENT, "ipv4": "192.0.2.3"}]})
    server6 = translator.address6(SERVER)
    for size in (0, 8, 56, 1000, 1232, 1233, 1400, 1452):
        done = ping(lab.client, server6, count=2, size=size)
        case.check(f"ping with {size} bytes", all_answered(done), done.stdout)
    done = ping(lab.client, server6, size=1200, options=("-M", "do"))
    case.check("ping with DF", all_answered(done), done.stdout)
    if case.uses_tayga:
        return
    for size in (1453, 3000, 8000):
        done = ping(lab.client, server6, size=size)
        case.check(f"ping with {size} bytes, in fragments", all_answered(done), done.stdout)
    for address in SERVERS:
        done = ping(lab.client, translator.address6(address), options=("-e", "4711"))
        case.check(f"same identifier to {address}", all_answered(done), done.stdout)
    for size in (56, 1400, 3000):
        done = ping(lab.server, "192.0.2.3", size=size)
        case.check(f"server pings the client, {size} bytes", all_answered(done), done.stdout)
    done = ping(lab.server, "192.0.2.9", count=1, wait=1)
    case.check("an address without a binding does not answer", done.returncode != 0)
