# SPDX-License-Identifier: Apache-2.0
"""Two daemons are started at the same moment, with the same configuration, again and again.

    client ── gateway (nat64, nat64) ── server

Pass: in each round exactly one of them runs and works; the other one ends within seconds, with exit
code 1 (the socket or the interface is taken now, which may pass), and says so; the socket is that
of the one that runs; after its end nothing is left.
"""

from lab import wait_until
from lab.topology import SERVER
from probes import all_answered, settled_ping

ROUNDS = 6


def run(case):
    lab = case.lab()
    before = lab.gateway.snapshot()
    nat64 = case.nat64(lab, start=False)
    for number in range(ROUNDS):
        nat64.config["napt"] = ("daemon", "kernel")[number % 2]
        config = dict(nat64.config)
        if config["napt"] == "kernel":
            del config["pool"], config["gateway"]
        one_round(case, lab, nat64, nat64.write_config(config), f"round {number}")
        case.equal(f"round {number}: nothing is left", lab.gateway.snapshot(), before)


def one_round(case, lab, nat64, config_path, label):
    argv = (nat64.executable, "run", "-c", config_path)
    both = [lab.start("gateway", f"nat64-{name}", *argv) for name in ("first", "second")]
    wait_until(lambda: sum(one.alive for one in both) < 2, "one of the two to give up", 30)
    alive = [one for one in both if one.alive]
    case.require(f"{label}: one of them runs", len(alive) == 1, [one.log() for one in both])
    loser = next(one for one in both if not one.alive)
    case.equal(f"{label}: the other one's exit code", loser.exit_code, 1)
    case.check(f"{label}: it says why", "another nat64" in loser.log(), loser.log())
    wait_until(nat64.answers, "the one that runs to answer", 30)
    done = settled_ping(lab.client, nat64.address6(SERVER))
    case.check(f"{label}: works", all_answered(done), done.stdout)
    case.equal(f"{label}: stops", alive[0].stop(), 0)
