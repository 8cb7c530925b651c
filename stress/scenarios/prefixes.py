# SPDX-License-Identifier: Apache-2.0
"""Every prefix length of RFC 6052 carries traffic end to end.

    client ── gateway (nat64 with /32, /40, /48, /56, /64, /96 in turn) ── server

Pass: ping, UDP echo, TCP and traceroute work with a network-specific prefix of each length; the
addresses used are computed here, not by nat64.
"""

import os

from lab.topology import SERVER
from probes import UdpEcho, all_answered, bulk, echo_once, ping, tcp_pair, udp_client

TIME_LIMIT = 90
PREFIXES = (
    "3fff:db8::/32",
    "2001:db8:100::/40",
    "2001:db8:122::/48",
    "2001:db8:122:300::/56",
    "2001:db8:122:344::/64",
    "2001:db8:122:344::/96",
)


def run(case):
    lab = case.lab(v4hops=1)
    for prefix in PREFIXES:
        nat64 = case.nat64(lab, {"prefix": prefix})
        server6 = nat64.address6(SERVER)
        done = ping(lab.client, server6)
        case.check(f"{prefix}: ping", all_answered(done), done.stdout)
        done = ping(lab.client, server6, size=3000)
        case.check(f"{prefix}: ping in fragments", all_answered(done), done.stdout)
        with UdpEcho(lab.server, SERVER, 7), udp_client(lab.client, server6, 7) as client:
            for size in (0, 1, 999, 1452, 4000):
                case.check(f"{prefix}: UDP {size}", echo_once(client, os.urandom(size), 2))
        with tcp_pair(lab.client, lab.server, server6, SERVER, 5001) as (client, server, _):
            case.check(f"{prefix}: TCP to the server", bulk(client, server, 4 << 20))
            case.check(f"{prefix}: TCP to the client", bulk(server, client, 4 << 20))
        done = lab.client.run("traceroute", "-6", "-n", "-w", "2", "-q", "1", "-I", server6)
        router = nat64.address6("198.51.100.2")
        case.check(f"{prefix}: traceroute shows {router}", router in done.stdout, done.stdout)
        case.equal(f"{prefix}: stops", nat64.stop(), 0)
        case.stopped(nat64)
