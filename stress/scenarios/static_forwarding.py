# SPDX-License-Identifier: Apache-2.0
"""Static entries: IPv4 hosts reach services of an IPv6-only client.

    client (nginx on 8080, UDP echo) ── gateway (nat64) ── server (curl, ping)
    192.0.2.2:80/tcp = [client]:8080, 192.0.2.2:7/udp = [client]:7007, 192.0.2.3 = client

Pass: curl from the IPv4 side works through the port entry and the whole-host entry, UDP and
ping too; ports without an entry do not answer; the client leaves as its whole-host address.
"""

import os

from lab import WebServer
from lab.topology import CLIENT, SERVER
from probes import UdpEcho, all_answered, download, echo_once, ping, sha256_file
from probes import udp_client, url


def run(case):
    lab = case.lab()
    static = [
        {"protocol": "tcp", "ipv6": f"[{CLIENT}]:8080", "ipv4": "192.0.2.2:80"},
        {"protocol": "udp", "ipv6": f"[{CLIENT}]:7007", "ipv4": "192.0.2.2:7"},
        {"ipv6": CLIENT, "ipv4": "192.0.2.3"},
    ]
    nat64 = case.nat64(lab, {"static": static})
    web = WebServer(lab, lab.client, port=8080)
    wanted = sha256_file(web.make_file("file", 10 << 20))
    for what, address, port in (
        ("port entry", "192.0.2.2", 80),
        ("whole-host entry", "192.0.2.3", 8080),
    ):
        done, digest = download(lab.server, url(address, "file", port), timeout=20)
        case.succeeds(f"curl through the {what}", done)
        case.equal(f"checksum through the {what}", digest, wanted)
    seen = lab.server.run("curl", "-sS", "--max-time", "5", url("192.0.2.2", "whoami")).stdout
    case.check(
        "the client sees the server below the prefix",
        seen.startswith(nat64.address6(SERVER)),
        seen,
    )
    with UdpEcho(lab.client, CLIENT, 7007):
        with udp_client(lab.server, "192.0.2.2", 7) as client:
            case.check("UDP through the port entry", echo_once(client, os.urandom(900)))
        with udp_client(lab.server, "192.0.2.3", 7007) as client:
            case.check("UDP through the whole-host entry", echo_once(client, os.urandom(900)))
    done = ping(lab.server, "192.0.2.3")
    case.check("ping to the whole-host entry", all_answered(done), done.stdout)
    done = lab.server.run("curl", "-sS", "--max-time", "2", url("192.0.2.2", port=81))
    case.check("a port without an entry does not answer", done.returncode != 0)
    with UdpEcho(lab.server, SERVER, 9) as outside:
        with udp_client(lab.client, nat64.address6(SERVER), 9) as client:
            case.check("the client reaches out", echo_once(client, b"hello"))
        case.equal(
            "the client leaves as its own address", {a for a, _ in outside.seen}, {"192.0.2.3"}
        )
