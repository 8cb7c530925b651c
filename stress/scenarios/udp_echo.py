# SPDX-License-Identifier: Apache-2.0
"""UDP echo of every size from 0 to 1472 bytes, of 4000 and of 60000.

    client ── gateway (nat64) ── server (UDP echo, answers with DF=0 or DF=1)

Pass: every datagram comes back whole. With DF=0 answers at the first attempt (the NAT64
fragments for IPv6); with DF=1 answers (path MTU discovery) one that is too big may be lost
once, the server then knows the path and the next one arrives.
"""

import os

from lab.topology import SERVER
from probes import UdpEcho, echo_once, udp_client

TAYGA = True
TIME_LIMIT = 60


def run(case):
    lab = case.lab()
    translator = case.translator(lab)
    server6 = translator.address6(SERVER)
    with UdpEcho(lab.server, SERVER, 7) as echo:
        with udp_client(lab.client, server6, 7) as client:
            # What the sandbox of tayga cannot do is not this scenario's business.
            largest = 1200 if case.uses_tayga else 1472
            lost = [
                size
                for size in range(largest + 1)
                if not echo_once(client, os.urandom(size), attempts=2)
            ]
            case.equal("sizes lost twice, answers with DF=0", lost, [])
            if case.uses_tayga:
                return
            for size in (1453, 1472, 1473, 2000, 4000, 9000, 60000):
                for _ in range(3):
                    case.check(
                        f"{size} bytes in fragments", echo_once(client, os.urandom(size))
                    )
        case.equal("mappings that the server saw", len(set(echo.seen)), 1)
    with UdpEcho(lab.server, SERVER, 8, fragmentable=False):
        with udp_client(lab.client, server6, 8, timeout=1.0) as client:
            for size in (1200, 1452, 1472, 4000):
                case.check(
                    f"{size} bytes, answers with DF=1",
                    echo_once(client, os.urandom(size), attempts=3),
                )
    if not case.uses_tayga:
        case.equal("packets dropped for lack of a binding", _no_binding(translator), 0)


def _no_binding(translator):
    return translator.drops().get("no_binding", 0)
