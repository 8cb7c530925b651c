# SPDX-License-Identifier: Apache-2.0
"""Loss on both sides: TCP recovers, what arrives is what was sent.

    client ─(1 in 50 lost)─ gateway (nat64) ─(1 in 50 lost)─ server

Pass: 20 MB each way arrive whole; nearly all pings of a fragmented size come back within a few
attempts: a lost fragment must not block later packets.
"""

from lab.topology import SERVER
from probes import bulk, ping, tcp_pair

TIME_LIMIT = 90
TAYGA = True


def run(case):
    lab = case.lab()
    translator = case.translator(lab)
    for node in (lab.client, lab.server):
        node.drop_incoming("numgen random mod 50 == 0")
    server6 = translator.address6(SERVER)
    with tcp_pair(lab.client, lab.server, server6, SERVER, 5001, timeout=20) as (c, s, _):
        case.check("20 MB to the server", bulk(c, s, 20 << 20))
        case.check("20 MB to the client", bulk(s, c, 20 << 20))
    if not case.uses_tayga:
        done = ping(lab.client, server6, count=50, size=3000, options=("-i", "0.02"))
        case.check("fragmented pings mostly arrive", done.stdout.count("icmp_seq") >= 30, done)
