# SPDX-License-Identifier: Apache-2.0
"""A pool that contains an address of the machine is refused, clearly.

    gateway with 203.0.113.1 on its uplink

Pass: `nat64 run` exits with code 2, names the address and the way out (napt: kernel), and has
added nothing to the machine. The same for a static entry's and the gateway's own address.
"""

from lab import Nat64
from lab.topology import CLIENT

MINE = "203.0.113.1"


def run(case):
    lab = case.lab()
    before = lab.gateway.snapshot()
    cases = {
        "pool": {"pool": ["203.0.113.0/28"]},
        "single address": {"pool": ["192.0.2.0/28", {"address": MINE}]},
        "gateway": {"gateway": {"ipv4": MINE}},
        "static": {"static": [{"ipv6": CLIENT, "ipv4": MINE}]},
    }
    for name, config in cases.items():
        label = name.replace(" ", "-")
        daemon = Nat64(lab, config, f"nat64-{label}", case.executable, start=False)
        done = lab.gateway.run(daemon.executable, "run", "-c", daemon.config_path, timeout=10)
        said = done.stdout + done.stderr
        case.equal(f"{name}: exit code", done.returncode, 2)
        case.check(f"{name}: the address is named", MINE in said, said)
        if name != "gateway":
            case.check(f"{name}: the remedy is named", "napt: kernel" in said, said)
        case.equal(f"{name}: nothing was added", lab.gateway.snapshot(), before)
