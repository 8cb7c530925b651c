# SPDX-License-Identifier: Apache-2.0
"""SIGKILL and restart: nothing of the dead daemon is in the way of the next.

    client ── gateway (nat64, killed three times) ── server

Pass: the TUN and its routes go with the process; the stale socket file is no obstacle; the new
daemon carries traffic at once; while one runs, a second one is refused that wants its socket,
its interface or its prefix, says so, and harms nothing.
"""

import signal

from lab import Nat64, wait_until
from lab.topology import POOL, SERVER
from probes import all_answered, conversation, ping, tcp_pair

# A daemon that has nothing in common with the lab's usual one.
ELSEWHERE = {
    "prefix": "2001:db8:64:2::/96",
    "pool": ["192.0.2.64/28"],
    "gateway": {"ipv4": "192.0.2.65"},
    "tun": {"name": "other"},
}


def run(case):
    lab = case.lab()
    before = lab.gateway.snapshot()
    nat64 = case.nat64(lab)
    server6 = nat64.address6(SERVER)
    for round_number in range(3):
        with tcp_pair(lab.client, lab.server, server6, SERVER, 5001) as (client, server, _):
            case.check(f"round {round_number}: TCP works", conversation(client, server))
            nat64.process.signal(signal.SIGKILL)
            nat64.process.wait_exit()
        wait_until(lambda: "nat64" not in lab.gateway.links(), "the TUN to go")
        case.equal(f"round {round_number}: nothing is left", lab.gateway.snapshot(), before)
        nat64.start()
        done = ping(lab.client, server6)
        case.check(f"round {round_number}: works again", all_answered(done), done.stdout)
    for name, config, said, exit_code in (
        ("socket", {**ELSEWHERE, "control": {"socket": nat64.socket}}, nat64.socket, 1),
        ("interface", {**ELSEWHERE, "tun": {"name": "nat64"}}, "interface named nat64", 1),
        ("prefix", {**ELSEWHERE, "prefix": nat64.prefix}, nat64.prefix, 2),
        ("pool", {**ELSEWHERE, "pool": [POOL]}, POOL, 2),
    ):
        second = Nat64(lab, config, f"second-{name}", case.executable, start=False)
        done = lab.gateway.run(second.executable, "run", "-c", second.config_path, timeout=30)
        case.equal(f"a second one with the same {name} is refused", done.returncode, exit_code)
        case.check(f"the {name} is named", said in done.stderr + done.stdout, done)
        case.check("the first one does not suffer", all_answered(ping(lab.client, server6)))
        case.succeeds("and still owns its socket", nat64.call("show", "status"))
