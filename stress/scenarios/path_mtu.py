# SPDX-License-Identifier: Apache-2.0
"""Path MTU discovery: large transfers in both directions across narrow links on either side.

    client ── v6hop1 ──?── v6hop2 ──?── gateway (nat64) ──?── v4hop1 ──?── v4hop2 ── server
    one or two of the links marked ? have an MTU of 1280 or 1400, the others 1500; at last each
    link is narrower than the one before, towards the server and back

Pass: 20 MB each way arrive whole in a few seconds (nothing stalls); the client's kernel has
learned exactly the MTU of the path (an IPv4 link of N carries IPv6 packets of N + 20); a DF
ping from the IPv4 side that is too big is told N - 20; UDP that is too big gets through once
the sender knows.
"""

import os
import time

from lab.topology import CLIENT, SERVER
from probes import UdpEcho, bulk, echo_once, ping, tcp_pair, udp_client

TAYGA = True
TIME_LIMIT = 150
STATIC = "192.0.2.3"
SIZE = 20 << 20

# {link: MTU}, MTU of the path for IPv6 packets
PATHS = (
    ({"v4hop1-v4hop2": 1400}, 1420),
    ({"v4hop1-v4hop2": 1280}, 1300),
    ({"gateway-v4hop1": 1400}, 1420),
    ({"v6hop1-v6hop2": 1400}, 1400),
    ({"v6hop2-gateway": 1280}, 1280),
    ({"v6hop2-gateway": 1400, "v4hop1-v4hop2": 1280}, 1300),
    (
        {
            "v6hop1-v6hop2": 1480,
            "v6hop2-gateway": 1460,
            "gateway-v4hop1": 1420,
            "v4hop1-v4hop2": 1400,
        },
        1420,
    ),
    (
        {
            "v6hop1-v6hop2": 1360,
            "v6hop2-gateway": 1380,
            "gateway-v4hop1": 1400,
            "v4hop1-v4hop2": 1420,
        },
        1360,
    ),
)


def run(case):
    for mtu, path in PATHS:
        narrow(case, mtu, path)


def narrow(case, mtu, path):
    label = ", ".join(f"{link} {size}" for link, size in mtu.items())
    lab = case.lab(v6hops=2, v4hops=2, mtu=mtu)
    translator = case.translator(lab, {"static": [{"ipv6": CLIENT, "ipv4": STATIC}]})
    server6 = translator.address6(SERVER)
    with tcp_pair(lab.client, lab.server, server6, SERVER, 5001, timeout=10) as (c, s, _):
        began = time.monotonic()
        case.check(f"{label}: 20 MB to the server", bulk(c, s, SIZE))
        middle = time.monotonic()
        case.check(f"{label}: 20 MB to the client", bulk(s, c, SIZE))
        back = time.monotonic() - middle
        case.note(f"{label}: {middle - began:.2f} s out, {back:.2f} s back")
    learned = lab.client.run("ip", "-6", "route", "get", server6)
    case.check(f"{label}: the client learned {path}", f"mtu {path} " in learned.stdout, learned)
    if case.uses_tayga:
        return
    with UdpEcho(lab.server, SERVER, 7, fragmentable=False):
        with udp_client(lab.client, server6, 7, timeout=1.0) as client:
            for size in (path - 48, 1452, 4000):
                case.check(
                    f"{label}: UDP of {size} bytes after discovery",
                    echo_once(client, os.urandom(size), attempts=5),
                )
    done = ping(lab.server, STATIC, count=6, size=1472, options=("-M", "do"), wait=1)
    case.check(
        f"{label}: the server is told {path - 20}",
        f"mtu = {path - 20}" in done.stdout or f"mtu={path - 20}" in done.stdout + done.stderr,
        done,
    )
