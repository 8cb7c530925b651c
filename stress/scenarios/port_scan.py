# SPDX-License-Identifier: Apache-2.0
"""A port scan through the NAT64 sees what a scan of the server itself would see.

    client (nmap) ── gateway (nat64) ── server (nginx on 80, unbound on 53, else closed)

Pass: connect scan, SYN scan and UDP scan name the open ports open and closed ones closed (so
RST and port unreachable come back), the host is found by ping, and the daemon takes no harm.
"""

import re

from lab import NameServer, WebServer
from lab.topology import SERVER

TAYGA = True
TIME_LIMIT = 90


def run(case):
    lab = case.lab()
    translator = case.translator(lab)
    WebServer(lab)
    NameServer(lab)
    server6 = translator.address6(SERVER)
    # Ports for the UDP scan are few: an IPv4 kernel limits its port-unreachables.
    for name, words, ports, wanted in (
        ("connect", ["-sT"], "50-90", {53, 80}),
        ("SYN", ["-sS"], "50-90", {53, 80}),
        ("UDP", ["-sU"], "53,54,55", {53}),
    ):
        done = lab.client.run(
            *("nmap", "-6", "-n", "-Pn", "-T4", "--open", "--reason", "-p", ports),
            *words,
            server6,
            timeout=60,
        )
        found = {int(port) for port in re.findall(r"^(\d+)/\w+ +open ", done.stdout, re.M)}
        case.equal(f"{name} scan: open ports", found, wanted)
        case.check(f"{name} scan: closed, not filtered", " filtered" not in done.stdout, done)
    done = lab.client.run("nmap", "-6", "-n", "-sn", "-PE", "--disable-arp-ping", server6)
    case.check("host discovery by ping", "1 host up" in done.stdout, done.stdout)
