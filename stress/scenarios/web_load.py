# SPDX-License-Identifier: Apache-2.0
"""wrk against nginx: a hundred kept connections, then a new connection for each request.

    client (wrk) ── gateway (nat64) ── server (nginx on three addresses)

Pass: no socket error, no timeout and no answer but 200 in either run; the churn makes more
connections than there are requests in flight by far, and they all end: when it is over, sessions
are in transitory states or gone, and the pool's ports suffice although each was used for
milliseconds and is held back afterwards (RFC 6888 REQ-8).
"""

import re

from lab import WebServer
from lab.topology import SERVER
from probes import url

TAYGA = True
TIME_LIMIT = 60


def run(case):
    lab = case.lab()
    # One host is one client, and one with more connections than the defaults allow.
    limits = {"sessions_per_client": 1000000, "ports_per_client": 1000000}
    translator = case.translator(lab, {"limits": limits})
    WebServer(lab)
    target = url(translator.address6(SERVER), "whoami")
    seconds = 30 if case.long else 5
    for name, words in (
        ("kept connections", ()),
        ("a connection each", ("-H", "Connection: close")),
    ):
        done = lab.client.run(
            *("wrk", "-t", 2, "-c", 100, "-d", f"{seconds}s", "--timeout", "5s", *words),
            target,
            timeout=seconds + 20,
        )
        case.succeeds(name, done)
        case.check(f"{name}: no socket error", "Socket errors" not in done.stdout, done)
        case.check(f"{name}: only 200", "Non-2xx" not in done.stdout, done)
        rate = float(re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)[1])
        case.check(f"{name}: a rate worth the name", rate > 100, done)
        case.note(f"{name}: {rate:.0f} requests a second")
    if case.uses_tayga:
        return
    tcp = translator.show("sessions", "--protocol", "tcp", "--limit", "100000")["sessions"]
    open_still = [row for row in tcp if row["state"] == "established"]
    case.check("no connection is left open", not open_still, open_still[:3])
    drops = translator.drops()
    refused = {key: n for key, n in drops.items() if "limit" in key or "exhausted" in key}
    case.check("nobody was refused", not refused, refused)
