# SPDX-License-Identifier: Apache-2.0
"""Static entries: IPv4 hosts reach services of an IPv6-only client.

    client  (nginx on 8080, UDP echo) ── gateway (nat64) ── server (curl, ping)
    client2 (the same) ────────────────────┘
    192.0.2.2:80/tcp = [client]:8080, 192.0.2.2:7/udp = [client]:7007, 192.0.2.3 = client2

Pass: curl from the IPv4 side works through the port entry and the whole-host entry, UDP and
ping too; ports without an entry do not answer; client2 leaves as its whole-host address, with
the ports it chose, and the client's forwarded ports leave as what they are forwarded from.
"""

import os

from lab import WebServer
from lab.topology import CLIENT, SERVER
from probes import UdpEcho, all_answered, download, echo_once, ping, sha256_file
from probes import udp_client, url

CLIENT2 = "2001:db8:c2::2"


def run(case):
    lab = case.lab(clients=2)
    second = lab.clients[1]
    static = [
        {"protocol": "tcp", "ipv6": f"[{CLIENT}]:8080", "ipv4": "192.0.2.2:80"},
        {"protocol": "udp", "ipv6": f"[{CLIENT}]:7007", "ipv4": "192.0.2.2:7"},
        {"ipv6": CLIENT2, "ipv4": "192.0.2.3"},
    ]
    nat64 = case.nat64(lab, {"static": static})
    for what, node, address, port in (
        ("port entry", lab.client, "192.0.2.2", 80),
        ("whole-host entry", second, "192.0.2.3", 8080),
    ):
        web = WebServer(lab, node, port=8080)
        wanted = sha256_file(web.make_file("file", 10 << 20))
        done, digest = download(lab.server, url(address, "file", port), timeout=60)
        case.succeeds(f"curl through the {what}", done)
        case.equal(f"checksum through the {what}", digest, wanted)
    seen = lab.server.run("curl", "-sS", "--max-time", "5", url("192.0.2.2", "whoami")).stdout
    case.check(
        "the client sees the server below the prefix",
        seen.startswith(nat64.address6(SERVER)),
        seen,
    )
    with UdpEcho(lab.client, CLIENT, 7007), UdpEcho(second, CLIENT2, 7007):
        with udp_client(lab.server, "192.0.2.2", 7) as client:
            case.check("UDP through the port entry", echo_once(client, os.urandom(900), 3))
        with udp_client(lab.server, "192.0.2.3", 7007) as client:
            case.check(
                "UDP through the whole-host entry", echo_once(client, os.urandom(900), 3)
            )
    done = ping(lab.server, "192.0.2.3")
    case.check("ping to the whole-host entry", all_answered(done), done.stdout)
    done = lab.server.run("curl", "-sS", "--max-time", "2", url("192.0.2.2", port=81))
    case.check("a port without an entry does not answer", done.returncode != 0)
    with UdpEcho(lab.server, SERVER, 9) as outside:
        for node, port, wanted in (
            (second, 4321, ("192.0.2.3", 4321)),
            (lab.client, 7007, ("192.0.2.2", 7)),
        ):
            outside.seen.clear()
            with udp_client(node, nat64.address6(SERVER), 9, source_port=port) as client:
                case.check(f"{node.role} reaches out", echo_once(client, b"hello", 3))
            case.equal(f"{node.role} leaves by its entry", set(outside.seen), {wanted})
