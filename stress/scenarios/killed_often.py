# SPDX-License-Identifier: Apache-2.0
"""SIGKILL at a random moment, a hundred times, with traffic running.

    client (UDP flood, pings) ── gateway (nat64, killed; napt: daemon and kernel by turns) ── server

Pass: after each death links, addresses, routes, rules and nftables are what they were before the
first start; each next start succeeds in spite of the dead one's socket file, also when the kill
came before the daemon was ready; at the end it works.
"""

import random
import signal
import time

from lab import LabError, wait_until
from lab.topology import SERVER
from probes import all_answered, settled_ping
from traffic import Flood

TIME_LIMIT = 120
DEATHS = 100
STATE = (
    "ip -o link show; ip -o addr show; ip -4 route show table all; ip -6 route show table all;"
    " ip -4 rule show; ip -6 rule show; nft list ruleset"
)


def run(case):
    lab = case.lab()
    daemons = [
        case.nat64(lab, {"napt": mode}, name=mode, start=False)
        for mode in ("daemon", "kernel")
    ]
    lab.server.drop_incoming("udp dport 9")
    before = state(lab)
    rng = random.Random(64)
    unready = 0
    server6 = daemons[0].address6(SERVER)
    deaths = DEATHS * (10 if case.long else 1)
    with Flood(lab, server6):
        for number in range(deaths):
            nat64 = daemons[number % 2]
            unready += life(lab, nat64, rng)
            try:
                wait_until(lambda: state(lab) == before, "the state before", 5)
            except LabError:
                case.require(f"death {number} leaves nothing", False, difference(lab, before))
    case.check(f"{deaths} deaths leave nothing behind", True)
    case.check("some came before it was ready", 0 < unready < deaths, unready)
    case.note(f"{deaths} deaths, {unready} of them before the daemon was ready")
    for nat64 in daemons:
        nat64.start()
        done = settled_ping(lab.client, server6)
        case.check(f"{nat64.name}: works at the end", all_answered(done), done.stdout)
        case.equal(f"{nat64.name}: ends well", nat64.stop(), 0)
        case.stopped(nat64)


def life(lab, nat64, rng):
    """Starts it and kills it. Returns 1 if it died before it was ready."""
    argv = (nat64.executable, "run", "-c", nat64.config_path)
    nat64.process = process = lab.start("gateway", nat64.name, *argv)
    if rng.random() < 0.5:
        process.wait_ready(nat64.answers, "answer")
        time.sleep(rng.random() * 0.2)
    else:
        time.sleep(rng.random() * 0.15)
    ready = "ready" in process.log().rsplit("nat64 0.", 1)[-1]
    if not process.alive:
        raise LabError(f"{nat64.name} ended by itself:\n{process.log_tail()}")
    process.signal(signal.SIGKILL)
    process.wait_exit()
    lab.processes.remove(process)
    return 0 if ready else 1


def state(lab):
    return lab.gateway.run("sh", "-c", STATE, check=True).stdout


def difference(lab, before):
    return sorted(set(state(lab).splitlines()) ^ set(before.splitlines()))
