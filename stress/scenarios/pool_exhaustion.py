# SPDX-License-Identifier: Apache-2.0
"""Pool exhaustion: sixteen ports, the seventeenth flow is told so.

    client ── gateway (nat64, pool 192.0.2.2 ports 20000-20015) ── server (UDP echo)

Pass: all sixteen ports are used whatever their parity; the next flow gets ICMPv6 1/3 (address
unreachable); the counter says so; the sixteen flows go on undisturbed, and TCP and ping, which
have port spaces of their own, still work.
"""

import errno

from lab.topology import SERVER
from probes import UdpEcho, all_answered, conversation, echo_once, error_of, ping
from probes import tcp_pair, udp_client

FIRST, COUNT = 20000, 16


def run(case):
    lab = case.lab()
    ports = f"{FIRST}-{FIRST + COUNT - 1}"
    nat64 = case.nat64(lab, {"pool": [{"address": "192.0.2.2", "ports": ports}]})
    server6 = nat64.address6(SERVER)
    with UdpEcho(lab.server, SERVER, 7) as echo:
        # Even source ports only: parity preservation must yield to exhaustion.
        flows = [
            udp_client(lab.client, server6, 7, source_port=30000 + 2 * n) for n in range(COUNT)
        ]
        for number, flow in enumerate(flows):
            case.check(f"flow {number} gets a port", echo_once(flow, b"first", attempts=2))
        case.equal(
            "the server saw every port of the range",
            {port for _, port in echo.seen},
            set(range(FIRST, FIRST + COUNT)),
        )
        for number in range(3):
            with udp_client(
                lab.client, server6, 7, source_port=40000 + number, all_errors=True
            ) as refused:
                case.equal(
                    f"flow {COUNT + number} is refused",
                    errno.errorcode.get(error_of(refused)),
                    "EHOSTUNREACH",
                )
        for number, flow in enumerate(flows):
            case.check(f"flow {number} goes on", echo_once(flow, b"again", attempts=2))
            flow.close()
    dropped = nat64.drops().get("pool_exhausted", 0)
    case.check("the counter says pool_exhausted", dropped >= 3, nat64.drops())
    with tcp_pair(lab.client, lab.server, server6, SERVER, 5001) as (client, server, peer):
        case.check("TCP still works", conversation(client, server))
        case.check("with a port of the range", FIRST <= peer[1] < FIRST + COUNT, peer)
    done = ping(lab.client, server6)
    case.check("ping still works", all_answered(done), done.stdout)
