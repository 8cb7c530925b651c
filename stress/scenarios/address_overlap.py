# SPDX-License-Identifier: Apache-2.0
"""A pool that contains an address of the machine is refused, clearly.

    gateway with 203.0.113.1 on its uplink, and a local route for the pool that comes and goes

Pass: `nat64 run` exits with code 2, names key, address, interface and the way out, and has
added nothing to the machine. The same for the gateway's own address and a static entry's, and for a
pool that a local route makes the machine's own; one that comes later is an error in the log.
"""

from lab import Nat64, wait_until
from lab.topology import CLIENT, POOL

MINE = "203.0.113.1"


def run(case):
    lab = case.lab()
    before = lab.gateway.snapshot()
    static = {"pool": ["203.0.113.0/28"], "static": [{"ipv6": CLIENT, "ipv4": MINE}]}
    for name, key, remedy, config in (
        ("pool", "pool[0]", "napt: kernel", {"pool": ["203.0.113.0/28"]}),
        ("one address", "pool[1]", "napt: kernel", {"pool": [POOL, {"address": MINE}]}),
        ("static", "pool[0]", "napt: kernel", static),
        ("gateway", "gateway.ipv4", "no interface has", {"gateway": {"ipv4": MINE}}),
    ):
        label = name.replace(" ", "-")
        daemon = Nat64(lab, config, f"nat64-{label}", case.executable, start=False)
        done = lab.gateway.run(daemon.executable, "run", "-c", daemon.config_path, timeout=30)
        said = done.stdout + done.stderr
        case.equal(f"{name}: exit code", done.returncode, 2)
        for what in (daemon.config_path, key, MINE, "on server", remedy):
            case.check(f"{name}: says '{what}'", what in said, said)
        case.equal(f"{name}: nothing was added", lab.gateway.snapshot(), before)
    local_route(case, lab)


def local_route(case, lab):
    lab.gateway.ip(f"route add local {POOL} dev lo")
    before = lab.gateway.snapshot()
    daemon = Nat64(lab, {}, "local", case.executable, start=False)
    done = lab.gateway.run(daemon.executable, "run", "-c", daemon.config_path, timeout=30)
    case.equal("local route: exit code", done.returncode, 2)
    for what in ("pool[0]", POOL, "local route", "ip route del local"):
        case.check(f"local route: says '{what}'", what in done.stderr, done.stderr)
    case.equal("local route: nothing was added", lab.gateway.snapshot(), before)
    lab.gateway.ip(f"route del local {POOL}")
    nat64 = case.nat64(lab, {}, name="later")
    lab.gateway.ip(f"route add local {POOL} dev lo")
    wait_until(lambda: "this machine's own" in nat64.process.log(), "the log to say so", 5)
    case.check("a later one is an error in the log", "this machine's own" in nat64.process.log())
    lab.gateway.ip(f"route del local {POOL}")
