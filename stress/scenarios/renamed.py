# SPDX-License-Identifier: Apache-2.0
"""The interface is renamed under the running daemon.

    client ── gateway (nat64; `ip link set nat64 down name other up`) ── server

Pass: with either napt, the daemon, whose firewall rules are about the old name, does not go on as
if nothing had happened: it ends by itself within seconds, with exit code 1 and a message that has
both names; it leaves nothing behind, and the next start works.
"""

from lab import LabError
from lab.topology import SERVER
from probes import all_answered, settled_ping


def run(case):
    for napt in ("daemon", "kernel"):
        lab = case.lab()
        before = lab.gateway.snapshot()
        nat64 = case.nat64(lab, {"napt": napt})
        server6 = nat64.address6(SERVER)
        case.require(f"{napt}: works", all_answered(settled_ping(lab.client, server6)))
        lab.gateway.ip("link set nat64 down")
        lab.gateway.ip("link set nat64 name other")
        try:
            code = nat64.process.wait_exit(10)
        except LabError:
            code = None
        case.require(f"{napt}: the daemon ends by itself", code is not None)
        case.equal(f"{napt}: exit code", code, 1)
        said = nat64.process.log()
        case.check(f"{napt}: it says why", "nat64" in said and "renamed it to other" in said, said)
        case.equal(f"{napt}: nothing is left", lab.gateway.snapshot(), before)
        nat64.start()
        done = settled_ping(lab.client, server6)
        case.check(f"{napt}: the next start works", all_answered(done), done.stdout)
