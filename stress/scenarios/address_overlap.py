# SPDX-License-Identifier: Apache-2.0
"""A pool that contains an address of the machine is refused, clearly.

    gateway with 203.0.113.1 on its uplink

Pass: `nat64 run` exits with code 2, names key, address, interface and the way out, and has
added nothing to the machine. The same for the gateway's own address and a static entry's.
"""

from lab import Nat64
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
