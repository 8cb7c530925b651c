# SPDX-License-Identifier: Apache-2.0
"""`nat64 run` alone, without any configuration: the first command of the README.

    client ── gateway (nat64, no file; no router before) ── server
              203.0.113.1 is all it has

Pass: it starts without a file, says what it chose (prefix, NAPT, inner pool), and what it chose
is there: the route, the nftables table, kernel NAPT in `show status`. The well-known prefix may
not represent documentation addresses, so the lab's server is refused with an ICMPv6 error, and
counted; with nothing but `wkp_strict: false` in a file the server is reached, and sees the
gateway's address. Nothing stays behind.
"""

import os

from lab import wait_until
from lab.topology import SERVER
from lab.translators import embed
from probes import UdpEcho, all_answered, echo_once, ping, settled_ping, udp_client

SOCKET = "/run/nat64/nat64.sock"
PREFIX = "64:ff9b::/96"
PUBLIC = "203.0.113.1"


def run(case):
    case.check("the machine has no configuration", not os.path.exists("/etc/nat64/nat64.yaml"))
    lab = case.lab()
    gateway = lab.gateway
    gateway.sysctl(net__ipv4__ip_forward=0, net__ipv6__conf__all__forwarding=0)
    before, beside = gateway.snapshot(), files_beside(SOCKET)
    executable = case.executable
    process = lab.start("gateway", "nat64", executable, "run")
    status = [executable, "show", "status", "--socket", SOCKET]
    process.wait_ready(
        lambda: os.path.exists(SOCKET) and gateway.run(*status).returncode == 0, "answer"
    )
    said = wait_until(process.log, "a log")
    for choice in (
        *("using defaults", f"prefix {PREFIX}", "kernel NAPT", "100.64.0.0/16"),
        *("net.ipv4.ip_forward was 0", "net.ipv6.conf.all.forwarding was 0"),
    ):
        case.check(f"the log says {choice}", choice in said, said)
    case.check("status says kernel", "kernel" in gateway.run(*status).stdout)
    routes = gateway.run("ip", "-6", "route", "show", "proto", "64").stdout
    case.check("the prefix is routed to the TUN", f"{PREFIX} dev nat64" in routes, routes)
    tables = gateway.run("nft", "list", "tables").stdout
    case.check("the nftables table is there", "nat64-nat64" in tables, tables)
    done = ping(lab.client, embed(PREFIX, SERVER), count=1)
    case.check("documentation addresses are refused", done.returncode != 0, done.stdout)
    drops = gateway.run(executable, "show", "drops", "--socket", SOCKET).stdout
    case.check("and counted", "non_global_ipv4" in drops, drops)
    process.stop()
    case.equal("nothing stays behind", gateway.snapshot(), before)
    case.check("the socket is gone", not os.path.exists(SOCKET))
    case.equal("and its directory, if it was made", files_beside(SOCKET), beside)
    _traffic(case, lab)


def files_beside(path):
    directory = os.path.dirname(path)
    return os.listdir(directory) if os.path.isdir(directory) else None


def _traffic(case, lab):
    path = lab.write("nat64.yaml", "wkp_strict: false\n")
    process = lab.start("gateway", "nat64-2", case.executable, "run", "-c", path)
    process.wait_ready(lambda: os.path.exists(SOCKET), "answer")
    server6 = embed(PREFIX, SERVER)
    case.check("ping", all_answered(settled_ping(lab.client, server6)))
    with UdpEcho(lab.server, SERVER, 7) as echo, udp_client(lab.client, server6, 7) as client:
        case.check("UDP", echo_once(client, b"hello", attempts=2))
        case.equal("whom the server saw", {source[0] for source in echo.seen}, {PUBLIC})
    process.stop()
