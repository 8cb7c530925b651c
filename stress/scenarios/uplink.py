# SPDX-License-Identifier: Apache-2.0
"""The uplink flaps and changes its address, in both modes of NAPT.

    client ── gateway (nat64; `ip link set server down`, `up`; 203.0.113.1 becomes .2) ── server

Pass: with napt: daemon an established TCP connection survives ten flaps during a transfer that
arrives whole, and its binding is kept. With napt: kernel the kernel's masquerade forgets the flows
of an interface that goes down, so that they may end: but the first new one works, and the daemon
neither ends nor forgets a client. With napt: kernel a new address of the uplink needs
no action: the next connection comes from it, and `show sessions` names it; with napt: daemon the
pool does not change and neither does the established connection.
"""

import threading

from lab import wait_until
from lab.topology import SERVER
from probes import all_answered, bulk, conversation, settled_ping, tcp_pair

TIME_LIMIT = 90
FLAPS = 10
OLD, NEW = "203.0.113.1", "203.0.113.2"


def run(case):
    for mode in ("daemon", "kernel"):
        lab = case.lab()
        nat64 = case.nat64(lab, {"napt": mode})
        server6 = nat64.address6(SERVER)
        case.require(f"{mode}: works", all_answered(settled_ping(lab.client, server6)))
        flaps(case, lab, nat64, server6, mode)
        new_address(case, lab, nat64, server6, mode)


def flaps(case, lab, nat64, server6, mode):
    patience = 30 if mode == "daemon" else 3
    with tcp_pair(lab.client, lab.server, server6, SERVER, 5001, timeout=patience) as (c, s, _):
        result = []
        transfer = threading.Thread(target=lambda: result.append(bulk(c, s, 200 << 20)))
        transfer.start()
        for _ in range(FLAPS):
            down_and_up(lab)
        transfer.join()
        if mode == "daemon":
            case.equal(f"{mode}: 200 MB across {FLAPS} flaps", result, [True])
            case.check(f"{mode}: back again", bulk(s, c, 1 << 20))
        rows = nat64.bindings()
        case.check(f"{mode}: the binding is kept", rows, rows)
    with tcp_pair(lab.client, lab.server, server6, SERVER, 5004) as (c, s, _):
        case.check(f"{mode}: a new connection after the flaps", conversation(c, s))


def down_and_up(lab):
    lab.gateway.ip("link set server down")
    lab.gateway.ip("link set server up")
    wait_until(lab.gateway.links_up, "the carrier")


def new_address(case, lab, nat64, server6, mode):
    wanted = {"daemon": "192.0.2.", "kernel": OLD}[mode]
    with tcp_pair(lab.client, lab.server, server6, SERVER, 5002) as (c, s, peer):
        case.check(f"{mode}: before", peer[0].startswith(wanted), peer)
        lab.gateway.ip(f"addr del {OLD}/24 dev server")
        lab.gateway.ip(f"addr add {NEW}/24 dev server")
        lab.server.ip(f"route replace default via {NEW}")
        if mode == "daemon":
            case.check("daemon: the connection goes on", conversation(c, s))
    with tcp_pair(lab.client, lab.server, server6, SERVER, 5003) as (c, s, peer):
        case.check(f"{mode}: a new connection works", conversation(c, s))
        wanted = {"daemon": "192.0.2.", "kernel": NEW}[mode]
        case.check(f"{mode}: and comes from", peer[0].startswith(wanted), peer)
        rows = [row["mapped"] for row in nat64.sessions() if row["server"].endswith(":5003")]
        case.equal(f"{mode}: show sessions", rows, [f"{peer[0]}:{peer[1]}"])
