# SPDX-License-Identifier: Apache-2.0
"""napt: kernel: an IPv6-only client reaches IPv4 through the gateway's only address.

    client, client2 ── gateway (nat64, kernel NAPT) ── server (echo, nginx, unbound)
                       203.0.113.1 is all it has

Pass: ping of all sizes, UDP of all sizes, TCP, download and upload arrive whole; names are
resolved through DNS64; the server sees nobody but 203.0.113.1; traceroute and path MTU discovery
work; conntrack has the configured timeouts, and `show sessions` the public ports.
"""

import re

from lab import Dns64, NameServer, WebServer
from lab.topology import SERVER
from probes import (
    UdpEcho,
    all_answered,
    bulk,
    conversation,
    download,
    echo_once,
    ping,
    sha256_file,
    tcp_pair,
    udp_client,
    upload,
    url,
)

TIME_LIMIT = 120
PUBLIC = "203.0.113.1"


def run(case):
    lab = case.lab(clients=2)
    nat64 = case.nat64(lab, {"napt": "kernel", "timeouts": {"udp": "7m", "icmp": "90s"}})
    server6 = nat64.address6(SERVER)
    for size in (0, 56, 1200, 1452, 1453, 3000, 8000):
        done = ping(lab.client, server6, count=2, size=size)
        case.check(f"ping with {size} bytes", all_answered(done), done.stdout)
    _udp(case, lab, server6)
    _tcp(case, lab, server6)
    _web(case, lab, server6)
    _names(case, lab, nat64)
    _conntrack(case, lab, nat64)
    done = lab.client.run("traceroute", "-6", "-n", "-q", "1", "-w", "2", server6, timeout=60)
    case.check("traceroute reaches the server", done.stdout.count(server6) >= 2, done)


def _udp(case, lab, server6):
    with UdpEcho(lab.server, SERVER, 7) as echo:
        with udp_client(lab.client, server6, 7) as client:
            for size in (0, 1, 512, 1452, 1472, 4000, 9000):
                case.check(f"UDP, {size} bytes", echo_once(client, b"x" * size, attempts=2))
        sockets = [udp_client(node, server6, 7, source_port=4000) for node in lab.clients]
        answers = [echo_once(one, f"I am {n}".encode()) for n, one in enumerate(sockets)]
        case.equal("two clients with the same port", answers, [True, True])
        for one in sockets:
            one.close()
        case.equal("whom the server saw", {source[0] for source in echo.seen}, {PUBLIC})
        case.check("ports of two clients differ", len(set(echo.seen)) >= 3, echo.seen)


def _tcp(case, lab, server6):
    for node in lab.clients:
        with tcp_pair(node, lab.server, server6, SERVER, 5001) as (client, server, peer):
            case.equal("whom the TCP server saw", peer[0], PUBLIC)
            case.check("TCP both ways", conversation(client, server))
            case.check("10 MB up", bulk(client, server, 10_000_000))


def _web(case, lab, server6):
    web = WebServer(lab)
    path = web.make_file("big", 20_000_000)
    done, digest = download(lab.client, url(server6, "big"))
    case.succeeds("download", done)
    case.equal("download is whole", digest, sha256_file(path))
    case.succeeds("upload", upload(lab.client, url(server6, "upload/big"), path))


def _names(case, lab, nat64):
    NameServer(lab)
    Dns64(lab)
    done = lab.client.run("curl", "-sS", "--max-time", "10", "http://www.lab.example/")
    case.check("a name, by DNS64", "IPv4-only Internet" in done.stdout, done)


def _conntrack(case, lab, nat64):
    with UdpEcho(lab.server, SERVER, 9), udp_client(lab.client, nat64.address6(SERVER), 9) as one:
        case.check("UDP works", echo_once(one, b"hello"))
        listed = lab.gateway.run("conntrack", "-L", "-f", "ipv4", "-p", "udp").stdout
        found = re.search(r"udp +17 (\d+) src=100\.64\.\S+ dst=\S+ sport=\d+ dport=9 ", listed)
        case.check("the flow has timeouts.udp", found and 400 < int(found[1]) <= 420, listed)
        rows = [row for row in nat64.sessions() if row["server"].endswith(":9")]
        case.equal("sessions to port 9", len(rows), 1)
        if rows:
            case.check("it shows the public address", rows[0]["mapped"].startswith(PUBLIC), rows)
            case.check("it shows the client", "2001:db8:c1::2" in rows[0]["client"], rows)
        _show(case, nat64)
    ping(lab.client, nat64.address6(SERVER), count=1)
    listed = lab.gateway.run("conntrack", "-L", "-f", "ipv4", "-p", "icmp").stdout
    found = re.search(r"icmp +1 (\d+) src=100\.64", listed)
    case.check("ping sessions have timeouts.icmp", found and 60 < int(found[1]) <= 90, listed)


def _show(case, nat64):
    """Of everything that has passed, conntrack still knows most."""
    everything = {str(row["server"]) + row["client"] for row in nat64.sessions()}
    case.check("sessions of all protocols", len(everything) > 10, everything)
    udp = nat64.sessions("--protocol", "udp")
    case.equal("the filter for UDP", {row["protocol"] for row in udp}, {"udp"})
    other = nat64.sessions("--client", "2001:db8:c2::/64")
    matching = [row for row in other if "c2::2" in row["client"]]
    case.check("the filter for clients", matching and matching == other, other)
    case.equal("--limit", len(nat64.sessions("--limit", "3")), 3)
    count = nat64.show("sessions", "--count")["count"]
    case.check("--count", abs(count - nat64.session_count()) <= 2, count)
    hosts = {row["client"]: row["mapped"] for row in nat64.bindings()}
    case.equal("bindings are hosts", set(hosts), {"2001:db8:c1::2", "2001:db8:c2::2"})
    pool = nat64.show("pool")["pool"]
    case.equal("pool use", [row["used"] for row in pool], [2])
    done = nat64.call("show", "status")
    use = "100.64.0.0/16 (65533 addresses, 2 used)"
    case.check("status names pool and use", use in done.stdout, done)
