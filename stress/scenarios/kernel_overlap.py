# SPDX-License-Identifier: Apache-2.0
"""napt: kernel: an inner pool that means something else on this machine.

    client ── gateway (nat64, kernel NAPT; addresses and routes that come and go) ── server

Pass: an inner pool that overlaps an address or a route is refused at start with exit code 2, key,
what it overlaps, interface and remedy; without one nat64 chooses a pool that overlaps nothing, on a
router that drops all private ranges as well; what
begins to overlap while it runs is said in the log at once, once, and its end too; routes elsewhere
say nothing, and the daemon goes on.
"""

from lab import Nat64, wait_until
from lab.topology import SERVER
from probes import all_answered, settled_ping

BEGINS, ENDS = "now overlaps", "overlaps nothing any more"


def run(case):
    lab = case.lab()
    lab.gateway.ip("route add 10.9.0.0/16 via 203.0.113.10")
    at_start(case, lab)
    chosen(case, lab)
    while_running(case, lab)


def at_start(case, lab):
    before = lab.gateway.snapshot()
    for pool, what, where in (
        ("203.0.113.0/24", "203.0.113.1/24", "on server"),
        ("203.0.113.0/30", "203.0.113.1/24", "on server"),
        ("10.9.7.0/24", "10.9.0.0/16", "to server"),
        ("10.0.0.0/12", "10.9.0.0/16", "to server"),
    ):
        config = {"napt": "kernel", "inner_pool": pool}
        name = "refused-" + pool.replace("/", "-")
        daemon = Nat64(lab, config, name, case.executable, start=False)
        done = lab.gateway.run(daemon.executable, "run", "-c", daemon.config_path, timeout=30)
        case.equal(f"{pool}: exit code", done.returncode, 2)
        for word in ("inner_pool", what, where, "nat64 chooses one"):
            case.check(f"{pool}: says '{word}'", word in done.stderr, done.stderr)
    case.equal("nothing was added", lab.gateway.snapshot(), before)


def chosen(case, lab):
    lab.gateway.ip("addr add 100.64.3.1/24 dev client")
    lab.gateway.ip("route add blackhole 100.65.0.0/17")
    bogons = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "198.18.0.0/15")
    for prefix in bogons:
        lab.gateway.ip(f"route add blackhole {prefix}")
    nat64 = case.nat64(lab, {"napt": "kernel"}, name="chosen")
    said = nat64.process.log()
    case.check("it chooses 100.66.0.0/16", "100.66.0.0/16" in said, said)
    done = settled_ping(lab.client, nat64.address6(SERVER))
    case.check("which works", all_answered(done), done.stdout)
    case.equal("stops", nat64.stop(), 0)
    case.stopped(nat64)
    for prefix in (*bogons, "100.65.0.0/17"):
        lab.gateway.ip(f"route del blackhole {prefix}")
    lab.gateway.ip("addr del 100.64.3.1/24 dev client")


def while_running(case, lab):
    nat64 = case.nat64(lab, {"napt": "kernel", "inner_pool": "100.64.0.0/16"})
    said = nat64.process.log
    count = 0
    for change in ("route {} 100.64.9.0/24 via 203.0.113.10", "addr {} 100.64.9.1/24 dev server"):
        count += 1
        lab.gateway.ip(change.format("add"))
        wait_until(lambda: said().count(BEGINS) == count, "the log to say so", 5)
        lab.gateway.ip("route add 10.10.0.0/16 via 203.0.113.10")
        lab.gateway.ip("route del 10.10.0.0/16")
        lab.gateway.ip(change.format("del"))
        wait_until(lambda: said().count(ENDS) == count, "the log to say that it ended", 5)
    case.equal("each is said once", (said().count(BEGINS), said().count(ENDS)), (count, count))
    done = settled_ping(lab.client, nat64.address6(SERVER))
    case.check("it goes on", all_answered(done), done.stdout)
