# SPDX-License-Identifier: Apache-2.0
"""dnsperf: thousands of queries a second to an IPv4-only name server, over UDP and over TCP.

    client (dnsperf, 50 sockets) ── gateway (nat64) ── server (unbound, IPv4 only)

Pass: every query is answered NOERROR (one in a thousand may be lost over UDP, none over TCP);
each socket of dnsperf is one binding, whatever the number of queries.
"""

import re

from lab import NameServer
from lab.topology import SERVER

TAYGA = True
SOCKETS = 50


def run(case):
    lab = case.lab()
    translator = case.translator(lab)
    NameServer(lab)
    queries = lab.write(
        "queries", "".join(f"{name}.lab.example A\n" for name in ("www", "ns", "alias"))
    )
    seconds = 30 if case.long else 4
    for mode, rate in (("udp", 2000), ("tcp", 1000)):
        done = lab.client.run(
            *("dnsperf", "-m", mode, "-s", translator.address6(SERVER), "-d", queries),
            *("-l", seconds, "-c", SOCKETS, "-T", 1, "-Q", rate, "-t", 5),
            timeout=seconds + 20,
        )
        case.succeeds(mode, done)
        sent, completed = (number(done.stdout, what) for what in ("sent", "completed"))
        case.check(f"{mode}: queries", sent > 100 * seconds, done)
        lost = sent - completed
        case.check(f"{mode}: lost", lost <= (sent / 1000 if mode == "udp" else 0), done)
        case.check(f"{mode}: all NOERROR", f"NOERROR {completed} (100.00%)" in done.stdout, done)
        case.note(f"{mode}: {sent} queries in {seconds} s, {lost} lost")
    if not case.uses_tayga:
        bindings = translator.bindings("--protocol", "udp")
        case.equal("bindings are the sockets", len(bindings), SOCKETS)


def number(text, what):
    return int(re.search(rf"Queries {what}:\s+(\d+)", text)[1])
